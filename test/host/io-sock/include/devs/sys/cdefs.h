/* Compiler attributes and small preprocessor helpers, under BSD's names. */
#ifndef _SYS_CDEFS_H_
#define _SYS_CDEFS_H_

#ifdef __cplusplus
#define __BEGIN_DECLS extern "C" {
#define __END_DECLS }
#else
#define __BEGIN_DECLS
#define __END_DECLS
#endif

#define __CONCAT1(x, y) x##y
#define __CONCAT(x, y) __CONCAT1(x, y)
#define __STRING(x) #x
#define __XSTRING(x) __STRING(x)

#ifndef __has_attribute
#define __has_attribute(x) 0
#endif

#define __dead2 __attribute__((__noreturn__))
#define __pure2 __attribute__((__const__))
#define __pure __attribute__((__pure__))
#define __unused __attribute__((__unused__))
#define __used __attribute__((__used__))
#define __packed __attribute__((__packed__))
#define __aligned(x) __attribute__((__aligned__(x)))
#define __section(x) __attribute__((__section__(x)))
#define __always_inline inline __attribute__((__always_inline__))
#define __noinline __attribute__((__noinline__))
#define __weak_symbol __attribute__((__weak__))
#define __printflike(fmt, first) __attribute__((__format__(__printf__, fmt, first)))
#define __malloc_like __attribute__((__malloc__))
#define __result_use_check __attribute__((__warn_unused_result__))
#define __nosymoverlap
/* Survives --gc-sections although nothing refers to it. */
#if __has_attribute(__retain__)
#define __retain __attribute__((__retain__))
#else
#define __retain
#endif

#define __predict_true(x) __builtin_expect((x), 1)
#define __predict_false(x) __builtin_expect((x), 0)
#define __offsetof(type, field) __builtin_offsetof(type, field)
#define __containerof(x, s, m) ((s *)(void *)((char *)(x)-__builtin_offsetof(s, m)))
#define __DECONST(type, var) ((type)(__UINTPTR_TYPE__)(const void *)(var))
#define __DEVOLATILE(type, var) ((type)(__UINTPTR_TYPE__)(volatile void *)(var))
#define __DEQUALIFY(type, var) ((type)(__UINTPTR_TYPE__)(const volatile void *)(var))
#define __GLOBL(sym) __asm__(".globl " __XSTRING(sym))
#define __FBSDID(s) struct __hack
#define __RCSID(s) struct __hack

/*
 * Kernel functions whose names libc also has, with other arguments. io-sock's loader binds a module's import to the kernel's one. A
 * native Linux build, which Linux's own linker binds, must not meet libc's: there the symbol has another name.
 */
#ifdef IOSOCK_NATIVE_LINUX
#define __KERNEL_SYMBOL(name) __asm__("kpi_" #name)
#else
#define __KERNEL_SYMBOL(name)
#endif

#endif
