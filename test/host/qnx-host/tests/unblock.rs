//! Ways out of a blocked call: timeouts, signals, detach, and the unblock protocol. `docs/qnx-ipc.md` 6.

mod common;
use common::*;
use std::time::{Duration, Instant};

const BOTH: u32 = TIMEOUT_SEND | TIMEOUT_REPLY;

/// A server that receives one message after `tx` said so and then does what it is told.
fn idle_server(flags: u32) -> (Child, i32) {
    let (mut tx, mut rx) = pipe();
    let child = spawn(move || {
        tx.send(channel(flags) as u64);
        sleep_ms(60_000);
    });
    let chid = rx.recv() as i32;
    (child, chid)
}

#[test]
fn send_blocked_client_times_out_and_leaves_no_trace() {
    init();
    let chid = channel(CHF_UNBLOCK);
    let pid = std::process::id() as i32;
    let client = spawn(move || {
        let coid = attach(pid, chid);
        for _ in 0..200 {
            let start = Instant::now();
            timeout(BOTH, Duration::from_millis(1));
            assert_eq!(send(coid, b"x", &mut []), -260);
            assert!(start.elapsed() >= Duration::from_millis(1));
        }
        // A null time is a poll.
        // SAFETY: null pointers are allowed.
        unsafe {
            TimerTimeout_r(
                CLOCK_MONOTONIC,
                BOTH,
                core::ptr::null(),
                core::ptr::null(),
                core::ptr::null_mut(),
            )
        };
        assert_eq!(send(coid, b"x", &mut []), -260);
        // The timeout was for that one call.
        assert_eq!(send(coid, b"y", &mut []), 7);
    });
    sleep_ms(500);
    let got = receive_soon(chid);
    assert_eq!(got.bytes, b"y");
    assert_eq!(reply(got.rcvid, 7, &[]), 0);
    client.join();
}

/// Without the flag a REPLY-blocked client leaves silently; a late reply finds nobody, and never the next message.
#[test]
fn reply_blocked_client_leaves_without_the_flag() {
    init();
    let chid = channel(0);
    let pid = std::process::id() as i32;
    let client = spawn(move || {
        let coid = attach(pid, chid);
        timeout(BOTH, Duration::from_millis(100));
        assert_eq!(send(coid, b"first", &mut []), -260);
        assert_eq!(send(coid, b"second", &mut []), 2);
    });
    let first = receive_soon(chid);
    assert_eq!(first.bytes, b"first");
    let second = receive_soon(chid);
    assert_eq!(second.bytes, b"second");
    assert_ne!(first.rcvid, second.rcvid);
    assert_eq!(reply(first.rcvid, 1, &[]), -3);
    assert_eq!(info(first.rcvid).map(|_| ()), Err(3));
    assert_eq!(reply(second.rcvid, 2, &[]), 0);
    client.join();
}

/// With the flag: pulse with the rcvid, UNBLOCK_REQ set, the client waits for the server, MsgError(-1) passes the reason.
#[test]
fn timeout_on_an_unblock_channel_waits_for_the_server() {
    init();
    let chid = channel(CHF_UNBLOCK);
    let pid = std::process::id() as i32;
    let client = spawn(move || {
        let coid = attach(pid, chid);
        timeout(BOTH, Duration::from_millis(30));
        assert_eq!(
            send(coid, b"a", &mut []),
            -260,
            "MsgError(-1) = the kernel's reason"
        );
        timeout(BOTH, Duration::from_millis(30));
        assert_eq!(send(coid, b"b", &mut []), -4, "what the server said");
        timeout(BOTH, Duration::from_millis(30));
        let mut answer = [0; 4];
        assert_eq!(send(coid, b"c", &mut answer), 3, "a normal reply");
        assert_eq!(&answer, b"part");
    });
    for round in 0..3 {
        let got = receive_soon(chid);
        assert_eq!(got.info.flags, 0);
        let pulse = receive_soon(chid).pulse();
        assert_eq!((pulse.code, pulse.value as i64), (PULSE_CODE_UNBLOCK, got.rcvid));
        assert_eq!(info(got.rcvid).map(|i| i.flags), Ok(MI_UNBLOCK_REQ));
        sleep_ms(50);
        assert_empty(chid);
        match round {
            0 => assert_eq!(error(got.rcvid, -1), 0),
            1 => assert_eq!(error(got.rcvid, 4), 0),
            _ => assert_eq!(reply(got.rcvid, 3, b"part"), 0),
        }
        assert_eq!(
            info(got.rcvid).map(|_| ()),
            Err(3),
            "a stale unblock pulse is recognised"
        );
    }
    client.join();
}

