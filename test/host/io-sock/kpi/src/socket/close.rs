//! Ends: soshutdown, sodisconnect, soclose, and when the memory goes.

use super::listen::abort_children;
use super::{
    SO_LINGER, SS_ISCONNECTED, SS_ISCONNECTING, SS_ISDISCONNECTED, SS_ISDISCONNECTING, SS_NBIO, SS_NOFDREF,
    SS_PROTOREF, So,
};
use crate::errno::{EALREADY, ECONNABORTED, EINVAL, ENOTCONN, EWOULDBLOCK};
use crate::panic::die;
use crate::sleep;
use std::ffi::{c_int, c_short};
use std::sync::atomic::Ordering;

const SHUT_RD: c_int = 0;
const SHUT_WR: c_int = 1;
const SHUT_RDWR: c_int = 2;
const ALIVE: c_short = SS_ISCONNECTED | SS_ISCONNECTING | SS_ISDISCONNECTING;

/// Shuts reading (0), writing (1) or both (2). `ENOTCONN` for a stream that is not connected; for a datagram
/// socket or listener it acts and then says so all the same.
#[unsafe(no_mangle)]
pub extern "C" fn soshutdown(so: So, how: c_int) -> c_int {
    so.enter("soshutdown");
    if !(SHUT_RD..=SHUT_RDWR).contains(&how) {
        return EINVAL;
    }
    so.mutex().lock();
    let connected = so.is(ALIVE);
    if !connected && so.is_stream() && !so.is_listener() {
        so.mutex().unlock();
        return ENOTCONN;
    }
    if so.is_listener() {
        if how != SHUT_WR {
            so.set_error(ECONNABORTED);
            so.wake_listener_unlock();
        } else {
            so.mutex().unlock();
        }
        return ENOTCONN;
    }
    so.mutex().unlock();
    if how != SHUT_WR {
        flush_receive(so);
    }
    if how != SHUT_RD {
        so.cant_send_more();
        if so.is_stream() {
            so.pcb().send_fin();
        }
    }
    sleep::wakeup(so.timeo_channel());
    if connected { 0 } else { ENOTCONN }
}

/// `sorflush`: nothing more is received. Waits for a running reader to leave, which it wakes.
fn flush_receive(so: So) {
    so.cant_receive_more();
    let rcv = so.rcv();
    let io = rcv.io_lock();
    io.xlock(false);
    rcv.lock();
    rcv.flush();
    rcv.unlock();
    io.xunlock();
    // Linux's window opens again: what comes is discarded.
    crate::below::window_update(&so.pcb(), false);
}

/// Starts to disconnect: `ENOTCONN`, `EALREADY`.
#[unsafe(no_mangle)]
pub extern "C" fn sodisconnect(so: So) -> c_int {
    so.enter("sodisconnect");
    if !so.is(SS_ISCONNECTED) {
        return ENOTCONN;
    }
    if so.is(SS_ISDISCONNECTING) {
        return EALREADY;
    }
    if so.is_stream() {
        so.is_disconnecting();
        so.pcb().send_fin();
    } else {
        if let Err(errno) = so.pcb().fd.disconnect() {
            return errno;
        }
        so.pcb().set_peer(None);
        so.mutex().lock();
        so.set_state(so.state() & !SS_ISCONNECTED);
        so.mutex().unlock();
    }
    0
}

/// Closes a socket, once. What was accepted for sending is still sent, in the background, unless `SO_LINGER`
/// says 0: then the connection is reset. With a linger time, and no `SS_NBIO`, waits that long.
#[unsafe(no_mangle)]
pub extern "C" fn soclose(so: So) -> c_int {
    so.enter("soclose");
    so.mutex().lock();
    if so.is(SS_NOFDREF) {
        die!(
            "soclose of a socket that is closed already, or was never accepted: {:p}",
            so.as_ptr()
        );
    }
    so.mutex().unlock();
    if so.is_listener() {
        so.pcb().stop_listening();
        abort_children(so);
        release_owner(so, 0);
        return 0;
    }
    let pcb = so.pcb();
    let linger = so.options() & SO_LINGER != 0;
    if linger && so.linger() == 0 && so.is_stream() && so.is(SS_ISCONNECTED) {
        so.cant_receive_more();
        release_owner(so, SS_PROTOREF);
        pcb.close_abruptly();
        return 0;
    }
    let mut error = 0;
    if so.is(SS_ISCONNECTED) && so.is_stream() {
        so.is_disconnecting();
        flush_receive(so);
        if linger && !so.is(SS_NBIO) {
            pcb.send_fin();
            error = wait_until_sent(so);
        }
    }
    release_owner(so, SS_PROTOREF);
    pcb.close_gracefully();
    error
}

/// Waits until so_snd is empty, for the linger time at most.
fn wait_until_sent(so: So) -> c_int {
    let snd = so.snd();
    snd.lock();
    let limit = i64::from(so.linger()) << 32;
    let start = crate::time::uptime_sbt();
    let mut error = 0;
    while snd.used() != 0 && !so.is(SS_ISDISCONNECTED) {
        let left = limit - (crate::time::uptime_sbt() - start);
        if left <= 0 {
            error = EWOULDBLOCK;
            break;
        }
        let timeo = snd.timeo();
        snd.set_timeo(left);
        error = snd.wait();
        snd.set_timeo(timeo);
        if error != 0 {
            break;
        }
    }
    snd.unlock();
    error
}

/// The owner's reference goes; `keep` says what else keeps the socket. Without any, and without references,
/// the socket goes.
fn release_owner(so: So, keep: c_short) {
    so.mutex().lock();
    so.set_state(so.state() | SS_NOFDREF | keep);
    let left = so.count().fetch_sub(1, Ordering::AcqRel) - 1;
    if keep == 0 {
        so.detach();
        free_if_unused(so, left);
    } else {
        so.mutex().unlock();
    }
}

/// Enters with the socket locked; unlocks it, and frees it when nobody has it any more.
fn free_if_unused(so: So, references: u32) {
    let used = !so.is(SS_NOFDREF) || references != 0 || so.is(SS_PROTOREF);
    so.mutex().unlock();
    if !used {
        so.dealloc();
    }
}

/// The protocol is done with a socket that its owner has closed.
pub(crate) fn finish(so: So) {
    so.mutex().lock();
    so.detach();
    so.set_state(so.state() & !SS_PROTOREF);
    free_if_unused(so, so.count().load(Ordering::Acquire));
}

/// What the macro `sorele` calls when that was the last reference. Enters with `SOCK_LOCK`, leaves without
/// it.
#[unsafe(no_mangle)]
pub extern "C" fn sofree(so: So) {
    so.check("sofree");
    so.mutex().must_own("sofree");
    free_if_unused(so, so.count().load(Ordering::Acquire));
}

/// What 14's `sorele` calls when that may be the last reference. Enters with `SOCK_LOCK`, leaves without it.
#[unsafe(no_mangle)]
pub extern "C" fn sorele_locked(so: So) {
    so.check("sorele_locked");
    so.mutex().must_own("sorele_locked");
    let left = so.count().fetch_sub(1, Ordering::AcqRel) - 1;
    free_if_unused(so, left);
}

/// Ends a connection that nobody owns: a child that is still queued.
#[unsafe(no_mangle)]
pub extern "C" fn soabort(so: So) {
    so.check("soabort");
    let pcb = so.pcb();
    so.mutex().lock();
    if !so.is(SS_NOFDREF) {
        die!("soabort of a socket that somebody owns: {:p}", so.as_ptr());
    }
    so.mutex().unlock();
    release_owner(so, SS_PROTOREF);
    pcb.close_abruptly();
}
