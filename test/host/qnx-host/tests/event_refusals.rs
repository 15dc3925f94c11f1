//! Events that are refused, and who may deliver what: `docs/qnx-ipc.md` 7, beyond `event.rs`.

mod common;
use common::*;

fn pulse_event(coid: i32, value: u64) -> SigEvent {
    SigEvent {
        notify: SIGEV_PULSE,
        target: coid as u32 as u64,
        value,
        code_priority: 5 | 20 << 16,
        ..SigEvent::default()
    }
}

fn with_priority(event: SigEvent, priority: i16) -> SigEvent {
    SigEvent {
        code_priority: 5 | u64::from(priority as u16) << 16,
        ..event
    }
}

fn of_type(notify: i32, target: u64) -> SigEvent {
    SigEvent {
        notify,
        target,
        ..SigEvent::default()
    }
}

fn register(mut event: SigEvent, coid: i32) -> Result<SigEvent, i32> {
    // SAFETY: a valid structure.
    match unsafe { MsgRegisterEvent_r(&mut event, coid) } {
        0 => Ok(event),
        error => Err(error),
    }
}

fn verify(rcvid: i64, event: &SigEvent) -> i32 {
    // SAFETY: a valid structure.
    unsafe { MsgVerifyEvent_r(rcvid, event) }
}

fn deliver(rcvid: i64, event: &SigEvent) -> i32 {
    // SAFETY: a valid structure.
    unsafe { MsgDeliverEvent_r(rcvid, event) }
}

fn bytes(event: &SigEvent) -> [u8; 32] {
    let words = [
        event.notify as u32 as u64,
        event.target,
        event.value,
        event.code_priority,
    ];
    let mut out = [0; 32];
    for (to, word) in out.chunks_mut(8).zip(words) {
        to.copy_from_slice(&word.to_ne_bytes());
    }
    out
}

fn event_from(bytes: &[u8]) -> SigEvent {
    assert_eq!(bytes.len(), 32);
    // SAFETY: 32 bytes of plain data.
    unsafe { bytes.as_ptr().cast::<SigEvent>().read_unaligned() }
}

/// docs/qnx-ipc.md 7: malformed events are refused at registration, at verification and at delivery: unknown type, priority out
/// of range, no such signal, no semaphore.
#[test]
fn malformed_events() {
    init();
    let own = channel(0);
    let to_self = attach(0, own);
    let good = pulse_event(to_self, 1);
    let malformed = [
        of_type(77, 0),
        with_priority(good, 0),
        with_priority(good, 256),
        with_priority(good, -2),
        of_type(SIGEV_SIGNAL, 0),
        of_type(SIGEV_SIGNAL, 500),
        of_type(SIGEV_SEM, 0),
    ];
    for event in malformed {
        assert_eq!(register(event, to_self).map(|_| ()), Err(22), "{event:?}");
        assert_eq!(verify(0, &event), 22, "{event:?}");
        assert_eq!(deliver(0, &event), 22, "{event:?}");
    }
    for priority in [-1, 1, 255] {
        assert_eq!(verify(0, &with_priority(good, priority)), 0);
        assert_eq!(deliver(0, &with_priority(good, priority)), 0);
        assert_eq!(receive_soon(own).pulse().code, 5);
    }
    assert_empty(own);
}

/// docs/qnx-ipc.md 7: null pointers are EFAULT; unregistering what was never registered, or twice, is ESRCH.
#[test]
fn what_is_no_event_at_all() {
    init();
    let to_self = attach(0, channel(0));
    // SAFETY: null is told, not used.
    unsafe {
        assert_eq!(MsgRegisterEvent_r(core::ptr::null_mut(), to_self), 14);
        assert_eq!(MsgUnregisterEvent_r(core::ptr::null()), 14);
        assert_eq!(MsgVerifyEvent_r(0, core::ptr::null()), 14);
        assert_eq!(MsgDeliverEvent_r(0, core::ptr::null()), 14);
    }
    let plain = pulse_event(to_self, 1);
    let registered = register(plain, to_self).expect("register");
    // SAFETY: valid structures.
    unsafe {
        assert_eq!(MsgUnregisterEvent_r(&plain), 3);
        assert_eq!(MsgUnregisterEvent_r(&registered), 0);
        assert_eq!(MsgUnregisterEvent_r(&registered), 3);
    }
    assert_eq!(deliver(0, &registered), 22, "the handle is gone");
}

/// docs/qnx-ipc.md 7: registration needs a living connection to the server: EBADF for none and for a dead one.
#[test]
fn registering_needs_a_living_server() {
    init();
    let (server, chid) = echo_server(0);
    let (to_self, to_server) = (attach(0, channel(0)), attach(server.pid, chid));
    let event = pulse_event(to_self, 1);
    assert_eq!(register(event, 4711).map(|_| ()), Err(9));
    assert!(register(event, to_server).is_ok());
    server.kill9();
    eventually("the connection dies", || send(to_server, &[], &mut []) == -9);
    assert_eq!(register(event, to_server).map(|_| ()), Err(9));
}

