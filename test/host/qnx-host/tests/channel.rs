//! Channels: `docs/qnx-ipc.md` 2, beyond the deaths of `death.rs` and the pulse pools of `pool.rs`.

mod common;
use common::*;

fn destroy(chid: i32) -> i32 {
    // SAFETY: no pointers.
    unsafe { ChannelDestroy_r(chid) }
}

/// docs/qnx-ipc.md 2: every flag of QNX 8 is taken; the ASYNC flags that QNX 8 removed and unknown bits are `EINVAL`.
#[test]
fn flags_that_exist_and_flags_that_do_not() {
    init();
    let child = spawn(|| {
        let known = [
            0x1, 0x2, 0x4, 0x8, 0x10, 0x20, 0x40, 0x80, 0x800, 0x1000, 0x2000, 0x4000, 0x8000,
        ];
        for bit in known {
            let chid = channel(bit);
            assert_eq!(destroy(chid), 0, "flag {bit:#x}");
        }
        let all = known.iter().fold(0, |all, bit| all | bit);
        assert_eq!(destroy(channel(all)), 0);
        for bit in [0x200, 0x400, 0x1_0000, 0x8000_0000] {
            // SAFETY: no pointers.
            assert_eq!(unsafe { ChannelCreate_r(bit) }, -22, "flag {bit:#x}");
            // SAFETY: no pointers.
            let plain = unsafe { ChannelCreate(bit) };
            assert_eq!((plain, errno()), (-1, 22), "flag {bit:#x}");
        }
    });
    child.join();
}

/// docs/qnx-ipc.md 2: one COID_DISCONNECT and one THREAD_DEATH channel per process; destroying it frees the place.
#[test]
fn one_death_channel_per_process_at_a_time() {
    init();
    let child = spawn(|| {
        for flag in [CHF_COID_DISCONNECT, CHF_THREAD_DEATH] {
            let first = channel(flag);
            // ON-TARGET: the errno of a second channel of this kind.
            // SAFETY: no pointers.
            assert_eq!(unsafe { ChannelCreate_r(flag) }, -16);
            assert_eq!(destroy(first), 0);
            assert_eq!(destroy(channel(flag)), 0);
        }
        // The two do not exclude each other.
        let both = [channel(CHF_COID_DISCONNECT), channel(CHF_THREAD_DEATH)];
        assert_ne!(both[0], both[1]);
    });
    child.join();
}

/// docs/qnx-ipc.md 2 (D71): after ChannelDestroy the scoids die, the client's coids stay allocated but dead until detached, and
/// a new channel that gets the old number is not reached through them.
#[test]
fn coids_of_a_destroyed_channel_stay_dead() {
    init();
    let (mut tx, mut rx) = pipe();
    let (mut go, mut wait) = pipe();
    let server = spawn(move || {
        let chid = channel(0);
        tx.send(chid as u64);
        let got = receive(chid);
        let scoid = got.info.scoid;
        assert_eq!(reply(got.rcvid, 0, &[]), 0);
        assert_eq!(destroy(chid), 0);
        // SAFETY: a valid structure.
        let known = unsafe { ConnectClientInfo_r(scoid, &mut ClientInfo::default(), 0) };
        assert_eq!(known, 22, "the scoid died with the channel");
        let again = channel(0);
        assert_eq!(again, chid, "the lowest free number");
        tx.send(0);
        wait.recv();
        assert_empty(again);
        tx.send(0);
        assert_eq!(reply(receive_soon(again).rcvid, 5, &[]), 0);
    });
    let chid = rx.recv() as i32;
    let coid = attach(server.pid, chid);
    assert_eq!(send(coid, &[], &mut []), 0);
    rx.recv();
    eventually("the coid dies", || send(coid, &[], &mut []) == -9);
    assert_eq!(pulse(coid, 10, 1, 1), -9);
    let mut info = MsgInfo::default();
    // SAFETY: a valid structure.
    assert_eq!(unsafe { ConnectServerInfo_r(0, coid, &mut info) }, coid);
    assert_eq!(info.flags & COF_DEAD as i16, COF_DEAD as i16);
    let fresh = attach(server.pid, chid);
    assert_ne!(fresh, coid, "the dead coid keeps its number");
    go.send(0);
    rx.recv();
    assert_eq!(send(fresh, &[], &mut []), 5);
    // SAFETY: no pointers.
    assert_eq!(unsafe { ConnectDetach_r(coid) }, 0);
    // SAFETY: no pointers.
    assert_eq!(unsafe { ConnectDetach_r(coid) }, 22);
    server.join();
}

