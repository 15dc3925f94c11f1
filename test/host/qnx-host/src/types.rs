//! QNX's structures as this crate lays them out, and the numbers that go with them.
//!
//! `qnx-sys` has the generated ones for users; these are kept apart because the stand-in has to name union arms and
//! padding that bindgen hides. `abi_check.rs` proves that both agree.

use core::ffi::c_void;

/// `rcvid_t`.
pub type RcvId = i64;

/// `struct _msg_info` (also `_server_info`): who sent a message and how long it is.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)]
pub struct MsgInfo {
    pub nd: u32,
    pub srcnd: u32,
    pub pid: i32,
    pub tid: i32,
    pub chid: i32,
    pub scoid: i32,
    pub coid: i32,
    pub priority: i16,
    pub flags: i16,
    pub msglen: i64,
    pub srcmsglen: i64,
    pub dstmsglen: i64,
    pub type_id: u32,
    pub reserved: u32,
}

/// `struct _cred_info`.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)]
pub struct CredInfo {
    pub ruid: i32,
    pub euid: i32,
    pub suid: i32,
    pub rgid: i32,
    pub egid: i32,
    pub sgid: i32,
    pub ngroups: u32,
    pub grouplist: [i32; 8],
}

/// `struct _client_info`.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)]
pub struct ClientInfo {
    pub nd: u32,
    pub pid: i32,
    pub sid: i32,
    pub flags: u32,
    pub cred: CredInfo,
}

/// `struct _client_able`.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)]
pub struct ClientAble {
    pub ability: u32,
    pub flags: u32,
    pub range_lo: u64,
    pub range_hi: u64,
}

/// `struct _pulse`. `value` is `union sigval`: eight bytes, whichever arm the sender used.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)]
pub struct Pulse {
    pub type_: u16,
    pub subtype: u16,
    pub code: i8,
    pub zero: [u8; 3],
    pub value: u64,
    pub scoid: i32,
    pub padding: u32,
}

/// `struct sigevent`. The unions are kept as raw words with named readers.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)]
pub struct SigEvent {
    pub notify: i32,
    pub padding: u32,
    /// signo, coid, id or handle in the low half; for `SIGEV_SEM` the address.
    pub target: u64,
    /// `sigev_value`.
    pub value: u64,
    /// code in bits 0..16, priority in bits 16..32.
    pub code_priority: u64,
}

impl SigEvent {
    /// Type without the flag bits.
    pub fn kind(&self) -> i32 {
        self.notify & SIGEV_TYPE_MASK
    }

    /// `sigev_coid`, `sigev_signo` or `sigev_handle`.
    pub fn target_int(&self) -> i32 {
        self.target as u32 as i32
    }

    /// `sigev_code`.
    pub fn code(&self) -> i16 {
        self.code_priority as u16 as i16
    }

    /// `sigev_priority`.
    pub fn priority(&self) -> i16 {
        (self.code_priority >> 16) as u16 as i16
    }
}

/// `struct nto_channel_config`.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)]
pub struct ChannelConfig {
    pub event: SigEvent,
    pub num_pulses: u32,
    pub rearm_threshold: u32,
    pub options: u32,
    pub reserved: [u32; 3],
}

/// `name_attach_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct NameAttach {
    pub dpp: *mut c_void,
    pub chid: i32,
    pub mntid: i32,
    pub zero: [i32; 2],
}

/// `struct stat` of QNX 8.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)]
pub struct Stat {
    pub ino: u64,
    pub size: i64,
    pub dev: u32,
    pub rdev: u32,
    pub uid: i32,
    pub gid: i32,
    pub old_times: [u32; 3],
    pub mode: u32,
    pub nlink: u32,
    pub blocksize: u32,
    pub nblocks: i32,
    pub blksize: u32,
    pub blocks: u64,
    pub mtim: [i64; 2],
    pub atim: [i64; 2],
    pub ctim: [i64; 2],
}

