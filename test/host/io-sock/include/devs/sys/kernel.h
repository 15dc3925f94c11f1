/* Start-up order (SYSINIT) and tunables. */
#ifndef _SYS_KERNEL_H_
#define _SYS_KERNEL_H_

#include <sys/linker_set.h>
#include <sys/queue.h>
#include <sys/systm.h>

/* In the order in which they run. A module mounted late runs its own list at once. */
enum sysinit_sub_id {
	SI_SUB_DUMMY = 0x0000000, /* never run */
	SI_SUB_DONE = 0x0000001,
	SI_SUB_TUNABLES = 0x0700000,
	SI_SUB_COPYRIGHT = 0x0800001,
	SI_SUB_VM = 0x1000000,
	SI_SUB_COUNTER = 0x1100000,
	SI_SUB_KMEM = 0x1800000,
	SI_SUB_HYPERVISOR = 0x1A40000,
	SI_SUB_WITNESS = 0x1A80000,
	SI_SUB_MTX_POOL_DYNAMIC = 0x1AC0000,
	SI_SUB_LOCK = 0x1B00000,
	SI_SUB_EVENTHANDLER = 0x1C00000,
	SI_SUB_VNET_PRELINK = 0x1E00000,
	SI_SUB_KLD = 0x2000000,
	SI_SUB_CPU = 0x2100000,
	SI_SUB_INTRINSIC = 0x2200000,
	SI_SUB_TASKQ = 0x2880000,
	SI_SUB_EPOCH = 0x2888000,
	SI_SUB_SMP = 0x2900000,
	SI_SUB_SOFTINTR = 0x2A00000,
	SI_SUB_DEVFS = 0x2F00000,
	SI_SUB_INIT_IF = 0x3000000,
	SI_SUB_NETGRAPH = 0x3010000,
	SI_SUB_DRIVERS = 0x3100000,
	SI_SUB_CONFIGURE = 0x3800000,
	SI_SUB_VFS = 0x4000000,
	SI_SUB_CLOCKS = 0x4800000,
	SI_SUB_PSEUDO = 0x7000000,
	SI_SUB_EXEC = 0x7400000,
	SI_SUB_PROTO_BEGIN = 0x8000000,
	SI_SUB_VNET = 0x8060000,
	SI_SUB_PROTO_PFIL = 0x8100000,
	SI_SUB_PROTO_IF = 0x8400000,
	SI_SUB_PROTO_DOMAININIT = 0x8600000,
	SI_SUB_PROTO_MC = 0x8700000,
	SI_SUB_PROTO_DOMAIN = 0x8800000,
	SI_SUB_PROTO_FIREWALL = 0x8806000,
	SI_SUB_PROTO_IFATTACHDOMAIN = 0x8808000,
	SI_SUB_PROTO_END = 0x8ffffff,
	SI_SUB_KPROF = 0x9000000,
	SI_SUB_KICK_SCHEDULER = 0xa000000,
	SI_SUB_KTHREAD_INIT = 0xe000000,
	SI_SUB_LAST = 0xfffffff
};

enum sysinit_elem_order {
	SI_ORDER_FIRST = 0x0000000,
	SI_ORDER_SECOND = 0x0000001,
	SI_ORDER_THIRD = 0x0000002,
	SI_ORDER_FOURTH = 0x0000003,
	SI_ORDER_FIFTH = 0x0000004,
	SI_ORDER_SIXTH = 0x0000005,
	SI_ORDER_SEVENTH = 0x0000006,
	SI_ORDER_EIGHTH = 0x0000007,
	SI_ORDER_MIDDLE = 0x1000000,
	SI_ORDER_ANY = 0xfffffff
};

typedef void (*sysinit_nfunc_t)(void *);
typedef void (*sysinit_cfunc_t)(const void *);

/* One entry of set_sysinit_set or set_sysuninit_set. */
struct sysinit {
	enum sysinit_sub_id subsystem;
	enum sysinit_elem_order order;
	__SYSINIT_LINK
	sysinit_cfunc_t func;
	const void *udata;
};

