//! `pathmgr_link()`: a path for a channel whose server answers connect messages by itself. `docs/qnx-resmgr.md` 1.1, 1.2, 2.2.

mod common;
use common::*;
use std::ffi::CString;

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const ESRCH: i32 = 3;
const EACCES: i32 = 13;
const EINVAL: i32 = 22;
const ENAMETOOLONG: i32 = 78;
const ENOTSUP: i32 = 48;

const O_RDWR: i32 = 2;
const FLAG_DIR: u32 = 0x100;
const FLAG_SELF: u32 = 0x200;

fn link_as(pid: i32, path: &str, chid: i32, handle: u32, flags: u32) -> Result<i32, i32> {
    let path = CString::new(path).expect("path");
    // SAFETY: a C string.
    match unsafe { pathmgr_link(path.as_ptr(), 0, pid, chid, handle, 0, flags) } {
        -1 => Err(errno()),
        link => Ok(link),
    }
}

fn link(path: &str, chid: i32, handle: u32) -> Result<i32, i32> {
    link_as(0, path, chid, handle, 0)
}

fn open(path: &str) -> Result<i32, i32> {
    let path = CString::new(path).expect("path");
    // SAFETY: a C string.
    match unsafe { qnx_open(path.as_ptr(), O_RDWR, 0) } {
        -1 => Err(errno()),
        fd => Ok(fd),
    }
}

fn close(fd: i32) -> i32 {
    // SAFETY: no pointers.
    unsafe { qnx_close(fd) }
}

fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// A child with channel and paths, which answers as `serve` says.
fn server(paths: &'static [(&'static str, u32, u32)], serve: impl Fn(Got) + 'static) -> (Child, i32) {
    let (mut tx, mut rx) = pipe();
    let child = spawn(move || {
        let chid = channel(0);
        for (path, handle, flags) in paths {
            link_as(0, path, chid, *handle, *flags).expect(path);
        }
        tx.send(chid as u64);
        loop {
            serve(receive(chid));
        }
    });
    let chid = rx.recv() as i32;
    (child, chid)
}

fn ok(got: &Got) {
    assert_eq!(reply(got.rcvid, 0, &[]), 0);
}

/// The message that open() sends: `_io_connect` of 40 bytes and the path, with the handle that the server registered, on
/// the connection that becomes the descriptor; then what is sent on it arrives there, and close() is one more message.
#[test]
fn open_is_a_connect_message_on_the_new_connection() {
    init();
    let (server, chid) = server(&[("/dev/raw", 77, 0)], |got| {
        let bytes = &got.bytes;
        match half(bytes, 0) {
            0x100 => {
                assert_eq!(half(bytes, 2), 2, "subtype: open");
                assert_eq!(word(bytes, 16), 77, "handle");
                assert_eq!(word(bytes, 20) & 3, 3, "ioflag: to read and to write");
                assert_eq!(half(bytes, 34), 1, "path_len: the ending 0 alone");
                assert_eq!((bytes.len(), bytes[40]), (41, 0));
                ok(&got);
            }
            0x116 => ok(&got),
            _ => assert_eq!(reply(got.rcvid, i64::from(got.info.coid), bytes), 0),
        }
    });
    let fd = open("/dev/raw").expect("open");
    let mut info = MsgInfo::default();
    // SAFETY: a structure of ours.
    assert_eq!(unsafe { ConnectServerInfo(0, fd, &mut info) }, fd);
    assert_eq!((info.pid, info.chid), (server.pid, chid));
    let mut answer = [0; 4];
    assert_eq!(
        send(fd, &[0, 2, 3, 4], &mut answer),
        i64::from(fd),
        "the server sees our number"
    );
    assert_eq!(answer, [0, 2, 3, 4]);
    assert_eq!(close(fd), 0);
    server.kill9();
}

