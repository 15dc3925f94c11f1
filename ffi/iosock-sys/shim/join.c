/* pthread.h: waits for a kthread. This stands apart from kthread.c, since libc's headers and the kernel's do not mix. */
#include <stddef.h>

#ifdef __has_include
#if __has_include(<pthread.h>)
#include <pthread.h>
#define HAVE_PTHREAD_H 1
#endif
#endif
#ifndef HAVE_PTHREAD_H
/* Without an SDP: QNX's prototype, whose pthread_t is an int. */
typedef int pthread_t;
int pthread_join(pthread_t thread, void **value)
#ifdef IOSOCK_NATIVE_LINUX
    /* Linux's own pthread_join takes another pthread_t. QNX's calls whose names clash have this prefix in the stand-in. */
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
