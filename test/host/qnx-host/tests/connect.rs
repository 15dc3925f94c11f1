//! Connections: `docs/qnx-ipc.md` 3.

mod common;
use common::*;

fn server_info(coid: i32) -> Result<(i32, MsgInfo), i32> {
    let mut info = MsgInfo::default();
    // SAFETY: a valid structure.
    match unsafe { ConnectServerInfo_r(0, coid, &mut info) } {
        found if found >= 0 => Ok((found, info)),
        error => Err(-error),
    }
}

/// ConnectServerInfo gives the next higher connection when there is none; NULL skips the dead, else they are marked.
#[test]
fn server_info_finds_this_or_the_next() {
    init();
    let child = spawn(|| {
        let (server, chid) = echo_server(0);
        let (a, b) = (attach(server.pid, chid), attach(server.pid, chid));
        assert_eq!((a, b), (SIDE_CHANNEL + 1, SIDE_CHANNEL + 2));
        let (found, info) = server_info(a).expect("a");
        assert_eq!(
            (found, info.pid, info.chid, info.coid, info.flags),
            (a, server.pid, chid, a, 0)
        );
        // SAFETY: no pointers.
        assert_eq!(unsafe { ConnectDetach_r(a) }, 0);
        assert_eq!(server_info(a).expect("the next").0, b);
        assert_eq!(server_info(b + 1).map(|_| ()), Err(22));
        server.kill9();
        eventually("the connection dies", || send(b, b"x", &mut [0]) == -9);
        assert_eq!(server_info(b).expect("b").1.flags, COF_DEAD as i16);
        // SAFETY: null is allowed.
        assert_eq!(unsafe { ConnectServerInfo_r(0, b, core::ptr::null_mut()) }, -22);
        assert_eq!(attach(0, channel(0)), SIDE_CHANNEL + 1, "the lowest free number");
    });
    child.join();
}

/// ConnectFlags of QNX 8: own process, CLOEXEC only, returns the old flags.
#[test]
fn connect_flags() {
    init();
    let coid = attach(0, channel(0));
    // SAFETY: no pointers.
    unsafe {
        assert_eq!(ConnectFlags_r(0, coid, COF_CLOEXEC, COF_CLOEXEC), 0);
        assert_eq!(ConnectFlags_r(0, coid, COF_CLOEXEC, 0), 1);
        assert_eq!(ConnectFlags_r(0, coid, 0, 0), 0);
        assert_eq!(ConnectFlags_r(0, coid, COF_NOEVENT, COF_NOEVENT), -48);
        assert_eq!(ConnectFlags_r(0, 4711, 0, 0), -9);
        assert_eq!(ConnectAttach_r(0, 0, 4711, SIDE, 0), -3);
        assert_eq!(ConnectAttach_r(0, 0x3F_FFFF, 1, SIDE, 0), -3);
        assert_eq!(ConnectAttach_r(0, 0, 1, SIDE, 0x10_0000), -22);
    }
}

/// Without the side channel bit the id is a descriptor number, and close() ends the connection.
#[test]
fn connection_in_the_descriptor_range() {
    init();
    let chid = channel(0);
    // SAFETY: no pointers.
    let coid = unsafe { ConnectAttach_r(0, 0, chid, 0, 0) };
    assert!((0..SIDE_CHANNEL).contains(&coid));
    assert_eq!(pulse(coid, 10, 1, 7), 0);
    assert_eq!(receive_soon(chid).pulse().value, 7);
    // SAFETY: no pointers.
    assert_eq!(unsafe { qnx_close(coid) }, 0);
    assert_eq!(pulse(coid, 10, 1, 7), -9);
    // SAFETY: no pointers.
    let far = unsafe { ConnectAttach_r(0, 0, chid, 200, 0) };
    assert!(far >= 200);
}

/// ConnectClientInfo: ids and groups of the client, from the system; -1 is the caller itself.
#[test]
fn client_info_of_oneself_and_of_a_client() {
    init();
    let chid = channel(0);
    let coid = attach(0, chid);
    let sender = std::thread::spawn(move || send(coid, &[], &mut []));
    let got = receive_soon(chid);
    // SAFETY: no preconditions.
    let own =
        unsafe { [libc::getuid(), libc::geteuid(), libc::getgid(), libc::getegid()] }.map(|id| id as i32);
    for scoid in [-1, got.info.scoid] {
        let mut who = ClientInfo::default();
        // SAFETY: a valid structure.
        assert_eq!(unsafe { ConnectClientInfo_r(scoid, &mut who, 8) }, 0);
        assert_eq!(who.pid, std::process::id() as i32);
        assert_eq!([who.cred.ruid, who.cred.euid, who.cred.rgid, who.cred.egid], own);
        let mut long = core::ptr::null_mut();
        // SAFETY: a valid pointer, freed once.
        unsafe {
            assert_eq!(ConnectClientInfoExt(scoid, &mut long, 1), 0);
            assert_eq!((*long).cred.ngroups, who.cred.ngroups);
            assert_eq!(ClientInfoExtFree(&mut long), 0);
        }
        assert!(long.is_null());
    }
    // SAFETY: null is told, not used.
    unsafe {
        assert_eq!(ConnectClientInfo_r(got.info.scoid, core::ptr::null_mut(), 0), 14);
        assert_eq!(ConnectClientInfo_r(0x1_FFFF, &mut ClientInfo::default(), 0), 22);
    }
    assert_eq!(reply(got.rcvid, 0, &[]), 0);
    assert_eq!(sender.join().expect("sender"), 0);
}

/// 3: connections are the process' own: a forked child has none of its parent's coids, and what it attaches is another
/// client with its own scoid.
#[test]
fn a_forked_child_has_no_coids() {
    init();
    let chid = channel(0);
    let me = std::process::id() as i32;
    let parent = spawn(move || {
        let coid = attach(me, chid);
        assert_eq!(send(coid, b"parent", &mut []), 0);
        spawn(move || {
            assert_eq!(send(coid, b"inherited", &mut []), -9, "EBADF");
            assert_eq!(pulse(coid, 10, 1, 0), -9);
            // SAFETY: no pointers.
            assert_eq!(unsafe { ConnectDetach_r(coid) }, 22);
            assert_eq!(attach(me, chid), coid, "the first of the child's own");
            assert_eq!(send(coid, b"child", &mut []), 0);
        })
        .join();
        assert_eq!(send(coid, b"parent", &mut []), 0);
    });
    let mut scoids = Vec::new();
    for expected in [&b"parent"[..], b"child", b"parent"] {
        let got = receive_soon(chid);
        assert_eq!(got.bytes, expected);
        scoids.push(got.info.scoid);
        assert_eq!(reply(got.rcvid, 0, &[]), 0);
    }
    assert!(scoids[0] == scoids[2] && scoids[0] != scoids[1], "{scoids:?}");
    parent.join();
}
