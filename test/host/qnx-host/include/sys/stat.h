/* Status of files, which may be a resource manager's: the stand-in sees the calls first. struct stat is Linux's. */
#ifndef QNX_HOST_SYS_STAT_H
#define QNX_HOST_SYS_STAT_H
#pragma GCC system_header /* include_next is an extension */

#include <qnx/on_linux.h>

/* With this libc renames functions itself; off_t has 64 bits here anyway. */
#pragma push_macro("__USE_FILE_OFFSET64")
#undef __USE_FILE_OFFSET64
#include_next <sys/stat.h>
#pragma pop_macro("__USE_FILE_OFFSET64")

#include <qnx/stat.h>

/* A device of QNX's. [D71], number [P] */
#ifndef S_IFNAM
#define S_IFNAM 0x5000
#endif
#ifndef S_ISNAM
#define S_ISNAM(mode) (((mode) & 0170000) == S_IFNAM)
#endif

QNX_BEGIN_DECLS
/* 0 and the status, -1 and errno, or 1: not a resource manager's, ask Linux. */
int qnx_host_connection_stat(int fd, struct qnx_stat *info);
int qnx_host_attached_stat(const char *path, struct qnx_stat *info);
QNX_END_DECLS

/* Linux's structure from QNX's. */
QNX_HOST_WEAK void qnx_host_stat_to_linux(const struct qnx_stat *from, struct stat *to) {
    __builtin_memset(to, 0, sizeof *to);
    to->st_ino = from->st_ino;
    to->st_size = from->st_size;
    to->st_dev = from->st_dev;
    to->st_rdev = from->st_rdev;
    to->st_uid = (__typeof__(to->st_uid))from->st_uid;
    to->st_gid = (__typeof__(to->st_gid))from->st_gid;
    to->st_mode = from->st_mode;
    to->st_nlink = from->st_nlink;
    to->st_blksize = from->st_blksize;
    to->st_blocks = (__typeof__(to->st_blocks))from->st_blocks;
    /* The three times follow; strict C names the members otherwise. */
    const int64_t times[6] = {from->st_atim.tv_sec,  from->st_atim.tv_nsec, from->st_mtim.tv_sec,
                              from->st_mtim.tv_nsec, from->st_ctim.tv_sec,  from->st_ctim.tv_nsec};
    char *place = (char *)to + __builtin_offsetof(struct stat, st_blocks) + sizeof to->st_blocks;
    __builtin_memcpy(place, times, sizeof times);
}

QNX_HOST_KEEP(qnx_host_linux_fstat, fstat);
QNX_HOST_WEAK int qnx_host_fstat(int fd, struct stat *info) {
    struct qnx_stat image;
    int result = qnx_host_connection_stat(fd, &image);
    if (result == 0) {
        qnx_host_stat_to_linux(&image, info);
    }
    return result == 1 ? qnx_host_linux_fstat(fd, info) : result;
}
QNX_HOST_REDIRECT(fstat, "qnx_host_fstat");

QNX_HOST_KEEP(qnx_host_linux_stat, stat);
QNX_HOST_WEAK int qnx_host_stat(const char *path, struct stat *info) {
    struct qnx_stat image;
    int result = qnx_host_attached_stat(path, &image);
    if (result == 0) {
        qnx_host_stat_to_linux(&image, info);
    }
    return result == 1 ? qnx_host_linux_stat(path, info) : result;
}
QNX_HOST_REDIRECT(stat, "qnx_host_stat");

#if defined __USE_POSIX || defined __USE_XOPEN2K8
QNX_HOST_REDIRECT(fchmod, "qnx_fchmod");
#endif

#endif
