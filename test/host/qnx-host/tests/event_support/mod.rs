//! Semaphores, events of theirs, and a server that delivers what it is told.

use crate::common::*;
use qnx_host::sem::*;
use std::time::{Duration, Instant};

pub fn new_sem() -> *mut Sem {
    let sem = Box::leak(Box::new(0u64)) as *mut u64 as *mut Sem;
    // SAFETY: eight bytes that live for ever.
    assert_eq!(unsafe { qnx_sem_init(sem, 0, 0) }, 0);
    sem
}

pub fn wait(sem: *mut Sem) -> i32 {
    // SAFETY: an initialised semaphore.
    unsafe { qnx_sem_wait(sem) }
}

pub fn post(sem: *mut Sem) {
    // SAFETY: an initialised semaphore.
    assert_eq!(unsafe { qnx_sem_post(sem) }, 0);
}

pub fn try_wait(sem: *mut Sem) -> Result<(), i32> {
    // SAFETY: an initialised semaphore.
    match unsafe { qnx_sem_trywait(sem) } {
        0 => Ok(()),
        _ => Err(errno()),
    }
}

pub fn value(sem: *mut Sem) -> i32 {
    let mut value = -1;
    // SAFETY: an initialised semaphore and an int.
    assert_eq!(unsafe { qnx_sem_getvalue(sem, &mut value) }, 0);
    value
}

/// Waits until it is woken. A post that the thread slept over shows as a timeout, although it is found then.
pub fn wait_soon(sem: *mut Sem) -> Result<(), i32> {
    let start = Instant::now();
    timeout(TIMEOUT_SEM, Duration::from_secs(5));
    match wait(sem) {
        0 if start.elapsed() > Duration::from_secs(5) => Err(260),
        0 => Ok(()),
        _ => Err(errno()),
    }
}

pub fn registered(sem: *mut Sem, coid: i32) -> SigEvent {
    let mut event = SigEvent {
        notify: SIGEV_SEM,
        target: sem as u64,
        ..SigEvent::default()
    };
    // SAFETY: a valid structure and a semaphore that lives for ever.
    assert_eq!(unsafe { MsgRegisterEvent_r(&mut event, coid) }, 0);
    event
}

pub fn unregister(event: &SigEvent) {
    // SAFETY: a valid structure.
    assert_eq!(unsafe { MsgUnregisterEvent_r(event) }, 0);
}

/// Deliver this often, before or after the reply.
#[repr(C)]
pub struct Order {
    pub event: SigEvent,
    times: u64,
    after_reply: u64,
}

pub const ENDLESS: u64 = u64::MAX;

/// A server that delivers as ordered; a pulse repeats the last order once. The reply's status is MsgDeliverEvent's result.
pub fn server() -> (Child, i32) {
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let chid = channel(0);
        tx.send(chid as u64);
        let mut last = (0, SigEvent::default());
        // SAFETY: valid structures; clients send whole orders.
        let deliver = |rcvid, event: &SigEvent| unsafe { MsgDeliverEvent_r(rcvid, event) };
        loop {
            let got = receive(chid);
            if got.rcvid == 0 {
                deliver(last.0, &last.1);
                continue;
            }
            // SAFETY: as above.
            let order = unsafe { got.bytes.as_ptr().cast::<Order>().read_unaligned() };
            last = (got.rcvid, order.event);
            if order.after_reply != 0 {
                reply(got.rcvid, 0, &[]);
            }
            let mut result = 0;
            let mut left = order.times;
            while left > 0 && result == 0 {
                result = deliver(got.rcvid, &order.event);
                left -= 1;
            }
            if order.after_reply == 0 {
                reply(got.rcvid, i64::from(result), &[]);
            }
        }
    });
    let chid = rx.recv() as i32;
    (server, chid)
}

pub fn order(coid: i32, event: &SigEvent, times: u64, after_reply: bool) -> i64 {
    let order = Order {
        event: *event,
        times,
        after_reply: u64::from(after_reply),
    };
    // SAFETY: plain data.
    let bytes = unsafe { core::slice::from_raw_parts((&raw const order).cast(), size_of::<Order>()) };
    send(coid, bytes, &mut [])
}
