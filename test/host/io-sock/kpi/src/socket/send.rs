//! sosend: checks in the order of FreeBSD's generic path; the chain is consumed on every outcome.

use super::addr::Addr;
use super::sockbuf::SBS_CANTSENDMORE;
use super::{SS_ISCONNECTED, SS_NBIO, So, msg};
use crate::below;
use crate::errno::{
    EDESTADDRREQ, EFAULT, EINVAL, EISCONN, EMSGSIZE, ENOTCONN, EOPNOTSUPP, EPIPE, EWOULDBLOCK,
};
use crate::layout::{Thread, Uio};
use crate::malloc::M_WAITOK;
use crate::mbuf::{self, M_EOR, M_PKTHDR, Mb, m_freem, m_length, m_uiotombuf};
use crate::panic::die;
use crate::thread;
use std::ffi::c_int;

/// Largest UDP payload over IPv4.
const UDP_MOST: usize = 65_507;

/// Sends `top`, or what the uio has. `top` and `control` are gone afterwards, whatever the result.
///
/// # Safety
/// `addr` is null or a sockaddr; `uio` is null or valid; the chains are the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sosend(
    so: So,
    addr: *mut u8,
    uio: Option<&mut Uio>,
    top: Option<Mb>,
    control: Option<Mb>,
    flags: c_int,
    _td: *mut Thread,
) -> c_int {
    so.enter("sosend");
    if uio.is_none() && top.is_none() {
        die!("sosend with neither a uio nor a chain");
    }
    if so.is_listener() {
        m_freem(top);
        m_freem(control);
        return ENOTCONN;
    }
    thread::current().count_message(0);
    if so.is_stream() {
        stream(so, uio, top, control, flags)
    } else {
        // SAFETY: the caller's contract.
        unsafe { datagram(so, addr, uio, top, control, flags) }
    }
}

fn stream(so: So, uio: Option<&mut Uio>, top: Option<Mb>, control: Option<Mb>, flags: c_int) -> c_int {
    let (mut uio, mut top, mut control) = (uio, top, control);
    let error = stream_checked(so, &mut uio, &mut top, &mut control, flags);
    m_freem(top);
    m_freem(control);
    error
}

/// Takes out of `top` and `control` what it consumes.
fn stream_checked(
    so: So,
    uio: &mut Option<&mut Uio>,
    top: &mut Option<Mb>,
    control: &mut Option<Mb>,
    flags: c_int,
) -> c_int {
    let length = match (&uio, *top) {
        (Some(uio), _) => uio.uio_resid as i64,
        (None, Some(top)) if top.has(M_PKTHDR) => top.pkt_len().into(),
        (None, top) => m_length(top, None).into(),
    };
    if length < 0 || flags & msg::EOR != 0 {
        return EINVAL;
    }
    if flags & msg::OOB != 0 {
        return EOPNOTSUPP;
    }
    let snd = so.snd();
    let io = snd.io_lock();
    if flags & msg::DONTWAIT != 0 {
        if !io.try_xlock() {
            return EWOULDBLOCK;
        }
    } else {
        let error = io.xlock(snd.flags() & super::sockbuf::SB_NOINTR == 0);
        if error != 0 {
            return error;
        }
    }
    let error = stream_locked(so, uio, top, control, flags, length);
    io.xunlock();
    error
}

/// With the send I/O lock held.
fn stream_locked(
    so: So,
    uio: &mut Option<&mut Uio>,
    top: &mut Option<Mb>,
    control: &mut Option<Mb>,
    flags: c_int,
    length: i64,
) -> c_int {
    let snd = so.snd();
    let pcb = so.pcb();
    let clen = control.map_or(0, Mb::len) as i64;
    let mut resid = length;
    loop {
        let space = match wait_for_space(so, top.is_some(), resid, clen, flags) {
            Ok(space) => space - clen,
            Err(error) => return error,
        };
        if control
            .take()
            .inspect(|control| m_freem(Some(*control)))
            .is_some()
            && clen > 0
        {
            // TCP takes no control message.
            return EINVAL;
        }
        let piece = match uio {
            None => {
                resid = 0;
                top.take()
            }
            Some(uio) => {
                // SAFETY: the uio is the caller's.
                match unsafe { m_uiotombuf(uio, M_WAITOK, space.max(1) as c_int, 0, 0) } {
                    Some(m) => {
                        resid = uio.uio_resid as i64;
                        Some(m)
                    }
                    None => return EFAULT,
                }
            }
        };
        if flags & msg::EOR != 0
            && let Some(m) = piece
        {
            m.set_flags(m.flags() | M_EOR);
        }
        let more = flags & msg::MORETOCOME != 0 || resid > 0;
        let error = below::append_and_output(&pcb, piece, more);
        if error != 0 {
            return error;
        }
        if resid <= 0 {
            break;
        }
    }
    if flags & msg::EOF != 0 {
        snd.so.cant_send_more();
        pcb.send_fin();
    }
    0
}

