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

QNX_BEGIN_DECLS
extern void pthread_testcancel(void);
void qnx_host_enlist(void);
void qnx_host_wake_cancelled(unsigned long thread);
int qnx_host_is_connection(int fd);
QNX_END_DECLS

/*
 * Makes `name`, a function of libqnx_host.so with the symbol `symbol` whose failures are negative, a cancellation point. The
 * library lets a cancelled thread out of the call with EINTR; here, in C, the thread ends. A call that succeeds is never lost:
 * then the thread ends at its next cancellation point.
 */
#define QNX_HOST_CANCELLATION_POINT(type, name, symbol, parameters, arguments)                                         \
    extern __typeof__(name) qnx_host_kernel_##name __asm__(symbol);                                                    \
    QNX_HOST_WEAK type qnx_host_##name parameters {                                                                    \
        qnx_host_enlist();                                                                                             \
        pthread_testcancel();                                                                                          \
        type result = qnx_host_kernel_##name arguments;                                                                \
        if (result < 0) {                                                                                              \
            pthread_testcancel();                                                                                      \
        }                                                                                                              \
        return result;                                                                                                 \
    }                                                                                                                  \
    QNX_HOST_REDIRECT(name, "qnx_host_" #name)

/*
 * The same for `name`, a function of libc on descriptors with the first parameter `fd`: of a descriptor that is no connection
 * libc itself makes a cancellation point, and its errno counts.
 */
#define QNX_HOST_IO(type, name, symbol, parameters, arguments)                                                         \
    QNX_HOST_KEEP(qnx_host_linux_##name, name);                                                                        \
    extern __typeof__(name) qnx_host_kernel_##name __asm__(symbol);                                                    \
    QNX_HOST_WEAK type qnx_host_##name parameters {                                                                    \
        if (!qnx_host_is_connection(fd)) {                                                                             \
            return qnx_host_linux_##name arguments;                                                                    \
        }                                                                                                              \
        qnx_host_enlist();                                                                                             \
        pthread_testcancel();                                                                                          \
        type result = qnx_host_kernel_##name arguments;                                                                \
        if (result < 0) {                                                                                              \
            pthread_testcancel();                                                                                      \
        }                                                                                                              \
        return result;                                                                                                 \
    }                                                                                                                  \
    QNX_HOST_REDIRECT(name, "qnx_host_" #name)

#endif
