//! UDP: no send buffer, one datagram for each send; received ones queue in so_rcv or are dropped.

use super::linux::Sending;
use super::{BYTES_IN, BYTES_OUT, Pcb, release, ring};
use crate::config;
use crate::errno::{EAGAIN, EINTR, ENOBUFS};
use crate::malloc::M_NOWAIT;
use crate::mbuf::{M_PKTHDR, MT_DATA, Mb, m_copyback, m_freem, m_getm2};
use crate::socket::addr::Addr;
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Largest UDP datagram.
const LARGEST: usize = 65_536;
/// Pieces of one system call (Linux's IOV_MAX).
const PIECES: usize = 1024;
/// Datagrams that so_rcv had no room for.
pub(crate) static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Sends one datagram; the chain is gone afterwards.
pub(crate) fn send(pcb: &Pcb, top: Mb, to: Option<Addr>) -> c_int {
    let mut pieces: Vec<libc::iovec> = top
        .iter()
        .filter(|m| !m.is_empty())
        .map(|m| libc::iovec {
            iov_base: m.data().cast(),
            iov_len: m.len(),
        })
        .collect();
    if pieces.len() > PIECES {
        m_freem(Some(top));
        return ENOBUFS;
    }
    let result = loop {
        match pcb.fd.send(&mut pieces, to, Sending::default()) {
            Err(EINTR) => {}
            other => break other,
        }
    };
    pcb.bound.store(true, Ordering::Relaxed);
    release::sent(Some(top));
    match result {
        Ok(n) => {
            BYTES_OUT.fetch_add(n as u64, Ordering::Relaxed);
            0
        }
        // The only sign of overload that UDP has.
        Err(EAGAIN) => ENOBUFS,
        Err(errno) => errno,
    }
}

/// Takes what is there.
pub(super) fn event(pcb: &Arc<Pcb>) {
    let rx = pcb.rx();
    if rx.gone {
        return;
    }
    let mut buffer = vec![0_u8; LARGEST];
    loop {
        let mut piece = [libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len(),
        }];
        match pcb.fd.receive(&mut piece, true) {
            Ok((n, from, _)) => deliver(pcb, &buffer[..n], from.unwrap_or(Addr::any(pcb.family))),
            Err(EAGAIN) => return,
            Err(EINTR) => {}
            Err(errno) => {
                // What an ICMP message said about an earlier datagram.
                pcb.so.set_error(errno);
                pcb.so.wake(crate::socket::Side::Receive);
                pcb.so.wake(crate::socket::Side::Send);
            }
        }
    }
}

/// A packet in the stack's own mbufs.
fn fresh(bytes: &[u8]) -> Option<Mb> {
    let m = m_getm2(None, bytes.len() as c_int, M_NOWAIT, MT_DATA, M_PKTHDR as c_int)?;
    // SAFETY: the bytes are there, the chain is fresh and has room.
    unsafe { m_copyback(Some(m), 0, bytes.len() as c_int, bytes.as_ptr()) };
    Some(m)
}

fn deliver(pcb: &Pcb, bytes: &[u8], from: Addr) {
    BYTES_IN.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    let m = if config::rx_foreign() {
        ring::packet(M_NOWAIT, bytes)
    } else {
        fresh(bytes)
    };
    let Some(m) = m else {
        DROPPED.fetch_add(1, Ordering::Relaxed);
        return;
    };
    let (name, len) = from.to_kernel();
    let rcv = pcb.so.rcv();
    rcv.lock();
    if rcv.is(crate::socket::sockbuf::SBS_CANTRCVMORE) || !rcv.append_address(&name[..len], m) {
        rcv.unlock();
        DROPPED.fetch_add(1, Ordering::Relaxed);
        m_freem(Some(m));
        return;
    }
    rcv.wakeup_unlock();
}