/// What the server answers to the connect message is open()'s result; after a refusal nothing is open, and no close follows.
#[test]
fn a_refusal_is_the_result_of_open() {
    init();
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let chid = channel(0);
        link("/dev/refused", chid, 1).expect("link");
        tx.send(0);
        let got = receive(chid);
        assert_eq!(error(got.rcvid, EACCES), 0);
        let next = receive_soon(chid);
        assert_eq!(half(&next.bytes, 0), 0x100, "no _IO_CLOSE after a refusal");
        assert_eq!(error(next.rcvid, ENOENT), 0);
    });
    rx.recv();
    assert_eq!(open("/dev/refused"), Err(EACCES));
    assert_eq!(open("/dev/refused"), Err(ENOENT));
    server.join();
}

/// stat() by path is one message: a connect message of subtype 1 with `_IO_STAT` behind the path at a multiple of 8; its
/// answer is the status.
#[test]
fn stat_by_path_is_a_combined_message() {
    init();
    let (server, _) = server(&[("/dev/status", 5, 0)], |got| {
        let bytes = &got.bytes;
        assert_eq!((half(bytes, 0), half(bytes, 2)), (0x100, 1), "COMBINE_CLOSE");
        assert_eq!(word(bytes, 20) & 3, 0, "neither reading nor writing");
        assert_eq!(half(bytes, 38), 8, "extra_len");
        let at = (40 + usize::from(half(bytes, 34))).next_multiple_of(8);
        assert_eq!((half(bytes, at), bytes.len()), (0x104, at + 8));
        let mut status = [0u8; 120];
        status[44..48].copy_from_slice(&0xC1B6u32.to_ne_bytes());
        assert_eq!(reply(got.rcvid, 3, &status), 0);
    });
    let mut status = Stat::default();
    // SAFETY: a C string and a structure of ours.
    assert_eq!(unsafe { qnx_stat(c"/dev/status".as_ptr(), &mut status) }, 0);
    assert_eq!(status.mode, 0xC1B6, "a socket that everybody may use");
    server.kill9();
}

/// Two paths of a process on one channel are told apart by their handles; unlinking one leaves the other, and the open.
#[test]
fn links_of_one_process_are_its_own() {
    init();
    let (mut tx, mut rx) = pipe();
    let (mut go, mut gone) = pipe();
    let server = spawn(move || {
        let chid = channel(0);
        let first = link("/dev/pair/a", chid, 10).expect("link");
        let second = link("/dev/pair/b", chid, 20).expect("link");
        assert_ne!(first, second);
        tx.send(0);
        for handle in [10, 20] {
            let got = receive(chid);
            assert_eq!(word(&got.bytes, 16), handle);
            ok(&got);
        }
        // SAFETY: no pointers.
        let unlink = || unsafe { pathmgr_unlink(first) };
        assert_eq!(unlink(), 0);
        assert_eq!((unlink(), errno()), (-1, EINVAL), "only once");
        tx.send(0);
        loop {
            let got = receive(chid);
            ok(&got);
            if half(&got.bytes, 0) == 0x116 {
                gone.recv();
                return;
            }
        }
    });
    rx.recv();
    let a = open("/dev/pair/a").expect("a");
    let _b = open("/dev/pair/b").expect("b");
    rx.recv();
    assert_eq!(open("/dev/pair/a"), Err(ENOENT));
    assert_eq!(send(a, &[0, 2], &mut []), 0, "what was open stays");
    assert!(open("/dev/pair/b").is_ok());
    assert_eq!(close(a), 0);
    go.send(0);
    server.join();
}

/// The link goes with its process and with its channel, and another server takes the path.
#[test]
fn a_dead_server_leaves_no_path() {
    init();
    let paths = &[("/dev/mortal", 1, 0)];
    let (first, _) = server(paths, |got| ok(&got));
    assert!(open("/dev/mortal").is_ok());
    first.kill9();
    assert_eq!(open("/dev/mortal"), Err(ENOENT));
    let (second, _) = server(paths, |got| ok(&got));
    assert!(open("/dev/mortal").is_ok());
    second.kill9();

    let (mut tx, mut rx) = pipe();
    let third = spawn(move || {
        let chid = channel(0);
        link("/dev/mortal", chid, 1).expect("link");
        // SAFETY: no pointers.
        assert_eq!(unsafe { ChannelDestroy_r(chid) }, 0);
        tx.send(0);
        sleep_ms(20_000);
    });
    rx.recv();
    assert_eq!(open("/dev/mortal"), Err(ENOENT));
    third.kill9();
}

