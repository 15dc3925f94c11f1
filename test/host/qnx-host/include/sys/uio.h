/* Parts of buffers: read and written on connections too. */
#ifndef QNX_HOST_SYS_UIO_H
#define QNX_HOST_SYS_UIO_H
#pragma GCC system_header /* include_next is an extension */

#include <qnx/on_linux.h>
#include_next <sys/uio.h>

QNX_HOST_IO(ssize_t, readv, "qnx_readv", (int fd, const struct iovec *parts, int count), (fd, parts, count));
QNX_HOST_IO(ssize_t, writev, "qnx_writev", (int fd, const struct iovec *parts, int count), (fd, parts, count));

#endif
