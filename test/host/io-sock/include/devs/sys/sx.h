/* sx(9): shared/exclusive locks that may be held across a sleep. */
#ifndef _SYS_SX_H_
#define _SYS_SX_H_

#include <sys/_sx.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/proc.h>

#define SX_DUPOK 0x01
#define SX_NOPROFILE 0x02
#define SX_NOWITNESS 0x04
#define SX_QUIET 0x08
#define SX_RECURSE 0x20
#define SX_NEW 0x40
#define SX_INTERRUPTIBLE 0x40

/* Bits of the lock word: readers are counted above SX_SHARERS_SHIFT, a writer is its thread's address. */
#define SX_LOCK_SHARED 0x01
#define SX_LOCK_WAITERS 0x02
#define SX_LOCK_FLAGMASK 0x0f
#define SX_SHARERS_SHIFT 4
#define SX_LOCK_UNLOCKED SX_LOCK_SHARED
#define sx_xholder(sx) ((((sx)->sx_lock) & SX_LOCK_SHARED) ? NULL : (struct thread *)((sx)->sx_lock & ~(uintptr_t)SX_LOCK_FLAGMASK))

void sx_init_flags(struct sx *sx, const char *description, int opts);
void sx_destroy(struct sx *sx);
void sx_sysinit(void *arg);
int _sx_slock(struct sx *sx, int opts, const char *file, int line);
int _sx_xlock(struct sx *sx, int opts, const char *file, int line);
int sx_try_slock_(struct sx *sx, const char *file, int line);
int sx_try_xlock_(struct sx *sx, const char *file, int line);
void _sx_sunlock(struct sx *sx, const char *file, int line);
void _sx_xunlock(struct sx *sx, const char *file, int line);
void sx_downgrade_(struct sx *sx, const char *file, int line);
int sx_try_upgrade_(struct sx *sx, const char *file, int line);
void _sx_assert(const struct sx *sx, int what, const char *file, int line);

#define sx_init(sx, desc) sx_init_flags((sx), (desc), 0)
#define sx_xlock(sx) (void)_sx_xlock((sx), 0, LOCK_FILE, LOCK_LINE)
#define sx_xlock_sig(sx) _sx_xlock((sx), SX_INTERRUPTIBLE, LOCK_FILE, LOCK_LINE)
#define sx_xunlock(sx) _sx_xunlock((sx), LOCK_FILE, LOCK_LINE)
#define sx_slock(sx) (void)_sx_slock((sx), 0, LOCK_FILE, LOCK_LINE)
#define sx_slock_sig(sx) _sx_slock((sx), SX_INTERRUPTIBLE, LOCK_FILE, LOCK_LINE)
#define sx_sunlock(sx) _sx_sunlock((sx), LOCK_FILE, LOCK_LINE)
#define sx_try_slock(sx) sx_try_slock_((sx), LOCK_FILE, LOCK_LINE)
#define sx_try_xlock(sx) sx_try_xlock_((sx), LOCK_FILE, LOCK_LINE)
#define sx_downgrade(sx) sx_downgrade_((sx), LOCK_FILE, LOCK_LINE)
#define sx_try_upgrade(sx) sx_try_upgrade_((sx), LOCK_FILE, LOCK_LINE)
#define sx_xlocked(sx) (sx_xholder(sx) == curthread)
#define sx_unlock(sx) \
	do { \
		if (sx_xlocked(sx)) \
			sx_xunlock(sx); \
		else \
			sx_sunlock(sx); \
	} while (0)
#define sx_sleep(chan, sx, pri, wmesg, timo) _sleep((chan), &(sx)->lock_object, (pri), (wmesg), tick_sbt * (timo), 0, C_HARDCLOCK)

#define SA_LOCKED LA_LOCKED
#define SA_SLOCKED LA_SLOCKED
#define SA_XLOCKED LA_XLOCKED
#define SA_UNLOCKED LA_UNLOCKED
#ifdef INVARIANTS
#define sx_assert(sx, what) _sx_assert((sx), (what), LOCK_FILE, LOCK_LINE)
#else
#define sx_assert(sx, what) (void)0
#endif

struct sx_args {
	struct sx *sa_sx;
	const char *sa_desc;
	int sa_flags;
};
#define SX_SYSINIT_FLAGS(name, sxa, desc, flags) \
	static struct sx_args name##_args = { (sxa), (desc), (flags) }; \
	SYSINIT(name##_sx_sysinit, SI_SUB_LOCK, SI_ORDER_MIDDLE, sx_sysinit, &name##_args); \
	SYSUNINIT(name##_sx_sysuninit, SI_SUB_LOCK, SI_ORDER_MIDDLE, sx_destroy, (sxa))
#define SX_SYSINIT(name, sxa, desc) SX_SYSINIT_FLAGS(name, sxa, desc, 0)

#endif
