/* strerror for QNX's numbers. strerror_r and printf's %m stay Linux's: not for QNX's numbers. */
#ifndef QNX_HOST_STRING_H
#define QNX_HOST_STRING_H
#pragma GCC system_header /* include_next is an extension */

#include <qnx/on_linux.h>
#include_next <string.h>

QNX_HOST_REDIRECT(strerror, "qnx_strerror");

#endif
