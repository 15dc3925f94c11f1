//! Scatter and gather: message buffers given as arrays of (address, length).

use core::ptr;

use libc::iovec;

use crate::errno::Errno;

/// Most parts that one call of the copy system calls takes.
pub const MAX_PER_CALL: usize = 1024;

/// Total length. `EOVERFLOW` above `SSIZE_MAX`, `EFAULT` for a part that cannot exist.
#[inline]
pub fn total(parts: &[iovec]) -> Result<usize, Errno> {
    let mut sum = 0usize;
    for part in parts {
        if part.iov_len > isize::MAX as usize {
            return Err(Errno::EOVERFLOW);
        }
        // The first page is never mapped: the one bad address that can be told without a system call.
        if part.iov_len != 0 && (part.iov_base as usize) < 4096 {
            return Err(Errno::EFAULT);
        }
        sum = sum
            .checked_add(part.iov_len)
            .filter(|sum| *sum <= isize::MAX as usize)
            .ok_or(Errno::EOVERFLOW)?;
    }
    Ok(sum)
}

/// The parts that cover bytes `offset .. offset + len`, as far as they exist.
pub fn range(parts: &[iovec], mut offset: usize, mut len: usize) -> Vec<iovec> {
    let mut out = Vec::with_capacity(parts.len());
    for part in parts {
        if len == 0 {
            break;
        }
        if offset >= part.iov_len {
            offset -= part.iov_len;
            continue;
        }
        let take = (part.iov_len - offset).min(len);
        out.push(iovec {
            iov_base: part.iov_base.wrapping_byte_add(offset),
            iov_len: take,
        });
        len -= take;
        offset = 0;
    }
    out
}

/// Copies from the parts, starting at byte `offset`, to `to`; at most `len` bytes. Returns how many.
///
/// # Safety
/// The parts must be readable memory of ours, `to` writable for `len` bytes, and they must not overlap.
#[inline]
pub unsafe fn gather(parts: &[iovec], mut offset: usize, to: *mut u8, len: usize) -> usize {
    let mut done = 0;
    for part in parts {
        if offset >= part.iov_len {
            offset -= part.iov_len;
            continue;
        }
        if done == len {
            break;
        }
        let take = (part.iov_len - offset).min(len - done);
        // SAFETY: inside the part and inside `to`, as the caller promises.
        unsafe { ptr::copy_nonoverlapping(part.iov_base.cast::<u8>().add(offset), to.add(done), take) };
        done += take;
        offset = 0;
    }
    done
}

/// Copies `len` bytes from `from` to the parts, starting at byte `offset` of them. Returns how many fitted.
///
/// # Safety
/// The parts must be writable memory of ours, `from` readable for `len` bytes, and they must not overlap.
#[inline]
pub unsafe fn scatter(parts: &[iovec], mut offset: usize, from: *const u8, len: usize) -> usize {
    let mut done = 0;
    for part in parts {
        if offset >= part.iov_len {
            offset -= part.iov_len;
            continue;
        }
        if done == len {
            break;
        }
        let take = (part.iov_len - offset).min(len - done);
        // SAFETY: inside the part and inside `from`, as the caller promises.
        unsafe { ptr::copy_nonoverlapping(from.add(done), part.iov_base.cast::<u8>().add(offset), take) };
        done += take;
        offset = 0;
    }
    done
}

/// One buffer as a part.
#[inline]
pub fn one(base: *const core::ffi::c_void, len: usize) -> iovec {
    iovec {
        iov_base: base.cast_mut(),
        iov_len: len,
    }
}

/// The caller's iov array as a slice. `EFAULT` for a null array with parts, `EINVAL` for more parts than QNX takes.
///
/// # Safety
/// `parts` must point at `count` iovecs that stay unchanged during the call.
pub unsafe fn from_raw<'a>(parts: *const iovec, count: usize) -> Result<&'a [iovec], Errno> {
    const MAX_PARTS: usize = 524_288;
    if count == 0 {
        return Ok(&[]);
    }
    if (parts as usize) < 4096 {
        return Err(Errno::EFAULT);
    }
    if count > MAX_PARTS {
        return Err(Errno::EOVERFLOW);
    }
    // SAFETY: as the caller promises.
    Ok(unsafe { core::slice::from_raw_parts(parts, count) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cut_across_parts() {
        let mut memory: Vec<u8> = (0..100).collect();
        let base = memory.as_mut_ptr();
        let parts: Vec<iovec> = [(0, 10), (20, 0), (30, 5), (50, 20)]
            .map(|(at, len)| one(base.wrapping_add(at).cast(), len))
            .to_vec();
        assert_eq!(total(&parts), Ok(35));
        let mut out = [0u8; 12];
        // SAFETY: the parts lie in `memory`, `out` elsewhere.
        assert_eq!(unsafe { gather(&parts, 8, out.as_mut_ptr(), 12) }, 12);
        assert_eq!(out, [8, 9, 30, 31, 32, 33, 34, 50, 51, 52, 53, 54]);
        let cut = range(&parts, 12, 5);
        assert_eq!(cut.iter().map(|p| p.iov_len).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(range(&parts, 100, 5).len(), 0);
        // SAFETY: as above.
        assert_eq!(unsafe { scatter(&parts, 33, out.as_ptr(), 12) }, 2);
        assert_eq!(&memory[68..70], &[8, 9]);
    }

    #[test]
    fn impossible_parts_are_refused() {
        assert_eq!(total(&[one(core::ptr::null(), 1)]), Err(Errno::EFAULT));
        assert_eq!(total(&[one(core::ptr::null(), 0)]), Ok(0));
        assert_eq!(total(&[one(9999 as *const _, usize::MAX)]), Err(Errno::EOVERFLOW));
        let half = one(9999 as *const _, isize::MAX as usize);
        assert_eq!(total(&[half, half]), Err(Errno::EOVERFLOW));
    }
}
