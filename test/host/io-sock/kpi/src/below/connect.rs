//! Connecting: started by soconnect, concluded by netisr.

use super::{Pcb, Phase, Rx};
use crate::errno::{EINPROGRESS, EINTR};
use crate::socket::addr::Addr;
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Starts connecting a stream socket. An error means that it was not even tried.
pub(crate) fn connect(pcb: &Arc<Pcb>, addr: Addr) -> Result<(), c_int> {
    let mut rx = pcb.rx();
    rx.phase = Phase::Connecting;
    pcb.so.is_connecting();
    match pcb.fd.connect(addr) {
        Ok(()) | Err(EINPROGRESS | EINTR) => {}
        Err(crate::errno::ECONNREFUSED) => {
            // A real stack learns this from the peer, later.
            pcb.bound.store(true, Ordering::Relaxed);
            failed(pcb, &mut rx, crate::errno::ECONNREFUSED);
            return Ok(());
        }
        Err(errno) => {
            rx.phase = Phase::Idle;
            pcb.so.is_idle();
            return Err(errno);
        }
    }
    pcb.bound.store(true, Ordering::Relaxed);
    pcb.set_peer(Some(addr));
    drop(rx);
    // Whatever happened meanwhile is reported now.
    pcb.register()
}

/// What Linux reports of a socket that is connecting. `true`: it is connected, or became so.
pub(super) fn event(pcb: &Pcb, rx: &mut Rx, events: c_int) -> bool {
    if events & (libc::EPOLLOUT | libc::EPOLLERR | libc::EPOLLHUP) == 0 {
        return false;
    }
    let errno = pcb.fd.take_error();
    if errno != 0 {
        failed(pcb, rx, errno);
        return false;
    }
    if pcb.fd.peer().is_err() {
        // Not yet: the first event of a socket can come before anything happened.
        return false;
    }
    rx.phase = Phase::Connected;
    pcb.so.is_connected();
    true
}

/// A connection that cannot be watched is no connection.
pub(crate) fn lost(pcb: &Pcb) {
    let mut rx = pcb.rx();
    failed(pcb, &mut rx, crate::errno::ENOBUFS);
}

fn failed(pcb: &Pcb, rx: &mut Rx, errno: c_int) {
    rx.phase = Phase::Dead;
    pcb.so.set_error(errno);
    pcb.so.is_disconnected();
}
