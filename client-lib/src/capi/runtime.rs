//! What a library without std must bring: an allocator over malloc(3), and what a panic does.

use core::{
    alloc::{GlobalAlloc, Layout},
    ffi::{c_int, c_void},
    ptr,
};

unsafe extern "C" {
    fn malloc(bytes: usize) -> *mut c_void;
    fn realloc(block: *mut c_void, bytes: usize) -> *mut c_void;
    fn free(block: *mut c_void);
    fn posix_memalign(block: *mut *mut c_void, alignment: usize, bytes: usize) -> c_int;
    fn abort() -> !;
}

/// What malloc(3) aligns to on 64-bit QNX and Linux.
const MALLOC_ALIGN: usize = 16;

/// malloc(3), free(3) and so on.
struct Malloc;

#[global_allocator]
static ALLOCATOR: Malloc = Malloc;

// SAFETY: malloc(3) and posix_memalign(3) give blocks of the size and alignment asked for, or null; nothing unwinds.
unsafe impl GlobalAlloc for Malloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= MALLOC_ALIGN {
            // SAFETY: any size will do; the trait's caller does not ask for 0.
            return unsafe { malloc(layout.size()) }.cast();
        }
        let mut block = ptr::null_mut();
        // SAFETY: the alignment is a power of two and above 16, so a multiple of a pointer's size.
        match unsafe { posix_memalign(&raw mut block, layout.align(), layout.size()) } {
            0 => block.cast(),
            _ => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: `block` came from `alloc` or `realloc` of this allocator, which are malloc's.
        unsafe { free(block.cast()) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.align() <= MALLOC_ALIGN {
            // SAFETY: `block` came from malloc(3); its alignment is malloc's own.
            return unsafe { realloc(block.cast(), size) }.cast();
        }
        // SAFETY: the trait's caller vouches that `size` rounded up to the alignment does not overflow.
        let layout_new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: the size is not 0, by the trait's contract.
        let moved = unsafe { self.alloc(layout_new) };
        if !moved.is_null() {
            // SAFETY: both blocks have at least this many bytes, and a fresh block overlaps nothing.
            unsafe { ptr::copy_nonoverlapping(block, moved, layout.size().min(size)) };
            // SAFETY: the old block, for the last time.
            unsafe { self.dealloc(block, layout) };
        }
        moved
    }
}

/// Only reached when malloc(3) fails where Rust cannot say so: there is no way to go on, and no std to print with.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: abort(3) may be called anywhere.
    unsafe { abort() }
}
