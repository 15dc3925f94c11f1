//! External storage and its reference counts.
//!
//! The count lies in the mbuf that first had the storage (`EXT_FLAG_EMBREF`). A duplicate points to it and
//! copies the first 24 bytes of `m_ext` only, so its callback fields are garbage; the first mbuf is kept,
//! even when its holder frees it, until the last duplicate is gone, and is what the callback gets.
//! `EXT_EXTREF` is different: the caller keeps the count, a duplicate copies all of `m_ext`, and the callback
//! gets whichever mbuf was last.

use super::get::put_unchecked;
use super::{LIVE, M_EXT, M_NOFREE, M_RDONLY, Mb, PINNED, tag};
use crate::layout::{ExtFree, Mbuf};
use crate::panic::die;
use crate::thread;
use crate::uma::{CLUST, JUMBO9, JUMBO16, JUMBOP, Zone};
use std::ffi::{c_int, c_void};
use std::mem::offset_of;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

const EXT_CLUSTER: u32 = 1;
const EXT_JUMBOP: u32 = 3;
const EXT_JUMBO9: u32 = 4;
const EXT_JUMBO16: u32 = 5;
const EXT_PACKET: u32 = 6;
const EXT_NET_DRV: u32 = 252;
const EXT_MOD_TYPE: u32 = 253;
const EXT_DISPOSABLE: u32 = 254;
const EXT_EXTREF: u32 = 255;
const FLAG_EMBREF: u32 = 0x1;
/// Ours (`EXT_FLAG_VENDOR1`): the storage is no module's.
const FLAG_OF_STACK: u32 = 0x01_0000;

/// Storage attached by modules and not yet given back, and ever attached.
static ALIVE: AtomicI64 = AtomicI64::new(0);
static ATTACHED: AtomicU64 = AtomicU64::new(0);

/// Pieces of storage that modules attached and that were not given back yet.
pub(crate) fn ext_alive() -> i64 {
    ALIVE.load(Ordering::Relaxed)
}

/// Pieces of storage that modules ever attached.
pub(crate) fn ext_attached() -> u64 {
    ATTACHED.load(Ordering::Relaxed)
}

fn ext_type(m: Mb) -> u32 {
    m.ext_type_flags() & 0xff
}

fn embedded(m: Mb) -> bool {
    m.ext_type_flags() >> 8 & FLAG_EMBREF != 0
}

/// Where the count of `m`'s storage is.
fn counter(m: Mb) -> &'static AtomicU32 {
    let at = if embedded(m) {
        // SAFETY: the field lies within the mbuf.
        unsafe { m.as_ptr().byte_add(offset_of!(Mbuf, m_ext.ext_cnt)) }.cast()
    } else {
        m.ext_cnt()
    };
    if at.is_null() {
        die!("external storage without a reference count");
    }
    // SAFETY: in the first mbuf, which lives as long as the storage, or where the module keeps it
    // (EXT_EXTREF).
    unsafe { AtomicU32::from_ptr(at) }
}

/// References to the storage of `m`.
pub(super) fn count(m: Mb) -> u32 {
    counter(m).load(Ordering::Acquire)
}

fn attach(m: Mb, buf: *mut u8, size: u32, ext_type: u32) {
    let mut ext = m.ext();
    ext.ext_cnt = std::ptr::null_mut();
    ext.ext_size = size;
    ext.ext_type_flags = ext_type | FLAG_EMBREF << 8;
    ext.ext_buf = buf;
    m.set_ext(ext);
    m.set_flags(m.flags() | M_EXT);
    m.set_data(buf);
    counter(m).store(1, Ordering::Release);
}

/// Attaches a cluster of `zone`.
pub(crate) fn attach_cluster(m: Mb, zone: &'static Zone, cluster: *mut u8) {
    let ext_type = match zone.item_size() {
        2048 => EXT_CLUSTER,
        4096 => EXT_JUMBOP,
        9216 => EXT_JUMBO9,
        _ => EXT_JUMBO16,
    };
    attach(m, cluster, zone.item_size() as u32, ext_type);
}

/// Attaches storage that `ext_free` gives back, once, when its last reference is gone. Sets neither `m_len`
/// nor the packet length.
///
/// # Safety
/// `buf` has `size` bytes that stay until `ext_free` was called; the mbuf is the caller's and has no storage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn m_extadd(
    m: Mb,
    buf: *mut u8,
    size: u32,
    ext_free: ExtFree,
    arg1: *mut c_void,
    arg2: *mut c_void,
    flags: c_int,
    ext_type: c_int,
) {
    m.check("m_extadd");
    if m.has(M_EXT) {
        die!("m_extadd to an mbuf that has storage already: it would leak");
    }
    let kind = ext_type as u32;
    if !(kind == EXT_NET_DRV || kind == EXT_MOD_TYPE || kind == EXT_DISPOSABLE || kind == EXT_EXTREF) {
        die!(
            "m_extadd with type {kind}: EXT_NET_DRV 252, EXT_MOD_TYPE 253, EXT_DISPOSABLE 254, EXT_EXTREF 255 are allowed"
        );
    }
    if ext_free.is_none() {
        die!("m_extadd without a function to give the storage back");
    }
    let external_count = m.ext_cnt();
    attach(m, buf, size, kind);
    let mut ext = m.ext();
    ext.ext_arg1 = arg1;
    ext.ext_arg2 = arg2;
    ext.ext_free = ext_free;
    if kind == EXT_EXTREF {
        // The caller has set ext_cnt and its count.
        ext.ext_cnt = external_count;
        ext.ext_type_flags = kind;
    } else {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        ATTACHED.fetch_add(1, Ordering::Relaxed);
    }
    m.set_ext(ext);
    m.set_flags(m.flags() | flags as u32);
}

