/* refcount(9). */
#ifndef _SYS_REFCOUNT_H_
#define _SYS_REFCOUNT_H_

#include <sys/systm.h>

static inline void refcount_init(volatile u_int *count, u_int value) { *count = value; }
static inline u_int refcount_load(volatile u_int *count) { return (atomic_load_int(count)); }
static inline u_int refcount_acquire(volatile u_int *count) { return (atomic_fetchadd_int(count, 1)); }
/* true: that was the last. */
static inline bool refcount_release(volatile u_int *count) { return (__atomic_fetch_sub(count, 1, __ATOMIC_ACQ_REL) == 1); }

/* false: it is the last, and is still there. */
static inline bool
refcount_release_if_not_last(volatile u_int *count)
{
	u_int old = atomic_load_int(count);

	while (old > 1)
		if (__atomic_compare_exchange_n(count, &old, old - 1, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return (true);
	return (false);
}

#endif
