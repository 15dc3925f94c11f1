/* sys/mutex.h: sleep mutexes, in memory of their own, since their layout is io-sock's. */
#include "base.h"

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/proc.h>

#include "malloc_type.h"

struct mtx *
iosock_shim_mutex_create(const char *name)
{
	struct mtx *mtx = malloc(sizeof(*mtx), M_IOSOCK_MODULE, M_WAITOK | M_ZERO);

	if (mtx != NULL)
		mtx_init(mtx, name, NULL, MTX_DEF);
	return (mtx);
}

void
iosock_shim_mutex_destroy(struct mtx *mtx)
{
	mtx_destroy(mtx);
	free(mtx, M_IOSOCK_MODULE);
}

void
iosock_shim_mutex_lock(struct mtx *mtx)
{
	mtx_lock(mtx);
}

int
iosock_shim_mutex_trylock(struct mtx *mtx)
{
	return (mtx_trylock(mtx));
}

void
iosock_shim_mutex_unlock(struct mtx *mtx)
{
	mtx_unlock(mtx);
}
