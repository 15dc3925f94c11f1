#ifndef _SYS__MUTEX_H_
#define _SYS__MUTEX_H_

#include <sys/_lock.h>

/* A mutex. The lock functions take the address of mtx_lock. */
struct mtx {
	struct lock_object lock_object;
	volatile uintptr_t mtx_lock;
};

#endif
