/*
 * Threads and their locks are Linux's, types too; error numbers that they return are QNX's. All of them work in shared memory,
 * robust mutexes included. They are not QNX's 8-byte objects: a process built with qnx-sys's pthread.h, and Rust through `qnx`, cannot share them.
 */
#ifndef QNX_HOST_PTHREAD_H
#define QNX_HOST_PTHREAD_H
#pragma GCC system_header /* include_next is an extension */

#include <qnx/on_linux.h>
#include_next <pthread.h>

#include <errno.h>

/* Makes `name` return QNX's number: parameters, then arguments. */
#define QNX_HOST_PTHREAD(name, parameters, arguments)                                                                  \
    QNX_HOST_KEEP(qnx_host_linux_##name, name);                                                                        \
    QNX_HOST_WEAK int qnx_host_##name parameters { return qnx_host_errno_from_linux(qnx_host_linux_##name arguments); } \
    QNX_HOST_REDIRECT(name, "qnx_host_" #name)

QNX_HOST_PTHREAD(pthread_join, (pthread_t thread, void **result), (thread, result));
QNX_HOST_PTHREAD(pthread_mutex_init, (pthread_mutex_t * mutex, const pthread_mutexattr_t *attr), (mutex, attr));
QNX_HOST_PTHREAD(pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex));
QNX_HOST_PTHREAD(pthread_mutex_trylock, (pthread_mutex_t * mutex), (mutex));
QNX_HOST_PTHREAD(pthread_mutex_unlock, (pthread_mutex_t * mutex), (mutex));
QNX_HOST_PTHREAD(pthread_cond_wait, (pthread_cond_t * cond, pthread_mutex_t *mutex), (cond, mutex));
QNX_HOST_PTHREAD(pthread_cond_timedwait, (pthread_cond_t * cond, pthread_mutex_t *mutex, const struct timespec *until),
                 (cond, mutex, until));
#ifdef __USE_XOPEN2K
QNX_HOST_PTHREAD(pthread_mutex_timedlock, (pthread_mutex_t * mutex, const struct timespec *until), (mutex, until));
#endif
#ifdef __USE_XOPEN2K8
QNX_HOST_PTHREAD(pthread_mutex_consistent, (pthread_mutex_t * mutex), (mutex));
#endif
#if defined __USE_UNIX98 || defined __USE_XOPEN2K8
QNX_HOST_PTHREAD(pthread_mutexattr_setprotocol, (pthread_mutexattr_t * attr, int protocol), (attr, protocol));
#endif
#if defined __USE_UNIX98 || defined __USE_XOPEN2K
QNX_HOST_PTHREAD(pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock));
QNX_HOST_PTHREAD(pthread_rwlock_tryrdlock, (pthread_rwlock_t * lock), (lock));
QNX_HOST_PTHREAD(pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock));
QNX_HOST_PTHREAD(pthread_rwlock_trywrlock, (pthread_rwlock_t * lock), (lock));
#ifdef __USE_XOPEN2K
QNX_HOST_PTHREAD(pthread_rwlock_timedrdlock, (pthread_rwlock_t * lock, const struct timespec *until), (lock, until));
QNX_HOST_PTHREAD(pthread_rwlock_timedwrlock, (pthread_rwlock_t * lock, const struct timespec *until), (lock, until));
#endif
#endif
/* Acts where QNX does: also on a thread that is blocked in MsgSend, MsgReceive or sem_wait. */
QNX_HOST_KEEP(qnx_host_linux_pthread_cancel, pthread_cancel);
QNX_HOST_WEAK int qnx_host_pthread_cancel(pthread_t thread) {
    int number = qnx_host_linux_pthread_cancel(thread);
    if (number == 0) {
        qnx_host_wake_cancelled(thread);
    }
    return qnx_host_errno_from_linux(number);
}
QNX_HOST_REDIRECT(pthread_cancel, "qnx_host_pthread_cancel");

/* C++'s library waits with these, in headers that compare with ETIMEDOUT. */
#ifdef __USE_GNU
QNX_HOST_PTHREAD(pthread_mutex_clocklock, (pthread_mutex_t * mutex, clockid_t clock, const struct timespec *until),
                 (mutex, clock, until));
QNX_HOST_PTHREAD(pthread_cond_clockwait,
                 (pthread_cond_t * cond, pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until),
                 (cond, mutex, clock, until));
QNX_HOST_PTHREAD(pthread_rwlock_clockrdlock, (pthread_rwlock_t * lock, clockid_t clock, const struct timespec *until),
                 (lock, clock, until));
QNX_HOST_PTHREAD(pthread_rwlock_clockwrlock, (pthread_rwlock_t * lock, clockid_t clock, const struct timespec *until),
                 (lock, clock, until));
#endif

#endif