/// A timeout for one of the two states applies to that state alone.
#[test]
fn timeout_for_one_state_only() {
    init();
    let chid = channel(0);
    let pid = std::process::id() as i32;
    let client = spawn(move || {
        let coid = attach(pid, chid);
        timeout(TIMEOUT_SEND, Duration::from_millis(150));
        assert_eq!(send(coid, b"a", &mut []), 1, "taken in time, answered late");
        let start = Instant::now();
        timeout(TIMEOUT_REPLY, Duration::from_millis(50));
        assert_eq!(send(coid, b"b", &mut []), -260);
        assert!(
            start.elapsed() >= Duration::from_millis(200),
            "SEND-blocked for 200 ms first"
        );
    });
    let got = receive_soon(chid);
    sleep_ms(300);
    assert_eq!(reply(got.rcvid, 1, &[]), 0);
    sleep_ms(250);
    assert_eq!(receive_soon(chid).bytes, b"b");
    client.join();
}

#[test]
fn receive_times_out() {
    init();
    let chid = channel(0);
    let start = Instant::now();
    timeout(TIMEOUT_RECEIVE, Duration::from_millis(60));
    assert_eq!(receive(chid).rcvid, -260);
    assert!(start.elapsed() >= Duration::from_millis(60));
    // Any kernel call uses the timeout up.
    timeout(TIMEOUT_RECEIVE, Duration::ZERO);
    let coid = attach(0, chid);
    assert_eq!(pulse(coid, 10, 1, 1), 0);
    assert_eq!(receive(chid).pulse().value, 1);
}

extern "C" fn nothing(_: i32) {}

fn catch_usr1() {
    // SAFETY: a handler that does nothing, installed with SA_RESTART to show that calls do not restart.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction = nothing as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(libc::SIGUSR1, &action, core::ptr::null_mut());
    }
}

/// A signal: EINTR where the client may leave, the unblock protocol where it may not.
#[test]
fn signals_interrupt() {
    init();
    for (flags, taken) in [(0, false), (0, true), (CHF_UNBLOCK, false), (CHF_UNBLOCK, true)] {
        let chid = channel(flags);
        let pid = std::process::id() as i32;
        let client = spawn(move || {
            catch_usr1();
            let coid = attach(pid, chid);
            assert_eq!(send(coid, b"x", &mut []), -4);
        });
        let got = taken.then(|| receive_soon(chid));
        sleep_ms(100);
        client.kill(libc::SIGUSR1);
        if let (Some(got), CHF_UNBLOCK) = (got, flags) {
            let pulse = receive_soon(chid).pulse();
            assert_eq!((pulse.code, pulse.value as i64), (PULSE_CODE_UNBLOCK, got.rcvid));
            assert_eq!(error(got.rcvid, -1), 0);
        }
        client.join();
        assert_empty(chid);
    }
}

#[test]
fn signal_interrupts_receive() {
    init();
    let child = spawn(|| {
        catch_usr1();
        let chid = channel(0);
        assert_eq!(receive(chid).rcvid, -4);
    });
    sleep_ms(200);
    child.kill(libc::SIGUSR1);
    child.join();
}

