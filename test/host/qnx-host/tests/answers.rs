//! What a server does with an rcvid, and whose fault a bad buffer is: `docs/qnx-ipc.md` 4.2 and 4.3.

mod common;
use common::*;
use core::ffi::c_void;

/// Memory that may not be touched: every copy from or to it faults.
fn untouchable(len: usize) -> *mut c_void {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping.
    let at = unsafe { libc::mmap(core::ptr::null_mut(), len, libc::PROT_NONE, flags, -1, 0) };
    assert_ne!(at, libc::MAP_FAILED);
    at
}

/// Large enough to travel straight between the address spaces.
const LARGE: usize = 100_000;

fn write(rcvid: i64, data: &[u8], offset: usize) -> isize {
    // SAFETY: a live slice.
    unsafe { MsgWrite_r(rcvid, data.as_ptr().cast(), data.len(), offset) }
}

fn read(rcvid: i64, room: &mut [u8], offset: usize) -> isize {
    // SAFETY: a live slice.
    unsafe { MsgRead_r(rcvid, room.as_mut_ptr().cast(), room.len(), offset) }
}

/// docs/qnx-ipc.md 4.3: any thread of the server may answer, later; one answer per receive, everything after it is ESRCH.
#[test]
fn another_thread_answers_later_and_once() {
    init();
    let chid = channel(0);
    let pid = std::process::id() as i32;
    let clients: Vec<_> = (0..3u8)
        .map(|number| {
            spawn(move || {
                let coid = attach(pid, chid);
                let mut answer = [0];
                assert_eq!(send(coid, &[number], &mut answer), i64::from(number));
                assert_eq!(answer, [number + 100]);
            })
        })
        .collect();
    let parked: Vec<Got> = (0..3).map(|_| receive_soon(chid)).collect();
    // In another order, by a thread that has never received.
    let worker = std::thread::spawn(move || {
        for got in parked.into_iter().rev() {
            let number = got.bytes[0];
            assert_eq!(write(got.rcvid, &[number + 100], 0), 1);
            assert_eq!(reply(got.rcvid, i64::from(number), &[]), 0);
            assert_eq!(reply(got.rcvid, 7, &[1]), -3);
            assert_eq!(error(got.rcvid, 5), 3);
            assert_eq!(read(got.rcvid, &mut [0], 0), -3);
            assert_eq!(write(got.rcvid, &[9], 0), -3);
            assert_eq!(info(got.rcvid).map(|_| ()), Err(3));
        }
    });
    worker.join().expect("worker");
    clients.into_iter().for_each(Child::join);
}

/// docs/qnx-ipc.md 1: an rcvid is unique among outstanding ones, is 64 bits wide and does not come back while its slot is used
/// over and over.
#[test]
fn rcvids_are_not_given_twice() {
    init();
    let chid = channel(0);
    let coid = attach(0, chid);
    let parker = std::thread::spawn(move || send(coid, b"park", &mut []));
    let parked = receive_soon(chid).rcvid;
    let sender = std::thread::spawn(move || {
        for _ in 0..5000 {
            assert_eq!(send(coid, b"x", &mut []), 0);
        }
    });
    let mut seen = std::collections::HashSet::from([parked]);
    for _ in 0..5000 {
        let got = receive_soon(chid);
        assert!(seen.insert(got.rcvid), "rcvid {:#x} again", got.rcvid);
        assert_eq!(reply(got.rcvid, 0, &[]), 0);
    }
    sender.join().expect("sender");
    assert!(
        seen.iter().any(|rcvid| *rcvid > i64::from(i32::MAX)),
        "more than 32 bits"
    );
    assert!(info(parked).is_ok());
    assert_eq!(reply(parked, 3, &[]), 0);
    assert_eq!(parker.join().expect("parker"), 3);
}

/// docs/qnx-ipc.md 4.3 and 4.4: MsgInfo says the same as the receive did, for as long as the rcvid lives.
#[test]
fn info_at_any_time_before_the_answer() {
    init();
    let chid = channel(CHF_SENDER_LEN | CHF_REPLY_LEN);
    let pid = std::process::id() as i32;
    let client = spawn(move || {
        let param = SchedParam {
            priority: 33,
            ..SchedParam::default()
        };
        // SAFETY: a valid structure.
        assert_eq!(unsafe { SchedSet_r(0, 0, 0, &param) }, 0);
        let coid = attach(pid, chid);
        assert_eq!(send(coid, &[1; 50], &mut [0; 9]), i64::from(coid));
    });
    let got = receive_soon(chid);
    let (first, later) = (got.info, info(got.rcvid).expect("outstanding"));
    for seen in [first, later] {
        assert_eq!((seen.nd, seen.srcnd, seen.chid), (0, 0, chid));
        assert_eq!((seen.pid, seen.tid), (client.pid, 1));
        assert_eq!((seen.scoid, seen.coid), (first.scoid, first.coid));
        assert!(seen.scoid & CONNECTION_SCOID != 0);
        assert_eq!((seen.priority, seen.flags, seen.type_id), (33, 0, 0));
        assert_eq!((seen.srcmsglen, seen.dstmsglen), (50, 9));
    }
    // SAFETY: null is told, not used.
    assert_eq!(unsafe { MsgInfo_r(got.rcvid, core::ptr::null_mut()) }, 14);
    assert_eq!(reply(got.rcvid, i64::from(first.coid), &[]), 0);
    client.join();
}

