/* sys/malloc.h. The kernel's malloc and free share their names with libc's, and must never meet them. */
#include "base.h"

#include "malloc_type.h"

void *
iosock_shim_malloc(size_t size, int wait)
{
	return (malloc(size, M_IOSOCK_MODULE, IOSOCK_WAIT(wait) | M_ZERO));
}

void
iosock_shim_free(void *p)
{
	free(p, M_IOSOCK_MODULE);
}