#define C_SYSINIT(uniquifier, subsystem_, order_, func_, ident) \
	static struct sysinit uniquifier##_sys_init = { .subsystem = (subsystem_), .order = (order_), .func = (func_), .udata = (ident) }; \
	DATA_SET(sysinit_set, uniquifier##_sys_init)
#define SYSINIT(uniquifier, subsystem, order, func, ident) \
	C_SYSINIT(uniquifier, subsystem, order, (sysinit_cfunc_t)(sysinit_nfunc_t)func, (void *)(ident))

#define C_SYSUNINIT(uniquifier, subsystem_, order_, func_, ident) \
	static struct sysinit uniquifier##_sys_uninit = { .subsystem = (subsystem_), .order = (order_), .func = (func_), .udata = (ident) }; \
	DATA_SET(sysuninit_set, uniquifier##_sys_uninit)
#define SYSUNINIT(uniquifier, subsystem, order, func, ident) \
	C_SYSUNINIT(uniquifier, subsystem, order, (sysinit_cfunc_t)(sysinit_nfunc_t)func, (void *)(ident))

struct tunable_int { const char *path; int *var; };
struct tunable_long { const char *path; long *var; };
struct tunable_ulong { const char *path; unsigned long *var; };
struct tunable_int64 { const char *path; int64_t *var; };
struct tunable_uint64 { const char *path; uint64_t *var; };
struct tunable_quad { const char *path; quad_t *var; };
struct tunable_bool { const char *path; bool *var; };
struct tunable_str { const char *path; char *var; int size; };
void tunable_int_init(void *data);
void tunable_long_init(void *data);
void tunable_ulong_init(void *data);
void tunable_int64_init(void *data);
void tunable_uint64_init(void *data);
void tunable_quad_init(void *data);
void tunable_bool_init(void *data);
void tunable_str_init(void *data);

#define __TUNABLE(kind, path, ...) \
	static struct tunable_##kind __CONCAT(__tunable_##kind##_, __LINE__) = { (path), __VA_ARGS__ }; \
	SYSINIT(__CONCAT(__Tunable_init_, __LINE__), SI_SUB_TUNABLES, SI_ORDER_MIDDLE, tunable_##kind##_init, \
	    &__CONCAT(__tunable_##kind##_, __LINE__))
/* SYSINIT pastes its first argument: it must be expanded before. */
#undef SYSINIT
#define __SYSINIT(uniquifier, subsystem, order, func, ident) \
	C_SYSINIT(uniquifier, subsystem, order, (sysinit_cfunc_t)(sysinit_nfunc_t)func, (void *)(ident))
#define SYSINIT(uniquifier, subsystem, order, func, ident) __SYSINIT(uniquifier, subsystem, order, func, ident)

#define TUNABLE_INT(path, var) __TUNABLE(int, path, (var))
#define TUNABLE_LONG(path, var) __TUNABLE(long, path, (var))
#define TUNABLE_ULONG(path, var) __TUNABLE(ulong, path, (var))
#define TUNABLE_INT64(path, var) __TUNABLE(int64, path, (var))
#define TUNABLE_UINT64(path, var) __TUNABLE(uint64, path, (var))
#define TUNABLE_QUAD(path, var) __TUNABLE(quad, path, (var))
#define TUNABLE_BOOL(path, var) __TUNABLE(bool, path, (var))
#define TUNABLE_STR(path, var, size) __TUNABLE(str, path, (var), (size))
#define TUNABLE_INT_FETCH(path, var) getenv_int((path), (var))
#define TUNABLE_LONG_FETCH(path, var) getenv_long((path), (var))
#define TUNABLE_ULONG_FETCH(path, var) getenv_ulong((path), (var))
#define TUNABLE_INT64_FETCH(path, var) getenv_int64((path), (var))
#define TUNABLE_UINT64_FETCH(path, var) getenv_uint64((path), (var))
#define TUNABLE_QUAD_FETCH(path, var) getenv_quad((path), (var))
#define TUNABLE_BOOL_FETCH(path, var) getenv_bool((path), (var))
#define TUNABLE_STR_FETCH(path, var, size) getenv_string((path), (var), (size))

#endif
