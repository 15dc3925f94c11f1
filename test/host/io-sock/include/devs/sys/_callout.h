#ifndef _SYS__CALLOUT_H_
#define _SYS__CALLOUT_H_

#include <sys/types.h>

struct lock_object;

typedef void callout_func_t(void *);

/* A one-shot timer. */
struct callout {
	callout_func_t *c_func;
	void *c_arg;
	struct lock_object *c_lock;
	sbintime_t c_time;
	short c_flags;
	short c_iflags;
	volatile int c_cpu;
	uint64_t c_sequence;
	/* The size of FreeBSD's; its order of fields is not known here, and no module looks inside. */
	uint64_t c_room;
};

#endif
