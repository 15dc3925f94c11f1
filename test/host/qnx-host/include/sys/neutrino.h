/* QNX's kernel calls. Clocks and scheduling policies keep Linux's numbers in a program: they are translated here. */
#ifndef QNX_HOST_SYS_NEUTRINO_H
#define QNX_HOST_SYS_NEUTRINO_H

#include <qnx/on_linux.h>

#include "../../../../../ffi/qnx-sys/include/sys/neutrino.h"

/*
 * QNX's CLOCK_ number for one of Linux: REALTIME, MONOTONIC, PROCESS_CPUTIME_ID, THREAD_CPUTIME_ID, which are 0 to 3 there (time.h
 * hides the names in strict C). -1, which is refused, for others.
 */
QNX_HOST_WEAK int qnx_host_clock_number(clockid_t id) {
    static const signed char numbers[] = {0, 2, 3, 4};
    return id >= 0 && id < (int)sizeof numbers ? numbers[id] : -1;
}

/* Linux's TIMER_ABSTIME in the place of QNX's 0x80000000; its bit is that of state 0 (DEAD), which has no timeout. */
QNX_HOST_WEAK uint32_t qnx_host_timeout_flags(uint32_t flags) { return flags & 1u ? (flags & ~1u) | 0x80000000u : flags; }

QNX_HOST_KEEP(qnx_host_kernel_TimerTimeout, TimerTimeout);
QNX_HOST_WEAK int qnx_host_TimerTimeout(clockid_t id, uint32_t flags, const struct sigevent *notify,
                                        const uint64_t *ntime, uint64_t *otime) {
    return qnx_host_kernel_TimerTimeout(qnx_host_clock_number(id), qnx_host_timeout_flags(flags), notify, ntime, otime);
}
QNX_HOST_REDIRECT(TimerTimeout, "qnx_host_TimerTimeout");

QNX_HOST_KEEP(qnx_host_kernel_TimerTimeout_r, TimerTimeout_r);
QNX_HOST_WEAK int qnx_host_TimerTimeout_r(clockid_t id, uint32_t flags, const struct sigevent *notify,
                                          const uint64_t *ntime, uint64_t *otime) {
    return qnx_host_kernel_TimerTimeout_r(qnx_host_clock_number(id), qnx_host_timeout_flags(flags), notify, ntime,
                                          otime);
}
QNX_HOST_REDIRECT(TimerTimeout_r, "qnx_host_TimerTimeout_r");

#endif
