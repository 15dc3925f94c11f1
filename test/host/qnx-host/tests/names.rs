//! Names over their lives and deaths: `docs/qnx-ipc.md` 8, beyond `name.rs`.

mod common;
use common::*;
use std::ffi::CString;
use std::time::Duration;

fn open_with(name: &str, flags: i32) -> Result<i32, i32> {
    let name = CString::new(name).expect("name");
    // SAFETY: a C string.
    match unsafe { name_open(name.as_ptr(), flags) } {
        -1 => Err(errno()),
        coid => Ok(coid),
    }
}

fn open(name: &str) -> Result<i32, i32> {
    open_with(name, 0)
}

fn attach_with(name: &str, flags: u32) -> Result<*mut NameAttach, i32> {
    let name = CString::new(name).expect("name");
    // SAFETY: a C string.
    let attached = unsafe { name_attach(core::ptr::null_mut(), name.as_ptr(), flags) };
    if attached.is_null() {
        Err(errno())
    } else {
        Ok(attached)
    }
}

fn chid_of(attached: *mut NameAttach) -> i32 {
    // SAFETY: what name_attach returned.
    unsafe { (*attached).chid }
}

fn detach(attached: *mut NameAttach, flags: u32) -> Result<(), i32> {
    // SAFETY: what name_attach returned, given back once, or null.
    match unsafe { name_detach(attached, flags) } {
        0 => Ok(()),
        _ => Err(errno()),
    }
}

/// docs/qnx-ipc.md 8: a name is had by one living server: EEXIST in the same process and in another, global or local.
#[test]
fn a_name_is_taken_once() {
    init();
    let first = attach_with("names/one", 0).expect("attach");
    assert_eq!(attach_with("names/one", 0), Err(17));
    assert_eq!(attach_with("names/one", NAME_FLAG_ATTACH_GLOBAL), Err(17));
    let other = spawn(|| assert_eq!(attach_with("names/one", 0), Err(17)));
    other.join();
    assert_eq!(detach(first, 0), Ok(()));
    let second = attach_with("names/one", NAME_FLAG_ATTACH_GLOBAL).expect("free again");
    let coid = open("names/one").expect("open");
    // SAFETY: no pointers.
    assert_eq!(unsafe { name_close(coid) }, 0);
    assert_eq!(detach(second, 0), Ok(()));
}

/// docs/qnx-ipc.md 8: names with the same beginning, subdirectories and odd characters are names of their own.
#[test]
fn names_do_not_run_into_each_other() {
    init();
    let all = ["odd", "odd/a", "odd%2Fa", "odd/a b", "odd/\u{e9}", ".odd", "odd."];
    let attached = all.map(|name| (name, attach_with(name, 0).expect(name)));
    for (name, attached) in attached {
        let coid = open(name).expect(name);
        assert_eq!(pulse(coid, 10, 1, 1), 0);
        assert_eq!(receive_soon(chid_of(attached)).pulse().code, 1, "{name}");
        // SAFETY: no pointers.
        assert_eq!(unsafe { name_close(coid) }, 0);
    }
    for (name, attached) in attached {
        assert_eq!(detach(attached, 0), Ok(()), "{name}");
        assert_eq!(open(name), Err(2), "{name}");
    }
    assert_eq!(attach_with("odd", 0x100), Err(22), "flags that do not exist");
    assert_eq!(open_with("odd", 0x100), Err(22));
}

/// docs/qnx-ipc.md 8: name_attach sets DISCONNECT, UNBLOCK and COID_DISCONNECT: all three pulses arrive on its channel.
#[test]
fn a_named_channel_gets_kernel_pulses() {
    init();
    let (mut tx, mut rx) = pipe();
    let (mut go, mut wait) = pipe();
    let server = spawn(move || {
        let (other, other_chid) = echo_server(0);
        let chid = chid_of(attach_with("names/kernel", 0).expect("attach"));
        let to_other = attach(other.pid, other_chid);
        tx.send(0);
        let got = receive_soon(chid);
        let unblock = receive_soon(chid).pulse();
        assert_eq!(
            (unblock.code, unblock.value as i64),
            (PULSE_CODE_UNBLOCK, got.rcvid)
        );
        assert_eq!(error(got.rcvid, -1), 0);
        let gone = receive_soon(chid).pulse();
        assert_eq!((gone.code, gone.scoid), (PULSE_CODE_DISCONNECT, got.info.scoid));
        other.kill9();
        let died = receive_soon(chid).pulse();
        assert_eq!((died.code, died.value), (PULSE_CODE_COIDDEATH, to_other as u64));
        wait.recv();
    });
    rx.recv();
    let coid = open("names/kernel").expect("open");
    timeout(TIMEOUT_SEND | TIMEOUT_REPLY, Duration::from_millis(50));
    assert_eq!(send(coid, b"x", &mut []), -260);
    // SAFETY: no pointers.
    assert_eq!(unsafe { name_close(coid) }, 0);
    go.send(0);
    server.join();
}

