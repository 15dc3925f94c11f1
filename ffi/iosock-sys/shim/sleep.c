/* sys/systm.h, sys/time.h: sleep, wakeup and the monotonic clock. */
#include "base.h"

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/time.h>

int
iosock_shim_sleep(const void *channel, struct mtx *mtx, const char *name, unsigned int ms)
{
	/* No PCATCH: a signal to io-sock must not look like an event. */
	return (msleep_sbt(channel, mtx, PSOCK, name, (sbintime_t)ms * SBT_1MS, 0, 0));
}

void
iosock_shim_wakeup(const void *channel)
{
	wakeup(channel);
}

uint64_t
iosock_shim_uptime_ns(void)
{
	struct timespec now;

	nanouptime(&now);
	return ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}
