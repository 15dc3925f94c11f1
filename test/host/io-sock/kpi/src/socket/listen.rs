//! Listeners: solisten, solisten_dequeue, soaccept, and how a child comes to be.

use super::addr::{AF_INET, Addr};
use super::create::protocol_sizes;
use super::proto;
use super::sockbuf::SB_AUTOSIZE;
use super::{
    SO_ACCEPTCONN, SS_ISCONNECTED, SS_ISCONNECTING, SS_ISDISCONNECTED, SS_ISDISCONNECTING, SS_NBIO,
    SS_NOFDREF, So,
};
use crate::below::linux::Fd;
use crate::below::{self, Phase, netisr};
use crate::errno::{ECONNABORTED, EINVAL, EOPNOTSUPP, EWOULDBLOCK};
use crate::layout::{Buffers, Socket, SolistenTail, TailqHead, Thread};
use crate::lock::Interlock;
use crate::panic::die;
use crate::sleep;
use std::ffi::c_int;
use std::ptr::null_mut;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// `kern.ipc.somaxconn`.
const SOMAXCONN: c_int = 128;
const ACCEPT4_INHERIT: c_int = 1;
const SOCK_NONBLOCK: c_int = 0x2000_0000;
const SQ_NONE: c_int = 0;
const SQ_COMP: c_int = 0x1000;
const PSOCK_PCATCH: c_int = 104 | 0x100;

/// The part of a child by which it is queued.
fn data(so: So) -> *mut Buffers {
    // SAFETY: a child moves data; only an address is made.
    unsafe { (&raw mut (*so.as_ptr()).tail.data).cast() }
}

/// Makes a socket a listener; its buffers are destroyed, their sizes and flags kept for the children. Once
/// more: changes the backlog.
#[unsafe(no_mangle)]
pub extern "C" fn solisten(so: So, backlog: c_int, _td: *mut Thread) -> c_int {
    so.enter("solisten");
    if !so.is_stream() {
        return EOPNOTSUPP;
    }
    if so.is(SS_ISCONNECTED | SS_ISCONNECTING | SS_ISDISCONNECTING) {
        return EINVAL;
    }
    let backlog = if (0..=SOMAXCONN).contains(&backlog) {
        backlog
    } else {
        SOMAXCONN
    };
    let pcb = so.pcb();
    if let Err(errno) = pcb.fd.listen(backlog) {
        return errno;
    }
    if so.is_listener() {
        so.mutex().lock();
        // SAFETY: the listener's lock is held.
        unsafe { (*so.queue()).sol_qlimit = backlog as u32 };
        so.mutex().unlock();
        return 0;
    }
    let (snd, rcv) = (so.snd(), so.rcv());
    let mut tail = SolistenTail {
        sol_incomp: TailqHead {
            first: null_mut(),
            last: null_mut(),
        },
        sol_comp: TailqHead {
            first: null_mut(),
            last: null_mut(),
        },
        sol_qlen: 0,
        sol_incqlen: 0,
        sol_qlimit: backlog as u32,
        sol_accept_filter: [null_mut(); 3],
        sol_upcall: None,
        sol_upcallarg: null_mut(),
        sol_sbrcv_lowat: rcv.lowat(),
        sol_sbsnd_lowat: snd.lowat(),
        sol_sbrcv_hiwat: rcv.hiwat(),
        sol_sbsnd_hiwat: snd.hiwat(),
        sol_sbrcv_flags: rcv.flags(),
        sol_sbsnd_flags: snd.flags(),
        sol_sbrcv_timeo: rcv.timeo(),
        sol_sbsnd_timeo: snd.timeo(),
        sol_lastover: Default::default(),
        sol_overcount: 0,
    };
    so.destroy_buffers(false);
    so.mutex().lock();
    so.set_options(so.options() | SO_ACCEPTCONN);
    let queue = so.queue();
    // SAFETY: the buffers are gone; what lies in their place is the listener's, whose lock is held.
    unsafe {
        tail.sol_comp.last = &raw mut (*queue).sol_comp.first;
        tail.sol_incomp.last = &raw mut (*queue).sol_incomp.first;
        queue.write(tail);
    }
    so.mutex().unlock();
    pcb.bound.store(true, Ordering::Relaxed);
    pcb.rx().phase = Phase::Listening;
    pcb.listening.store(true, Ordering::Release);
    pcb.register().err().unwrap_or(0)
}

/// Whether the listener's queue takes one more.
pub(crate) fn has_room(head: So) -> bool {
    head.mutex().lock();
    let queue = head.queue();
    // SAFETY: the listener's lock is held.
    let room = unsafe { (*queue).sol_qlen < (*queue).sol_qlimit.max(1) };
    head.mutex().unlock();
    room
}