/// docs/qnx-ipc.md 4.2 and 5: a pulse leaves info untouched, gives rcvid 0, fills parts as one stream and needs 24 bytes of
/// them; a null info is fine for both.
#[test]
fn a_pulse_through_parts_leaves_info_alone() {
    init();
    let chid = channel(0);
    let coid = attach(0, chid);
    let (mut head, mut rest) = ([0u8; 5], [0u8; 40]);
    let mut seen = MsgInfo {
        pid: -77,
        ..MsgInfo::default()
    };
    assert_eq!(pulse(coid, 10, 6, i64::MIN + 5), 0);
    let parts = [
        iov(&[]),
        libc::iovec {
            iov_base: head.as_mut_ptr().cast(),
            iov_len: 5,
        },
        libc::iovec {
            iov_base: rest.as_mut_ptr().cast(),
            iov_len: 40,
        },
    ];
    // SAFETY: live buffers.
    assert_eq!(unsafe { MsgReceivev_r(chid, parts.as_ptr(), 3, &mut seen) }, 0);
    assert_eq!(seen.pid, -77, "info is not written");
    let image = [head.as_slice(), &rest].concat();
    // SAFETY: 24 bytes of plain data.
    let got = unsafe { image.as_ptr().cast::<Pulse>().read_unaligned() };
    assert_eq!((got.code, got.value as i64), (6, i64::MIN + 5));
    assert!(image[24..].iter().all(|byte| *byte == 0), "24 bytes, no more");

    assert_eq!(pulse(coid, 10, 6, 1), 0);
    let short = [parts[1], iov(&rest[..18])];
    // SAFETY: live buffers, no info.
    let lost = unsafe { MsgReceivev_r(chid, short.as_ptr(), 2, core::ptr::null_mut()) };
    assert_eq!(lost, -14);
    let sender = std::thread::spawn(move || send(coid, b"m", &mut []));
    // SAFETY: live buffers, no info.
    let rcvid = unsafe { MsgReceivev_r(chid, short.as_ptr(), 2, core::ptr::null_mut()) };
    assert!(rcvid > 0, "the pulse was lost, the message not");
    assert_eq!(reply(rcvid, 0, &[]), 0);
    assert_eq!(sender.join().expect("sender"), 0);
}

/// docs/qnx-ipc.md 4.2: a fault in the sender's buffer goes to the sender as EFAULT; the receiver stays blocked and gets the
/// next message.
#[test]
fn a_faulty_sender_is_not_the_receivers_problem() {
    init();
    let (server, chid) = echo_server(0);
    let coid = attach(server.pid, chid);
    // SAFETY: the server must find the message unreadable.
    let status = unsafe { MsgSend_r(coid, untouchable(LARGE), LARGE, core::ptr::null_mut(), 0) };
    assert_eq!(status, -14);
    let mut answer = [0; 2];
    assert_eq!(send(coid, b"ok", &mut answer), 2);
    assert_eq!(&answer, b"ok");
}

/// docs/qnx-ipc.md 4.1 and 4.2: the receiver's own bad buffer is EFAULT to it and ESRVRFAULT to the sender.
#[test]
fn a_faulty_receiver_hurts_both() {
    init();
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let chid = channel(0);
        tx.send(chid as u64);
        let bad = untouchable(LARGE);
        // SAFETY: the call must find the buffer unwritable.
        let got = unsafe { MsgReceive_r(chid, bad, LARGE, core::ptr::null_mut()) };
        assert_eq!(got, -14);
        assert_eq!(reply(receive_soon(chid).rcvid, 1, &[]), 0);
    });
    let coid = attach(server.pid, rx.recv() as i32);
    assert_eq!(send(coid, &[1; LARGE], &mut []), -312);
    assert_eq!(send(coid, b"x", &mut []), 1);
    server.join();
}

