/* sys/kernel.h: the kernel environment, where io-sock keeps tunables and module options. */
#include "base.h"

#include <sys/kernel.h>

int
iosock_shim_getenv_int(const char *name, int *value)
{
	return (TUNABLE_INT_FETCH(name, value));
}

int
iosock_shim_getenv_string(const char *name, char *value, int size)
{
	return (TUNABLE_STR_FETCH(name, value, size));
}
