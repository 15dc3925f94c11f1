/* File attributes: 120 bytes. [L] */
#ifndef QNX_SYS_STAT_H
#define QNX_SYS_STAT_H

#include <qnx/decl.h>
#include <sys/types.h>
#include <time.h>

struct stat {
    ino_t st_ino;
    off_t st_size;
    dev_t st_dev;
    dev_t st_rdev;
    uid_t st_uid;
    gid_t st_gid;
    uint32_t __old_st_mtime;
    uint32_t __old_st_atime;
    uint32_t __old_st_ctime;
    mode_t st_mode;
    nlink_t st_nlink;
    blksize_t st_blocksize;
    int32_t st_nblocks;
    blksize_t st_blksize;
    blkcnt_t st_blocks;
    struct timespec st_mtim;
    struct timespec st_atim;
    struct timespec st_ctim;
};

QNX_BEGIN_DECLS
int fstat(int fd, struct stat *info) QNX_LIBC_NAME(fstat);
int stat(const char *path, struct stat *info) QNX_LIBC_NAME(stat);
QNX_END_DECLS

#endif