/// docs/qnx-ipc.md 4.3: EFAULT is the client's buffer, ESRVRFAULT our own; neither MsgRead nor MsgWrite lets the client go.
#[test]
fn whose_buffer_faulted() {
    init();
    let chid = channel(0);
    let pid = std::process::id() as i32;
    let client = spawn(move || {
        let coid = attach(pid, chid);
        let mut good = vec![1; LARGE];
        let bad = untouchable(LARGE);
        // SAFETY: the server must find the reply buffer unwritable.
        let status = unsafe { MsgSend_r(coid, good.as_ptr().cast(), LARGE, bad, LARGE) };
        assert_eq!(status, -14, "MsgReply with EFAULT lets the client go with EFAULT");
        assert_eq!(send(coid, &[2; LARGE], &mut good), 8);
        assert_eq!(good[..3], [5; 3]);
    });
    let bad = untouchable(LARGE);
    let got = receive_room(chid, 10);
    assert_eq!(write(got.rcvid, &[3; LARGE], 0), -14);
    assert!(info(got.rcvid).is_ok(), "still blocked");
    assert_eq!(reply(got.rcvid, 0, &[3; LARGE]), -14);
    assert_eq!(info(got.rcvid).map(|_| ()), Err(3));

    let got = receive_room(chid, 10);
    // SAFETY: the calls must find our buffer bad.
    unsafe {
        assert_eq!(MsgRead_r(got.rcvid, bad, LARGE, 0), -312);
        assert_eq!(MsgWrite_r(got.rcvid, bad, LARGE, 0), -312);
        assert_eq!(MsgReply_r(got.rcvid, 1, bad, LARGE), -312);
        assert_eq!(MsgReply_r(got.rcvid, 1, core::ptr::null(), 5), -312);
    }
    assert!(info(got.rcvid).is_ok(), "the client waits for a good answer");
    assert_eq!(reply(got.rcvid, 8, &[5; 3]), 0);
    client.join();
}

/// docs/qnx-ipc.md 4.3: nothing moves with no bytes, no parts or beyond the end, whatever the offset; the client stays blocked.
#[test]
fn reads_and_writes_of_nothing() {
    init();
    let chid = channel(0);
    let coid = attach(0, chid);
    for len in [20, LARGE] {
        let sender = std::thread::spawn(move || {
            let mut answer = vec![7; len];
            assert_eq!(send(coid, &vec![1; len], &mut answer), 0);
            assert!(answer.iter().all(|byte| *byte == 7), "nothing was written");
        });
        let got = receive_room(chid, 0);
        assert_eq!(
            got.info.msglen, 0,
            "a receive without room takes the message all the same"
        );
        for offset in [0, 1, len, len + 1, usize::MAX] {
            assert_eq!(read(got.rcvid, &mut [], offset), 0);
            assert_eq!(write(got.rcvid, &[], offset), 0);
        }
        for offset in [len, len + 1, usize::MAX - 100, usize::MAX] {
            assert_eq!(read(got.rcvid, &mut [0; 64], offset), 0, "offset {offset}");
            assert_eq!(write(got.rcvid, &[9; 64], offset), 0, "offset {offset}");
        }
        // SAFETY: no parts.
        unsafe {
            assert_eq!(MsgReadv_r(got.rcvid, core::ptr::null(), 0, 0), 0);
            assert_eq!(MsgWritev_r(got.rcvid, core::ptr::null(), 0, 0), 0);
            assert_eq!(MsgReplyv_r(got.rcvid, 0, core::ptr::null(), 0), 0);
        }
        sender.join().expect("sender");
    }
}

/// docs/qnx-ipc.md 4.3 (D70): MsgError(EOK) is success with what MsgWrite has put; MsgError(ERESTART) makes the library send
/// again, with the same message.
#[test]
fn write_then_error() {
    init();
    let chid = channel(0);
    let coid = attach(0, chid);
    for len in [6, LARGE] {
        let sender = std::thread::spawn(move || {
            let mut answer = vec![0; len];
            assert_eq!(send(coid, &vec![4; len], &mut answer), 0);
            answer
        });
        let got = receive_room(chid, LARGE);
        assert_eq!(error(got.rcvid, 91), 0);
        let again = receive_room(chid, LARGE);
        assert_eq!(again.bytes, vec![4; len]);
        assert_ne!(again.rcvid, got.rcvid);
        assert_eq!(write(again.rcvid, b"abc", 2), 3);
        assert_eq!(error(again.rcvid, 0), 0);
        let answer = sender.join().expect("sender");
        assert_eq!(answer[..6], *b"\0\0abc\0");
    }
}

/// docs/qnx-ipc.md 4.3: ESRCH for every use of an rcvid whose client was killed (no UNBLOCK flag); the channel goes on.
#[test]
fn answers_to_a_dead_client() {
    init();
    let chid = channel(CHF_DISCONNECT);
    let pid = std::process::id() as i32;
    for len in [16, LARGE] {
        let client = spawn(move || {
            let coid = attach(pid, chid);
            send(coid, &vec![1; len], &mut vec![0; len]);
        });
        let got = receive_room(chid, 8);
        client.kill9();
        assert_eq!(receive_soon(chid).pulse().scoid, got.info.scoid);
        assert_eq!(reply(got.rcvid, 0, &[0; LARGE]), -3);
        assert_eq!(read(got.rcvid, &mut [0; 8], 0), -3);
        assert_eq!(write(got.rcvid, &[0; 8], 0), -3);
        assert_eq!(error(got.rcvid, 4), 3);
        assert_eq!(info(got.rcvid).map(|_| ()), Err(3));
        // SAFETY: no pointers.
        assert_eq!(unsafe { ConnectDetach_r(got.info.scoid) }, 0);
    }
}
