//! Word accesses and bulk copies between shared and private memory, opaque to the compiler.
//!
//! A plain `memcpy` of memory that a peer writes is a data race, and the compiler may turn it into repeated or
//! split loads. Assembly is neither: it is foreign code that happens to read those bytes once. It is also as fast
//! (figures in the folder's README).
//!
//! | | words | copies |
//! |---|---|---|
//! | x86_64 | volatile | 16-byte moves below [`REP_MIN`], `rep movsb` from there on |
//! | aarch64 | volatile | `ldp`/`stp` of 32 bytes |
//! | another architecture | volatile | volatile words where both sides are aligned, else bytes |
//! | Miri | relaxed atomics | relaxed atomic bytes |

/// From this length on the set-up of `rep movsb` (some 30 cycles) is paid back (measured, see the README).
#[cfg(all(target_arch = "x86_64", not(miri)))]
const REP_MIN: usize = 1024;

/// Loads one word, once.
///
/// # Safety
/// `src` is mapped, aligned, and covered by no Rust reference.
#[inline]
pub(super) unsafe fn load_word(src: *const u64) -> u64 {
    #[cfg(miri)]
    // SAFETY: the caller's promise; an atomic claims nothing about the value.
    return unsafe { core::sync::atomic::AtomicU64::from_ptr(src.cast_mut()) }
        .load(core::sync::atomic::Ordering::Relaxed);
    #[cfg(not(miri))]
    // SAFETY: the caller's promise; volatile, since the peer may write at any time.
    return unsafe { src.read_volatile() };
}

/// Stores one word, once.
///
/// # Safety
/// `dst` is mapped writable, aligned, and covered by no Rust reference.
#[inline]
pub(super) unsafe fn store_word(dst: *mut u64, v: u64) {
    #[cfg(miri)]
    // SAFETY: the caller's promise; an atomic claims nothing about the value.
    unsafe { core::sync::atomic::AtomicU64::from_ptr(dst) }.store(v, core::sync::atomic::Ordering::Relaxed);
    #[cfg(not(miri))]
    // SAFETY: the caller's promise; volatile, since the peer may read at any time.
    unsafe {
        dst.write_volatile(v);
    }
}

/// Copies `len` shared bytes at `src` to private memory at `dst`.
///
/// # Safety
/// Both sides have `len` accessible bytes and do not overlap; no Rust reference covers `src`.
#[inline]
pub(super) unsafe fn copy_in(dst: *mut u8, src: *const u8, len: usize) {
    // SAFETY: the caller's promise, which is that of each of the two.
    #[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
    unsafe {
        copy_asm(dst, src, len);
    }
    // SAFETY: as above.
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    unsafe {
        portable::copy_in(dst, src, len);
    }
}

/// Copies `len` private bytes at `src` to shared memory at `dst`.
///
/// # Safety
/// Both sides have `len` accessible bytes and do not overlap; no Rust reference covers `dst`.
#[inline]
pub(super) unsafe fn copy_out(dst: *mut u8, src: *const u8, len: usize) {
    // SAFETY: the caller's promise, which is that of each of the two.
    #[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
    unsafe {
        copy_asm(dst, src, len);
    }
    // SAFETY: as above.
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    unsafe {
        portable::copy_out(dst, src, len);
    }
}

