/* Scheduling parameters and policies. [L] */
#ifndef QNX_SCHED_H
#define QNX_SCHED_H

#include <qnx/decl.h>
#include <sys/types.h>

/* 48 bytes, aligned to 8. The rest belongs to the sporadic policy and is not read by us. */
struct sched_param {
    int sched_priority;
    int sched_curpriority;
    uint64_t reserved[5];
};

#define SCHED_NOCHANGE 0 /* [U] */
#define SCHED_FIFO 1
#define SCHED_RR 2
#define SCHED_OTHER 3
#define SCHED_SPORADIC 4
#define SCHED_ADJTOHEAD 5
#define SCHED_ADJTOTAIL 6
#define SCHED_SETPRIO 7
#define SCHED_MAXPOLICY 9

QNX_BEGIN_DECLS
int sched_yield(void) QNX_LIBC_NAME(sched_yield);
QNX_END_DECLS

#endif
