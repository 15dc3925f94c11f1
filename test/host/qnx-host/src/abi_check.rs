//! Proof at compile time that our structures and numbers are those of `qnx-sys`, which users of the exported functions
//! are compiled against.

use core::mem::{align_of, offset_of, size_of};

use crate::mutex::{Mutex, MutexAttr};
use crate::types as ours;

macro_rules! same_layout {
    ($($own:ty = $theirs:ident { $($field:ident = $their_field:ident),* })*) => {
        $(const _: () = {
            assert!(size_of::<$own>() == size_of::<qnx_sys::$theirs>());
            assert!(align_of::<$own>() <= align_of::<qnx_sys::$theirs>());
            $(assert!(offset_of!($own, $field) == offset_of!(qnx_sys::$theirs, $their_field));)*
        };)*
    };
}

same_layout! {
    ours::MsgInfo = _msg_info64 { pid = pid, tid = tid, chid = chid, scoid = scoid, coid = coid, priority = priority,
        flags = flags, msglen = msglen, srcmsglen = srcmsglen, dstmsglen = dstmsglen, type_id = type_id }
    ours::CredInfo = _cred_info { ruid = ruid, euid = euid, suid = suid, rgid = rgid, egid = egid, sgid = sgid,
        ngroups = ngroups, grouplist = grouplist }
    ours::ClientInfo = _client_info { nd = nd, pid = pid, sid = sid, flags = flags, cred = cred }
    ours::ClientAble = _client_able { ability = ability, flags = flags, range_lo = range_lo, range_hi = range_hi }
    ours::Pulse = _pulse { code = code, value = value, scoid = scoid }
    ours::SigEvent = sigevent { notify = sigev_notify, value = sigev_value }
    ours::ChannelConfig = nto_channel_config { event = event, num_pulses = num_pulses,
        rearm_threshold = rearm_threshold, options = options }
    ours::NameAttach = _name_attach { dpp = dpp, chid = chid, mntid = mntid }
    ours::SchedInfoData = _sched_info { priority_min = priority_min, priority_max = priority_max, interval = interval,
        priority_priv = priority_priv }
    ours::SchedParam = sched_param { priority = sched_priority, curpriority = sched_curpriority }
    ours::Stat = stat { ino = st_ino, size = st_size, mode = st_mode, nlink = st_nlink, blocks = st_blocks,
        mtim = st_mtim, ctim = st_ctim }
    libc::iovec = iovec { iov_base = iov_base, iov_len = iov_len }
    libc::timespec = timespec { tv_sec = tv_sec, tv_nsec = tv_nsec }
    Mutex = _sync {}
    MutexAttr = _sync_attr { protocol = __protocol, flags = __flags }
}

macro_rules! same_numbers {
    ($($own:ident = $theirs:ident),* $(,)?) => {
        $(const _: () = assert!(ours::$own as i64 as u32 == qnx_sys::$theirs as i64 as u32);)*
    };
}

same_numbers! {
    SIDE_CHANNEL = _NTO_SIDE_CHANNEL, CHF_UNBLOCK = _NTO_CHF_UNBLOCK, CHF_DISCONNECT = _NTO_CHF_DISCONNECT,
    CHF_SENDER_LEN = _NTO_CHF_SENDER_LEN, CHF_REPLY_LEN = _NTO_CHF_REPLY_LEN, CHF_PRIVATE = _NTO_CHF_PRIVATE,
    CHF_COID_DISCONNECT = _NTO_CHF_COID_DISCONNECT, CHF_FIXED_PRIORITY = _NTO_CHF_FIXED_PRIORITY,
    CHO_CUSTOM_EVENT = _NTO_CHO_CUSTOM_EVENT, COF_CLOEXEC = _NTO_COF_CLOEXEC, COF_NOEVENT = _NTO_COF_NOEVENT,
    COF_REG_EVENTS = _NTO_COF_REG_EVENTS, COF_DEAD = _NTO_COF_DEAD, MI_UNBLOCK_REQ = _NTO_MI_UNBLOCK_REQ,
    PULSE_CODE_UNBLOCK = _PULSE_CODE_UNBLOCK, PULSE_CODE_DISCONNECT = _PULSE_CODE_DISCONNECT,
    PULSE_CODE_COIDDEATH = _PULSE_CODE_COIDDEATH, PULSE_CODE_THREADDEATH = _PULSE_CODE_THREADDEATH,
    TIMEOUT_SEND = _NTO_TIMEOUT_SEND, TIMEOUT_REPLY = _NTO_TIMEOUT_REPLY, TIMEOUT_RECEIVE = _NTO_TIMEOUT_RECEIVE,
    SIGEV_PULSE = SIGEV_PULSE, SIGEV_SEM = SIGEV_SEM, SIGEV_UNBLOCK = SIGEV_UNBLOCK, SIGEV_SIGNAL = SIGEV_SIGNAL,
    SIGEV_FLAG_UPDATEABLE = SIGEV_FLAG_UPDATEABLE, SHMCTL_ANON = SHMCTL_ANON, SHMCTL_SEAL = SHMCTL_SEAL,
    SHMCTL_REVOCABLE = SHMCTL_REVOCABLE, SHMCTL_LAZY = SHMCTL_LAZY, SHMCTL_GET_FLAGS = SHMCTL_GET_FLAGS,
    PROT_READ = PROT_READ, PROT_WRITE = PROT_WRITE, MAP_SHARED = MAP_SHARED, MAP_ANON = MAP_ANON,
    O_CREAT = O_CREAT, O_CLOEXEC = O_CLOEXEC, O_EXCL = O_EXCL, CLOCK_MONOTONIC = CLOCK_MONOTONIC,
}
