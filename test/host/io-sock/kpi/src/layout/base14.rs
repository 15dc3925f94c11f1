//! FreeBSD 14.3: `sys/sockbuf.h`, `sys/socketvar.h`, `sys/protosw.h`, and the small things of `sys/_base.h`.

use super::{Buffers, Mbuf, Mtx, SoUpcall, SocketTail, Sx, TailqHead, Task, Ucred};
use std::ffi::{c_int, c_short, c_void};
use std::mem::{ManuallyDrop, offset_of, size_of};
use std::ptr::null_mut;
use std::sync::atomic::AtomicU32;

/// `__FreeBSD_version`.
pub const FREEBSD_VERSION: c_int = 1_403_000;
/// The number of the receive buffer for `soupcall_set`.
pub const SO_RCV: c_int = 0;
/// The number of the send buffer.
pub const SO_SND: c_int = 1;
/// Words at the end of a packet header.
pub const PKTHDR_MORE: usize = 1;
/// Words of the link in a `struct sysinit`.
pub const SYSINIT_LINK: usize = 1;
/// Words of the link in a `struct sysctl_oid`.
pub const SYSCTL_LINK: usize = 3;
/// Whether the buffers' locks are the socket's, and stay when it becomes a listener.
pub(crate) const LOCKS_STAY: bool = true;

/// `struct sockbuf`.
#[repr(C)]
pub struct SockBuf {
    /// Guards every other field: the socket's mutex for this buffer.
    pub sb_mtx: *mut Mtx,
    /// Unused.
    pub sb_sel: *mut c_void,
    /// `SBS_*`.
    pub sb_state: c_short,
    /// `SB_*`.
    pub sb_flags: c_short,
    /// Bytes that can be read.
    pub sb_acc: u32,
    /// Bytes held.
    pub sb_ccc: u32,
    /// Bytes of storage charged.
    pub sb_mbcnt: u32,
    /// Bytes that are not data.
    pub sb_ctl: u32,
    /// Most bytes to hold.
    pub sb_hiwat: u32,
    /// Fewest bytes worth waking somebody for. Unsigned in C; never negative.
    pub sb_lowat: c_int,
    /// Most bytes of storage.
    pub sb_mbmax: u32,
    /// Longest wait; 0 = no limit.
    pub sb_timeo: i64,
    /// Called under the lock when something happens.
    pub sb_upcall: SoUpcall,
    /// Its argument.
    pub sb_upcallarg: *mut c_void,
    /// Unused.
    pub sb_aiojobq: TailqHead<c_void>,
    /// Unused.
    pub sb_aiotask: ManuallyDrop<Task>,
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
    /// Unused.
    pub sb_tlscc: u32,
    /// Unused.
    pub sb_tlsdcc: u32,
    /// Unused.
    pub sb_mtls: [*mut c_void; 2],
    /// Unused.
    pub sb_tls_seqno: u64,
    /// Unused.
    pub sb_tls_info: *mut c_void,
}

/// A lock on a cache line of its own.
#[repr(C, align(64))]
pub struct Line<T>(pub T);

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
    /// `SO_*`.
    pub so_options: c_int,
    /// `SOCK_*`.
    pub so_type: c_short,
    /// `SS_*`.
    pub so_state: c_short,
    /// The protocol's part.
    pub so_pcb: *mut c_void,
    /// Unused.
    pub so_vnet: *mut c_void,
    /// The protocol.
    pub so_proto: *mut Protosw,
    /// Seconds.
    pub so_linger: c_short,
    /// Its address is the channel that connect sleeps on.
    pub so_timeo: c_short,
    /// Error for whoever comes next.
    pub so_error: u16,
    /// Error for whoever receives next: the stack here puts all in `so_error`.
    pub so_rerror: u16,
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
    /// Unused.
    pub so_splice: [u64; 3],
    /// The locks of the send buffer.
    pub so_snd_locks: Line<BufferLocks>,
    /// The locks of the receive buffer.
    pub so_rcv_locks: Line<BufferLocks>,
    /// Buffers or queue.
    pub tail: SocketTail,
}

/// The locks of one buffer, which the socket keeps.
#[repr(C)]
pub struct BufferLocks {
    /// Serialises senders, or receivers.
    pub sx: Sx,
    /// Guards the buffer.
    pub mtx: Mtx,
}

/// A protocol's call that gives an address in `M_SONAME` memory.
pub type AddressCall = extern "C" fn(*mut Socket, *mut *mut u8) -> c_int;

/// `struct protosw`: one table. The calls that are null are for the stack itself.
#[repr(C)]
pub struct Protosw {
    /// `SOCK_*`.
    pub pr_type: c_short,
    /// `IPPROTO_*`.
    pub pr_protocol: c_short,
    /// `PR_*`.
    pub pr_flags: c_short,
    /// Unused.
    pub pr_unused: c_short,
    /// Unused.
    pub pr_domain: *mut c_void,
    /// soreceive to ctloutput.
    pub before_peeraddr: [*mut c_void; 23],
    /// The peer's address.
    pub pr_peeraddr: Option<AddressCall>,
    /// The socket's own address.
    pub pr_sockaddr: Option<AddressCall>,
    /// sense to setsbopt.
    pub after_sockaddr: [*mut c_void; 4],
}

