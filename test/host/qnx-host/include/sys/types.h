/* Linux's basic types, and QNX's names of the fixed-width ones. uid_t and gid_t are unsigned here. */
#ifndef QNX_HOST_SYS_TYPES_H
#define QNX_HOST_SYS_TYPES_H
#pragma GCC system_header /* include_next is an extension */

#include_next <sys/types.h>

#include <sys/platform.h>

#endif
