/* Clocks. [L] */
#ifndef QNX_TIME_H
#define QNX_TIME_H

#include <qnx/decl.h>
#include <sys/types.h>

struct timespec {
    time_t tv_sec;
    int64_t tv_nsec;
};

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 2 /* 1 on Linux */
#define CLOCK_PROCESS_CPUTIME_ID 3
#define CLOCK_THREAD_CPUTIME_ID 4
#define TIMER_ABSTIME 0x80000000 /* 1 on Linux */

QNX_BEGIN_DECLS
int clock_gettime(clockid_t id, struct timespec *now) QNX_LIBC_NAME(clock_gettime);
int nanosleep(const struct timespec *want, struct timespec *left) QNX_LIBC_NAME(nanosleep);
QNX_END_DECLS

#endif
