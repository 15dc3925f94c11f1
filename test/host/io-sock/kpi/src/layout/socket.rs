//! `sys/socketvar.h`, as far as the bases agree.

use super::{SockBuf, Socket, Timeval};
use std::ffi::{c_int, c_short, c_ulong, c_void};
use std::mem::{ManuallyDrop, offset_of};

/// `so_upcall_t`.
pub type SoUpcall = Option<unsafe extern "C" fn(*mut Socket, *mut c_void, c_int) -> c_int>;

/// `TAILQ_HEAD`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TailqHead<T> {
    /// First element.
    pub first: *mut T,
    /// Where the last element's `next` is.
    pub last: *mut *mut T,
}

/// `TAILQ_ENTRY`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TailqEntry<T> {
    /// Next element.
    pub next: *mut T,
    /// Where the pointer to this element is.
    pub prev: *mut *mut T,
}

/// The part of a socket that a listener lays over its buffers.
#[repr(C)]
pub struct SolistenTail {
    /// Children not yet connected: none here, Linux keeps them.
    pub sol_incomp: TailqHead<Socket>,
    /// Children ready to be accepted.
    pub sol_comp: TailqHead<Socket>,
    /// How many are ready.
    pub sol_qlen: u32,
    /// How many are not.
    pub sol_incqlen: u32,
    /// Backlog.
    pub sol_qlimit: u32,
    /// Unused.
    pub sol_accept_filter: [*mut c_void; 3],
    /// Called under the listener's lock when a child is ready.
    pub sol_upcall: SoUpcall,
    /// Its argument.
    pub sol_upcallarg: *mut c_void,
    /// What children inherit.
    pub sol_sbrcv_lowat: c_int,
    /// What children inherit.
    pub sol_sbsnd_lowat: c_int,
    /// What children inherit.
    pub sol_sbrcv_hiwat: u32,
    /// What children inherit.
    pub sol_sbsnd_hiwat: u32,
    /// What children inherit.
    pub sol_sbrcv_flags: c_short,
    /// What children inherit.
    pub sol_sbsnd_flags: c_short,
    /// What children inherit.
    pub sol_sbrcv_timeo: i64,
    /// What children inherit.
    pub sol_sbsnd_timeo: i64,
    /// Unused.
    pub sol_lastover: Timeval,
    /// Connections that did not fit.
    pub sol_overcount: c_int,
}

/// The part of a socket that moves data.
#[repr(C)]
pub struct Buffers {
    /// Received data.
    pub so_rcv: SockBuf,
    /// Data to send.
    pub so_snd: SockBuf,
    /// Link in the listener's queue.
    pub so_list: TailqEntry<Socket>,
    /// The listener whose queue that is.
    pub so_listen: *mut Socket,
    /// `SQ_*`.
    pub so_qstate: c_int,
    /// Unused.
    pub so_peerlabel: *mut c_void,
    /// Unused.
    pub so_oobmark: c_ulong,
    /// Unused.
    pub so_ktls_rx_list: *mut c_void,
}

/// `solisten` turns one into the other.
#[repr(C)]
pub union SocketTail {
    /// Before, and for every socket that moves data.
    pub data: ManuallyDrop<Buffers>,
    /// After.
    pub listen: ManuallyDrop<SolistenTail>,
}

const _: () = {
    assert!(offset_of!(SolistenTail, sol_comp) == 16);
    assert!(offset_of!(SolistenTail, sol_qlen) == 32);
    assert!(offset_of!(SolistenTail, sol_incqlen) == 36);
    assert!(offset_of!(SolistenTail, sol_qlimit) == 40);
    assert!(offset_of!(SolistenTail, sol_upcall) == 72);
    assert!(offset_of!(SolistenTail, sol_upcallarg) == 80);
};
