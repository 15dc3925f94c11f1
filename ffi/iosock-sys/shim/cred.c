/* sys/proc.h, sys/ucred.h: the calling thread and its credential. */
#include "base.h"

#include <sys/proc.h>
#include <sys/ucred.h>

const void *
iosock_shim_curthread(void)
{
	return (curthread);
}

unsigned int
iosock_shim_curthread_uid(void)
{
	return (curthread->td_ucred->cr_uid);
}
