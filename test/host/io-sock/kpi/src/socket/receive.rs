//! soreceive, in uio mode and in mbuf mode.

use super::sockbuf::{SBS_CANTRCVMORE, Sb};
use super::{SS_ISCONNECTED, SS_ISCONNECTING, SS_NBIO, So, msg};
use crate::below;
use crate::errno::{EINVAL, ENOTCONN, EWOULDBLOCK};
use crate::layout::Uio;
use crate::malloc::{M_NOWAIT, M_WAITOK, soname};
use crate::mbuf::{M_EOR, MT_SONAME, Mb, m_copym, m_freem, uiomove};
use crate::panic::die;
use crate::thread;
use std::ffi::c_int;
use std::ptr::null_mut;

/// How often soreceive tries when memory is short.
const ATTEMPTS: u32 = 8;

/// Where the bytes go.
struct Out<'a> {
    uio: &'a mut Uio,
    /// In mbuf mode: where the next mbuf of the chain goes.
    next: Option<*mut Option<Mb>>,
}

/// Receives at most `uio_resid` bytes into the uio or, with `mp0`, as a chain. At the end of the stream 0,
/// `*mp0` null and nothing taken. `*mp0` is the caller's also when an error comes back.
///
/// # Safety
/// Pointers are null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn soreceive(
    so: So,
    paddr: *mut *mut u8,
    uio: Option<&mut Uio>,
    mp0: *mut Option<Mb>,
    controlp: *mut Option<Mb>,
    flagsp: *mut c_int,
) -> c_int {
    so.enter("soreceive");
    let Some(uio) = uio else {
        die!("soreceive without a uio: it is read first, also in mbuf mode")
    };
    // SAFETY: the caller's contract, for each of the four.
    unsafe {
        if !paddr.is_null() {
            *paddr = null_mut();
        }
        if !mp0.is_null() {
            *mp0 = None;
        }
        if !controlp.is_null() {
            *controlp = None;
        }
    }
    let mut flags = 0;
    if !flagsp.is_null() {
        // SAFETY: as above.
        flags = unsafe { *flagsp } & !msg::EOR;
    }
    if so.is_listener() {
        return ENOTCONN;
    }
    if flags & msg::OOB != 0 {
        return EINVAL;
    }
    let rcv = so.rcv();
    let io = rcv.io_lock();
    if flags & msg::DONTWAIT != 0 {
        if !io.try_xlock() {
            return EWOULDBLOCK;
        }
    } else {
        let error = io.xlock(rcv.flags() & super::sockbuf::SB_NOINTR == 0);
        if error != 0 {
            return error;
        }
    }
    let mut out = Out {
        uio,
        next: (!mp0.is_null()).then_some(mp0),
    };
    let result = if so.is_stream() {
        stream(so, rcv, &mut out, flags)
    } else {
        // SAFETY: the caller's contract.
        unsafe { datagram(so, rcv, &mut out, flags, paddr) }
    };
    io.xunlock();
    match result {
        Ok(Some(out_flags)) => {
            if !flagsp.is_null() {
                // SAFETY: the caller's contract.
                unsafe { *flagsp |= out_flags };
            }
            0
        }
        Ok(None) => 0,
        Err(error) => error,
    }
}

/// Enters with the buffer locked, leaves so when there is something to take: `Ok(true)`. `Ok(false)`: the
/// end, or nothing was asked for.
fn wait_for_data(so: So, rcv: Sb, out: &Out<'_>, flags: c_int) -> Result<bool, c_int> {
    loop {
        let enough = if so.is_stream() {
            let available = rcv.acc() as i64;
            available > 0
                && (flags & msg::DONTWAIT != 0
                    || available >= out.uio.uio_resid as i64
                    || available >= i64::from(rcv.lowat()))
        } else {
            rcv.first().is_some()
        };
        if enough {
            return Ok(true);
        }
        let some = rcv.first().is_some();
        if so.error() != 0 {
            if some {
                return Ok(true);
            }
            let error = so.error();
            if flags & msg::PEEK == 0 {
                so.set_error(0);
            }
            return Err(error);
        }
        if rcv.is(SBS_CANTRCVMORE) {
            return Ok(some);
        }
        if so.is_stream() && !so.is(SS_ISCONNECTED | SS_ISCONNECTING) {
            return Err(ENOTCONN);
        }
        if out.uio.uio_resid == 0 {
            return Ok(false);
        }
        if so.is(SS_NBIO) || flags & (msg::DONTWAIT | msg::NBIO) != 0 {
            return Err(EWOULDBLOCK);
        }
        let error = rcv.wait();
        if error != 0 {
            return Err(error);
        }
    }
}

