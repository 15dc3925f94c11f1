//! Between mbufs and a uio, and `uiomove`. All memory is the process's own: user and kernel space do not
//! differ here.

use super::get::{m_freem, m_getm2};
use super::{M_PKTHDR, MT_DATA, Mb};
use crate::errno::EFAULT;
use crate::layout::Uio;
use crate::panic::die;
use std::ffi::{c_int, c_void};

const UIO_READ: c_int = 0;
const UIO_NOCOPY: c_int = 2;

/// Moves `n` bytes between `cp` and the uio, in its direction.
///
/// # Safety
/// `cp` has `n` bytes; the uio's pieces are valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uiomove(cp: *mut c_void, n: c_int, uio: &mut Uio) -> c_int {
    let Ok(n) = usize::try_from(n) else {
        die!("uiomove of {n} bytes")
    };
    let mut cp = cp.cast::<u8>();
    let mut left = n.min(uio.uio_resid.max(0) as usize);
    while left > 0 {
        if uio.uio_iovcnt <= 0 || uio.uio_iov.is_null() {
            return EFAULT;
        }
        // SAFETY: the uio has `uio_iovcnt` pieces.
        let iov = unsafe { &mut *uio.uio_iov };
        if iov.iov_len == 0 {
            // SAFETY: as above; the next piece, or the end.
            uio.uio_iov = unsafe { uio.uio_iov.add(1) };
            uio.uio_iovcnt -= 1;
            continue;
        }
        let take = left.min(iov.iov_len);
        // SAFETY: the caller's contract.
        unsafe {
            match (uio.uio_segflg, uio.uio_rw) {
                (UIO_NOCOPY, _) => {}
                (_, UIO_READ) => std::ptr::copy(cp, iov.iov_base, take),
                _ => std::ptr::copy(iov.iov_base, cp, take),
            }
            iov.iov_base = iov.iov_base.add(take);
            cp = cp.add(take);
        }
        iov.iov_len -= take;
        uio.uio_resid -= take as isize;
        uio.uio_offset += take as i64;
        left -= take;
    }
    0
}

/// A chain with the next bytes of the uio: at most `len` of them unless that is 0, behind `align` bytes of
/// room. `None`: no memory, or the uio's memory is bad.
///
/// # Safety
/// The uio's pieces are valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn m_uiotombuf(
    uio: &mut Uio,
    how: c_int,
    len: c_int,
    align: c_int,
    flags: c_int,
) -> Option<Mb> {
    let resid = uio.uio_resid.max(0) as usize;
    let total = if len > 0 { resid.min(len as usize) } else { resid };
    let align = align.max(0) as usize;
    let m = m_getm2(None, (total + align).max(1) as c_int, how, MT_DATA, flags)?;
    m.set_data(m.data().wrapping_add(align));
    let mut done = 0;
    for piece in m.iter() {
        let take = piece.trailing().min(total - done);
        // SAFETY: room for `take` bytes; the caller's contract.
        if unsafe { uiomove(piece.data().cast(), take as c_int, uio) } != 0 {
            m_freem(Some(m));
            return None;
        }
        piece.set_len(take);
        done += take;
    }
    if m.has(M_PKTHDR) {
        m.set_pkt_len(done);
    }
    Some(m)
}

/// Copies a chain to the uio: at most `len` bytes unless that is 0.
///
/// # Safety
/// The uio's pieces are valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn m_mbuftouio(uio: &mut Uio, m: Option<Mb>, len: c_int) -> c_int {
    let resid = uio.uio_resid.max(0) as usize;
    let mut left = if len > 0 { resid.min(len as usize) } else { resid };
    let mut m = m;
    while let (Some(this), true) = (m, left > 0) {
        let take = left.min(this.len());
        // SAFETY: the mbuf has so many bytes; the caller's contract.
        let error = unsafe { uiomove(this.data().cast(), take as c_int, uio) };
        if error != 0 {
            return error;
        }
        left -= take;
        m = this.next();
    }
    0
}
