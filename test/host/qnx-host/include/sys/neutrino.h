/*
 * QNX's kernel calls. Clocks and scheduling policies keep Linux's numbers in a program: they are translated here. Calls that
 * are cancellation points act on pthread_cancel.
 */
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

/* What the stand-in has and qnx-sys does not declare. */
QNX_BEGIN_DECLS
int ChannelCreatePulsePool_r(unsigned flags, const struct nto_channel_config *config);
int ClockTime(clockid_t id, const uint64_t *set, uint64_t *old); /* nanoseconds; setting is EPERM */
int ClockTime_r(clockid_t id, const uint64_t *set, uint64_t *old);
uint64_t ClockCycles(void); /* runs at SYSPAGE_ENTRY(qtime)->cycles_per_sec */
QNX_END_DECLS

QNX_HOST_KEEP(qnx_host_kernel_ClockTime, ClockTime);
QNX_HOST_WEAK int qnx_host_ClockTime(clockid_t id, const uint64_t *set, uint64_t *old) {
    return qnx_host_kernel_ClockTime(qnx_host_clock_number(id), set, old);
}
QNX_HOST_REDIRECT(ClockTime, "qnx_host_ClockTime");

QNX_HOST_KEEP(qnx_host_kernel_ClockTime_r, ClockTime_r);
QNX_HOST_WEAK int qnx_host_ClockTime_r(clockid_t id, const uint64_t *set, uint64_t *old) {
    return qnx_host_kernel_ClockTime_r(qnx_host_clock_number(id), set, old);
}
QNX_HOST_REDIRECT(ClockTime_r, "qnx_host_ClockTime_r");

/* Cancellation points. The nc forms of MsgSend are none. */
QNX_HOST_CANCELLATION_POINT(long, MsgSend, "MsgSend",
                            (int coid, const void *smsg, size_t sbytes, void *rmsg, size_t rbytes),
                            (coid, smsg, sbytes, rmsg, rbytes));
QNX_HOST_CANCELLATION_POINT(long, MsgSend_r, "MsgSend_r",
                            (int coid, const void *smsg, size_t sbytes, void *rmsg, size_t rbytes),
                            (coid, smsg, sbytes, rmsg, rbytes));
QNX_HOST_CANCELLATION_POINT(long, MsgSendsv, "MsgSendsv",
                            (int coid, const void *smsg, size_t sbytes, const struct iovec *riov, size_t rparts),
                            (coid, smsg, sbytes, riov, rparts));
QNX_HOST_CANCELLATION_POINT(long, MsgSendsv_r, "MsgSendsv_r",
                            (int coid, const void *smsg, size_t sbytes, const struct iovec *riov, size_t rparts),
                            (coid, smsg, sbytes, riov, rparts));
QNX_HOST_CANCELLATION_POINT(long, MsgSendvs, "MsgSendvs",
                            (int coid, const struct iovec *siov, size_t sparts, void *rmsg, size_t rbytes),
                            (coid, siov, sparts, rmsg, rbytes));
QNX_HOST_CANCELLATION_POINT(long, MsgSendvs_r, "MsgSendvs_r",
                            (int coid, const struct iovec *siov, size_t sparts, void *rmsg, size_t rbytes),
                            (coid, siov, sparts, rmsg, rbytes));
QNX_HOST_CANCELLATION_POINT(long, MsgSendv, "MsgSendv",
                            (int coid, const struct iovec *siov, size_t sparts, const struct iovec *riov, size_t rparts),
                            (coid, siov, sparts, riov, rparts));
QNX_HOST_CANCELLATION_POINT(long, MsgSendv_r, "MsgSendv_r",
                            (int coid, const struct iovec *siov, size_t sparts, const struct iovec *riov, size_t rparts),
                            (coid, siov, sparts, riov, rparts));
QNX_HOST_CANCELLATION_POINT(rcvid_t, MsgReceive, "MsgReceive",
                            (int chid, void *msg, size_t bytes, struct _msg_info *info),
                            (chid, msg, bytes, info));
QNX_HOST_CANCELLATION_POINT(rcvid_t, MsgReceive_r, "MsgReceive_r",
                            (int chid, void *msg, size_t bytes, struct _msg_info *info),
                            (chid, msg, bytes, info));
QNX_HOST_CANCELLATION_POINT(rcvid_t, MsgReceivev, "MsgReceivev",
                            (int chid, const struct iovec *iov, size_t parts, struct _msg_info *info),
                            (chid, iov, parts, info));
QNX_HOST_CANCELLATION_POINT(rcvid_t, MsgReceivev_r, "MsgReceivev_r",
                            (int chid, const struct iovec *iov, size_t parts, struct _msg_info *info),
                            (chid, iov, parts, info));
QNX_HOST_CANCELLATION_POINT(int, MsgReceivePulse, "MsgReceivePulse",
                            (int chid, void *pulse, size_t bytes, struct _msg_info *info),
                            (chid, pulse, bytes, info));
QNX_HOST_CANCELLATION_POINT(int, MsgReceivePulse_r, "MsgReceivePulse_r",
                            (int chid, void *pulse, size_t bytes, struct _msg_info *info),
                            (chid, pulse, bytes, info));

#endif
