/* Basic types of QNX 8 on 64-bit machines. [L] unless a line says otherwise. */
#ifndef QNX_SYS_TYPES_H
#define QNX_SYS_TYPES_H

#include <stddef.h>
#include <stdint.h>

typedef int64_t ssize_t;
typedef int32_t pid_t;
typedef int32_t uid_t; /* signed, unlike on Linux */
typedef int32_t gid_t; /* signed, unlike on Linux */
typedef uint32_t mode_t;
typedef uint64_t ino_t;
typedef uint32_t dev_t;
typedef uint32_t nlink_t;
typedef uint32_t blksize_t;
typedef uint64_t blkcnt_t;
typedef int64_t off_t;
typedef int64_t time_t;
typedef int32_t suseconds_t;
typedef int32_t clockid_t;
typedef int32_t timer_t;
typedef int32_t pthread_t; /* a thread id */

/* What every lock object is made of: 8 bytes in QNX 8. The first word belongs to the kernel. */
typedef struct _sync {
    uint32_t __u;
    uint32_t __owner;
} sync_t;

#endif
