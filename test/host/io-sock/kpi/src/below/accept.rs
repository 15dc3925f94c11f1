//! New connections of a listener, taken over from Linux up to the backlog.

use super::linux::Fd;
use super::{Pcb, Phase, netisr};
use crate::errno::{EAGAIN, ECONNABORTED, EINTR};
use crate::socket::addr::Addr;
use crate::socket::{self, So};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// When there are no descriptors.
const LATER: Duration = Duration::from_millis(50);

/// Takes what is there.
pub(super) fn event(pcb: &Arc<Pcb>) {
    let rx = pcb.rx();
    if rx.gone {
        return;
    }
    pcb.paused.store(false, Ordering::Relaxed);
    loop {
        if !socket::has_room(pcb.so) {
            // Linux's queue takes the rest; whoever accepts one goes on here.
            pcb.paused.store(true, Ordering::SeqCst);
            if socket::has_room(pcb.so) {
                netisr::retry(pcb.id, Duration::ZERO);
            }
            return;
        }
        match pcb.fd.accept() {
            Ok((fd, peer)) => {
                socket::new_connection(pcb, fd, peer);
            }
            Err(EAGAIN) => return,
            Err(EINTR | ECONNABORTED) => {}
            Err(errno) => {
                crate::log::write(4, &format!("accept: errno {errno}; trying again later"));
                return netisr::retry(pcb.id, LATER);
            }
        }
    }
}

/// The part below of a socket that came in through the listener `head`, whose options it has.
pub(crate) fn child(head: &Pcb, so: So, fd: Fd, peer: Option<Addr>) -> Arc<Pcb> {
    let pcb = Pcb::new(so, fd, head.family, Phase::Connected);
    pcb.follow_as(head);
    pcb.bound.store(true, Ordering::Relaxed);
    pcb.set_peer(peer);
    pcb
}
