/* Page and cache line. */
#ifndef _MACHINE_PARAM_H_
#define _MACHINE_PARAM_H_

#define PAGE_SHIFT 12
#define PAGE_SIZE (1 << PAGE_SHIFT)
#define PAGE_MASK (PAGE_SIZE - 1)
#ifdef __aarch64__
#define CACHE_LINE_SHIFT 7
#else
#define CACHE_LINE_SHIFT 6
#endif
#define CACHE_LINE_SIZE (1 << CACHE_LINE_SHIFT)
#ifndef MAXCPU
#define MAXCPU 64
#endif

#endif
