/* File attributes as they travel: 120 bytes [L]. QNX's struct stat, beside Linux's of the same members. */
#ifndef QNX_HOST_STAT_H
#define QNX_HOST_STAT_H

#include <stdint.h>
#include <time.h>

struct qnx_stat {
    uint64_t st_ino;
    int64_t st_size;
    uint32_t st_dev;
    uint32_t st_rdev;
    int32_t st_uid;
    int32_t st_gid;
    uint32_t __old_times[3];
    uint32_t st_mode;
    uint32_t st_nlink;
    uint32_t st_blocksize;
    int32_t st_nblocks;
    uint32_t st_blksize;
    uint64_t st_blocks;
    struct {
        int64_t tv_sec;
        int64_t tv_nsec;
    } st_mtim, st_atim, st_ctim;
};

#endif
