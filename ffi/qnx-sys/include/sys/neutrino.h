/*
 * Kernel calls of QNX 8: channels, connections, messages, pulses, events, timeouts, scheduling.
 *
 * Every call has a form named *_r that never touches errno and returns the error number instead: negative where the plain form
 * returns an id or a count, positive where success is EOK (docs/qnx-ipc.md 4.3). Calls that QNX 8 removed are absent:
 * ChannelCreateExt, MsgReceivePulsev, MsgReadiov, MsgKeyData, the asynchronous ones.
 */
#ifndef QNX_SYS_NEUTRINO_H
#define QNX_SYS_NEUTRINO_H

#include <qnx/decl.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/netmgr.h>
#include <sys/siginfo.h>
#include <sys/states.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

/* A part of a message, under the name that QNX's documentation uses. [L] */
typedef struct iovec iov_t;
#define SETIOV(iov, base, len) ((iov)->iov_base = (void *)(base), (iov)->iov_len = (len))
#define GETIOVBASE(iov) ((iov)->iov_base)
#define GETIOVLEN(iov) ((iov)->iov_len)

/* One receive. 64 bits wide and signed since QNX 8. [D8 H] */
typedef int64_t rcvid_t;

/* Fixed places and bits of identifiers [L] */
#define SYSMGR_PID 1
#define SYSMGR_CHID 1
#define SYSMGR_COID 0x40000000
#define _NTO_SIDE_CHANNEL 0x40000000
#define _NTO_GLOBAL_CHANNEL 0x40000000
#define _NTO_CONNECTION_SCOID 0x10000

/* ---- Channels ---------------------------------------------------------------------------------------------------- */

/* Channel flags. [L]; 0x200 and 0x400 were asynchronous ones, gone in 8. */
#define _NTO_CHF_FIXED_PRIORITY 0x0001u
#define _NTO_CHF_UNBLOCK 0x0002u
#define _NTO_CHF_THREAD_DEATH 0x0004u /* one channel per process [P] */
#define _NTO_CHF_DISCONNECT 0x0008u
#define _NTO_CHF_NET_MSG 0x0010u
#define _NTO_CHF_SENDER_LEN 0x0020u
#define _NTO_CHF_COID_DISCONNECT 0x0040u /* one channel per process [P] */
#define _NTO_CHF_REPLY_LEN 0x0080u
#define _NTO_CHF_PULSE_POOL 0x0100u
#define _NTO_CHF_GLOBAL 0x0800u
#define _NTO_CHF_PRIVATE 0x1000u
#define _NTO_CHF_MSG_PAUSING 0x2000u
#define _NTO_CHF_INHERIT_RUNMASK 0x4000u
#define _NTO_CHF_UNBLOCK_TIMER 0x8000u

/* A private pulse pool: 56 bytes. [L] */
struct nto_channel_config {
    struct sigevent event;    /* raised when the pool runs out, with _NTO_CHO_CUSTOM_EVENT */
    unsigned num_pulses;      /* entries allocated at once */
    unsigned rearm_threshold; /* free entries after which the event may be raised again: 0 to num_pulses [P] */
    unsigned options;
    unsigned reserved[3];
};
#define _NTO_CHO_CUSTOM_EVENT 1u /* without it an exhausted pool kills the process [M] */

QNX_BEGIN_DECLS
int ChannelCreate(unsigned flags);
int ChannelCreate_r(unsigned flags);
int ChannelCreatePulsePool(unsigned flags, const struct nto_channel_config *config);
int ChannelDestroy(int chid);
int ChannelDestroy_r(int chid);
QNX_END_DECLS

/* ---- Messages: what the kernel says about them ------------------------------------------------------------------- */

/* Where a message came from: 64 bytes. Old and 32-bit layouts put msglen before priority. [L] */
struct _msg_info64 {
    uint32_t nd;
    uint32_t srcnd;
    pid_t pid;
    int32_t tid;
    int32_t chid;
    int32_t scoid;
    int32_t coid;
    int16_t priority;
    int16_t flags;
    ssize_t msglen;    /* bytes received; good until the next MsgRead or MsgWrite */
    ssize_t srcmsglen; /* bytes sent, with _NTO_CHF_SENDER_LEN */
    ssize_t dstmsglen; /* room for the reply, with _NTO_CHF_REPLY_LEN */
    uint32_t type_id;
    uint32_t reserved;
};
/* The two older names are names of the same struct in 8. */
#define _msg_info _msg_info64
#define _server_info _msg_info64

