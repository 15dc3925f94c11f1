//! Abilities of a process and of its clients: `docs/qnx-ipc.md` 2, 3, 4.6 and 13.

mod common;
use common::*;
use core::ffi::{c_int, c_uint};
use qnx_host::api::ability::{procmgr_ability_create, procmgr_ability_lookup};
use std::ffi::CString;

const PATHSPACE: c_uint = 5;
const PRIORITY: c_uint = 33;
const PUBLIC_CHANNEL: c_uint = 44;
const SIGEV_THREAD_ABILITY: c_uint = 69;
const EOL: c_uint = 0xFFFF;
const DENY: c_uint = 0x1_0000;
const ALLOW: c_uint = 0x2_0000;
const SUBRANGE: c_uint = 0x4_0000;
const LOCK: c_uint = 0x8_0000;
const ROOT: c_uint = 0x1000_0000;
const NONROOT: c_uint = 0x2000_0000;
const BOTH: c_uint = ROOT | NONROOT;
const UNABLE: u32 = 0x100;

unsafe extern "C" {
    /// The C function: Rust cannot define one with a variable number of arguments, but call it.
    fn procmgr_ability(pid: c_int, ability: c_uint, ...) -> c_int;
}

/// One item and the end.
fn change(item: c_uint) -> i32 {
    // SAFETY: the list ends.
    unsafe { procmgr_ability(0, item, EOL) }
}

fn is_root() -> bool {
    // SAFETY: no preconditions.
    unsafe { libc::geteuid() == 0 }
}

fn set_priority(priority: i32) -> i32 {
    let param = SchedParam {
        priority,
        ..SchedParam::default()
    };
    // SAFETY: a valid structure.
    unsafe { SchedSet_r(0, 0, 2, &param) }
}

fn priority() -> i32 {
    let mut param = SchedParam::default();
    // SAFETY: a valid structure.
    assert!(unsafe { SchedGet_r(0, 0, &mut param) } >= 0);
    param.priority
}

fn able(scoid: i32, ability: u32, range: (u64, u64)) -> Result<(bool, u32), i32> {
    let mut asked = [ClientAble {
        ability,
        flags: 0,
        range_lo: range.0,
        range_hi: range.1,
    }];
    let mut info = core::ptr::null_mut();
    // SAFETY: valid variables; the structure is read before it is freed.
    unsafe {
        match ConnectClientInfoAble(scoid, &mut info, 0, asked.as_mut_ptr(), 1) {
            -1 => Err(errno()),
            0 => {
                let unable = (*info).flags & UNABLE != 0;
                assert_eq!(ClientInfoExtFree(&mut info), 0);
                Ok((!unable, asked[0].ability))
            }
            other => Err(other),
        }
    }
}

/// 13: a channel without `_NTO_CHF_PRIVATE` needs PUBLIC_CHANNEL, a name PATHSPACE; what is locked stays.
#[test]
fn calls_need_their_abilities() {
    spawn(|| {
        assert_eq!(change(PUBLIC_CHANNEL | DENY | LOCK | BOTH), 0);
        // SAFETY: no pointers.
        unsafe {
            assert_eq!(ChannelCreate_r(0), -1, "EPERM");
            assert!(ChannelCreate_r(CHF_PRIVATE) > 0);
        }
        assert_eq!(change(PUBLIC_CHANNEL | ALLOW | BOTH), 1, "locked");
    })
    .join();
    spawn(|| {
        let name = named("able");
        // SAFETY: a C string.
        let attach = || unsafe { name_attach(core::ptr::null_mut(), name.as_ptr(), 0) };
        assert!(!attach().is_null());
        assert_eq!(change(PATHSPACE | DENY | BOTH), 0);
        assert!(attach().is_null());
        assert_eq!(errno(), 1);
    })
    .join();
}

/// 13: the list may be long, takes subranges, and its end is an item for all abilities that it does not name.
#[test]
fn long_lists_are_read_to_their_end() {
    spawn(|| {
        let keep = |ability| ability | ALLOW | BOTH;
        if is_root() {
            // SAFETY: the list ends; SUBRANGE is followed by two 64-bit numbers.
            let changed = unsafe {
                procmgr_ability(
                    0,
                    keep(1),
                    keep(2),
                    keep(3),
                    keep(4),
                    PRIORITY | ALLOW | SUBRANGE | BOTH,
                    64u64,
                    100u64,
                    keep(6),
                    keep(7),
                    PATHSPACE | LOCK | BOTH,
                    EOL | DENY | BOTH,
                )
            };
            assert_eq!(changed, 0);
            assert_eq!((set_priority(101), set_priority(64)), (-1, 0));
            assert_eq!(able(-1, 7, (0, 0)), Ok((true, 7)));
            assert_eq!(able(-1, 8, (0, 0)), Ok((false, 8)));
            assert_eq!(able(-1, PRIORITY, (70, 100)), Ok((true, PRIORITY)));
            assert_eq!(able(-1, PRIORITY, (70, 101)), Ok((false, PRIORITY)));
            // SAFETY: no pointers.
            assert_eq!(unsafe { ChannelCreate_r(0) }, -1);
        } else {
            // SAFETY: the list ends.
            let changed = unsafe {
                procmgr_ability(
                    0,
                    keep(1),
                    keep(2),
                    keep(3),
                    keep(4),
                    keep(6),
                    keep(7),
                    keep(8),
                    EOL,
                )
            };
            assert_eq!(changed, 1, "nobody gives himself what he has not");
        }
        assert_eq!(change(PRIORITY | ALLOW | DENY | BOTH), 22);
        assert_eq!(change(PRIORITY | ALLOW), 22, "for whom?");
        assert_eq!(change(0x4711 | ALLOW | BOTH), 22);
        // SAFETY: the list ends.
        assert_eq!(unsafe { procmgr_ability(0x3F_FFFF, EOL) }, 3);
    })
    .join();
}

