/* mutex(9). */
#ifndef _SYS_MUTEX_H_
#define _SYS_MUTEX_H_

#include <sys/_mutex.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/proc.h>

#define MTX_DEF 0x00000000
#define MTX_SPIN 0x00000001
#define MTX_RECURSE 0x00000004
#define MTX_NOWITNESS 0x00000008
#define MTX_NOPROFILE 0x00000020
#define MTX_NEW 0x00000040
#define MTX_DUPOK LO_DUPOK
#define MTX_QUIET LO_QUIET

/* Bits of the lock word beside the owner's address. */
#define MTX_UNOWNED 0x00000000
#define MTX_RECURSED 0x00000001
#define MTX_CONTESTED 0x00000002
#define MTX_DESTROYED 0x00000004
#define MTX_FLAGMASK (MTX_RECURSED | MTX_CONTESTED | MTX_DESTROYED)

void _mtx_init(volatile uintptr_t *c, const char *name, const char *type, int opts);
void _mtx_destroy(volatile uintptr_t *c);
void mtx_sysinit(void *arg);
void __mtx_lock_flags(volatile uintptr_t *c, int opts, const char *file, int line);
void __mtx_unlock_flags(volatile uintptr_t *c, int opts, const char *file, int line);
void __mtx_lock_spin_flags(volatile uintptr_t *c, int opts, const char *file, int line);
int __mtx_trylock_spin_flags(volatile uintptr_t *c, int opts, const char *file, int line);
void __mtx_unlock_spin_flags(volatile uintptr_t *c, int opts, const char *file, int line);
int _mtx_trylock_flags_(volatile uintptr_t *c, int opts, const char *file, int line);
void __mtx_assert(const volatile uintptr_t *c, int what, const char *file, int line);

#define mtx_init(m, n, t, o) _mtx_init(&(m)->mtx_lock, n, t, o)
#define mtx_destroy(m) _mtx_destroy(&(m)->mtx_lock)
#define mtx_lock_flags(m, opts) __mtx_lock_flags(&(m)->mtx_lock, (opts), LOCK_FILE, LOCK_LINE)
#define mtx_unlock_flags(m, opts) __mtx_unlock_flags(&(m)->mtx_lock, (opts), LOCK_FILE, LOCK_LINE)
#define mtx_trylock_flags(m, opts) _mtx_trylock_flags_(&(m)->mtx_lock, (opts), LOCK_FILE, LOCK_LINE)
#define mtx_lock_spin_flags(m, opts) __mtx_lock_spin_flags(&(m)->mtx_lock, (opts), LOCK_FILE, LOCK_LINE)
#define mtx_trylock_spin_flags(m, opts) __mtx_trylock_spin_flags(&(m)->mtx_lock, (opts), LOCK_FILE, LOCK_LINE)
#define mtx_unlock_spin_flags(m, opts) __mtx_unlock_spin_flags(&(m)->mtx_lock, (opts), LOCK_FILE, LOCK_LINE)
#define mtx_lock(m) mtx_lock_flags((m), 0)
#define mtx_unlock(m) mtx_unlock_flags((m), 0)
#define mtx_trylock(m) mtx_trylock_flags((m), 0)
#define mtx_lock_spin(m) mtx_lock_spin_flags((m), 0)
#define mtx_trylock_spin(m) mtx_trylock_spin_flags((m), 0)
#define mtx_unlock_spin(m) mtx_unlock_spin_flags((m), 0)
#define mtx_sleep(chan, mtx, pri, wmesg, timo) msleep(chan, mtx, pri, wmesg, timo)

#define mtx_initialized(m) lock_initialized(&(m)->lock_object)
#define lock_initialized(lo) (((lo)->lo_flags & LO_INITIALIZED) != 0)
#define mtx_owner(m) ((struct thread *)((m)->mtx_lock & ~(uintptr_t)MTX_FLAGMASK))
#define mtx_owned(m) (mtx_owner(m) == curthread)
#define mtx_recursed(m) ((m)->lock_object.lo_data != 0)
#define mtx_name(m) ((m)->lock_object.lo_name)

#define MA_OWNED LA_XLOCKED
#define MA_NOTOWNED LA_UNLOCKED
#define MA_RECURSED LA_RECURSED
#define MA_NOTRECURSED LA_NOTRECURSED
#ifdef INVARIANTS
#define mtx_assert(m, what) __mtx_assert(&(m)->mtx_lock, (what), LOCK_FILE, LOCK_LINE)
#else
#define mtx_assert(m, what) (void)0
#endif

struct mtx_args {
	void *ma_mtx;
	const char *ma_desc;
	int ma_opts;
};

#define MTX_SYSINIT(name, mtx, desc, opts) \
	static struct mtx_args name##_args = { (mtx), (desc), (opts) }; \
	SYSINIT(name##_mtx_sysinit, SI_SUB_LOCK, SI_ORDER_MIDDLE, mtx_sysinit, &name##_args); \
	SYSUNINIT(name##_mtx_sysuninit, SI_SUB_LOCK, SI_ORDER_MIDDLE, _mtx_destroy, __DEVOLATILE(void *, &(mtx)->mtx_lock))

/* Held in module event handlers; given up in a sleep, but not in pthread_join. */
extern struct mtx Giant;
#define GIANT_REQUIRED mtx_assert(&Giant, MA_OWNED)

#endif