fn stream(so: So, rcv: Sb, out: &mut Out<'_>, flags: c_int) -> Result<Option<c_int>, c_int> {
    let wanted = out.uio.uio_resid;
    let mut attempts = 0;
    let result = loop {
        rcv.lock();
        let there = wait_for_data(so, rcv, out, flags);
        match there {
            Ok(true) => {}
            Ok(false) => {
                rcv.unlock();
                break Ok(None);
            }
            Err(error) => {
                rcv.unlock();
                break Err(error);
            }
        }
        thread::current().count_message(1);
        let taken = take_stream(so, rcv, out, flags);
        rcv.unlock();
        match taken {
            // Something was asked for, something is there, and nothing was taken: memory is short. FreeBSD
            // tries for ever, or, once the peer has finished, says 0, which looks like the end.
            Ok(out_flags) if out.uio.uio_resid == wanted && wanted > 0 && out_flags & msg::EOR == 0 => {
                attempts += 1;
                if attempts == ATTEMPTS {
                    break Err(crate::errno::ENOBUFS);
                }
            }
            Ok(out_flags) => break Ok(Some(out_flags)),
            Err(error) => break Err(error),
        }
    };
    if flags & msg::PEEK == 0 && out.uio.uio_resid != wanted {
        below::window_update(&so.pcb(), flags & msg::SOCALLBCK != 0);
    }
    result
}

/// Takes what is there, waiting for more with `MSG_WAITALL`. With the buffer locked, but for copying.
fn take_stream(so: So, rcv: Sb, out: &mut Out<'_>, flags: c_int) -> Result<c_int, c_int> {
    let mut out_flags = flags;
    let mut peeked = rcv.first();
    loop {
        let m = if flags & msg::PEEK != 0 {
            peeked
        } else {
            rcv.first()
        };
        if out.uio.uio_resid <= 0 {
            return Ok(out_flags);
        }
        let Some(m) = m else {
            if flags & msg::WAITALL == 0
                || flags & msg::PEEK != 0
                || so.error() != 0
                || rcv.is(SBS_CANTRCVMORE)
            {
                return Ok(out_flags);
            }
            // The peer may wait for room: it is told before we wait for the peer.
            rcv.unlock();
            below::window_update(&so.pcb(), flags & msg::SOCALLBCK != 0);
            rcv.lock();
            if rcv.first().is_none() && !rcv.is(SBS_CANTRCVMORE) && so.error() == 0 {
                let error = rcv.wait();
                if error != 0 {
                    return Err(error);
                }
            }
            continue;
        };
        let len = m.len().min(out.uio.uio_resid as usize);
        let whole = len == m.len();
        if flags & msg::PEEK != 0 {
            peeked = m.next();
            peek(rcv, out, m, len)?;
            continue;
        }
        if whole && m.has(M_EOR) {
            out_flags |= msg::EOR;
        }
        match out.next {
            None => copy_out(rcv, out, m, len)?,
            Some(_) if !whole => {
                if !share_out(rcv, out, m, len, flags) {
                    return Ok(out_flags);
                }
            }
            Some(_) => {
                let taken = rcv.cut(len);
                put(out, taken);
                out.uio.uio_resid -= len as isize;
            }
        }
        if out_flags & msg::EOR != 0 {
            return Ok(out_flags);
        }
    }
}

/// Puts a chain where the last one ended.
fn put(out: &mut Out<'_>, m: Option<Mb>) {
    let (Some(next), Some(m)) = (out.next, m) else {
        return;
    };
    // SAFETY: the caller's `mp0`, or the end of the chain that it holds.
    unsafe { *next = Some(m) };
    let last = m.last();
    last.set_next(None);
    // SAFETY: `m_next` is a nullable pointer to an mbuf, which is what `Option<Mb>` is.
    out.next = Some(unsafe { (&raw mut (*last.as_ptr()).m_next).cast() });
}

