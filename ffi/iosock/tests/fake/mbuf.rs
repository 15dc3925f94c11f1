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
    ext: Option<*mut Storage>,
    /// What a socket buffer would be charged for the storage.
    ext_size: u32,
}

/// External storage. As in the kernel it is the first mbuf that the callback gets, so that one stays until the last reference is gone.
struct Storage {
    free: ExtFree,
    arg1: *mut c_void,
    arg2: *mut c_void,
    buf: *mut u8,
    references: usize,
    first: *mut Mbuf,
}

fn attach(m: *mut Mbuf, buf: *mut u8, free: ExtFree, arg1: *mut c_void, arg2: *mut c_void) {
    let storage = Storage {
        free,
        arg1,
        arg2,
        buf,
        references: 1,
        first: m,
    };
    let inner = unsafe { &mut *m };
    inner.ext = Some(Box::into_raw(Box::new(storage)));
    inner.data = buf;
}

fn storage(m: *const mbuf) -> *mut Storage {
    inside(m).ext.expect("external storage")
}

/// What a socket buffer would be charged for the storage of `m`.
pub fn charged(m: *const mbuf) -> u32 {
    inside(m).ext_size
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
        ext_size: 0,
    }))
}

fn put(m: *mut Mbuf) {
    let m = unsafe { Box::from_raw(m) };
    drop(unsafe { Box::from_raw(m.own) });
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
            let buf = piece.as_ptr().cast_mut();
            attach(m, buf, ext_free, ptr::null_mut(), ptr::null_mut());
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
        attach(m, buf.cast(), ext_free.expect("a callback"), arg1, arg2);
        let m = unsafe { &mut *m };
        m.len = c_int::try_from(len).expect("a length");
        m.header = Some(m.len);
        m.ext_size = len;
    }
    m.cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_external_piece(
    m: *mut mbuf,
    off: u32,
    len: u32,
    _wait: c_int,
) -> *mut mbuf {
    let n = get(true);
    if !n.is_null() {
        let shared = storage(m);
        unsafe { (*shared).references += 1 };
        let n = unsafe { &mut *n };
        n.ext = Some(shared);
        n.ext_size = len;
        n.data = unsafe { (*shared).buf }.wrapping_add(off as usize);
        n.len = c_int::try_from(len).expect("a length");
        n.header = Some(n.len);
    }
    n.cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_fill(m: *mut mbuf, src: *const c_void, len: c_int) -> c_int {
    let take = unsafe { iosock_shim_mbuf_trailing_space(m) }.min(len);
    let inner = inside_mut(m);
    let behind = inner
        .data
        .wrapping_add(usize::try_from(inner.len).expect("a length"));
    unsafe { behind.copy_from_nonoverlapping(src.cast(), usize::try_from(take).expect("a length")) };
    inner.len += take;
    take
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_grow_header(m: *mut mbuf, len: c_int) {
    if let Some(header) = &mut inside_mut(m).header {
        *header += len;
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_ext_arg1(m: *const mbuf) -> *mut c_void {
    unsafe { (*storage(m)).arg1 }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_ext_arg2(m: *const mbuf) -> *mut c_void {
    unsafe { (*storage(m)).arg2 }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mbuf_freem(mut m: *mut mbuf) {
    while !m.is_null() {
        MBUFS.fetch_sub(1, SeqCst);
        let next = inside(m).next.cast();
        let first = inside(m).ext.map(|shared| unsafe { (*shared).first });
        if first != Some(m.cast()) {
            put(m.cast());
        }
        if let Some(first) = first {
            let shared = storage(first.cast());
            unsafe { (*shared).references -= 1 };
            if unsafe { (*shared).references } == 0 {
                unsafe { ((*shared).free)(first.cast()) };
                drop(unsafe { Box::from_raw(shared) });
                put(first);
            }
        }
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
pub unsafe extern "C" fn iosock_shim_mbuf_trailing_space(m: *mut mbuf) -> c_int {
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
pub unsafe extern "C" fn iosock_shim_mbuf_is_writable(m: *mut mbuf) -> c_int {
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
    assert!(off >= 0 && len > 0, "nothing to copy");
    let (mut m, mut off, mut len, mut dst) = (m, off, len, dst.cast::<u8>());
    while len > 0 {
        assert!(!m.is_null(), "beyond the end");
        let take = (inside(m).len - off).clamp(0, len);
        if take > 0 {
            let from = inside(m)
                .data
                .wrapping_add(usize::try_from(off).expect("an offset"));
            let bytes = usize::try_from(take).expect("a length");
            unsafe { dst.copy_from_nonoverlapping(from, bytes) };
            dst = dst.wrapping_add(bytes);
        }
        len -= take;
        off = (off - inside(m).len).max(0);
        m = inside(m).next.cast();
    }
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
