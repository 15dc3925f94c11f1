#ifndef _SYS__SX_H_
#define _SYS__SX_H_

#include <sys/_lock.h>

/* A shared/exclusive lock that may be held across a sleep. */
struct sx {
	struct lock_object lock_object;
	volatile uintptr_t sx_lock;
};

#endif