#define _NTO_MI_ENDIAN_BIG 1
#define _NTO_MI_ENDIAN_DIFF 2
#define _NTO_MI_UNBLOCK_REQ 0x100
#define _NTO_MI_NET_CRED_DIRTY 0x200
#define _NTO_MI_CHROOT 0x800
#define _NTO_MI_BITS_64 0x1000
#define _NTO_MI_BITS_DIFF 0x2000

/* ---- Connections ------------------------------------------------------------------------------------------------- */

/* Connection flags. [L] unless tagged */
#define _NTO_COF_CLOEXEC 0x0001u
#define _NTO_COF_DEAD 0x0002u
#define _NTO_COF_NOINHERIT 0x0004u /* [P H] */
#define _NTO_COF_LOCAL 0x0008u     /* [P H] */
#define _NTO_COF_NOSHARE 0x0040u
#define _NTO_COF_ALLOWED 0x0080u /* [P H] */
#define _NTO_COF_NOEVENT 0x0800u
#define _NTO_COF_REG_EVENTS 0x2000u
#define _NTO_COF_DUP2 0x8000u /* [P H] */
#define _NTO_COF_MASK 0xffffu

/* Credentials: 60 bytes; the list is longer where ngroups says so (ConnectClientInfoExt). [L] */
struct _cred_info {
    uid_t ruid;
    uid_t euid;
    uid_t suid;
    gid_t rgid;
    gid_t egid;
    gid_t sgid;
    uint32_t ngroups;
    gid_t grouplist[8];
};

/* A client: 76 bytes. [L] */
struct _client_info {
    uint32_t nd;
    pid_t pid;
    pid_t sid;
    uint32_t flags;
    struct _cred_info cred;
};

/* One ability to ask about: 24 bytes. [L] */
struct _client_able {
    uint32_t ability;
    uint32_t flags;
    uint64_t range_lo;
    uint64_t range_hi;
};

#define _NTO_CI_ENDIAN_BIG 0x1u
#define _NTO_CI_BKGND_PGRP 0x4u
#define _NTO_CI_ORPHAN_PGRP 0x8u
#define _NTO_CI_STOPPED 0x80u
#define _NTO_CI_UNABLE 0x100u
#define _NTO_CI_TYPE_ID 0x200u
#define _NTO_CI_CHROOT 0x800u
#define _NTO_CI_LOADER 0x8000u
#define _NTO_CI_FULL_GROUPS 0x80000000u

#define _NTO_CLIENTINFO_GETGROUPS 1 /* [L] */
#define _NTO_CLIENTINFO_GETTYPEID 2 /* [D70] */

QNX_BEGIN_DECLS
int ConnectAttach(uint32_t nd, pid_t pid, int chid, unsigned index, int flags);
int ConnectAttach_r(uint32_t nd, pid_t pid, int chid, unsigned index, int flags);
int ConnectDetach(int coid);
int ConnectDetach_r(int coid);
int ConnectServerInfo(pid_t pid, int coid, struct _server_info *info);
int ConnectServerInfo_r(pid_t pid, int coid, struct _server_info *info);
int ConnectClientInfo(int scoid, struct _client_info *info, int ngroups);
int ConnectClientInfo_r(int scoid, struct _client_info *info, int ngroups);
int ConnectClientInfoExt(int scoid, struct _client_info **info, int flags);
int ClientInfoExtFree(struct _client_info **info);
int ConnectClientInfoAble(int scoid, struct _client_info **info, int flags, struct _client_able *abilities, int nable);
int ConnectClientInfoExtraArgs(int scoid, struct _client_info *info, int ngroups, struct _client_able *abilities,
                               int nable, unsigned *type_id);
int ConnectClientInfoExtraArgs_r(int scoid, struct _client_info *info, int ngroups, struct _client_able *abilities,
                                 int nable, unsigned *type_id);
int ConnectFlags(pid_t pid, int coid, unsigned mask, unsigned bits);
int ConnectFlags_r(pid_t pid, int coid, unsigned mask, unsigned bits);
QNX_END_DECLS

/* ---- Messages ---------------------------------------------------------------------------------------------------- */