/// Both directions: the processor knows no difference.
///
/// # Safety
/// `len` bytes are readable at `src` and writable at `dst`, and the two do not overlap.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline]
unsafe fn copy_asm(dst: *mut u8, src: *const u8, len: usize) {
    if len >= REP_MIN {
        // SAFETY: reads and writes exactly the promised bytes, uses no stack; the direction flag is clear by the
        // ABI, and `rep movsb` changes no flag.
        unsafe {
            core::arch::asm!(
                "rep movsb",
                inout("rcx") len => _,
                inout("rdi") dst => _,
                inout("rsi") src => _,
                options(nostack, preserves_flags)
            );
        }
        return;
    }
    // Blocks of 64, then one step for each bit of the rest: no byte is touched twice. `sub` below zero leaves the
    // low six bits, which are the rest.
    // SAFETY: moves exactly `len` bytes forward from `src` to `dst`; every register it changes is declared.
    unsafe {
        core::arch::asm!(
            "sub {n}, 64",
            "jb 3f",
            "2:",
            "movups {a}, [{s}]",
            "movups {b}, [{s} + 16]",
            "movups {c}, [{s} + 32]",
            "movups {d}, [{s} + 48]",
            "movups [{t}], {a}",
            "movups [{t} + 16], {b}",
            "movups [{t} + 32], {c}",
            "movups [{t} + 48], {d}",
            "add {s}, 64",
            "add {t}, 64",
            "sub {n}, 64",
            "jae 2b",
            "3:",
            "test {n:l}, 32",
            "jz 4f",
            "movups {a}, [{s}]",
            "movups {b}, [{s} + 16]",
            "movups [{t}], {a}",
            "movups [{t} + 16], {b}",
            "add {s}, 32",
            "add {t}, 32",
            "4:",
            "test {n:l}, 16",
            "jz 5f",
            "movups {a}, [{s}]",
            "movups [{t}], {a}",
            "add {s}, 16",
            "add {t}, 16",
            "5:",
            "test {n:l}, 8",
            "jz 6f",
            "mov {w}, [{s}]",
            "mov [{t}], {w}",
            "add {s}, 8",
            "add {t}, 8",
            "6:",
            "test {n:l}, 4",
            "jz 7f",
            "mov {w:e}, [{s}]",
            "mov [{t}], {w:e}",
            "add {s}, 4",
            "add {t}, 4",
            "7:",
            "test {n:l}, 2",
            "jz 8f",
            "mov {w:x}, [{s}]",
            "mov [{t}], {w:x}",
            "add {s}, 2",
            "add {t}, 2",
            "8:",
            "test {n:l}, 1",
            "jz 9f",
            "mov {w:l}, [{s}]",
            "mov [{t}], {w:l}",
            "9:",
            n = inout(reg) len => _,
            s = inout(reg) src => _,
            t = inout(reg) dst => _,
            w = out(reg) _,
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            c = out(xmm_reg) _,
            d = out(xmm_reg) _,
            options(nostack)
        );
    }
}

/// Both directions: the processor knows no difference.
///
/// # Safety
/// `len` bytes are readable at `src` and writable at `dst`, and the two do not overlap.
#[cfg(all(target_arch = "aarch64", not(miri)))]
#[inline]
unsafe fn copy_asm(dst: *mut u8, src: *const u8, len: usize) {
    // As on x86_64: blocks of 64, then one step for each bit of the rest.
    // SAFETY: moves exactly `len` bytes forward from `src` to `dst`; every register it changes is declared. The
    // memory is normal cached memory (anonymous), where unaligned accesses are permitted.
    unsafe {
        core::arch::asm!(
            "subs {n}, {n}, #64",
            "b.lo 3f",
            "2:",
            "ldp {a:q}, {b:q}, [{s}], #32",
            "ldp {c:q}, {d:q}, [{s}], #32",
            "stp {a:q}, {b:q}, [{t}], #32",
            "stp {c:q}, {d:q}, [{t}], #32",
            "subs {n}, {n}, #64",
            "b.hs 2b",
            "3:",
            "tbz {n}, #5, 4f",
            "ldp {a:q}, {b:q}, [{s}], #32",
            "stp {a:q}, {b:q}, [{t}], #32",
            "4:",
            "tbz {n}, #4, 5f",
            "ldr {a:q}, [{s}], #16",
            "str {a:q}, [{t}], #16",
            "5:",
            "tbz {n}, #3, 6f",
            "ldr {w}, [{s}], #8",
            "str {w}, [{t}], #8",
            "6:",
            "tbz {n}, #2, 7f",
            "ldr {w:w}, [{s}], #4",
            "str {w:w}, [{t}], #4",
            "7:",
            "tbz {n}, #1, 8f",
            "ldrh {w:w}, [{s}], #2",
            "strh {w:w}, [{t}], #2",
            "8:",
            "tbz {n}, #0, 9f",
            "ldrb {w:w}, [{s}]",
            "strb {w:w}, [{t}]",
            "9:",
            n = inout(reg) len => _,
            s = inout(reg) src => _,
            t = inout(reg) dst => _,
            w = out(reg) _,
            a = out(vreg) _,
            b = out(vreg) _,
            c = out(vreg) _,
            d = out(vreg) _,
            options(nostack)
        );
    }
}

