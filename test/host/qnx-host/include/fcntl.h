/* Opening files, with QNX's numbers of flags and commands. */
#ifndef QNX_HOST_FCNTL_H
#define QNX_HOST_FCNTL_H
#pragma GCC system_header /* include_next is an extension */

#include <qnx/on_linux.h>

/* With either of these libc renames `open` itself; off_t has 64 bits here anyway. */
#pragma push_macro("__USE_FILE_OFFSET64")
#pragma push_macro("__USE_FORTIFY_LEVEL")
#undef __USE_FILE_OFFSET64
#undef __USE_FORTIFY_LEVEL
#include_next <fcntl.h>
#pragma pop_macro("__USE_FORTIFY_LEVEL")
#pragma pop_macro("__USE_FILE_OFFSET64")

/* Linux's numbers, kept for openat, pipe2 and dup3. 0 = this libc hides the flag. */
enum {
    qnx_host_linux_O_APPEND = O_APPEND,
    qnx_host_linux_O_NONBLOCK = O_NONBLOCK,
    qnx_host_linux_O_CREAT = O_CREAT,
    qnx_host_linux_O_TRUNC = O_TRUNC,
    qnx_host_linux_O_EXCL = O_EXCL,
    qnx_host_linux_O_NOCTTY = O_NOCTTY,
    qnx_host_linux_O_SYNC = O_SYNC,
#ifdef O_DSYNC
    qnx_host_linux_O_DSYNC = O_DSYNC,
#else
    qnx_host_linux_O_DSYNC = 0,
#endif
#ifdef O_CLOEXEC
    qnx_host_linux_O_CLOEXEC = O_CLOEXEC,
    qnx_host_linux_O_NOFOLLOW = O_NOFOLLOW,
    qnx_host_linux_O_DIRECTORY = O_DIRECTORY
#else
    qnx_host_linux_O_CLOEXEC = 0,
    qnx_host_linux_O_NOFOLLOW = 0,
    qnx_host_linux_O_DIRECTORY = 0
#endif
};

#undef O_RDONLY
#undef O_WRONLY
#undef O_RDWR
#undef O_ACCMODE
#undef O_APPEND
#undef O_DSYNC
#undef O_SYNC
#undef O_RSYNC
#undef O_NONBLOCK
#undef O_CREAT
#undef O_TRUNC
#undef O_EXCL
#undef O_NOCTTY
#undef O_NOFOLLOW
#undef O_CLOEXEC
#undef O_LARGEFILE
#undef O_ASYNC
#undef O_DIRECTORY
#undef F_DUPFD
#undef F_GETFD
#undef F_SETFD
#undef F_GETFL
#undef F_SETFL
#undef F_DUPFD_CLOEXEC
/* Flags and commands that only Linux has, or that the stand-in's fcntl does not serve: better absent than wrong. */
#undef O_DIRECT
#undef O_FSYNC
#undef O_NDELAY
#undef O_NOATIME
#undef O_PATH
#undef O_TMPFILE
#undef FAPPEND
#undef FASYNC
#undef FFSYNC
#undef FNDELAY
#undef FNONBLOCK
#undef F_ADD_SEALS
#undef F_GETLEASE
#undef F_GETLK
#undef F_GETLK64
#undef F_GETOWN
#undef F_GETOWN_EX
#undef F_GETPIPE_SZ
#undef F_GETSIG
#undef F_GET_FILE_RW_HINT
#undef F_GET_RW_HINT
#undef F_GET_SEALS
#undef F_NOTIFY
#undef F_OFD_GETLK
#undef F_OFD_SETLK
#undef F_OFD_SETLKW
#undef F_SETLEASE
#undef F_SETLK
#undef F_SETLK64
#undef F_SETLKW
#undef F_SETLKW64
#undef F_SETOWN
#undef F_SETOWN_EX
#undef F_SETPIPE_SZ
#undef F_SETSIG
#undef F_SET_FILE_RW_HINT
#undef F_SET_RW_HINT

#pragma push_macro("FD_CLOEXEC")
#undef FD_CLOEXEC
#include "../../../../ffi/qnx-sys/include/libc/fcntl.h"
#pragma pop_macro("FD_CLOEXEC")

/* Linux's number for QNX's open flags. */
QNX_HOST_WEAK int qnx_host_linux_oflag(int oflag) {
    return (oflag & (O_RDONLY | O_WRONLY | O_RDWR)) | (oflag & O_APPEND ? qnx_host_linux_O_APPEND : 0) |
           (oflag & O_NONBLOCK ? qnx_host_linux_O_NONBLOCK : 0) | (oflag & O_CREAT ? qnx_host_linux_O_CREAT : 0) |
           (oflag & O_TRUNC ? qnx_host_linux_O_TRUNC : 0) | (oflag & O_EXCL ? qnx_host_linux_O_EXCL : 0) |
           (oflag & O_NOCTTY ? qnx_host_linux_O_NOCTTY : 0) | (oflag & O_SYNC ? qnx_host_linux_O_SYNC : 0) |
           (oflag & O_DSYNC ? qnx_host_linux_O_DSYNC : 0) | (oflag & O_CLOEXEC ? qnx_host_linux_O_CLOEXEC : 0) |
           (oflag & O_NOFOLLOW ? qnx_host_linux_O_NOFOLLOW : 0) |
           (oflag & O_DIRECTORY ? qnx_host_linux_O_DIRECTORY : 0);
}

#ifdef AT_FDCWD
QNX_HOST_KEEP(qnx_host_linux_openat, openat);
QNX_HOST_WEAK int qnx_host_openat(int dir, const char *path, int oflag, ...) {
    __builtin_va_list more;
    mode_t mode = 0;
    if (oflag & O_CREAT) {
        __builtin_va_start(more, oflag);
        mode = __builtin_va_arg(more, mode_t);
        __builtin_va_end(more);
    }
    return qnx_host_linux_openat(dir, path, qnx_host_linux_oflag(oflag), mode);
}
QNX_HOST_REDIRECT(openat, "qnx_host_openat");
#endif
#ifdef __USE_LARGEFILE64
QNX_HOST_REDIRECT(open64, "qnx_open");
#endif

#endif