/// Checks 3 to 7 of the table: how much may be sent now. A chain is sent whole or not at all, a uio piece by
/// piece.
fn wait_for_space(so: So, whole: bool, resid: i64, clen: i64, flags: c_int) -> Result<i64, c_int> {
    let snd = so.snd();
    snd.lock();
    let result = loop {
        if snd.is(SBS_CANTSENDMORE) {
            break Err(EPIPE);
        }
        if so.error() != 0 {
            break Err(so.take_error());
        }
        if !so.is(SS_ISCONNECTED) {
            break Err(ENOTCONN);
        }
        let space = snd.space();
        if whole && resid > i64::from(snd.hiwat()) || clen > i64::from(snd.hiwat()) {
            break Err(EMSGSIZE);
        }
        if space >= resid + clen || !whole && space >= i64::from(snd.lowat()) && space >= clen {
            break Ok(space);
        }
        if so.is(SS_NBIO) || flags & (msg::NBIO | msg::DONTWAIT) != 0 {
            break Err(EWOULDBLOCK);
        }
        let error = snd.wait();
        if error != 0 {
            break Err(error);
        }
    };
    snd.unlock();
    result
}

/// # Safety
/// `addr` is null or a sockaddr.
unsafe fn datagram(
    so: So,
    addr: *mut u8,
    uio: Option<&mut Uio>,
    top: Option<Mb>,
    control: Option<Mb>,
    flags: c_int,
) -> c_int {
    let top = match uio {
        // SAFETY: the uio is the caller's.
        Some(uio) => match unsafe { m_uiotombuf(uio, M_WAITOK, 0, 0, M_PKTHDR as c_int) } {
            Some(m) => m,
            None => {
                m_freem(control);
                return EFAULT;
            }
        },
        None => match top {
            Some(top) => top,
            None => die!("sosend of no datagram"),
        },
    };
    if !top.has(M_PKTHDR) {
        die!("sosend of a datagram without packet header: its length would be read from the data");
    }
    let length = top.pkt_len();
    let real = m_length(Some(top), None);
    if length >= 0 && length as u32 != real {
        die!("sosend of a datagram whose header says {length} bytes; the chain has {real}");
    }
    // SAFETY: the caller's contract.
    match unsafe { datagram_checked(so, addr, length, flags) } {
        Err(errno) => {
            m_freem(Some(top));
            m_freem(control);
            errno
        }
        Ok(to) => {
            m_freem(control);
            mbuf::m_demote(Some(top), 0, 0);
            below::send_datagram(&so.pcb(), top, to)
        }
    }
}

/// # Safety
/// `addr` is null or a sockaddr.
unsafe fn datagram_checked(
    so: So,
    addr: *mut u8,
    length: c_int,
    flags: c_int,
) -> Result<Option<Addr>, c_int> {
    if length < 0 {
        return Err(EINVAL);
    }
    if flags & msg::OOB != 0 {
        return Err(EOPNOTSUPP);
    }
    let snd = so.snd();
    snd.lock();
    let space = snd.space();
    let checked = if snd.is(SBS_CANTSENDMORE) {
        Err(EPIPE)
    } else if so.error() != 0 {
        Err(so.take_error())
    } else if !so.is(SS_ISCONNECTED) && addr.is_null() {
        Err(EDESTADDRREQ)
    } else if i64::from(length) > space || length as usize > UDP_MOST {
        Err(EMSGSIZE)
    } else if so.is(SS_ISCONNECTED) && !addr.is_null() {
        Err(EISCONN)
    } else {
        Ok(())
    };
    snd.unlock();
    checked?;
    if addr.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's contract.
    unsafe { Addr::from_kernel(addr, so.pcb().family) }.map(Some)
}
