//! mbuf.c: an mbuf is a box with its bytes inside, or with a pointer to external ones.

use iosock_sys::mbuf;
use std::{
    ffi::{c_int, c_uint, c_void},
    ptr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

/// mbufs that were not freed.
pub static MBUFS: AtomicUsize = AtomicUsize::new(0);
/// The next allocation fails.
pub static NO_MEMORY: AtomicBool = AtomicBool::new(false);

/// Bytes of one mbuf's own: small, so that chains are long.
pub const MLEN: usize = 64;

type ExtFree = unsafe extern "C" fn(*mut mbuf);

struct Mbuf {
    next: *mut Mbuf,
    data: *mut u8,
    len: c_int,
    header: Option<c_int>,
    own: *mut [u8; MLEN],
    ext: Option<(ExtFree, *mut c_void, *mut c_void)>,
}

fn get(header: bool) -> *mut Mbuf {
    if NO_MEMORY.swap(false, SeqCst) {
        return ptr::null_mut();
    }
    MBUFS.fetch_add(1, SeqCst);
    // Not zero: what a chain leaves unwritten is seen.
    let own = Box::into_raw(Box::new([0xee; MLEN]));
    let data = own.cast();
    let header = header.then_some(0);
    Box::into_raw(Box::new(Mbuf {
        next: ptr::null_mut(),
        data,
        len: 0,
        header,
        own,
        ext: None,
    }))
}

fn inside<'a>(m: *const mbuf) -> &'a Mbuf {
    unsafe { &*m.cast() }
}

fn inside_mut<'a>(m: *mut mbuf) -> &'a mut Mbuf {
    unsafe { &mut *m.cast() }
}

/// A chain as `soreceive` gives it: no header, one mbuf for each slice, the second external.
pub fn received(pieces: &[&'static [u8]], ext_free: ExtFree) -> *mut mbuf {
    let mut head: *mut mbuf = ptr::null_mut();
    for (index, piece) in pieces.iter().enumerate().rev() {
        let m = get(false);
        let inner = unsafe { &mut *m };
        inner.len = c_int::try_from(piece.len()).expect("a length");
        inner.next = head.cast();
        if index == 1 {
            inner.data = piece.as_ptr().cast_mut();
            inner.ext = Some((ext_free, ptr::null_mut(), ptr::null_mut()));
        } else {
            unsafe { inner.data.copy_from_nonoverlapping(piece.as_ptr(), piece.len()) };
        }
        head = m.cast();
    }
    head
}

/// The header's length, which must be the chain's.
pub fn header_len(m: *const mbuf) -> Option<c_int> {
    inside(m).header
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_gethdr(_wait: c_int) -> *mut mbuf {
    get(true).cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_getm(len: c_int, _wait: c_int) -> *mut mbuf {
    assert!(len > 0, "m_getm2 gives nothing for nothing");
    let head = get(true);
    let mut tail = head;
    let mut room = MLEN;
    while !head.is_null() && room < usize::try_from(len).expect("a length") {
        let m = get(false);
        unsafe { (*tail).next = m };
        tail = m;
        room += MLEN;
    }
    head.cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_external(
    buf: *mut c_void,
    len: u32,
    ext_free: Option<ExtFree>,
    arg1: *mut c_void,
    arg2: *mut c_void,
    _wait: c_int,
) -> *mut mbuf {
    let m = get(true);
    if !m.is_null() {
        let m = unsafe { &mut *m };
        m.data = buf.cast();
        m.len = c_int::try_from(len).expect("a length");
        m.header = Some(m.len);
        m.ext = ext_free.map(|free| (free, arg1, arg2));
    }
    m.cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_ext_arg1(m: *const mbuf) -> *mut c_void {
    inside(m).ext.expect("external storage").1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_ext_arg2(m: *const mbuf) -> *mut c_void {
    inside(m).ext.expect("external storage").2
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_freem(mut m: *mut mbuf) {
    while !m.is_null() {
        MBUFS.fetch_sub(1, SeqCst);
        let next = inside(m).next.cast();
        if let Some((free, ..)) = inside(m).ext {
            unsafe { free(m) };
        }
        let m_box = unsafe { Box::from_raw(m.cast::<Mbuf>()) };
        drop(unsafe { Box::from_raw(m_box.own) });
        m = next;
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_next(m: *const mbuf) -> *mut mbuf {
    inside(m).next.cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_last(mut m: *mut mbuf) -> *mut mbuf {
    while !inside(m).next.is_null() {
        m = inside(m).next.cast();
    }
    m
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_data(m: *const mbuf) -> *mut c_void {
    inside(m).data.cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_len(m: *const mbuf) -> c_int {
    inside(m).len
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_set_len(m: *mut mbuf, len: c_int) {
    inside_mut(m).len = len;
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_trailing_space(m: *const mbuf) -> c_int {
    if inside(m).ext.is_some() {
        0
    } else {
        c_int::try_from(MLEN).expect("small") - inside(m).len
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_is_private(m: *const mbuf) -> c_int {
    c_int::from(inside(m).ext.is_none())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_is_writable(m: *const mbuf) -> c_int {
    c_int::from(inside(m).ext.is_none())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_has_pkthdr(m: *const mbuf) -> c_int {
    c_int::from(inside(m).header.is_some())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_fix_header(m: *mut mbuf) {
    let len = unsafe { iosock_shim_mbuf_length(m, ptr::null_mut()) };
    if let Some(header) = &mut inside_mut(m).header {
        *header = c_int::try_from(len).expect("a length");
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_link(
    head: *mut mbuf,
    tail: *mut mbuf,
    other: *mut mbuf,
    len: c_int,
) {
    assert!(inside(tail).next.is_null(), "not the tail");
    inside_mut(other).header = None;
    inside_mut(tail).next = other.cast();
    if let Some(header) = &mut inside_mut(head).header {
        *header += len;
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_adj(head: *mut mbuf, n: c_int) {
    assert!(n > 0);
    let (mut m, mut left) = (head, n);
    while left > 0 {
        let inner = inside_mut(m);
        let take = left.min(inner.len);
        inner.len -= take;
        inner.data = inner.data.wrapping_add(usize::try_from(take).expect("a length"));
        left -= take;
        m = inner.next.cast();
    }
    if let Some(header) = &mut inside_mut(head).header {
        *header -= n;
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_copydata(m: *const mbuf, off: c_int, len: c_int, dst: *mut c_void) {
    assert!(
        off >= 0 && len > 0 && off + len <= inside(m).len,
        "beyond the end"
    );
    let from = inside(m)
        .data
        .wrapping_add(usize::try_from(off).expect("an offset"));
    unsafe {
        dst.cast::<u8>()
            .copy_from_nonoverlapping(from, usize::try_from(len).expect("a length"))
    };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_length(mut m: *mut mbuf, last: *mut *mut mbuf) -> c_uint {
    let mut sum = 0;
    while !m.is_null() {
        sum += c_uint::try_from(inside(m).len).expect("a length");
        if !last.is_null() {
            unsafe { *last = m };
        }
        m = inside(m).next.cast();
    }
    sum
}