/// docs/qnx-ipc.md 2 (D71): ChannelDestroy lets SEND-blocked and REPLY-blocked clients go at once, on UNBLOCK channels too, and
/// kills their rcvids.
#[test]
fn destroying_does_not_wait_for_the_unblock_protocol() {
    init();
    let (mut tx, mut rx) = pipe();
    let (mut go, mut wait) = pipe();
    let server = spawn(move || {
        let chid = channel(CHF_UNBLOCK | CHF_DISCONNECT);
        tx.send(chid as u64);
        let got = receive(chid);
        tx.send(0);
        wait.recv();
        assert_eq!(destroy(chid), 0);
        assert_eq!(error(got.rcvid, 4), 3);
        assert_eq!(info(got.rcvid).map(|_| ()), Err(3));
        assert_eq!(destroy(chid), 22);
        wait.recv();
    });
    let coid = attach(server.pid, rx.recv() as i32);
    let blocked: Vec<_> = (0..4)
        .map(|_| std::thread::spawn(move || send(coid, b"x", &mut [])))
        .collect();
    rx.recv();
    sleep_ms(50);
    go.send(0);
    for thread in blocked {
        assert!(matches!(thread.join().expect("client"), -3 | -9));
    }
    go.send(0);
    server.join();
}

/// docs/qnx-ipc.md 2 (D71): the end of a process destroys its channels: REPLY-blocked clients of a server that exits get ESRCH.
#[test]
fn a_server_that_exits_frees_its_clients() {
    init();
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let chid = channel(0);
        tx.send(chid as u64);
        assert!(receive(chid).rcvid > 0);
        std::process::exit(0);
    });
    let coid = attach(server.pid, rx.recv() as i32);
    assert_eq!(send(coid, b"x", &mut []), -3);
    server.join();
    assert_eq!(send(coid, b"x", &mut []), -9);
}

/// docs/qnx-ipc.md 1: any thread of the process may receive; each message goes to one of those that wait.
#[test]
fn any_thread_receives_and_each_message_once() {
    init();
    const THREADS: usize = 4;
    let chid = channel(0);
    let coid = attach(0, chid);
    let receivers: Vec<_> = (0..THREADS)
        .map(|_| {
            std::thread::spawn(move || {
                let got = receive(chid);
                assert_eq!(reply(got.rcvid, 0, &got.bytes), 0);
                got.bytes[0]
            })
        })
        .collect();
    for number in 0..THREADS as u8 {
        let mut answer = [0xFF];
        assert_eq!(send(coid, &[number], &mut answer), 0);
        assert_eq!(answer, [number]);
    }
    let mut seen: Vec<u8> = receivers
        .into_iter()
        .map(|t| t.join().expect("receiver"))
        .collect();
    seen.sort();
    assert_eq!(seen, [0, 1, 2, 3]);
}

/// docs/qnx-ipc.md 4.4: srcmsglen and dstmsglen are promised with SENDER_LEN and REPLY_LEN only, each by its own flag.
#[test]
fn lengths_come_with_their_flags() {
    init();
    for (flags, wanted) in [
        (CHF_SENDER_LEN, [100, 0]),
        (CHF_REPLY_LEN, [0, 7]),
        (CHF_SENDER_LEN | CHF_REPLY_LEN, [100, 7]),
        // ON-TARGET: whether QNX 8 fills srcmsglen and dstmsglen without the flags.
        (0, [0, 0]),
    ] {
        let chid = channel(flags);
        let coid = attach(0, chid);
        let sender = std::thread::spawn(move || send(coid, &[1; 100], &mut [0; 7]));
        let got = receive_room(chid, 10);
        assert_eq!(got.info.msglen, 10);
        assert_eq!(
            [got.info.srcmsglen, got.info.dstmsglen],
            wanted,
            "flags {flags:#x}"
        );
        assert_eq!(reply(got.rcvid, 0, &[]), 0);
        assert_eq!(sender.join().expect("sender"), 0);
    }
}
