/* What nearly every kernel file uses: assertions, messages, sleep and wakeup, formatted text. */
#ifndef _SYS_SYSTM_H_
#define _SYS_SYSTM_H_

/* Without it FreeBSD's header asks for a file that only a kernel's build makes, and locks become inline code. */
#ifndef KLD_MODULE
#error "a module is compiled with -DKLD_MODULE"
#endif

#include <sys/cdefs.h>
#include <sys/param.h>
#include <sys/types.h>
#include <sys/libkern.h>
#include <sys/queue.h>
#include <machine/atomic.h>
#include <machine/stdarg.h>

struct lock_object;
struct thread;
struct ucred;

/* Says the message and ends the process: io-sock is one process, and a panic is its death. */
void panic(const char *fmt, ...) __dead2 __printflike(1, 2);
void kassert_panic(const char *fmt, ...) __printflike(1, 2);

/* Live with INVARIANTS (io-sock-diag), else nothing. */
#ifdef INVARIANTS
#define KASSERT(exp, msg) \
	do { \
		if (__predict_false(!(exp))) \
			kassert_panic msg; \
	} while (0)
#else
#define KASSERT(exp, msg) do { } while (0)
#endif
#define MPASS(exp) KASSERT((exp), ("Assertion %s failed in %s, line %d", #exp, __func__, __LINE__))
#define CTASSERT(exp) _Static_assert(exp, "compile-time assertion failed")
#define __assert_unreachable() KASSERT(0, ("unreachable code in %s, line %d", __func__, __LINE__))

/* To the system log (slogger2). */
int printf(const char *fmt, ...) __KERNEL_SYMBOL(printf) __printflike(1, 2);
int vprintf(const char *fmt, va_list ap) __KERNEL_SYMBOL(vprintf) __printflike(1, 0);
int uprintf(const char *fmt, ...) __printflike(1, 2);
void log(int level, const char *fmt, ...) __KERNEL_SYMBOL(log) __printflike(2, 3);
void vlog(int level, const char *fmt, va_list ap) __KERNEL_SYMBOL(vlog) __printflike(2, 0);
/* To memory. */
int sprintf(char *buf, const char *fmt, ...) __KERNEL_SYMBOL(sprintf) __printflike(2, 3);
int vsprintf(char *buf, const char *fmt, va_list ap) __KERNEL_SYMBOL(vsprintf) __printflike(2, 0);
int snprintf(char *buf, size_t size, const char *fmt, ...) __KERNEL_SYMBOL(snprintf) __printflike(3, 4);
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap) __KERNEL_SYMBOL(vsnprintf) __printflike(3, 0);

/*
 * Sleep on a channel, any address. Enter and leave with the lock held (left unlocked with PDROP). 0 = woken, EWOULDBLOCK = time is
 * up, EINTR or ERESTART with PCATCH. A time of 0 is no limit.
 */
int _sleep(const void *chan, struct lock_object *lock, int pri, const char *wmesg, sbintime_t sbt, sbintime_t pr, int flags);
#define msleep(chan, mtx, pri, wmesg, timo) \
	_sleep((chan), &(mtx)->lock_object, (pri), (wmesg), tick_sbt * (timo), 0, C_HARDCLOCK)
#define msleep_sbt(chan, mtx, pri, wmesg, sbt, pr, flags) _sleep((chan), &(mtx)->lock_object, (pri), (wmesg), (sbt), (pr), (flags))
#define tsleep(chan, pri, wmesg, timo) _sleep((chan), NULL, (pri), (wmesg), tick_sbt * (timo), 0, C_HARDCLOCK)
#define tsleep_sbt(chan, pri, wmesg, sbt, pr, flags) _sleep((chan), NULL, (pri), (wmesg), (sbt), (pr), (flags))
/* For sure asleep that long; EWOULDBLOCK. */
int pause_sbt(const char *wmesg, sbintime_t sbt, sbintime_t pr, int flags);
/* libc has a pause of its own. */
static inline int
__kernel_pause(const char *wmesg, int timo);
#define pause(wmesg, timo) __kernel_pause((wmesg), (timo))
/* Any context, also with locks held. Lost unless the sleeper checks its condition under a lock that is held here too. */
void wakeup(const void *chan);
void wakeup_one(const void *chan);
void wakeup_any(const void *chan);

#define C_DIRECT_EXEC 0x0001
#define C_PREL(x) (((x) + 1) << 1)
#define C_HARDCLOCK 0x0100
#define C_ABSOLUTE 0x0200
#define C_PRECALC 0x0400
#define C_CATCH 0x0800

extern int cold;
extern const char *panicstr;
extern int bootverbose;
extern sbintime_t tick_sbt;
extern int hz;
extern int tick;
extern volatile int ticks;

static inline int
__kernel_pause(const char *wmesg, int timo)
{
	return (pause_sbt(wmesg, tick_sbt * (timo > 0 ? timo : 1), 0, C_HARDCLOCK));
}

void DELAY(int usec);

/* Memory of the calling client; kernel threads have none: EFAULT. */
int copyin(const void *uaddr, void *kaddr, size_t len);
int copyout(const void *kaddr, void *uaddr, size_t len);
int copyinstr(const void *uaddr, void *kaddr, size_t len, size_t *done);

/* 1 = found and stored. Tunables come from the kernel environment. */
char *kern_getenv(const char *name);
void freeenv(char *env);
int testenv(const char *name);
int getenv_int(const char *name, int *data);
int getenv_uint(const char *name, unsigned int *data);
int getenv_long(const char *name, long *data);
int getenv_ulong(const char *name, unsigned long *data);
int getenv_int64(const char *name, int64_t *data);
int getenv_uint64(const char *name, uint64_t *data);
int getenv_quad(const char *name, quad_t *data);
int getenv_bool(const char *name, bool *data);
int getenv_string(const char *name, char *data, int size);
int kern_setenv(const char *name, const char *value);
int kern_unsetenv(const char *name);

static inline void critical_enter(void) { }
static inline void critical_exit(void) { }
#define cpu_spinwait() __atomic_signal_fence(__ATOMIC_SEQ_CST)

#endif