/// The last to link is asked first; the one before it when that says ENOENT. Longer paths only with DIR.
#[test]
fn the_last_link_is_asked_first() {
    init();
    let (first, chid) = server(&[("/dev/two", 1, FLAG_DIR)], |got| ok(&got));
    let (second, _) = server(&[("/dev/two", 2, 0)], |got| {
        assert_eq!(error(got.rcvid, ENOENT), 0);
    });
    let fd = open("/dev/two").expect("the first one takes it");
    let mut info = MsgInfo::default();
    // SAFETY: a structure of ours.
    assert_eq!(unsafe { ConnectServerInfo(0, fd, &mut info) }, fd);
    assert_eq!((info.pid, info.chid), (first.pid, chid));
    assert!(open("/dev/two/below").is_ok());
    second.kill9();
    first.kill9();
}

/// A process does not find its own path, unless it asked for that.
#[test]
fn ones_own_path() {
    init();
    let chid = channel(0);
    link("/dev/own", chid, 1).expect("link");
    assert_eq!(open("/dev/own"), Err(ENOENT));
    link_as(0, "/dev/own", chid, 2, FLAG_SELF).expect("link");
    let opener = std::thread::spawn(|| open("/dev/own"));
    let got = receive_soon(chid);
    assert_eq!(word(&got.bytes, 16), 2);
    ok(&got);
    assert!(opener.join().expect("no panic").is_ok());
}

/// Two dispatch handles of a process have link ids that begin at 1 each; their paths do not run into each other.
#[test]
fn two_handles_of_one_process() {
    init();
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let attach = |path: &str| {
            let path = CString::new(path).expect("path");
            // SAFETY: a handle just made, a C string, no tables: nobody is served.
            unsafe {
                let handle = dispatch_create_channel(channel(0), 0);
                resmgr_attach(
                    handle,
                    core::ptr::null(),
                    path.as_ptr(),
                    0,
                    0,
                    core::ptr::null(),
                    core::ptr::null(),
                    core::ptr::null_mut(),
                )
            }
        };
        assert_eq!((attach("/dev/h1"), attach("/dev/h2")), (1, 1));
        tx.send(0);
        sleep_ms(20_000);
    });
    rx.recv();
    let paths = qnx_host::admin::names().expect("a runtime directory");
    let mut paths: Vec<_> = paths
        .iter()
        .filter(|path| path.pid == server.pid)
        .map(|path| &path.name)
        .collect();
    paths.sort();
    assert_eq!(paths, ["/dev/h1", "/dev/h2"]);
    server.kill9();
}

/// What cannot be linked.
#[test]
fn refusals() {
    init();
    let chid = channel(0);
    assert_eq!(link("", chid, 0), Err(EINVAL));
    assert_eq!(
        link(&format!("/{}", "x".repeat(1024)), chid, 0),
        Err(ENAMETOOLONG)
    );
    assert_eq!(link("/dev/x", 4711, 0), Err(ESRCH), "no such channel");
    assert_eq!(link_as(1, "/dev/x", chid, 0, 0), Err(EPERM), "another process");
    assert_eq!(link_as(0, "/dev/x", chid, 0, 3), Err(EINVAL), "before and after");
    assert_eq!(link_as(0, "/dev/x", chid, 0, 8), Err(ENOTSUP), "by type");
    let raw = |path: Option<&std::ffi::CStr>, reserved, file_type| {
        let path = path.map_or(core::ptr::null(), |path| path.as_ptr());
        // SAFETY: a C string, or null, which is told.
        unsafe { pathmgr_link(path, reserved, 0, chid, 0, file_type, 0) }
    };
    assert_eq!(raw(Some(c"/dev/x"), 1, 0), -1, "reserved");
    assert_eq!(raw(Some(c"/dev/x"), 0, 7), -1, "a file type");
    assert_eq!(raw(None, 0, 0), -1, "no path");
    assert_eq!(open("/dev/x"), Err(ENOENT), "nothing was linked");
}
