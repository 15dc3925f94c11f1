//! mbuf(9).
//!
//! | File | What |
//! |---|---|
//! | `mod.rs` | [`Mb`], a pointer to an mbuf with its fields |
//! | `get.rs` | making and freeing them |
//! | `ext.rs` | external storage and its reference counts |
//! | `chain.rs` | lengths, joining, trimming |
//! | `copy.rs` | copying and sharing |
//! | `shape.rs` | rearranging: pullup, prepend, split, defrag |
//! | `tag.rs`, `uio.rs` | packet tags; to and from a uio |

mod chain;
mod copy;
mod ext;
mod get;
mod shape;
mod tag;
mod uio;

pub use chain::{m_adj, m_cat, m_catpkt, m_demote, m_demote_pkthdr, m_fixhdr, m_getptr, m_length};
pub use copy::{
    m_append, m_apply, m_copyback, m_copydata, m_copym, m_copypacket, m_dup, m_dup_pkthdr, m_move_pkthdr,
    m_pkthdr_init, m_sanity,
};
pub(crate) use ext::{attach_cluster, attach_of_driver, ext_alive, ext_attached};
pub use ext::{m_extadd, mb_dupcl, mb_free_ext};
pub(crate) use get::{get, getcl, put};
pub use get::{
    m_clget, m_cljget, m_freem, m_get2, m_getjcl, m_getm2, max_datalen, max_hdr, max_linkhdr, max_protohdr,
    nmbclusters, nmbufs,
};
pub use shape::{m_collapse, m_defrag, m_prepend, m_pullup, m_split, m_unshare};
pub use tag::{
    m_tag_alloc, m_tag_copy_chain, m_tag_delete, m_tag_delete_chain, m_tag_free_default, m_tag_locate,
};
pub use uio::{m_mbuftouio, m_uiotombuf, uiomove};

use crate::layout::{MExt, Mbuf, PktHdr};
use crate::panic::die;
use std::ffi::c_int;
use std::mem::offset_of;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU8, Ordering};

/// `M_*` flags, as in `sys/mbuf.h`.
pub const M_EXT: u32 = 0x1;
/// Has a packet header.
pub const M_PKTHDR: u32 = 0x2;
/// End of a record.
pub const M_EOR: u32 = 0x4;
/// Storage must not be written.
pub const M_RDONLY: u32 = 0x8;
const M_EXTPG: u32 = 0x100;
const M_NOFREE: u32 = 0x200;
const M_PROTOFLAGS: u32 = 0x00ff_e000;
const M_COPYFLAGS: u32 =
    M_PKTHDR | M_EOR | M_RDONLY | 0x10 | 0x20 | 0x40 | 0x80 | 0x400 | 0x800 | 0x1000 | M_PROTOFLAGS;

/// `MT_DATA`.
pub const MT_DATA: i16 = 1;
pub(crate) const MT_SONAME: i16 = 8;
const MT_NOINIT: i16 = 255;

/// Everything.
pub const M_COPYALL: c_int = 1_000_000_000;
/// Bytes of an mbuf in its zone.
pub(crate) const MSIZE: usize = 256;
pub(crate) const MCLBYTES: usize = 2048;
/// Room inside an mbuf, without and with a packet header.
pub const MLEN: usize = MSIZE - offset_of!(Mbuf, m_pkthdr);
/// As [`MLEN`], with a header.
pub const MHLEN: usize = MSIZE - offset_of!(Mbuf, m_ext);

/// Whether an mbuf is in use. Kept apart from the mbufs, whose 256 bytes can all be data: see
/// [`crate::uma::mark`].
const FREE: u8 = 0;
const LIVE: u8 = 1;
/// Freed by its holder, kept until the last duplicate of its storage is gone.
const PINNED: u8 = 2;

/// A pointer to an mbuf, with its fields.
///
/// # Invariants
/// Points to an item of the mbuf zone, whose memory is never unmapped. Who holds an mbuf, and may touch it,
/// is by the rules of mbuf(9): this is a pointer of C with a better face, made for code behind a C interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Mb(NonNull<Mbuf>);

