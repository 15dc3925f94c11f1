//! malloc(9): three arguments, types with counters, and memory that must go back under the type it came from.

use crate::layout::MallocType;
use crate::panic::die;
use crate::{fault, thread};
use std::alloc::Layout;
use std::ffi::{CStr, c_char, c_int, c_ulong, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicU64, Ordering};

/// May fail. As in `sys/malloc.h`.
pub const M_NOWAIT: c_int = 1;
/// Never fails, may sleep.
pub const M_WAITOK: c_int = 2;
/// Zeroed.
pub const M_ZERO: c_int = 0x100;

const M_VERSION: c_ulong = 2_020_110_501;
const LIVE: u64 = 0x6b6d_616c_6c6f_6321;
const FREED: u64 = 0x6b6d_6672_6565_6421;
const ALIGN: usize = 16;

/// In front of every block.
#[repr(C, align(16))]
struct Header {
    mark: u64,
    size: usize,
    type_: *mut MallocType,
}

macro_rules! types {
    ($($name:ident $text:literal, $doc:literal;)*) => {
        $(
            #[doc = $doc]
            #[unsafe(no_mangle)]
            #[allow(non_upper_case_globals)]
            pub static mut $name: MallocType = MallocType {
                ks_next: null_mut(),
                ks_version: M_VERSION,
                ks_shortdesc: $text.as_ptr(),
                mti_probes: [0; 2],
                mti_zone: 0,
                mti_stats: null_mut(),
                bytes: AtomicU64::new(0),
                blocks: AtomicU64::new(0),
                total: AtomicU64::new(0),
                ready: AtomicU64::new(1),
                spare: [0; 4],
            };
        )*
    };
}

types! {
    M_CACHE c"cache", "Caches.";
    M_DEVBUF c"devbuf", "Drivers.";
    M_TEMP c"temp", "Short-lived memory.";
    M_PCB c"pcb", "Protocol control blocks.";
    M_SONAME c"soname", "Socket addresses.";
    M_IOV c"iov", "I/O vectors.";
}

/// Bytes of `M_SONAME` that are allocated.
pub(crate) fn soname_bytes() -> u64 {
    let soname = &raw const M_SONAME;
    // SAFETY: an atomic of a static.
    unsafe { (*soname).bytes.load(Ordering::Relaxed) }
}

fn layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(size_of::<Header>().checked_add(size)?, ALIGN).ok()
}

/// The name of a type.
fn name(type_: *const MallocType) -> String {
    // SAFETY: types are statics of the stack or of a loaded module, their names literals.
    unsafe { CStr::from_ptr((*type_).ks_shortdesc) }
        .to_string_lossy()
        .into_owned()
}

/// malloc(9). `M_WAITOK` never gives null and may sleep.
///
/// # Safety
/// `type_` is a malloc type that `malloc_init` has seen.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kpi_malloc(size: usize, type_: *mut MallocType, flags: c_int) -> *mut c_void {
    // SAFETY: the caller's contract.
    let counters = unsafe { &*type_ };
    if counters.ks_version != M_VERSION || counters.ready.load(Ordering::Relaxed) == 0 {
        die!("malloc with a type that malloc_init has not seen (or malloc_uninit has)");
    }
    match flags & (M_NOWAIT | M_WAITOK) {
        M_NOWAIT if fault::strikes() => return null_mut(),
        M_NOWAIT => {}
        M_WAITOK => {
            if let Some(td) = thread::try_current() {
                td.private().may_sleep("malloc with M_WAITOK");
            }
        }
        both => die!(
            "malloc({size}, {}) with wait flags {both:#x}: one of M_NOWAIT 1, M_WAITOK 2 is required",
            name(type_)
        ),
    }
    let Some(layout) = layout(size) else {
        return null_mut();
    };
    // SAFETY: the layout is not empty: it has the header.
    let block = unsafe {
        if flags & M_ZERO != 0 {
            std::alloc::alloc_zeroed(layout)
        } else {
            std::alloc::alloc(layout)
        }
    };
    if block.is_null() {
        if flags & M_WAITOK != 0 {
            die!("out of memory: malloc({size}, {}, M_WAITOK)", name(type_));
        }
        return null_mut();
    }
    // SAFETY: the block has room for the header and is aligned for it.
    unsafe {
        block.cast::<Header>().write(Header {
            mark: LIVE,
            size,
            type_,
        })
    };
    counters.bytes.fetch_add(size as u64, Ordering::Relaxed);
    counters.blocks.fetch_add(1, Ordering::Relaxed);
    counters.total.fetch_add(1, Ordering::Relaxed);
    // SAFETY: within the block, or its end.
    unsafe { block.add(size_of::<Header>()).cast() }
}

/// malloc(9) of `nmemb * size` bytes.
///
/// # Safety
/// As [`kpi_malloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mallocarray(
    nmemb: usize,
    size: usize,
    type_: *mut MallocType,
    flags: c_int,
) -> *mut c_void {
    match nmemb.checked_mul(size) {
        // SAFETY: the caller's contract.
        Some(bytes) => unsafe { kpi_malloc(bytes, type_, flags) },
        None => die!("mallocarray: {nmemb} * {size} overflows"),
    }
}

/// The header of a live block.
fn header(addr: *mut c_void, what: &str) -> *mut Header {
    // SAFETY: the pointer came from `kpi_malloc`, with a header in front; if it did not, the mark says so or
    // the process faults.
    let header = unsafe { addr.cast::<u8>().sub(size_of::<Header>()).cast::<Header>() };
    // SAFETY: as above.
    match unsafe { (*header).mark } {
        LIVE => header,
        FREED => die!("{what} of memory that is free already: {addr:p}"),
        _ => die!("{what} of {addr:p}, which malloc(9) did not give"),
    }
}

