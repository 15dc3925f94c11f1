/* callout(9): one-shot timers. The handler must not sleep. Drain before the module goes. */
#ifndef _SYS_CALLOUT_H_
#define _SYS_CALLOUT_H_

#include <sys/_callout.h>
#include <sys/systm.h>

#define CALLOUT_ACTIVE 0x0002
#define CALLOUT_PENDING 0x0004
#define CALLOUT_MPSAFE 0x0008
#define CALLOUT_RETURNUNLOCKED 0x0010
#define CALLOUT_SHAREDLOCK 0x0020

#define CS_DRAIN 0x0001
#define CS_EXECUTING 0x0002

void callout_init(struct callout *c, int mpsafe);
void _callout_init_lock(struct callout *c, struct lock_object *lock, int flags);
/* 1 = it was pending before. */
int callout_reset_sbt_on(struct callout *c, sbintime_t sbt, sbintime_t pr, callout_func_t *func, void *arg, int cpu, int flags);
int callout_schedule(struct callout *c, int ticks_from_now);
/* 1 = stopped, 0 = was running, -1 = was neither. */
int _callout_stop_safe(struct callout *c, int flags, void (*drain)(void *));

#define callout_init_mtx(c, mtx, flags) _callout_init_lock((c), ((mtx) != NULL) ? &(mtx)->lock_object : NULL, (flags))
#define callout_reset_sbt(c, sbt, pr, fn, arg, flags) callout_reset_sbt_on((c), (sbt), (pr), (fn), (arg), -1, (flags))
#define callout_reset(c, on_tick, fn, arg) callout_reset_sbt_on((c), tick_sbt * (on_tick), 0, (fn), (arg), -1, C_HARDCLOCK)
#define callout_stop(c) _callout_stop_safe(c, 0, NULL)
#define callout_drain(c) _callout_stop_safe(c, CS_DRAIN, NULL)
#define callout_active(c) ((c)->c_flags & CALLOUT_ACTIVE)
#define callout_deactivate(c) ((c)->c_flags &= ~CALLOUT_ACTIVE)
#define callout_pending(c) ((c)->c_iflags & CALLOUT_PENDING)

#endif