/// Copies from the front of the buffer to the uio, with the buffer unlocked meanwhile: only readers take from
/// the front, and there is one.
fn copy_out(rcv: Sb, out: &mut Out<'_>, m: Mb, len: usize) -> Result<(), c_int> {
    let from = m.data();
    rcv.unlock();
    // SAFETY: the mbuf stays in the buffer, and has so many bytes; the uio is the caller's.
    let error = unsafe { uiomove(from.cast(), len as c_int, out.uio) };
    rcv.lock();
    if error != 0 {
        return Err(error);
    }
    m_freem(rcv.cut(len));
    Ok(())
}

/// As [`copy_out`], but everything stays.
fn peek(rcv: Sb, out: &mut Out<'_>, m: Mb, len: usize) -> Result<(), c_int> {
    if out.next.is_some() {
        let copy = m_copym(Some(m), 0, len as c_int, M_NOWAIT);
        if copy.is_none() {
            return Err(crate::errno::ENOBUFS);
        }
        put(out, copy);
        out.uio.uio_resid -= len as isize;
        return Ok(());
    }
    let from = m.data();
    rcv.unlock();
    // SAFETY: as above.
    let error = unsafe { uiomove(from.cast(), len as c_int, out.uio) };
    rcv.lock();
    if error == 0 { Ok(()) } else { Err(error) }
}

/// The first `len` bytes of `m`, which has more, as an mbuf that shares its storage. `false`: no memory.
fn share_out(rcv: Sb, out: &mut Out<'_>, m: Mb, len: usize, flags: c_int) -> bool {
    let copy = if flags & msg::DONTWAIT != 0 {
        m_copym(Some(m), 0, len as c_int, M_NOWAIT)
    } else {
        rcv.unlock();
        let copy = m_copym(Some(m), 0, len as c_int, M_WAITOK);
        rcv.lock();
        copy
    };
    if copy.is_none() {
        return false;
    }
    put(out, copy);
    out.uio.uio_resid -= len as isize;
    m_freem(rcv.cut(len));
    true
}

/// # Safety
/// `paddr` is null or writable.
unsafe fn datagram(
    so: So,
    rcv: Sb,
    out: &mut Out<'_>,
    flags: c_int,
    paddr: *mut *mut u8,
) -> Result<Option<c_int>, c_int> {
    rcv.lock();
    let there = wait_for_data(so, rcv, out, flags);
    let record = match there {
        Ok(true) if flags & msg::PEEK != 0 => rcv
            .first()
            .and_then(|m| m_copym(Some(m), 0, crate::mbuf::M_COPYALL, M_NOWAIT)),
        Ok(true) => rcv.take_record(),
        _ => None,
    };
    rcv.unlock();
    if !there? {
        return Ok(None);
    }
    let Some(record) = record else {
        return Err(crate::errno::ENOBUFS);
    };
    thread::current().count_message(1);
    let mut m = Some(record);
    if record.mtype() == MT_SONAME {
        if !paddr.is_null() {
            // SAFETY: nobody writes a taken mbuf; the caller's contract for `paddr`.
            unsafe { *paddr = soname(record.bytes(), M_NOWAIT) };
        }
        m = record.next();
        record.set_next(None);
        m_freem(Some(record));
    }
    let mut out_flags = flags;
    while let Some(this) = m {
        let next = this.next();
        if out.uio.uio_resid <= 0 && !this.is_empty() {
            out_flags |= msg::TRUNC;
            m_freem(m);
            break;
        }
        let len = this.len().min(out.uio.uio_resid as usize);
        if len < this.len() {
            out_flags |= msg::TRUNC;
        }
        this.set_next(None);
        if out.next.is_some() {
            this.set_len(len);
            put(out, Some(this));
            out.uio.uio_resid -= len as isize;
        } else {
            // SAFETY: the mbuf has so many bytes; the uio is the caller's.
            let error = unsafe { uiomove(this.data().cast(), len as c_int, out.uio) };
            m_freem(Some(this));
            if error != 0 {
                m_freem(next);
                return Err(error);
            }
        }
        m = next;
    }
    Ok(Some(out_flags))
}
