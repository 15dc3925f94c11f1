/* Giant, which module event handlers and sysinits are called with. */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/lock.h>
#include <sys/mutex.h>

void iosock_giant_lock(void);
void iosock_giant_unlock(void);

void
iosock_giant_lock(void)
{
	mtx_lock(&Giant);
}

void
iosock_giant_unlock(void)
{
	mtx_unlock(&Giant);
}