// SAFETY: whoever holds an mbuf may hand it to another thread; the rules of mbuf(9) again.
unsafe impl Send for Mb {}

macro_rules! fields {
    ($($(#[$doc:meta])* $get:ident $set:ident: $type:ty = $field:ident $(. $sub:ident)*;)*) => {
        $(
            $(#[$doc])*
            pub(crate) fn $get(self) -> $type {
                // SAFETY: the invariants.
                unsafe { (*self.0.as_ptr()).$field $(.$sub)* }
            }
            pub(crate) fn $set(self, value: $type) {
                // SAFETY: the invariants.
                unsafe { (*self.0.as_ptr()).$field $(.$sub)* = value };
            }
        )*
    };
}

impl Mb {
    /// # Safety
    /// `m` is null or an mbuf of this crate that the caller holds.
    pub unsafe fn from_raw(m: *mut Mbuf) -> Option<Mb> {
        NonNull::new(m).map(Mb)
    }

    /// The `struct mbuf`.
    pub fn as_ptr(self) -> *mut Mbuf {
        self.0.as_ptr()
    }

    fields! {
        /// `m_data`.
        data set_data: *mut u8 = m_data;
        /// `m_pkthdr`, valid with `M_PKTHDR`.
        pkthdr set_pkthdr: PktHdr = m_pkthdr;
        /// `m_ext`, valid with `M_EXT`.
        ext set_ext: MExt = m_ext;
        raw_next set_raw_next: *mut Mbuf = m_next;
        raw_nextpkt set_raw_nextpkt: *mut Mbuf = m_nextpkt;
        raw_len set_raw_len: i32 = m_len;
        type_flags set_type_flags: u32 = m_type_flags;
        raw_pkt_len set_raw_pkt_len: i32 = m_pkthdr.len;
        tags set_tags: *mut crate::layout::MTag = m_pkthdr.tags;
    }

    fn ext_cnt(self) -> *mut u32 {
        // SAFETY: the invariants.
        unsafe { (*self.0.as_ptr()).m_ext.ext_cnt }
    }

    fn ext_buf(self) -> *mut u8 {
        // SAFETY: the invariants.
        unsafe { (*self.0.as_ptr()).m_ext.ext_buf }
    }

    /// Bytes of external storage; only with `M_EXT`.
    pub(crate) fn ext_size(self) -> u32 {
        // SAFETY: the invariants.
        unsafe { (*self.0.as_ptr()).m_ext.ext_size }
    }

    fn ext_type_flags(self) -> u32 {
        // SAFETY: the invariants.
        unsafe { (*self.0.as_ptr()).m_ext.ext_type_flags }
    }

    /// Bytes of data (`m_len`).
    pub fn len(self) -> usize {
        usize::try_from(self.raw_len()).unwrap_or_else(|_| die!("an mbuf with m_len {}", self.raw_len()))
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.raw_len() == 0
    }

    /// Sets `m_len`.
    pub fn set_len(self, len: usize) {
        self.set_raw_len(len as i32);
    }

    /// The next mbuf of the chain.
    pub fn next(self) -> Option<Mb> {
        NonNull::new(self.raw_next()).map(Mb)
    }

    pub(crate) fn set_next(self, next: Option<Mb>) {
        self.set_raw_next(next.map_or(null_mut(), Mb::as_ptr));
    }

    pub(crate) fn nextpkt(self) -> Option<Mb> {
        NonNull::new(self.raw_nextpkt()).map(Mb)
    }

    pub(crate) fn set_nextpkt(self, next: Option<Mb>) {
        self.set_raw_nextpkt(next.map_or(null_mut(), Mb::as_ptr));
    }

    /// `M_*` flags.
    pub fn flags(self) -> u32 {
        self.type_flags() >> 8
    }

    pub(crate) fn set_flags(self, flags: u32) {
        self.set_type_flags(self.type_flags() & 0xff | flags << 8);
    }

    pub(crate) fn has(self, flag: u32) -> bool {
        self.flags() & flag != 0
    }

    /// `MT_*`.
    pub fn mtype(self) -> i16 {
        (self.type_flags() & 0xff) as i16
    }

    pub(crate) fn set_mtype(self, mtype: i16) {
        self.set_type_flags(self.type_flags() & !0xff | mtype as u32 & 0xff);
    }

    /// Length in the packet header; only with `M_PKTHDR`.
    pub fn pkt_len(self) -> i32 {
        self.raw_pkt_len()
    }

    /// Sets the length in the packet header; only with `M_PKTHDR`.
    pub fn set_pkt_len(self, len: usize) {
        self.set_raw_pkt_len(len as i32);
    }

    fn add_pkt_len(self, by: isize) {
        if self.has(M_PKTHDR) {
            self.set_raw_pkt_len(self.raw_pkt_len() + by as i32);
        }
    }

    /// Where inline data begins when there is no header, or when there is one.
    fn inline_start(self) -> *mut u8 {
        let base: *mut u8 = self.0.as_ptr().cast();
        // SAFETY: within the 256 bytes of the item.
        unsafe {
            base.add(if self.has(M_PKTHDR) {
                MSIZE - MHLEN
            } else {
                MSIZE - MLEN
            })
        }
    }

    /// `M_START`: the storage's first byte.
    fn start(self) -> *mut u8 {
        if self.has(M_EXT) {
            self.ext_buf()
        } else {
            self.inline_start()
        }
    }

    /// `M_SIZE`: the storage's bytes.
    fn size(self) -> usize {
        match (self.has(M_EXT), self.has(M_PKTHDR)) {
            (true, _) => self.ext_size() as usize,
            (false, true) => MHLEN,
            (false, false) => MLEN,
        }
    }

    /// `M_WRITABLE`.
    pub(crate) fn writable(self) -> bool {
        !self.has(M_RDONLY | M_EXTPG) && (!self.has(M_EXT) || ext::count(self) == 1)
    }

    /// `M_TRAILINGSPACE`.
    pub fn trailing(self) -> usize {
        if self.writable() {
            (self.start() as usize + self.size()) - (self.data() as usize + self.len())
        } else {
            0
        }
    }

    /// The data, to read.
    ///
    /// # Safety
    /// Nobody writes the data while the slice lives.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: `m_data` and `m_len` lie within the storage; the rest is the caller's contract.
        unsafe { std::slice::from_raw_parts(self.data(), self.len()) }
    }

    /// Copies `from` to offset `at` of the data area, which is writable and has room.
    pub(crate) fn write_at(self, at: usize, from: &[u8]) {
        // SAFETY: callers checked `trailing` or the length.
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), self.data().add(at), from.len()) };
    }

    /// Trims `n` bytes in front. `n` is at most `len`.
    pub(crate) fn advance(self, n: usize) {
        self.set_data(self.data().wrapping_add(n));
        self.set_raw_len(self.raw_len() - n as i32);
    }

    /// This one and those behind it.
    pub fn iter(self) -> impl Iterator<Item = Mb> {
        std::iter::successors(Some(self), |m| m.next())
    }

    /// The last of the chain.
    pub(crate) fn last(self) -> Mb {
        let mut m = self;
        while let Some(next) = m.next() {
            m = next;
        }
        m
    }

    fn state(self) -> &'static AtomicU8 {
        match crate::uma::mark(self.0.as_ptr().cast()) {
            Some(mark) => mark,
            None => die!("{:p} is no mbuf", self.0),
        }
    }

    /// Ends the process when the mbuf is not in use.
    pub(crate) fn check(self, what: &str) {
        match self.state().load(Ordering::Relaxed) {
            LIVE => {}
            FREE => die!("{what} of an mbuf that is free already: {:p}", self.0),
            PINNED => die!("{what} of an mbuf that its holder has freed: {:p}", self.0),
            other => die!("{what} of {:p}: its mark is {other}", self.0),
        }
    }
}
