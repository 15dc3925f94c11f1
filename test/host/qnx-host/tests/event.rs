//! Events: `docs/qnx-ipc.md` 7.

mod common;
use common::*;

fn pulse_event(coid: i32, priority: i16, code: i8, value: u64) -> SigEvent {
    SigEvent {
        notify: SIGEV_PULSE,
        target: coid as u32 as u64,
        value,
        code_priority: u64::from(code as u8) | u64::from(priority as u16) << 16,
        ..SigEvent::default()
    }
}

fn register(event: &mut SigEvent, coid: i32) -> i32 {
    // SAFETY: a valid structure.
    unsafe { MsgRegisterEvent_r(event, coid) }
}

fn deliver(rcvid: i64, event: &SigEvent) -> i32 {
    // SAFETY: a valid structure.
    unsafe { MsgDeliverEvent_r(rcvid, event) }
}

fn verify(rcvid: i64, event: &SigEvent) -> i32 {
    // SAFETY: a valid structure.
    unsafe { MsgVerifyEvent_r(rcvid, event) }
}

fn bytes(event: &SigEvent) -> Vec<u8> {
    // SAFETY: 32 bytes of plain data.
    unsafe { core::slice::from_raw_parts((&raw const *event).cast::<u8>(), 32) }.to_vec()
}

fn event_from(bytes: &[u8]) -> SigEvent {
    assert_eq!(bytes.len(), 32);
    // SAFETY: 32 bytes of plain data.
    unsafe { bytes.as_ptr().cast::<SigEvent>().read_unaligned() }
}

/// A server that verifies and delivers each event it is sent, after replying, with value 99; the reply is the result.
fn event_server() -> (Child, i32) {
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let chid = channel(0);
        tx.send(chid as u64);
        loop {
            let got = receive(chid);
            let mut event = event_from(&got.bytes);
            let verified = verify(got.rcvid, &event);
            reply(got.rcvid, i64::from(verified), &[]);
            event.value = 99;
            let delivered = deliver(got.rcvid, &event);
            assert_eq!(delivered, verified, "a saved rcvid is good for MsgDeliverEvent");
        }
    });
    let chid = rx.recv() as i32;
    (server, chid)
}

#[test]
fn registered_pulse_event_arrives_with_the_registered_value() {
    init();
    let (server, chid) = event_server();
    let own = channel(0);
    let (to_self, to_server) = (attach(0, own), attach(server.pid, chid));
    let mut event = pulse_event(to_self, 20, 7, 0x1234_5678_9ABC);
    assert_eq!(register(&mut event, to_server), 0);
    assert_ne!(event.notify & SIGEV_FLAG_HANDLE, 0);
    assert_eq!(send(to_server, &bytes(&event), &mut []), 0);
    let pulse = receive_soon(own).pulse();
    assert_eq!((pulse.code, pulse.value), (7, 0x1234_5678_9ABC), "not updateable");

    let mut event = pulse_event(to_self, 20, 8, 1);
    event.notify |= SIGEV_FLAG_UPDATEABLE;
    assert_eq!(register(&mut event, to_server), 0);
    assert_eq!(send(to_server, &bytes(&event), &mut []), 0);
    let pulse = receive_soon(own).pulse();
    assert_eq!((pulse.code, pulse.value), (8, 99), "updateable");

    // SAFETY: a valid structure.
    unsafe {
        assert_eq!(MsgUnregisterEvent_r(&event), 0);
        assert_eq!(MsgUnregisterEvent_r(&event), 3);
    }
    assert_eq!(
        send(to_server, &bytes(&event), &mut []),
        22,
        "no longer registered"
    );
    assert_empty(own);
}

#[test]
fn refused_events() {
    init();
    let (server, chid) = event_server();
    let (other, other_chid) = event_server();
    let own = channel(0);
    let (to_self, to_server, to_other) = (
        attach(0, own),
        attach(server.pid, chid),
        attach(other.pid, other_chid),
    );
    let plain = pulse_event(to_self, 20, 7, 1);
    assert_eq!(send(to_server, &bytes(&plain), &mut []), 13, "not registered");
    let mut event = plain;
    assert_eq!(register(&mut event, to_other), 0);
    assert_eq!(
        send(to_server, &bytes(&event), &mut []),
        13,
        "registered for another server"
    );
    let mut any = plain;
    assert_eq!(register(&mut any, REGEVENT_ALLOW_ANY_SERVER), 0);
    assert_eq!(send(to_server, &bytes(&any), &mut []), 0);
    assert_eq!(receive_soon(own).pulse().code, 7);
    // SAFETY: no pointers.
    let quiet = unsafe { ConnectAttach_r(0, server.pid, chid, SIDE, COF_NOEVENT as i32) };
    assert_eq!(
        send(quiet, &bytes(&any), &mut []),
        13,
        "the connection takes no events"
    );
    assert_empty(own);

    let mut bad = SigEvent {
        notify: 77,
        ..SigEvent::default()
    };
    assert_eq!(register(&mut bad, to_server), 22);
    assert_eq!(
        register(&mut pulse_event(to_self, 0, 1, 1), to_server),
        22,
        "priority 0"
    );
    assert_eq!(register(&mut event.clone(), 4711), 22, "a handle again");
    assert_eq!(register(&mut plain.clone(), 4711), 9);
}

