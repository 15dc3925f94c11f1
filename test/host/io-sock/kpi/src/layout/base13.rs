//! FreeBSD 13.0: `sys/sockbuf.h`, `sys/socketvar.h`, `sys/protosw.h`, and the small things of `sys/_base.h`.

use super::{Buffers, Mbuf, Mtx, SoUpcall, SocketTail, Sx, TailqHead, Task, Ucred};
use std::ffi::{c_int, c_short, c_void};
use std::mem::{ManuallyDrop, offset_of, size_of};
use std::ptr::null_mut;
use std::sync::atomic::AtomicU32;

/// `__FreeBSD_version`.
pub const FREEBSD_VERSION: c_int = 1_300_139;
/// The number of the receive buffer for `soupcall_set`.
pub const SO_RCV: c_int = 1;
/// The number of the send buffer.
pub const SO_SND: c_int = 2;
/// Words at the end of a packet header.
pub const PKTHDR_MORE: usize = 0;
/// Words of the link in a `struct sysinit`.
pub const SYSINIT_LINK: usize = 0;
/// Words of the link in a `struct sysctl_oid`.
pub const SYSCTL_LINK: usize = 1;
/// Whether the buffers' locks are the socket's, and stay when it becomes a listener.
pub(crate) const LOCKS_STAY: bool = false;

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

/// A protocol's call that gives an address in `M_SONAME` memory.
pub type AddressCall = extern "C" fn(*mut Socket, *mut *mut u8) -> c_int;

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
    pub pru_peeraddr: Option<AddressCall>,
    /// rcvd to flush.
    pub between: [*mut c_void; 7],
    /// The socket's own address.
    pub pru_sockaddr: Option<AddressCall>,
    /// sosend to aio_queue.
    pub after_sockaddr: [*mut c_void; 8],
}

/// The mutex and the I/O lock of the buffer `sb`.
///
/// # Safety
/// `sb` is a buffer of `so`; `send` says which.
pub(crate) unsafe fn locks(_so: *mut Socket, sb: *mut SockBuf, _send: bool) -> (*mut Mtx, *mut Sx) {
    // SAFETY: the addresses of fields.
    unsafe { (&raw mut (*sb).sb_mtx, &raw mut (*sb).sb_sx) }
}

impl SockBuf {
    /// Nothing: the locks lie in the buffer.
    pub(crate) fn name_mutex(&mut self, _mutex: *mut Mtx) {}

    /// Counts mbufs, and those with external storage, in or out.
    pub(crate) fn count_mbufs(&mut self, mbufs: i32, clusters: i32) {
        self.sb_mcnt = self.sb_mcnt.wrapping_add_signed(mbufs);
        self.sb_ccnt = self.sb_ccnt.wrapping_add_signed(clusters);
    }
}

impl PrUsrreqs {
    /// The two address calls; the others are for the stack itself.
    pub(crate) const fn new(peeraddr: AddressCall, sockaddr: AddressCall) -> Self {
        Self {
            before_peeraddr: [null_mut(); 10],
            pru_peeraddr: Some(peeraddr),
            between: [null_mut(); 7],
            pru_sockaddr: Some(sockaddr),
            after_sockaddr: [null_mut(); 8],
        }
    }
}

impl Protosw {
    /// A protocol whose address calls are in `calls`.
    pub(crate) const fn new(
        pr_type: c_short,
        pr_protocol: c_short,
        pr_flags: c_short,
        calls: *mut PrUsrreqs,
    ) -> Self {
        Self {
            pr_type,
            pr_domain: null_mut(),
            pr_protocol,
            pr_flags,
            pr_hooks: [null_mut(); 8],
            pr_usrreqs: calls,
        }
    }
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
    assert!(size_of::<Protosw>() == 96);
    assert!(size_of::<PrUsrreqs>() == 27 * 8);
    assert!(offset_of!(PrUsrreqs, pru_peeraddr) == 80);
    assert!(offset_of!(PrUsrreqs, pru_sockaddr) == 144);
};