/// `struct sched_param`, 48 bytes.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)]
pub struct SchedParam {
    pub priority: i32,
    pub curpriority: i32,
    pub rest: [u64; 5],
}

/// `struct _sched_info`.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)]
pub struct SchedInfoData {
    pub priority_min: i32,
    pub priority_max: i32,
    pub interval: u64,
    pub priority_priv: i32,
    pub reserved: [i32; 11],
}

const _: () = {
    use core::mem::{offset_of, size_of};
    assert!(
        size_of::<MsgInfo>() == 64
            && offset_of!(MsgInfo, priority) == 28
            && offset_of!(MsgInfo, type_id) == 56
    );
    assert!(
        size_of::<CredInfo>() == 60 && size_of::<ClientInfo>() == 76 && offset_of!(ClientInfo, cred) == 16
    );
    assert!(size_of::<ClientAble>() == 24);
    assert!(size_of::<Pulse>() == 24 && offset_of!(Pulse, value) == 8 && offset_of!(Pulse, scoid) == 16);
    assert!(size_of::<SigEvent>() == 32 && offset_of!(SigEvent, value) == 16);
    assert!(size_of::<ChannelConfig>() == 56 && offset_of!(ChannelConfig, options) == 40);
    assert!(size_of::<NameAttach>() == 24);
    assert!(size_of::<Stat>() == 120 && offset_of!(Stat, mode) == 44 && offset_of!(Stat, blocks) == 64);
    assert!(offset_of!(Stat, mtim) == 72 && offset_of!(Stat, atim) == 88 && offset_of!(Stat, ctim) == 104);
    assert!(size_of::<SchedParam>() == 48);
};

