/* The malloc(9) type of the module at hand. registration.c defines it under the module's name. */
#ifndef IOSOCK_SHIM_MALLOC_TYPE_H
#define IOSOCK_SHIM_MALLOC_TYPE_H

#include <sys/kernel.h>
#include <sys/malloc.h>

MALLOC_DECLARE(M_IOSOCK_MODULE);

#endif
