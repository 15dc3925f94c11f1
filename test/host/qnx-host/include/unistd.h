/* Descriptors: they may be connections, so the stand-in sees them first. */
#ifndef QNX_HOST_UNISTD_H
#define QNX_HOST_UNISTD_H
#pragma GCC system_header /* include_next is an extension */

#include <qnx/on_linux.h>

/* With either of these libc renames functions itself; off_t has 64 bits here anyway. */
#pragma push_macro("__USE_FILE_OFFSET64")
#pragma push_macro("__USE_FORTIFY_LEVEL")
#undef __USE_FILE_OFFSET64
#undef __USE_FORTIFY_LEVEL
#include_next <unistd.h>
#pragma pop_macro("__USE_FORTIFY_LEVEL")
#pragma pop_macro("__USE_FILE_OFFSET64")

QNX_HOST_REDIRECT(close, "qnx_close");
QNX_HOST_IO(ssize_t, read, "qnx_read", (int fd, void *buf, size_t len), (fd, buf, len));
QNX_HOST_IO(ssize_t, write, "qnx_write", (int fd, const void *buf, size_t len), (fd, buf, len));
QNX_HOST_REDIRECT(lseek, "qnx_lseek");
QNX_HOST_REDIRECT(dup, "qnx_dup");
QNX_HOST_REDIRECT(dup2, "qnx_dup2");
#if defined __USE_UNIX98 || defined __USE_XOPEN2K8
QNX_HOST_IO(ssize_t, pread, "qnx_pread", (int fd, void *buf, size_t len, off_t at), (fd, buf, len, at));
QNX_HOST_IO(ssize_t, pwrite, "qnx_pwrite", (int fd, const void *buf, size_t len, off_t at), (fd, buf, len, at));
#endif
#if defined __USE_XOPEN_EXTENDED || defined __USE_XOPEN2K8
QNX_HOST_REDIRECT(fchown, "qnx_fchown");
#endif
#if defined __USE_XOPEN || defined __USE_XOPEN2K
QNX_HOST_REDIRECT(fsync, "qnx_fsync");
#endif
#if defined __USE_POSIX199309 || defined __USE_XOPEN_EXTENDED || defined __USE_XOPEN2K8
QNX_HOST_REDIRECT(ftruncate, "qnx_ftruncate");
#endif
#ifdef __USE_GNU
#include <fcntl.h>
/* QNX's small thread id: the one in struct _msg_info. */
QNX_HOST_REDIRECT(gettid, "qnx_gettid");
QNX_HOST_KEEP(qnx_host_linux_pipe2, pipe2);
QNX_HOST_WEAK int qnx_host_pipe2(int ends[2], int oflag) { return qnx_host_linux_pipe2(ends, qnx_host_linux_oflag(oflag)); }
QNX_HOST_REDIRECT(pipe2, "qnx_host_pipe2");
QNX_HOST_KEEP(qnx_host_linux_dup3, dup3);
QNX_HOST_WEAK int qnx_host_dup3(int from, int to, int oflag) {
    return qnx_host_linux_dup3(from, to, qnx_host_linux_oflag(oflag));
}
QNX_HOST_REDIRECT(dup3, "qnx_host_dup3");
#endif

#endif
