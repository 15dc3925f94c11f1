/* sys/kthread.h: threads. */
#include "base.h"

#include <sys/kthread.h>
#include <sys/proc.h>

int
iosock_shim_kthread_add(void (*fn)(void *), void *arg, const char *name, long *tid)
{
	struct thread *td = NULL;
	/* ON-TARGET: KTHREAD_JOIN makes the thread one that pthread_join takes (seen in QNX's public modules). */
	int error = kthread_add(fn, arg, &proc0, &td, KTHREAD_JOIN, 0, "%s", name);

	if (error == 0)
		*tid = (long)td->td_pt_tid;
	return (error);
}

_Noreturn void
iosock_shim_kthread_exit(void)
{
	kthread_exit();
	__builtin_unreachable();
}
