/* Mutexes that processes share, and what becomes of them when their owner dies. */
#ifndef QNX_PTHREAD_H
#define QNX_PTHREAD_H

#include <qnx/decl.h>
#include <sys/types.h>
#include <time.h>

/* 8 bytes in QNX 8. [L] */
typedef sync_t pthread_mutex_t;

/* Attributes of a lock object: 32 bytes. [L] */
struct _sync_attr {
    int __protocol;
    int __flags;
    int __prioceiling;
    int __clockid;
    int __count;
    int __reserved[3];
};
typedef struct _sync_attr pthread_mutexattr_t;

#define PTHREAD_MUTEX_DEFAULT 0    /* [L] */
#define PTHREAD_MUTEX_ERRORCHECK 1 /* [L] */
#define PTHREAD_MUTEX_RECURSIVE 2  /* [L] */
#define PTHREAD_MUTEX_NORMAL 3     /* [L] */
#define PTHREAD_PROCESS_PRIVATE 0  /* [L] */
#define PTHREAD_PROCESS_SHARED 1   /* [L] */
#define PTHREAD_MUTEX_STALLED 0    /* [L] */
#define PTHREAD_MUTEX_ROBUST 0x10  /* [L] */
#define PTHREAD_PRIO_INHERIT 0     /* [U] */
#define PTHREAD_PRIO_NONE 1        /* [U] */
#define PTHREAD_PRIO_PROTECT 2     /* [U] */

/* [L]: the first word is libc's mark of a mutex that was never locked, the second says that nobody owns it. */
#define PTHREAD_MUTEX_INITIALIZER {0x80000000u, 0}

QNX_BEGIN_DECLS
/* All of these return EOK or an error number and leave errno alone. */
int pthread_mutexattr_init(pthread_mutexattr_t *attr) QNX_LIBC_NAME(pthread_mutexattr_init);
int pthread_mutexattr_destroy(pthread_mutexattr_t *attr) QNX_LIBC_NAME(pthread_mutexattr_destroy);
int pthread_mutexattr_settype(pthread_mutexattr_t *attr, int type) QNX_LIBC_NAME(pthread_mutexattr_settype);
int pthread_mutexattr_setpshared(pthread_mutexattr_t *attr, int shared) QNX_LIBC_NAME(pthread_mutexattr_setpshared);
int pthread_mutexattr_setrobust(pthread_mutexattr_t *attr, int robust) QNX_LIBC_NAME(pthread_mutexattr_setrobust);
int pthread_mutexattr_setprotocol(pthread_mutexattr_t *attr, int protocol) QNX_LIBC_NAME(pthread_mutexattr_setprotocol);
int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr) QNX_LIBC_NAME(pthread_mutex_init);
int pthread_mutex_destroy(pthread_mutex_t *mutex) QNX_LIBC_NAME(pthread_mutex_destroy);
/* EOWNERDEAD: the lock IS held and what it guards may be half done. Mend it, then pthread_mutex_consistent, then unlock. [M] */
int pthread_mutex_lock(pthread_mutex_t *mutex) QNX_LIBC_NAME(pthread_mutex_lock);
int pthread_mutex_trylock(pthread_mutex_t *mutex) QNX_LIBC_NAME(pthread_mutex_trylock);
int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *until) QNX_LIBC_NAME(pthread_mutex_timedlock);
int pthread_mutex_unlock(pthread_mutex_t *mutex) QNX_LIBC_NAME(pthread_mutex_unlock);
int pthread_mutex_consistent(pthread_mutex_t *mutex) QNX_LIBC_NAME(pthread_mutex_consistent);
QNX_END_DECLS

#endif