/// docs/qnx-ipc.md 8: a name whose channel was destroyed, or whose server exited or was killed, leads nowhere (ENOENT), whoever
/// has the pid now; it can be taken at once.
#[test]
fn names_of_what_is_gone() {
    init();
    /// How a server with this channel ends.
    type End = fn(i32);
    let kinds: [(&str, End); 3] = [
        ("names/destroyed", |chid| {
            // SAFETY: no pointers.
            assert_eq!(unsafe { ChannelDestroy_r(chid) }, 0);
            sleep_ms(20_000);
        }),
        ("names/exited", |_| std::process::exit(0)),
        ("names/killed", |_| {
            // SAFETY: ourselves.
            unsafe { libc::raise(libc::SIGKILL) };
        }),
    ];
    for (name, end) in kinds {
        let (mut tx, mut rx) = pipe();
        let server = spawn(move || {
            let chid = chid_of(attach_with(name, 0).expect("attach"));
            tx.send(0);
            end(chid);
        });
        rx.recv();
        eventually(name, || open(name) == Err(2));
        let mine = attach_with(name, 0).expect(name);
        assert!(open(name).is_ok());
        assert_eq!(detach(mine, 0), Ok(()));
        drop(server);
    }
}

/// docs/qnx-ipc.md 8: name_detach destroys the channel and its clients see it; with SAVEDPP the channel lives on. A null argument is
/// EINVAL.
#[test]
fn detaching_a_name() {
    init();
    for (flags, alive) in [(0, false), (NAME_FLAG_DETACH_SAVEDPP, true)] {
        let attached = attach_with("names/detach", 0).expect("attach");
        let chid = chid_of(attached);
        let coid = open("names/detach").expect("open");
        assert_eq!(detach(attached, flags), Ok(()));
        assert_eq!(open("names/detach"), Err(2));
        assert_eq!(pulse(coid, 10, 1, 1), if alive { 0 } else { -9 });
        // SAFETY: no pointers.
        assert_eq!(unsafe { ChannelDestroy_r(chid) }, if alive { 0 } else { 22 });
    }
    assert_eq!(detach(core::ptr::null_mut(), 0), Err(22));
    // SAFETY: null is told, not used.
    unsafe {
        assert!(name_attach(core::ptr::null_mut(), core::ptr::null(), 0).is_null());
        assert_eq!(errno(), 22);
        assert_eq!((name_open(core::ptr::null(), 0), errno()), (-1, 22));
    }
}

/// docs/qnx-ipc.md 8: the flags of name_open are those of the connection: NOEVENT keeps events away, CLOEXEC shows in
/// ConnectFlags.
#[test]
fn flags_of_name_open() {
    init();
    let attached = attach_with("names/flags", 0).expect("attach");
    let chid = chid_of(attached);
    let coid = open_with("names/flags", NAME_FLAG_COF_CLOEXEC as i32).expect("open");
    // SAFETY: no pointers.
    assert_eq!(unsafe { ConnectFlags_r(0, coid, 0, 0) }, COF_CLOEXEC as i32);
    let quiet = open_with("names/flags", NAME_FLAG_COF_NOEVENT as i32).expect("open");
    for (coid, wanted) in [(coid, 0), (quiet, 13)] {
        let sender = std::thread::spawn(move || send(coid, &[], &mut []));
        let got = receive_soon(chid);
        let event = SigEvent::default();
        // SAFETY: a valid structure.
        assert_eq!(unsafe { MsgVerifyEvent_r(got.rcvid, &event) }, wanted);
        assert_eq!(reply(got.rcvid, 0, &[]), 0);
        assert_eq!(sender.join().expect("sender"), 0);
    }
    assert_eq!(detach(attached, 0), Ok(()));
}

/// docs/qnx-ipc.md 8: many servers that fight for one name: it belongs to one of them at any time, and is free in the end.
#[test]
fn servers_fight_for_a_name() {
    init();
    let servers: Vec<Child> = (0..6)
        .map(|_| {
            spawn(|| {
                let mut won = 0;
                while won < 20 {
                    match attach_with("names/fight", 0) {
                        Ok(attached) => {
                            let coid = open("names/fight").expect("it is ours");
                            assert_eq!(pulse(coid, 10, 1, won), 0);
                            let got = receive_soon(chid_of(attached)).pulse();
                            assert_eq!(got.value as i64, won);
                            assert_eq!(detach(attached, 0), Ok(()));
                            won += 1;
                        }
                        Err(error) => assert_eq!(error, 17),
                    }
                }
            })
        })
        .collect();
    servers.into_iter().for_each(Child::join);
    assert_eq!(open("names/fight"), Err(2));
}