macro_rules! numbers {
    ($($(#[$meta:meta])* $name:ident: $type:ty = $value:expr;)*) => {
        $($(#[$meta])* #[allow(missing_docs)] pub const $name: $type = $value;)*
    };
}

numbers! {
    SIDE_CHANNEL: i32 = 0x4000_0000;
    SYSMGR_COID: i32 = 0x4000_0000;
    CONNECTION_SCOID: i32 = 0x1_0000;

    CHF_FIXED_PRIORITY: u32 = 0x0001;
    CHF_UNBLOCK: u32 = 0x0002;
    CHF_THREAD_DEATH: u32 = 0x0004;
    CHF_DISCONNECT: u32 = 0x0008;
    CHF_SENDER_LEN: u32 = 0x0020;
    CHF_COID_DISCONNECT: u32 = 0x0040;
    CHF_REPLY_LEN: u32 = 0x0080;
    CHF_PULSE_POOL: u32 = 0x0100;
    CHF_PRIVATE: u32 = 0x1000;
    CHF_MSG_PAUSING: u32 = 0x2000;
    CHF_KNOWN: u32 = 0xF8FF;
    CHO_CUSTOM_EVENT: u32 = 1;

    COF_CLOEXEC: u32 = 0x1;
    COF_DEAD: u32 = 0x2;
    COF_NOEVENT: u32 = 0x800;
    COF_REG_EVENTS: u32 = 0x2000;
    COF_MASK: u32 = 0xFFFF;

    MI_UNBLOCK_REQ: i16 = 0x100;
    MI_BITS_64: i16 = 0x1000;

    CI_UNABLE: u32 = 0x100;
    CI_FULL_GROUPS: u32 = 0x8000_0000;

    PULSE_CODE_UNBLOCK: i8 = -32;
    PULSE_CODE_DISCONNECT: i8 = -33;
    PULSE_CODE_THREADDEATH: i8 = -34;
    PULSE_CODE_COIDDEATH: i8 = -35;

    /// Highest priority a thread may have.
    PRIORITY_MAX: i32 = 255;
    /// What a thread starts with.
    PRIORITY_DEFAULT: u8 = 10;
    /// Highest priority without the PROCMGR_AID_PRIORITY ability.
    PRIORITY_UNPRIVILEGED: i32 = 63;

    TIMEOUT_SEND: u32 = 0x10;
    TIMEOUT_RECEIVE: u32 = 0x20;
    TIMEOUT_REPLY: u32 = 0x40;
    TIMEOUT_SEM: u32 = 0x2_0000;
    TIMEOUT_NO_WAIT: u32 = 0x0200_0000;
    TIMER_ABSTIME: u32 = 0x8000_0000;

    CLOCK_REALTIME: i32 = 0;
    CLOCK_MONOTONIC: i32 = 2;

    SIGEV_TYPE_MASK: i32 = 0xFF;
    SIGEV_NONE: i32 = 0;
    SIGEV_SIGNAL: i32 = 1;
    SIGEV_SIGNAL_CODE: i32 = 2;
    SIGEV_SIGNAL_THREAD: i32 = 3;
    SIGEV_PULSE: i32 = 4;
    SIGEV_UNBLOCK: i32 = 5;
    SIGEV_INTR: i32 = 6;
    SIGEV_THREAD: i32 = 7;
    SIGEV_MEMORY: i32 = 8;
    SIGEV_SEM: i32 = 9;
    SIGEV_FLAG_UPDATEABLE: i32 = 0x400;
    SIGEV_FLAG_HANDLE: i32 = 0x2000;
    SIGEV_FLAG_CODE_UPDATEABLE: i32 = 0x4000;
    REGEVENT_ALLOW_ANY_SERVER: i32 = -1;
    REGEVENT_ALLOW_SELF: i32 = -2;

    NAME_FLAG_DETACH_SAVEDPP: u32 = 0x1;
    NAME_FLAG_ATTACH_GLOBAL: u32 = 0x2;
    NAME_FLAG_COF_CLOEXEC: u32 = 0x10;
    NAME_FLAG_COF_NOEVENT: u32 = 0x8000;

    SHMCTL_ANON: u32 = 0x1;
    SHMCTL_PHYS: u32 = 0x2;
    SHMCTL_SEAL: u32 = 0x4;
    SHMCTL_REVOCABLE: u32 = 0x8;
    SHMCTL_LAZY: u32 = 0x400;
    SHMCTL_GET_FLAGS: u32 = 0x4000;
    /// Hints that QNX 8 ignores: GLOBAL, PRIV, LOWERPROT, LAZYWRITE, HIGHUSAGE, NODEFRAG.
    SHMCTL_HINTS: u32 = 0x10 | 0x20 | 0x40 | 0x80 | 0x200 | 0x1000;
    SHM_CREATE_HANDLE_OPT_NOFD: u32 = 0x1;

    PROT_READ: i32 = 0x100;
    PROT_WRITE: i32 = 0x200;
    PROT_EXEC: i32 = 0x400;
    PROT_NOCACHE: i32 = 0x800;
    MAP_SHARED: i32 = 1;
    MAP_PRIVATE: i32 = 2;
    MAP_TYPE: i32 = 3;
    MAP_FIXED: i32 = 0x10;
    MAP_LAZY: i32 = 0x80;
    MAP_STACK: i32 = 0x1000;
    MAP_BELOW: i32 = 0x2000;
    MAP_PHYS: i32 = 0x1_0000;
    MAP_NOINHERIT: i32 = 0x2_0000;
    MAP_ANON: i32 = 0x8_0000;

    O_RDONLY: i32 = 0;
    O_WRONLY: i32 = 1;
    O_RDWR: i32 = 2;
    O_ACCMODE: i32 = 7;
    O_APPEND: i32 = 0x8;
    O_DSYNC: i32 = 0x10;
    O_SYNC: i32 = 0x20;
    O_NONBLOCK: i32 = 0x80;
    O_CREAT: i32 = 0x100;
    O_TRUNC: i32 = 0x200;
    O_EXCL: i32 = 0x400;
    O_NOCTTY: i32 = 0x800;
    O_NOFOLLOW: i32 = 0x1000;
    O_CLOEXEC: i32 = 0x2000;
    O_LARGEFILE: i32 = 0x8000;
    O_DIRECTORY: i32 = 0x10_0000;
}