/// free(9). Null is allowed.
///
/// # Safety
/// `addr` came from [`kpi_malloc`] with this type and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kpi_free(addr: *mut c_void, type_: *mut MallocType) {
    if addr.is_null() {
        return;
    }
    let header = header(addr, "free");
    // SAFETY: a live block's header.
    let (size, owner) = unsafe { ((*header).size, (*header).type_) };
    if owner != type_ {
        die!(
            "free of {addr:p} as {}: it was allocated as {}",
            name(type_),
            name(owner)
        );
    }
    // SAFETY: the type of a live block is alive.
    let counters = unsafe { &*type_ };
    counters.bytes.fetch_sub(size as u64, Ordering::Relaxed);
    counters.blocks.fetch_sub(1, Ordering::Relaxed);
    let Some(layout) = layout(size) else {
        die!("free: a block of {size} bytes")
    };
    // SAFETY: the block is live and this is its layout. The mark stays readable for a while, which catches
    // most double frees.
    unsafe {
        (*header).mark = FREED;
        std::alloc::dealloc(header.cast(), layout);
    }
}

/// free(9) after zeroing.
///
/// # Safety
/// As [`kpi_free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zfree(addr: *mut c_void, type_: *mut MallocType) {
    if !addr.is_null() {
        // SAFETY: a live block has as many bytes as its header says.
        unsafe { std::ptr::write_bytes(addr.cast::<u8>(), 0, (*header(addr, "zfree")).size) };
    }
    // SAFETY: the caller's contract.
    unsafe { kpi_free(addr, type_) };
}

/// realloc(9): null and the old block untouched when there is no memory.
///
/// # Safety
/// As [`kpi_malloc`] and [`kpi_free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kpi_realloc(
    addr: *mut c_void,
    size: usize,
    type_: *mut MallocType,
    flags: c_int,
) -> *mut c_void {
    // SAFETY: the caller's contract.
    let new = unsafe { kpi_malloc(size, type_, flags) };
    if addr.is_null() || new.is_null() {
        return new;
    }
    // SAFETY: a live block.
    let old_size = unsafe { (*header(addr, "realloc")).size };
    // SAFETY: both blocks have that many bytes; they do not overlap.
    unsafe { std::ptr::copy_nonoverlapping(addr.cast::<u8>(), new.cast::<u8>(), old_size.min(size)) };
    // SAFETY: the caller's contract.
    unsafe { kpi_free(addr, type_) };
    new
}

/// As [`kpi_realloc`], but the old block is freed when there is no memory.
///
/// # Safety
/// As [`kpi_realloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kpi_reallocf(
    addr: *mut c_void,
    size: usize,
    type_: *mut MallocType,
    flags: c_int,
) -> *mut c_void {
    // SAFETY: the caller's contract.
    let new = unsafe { kpi_realloc(addr, size, type_, flags) };
    if new.is_null() {
        // SAFETY: the caller's contract; realloc left it alone.
        unsafe { kpi_free(addr, type_) };
    }
    new
}

/// A copy of a C string, as strdup(9); waits for memory.
///
/// # Safety
/// `s` is a C string; `type_` as for [`kpi_malloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kpi_strdup(s: *const c_char, type_: *mut MallocType) -> *mut c_char {
    // SAFETY: the caller's contract.
    let bytes = unsafe { CStr::from_ptr(s) }.to_bytes_with_nul();
    // SAFETY: the caller's contract.
    let copy = unsafe { kpi_malloc(bytes.len(), type_, M_WAITOK) }.cast::<u8>();
    // SAFETY: room for all of it.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len()) };
    copy.cast()
}

/// What the sysinit of `MALLOC_DEFINE` calls.
///
/// # Safety
/// `type_` is the macro's static.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_init(type_: *mut MallocType) {
    // SAFETY: the caller's contract.
    let counters = unsafe { &*type_ };
    if counters.ks_version != M_VERSION {
        die!(
            "malloc_init: type version {}, this io-sock has {M_VERSION}",
            counters.ks_version
        );
    }
    counters.bytes.store(0, Ordering::Relaxed);
    counters.blocks.store(0, Ordering::Relaxed);
    counters.total.store(0, Ordering::Relaxed);
    counters.ready.store(1, Ordering::Relaxed);
}

/// What the sysuninit of `MALLOC_DEFINE` calls: says how much leaked.
///
/// # Safety
/// `type_` is the macro's static.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_uninit(type_: *mut MallocType) {
    // SAFETY: the caller's contract.
    let counters = unsafe { &*type_ };
    let (blocks, bytes) = (
        counters.blocks.load(Ordering::Relaxed),
        counters.bytes.load(Ordering::Relaxed),
    );
    if blocks != 0 {
        crate::log::write(
            4,
            &format!(
                "malloc type {} leaks {bytes} bytes in {blocks} blocks",
                name(type_)
            ),
        );
    }
    counters.ready.store(0, Ordering::Relaxed);
}

/// `M_SONAME` memory for an address, or null when there is none.
pub(crate) fn soname(bytes: &[u8], flags: c_int) -> *mut u8 {
    // SAFETY: a type of the stack.
    let p = unsafe { kpi_malloc(bytes.len(), &raw mut M_SONAME, flags) }.cast::<u8>();
    if !p.is_null() {
        // SAFETY: room for all of it.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), p, bytes.len()) };
    }
    p
}

/// `panicstr`: no panic so far.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static mut panicstr: *const c_char = null();
