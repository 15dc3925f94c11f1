/* malloc(9): three arguments, and memory goes back under the type it came from. Never mix with libc's. */
#ifndef _SYS_MALLOC_H_
#define _SYS_MALLOC_H_

#include <sys/kernel.h>
#include <sys/param.h>
#include <sys/queue.h>
#include <sys/systm.h>

/* May fail. Any context. */
#define M_NOWAIT 0x0001
/* Never NULL; may sleep. */
#define M_WAITOK 0x0002
#define M_NORECLAIM 0x0080
#define M_ZERO 0x0100
#define M_NOVM 0x0200
#define M_USE_RESERVE 0x0400
#define M_NODUMP 0x0800
#define M_FIRSTFIT 0x1000
#define M_BESTFIT 0x2000
#define M_EXEC 0x4000
#define M_NEXTFIT 0x8000

#define M_VERSION 2020110501

struct malloc_type_stats {
	uint64_t mts_memalloced;
	uint64_t mts_memfreed;
	uint64_t mts_numallocs;
	uint64_t mts_numfrees;
	uint64_t mts_size;
	uint64_t _mts_reserved1;
	uint64_t _mts_reserved2;
	uint64_t _mts_reserved3;
};

/* The allocator's own part of a type. Written by the kernel. */
struct malloc_type_internal {
	uint32_t mti_probes[2];
	u_char mti_zone;
	struct malloc_type_stats *mti_stats;
	u_long mti_spare[8];
};

struct malloc_type {
	struct malloc_type *ks_next;
	u_long ks_version;
	const char *ks_shortdesc;
	struct malloc_type_internal ks_mti;
};

#define MALLOC_DEFINE(type, shortdesc, longdesc) \
	struct malloc_type type[1] = { { NULL, M_VERSION, shortdesc, { { 0, 0 }, 0, NULL, { 0 } } } }; \
	SYSINIT(type##_init, SI_SUB_KMEM, SI_ORDER_THIRD, malloc_init, type); \
	SYSUNINIT(type##_uninit, SI_SUB_KMEM, SI_ORDER_ANY, malloc_uninit, type)
#define MALLOC_DECLARE(type) extern struct malloc_type type[1]

MALLOC_DECLARE(M_CACHE);
MALLOC_DECLARE(M_DEVBUF);
MALLOC_DECLARE(M_TEMP);
MALLOC_DECLARE(M_PCB);
MALLOC_DECLARE(M_SONAME);
MALLOC_DECLARE(M_IOV);

void malloc_init(void *type);
void malloc_uninit(void *type);
void *malloc(size_t size, struct malloc_type *type, int flags) __KERNEL_SYMBOL(malloc) __malloc_like __result_use_check;
void *mallocarray(size_t nmemb, size_t size, struct malloc_type *type, int flags) __malloc_like __result_use_check;
void *realloc(void *addr, size_t size, struct malloc_type *type, int flags) __KERNEL_SYMBOL(realloc) __result_use_check;
void *reallocf(void *addr, size_t size, struct malloc_type *type, int flags) __KERNEL_SYMBOL(reallocf) __result_use_check;
void free(void *addr, struct malloc_type *type) __KERNEL_SYMBOL(free);
void zfree(void *addr, struct malloc_type *type);
char *strdup(const char *__restrict s, struct malloc_type *type) __KERNEL_SYMBOL(strdup);

#define WOULD_OVERFLOW(nmemb, size) ((nmemb) > 0 && __SIZE_MAX__ / (nmemb) < (size))

#endif
