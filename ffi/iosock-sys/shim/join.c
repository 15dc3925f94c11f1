/* pthread.h: waits for a kthread. Apart from kthread.c, since libc's headers and the kernel's do not mix. */
#include <stddef.h>

#ifdef __has_include
#if __has_include(<pthread.h>)
#include <pthread.h>
#define HAVE_PTHREAD_H 1
#endif
#endif
#ifndef HAVE_PTHREAD_H
/* No SDP: QNX's prototype. Its pthread_t is an int. */
typedef int pthread_t;
int pthread_join(pthread_t thread, void **value)
#ifdef IOSOCK_NATIVE_LINUX
    /* Linux's own has another pthread_t; the stand-in gives QNX's calls whose names clash this prefix. */
    __asm__("qnx_pthread_join")
#endif
    ;
#endif

int iosock_shim_kthread_join(long tid);

int
iosock_shim_kthread_join(long tid)
{
	return (pthread_join((pthread_t)tid, NULL));
}
