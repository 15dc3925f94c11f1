//! `sys/mbuf.h`.

use super::PKTHDR_MORE;
use std::ffi::{c_int, c_short, c_void};
use std::mem::{offset_of, size_of};

/// `m_ext_free_t`: gives attached storage back.
pub type ExtFree = Option<unsafe extern "C" fn(*mut Mbuf)>;

/// `struct m_tag`.
#[repr(C)]
pub struct MTag {
    /// Next tag of the packet.
    pub m_tag_link: *mut MTag,
    /// Type within the cookie.
    pub m_tag_id: u16,
    /// Bytes behind this header.
    pub m_tag_len: u16,
    /// Who made it.
    pub m_tag_cookie: u32,
    /// How it goes.
    pub m_tag_free: Option<unsafe extern "C" fn(*mut MTag)>,
}

/// `struct pkthdr`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct PktHdr {
    /// Interface, or send tag.
    pub rcvif: *mut c_void,
    /// List of tags.
    pub tags: *mut MTag,
    /// Length of the whole packet.
    pub len: i32,
    /// Flow.
    pub flowid: u32,
    /// `CSUM_*`.
    pub csum_flags: u32,
    /// Routing table.
    pub fibnum: u16,
    /// NUMA domain; 255 = none.
    pub numa_domain: u8,
    /// Hash type.
    pub rsstype: u8,
    /// Time stamp, or header lengths.
    pub rcv_tstmp: u64,
    /// The packet's own scratch.
    pub ph_per: u64,
    /// The layer's own scratch.
    pub ph_loc: u64,
    /// What 14 has more.
    pub more: [u64; PKTHDR_MORE],
}

/// `struct m_ext`: storage outside the mbuf.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MExt {
    /// With `EXT_FLAG_EMBREF` the count (first four bytes), else a pointer to it.
    pub ext_cnt: *mut u32,
    /// Bytes of storage.
    pub ext_size: u32,
    /// `EXT_*` in the low 8 bits, `EXT_FLAG_*` in the upper 24.
    pub ext_type_flags: u32,
    /// Start of the storage.
    pub ext_buf: *mut u8,
    /// Second argument for `ext_free`.
    pub ext_arg2: *mut c_void,
    /// Room of the unmapped-pages variant.
    pub extpg_room: [u64; 14],
    /// Gives the storage back.
    pub ext_free: ExtFree,
    /// First argument for `ext_free`.
    pub ext_arg1: *mut c_void,
}

/// `struct mbuf` with all it may hold: without `M_PKTHDR` data starts at [`PktHdr`], without `M_EXT` at
/// [`MExt`].
#[repr(C)]
pub struct Mbuf {
    /// Next mbuf of the chain.
    pub m_next: *mut Mbuf,
    /// Next packet.
    pub m_nextpkt: *mut Mbuf,
    /// First byte of data.
    pub m_data: *mut u8,
    /// Bytes of data.
    pub m_len: i32,
    /// `MT_*` in the low 8 bits, `M_*` in the upper 24.
    pub m_type_flags: u32,
    /// Packet header.
    pub m_pkthdr: PktHdr,
    /// External storage.
    pub m_ext: MExt,
}

/// `struct mb_args`: what the mbuf zones' constructor is told.
#[repr(C)]
pub struct MbArgs {
    /// `M_*`.
    pub flags: c_int,
    /// `MT_*`.
    pub type_: c_short,
}

const _: () = {
    assert!(size_of::<Mbuf>() == 248 + 8 * PKTHDR_MORE);
    assert!(offset_of!(Mbuf, m_nextpkt) == 8);
    assert!(offset_of!(Mbuf, m_data) == 16);
    assert!(offset_of!(Mbuf, m_len) == 24);
    assert!(offset_of!(Mbuf, m_type_flags) == 28);
    assert!(offset_of!(Mbuf, m_pkthdr) == 32);
    assert!(offset_of!(Mbuf, m_pkthdr.tags) == 40);
    assert!(offset_of!(Mbuf, m_pkthdr.len) == 48);
    assert!(offset_of!(Mbuf, m_pkthdr.flowid) == 52);
    assert!(offset_of!(Mbuf, m_pkthdr.csum_flags) == 56);
    assert!(offset_of!(Mbuf, m_pkthdr.fibnum) == 60);
    assert!(offset_of!(Mbuf, m_pkthdr.numa_domain) == 62);
    assert!(offset_of!(Mbuf, m_pkthdr.rsstype) == 63);
    assert!(offset_of!(Mbuf, m_pkthdr.rcv_tstmp) == 64);
    assert!(offset_of!(Mbuf, m_pkthdr.ph_per) == 72);
    assert!(offset_of!(Mbuf, m_pkthdr.ph_loc) == 80);
    assert!(offset_of!(Mbuf, m_ext) == 88 + 8 * PKTHDR_MORE);
    assert!(offset_of!(Mbuf, m_ext.ext_size) == 96 + 8 * PKTHDR_MORE);
    assert!(offset_of!(Mbuf, m_ext.ext_type_flags) == 100 + 8 * PKTHDR_MORE);
    assert!(offset_of!(Mbuf, m_ext.ext_buf) == 104 + 8 * PKTHDR_MORE);
    assert!(offset_of!(Mbuf, m_ext.ext_arg2) == 112 + 8 * PKTHDR_MORE);
    assert!(offset_of!(Mbuf, m_ext.ext_free) == 232 + 8 * PKTHDR_MORE);
    assert!(offset_of!(Mbuf, m_ext.ext_arg1) == 240 + 8 * PKTHDR_MORE);
    assert!(size_of::<MExt>() == 160);
    assert!(size_of::<PktHdr>() == 56 + 8 * PKTHDR_MORE);
};