/// 4.6: a receiver without PRIORITY gets no privileged priority from a privileged sender; 12: nor can it set one.
#[test]
fn inherited_priority_is_capped() {
    init();
    let me = std::process::id() as i32;
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        assert_eq!(change(PRIORITY | DENY | BOTH), 0);
        assert_eq!((set_priority(64), set_priority(63)), (-1, 0));
        let chid = channel(0);
        tx.send(chid as u64);
        for _ in 0..2 {
            let got = receive_soon(chid);
            let expected = i32::from(got.info.priority).min(63);
            assert_eq!(reply(got.rcvid, i64::from(priority() == expected), &[]), 0);
        }
    });
    assert_ne!(server.pid, me);
    let coid = attach(server.pid, rx.recv() as i32);
    for wanted in [60, if is_root() { 200 } else { 63 }] {
        assert_eq!(set_priority(wanted), 0);
        assert_eq!(send(coid, b"x", &mut []), 1);
    }
    server.join();
}

/// 13: abilities that root keeps for later survive the change of user.
#[test]
fn kept_over_setuid() {
    spawn(|| {
        if !is_root() {
            assert_eq!(change(PRIORITY | ALLOW | NONROOT), 1, "not ours to give");
            assert_eq!(set_priority(64), -1);
            return;
        }
        assert_eq!(change(PRIORITY | ALLOW | NONROOT), 0);
        // SAFETY: this child only.
        assert_eq!(unsafe { libc::setuid(65534) }, 0);
        assert_eq!(set_priority(100), 0);
    })
    .join();
    spawn(|| {
        if is_root() {
            // SAFETY: this child only.
            assert_eq!(unsafe { libc::setuid(65534) }, 0);
        }
        assert_eq!(set_priority(100), -1);
    })
    .join();
}

/// 3: ConnectClientInfoAble marks a client that lacks one of the abilities with `_NTO_CI_UNABLE`, whatever the client says
/// in its messages.
#[test]
fn servers_see_what_clients_may() {
    init();
    let chid = channel(0);
    let me = std::process::id() as i32;
    let client = spawn(move || {
        let coid = attach(me, chid);
        assert_eq!(send(coid, b"before", &mut []), 0);
        assert_eq!(change(SIGEV_THREAD_ABILITY | DENY | BOTH), 0);
        assert_eq!(send(coid, b"after", &mut []), 0);
        // A child of it has not got it back.
        spawn(move || {
            assert_eq!(send(attach(me, chid), b"child", &mut []), 0);
        })
        .join();
    });
    for (message, has) in [(&b"before"[..], true), (b"after", false), (b"child", false)] {
        let got = receive_soon(chid);
        assert_eq!(got.bytes, message);
        let answer = able(got.info.scoid, SIGEV_THREAD_ABILITY, (0, 0));
        assert_eq!(answer, Ok((has, SIGEV_THREAD_ABILITY)), "{message:?}");
        assert_eq!(reply(got.rcvid, 0, &[]), 0);
    }
    client.join();
    assert_eq!(able(0x7FFF_0000, PRIORITY, (0, 0)), Err(22));
}

fn named(name: &str) -> CString {
    CString::new(name).expect("no NUL")
}

/// 13: an ability of a server has a name, and a number that whoever asks for it gets; created twice it stays as it was.
#[test]
fn named_abilities() {
    init();
    let name = named("sound/mixer");
    // SAFETY: C strings.
    unsafe {
        if !is_root() {
            assert_eq!(
                procmgr_ability_create(name.as_ptr(), BOTH),
                -1,
                "without ABLE_CREATE"
            );
            let temporary = procmgr_ability_lookup(name.as_ptr());
            assert!(temporary > 0);
            assert_eq!(able(-1, temporary as u32, (0, 0)), Ok((false, temporary as u32)));
            return;
        }
        // Asked for before it exists, by somebody who may not create it.
        let (mut tx, mut rx) = pipe();
        let (mut to_child, mut from_parent) = pipe();
        let asker = spawn(move || {
            let name = named("sound/mixer");
            assert_eq!(change(46 | DENY | BOTH), 0);
            assert_eq!(procmgr_ability_create(name.as_ptr(), BOTH), -1);
            let temporary = procmgr_ability_lookup(name.as_ptr()) as u32;
            assert_eq!(able(-1, temporary, (0, 0)), Ok((false, temporary)));
            assert_eq!(
                change(temporary | DENY | BOTH),
                22,
                "a temporary number is not for this"
            );
            tx.send(0);
            let number = from_parent.recv() as u32;
            assert_eq!(able(-1, temporary, (0, 0)), Ok((true, number)));
            assert_eq!(procmgr_ability_lookup(name.as_ptr()), number as i32);
        });
        rx.recv();
        let number = procmgr_ability_create(name.as_ptr(), ROOT);
        assert!(number > 0);
        to_child.send(number as u64);
        asker.join();
        assert_eq!(procmgr_ability_create(name.as_ptr(), BOTH), number, "no change");
        let other = procmgr_ability_lookup(named("sound/other").as_ptr());
        assert!(other > 0 && other != number, "we may create: it is permanent");
        spawn(move || {
            assert_eq!(able(-1, number as u32, (0, 0)), Ok((true, number as u32)));
            assert_eq!(change(number as u32 | DENY | ROOT), 0);
            assert_eq!(able(-1, number as u32, (0, 0)), Ok((false, number as u32)));
        })
        .join();
        assert_eq!(procmgr_ability_create(core::ptr::null(), 0), -22);
        assert_eq!(procmgr_ability_lookup(named(&"x".repeat(128)).as_ptr()), -78);
    }
}
