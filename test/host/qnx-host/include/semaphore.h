/* QNX's 8-byte semaphores, which events can post. Named ones (sem_open) are absent. */
#ifndef QNX_HOST_SEMAPHORE_H
#define QNX_HOST_SEMAPHORE_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* As in qnx-sys's sys/types.h, in whose place Linux's stands. */
typedef struct _sync {
    uint32_t __u;
    uint32_t __owner;
} sync_t;

#include <qnx/on_linux.h>

/* The two that block are declared under other names first: below they become cancellation points. */
#define sem_wait qnx_host_plain_sem_wait
#define sem_timedwait qnx_host_plain_sem_timedwait
#include "../../../../ffi/qnx-sys/include/libc/semaphore.h"
#undef sem_wait
#undef sem_timedwait

QNX_BEGIN_DECLS
int sem_wait(sem_t *sem);
int sem_timedwait(sem_t *sem, const struct timespec *until);
int sem_timedwait_monotonic(sem_t *sem, const struct timespec *until); /* until a time of CLOCK_MONOTONIC */
int sem_getvalue(sem_t *sem, int *value) __asm__("qnx_sem_getvalue");
QNX_END_DECLS
QNX_HOST_CANCELLATION_POINT(int, sem_wait, "qnx_sem_wait", (sem_t * sem), (sem));
QNX_HOST_CANCELLATION_POINT(int, sem_timedwait, "qnx_sem_timedwait", (sem_t * sem, const struct timespec *until),
                            (sem, until));
QNX_HOST_CANCELLATION_POINT(int, sem_timedwait_monotonic, "qnx_sem_timedwait_monotonic",
                            (sem_t * sem, const struct timespec *until), (sem, until));

#endif