/// ConnectDetach while a thread is blocked through the coid: SEND-blocked it fails, REPLY-blocked it asks the server.
#[test]
fn detach_frees_blocked_threads() {
    init();
    let (server, chid) = idle_server(0);
    let coid = attach(server.pid, chid);
    let other = attach(server.pid, chid);
    let blocked = std::thread::spawn(move || send(coid, b"x", &mut []));
    let stays = std::thread::spawn(move || send(other, b"x", &mut []));
    sleep_ms(100);
    // SAFETY: no pointers.
    assert_eq!(unsafe { ConnectDetach_r(coid) }, 0);
    assert_eq!(blocked.join().expect("client"), -9);
    assert!(!stays.is_finished());
    server.kill9();
    assert_eq!(stays.join().expect("client"), -3);
}

/// MsgError: 0 is success, ERESTART sends again, other numbers arrive.
#[test]
fn errors_arrive() {
    init();
    let chid = channel(0);
    let pid = std::process::id() as i32;
    let client = spawn(move || {
        let coid = attach(pid, chid);
        assert_eq!(send(coid, b"1", &mut []), 0);
        assert_eq!(send(coid, b"2", &mut []), -89);
        assert_eq!(send(coid, b"3", &mut []), 9);
        // SAFETY: an empty message.
        let plain = unsafe { MsgSend(coid, core::ptr::null(), 0, core::ptr::null_mut(), 0) };
        assert_eq!((plain, errno()), (-1, 312));
        // A negative status reaches the caller as it is.
        assert_eq!(send(coid, b"5", &mut []), -5);
    });
    assert_eq!(error(receive_soon(chid).rcvid, 0), 0);
    assert_eq!(error(receive_soon(chid).rcvid, 89), 0);
    let got = receive_soon(chid);
    assert_eq!(got.bytes, b"3");
    assert_eq!(error(got.rcvid, 91), 0);
    let again = receive_soon(chid);
    assert_eq!(again.bytes, b"3");
    assert_eq!(reply(again.rcvid, 9, &[]), 0);
    assert_eq!(error(receive_soon(chid).rcvid, 312), 0);
    assert_eq!(reply(receive_soon(chid).rcvid, -5, &[]), 0);
    client.join();
}

/// Signs of the `_r` forms, and errno untouched by them.
#[test]
fn signs_of_the_r_forms() {
    init();
    // SAFETY: no valid object is named, so no pointer is used.
    unsafe {
        qnx_host::errno::set_errno(qnx_host::errno::Errno(77));
        assert_eq!(MsgSend_r(99, core::ptr::null(), 0, core::ptr::null_mut(), 0), -9);
        assert_eq!(
            MsgReceive_r(99, core::ptr::null_mut(), 0, core::ptr::null_mut()),
            -3
        );
        assert_eq!(MsgReply_r(99, 0, core::ptr::null(), 0), -3);
        assert_eq!(MsgRead_r(99, core::ptr::null_mut(), 0, 0), -3);
        assert_eq!(MsgWrite_r(99, core::ptr::null(), 0, 0), -3);
        assert_eq!(ConnectAttach_r(0, 1, 1, SIDE, 0), -3);
        assert_eq!(ChannelCreate_r(0x400), -22);
        assert_eq!(MsgSendPulse_r(99, 10, 1, 1), -9);
        assert_eq!(ConnectDetach_r(99), 22);
        assert_eq!(ConnectDetach_r(SYSMGR_COID), 1);
        assert_eq!(ChannelDestroy_r(99), 22);
        assert_eq!(MsgError_r(99, 1), 3);
        assert_eq!(MsgInfo_r(99, &mut MsgInfo::default()), 3);
        assert_eq!(MsgUnregisterEvent_r(&SigEvent::default()), 3);
        assert_eq!(errno(), 77);
        assert_eq!(MsgError(99, 1), -1);
        assert_eq!(errno(), 3);
    }
}
