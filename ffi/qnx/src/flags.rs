//! Flag words. The prefix of the C name is dropped; a bit without a name here is kept.

use core::ffi::c_int;

use bitflags::bitflags;
use qnx_sys as sys;

bitflags! {
    /// `_NTO_CHF_*`: how a channel behaves.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct ChannelFlags: u32 {
        /// `_NTO_CHF_FIXED_PRIORITY`: receivers keep their own priority.
        const FIXED_PRIORITY = sys::_NTO_CHF_FIXED_PRIORITY;
        /// `_NTO_CHF_UNBLOCK`: a waiting client that wants out is announced by a pulse. A server of several clients needs it.
        const UNBLOCK = sys::_NTO_CHF_UNBLOCK;
        /// `_NTO_CHF_THREAD_DEATH`: a pulse when a thread of ours dies. One channel per process.
        const THREAD_DEATH = sys::_NTO_CHF_THREAD_DEATH;
        /// `_NTO_CHF_DISCONNECT`: a pulse once all connections of a client process are gone.
        const DISCONNECT = sys::_NTO_CHF_DISCONNECT;
        /// `_NTO_CHF_SENDER_LEN`: fills [`MsgInfo::srcmsglen`](crate::MsgInfo::srcmsglen).
        const SENDER_LEN = sys::_NTO_CHF_SENDER_LEN;
        /// `_NTO_CHF_COID_DISCONNECT`: a pulse when a connection of ours loses its server. One channel per process.
        const COID_DISCONNECT = sys::_NTO_CHF_COID_DISCONNECT;
        /// `_NTO_CHF_REPLY_LEN`: fills [`MsgInfo::dstmsglen`](crate::MsgInfo::dstmsglen).
        const REPLY_LEN = sys::_NTO_CHF_REPLY_LEN;
        /// `_NTO_CHF_PULSE_POOL`: has a pulse pool of its own. Not passed by programs, who call
        /// [`Channel::with_pulse_pool`](crate::Channel::with_pulse_pool).
        const PULSE_POOL = sys::_NTO_CHF_PULSE_POOL;
        /// `_NTO_CHF_GLOBAL`: no public document says what it does on QNX 8.
        const GLOBAL = sys::_NTO_CHF_GLOBAL;
        /// `_NTO_CHF_PRIVATE`: for this process alone; needs no ability.
        const PRIVATE = sys::_NTO_CHF_PRIVATE;
        /// `_NTO_CHF_MSG_PAUSING`: allows `MsgPause`.
        const MSG_PAUSING = sys::_NTO_CHF_MSG_PAUSING;
        /// `_NTO_CHF_INHERIT_RUNMASK`: receivers take the sender's CPU mask.
        const INHERIT_RUNMASK = sys::_NTO_CHF_INHERIT_RUNMASK;
        /// `_NTO_CHF_UNBLOCK_TIMER`: no public document says what it does.
        const UNBLOCK_TIMER = sys::_NTO_CHF_UNBLOCK_TIMER;
        const _ = !0;
    }

    /// `_NTO_COF_*`: properties of a connection.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct ConnectFlags: u32 {
        /// `_NTO_COF_CLOEXEC`: closed when this process starts another program in its place.
        const CLOEXEC = sys::_NTO_COF_CLOEXEC;
        /// `_NTO_COF_DEAD`: the server is gone. Read only.
        const DEAD = sys::_NTO_COF_DEAD;
        /// `_NTO_COF_NOEVENT`: the server may send us no events.
        const NOEVENT = sys::_NTO_COF_NOEVENT;
        /// `_NTO_COF_REG_EVENTS`: only registered events are accepted.
        const REG_EVENTS = sys::_NTO_COF_REG_EVENTS;
        const _ = !0;
    }

    /// `_NTO_MI_*`: what the kernel says about a message. Sixteen bits in a signed field.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct MsgFlags: i32 {
        /// `_NTO_MI_ENDIAN_BIG`: the client's bytes are in big-endian order.
        const ENDIAN_BIG = sys::_NTO_MI_ENDIAN_BIG;
        /// `_NTO_MI_ENDIAN_DIFF`: the client's byte order is not ours; cannot happen on one machine.
        const ENDIAN_DIFF = sys::_NTO_MI_ENDIAN_DIFF;
        /// `_NTO_MI_UNBLOCK_REQ`: the client wants out: give up and answer.
        const UNBLOCK_REQ = sys::_NTO_MI_UNBLOCK_REQ;
        /// `_NTO_MI_CHROOT`: the client has a root directory of its own.
        const CHROOT = sys::_NTO_MI_CHROOT;
        /// `_NTO_MI_BITS_64`: a 64-bit client.
        const BITS_64 = sys::_NTO_MI_BITS_64;
        /// `_NTO_MI_BITS_DIFF`: the client's width is not ours.
        const BITS_DIFF = sys::_NTO_MI_BITS_DIFF;
        const _ = !0;
    }

    /// `_NTO_CI_*`: what the kernel says about a client process.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct ClientFlags: u32 {
        /// `_NTO_CI_BKGND_PGRP`: in the background.
        const BKGND_PGRP = sys::_NTO_CI_BKGND_PGRP;
        /// `_NTO_CI_ORPHAN_PGRP`: in an orphaned group.
        const ORPHAN_PGRP = sys::_NTO_CI_ORPHAN_PGRP;
        /// `_NTO_CI_STOPPED`: stopped by a signal.
        const STOPPED = sys::_NTO_CI_STOPPED;
        /// `_NTO_CI_UNABLE`: lacks an ability that was asked about.
        const UNABLE = sys::_NTO_CI_UNABLE;
        /// `_NTO_CI_CHROOT`: has a root directory of its own.
        const CHROOT = sys::_NTO_CI_CHROOT;
        /// `_NTO_CI_FULL_GROUPS`: the list of groups is complete.
        const FULL_GROUPS = sys::_NTO_CI_FULL_GROUPS;
        const _ = !0;
    }

    /// `_NTO_TIMEOUT_*`: the blocking states that a timeout ends.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct TimeoutFlags: u32 {
        /// `_NTO_TIMEOUT_SEND`: nobody has received our message yet.
        const SEND = sys::_NTO_TIMEOUT_SEND;
        /// `_NTO_TIMEOUT_RECEIVE`: nothing to receive.
        const RECEIVE = sys::_NTO_TIMEOUT_RECEIVE;
        /// `_NTO_TIMEOUT_REPLY`: our message was received and not answered. On a channel with
        /// [`ChannelFlags::UNBLOCK`] the server decides what the client gets, and when.
        const REPLY = sys::_NTO_TIMEOUT_REPLY;
        /// `_NTO_TIMEOUT_NANOSLEEP`: asleep for a time.
        const NANOSLEEP = sys::_NTO_TIMEOUT_NANOSLEEP;
        /// `_NTO_TIMEOUT_MUTEX`: waiting for a mutex.
        const MUTEX = sys::_NTO_TIMEOUT_MUTEX;
        /// `_NTO_TIMEOUT_CONDVAR`: waiting for a condition.
        const CONDVAR = sys::_NTO_TIMEOUT_CONDVAR;
        /// `_NTO_TIMEOUT_JOIN`: waiting for the end of a thread.
        const JOIN = sys::_NTO_TIMEOUT_JOIN;
        /// `_NTO_TIMEOUT_SEM`: waiting for a semaphore.
        const SEM = sys::_NTO_TIMEOUT_SEM;
        /// `TIMER_ABSTIME`: the time is a point on the clock and not a duration.
        const ABSTIME = sys::TIMER_ABSTIME;
        const _ = !0;
    }

    /// `NAME_FLAG_ATTACH_*`: how a name is attached.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct NameFlags: u32 {
        /// `NAME_FLAG_ATTACH_GLOBAL`: under `/dev/name/global`; needs the service gns.
        const GLOBAL = sys::NAME_FLAG_ATTACH_GLOBAL;
        const _ = !0;
    }

    /// `SHMCTL_*`: what a shared-memory object is.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct ShmFlags: c_int {
        /// `SHMCTL_ANON`: backed by RAM.
        const ANON = sys::SHMCTL_ANON;
        /// `SHMCTL_PHYS`: physical or contiguous memory.
        const PHYS = sys::SHMCTL_PHYS;
        /// `SHMCTL_SEAL`: size and flags are frozen, for the creator too. Contents are not.
        const SEAL = sys::SHMCTL_SEAL;
        /// `SHMCTL_REVOCABLE`: mappings can be taken back; then an access faults.
        const REVOCABLE = sys::SHMCTL_REVOCABLE;
        /// `SHMCTL_LAZY`: pages come at first touch, which can fail.
        const LAZY = sys::SHMCTL_LAZY;
        /// `SHMCTL_REPEAT`: a stride; not used here.
        const REPEAT = sys::SHMCTL_REPEAT;
        /// `SHMCTL_TYMEM`: typed memory.
        const TYMEM = sys::SHMCTL_TYMEM;
        /// `SHMCTL_HAS_SPECIAL`: no public document says what it does.
        const HAS_SPECIAL = sys::SHMCTL_HAS_SPECIAL;
        const _ = !0;
    }

    /// `PROT_*`: what may be done to mapped memory. The numbers are not Linux's.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct Prot: c_int {
        /// `PROT_READ`: loads are allowed.
        const READ = sys::PROT_READ;
        /// `PROT_WRITE`: stores are allowed.
        const WRITE = sys::PROT_WRITE;
        /// `PROT_EXEC`: the bytes may run.
        const EXEC = sys::PROT_EXEC;
        /// `PROT_NOCACHE`: accesses go past the processor's caches.
        const NOCACHE = sys::PROT_NOCACHE;
        const _ = !0;
    }

    /// `SIGEV_FLAG_*`: modifiers of an event, above the kind in the low byte.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct EventFlags: c_int {
        /// `SIGEV_FLAG_UPDATEABLE`: a server may put its own value in.
        const UPDATEABLE = sys::SIGEV_FLAG_UPDATEABLE;
        /// `SIGEV_FLAG_SIVAL_INT`: the value is an `int`.
        const SIVAL_INT = sys::SIGEV_FLAG_SIVAL_INT;
        /// `SIGEV_FLAG_NOQUEUE`: dropped when nobody is receiving.
        const NOQUEUE = sys::SIGEV_FLAG_NOQUEUE;
        /// `SIGEV_FLAG_HANDLE`: a registered event.
        const HANDLE = sys::SIGEV_FLAG_HANDLE;
        /// `SIGEV_FLAG_CODE_UPDATEABLE`: a server may put its own code in.
        const CODE_UPDATEABLE = sys::SIGEV_FLAG_CODE_UPDATEABLE;
        const _ = !0;
    }
}

impl TimeoutFlags {
    /// Both states of a sender, as `MsgSend` needs them.
    pub const SEND_REPLY: TimeoutFlags = TimeoutFlags::SEND.union(TimeoutFlags::REPLY);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_bits_are_kept() {
        assert_eq!(ChannelFlags::from_bits_retain(0x4000_0002).bits(), 0x4000_0002);
        assert_eq!(ShmFlags::from_bits_truncate(0x0010_0005).bits(), 0x0010_0005);
        assert!(ShmFlags::from_bits(0x0010_0005).is_some());
    }

    #[test]
    fn numbers_are_those_of_qnx() {
        assert_eq!(TimeoutFlags::SEND_REPLY.bits(), 0x50);
        assert_eq!((Prot::READ | Prot::WRITE).bits(), 0x300);
        assert_eq!((ShmFlags::ANON | ShmFlags::SEAL).bits(), 5);
        let channel = ChannelFlags::DISCONNECT
            | ChannelFlags::UNBLOCK
            | ChannelFlags::SENDER_LEN
            | ChannelFlags::REPLY_LEN;
        assert_eq!(channel.bits(), 0xAA);
        assert_eq!(MsgFlags::UNBLOCK_REQ.bits(), 0x100);
    }
}