QNX_BEGIN_DECLS
/* Send: s = bytes, v = parts, first for what is sent, second for the reply. nc = not a cancellation point. */
long MsgSend(int coid, const void *smsg, size_t sbytes, void *rmsg, size_t rbytes);
long MsgSend_r(int coid, const void *smsg, size_t sbytes, void *rmsg, size_t rbytes);
long MsgSendnc(int coid, const void *smsg, size_t sbytes, void *rmsg, size_t rbytes);
long MsgSendnc_r(int coid, const void *smsg, size_t sbytes, void *rmsg, size_t rbytes);
long MsgSendsv(int coid, const void *smsg, size_t sbytes, const struct iovec *riov, size_t rparts);
long MsgSendsv_r(int coid, const void *smsg, size_t sbytes, const struct iovec *riov, size_t rparts);
long MsgSendsvnc(int coid, const void *smsg, size_t sbytes, const struct iovec *riov, size_t rparts);
long MsgSendsvnc_r(int coid, const void *smsg, size_t sbytes, const struct iovec *riov, size_t rparts);
long MsgSendvs(int coid, const struct iovec *siov, size_t sparts, void *rmsg, size_t rbytes);
long MsgSendvs_r(int coid, const struct iovec *siov, size_t sparts, void *rmsg, size_t rbytes);
long MsgSendvsnc(int coid, const struct iovec *siov, size_t sparts, void *rmsg, size_t rbytes);
long MsgSendvsnc_r(int coid, const struct iovec *siov, size_t sparts, void *rmsg, size_t rbytes);
long MsgSendv(int coid, const struct iovec *siov, size_t sparts, const struct iovec *riov, size_t rparts);
long MsgSendv_r(int coid, const struct iovec *siov, size_t sparts, const struct iovec *riov, size_t rparts);
long MsgSendvnc(int coid, const struct iovec *siov, size_t sparts, const struct iovec *riov, size_t rparts);
long MsgSendvnc_r(int coid, const struct iovec *siov, size_t sparts, const struct iovec *riov, size_t rparts);

/* Receive: more than 0 is a message, 0 a pulse (info untouched), less an error. */
rcvid_t MsgReceive(int chid, void *msg, size_t bytes, struct _msg_info *info);
rcvid_t MsgReceive_r(int chid, void *msg, size_t bytes, struct _msg_info *info);
rcvid_t MsgReceivev(int chid, const struct iovec *iov, size_t parts, struct _msg_info *info);
rcvid_t MsgReceivev_r(int chid, const struct iovec *iov, size_t parts, struct _msg_info *info);
int MsgReceivePulse(int chid, void *pulse, size_t bytes, struct _msg_info *info);
int MsgReceivePulse_r(int chid, void *pulse, size_t bytes, struct _msg_info *info);

/* Answer, and reach into the client's buffers meanwhile. */
int MsgReply(rcvid_t rcvid, long status, const void *msg, size_t bytes);
int MsgReply_r(rcvid_t rcvid, long status, const void *msg, size_t bytes);
int MsgReplyv(rcvid_t rcvid, long status, const struct iovec *iov, size_t parts);
int MsgReplyv_r(rcvid_t rcvid, long status, const struct iovec *iov, size_t parts);
int MsgError(rcvid_t rcvid, int error);
int MsgError_r(rcvid_t rcvid, int error);
ssize_t MsgRead(rcvid_t rcvid, void *msg, size_t bytes, size_t offset);
ssize_t MsgRead_r(rcvid_t rcvid, void *msg, size_t bytes, size_t offset);
ssize_t MsgReadv(rcvid_t rcvid, const struct iovec *iov, size_t parts, size_t offset);
ssize_t MsgReadv_r(rcvid_t rcvid, const struct iovec *iov, size_t parts, size_t offset);
ssize_t MsgWrite(rcvid_t rcvid, const void *msg, size_t bytes, size_t offset);
ssize_t MsgWrite_r(rcvid_t rcvid, const void *msg, size_t bytes, size_t offset);
ssize_t MsgWritev(rcvid_t rcvid, const struct iovec *iov, size_t parts, size_t offset);
ssize_t MsgWritev_r(rcvid_t rcvid, const struct iovec *iov, size_t parts, size_t offset);
int MsgInfo(rcvid_t rcvid, struct _msg_info *info);
int MsgInfo_r(rcvid_t rcvid, struct _msg_info *info);
int MsgCurrent(rcvid_t rcvid);
int MsgCurrent_r(rcvid_t rcvid);
int MsgPause(rcvid_t rcvid, unsigned cookie);
int MsgPause_r(rcvid_t rcvid, unsigned cookie);
QNX_END_DECLS

/* ---- Pulses ------------------------------------------------------------------------------------------------------ */

/* A pulse as it is received: 24 bytes, aligned to 8. [D71 M] */
struct _pulse {
    uint16_t type;
    uint16_t subtype;
    int8_t code;
    uint8_t zero[3];
    union sigval value;
    int32_t scoid;
};
#define _PULSE_TYPE 0
#define _PULSE_SUBTYPE 0