#[test]
fn semaphore_signal_and_own_events() {
    init();
    let child = spawn(|| {
        static HITS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        extern "C" fn hit(_: i32) {
            HITS.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
        // SAFETY: a handler that only counts.
        unsafe { libc::signal(libc::SIGUSR2, hit as *const () as usize) };
        let (server, chid) = event_server();
        let to_server = attach(server.pid, chid);
        let sem: *mut u64 = Box::leak(Box::new(0));
        // SAFETY: eight bytes that live for ever.
        unsafe { qnx_host::sem::qnx_sem_init(sem.cast(), 0, 0) };
        let mut event = SigEvent {
            notify: SIGEV_SEM,
            target: sem as u64,
            ..SigEvent::default()
        };
        assert_eq!(register(&mut event, to_server), 0);
        assert_eq!(send(to_server, &bytes(&event), &mut []), 0);
        // SAFETY: an initialised semaphore.
        assert_eq!(unsafe { qnx_host::sem::qnx_sem_wait(sem.cast()) }, 0);

        const QNX_SIGUSR2: u64 = 17;
        let mut event = SigEvent {
            notify: SIGEV_SIGNAL,
            target: QNX_SIGUSR2,
            ..SigEvent::default()
        };
        assert_eq!(register(&mut event, to_server), 0);
        assert_eq!(send(to_server, &bytes(&event), &mut []), 0);
        eventually("the signal", || {
            HITS.load(std::sync::atomic::Ordering::SeqCst) == 1
        });

        let own = channel(0);
        let event = pulse_event(attach(0, own), 10, 3, 30);
        assert_eq!(verify(0, &event), 0);
        assert_eq!(deliver(0, &event), 0);
        assert_eq!(receive_soon(own).pulse().value, 30);
        assert_eq!(deliver(0, &pulse_event(99, 10, 3, 30)), 9);
    });
    child.join();
}

/// SIGEV_UNBLOCK forces the client's thread out of whatever it is blocked in.
#[test]
fn unblock_event() {
    init();
    let own = channel(0);
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let chid = channel(0);
        tx.send(chid as u64);
        let got = receive(chid);
        let event = event_from(&got.bytes);
        reply(got.rcvid, 0, &[]);
        sleep_ms(200);
        assert_eq!(deliver(got.rcvid, &event), 0);
        sleep_ms(5000);
    });
    let to_server = attach(server.pid, rx.recv() as i32);
    let mut event = SigEvent {
        notify: SIGEV_UNBLOCK,
        ..SigEvent::default()
    };
    assert_eq!(register(&mut event, to_server), 0);
    assert_eq!(send(to_server, &bytes(&event), &mut []), 0);
    assert_eq!(receive(own).rcvid, -260);
}

/// The client is dead: the event goes nowhere, and the server is told.
#[test]
fn event_for_a_dead_client() {
    init();
    let chid = channel(CHF_DISCONNECT);
    let pid = std::process::id() as i32;
    let client = spawn(move || {
        let own = channel(0);
        let to_server = attach(pid, chid);
        let mut event = pulse_event(attach(0, own), 10, 1, 1);
        assert_eq!(register(&mut event, to_server), 0);
        assert_eq!(send(to_server, &bytes(&event), &mut []), 0);
        sleep_ms(20_000);
    });
    let got = receive(chid);
    let event = event_from(&got.bytes);
    reply(got.rcvid, 0, &[]);
    assert_eq!(deliver(got.rcvid, &event), 0);
    client.kill9();
    assert_eq!(receive_soon(chid).pulse().code, PULSE_CODE_DISCONNECT);
    assert_eq!(deliver(got.rcvid, &event), 3);
}
