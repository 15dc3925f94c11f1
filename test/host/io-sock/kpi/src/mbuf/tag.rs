//! Packet tags.

use super::{M_PKTHDR, Mb};
use crate::layout::{MTag, MallocType};
use crate::malloc::{self, M_NOWAIT, kpi_free, kpi_malloc};
use std::ffi::c_int;
use std::ptr::null_mut;

/// The malloc type of tags.
fn mtag_type() -> *mut MallocType {
    &raw mut malloc::M_CACHE
}

/// A tag with room for `len` bytes behind it; null when there is no memory.
#[unsafe(no_mangle)]
pub extern "C" fn m_tag_alloc(cookie: u32, kind: c_int, len: c_int, wait: c_int) -> *mut MTag {
    let Ok(len) = u16::try_from(len) else {
        return null_mut();
    };
    // SAFETY: a type of the stack.
    let t = unsafe { kpi_malloc(size_of::<MTag>() + usize::from(len), mtag_type(), wait) }.cast::<MTag>();
    if !t.is_null() {
        let tag = MTag {
            m_tag_link: null_mut(),
            m_tag_id: kind as u16,
            m_tag_len: len,
            m_tag_cookie: cookie,
            m_tag_free: Some(m_tag_free_default),
        };
        // SAFETY: just allocated, with room for a tag.
        unsafe { t.write(tag) };
    }
    t
}

/// What `m_tag_free` of a new tag is.
///
/// # Safety
/// `t` came from [`m_tag_alloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn m_tag_free_default(t: *mut MTag) {
    // SAFETY: the caller's contract.
    unsafe { kpi_free(t.cast(), mtag_type()) };
}

/// Takes one tag off a packet and frees it.
///
/// # Safety
/// `t` is a tag of `m`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn m_tag_delete(m: Mb, t: *mut MTag) {
    let mut before: *mut MTag = null_mut();
    let mut this = m.tags();
    while !this.is_null() && this != t {
        before = this;
        // SAFETY: tags of a packet are alive.
        this = unsafe { (*this).m_tag_link };
    }
    if this.is_null() {
        return;
    }
    // SAFETY: as above; the tag is off the list before it is freed.
    unsafe {
        let next = (*this).m_tag_link;
        if before.is_null() {
            m.set_tags(next)
        } else {
            (*before).m_tag_link = next
        }
        if let Some(free) = (*this).m_tag_free {
            free(this);
        }
    }
}

/// Frees a packet's tags from `t` on; all of them when `t` is null.
///
/// # Safety
/// `t` is null or a tag of `m`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn m_tag_delete_chain(m: Mb, t: *mut MTag) {
    let mut this = if t.is_null() { m.tags() } else { t };
    while !this.is_null() {
        // SAFETY: tags of a packet are alive.
        let next = unsafe { (*this).m_tag_link };
        // SAFETY: a tag of `m`.
        unsafe { m_tag_delete(m, this) };
        this = next;
    }
}

/// Frees the tags of an mbuf that may have a packet header.
pub(super) fn delete_all(m: Mb) {
    if m.has(M_PKTHDR) && !m.tags().is_null() {
        // SAFETY: all of m's tags.
        unsafe { m_tag_delete_chain(m, null_mut()) };
    }
}

/// The first tag of that kind behind `t`, or from the start when `t` is null.
///
/// # Safety
/// `t` is null or a tag of `m`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn m_tag_locate(m: Mb, cookie: u32, kind: c_int, t: *mut MTag) -> *mut MTag {
    let mut this = m.tags();
    if !t.is_null() {
        // SAFETY: tags of a packet are alive.
        this = unsafe { (*t).m_tag_link };
    }
    while !this.is_null() {
        // SAFETY: as above.
        let tag = unsafe { &*this };
        if tag.m_tag_cookie == cookie && c_int::from(tag.m_tag_id) == kind {
            return this;
        }
        this = tag.m_tag_link;
    }
    null_mut()
}

/// Copies all tags: 1 = done, 0 = no memory and `to` has none.
#[unsafe(no_mangle)]
pub extern "C" fn m_tag_copy_chain(to: Mb, from: Mb, how: c_int) -> c_int {
    let how = if how == 0 { M_NOWAIT } else { how };
    let mut last: *mut MTag = null_mut();
    let mut this = from.tags();
    while !this.is_null() {
        // SAFETY: tags of a packet are alive.
        let tag = unsafe { &*this };
        let copy = m_tag_alloc(tag.m_tag_cookie, tag.m_tag_id.into(), tag.m_tag_len.into(), how);
        if copy.is_null() {
            // SAFETY: all of to's tags.
            unsafe { m_tag_delete_chain(to, null_mut()) };
            return 0;
        }
        // SAFETY: both tags have `m_tag_len` bytes behind them.
        unsafe {
            std::ptr::copy_nonoverlapping(
                this.add(1).cast::<u8>(),
                copy.add(1).cast::<u8>(),
                tag.m_tag_len.into(),
            );
            if last.is_null() {
                to.set_tags(copy)
            } else {
                (*last).m_tag_link = copy
            }
        }
        last = copy;
        this = tag.m_tag_link;
    }
    1
}
