/* Counting semaphores: 8 bytes each in QNX 8. [L] */
#ifndef QNX_SEMAPHORE_H
#define QNX_SEMAPHORE_H

#include <qnx/decl.h>
#include <sys/types.h>
#include <time.h>

typedef sync_t sem_t;

QNX_BEGIN_DECLS
int sem_init(sem_t *sem, int pshared, unsigned value) QNX_LIBC_NAME(sem_init);
int sem_destroy(sem_t *sem) QNX_LIBC_NAME(sem_destroy);
int sem_post(sem_t *sem) QNX_LIBC_NAME(sem_post);
int sem_wait(sem_t *sem) QNX_LIBC_NAME(sem_wait);
int sem_trywait(sem_t *sem) QNX_LIBC_NAME(sem_trywait);
int sem_timedwait(sem_t *sem, const struct timespec *until) QNX_LIBC_NAME(sem_timedwait);
QNX_END_DECLS

#endif
