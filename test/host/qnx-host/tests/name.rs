//! Names: `docs/qnx-ipc.md` 8.

mod common;
use common::*;
use std::ffi::CString;

fn open(name: &str) -> Result<i32, i32> {
    let name = CString::new(name).expect("name");
    // SAFETY: a C string.
    match unsafe { name_open(name.as_ptr(), 0) } {
        -1 => Err(errno()),
        coid => Ok(coid),
    }
}

fn attach_as(dpp: *mut core::ffi::c_void, name: &str) -> Result<*mut NameAttach, i32> {
    let name = CString::new(name).expect("name");
    // SAFETY: a C string and a dispatch handle or null.
    let attached = unsafe { name_attach(dpp, name.as_ptr(), 0) };
    if attached.is_null() {
        Err(errno())
    } else {
        Ok(attached)
    }
}

#[test]
fn server_by_name() {
    init();
    assert_eq!(open("nobody"), Err(2));
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let attached = attach_as(core::ptr::null_mut(), "test/server").expect("attach");
        assert_eq!(attach_as(core::ptr::null_mut(), "test/server"), Err(17));
        // SAFETY: what name_attach returned.
        let chid = unsafe { (*attached).chid };
        tx.send(0);
        let got = receive(chid);
        assert_eq!(reply(got.rcvid, 11, &[]), 0);
        assert_eq!(receive_soon(chid).pulse().code, PULSE_CODE_DISCONNECT);
        // SAFETY: what name_attach returned, given back once.
        assert_eq!(unsafe { name_detach(attached, 0) }, 0);
        assert_eq!(receive(chid).rcvid, -3);
        tx.send(0);
        sleep_ms(20_000);
    });
    rx.recv();
    let coid = open("test/server").expect("open");
    assert_eq!(send(coid, b"x", &mut []), 11);
    // SAFETY: no pointers.
    assert_eq!(unsafe { name_close(coid) }, 0);
    rx.recv();
    assert_eq!(open("test/server"), Err(2));
    server.kill9();
}

/// The name of a killed server is no name, and another server may take it.
#[test]
fn stale_name_is_ignored_and_replaced() {
    init();
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        attach_as(core::ptr::null_mut(), "stale").expect("attach");
        tx.send(0);
        sleep_ms(20_000);
    });
    rx.recv();
    let coid = open("stale").expect("open");
    server.kill9();
    assert_eq!(open("stale"), Err(2));
    eventually("the coid dies", || send(coid, b"x", &mut []) == -9);
    let attached = attach_as(core::ptr::null_mut(), "stale").expect("attach again");
    let coid = open("stale").expect("open again");
    assert_eq!(pulse(coid, 10, 1, 5), 0);
    // SAFETY: what name_attach returned.
    assert_eq!(receive_soon(unsafe { (*attached).chid }).pulse().value, 5);
    // SAFETY: given back once.
    assert_eq!(unsafe { name_detach(attached, 0) }, 0);
}

/// A channel of our own, with flags and pool of our own, under a name; SAVEDPP keeps it.
#[test]
fn name_on_our_own_channel() {
    init();
    let chid = channel(CHF_DISCONNECT | CHF_UNBLOCK | CHF_SENDER_LEN);
    // SAFETY: no pointers.
    let dpp = unsafe { dispatch_create_channel(chid, 0) };
    let attached = attach_as(dpp, "own").expect("attach");
    // SAFETY: what name_attach returned.
    assert_eq!(unsafe { ((*attached).chid, (*attached).dpp) }, (chid, dpp));
    let coid = open("own").expect("open");
    assert_eq!(pulse(coid, 10, 1, 5), 0);
    assert_eq!(receive_soon(chid).pulse().value, 5);
    // SAFETY: given back once.
    assert_eq!(unsafe { name_detach(attached, NAME_FLAG_DETACH_SAVEDPP) }, 0);
    assert_eq!(open("own"), Err(2));
    assert_eq!(pulse(coid, 10, 1, 6), 0);
    assert_eq!(receive_soon(chid).pulse().value, 6);
    // SAFETY: given back once.
    assert_eq!(unsafe { dispatch_destroy(dpp) }, 0);
    assert_eq!(pulse(coid, 10, 1, 6), 0, "the channel is ours, not the handle's");
}

#[test]
fn bad_names() {
    init();
    for name in ["", "/abs", "a/../b", "..", "a/"] {
        assert_eq!(attach_as(core::ptr::null_mut(), name), Err(22), "{name}");
        assert_eq!(open(name), Err(22), "{name}");
    }
    assert_eq!(open(&"x".repeat(300)), Err(78));
    // SAFETY: no pointers.
    unsafe {
        assert_eq!((name_close(SYSMGR_COID), errno()), (-1, 1));
        assert_eq!((name_close(12345), errno()), (-1, 22));
    }
}