/// docs/qnx-ipc.md 7: only the server that the event was registered for may deliver it, ALLOW_SELF means ourselves alone, and a
/// guessed handle is none.
#[test]
fn the_wrong_server_and_a_forged_handle() {
    init();
    let own = channel(0);
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let chid = channel(0);
        tx.send(chid as u64);
        for wanted in [13, 13, 22, 0] {
            let got = receive_soon(chid);
            let event = event_from(&got.bytes);
            assert_eq!(verify(got.rcvid, &event), wanted);
            assert_eq!(deliver(got.rcvid, &event), wanted);
            assert_eq!(reply(got.rcvid, 0, &[]), 0);
        }
    });
    let (other, other_chid) = echo_server(0);
    let to_self = attach(0, own);
    let to_server = attach(server.pid, rx.recv() as i32);
    let event = pulse_event(to_self, 1);
    let for_other = register(event, attach(other.pid, other_chid)).expect("register");
    let for_self = register(event, REGEVENT_ALLOW_SELF).expect("register");
    let good = register(event, to_server).expect("register");
    let forged = SigEvent {
        target: good.target + 1000,
        ..good
    };
    for event in [for_other, for_self, forged, good] {
        assert_eq!(send(to_server, &bytes(&event), &mut []), 0);
    }
    assert_eq!(receive_soon(own).pulse().value, 1);
    assert_empty(own);
    assert_eq!(deliver(0, &for_self), 0, "we may");
    assert_eq!(receive_soon(own).pulse().value, 1);
    server.join();
}

/// docs/qnx-ipc.md 7: on a connection with NOEVENT nothing is delivered, on one with REG_EVENTS handles only. Each connection
/// has its own rule, also inside one process.
#[test]
fn what_the_connection_allows() {
    init();
    let (chid, own) = (channel(0), channel(0));
    let to_self = attach(0, own);
    let event = pulse_event(to_self, 1);
    let registered = register(event, to_self).expect("register");
    for (flags, plain, handle) in [(0, 0, 0), (COF_NOEVENT, 13, 13), (COF_REG_EVENTS, 13, 0)] {
        // SAFETY: no pointers.
        let coid = unsafe { ConnectAttach_r(0, 0, chid, SIDE, flags as i32) };
        assert!(coid > 0, "flags {flags:#x}");
        let sender = std::thread::spawn(move || send(coid, &[], &mut []));
        let got = receive_soon(chid);
        for (event, wanted) in [(&event, plain), (&registered, handle)] {
            assert_eq!(verify(got.rcvid, event), wanted, "flags {flags:#x}");
            assert_eq!(deliver(got.rcvid, event), wanted, "flags {flags:#x}");
            if wanted == 0 {
                assert_eq!(receive_soon(own).pulse().code, 5);
            }
        }
        assert_eq!(reply(got.rcvid, 0, &[]), 0);
        assert_eq!(sender.join().expect("sender"), 0);
    }
    assert_empty(own);
}

/// docs/qnx-ipc.md 7: a saved rcvid is good for MsgDeliverEvent after the reply, again and again, and for nothing else; once the
/// client has detached, the event is refused.
#[test]
fn a_saved_rcvid_until_the_client_detaches() {
    init();
    let chid = channel(CHF_DISCONNECT);
    let pid = std::process::id() as i32;
    let (mut go, mut wait) = pipe();
    let client = spawn(move || {
        let own = channel(0);
        let (to_self, to_server) = (attach(0, own), attach(pid, chid));
        let event = register(pulse_event(to_self, 1), to_server).expect("register");
        assert_eq!(send(to_server, &bytes(&event), &mut []), 0);
        for _ in 0..3 {
            assert_eq!(receive_soon(own).pulse().code, 5);
        }
        // SAFETY: no pointers.
        assert_eq!(unsafe { ConnectDetach_r(to_server) }, 0);
        wait.recv();
        assert_empty(own);
    });
    let got = receive_soon(chid);
    let event = event_from(&got.bytes);
    assert_eq!(reply(got.rcvid, 0, &[]), 0);
    assert_eq!(reply(got.rcvid, 0, &[]), -3);
    for _ in 0..3 {
        assert_eq!(deliver(got.rcvid, &event), 0);
    }
    assert_eq!(receive_soon(chid).pulse().code, PULSE_CODE_DISCONNECT);
    let refused = deliver(got.rcvid, &event);
    assert!(matches!(refused, 3 | 9), "{refused}");
    assert_eq!(verify(got.rcvid, &event), refused);
    go.send(0);
    client.join();
}

/// docs/qnx-ipc.md 7: an event whose pulse connection has been detached by its owner: told for our own (EBADF), lost without
/// harm for another's.
#[test]
fn the_pulse_connection_is_gone() {
    init();
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let chid = channel(0);
        tx.send(chid as u64);
        let got = receive_soon(chid);
        deliver(got.rcvid, &event_from(&got.bytes));
        assert_eq!(reply(got.rcvid, 0, &[]), 0);
    });
    let pid = server.pid;
    // A process of its own: in this one, another test's connection could get the number and the event with it.
    let client = spawn(move || {
        let own = channel(0);
        let to_self = attach(0, own);
        let to_server = attach(pid, rx.recv() as i32);
        let event = pulse_event(to_self, 1);
        let registered = register(event, to_server).expect("register");
        // SAFETY: no pointers.
        assert_eq!(unsafe { ConnectDetach_r(to_self) }, 0);
        assert_eq!(verify(0, &event), 9);
        assert_eq!(deliver(0, &event), 9);
        assert_eq!(send(to_server, &bytes(&registered), &mut []), 0);
        assert_empty(own);
    });
    client.join();
    server.join();
}