/// The two address calls, which [`Protosw::new`] copies into the table.
pub struct PrUsrreqs {
    peeraddr: AddressCall,
    sockaddr: AddressCall,
}

impl PrUsrreqs {
    /// The two address calls.
    pub(crate) const fn new(peeraddr: AddressCall, sockaddr: AddressCall) -> Self {
        Self { peeraddr, sockaddr }
    }
}

impl Protosw {
    /// A protocol whose address calls are in `calls`.
    pub(crate) const fn new(
        pr_type: c_short,
        pr_protocol: c_short,
        pr_flags: c_short,
        calls: &PrUsrreqs,
    ) -> Self {
        Self {
            pr_type,
            pr_protocol,
            pr_flags,
            pr_unused: 0,
            pr_domain: null_mut(),
            before_peeraddr: [null_mut(); 23],
            pr_peeraddr: Some(calls.peeraddr),
            pr_sockaddr: Some(calls.sockaddr),
            after_sockaddr: [null_mut(); 4],
        }
    }
}

/// The mutex and the I/O lock of the buffer `sb`.
///
/// # Safety
/// `sb` is a buffer of `so`; `send` says which.
pub(crate) unsafe fn locks(so: *mut Socket, _sb: *mut SockBuf, send: bool) -> (*mut Mtx, *mut Sx) {
    // SAFETY: the address of a field.
    let locks = unsafe {
        if send {
            &raw mut (*so).so_snd_locks.0
        } else {
            &raw mut (*so).so_rcv_locks.0
        }
    };
    // SAFETY: the addresses of fields.
    unsafe { (&raw mut (*locks).mtx, &raw mut (*locks).sx) }
}

impl SockBuf {
    /// Says where the mutex is, for C that has only the buffer.
    pub(crate) fn name_mutex(&mut self, mutex: *mut Mtx) {
        self.sb_mtx = mutex;
    }

    /// Nothing: 14 counts no mbufs.
    pub(crate) fn count_mbufs(&mut self, _mbufs: i32, _clusters: i32) {}
}

const _: () = {
    assert!(size_of::<SockBuf>() == 208);
    assert!(offset_of!(SockBuf, sb_state) == 16);
    assert!(offset_of!(SockBuf, sb_flags) == 18);
    assert!(offset_of!(SockBuf, sb_acc) == 20);
    assert!(offset_of!(SockBuf, sb_ccc) == 24);
    assert!(offset_of!(SockBuf, sb_mbcnt) == 28);
    assert!(offset_of!(SockBuf, sb_hiwat) == 36);
    assert!(offset_of!(SockBuf, sb_lowat) == 40);
    assert!(offset_of!(SockBuf, sb_mbmax) == 44);
    assert!(offset_of!(SockBuf, sb_timeo) == 48);
    assert!(offset_of!(SockBuf, sb_upcall) == 56);
    assert!(offset_of!(SockBuf, sb_upcallarg) == 64);
    assert!(offset_of!(SockBuf, sb_mb) == 120);
    assert!(offset_of!(SockBuf, sb_lastrecord) == 136);
    assert!(size_of::<Socket>() == 1024);
    assert!(offset_of!(Socket, so_count) == 32);
    assert!(offset_of!(Socket, so_options) == 184);
    assert!(offset_of!(Socket, so_type) == 188);
    assert!(offset_of!(Socket, so_state) == 190);
    assert!(offset_of!(Socket, so_pcb) == 192);
    assert!(offset_of!(Socket, so_proto) == 208);
    assert!(offset_of!(Socket, so_linger) == 216);
    assert!(offset_of!(Socket, so_timeo) == 218);
    assert!(offset_of!(Socket, so_error) == 220);
    assert!(offset_of!(Socket, so_rerror) == 222);
    assert!(offset_of!(Socket, so_cred) == 232);
    assert!(offset_of!(Socket, so_snd_locks) == 384);
    assert!(offset_of!(Socket, so_rcv_locks) == 448);
    assert!(offset_of!(BufferLocks, mtx) == 32);
    assert!(offset_of!(Socket, tail) == 512);
    assert!(offset_of!(Buffers, so_snd) == 720 - 512);
    assert!(offset_of!(Buffers, so_list) == 928 - 512);
    assert!(offset_of!(Buffers, so_listen) == 944 - 512);
    assert!(offset_of!(Buffers, so_qstate) == 952 - 512);
    assert!(size_of::<Protosw>() == 248);
    assert!(offset_of!(Protosw, pr_flags) == 4);
    assert!(offset_of!(Protosw, pr_peeraddr) == 200);
    assert!(offset_of!(Protosw, pr_sockaddr) == 208);
};