/// The way without assembly: Miri, and an architecture that nobody has measured yet. Tested everywhere.
#[cfg(any(test, miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod portable {
    #[cfg(miri)]
    use core::sync::atomic::{AtomicU8, Ordering};

    /// # Safety
    /// As the parent's `copy_in`.
    #[cfg(miri)]
    pub(super) unsafe fn copy_in(dst: *mut u8, src: *const u8, len: usize) {
        for i in 0..len {
            // SAFETY: `i < len`; the shared side is accessed atomically.
            let byte = unsafe { AtomicU8::from_ptr(src.cast_mut().wrapping_add(i)) }.load(Ordering::Relaxed);
            // SAFETY: `i < len`; the private side is ours alone.
            unsafe { dst.wrapping_add(i).write(byte) };
        }
    }

    /// # Safety
    /// As the parent's `copy_out`.
    #[cfg(miri)]
    pub(super) unsafe fn copy_out(dst: *mut u8, src: *const u8, len: usize) {
        for i in 0..len {
            // SAFETY: `i < len`; the private side is ours alone.
            let byte = unsafe { src.wrapping_add(i).read() };
            // SAFETY: `i < len`; the shared side is accessed atomically.
            unsafe { AtomicU8::from_ptr(dst.wrapping_add(i)) }.store(byte, Ordering::Relaxed);
        }
    }

    /// # Safety
    /// As the parent's `copy_in`.
    #[cfg(not(miri))]
    pub(super) unsafe fn copy_in(dst: *mut u8, src: *const u8, len: usize) {
        // SAFETY: the caller's promise; volatile serves both directions.
        unsafe { copy(dst, src, len) };
    }

    /// # Safety
    /// As the parent's `copy_out`.
    #[cfg(not(miri))]
    pub(super) unsafe fn copy_out(dst: *mut u8, src: *const u8, len: usize) {
        // SAFETY: the caller's promise; volatile serves both directions.
        unsafe { copy(dst, src, len) };
    }

    #[cfg(not(miri))]
    unsafe fn copy(dst: *mut u8, src: *const u8, len: usize) {
        const WORD: usize = size_of::<usize>();
        let mut done = 0;
        while done < len {
            let from = src.wrapping_add(done);
            let to = dst.wrapping_add(done);
            let whole = len.wrapping_sub(done) >= WORD;
            if whole && from.cast::<usize>().is_aligned() && to.cast::<usize>().is_aligned() {
                // SAFETY: a whole aligned word is left on both sides.
                let word = unsafe { from.cast::<usize>().read_volatile() };
                // SAFETY: as above.
                unsafe { to.cast::<usize>().write_volatile(word) };
                done = done.wrapping_add(WORD);
            } else {
                // SAFETY: at least one byte is left on both sides.
                let byte = unsafe { from.read_volatile() };
                // SAFETY: as above.
                unsafe { to.write_volatile(byte) };
                done = done.wrapping_add(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::portable;

    /// Every length and alignment up to a few words, both directions, with a guard on either side.
    #[test]
    fn the_portable_copies_move_exactly_the_bytes_asked_for() {
        let source: [u8; 64] = core::array::from_fn(|i| u8::try_from(i).unwrap_or(0) + 1);
        // The shared side is written by its peer, so its pointer must permit that, also where it is only read.
        let mut shared = source;
        let step = if cfg!(miri) { 4 } else { 1 };
        for len in (0..=32).step_by(step) {
            for (from, to) in (0..9)
                .step_by(step)
                .flat_map(|from| (0..9).map(move |to| (from, to)))
            {
                for inwards in [true, false] {
                    let mut target = [0_u8; 64];
                    let src = shared.as_mut_ptr().wrapping_add(from).cast_const();
                    let dst = target.as_mut_ptr().wrapping_add(to);
                    if inwards {
                        // SAFETY: 9 + 32 bytes lie inside both arrays, which do not overlap.
                        unsafe { portable::copy_in(dst, src, len) };
                    } else {
                        // SAFETY: as above.
                        unsafe { portable::copy_out(dst, src, len) };
                    }
                    for (i, byte) in target.iter().enumerate() {
                        let expected = if (to..to + len).contains(&i) {
                            source.get(i - to + from)
                        } else {
                            None
                        };
                        assert_eq!(*byte, expected.copied().unwrap_or(0));
                    }
                }
            }
        }
    }
}
