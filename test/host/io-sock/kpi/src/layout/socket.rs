//! `sys/sockbuf.h`, `sys/socketvar.h`, `sys/protosw.h`.

use super::{Mbuf, Mtx, Sx, Task, Timeval, Ucred};
use std::ffi::{c_int, c_short, c_ulong, c_void};
use std::mem::{ManuallyDrop, offset_of, size_of};
use std::sync::atomic::AtomicU32;

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

/// `struct sockbuf`.
#[repr(C)]
pub struct SockBuf {
    /// Guards every other field.
    pub sb_mtx: Mtx,
    /// Serialises senders, or receivers.
    pub sb_sx: Sx,
    /// Unused.
    pub sb_sel: *mut c_void,
    /// `SBS_*`.
    pub sb_state: c_short,
    /// First mbuf.
    pub sb_mb: *mut Mbuf,
    /// Last mbuf.
    pub sb_mbtail: *mut Mbuf,
    /// First mbuf of the last record.
    pub sb_lastrecord: *mut Mbuf,
    /// The mbuf with the first byte that was not sent yet, or the one before it; null: the first mbuf.
    pub sb_sndptr: *mut Mbuf,
    /// Unused.
    pub sb_fnrdy: *mut Mbuf,
    /// Bytes of that mbuf that were sent.
    pub sb_sndptroff: u32,
    /// Bytes that can be read.
    pub sb_acc: u32,
    /// Bytes held.
    pub sb_ccc: u32,
    /// Most bytes to hold.
    pub sb_hiwat: u32,
    /// Bytes of storage charged.
    pub sb_mbcnt: u32,
    /// mbufs held.
    pub sb_mcnt: u32,
    /// mbufs with external storage held.
    pub sb_ccnt: u32,
    /// Most bytes of storage.
    pub sb_mbmax: u32,
    /// Bytes that are not data.
    pub sb_ctl: u32,
    /// Unused.
    pub sb_tlscc: u32,
    /// Unused.
    pub sb_tlsdcc: u32,
    /// Fewest bytes worth waking somebody for.
    pub sb_lowat: c_int,
    /// Longest wait; 0 = no limit.
    pub sb_timeo: i64,
    /// Unused.
    pub sb_tls_seqno: u64,
    /// Unused.
    pub sb_tls: [*mut c_void; 3],
    /// `SB_*`.
    pub sb_flags: c_short,
    /// Called under the lock when something happens.
    pub sb_upcall: SoUpcall,
    /// Its argument.
    pub sb_upcallarg: *mut c_void,
    /// Unused.
    pub sb_aiojobq: TailqHead<c_void>,
    /// Unused.
    pub sb_aiotask: ManuallyDrop<Task>,
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

/// `struct socket`.
#[repr(C)]
pub struct Socket {
    /// Guards the state; of a listener, its queue.
    pub so_lock: Mtx,
    /// References.
    pub so_count: AtomicU32,
    /// Unused.
    pub so_rdsel: [u64; 9],
    /// Unused.
    pub so_wrsel: [u64; 9],
    /// `SOCK_*`.
    pub so_type: c_short,
    /// `SO_*`.
    pub so_options: c_int,
    /// Seconds.
    pub so_linger: c_short,
    /// `SS_*`.
    pub so_state: c_short,
    /// The protocol's part.
    pub so_pcb: *mut c_void,
    /// Unused.
    pub so_vnet: *mut c_void,
    /// The protocol.
    pub so_proto: *mut Protosw,
    /// Its address is the channel that connect sleeps on.
    pub so_timeo: c_short,
    /// Error for whoever comes next.
    pub so_error: u16,
    /// Unused.
    pub so_sigio: *mut c_void,
    /// Credential of its maker.
    pub so_cred: *mut Ucred,
    /// Unused.
    pub so_label: *mut c_void,
    /// Serial number.
    pub so_gencnt: u64,
    /// Unused.
    pub so_emuldata: *mut c_void,
    /// Called when the socket goes.
    pub so_dtor: Option<unsafe extern "C" fn(*mut Socket)>,
    /// Unused.
    pub osd: [u64; 4],
    /// Unused.
    pub so_fibnum: c_int,
    /// Unused.
    pub so_user_cookie: u32,
    /// Unused.
    pub so_ts_clock: c_int,
    /// Unused.
    pub so_max_pacing_rate: u32,
    /// Buffers or queue.
    pub tail: SocketTail,
}

/// `struct protosw`.
#[repr(C)]
pub struct Protosw {
    /// `SOCK_*`.
    pub pr_type: c_short,
    /// Unused.
    pub pr_domain: *mut c_void,
    /// `IPPROTO_*`.
    pub pr_protocol: c_short,
    /// `PR_*`.
    pub pr_flags: c_short,
    /// Input, output, control and timers: none.
    pub pr_hooks: [*mut c_void; 8],
    /// Calls.
    pub pr_usrreqs: *mut PrUsrreqs,
}

/// `struct pr_usrreqs`. The calls that are null are for the stack itself.
#[repr(C)]
pub struct PrUsrreqs {
    /// abort to listen.
    pub before_peeraddr: [*mut c_void; 10],
    /// The peer's address.
    pub pru_peeraddr: Option<extern "C" fn(*mut Socket, *mut *mut u8) -> c_int>,
    /// rcvd to flush.
    pub between: [*mut c_void; 7],
    /// The socket's own address.
    pub pru_sockaddr: Option<extern "C" fn(*mut Socket, *mut *mut u8) -> c_int>,
    /// sosend to connectat.
    pub after_sockaddr: [*mut c_void; 7],
}

const _: () = {
    assert!(size_of::<SockBuf>() == 280);
    assert!(offset_of!(SockBuf, sb_sx) == 32);
    assert!(offset_of!(SockBuf, sb_state) == 72);
    assert!(offset_of!(SockBuf, sb_mb) == 80);
    assert!(offset_of!(SockBuf, sb_acc) == 124);
    assert!(offset_of!(SockBuf, sb_ccc) == 128);
    assert!(offset_of!(SockBuf, sb_hiwat) == 132);
    assert!(offset_of!(SockBuf, sb_mbcnt) == 136);
    assert!(offset_of!(SockBuf, sb_mbmax) == 148);
    assert!(offset_of!(SockBuf, sb_lowat) == 164);
    assert!(offset_of!(SockBuf, sb_timeo) == 168);
    assert!(offset_of!(SockBuf, sb_flags) == 208);
    assert!(offset_of!(SockBuf, sb_upcall) == 216);
    assert!(offset_of!(SockBuf, sb_upcallarg) == 224);
    assert!(size_of::<Socket>() == 944);
    assert!(offset_of!(Socket, so_count) == 32);
    assert!(offset_of!(Socket, so_type) == 184);
    assert!(offset_of!(Socket, so_options) == 188);
    assert!(offset_of!(Socket, so_linger) == 192);
    assert!(offset_of!(Socket, so_state) == 194);
    assert!(offset_of!(Socket, so_pcb) == 200);
    assert!(offset_of!(Socket, so_proto) == 216);
    assert!(offset_of!(Socket, so_timeo) == 224);
    assert!(offset_of!(Socket, so_error) == 226);
    assert!(offset_of!(Socket, so_cred) == 240);
    assert!(offset_of!(Socket, tail) == 328);
    assert!(offset_of!(Buffers, so_snd) == 608 - 328);
    assert!(offset_of!(Buffers, so_list) == 888 - 328);
    assert!(offset_of!(Buffers, so_listen) == 904 - 328);
    assert!(offset_of!(Buffers, so_qstate) == 912 - 328);
    assert!(offset_of!(SolistenTail, sol_comp) == 344 - 328);
    assert!(offset_of!(SolistenTail, sol_qlen) == 360 - 328);
    assert!(offset_of!(SolistenTail, sol_incqlen) == 364 - 328);
    assert!(offset_of!(SolistenTail, sol_qlimit) == 368 - 328);
    assert!(offset_of!(SolistenTail, sol_upcall) == 400 - 328);
    assert!(offset_of!(SolistenTail, sol_upcallarg) == 408 - 328);
    assert!(size_of::<Protosw>() == 96);
    assert!(size_of::<PrUsrreqs>() == 26 * 8);
    assert!(offset_of!(PrUsrreqs, pru_peeraddr) == 80);
    assert!(offset_of!(PrUsrreqs, pru_sockaddr) == 144);
};
