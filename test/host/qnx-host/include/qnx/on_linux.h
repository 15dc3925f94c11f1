/*
 * How these headers put QNX's behaviour in front of Linux's libc. For the headers beside it only, not for programs.
 *
 * A libc function that must behave differently is declared once more with the assembler name of what serves instead: a
 * function of libqnx_host.so, or a small one defined here. Its name in the program does not change, so member functions
 * called `open` or `read`, and `std::perror`, stay what they are. The small ones are weak: every file of a program may
 * bring its own, the linker keeps one.
 */
#ifndef QNX_ON_LINUX_H
#define QNX_ON_LINUX_H

#include <features.h>
#include <qnx/decl.h>

#if !defined(__linux__) || !defined(__LP64__)
#error "the stand-in is for 64-bit Linux; a QNX target has its own headers"
#endif

/* Defines a function in a header. */
#ifdef __cplusplus
#define QNX_HOST_WEAK extern "C" __attribute__((weak, used))
#else
#define QNX_HOST_WEAK __attribute__((weak, used))
#endif

/* From here on calls of `name` go to the symbol `symbol`. */
#define QNX_HOST_REDIRECT(name, symbol) extern __typeof__(name) name __asm__(symbol)
/* `linux_name` is what Linux's libc calls `name`, whatever `name` has been redirected to. */
#define QNX_HOST_KEEP(linux_name, name) extern __typeof__(name) linux_name __asm__(#name)

#endif
