/* atomic(9): names without a suffix order nothing, _acq and _rel order one way, fetchadd and swap nothing more. */
#ifndef _MACHINE_ATOMIC_H_
#define _MACHINE_ATOMIC_H_

#include <sys/types.h>

#define mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

static inline void atomic_thread_fence_acq(void) { __atomic_thread_fence(__ATOMIC_ACQUIRE); }
static inline void atomic_thread_fence_rel(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }
static inline void atomic_thread_fence_acq_rel(void) { __atomic_thread_fence(__ATOMIC_ACQ_REL); }
static inline void atomic_thread_fence_seq_cst(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline void atomic_interrupt_fence(void) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

/* One read-modify-write in its three orderings. */
#define __ATOMIC_RMW(op, builtin, name, type) \
	static inline void atomic_##op##_##name(volatile type *p, type v) { (void)builtin(p, v, __ATOMIC_RELAXED); } \
	static inline void atomic_##op##_acq_##name(volatile type *p, type v) { (void)builtin(p, v, __ATOMIC_ACQUIRE); } \
	static inline void atomic_##op##_rel_##name(volatile type *p, type v) { (void)builtin(p, v, __ATOMIC_RELEASE); }

#define __ATOMIC_CMPSET(suffix, order, name, type) \
	static inline int atomic_cmpset_##suffix##name(volatile type *p, type old, type v) \
	{ \
		return (__atomic_compare_exchange_n(p, &old, v, 0, order, __ATOMIC_RELAXED)); \
	} \
	static inline int atomic_fcmpset_##suffix##name(volatile type *p, type *old, type v) \
	{ \
		return (__atomic_compare_exchange_n(p, old, v, 0, order, __ATOMIC_RELAXED)); \
	}

#define __ATOMIC_TYPE(name, type) \
	__ATOMIC_RMW(add, __atomic_fetch_add, name, type) \
	__ATOMIC_RMW(subtract, __atomic_fetch_sub, name, type) \
	__ATOMIC_RMW(set, __atomic_fetch_or, name, type) \
	static inline void atomic_clear_##name(volatile type *p, type v) { (void)__atomic_fetch_and(p, (type)~v, __ATOMIC_RELAXED); } \
	static inline void atomic_clear_acq_##name(volatile type *p, type v) { (void)__atomic_fetch_and(p, (type)~v, __ATOMIC_ACQUIRE); } \
	static inline void atomic_clear_rel_##name(volatile type *p, type v) { (void)__atomic_fetch_and(p, (type)~v, __ATOMIC_RELEASE); } \
	__ATOMIC_CMPSET(, __ATOMIC_RELAXED, name, type) \
	__ATOMIC_CMPSET(acq_, __ATOMIC_ACQUIRE, name, type) \
	__ATOMIC_CMPSET(rel_, __ATOMIC_RELEASE, name, type) \
	static inline type atomic_fetchadd_##name(volatile type *p, type v) { return (__atomic_fetch_add(p, v, __ATOMIC_RELAXED)); } \
	static inline type atomic_swap_##name(volatile type *p, type v) { return (__atomic_exchange_n(p, v, __ATOMIC_RELAXED)); } \
	static inline type atomic_readandclear_##name(volatile type *p) { return (__atomic_exchange_n(p, 0, __ATOMIC_RELAXED)); } \
	static inline type atomic_load_##name(const volatile type *p) { return (__atomic_load_n(p, __ATOMIC_RELAXED)); } \
	static inline type atomic_load_acq_##name(const volatile type *p) { return (__atomic_load_n(p, __ATOMIC_ACQUIRE)); } \
	static inline void atomic_store_##name(volatile type *p, type v) { __atomic_store_n(p, v, __ATOMIC_RELAXED); } \
	static inline void atomic_store_rel_##name(volatile type *p, type v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }

__ATOMIC_TYPE(int, u_int)
__ATOMIC_TYPE(long, u_long)
__ATOMIC_TYPE(ptr, uintptr_t)
__ATOMIC_TYPE(32, uint32_t)
__ATOMIC_TYPE(64, uint64_t)

#endif