/// Attaches storage of the stack's own driver, which counts its buffers itself.
///
/// # Safety
/// As for [`m_extadd`].
pub(crate) unsafe fn attach_of_driver(
    m: Mb,
    buf: *mut u8,
    size: u32,
    ext_free: unsafe extern "C" fn(*mut Mbuf),
) {
    attach(m, buf, size, EXT_NET_DRV);
    let mut ext = m.ext();
    ext.ext_type_flags |= FLAG_OF_STACK << 8;
    ext.ext_free = Some(ext_free);
    m.set_ext(ext);
}

/// Lets `n` share the storage of `m`. `n` has none yet; its data and lengths stay as they are.
#[unsafe(no_mangle)]
pub extern "C" fn mb_dupcl(n: Mb, m: Mb) {
    m.check("mb_dupcl");
    n.check("mb_dupcl");
    if !m.has(M_EXT) {
        die!("mb_dupcl of an mbuf without external storage");
    }
    if n.has(M_EXT) {
        die!("mb_dupcl to an mbuf that has storage already: it would leak");
    }
    share(n, m);
}

/// Lets `n` share the storage of `m`. `n` has none yet.
pub(super) fn share(n: Mb, m: Mb) {
    let from = m.ext();
    let mut to = n.ext();
    if ext_type(m) == EXT_EXTREF {
        to = from;
    } else {
        to.ext_cnt = counter(m).as_ptr();
        to.ext_size = from.ext_size;
        to.ext_type_flags = from.ext_type_flags & !(FLAG_EMBREF << 8);
        to.ext_buf = from.ext_buf;
        // What a careless callback would read from a duplicate.
        to.ext_arg1 = 0xbad0_0001_bad0_0001_usize as *mut c_void;
        to.ext_arg2 = 0xbad0_0002_bad0_0002_usize as *mut c_void;
        to.ext_free = None;
    }
    let shared = counter(m);
    if shared.fetch_add(1, Ordering::Relaxed) == 0 {
        die!("external storage is shared after its last reference is gone");
    }
    n.set_ext(to);
    n.set_flags(n.flags() | M_EXT | m.flags() & M_RDONLY);
}

/// The mbuf that holds the count of `m`'s storage.
fn first_of(m: Mb) -> Mb {
    if embedded(m) || ext_type(m) == EXT_EXTREF {
        return m;
    }
    let at: *mut Mbuf = counter(m).as_ptr().cast();
    // SAFETY: the count lies in the first mbuf.
    let first = unsafe { at.byte_sub(offset_of!(Mbuf, m_ext.ext_cnt)) };
    NonNull::new(first).map_or(m, Mb)
}

fn call_ext_free(ext_free: ExtFree, m: Mb) {
    let Some(ext_free) = ext_free else {
        die!("external storage without a function to give it back")
    };
    let call = || {
        // SAFETY: the module's function, with the mbuf it expects; it runs once, at the last release.
        unsafe { ext_free(m.as_ptr()) }
    };
    match thread::try_current() {
        Some(td) => td.private().in_callback("an ext_free callback", call),
        None => call(),
    }
}

/// Gives up `m`'s reference to its storage, and `m`.
pub(super) fn release(m: Mb) {
    let first = first_of(m);
    let shared = counter(m);
    let kind = ext_type(m);
    // The header's part of a packet is m's own.
    tag::delete_all(m);
    let keep_mbuf = m.has(M_NOFREE);
    // Alone: no atomic needed, and then nobody else can look at the count.
    let last = if shared.load(Ordering::Acquire) == 1 {
        shared.store(0, Ordering::Relaxed);
        true
    } else {
        if m == first && kind != EXT_EXTREF {
            // Before the count drops: who drops it last frees this mbuf.
            m.state().store(PINNED, Ordering::Relaxed);
        }
        match shared.fetch_sub(1, Ordering::AcqRel) {
            0 => die!("external storage is released once more than it was referenced"),
            before => before == 1,
        }
    };
    if last {
        match kind {
            EXT_CLUSTER | EXT_PACKET => CLUST.give(m.ext_buf()),
            EXT_JUMBOP => JUMBOP.give(m.ext_buf()),
            EXT_JUMBO9 => JUMBO9.give(m.ext_buf()),
            EXT_JUMBO16 => JUMBO16.give(m.ext_buf()),
            EXT_NET_DRV | EXT_MOD_TYPE | EXT_DISPOSABLE => {
                let of_stack = first.ext_type_flags() >> 8 & FLAG_OF_STACK != 0;
                call_ext_free(first.ext().ext_free, first);
                if !of_stack {
                    ALIVE.fetch_sub(1, Ordering::Relaxed);
                }
            }
            EXT_EXTREF => call_ext_free(m.ext().ext_free, m),
            other => die!("an mbuf with external storage of unknown type {other}"),
        }
        if kind != EXT_EXTREF {
            debug_assert!(matches!(first.state().load(Ordering::Relaxed), LIVE | PINNED));
            put_unchecked(first);
        }
    }
    if !keep_mbuf && (m != first || kind == EXT_EXTREF) {
        put_unchecked(m);
    }
}

/// What the inline `m_free` calls for an mbuf with storage.
#[unsafe(no_mangle)]
pub extern "C" fn mb_free_ext(m: Mb) {
    m.check("m_free");
    if !m.has(M_EXT) {
        die!("mb_free_ext of an mbuf without external storage");
    }
    release(m);
}