/* Codes from 0 to 127 are the program's, below are the kernel's. [L], numbers at the end [H] */
#define _PULSE_CODE_MINAVAIL 0
#define _PULSE_CODE_MAXAVAIL 127
#define _PULSE_CODE_UNBLOCK (-32)
#define _PULSE_CODE_DISCONNECT (-33)
#define _PULSE_CODE_THREADDEATH (-34)
#define _PULSE_CODE_COIDDEATH (-35)
#define _PULSE_CODE_NET_ACK (-36)
#define _PULSE_CODE_NET_UNBLOCK (-37)
#define _PULSE_CODE_NET_DETACH (-38)
#define _PULSE_CODE_RESTART (-39)
#define _PULSE_CODE_NORESTART (-40)
#define _PULSE_CODE_UNBLOCK_RESTART (-41)
#define _PULSE_CODE_UNBLOCK_TIMER (-42)
#define _PULSE_CODE_PIPE_INPUT (-43)  /* [H] */
#define _PULSE_CODE_PIPE_OUTPUT (-44) /* [H] */
#define _NTO_PULSE_IF_UNIQUE 0x1000
#define _NTO_PULSE_REPLACE 0x2000

QNX_BEGIN_DECLS
int MsgSendPulse(int coid, int priority, int code, long value); /* a long in 8 [H]; 64 bits of data [D8] */
int MsgSendPulse_r(int coid, int priority, int code, long value);
int MsgSendPulsePtr(int coid, int priority, int code, void *value);
int MsgSendPulsePtr_r(int coid, int priority, int code, void *value);
QNX_END_DECLS

/* ---- Events ------------------------------------------------------------------------------------------------------ */

#define _NTO_REGEVENT_ALLOW_ANY_SERVER (-1) /* [H] */
#define _NTO_REGEVENT_ALLOW_SELF (-2)       /* [H] */

QNX_BEGIN_DECLS
int MsgRegisterEvent(struct sigevent *event, int coid);
int MsgRegisterEvent_r(struct sigevent *event, int coid);
int MsgUnregisterEvent(const struct sigevent *event);
int MsgUnregisterEvent_r(const struct sigevent *event);
int MsgVerifyEvent(rcvid_t rcvid, const struct sigevent *event);
int MsgVerifyEvent_r(rcvid_t rcvid, const struct sigevent *event);
int MsgDeliverEvent(rcvid_t rcvid, const struct sigevent *event);
int MsgDeliverEvent_r(rcvid_t rcvid, const struct sigevent *event);
QNX_END_DECLS

/* ---- Timeouts, scheduling, threads ------------------------------------------------------------------------------- */

/* SchedInfo: 64 bytes. [L] */
struct _sched_info {
    int priority_min;
    int priority_max;
    uint64_t interval;
    int priority_priv; /* the first privileged priority */
    int reserved[11];
};

/* ThreadCtl commands [L] */
#define _NTO_TCTL_IO_PRIV 1
#define _NTO_TCTL_THREADS_HOLD 2
#define _NTO_TCTL_THREADS_CONT 3
#define _NTO_TCTL_RUNMASK 4
#define _NTO_TCTL_ALIGN_FAULT 5
#define _NTO_TCTL_RUNMASK_GET_AND_SET 6
#define _NTO_TCTL_ONE_THREAD_HOLD 8
#define _NTO_TCTL_ONE_THREAD_CONT 9
#define _NTO_TCTL_RUNMASK_GET_AND_SET_INHERIT 10
#define _NTO_TCTL_NAME 11
#define _NTO_TCTL_IO 14
#define _NTO_TCTL_ADD_EXIT_EVENT 17
#define _NTO_TCTL_DEL_EXIT_EVENT 18
#define _NTO_TCTL_IO_LEVEL 19

QNX_BEGIN_DECLS
int TimerTimeout(clockid_t id, uint32_t flags, const struct sigevent *notify, const uint64_t *ntime, uint64_t *otime);
int TimerTimeout_r(clockid_t id, uint32_t flags, const struct sigevent *notify, const uint64_t *ntime, uint64_t *otime);
int SchedGet(pid_t pid, int tid, struct sched_param *param);
int SchedGet_r(pid_t pid, int tid, struct sched_param *param);
int SchedSet(pid_t pid, int tid, int policy, const struct sched_param *param);
int SchedSet_r(pid_t pid, int tid, int policy, const struct sched_param *param);
int SchedInfo(pid_t pid, int policy, struct _sched_info *info);
int SchedInfo_r(pid_t pid, int policy, struct _sched_info *info);
int ThreadCtl(int cmd, void *data);
int ThreadCtl_r(int cmd, void *data);
QNX_END_DECLS

#endif
