//! `QNX_HOST_TRACE`: what each level prints on stderr, as README.md says: 1 errors, 2 objects, 3 calls, 4 bytes and sleeps.

mod common;
use common::*;
use std::process::Command;

/// Larger than what travels in a slot, so that bytes are copied between the processes.
const LARGE: usize = 50_000;

/// One of everything: objects made and destroyed, a message with its answer, copied bytes, a sleep, an error.
fn scenario() {
    init();
    let chid = channel(CHF_DISCONNECT);
    let pid = std::process::id() as i32;
    let (mut go, mut wait) = pipe();
    let client = spawn(move || {
        let coid = attach(pid, chid);
        assert_eq!(send(coid, &[1; LARGE], &mut [0; 8]), 3);
        assert_eq!(pulse(coid, 10, 5, 0x77), 0);
        wait.recv();
        // SAFETY: no pointers.
        assert_eq!(unsafe { ConnectDetach_r(coid) }, 0);
    });
    sleep_ms(100);
    let got = receive_room(chid, LARGE);
    sleep_ms(50);
    assert_eq!(reply(got.rcvid, 3, &[]), 0);
    // Under 24 bytes: the pulse is lost, which is an error.
    timeout(TIMEOUT_RECEIVE, std::time::Duration::from_secs(5));
    assert_eq!(receive_room(chid, 8).rcvid, -14);
    go.send(0);
    assert_eq!(receive_soon(chid).pulse().code, PULSE_CODE_DISCONNECT);
    client.join();
    // SAFETY: no pointers.
    assert_eq!(unsafe { ChannelDestroy_r(chid) }, 0);
}

/// The lines of the scenario at this level, played by a process of its own: the knob is read once.
fn lines_at(level: Option<&str>) -> Vec<String> {
    let mut again = Command::new(std::env::current_exe().expect("own path"));
    again
        .args([
            "each_level_adds_its_own",
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .env("QNX_TEST_ROLE", "scenario")
        .env_remove("QNX_HOST_TRACE");
    if let Some(level) = level {
        again.env("QNX_HOST_TRACE", level);
    }
    let done = again.output().expect("start");
    let errors = String::from_utf8(done.stderr).expect("text");
    assert!(done.status.success(), "{errors}");
    errors.lines().map(str::to_owned).collect()
}

/// What a level prints first, by words that occur in no other level's lines.
const MARKS: [(u8, &[&str]); 4] = [
    (1, &["pulse 5 lost, buffer of 8 bytes is under 24"]),
    (
        2,
        &[
            "chid 1 created, flags 0x8",
            "coid 0x40000001 = pid",
            "connected to chid 1",
            "disconnected from chid 1",
            "chid 1 destroyed",
        ],
    ),
    (
        3,
        &[
            "send on coid 0x40000001: 50000 bytes, room for 8",
            "from pid",
            "reply to rcvid",
            "pulse -33 value",
        ],
    ),
    (4, &["50000 bytes straight between us and pid", "in MsgSend"]),
];

/// Level 0, the default, prints nothing; each level adds its own lines to those of the lower ones, and no level prints a
/// higher one's. Each line names the process that it comes from.
#[test]
fn each_level_adds_its_own() {
    if std::env::var_os("QNX_TEST_ROLE").is_some() {
        scenario();
        return;
    }
    for unset in [None, Some("0"), Some(""), Some("nonsense")] {
        assert_eq!(lines_at(unset), [""; 0], "{unset:?}");
    }
    for level in 1..=4u8 {
        let lines = lines_at(Some(&level.to_string()));
        for (from, marks) in MARKS {
            for mark in marks {
                let found = lines.iter().any(|line| line.contains(mark));
                assert_eq!(
                    found,
                    level >= from,
                    "level {level}, {mark:?} in\n{}",
                    lines.join("\n")
                );
            }
        }
        for line in &lines {
            let pid = line
                .strip_prefix("qnx-host[")
                .and_then(|rest| rest.split_once("]: "));
            assert!(pid.is_some_and(|(pid, _)| pid.parse::<u32>().is_ok()), "{line}");
        }
    }
}