/// `sonewconn`: a child of `head` for a connection that is made. It inherits options, state, sizes, time-outs
/// and the credential; no upcall.
pub(crate) fn new_connection(head_pcb: &below::Pcb, fd: Fd, peer: Option<Addr>) {
    let head = head_pcb.so;
    let so = So::alloc(head.cred());
    so.set_sotype(head.sotype());
    so.set_proto(head.proto());
    so.set_options(head.options() & !SO_ACCEPTCONN);
    so.set_linger(head.linger());
    // Nobody has a reference of the file kind until soaccept.
    so.set_state(head.state() & SS_NBIO | SS_NOFDREF | SS_ISCONNECTED);
    protocol_sizes(so);
    let pcb = below::child(head_pcb, so, fd, peer);
    so.attach(pcb.clone());
    // Before anyone can accept it and close it, and so before it is on the queue: netisr, which runs this, gets its
    // events later.
    if pcb.register().is_err() {
        // It can be accepted, and will be found broken.
        below::lost(&pcb);
    }
    head.mutex().lock();
    let queue = head.queue();
    let (snd, rcv) = (so.snd(), so.rcv());
    // SAFETY: the listener's lock is held; nobody else knows the child yet.
    unsafe {
        let q = &mut *queue;
        snd.reserve(q.sol_sbsnd_hiwat.into());
        rcv.reserve(q.sol_sbrcv_hiwat.into());
        snd.set_lowat(q.sol_sbsnd_lowat);
        rcv.set_lowat(q.sol_sbrcv_lowat);
        snd.set_timeo(q.sol_sbsnd_timeo);
        rcv.set_timeo(q.sol_sbrcv_timeo);
        // Not the upcalls: only whether sizes grow by themselves.
        snd.set_flags(snd.flags() & !SB_AUTOSIZE | q.sol_sbsnd_flags & SB_AUTOSIZE);
        rcv.set_flags(rcv.flags() & !SB_AUTOSIZE | q.sol_sbrcv_flags & SB_AUTOSIZE);
        let child = data(so);
        (*child).so_listen = head.as_ptr();
        (*child).so_qstate = SQ_COMP;
        (*child).so_list.next = null_mut();
        (*child).so_list.prev = q.sol_comp.last;
        *q.sol_comp.last = so.as_ptr();
        q.sol_comp.last = &raw mut (*child).so_list.next;
        q.sol_qlen += 1;
    }
    head.count().fetch_add(1, Ordering::Relaxed);
    head.wake_listener_unlock();
}

/// Takes the first child off the queue, whose lock is held.
fn take(head: So) -> Option<So> {
    let queue = head.queue();
    // SAFETY: the listener's lock is held; queued children are alive.
    unsafe {
        let so = So::from_raw((*queue).sol_comp.first)?;
        let child = data(so);
        (*queue).sol_comp.first = (*child).so_list.next;
        if (*child).so_list.next.is_null() {
            (*queue).sol_comp.last = &raw mut (*queue).sol_comp.first;
        } else if let Some(next) = So::from_raw((*child).so_list.next) {
            (*data(next)).so_list.prev = &raw mut (*queue).sol_comp.first;
        }
        (*queue).sol_qlen -= 1;
        (*child).so_qstate = SQ_NONE;
        (*child).so_listen = null_mut();
        head.count().fetch_sub(1, Ordering::Relaxed);
        Some(so)
    }
}

/// One connection off a listener's queue. Enters with `SOLISTEN_LOCK` held, always leaves without it. Waits,
/// unless the listener has `SS_NBIO`: `EWOULDBLOCK`.
///
/// # Safety
/// `ret` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn solisten_dequeue(head: So, ret: *mut *mut Socket, flags: c_int) -> c_int {
    head.check("solisten_dequeue");
    head.mutex().must_own("solisten_dequeue");
    let queue = head.queue();
    // SAFETY: the listener's lock is held.
    let empty = || unsafe { (*queue).sol_comp.first.is_null() };
    if head.is(SS_NBIO) && empty() && head.error() == 0 {
        head.mutex().unlock();
        return EWOULDBLOCK;
    }
    while head.error() == 0 && empty() {
        let interlock = Interlock::Mutex(head.mutex());
        let error = sleep::sleep(
            head.accept_channel(),
            Some(interlock),
            PSOCK_PCATCH,
            c"accept",
            0,
            0,
        );
        if error != 0 {
            head.mutex().unlock();
            return error;
        }
    }
    if head.error() != 0 {
        let error = head.take_error();
        head.mutex().unlock();
        return error;
    }
    let Some(so) = take(head) else {
        die!("solisten_dequeue: the queue is empty")
    };
    let inherited = if flags & ACCEPT4_INHERIT != 0 {
        head.state() & SS_NBIO
    } else {
        0
    };
    let asked = if flags & SOCK_NONBLOCK != 0 { SS_NBIO } else { 0 };
    // The child's connection can end at any time: its state has its own lock, which comes after the
    // listener's.
    so.mutex().lock();
    so.set_state(so.state() | inherited | asked);
    so.mutex().unlock();
    let pcb = head.pcb();
    head.mutex().unlock();
    if pcb.paused.load(Ordering::SeqCst) {
        netisr::retry(pcb.id, Duration::ZERO);
    }
    // SAFETY: the caller's contract.
    unsafe { *ret = so.as_ptr() };
    0
}

/// Makes a dequeued child the caller's and gives the peer's address, in `M_SONAME` memory, also when it fails
/// with `ECONNABORTED`.
///
/// # Safety
/// `nam` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn soaccept(so: So, nam: *mut *mut u8) -> c_int {
    so.enter("soaccept");
    so.mutex().lock();
    if !so.is(SS_NOFDREF) {
        die!("soaccept of a socket that was accepted already");
    }
    so.set_state(so.state() & !SS_NOFDREF);
    let dead = so.is(SS_ISDISCONNECTED);
    so.mutex().unlock();
    let pcb = so.pcb();
    let error = proto::give(pcb.peer().unwrap_or(Addr::any(AF_INET)), nam);
    if dead { ECONNABORTED } else { error }
}

/// Empties a listener's queue: the connections are reset.
pub(super) fn abort_children(head: So) {
    loop {
        head.mutex().lock();
        let so = take(head);
        head.mutex().unlock();
        match so {
            Some(so) => super::soabort(so),
            None => return,
        }
    }
}
