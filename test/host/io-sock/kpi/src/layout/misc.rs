//! `sys/uio.h`, `sys/sockopt.h`, `sys/socket.h`, `sys/time.h`, `sys/malloc.h`, `sys/_callout.h`,
//! `sys/_task.h`.

use super::{LockObject, Thread};
use std::ffi::{c_char, c_int, c_long, c_short, c_ulong, c_void};
use std::mem::{offset_of, size_of};
use std::sync::atomic::AtomicU64;

/// `struct iovec`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Iovec {
    /// First byte.
    pub iov_base: *mut u8,
    /// Bytes.
    pub iov_len: usize,
}

/// `struct uio`.
#[repr(C)]
pub struct Uio {
    /// Pieces; may be null in mbuf mode.
    pub uio_iov: *mut Iovec,
    /// Pieces left.
    pub uio_iovcnt: c_int,
    /// Unused by sockets.
    pub uio_offset: i64,
    /// Bytes still to move.
    pub uio_resid: isize,
    /// `UIO_USERSPACE`, `UIO_SYSSPACE`.
    pub uio_segflg: c_int,
    /// `UIO_READ` 0, `UIO_WRITE` 1.
    pub uio_rw: c_int,
    /// May be null.
    pub uio_td: *mut Thread,
}

/// `struct sockopt`.
#[repr(C)]
pub struct SockOpt {
    /// `SOPT_GET` 0, `SOPT_SET` 1.
    pub sopt_dir: c_int,
    /// `SOL_SOCKET` or a protocol.
    pub sopt_level: c_int,
    /// Option.
    pub sopt_name: c_int,
    /// Value.
    pub sopt_val: *mut c_void,
    /// Its size; on a get the size that was written.
    pub sopt_valsize: usize,
    /// Null: kernel memory.
    pub sopt_td: *mut Thread,
}

/// `struct linger`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Linger {
    /// Not 0: on.
    pub l_onoff: c_int,
    /// Seconds.
    pub l_linger: c_int,
}

/// `struct timeval` with QNX's 32-bit `suseconds_t`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Timeval {
    /// Seconds.
    pub tv_sec: i64,
    /// Microseconds.
    pub tv_usec: i32,
    /// Padding.
    pub pad: i32,
}

/// `struct timespec`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Timespec {
    /// Seconds.
    pub tv_sec: i64,
    /// Nanoseconds.
    pub tv_nsec: c_long,
}

/// `struct malloc_type`. The counters live in what C calls `mti_spare`.
#[repr(C)]
pub struct MallocType {
    /// Next type.
    pub ks_next: *mut MallocType,
    /// `M_VERSION`.
    pub ks_version: c_ulong,
    /// Name.
    pub ks_shortdesc: *const c_char,
    /// Unused.
    pub mti_probes: [u32; 2],
    /// Unused.
    pub mti_zone: u64,
    /// Unused.
    pub mti_stats: *mut c_void,
    /// Bytes allocated and not freed.
    pub bytes: AtomicU64,
    /// Blocks allocated and not freed.
    pub blocks: AtomicU64,
    /// Blocks ever allocated.
    pub total: AtomicU64,
    /// Not 0 between `malloc_init` and `malloc_uninit`.
    pub ready: AtomicU64,
    /// Unused.
    pub spare: [u64; 4],
}

/// `struct callout`.
#[repr(C)]
pub struct Callout {
    /// Handler.
    pub c_func: Option<unsafe extern "C" fn(*mut c_void)>,
    /// Its argument.
    pub c_arg: *mut c_void,
    /// Held while the handler runs; may be null.
    pub c_lock: *mut LockObject,
    /// When, as time since boot.
    pub c_time: i64,
    /// `CALLOUT_ACTIVE`, `CALLOUT_RETURNUNLOCKED`.
    pub c_flags: c_short,
    /// `CALLOUT_PENDING`.
    pub c_iflags: c_short,
    /// Unused.
    pub c_cpu: c_int,
    /// Which arming is the current one.
    pub c_sequence: u64,
    /// The size of FreeBSD's.
    pub c_room: u64,
}

/// `struct task`.
#[repr(C)]
pub struct Task {
    /// Queue link.
    pub ta_link: *mut Task,
    /// Times it was enqueued since it last ran; 0 = not queued.
    pub ta_pending: u16,
    /// Unused.
    pub ta_priority: u8,
    /// Unused.
    pub ta_flags: u8,
    /// Work.
    pub ta_func: Option<unsafe extern "C" fn(*mut c_void, c_int)>,
    /// Its argument.
    pub ta_context: *mut c_void,
}

const _: () = {
    assert!(size_of::<Iovec>() == 16);
    assert!(size_of::<Uio>() == 48);
    assert!(offset_of!(Uio, uio_iovcnt) == 8);
    assert!(offset_of!(Uio, uio_offset) == 16);
    assert!(offset_of!(Uio, uio_resid) == 24);
    assert!(offset_of!(Uio, uio_segflg) == 32);
    assert!(offset_of!(Uio, uio_rw) == 36);
    assert!(offset_of!(Uio, uio_td) == 40);
    assert!(size_of::<SockOpt>() == 40);
    assert!(offset_of!(SockOpt, sopt_val) == 16);
    assert!(offset_of!(SockOpt, sopt_td) == 32);
    assert!(size_of::<Linger>() == 8);
    assert!(size_of::<Timeval>() == 16);
    assert!(size_of::<MallocType>() == 112);
    assert!(offset_of!(MallocType, ks_shortdesc) == 16);
    assert!(offset_of!(MallocType, mti_probes) == 24);
    assert!(size_of::<Callout>() == 56);
    assert!(size_of::<Task>() == 32);
};
