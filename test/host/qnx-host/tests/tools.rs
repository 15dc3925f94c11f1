//! The tool `qnx-host`: what it shows of real processes, and that nothing makes it wait for long.

mod common;
use common::*;
use std::ffi::CString;
use std::process::Command;
use std::time::{Duration, Instant};

/// Runs the tool; its standard output. It must end well and soon.
fn tool(args: &[&str]) -> String {
    let start = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_qnx-host"));
    let done = command.args(args).output().expect("the tool starts");
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{args:?}: {errors}");
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{args:?} took {:?}",
        start.elapsed()
    );
    String::from_utf8(done.stdout).expect("text")
}

fn tool_json(args: &[&str]) -> Vec<serde_json::Value> {
    let text = tool(&[&["--json"], args].concat());
    serde_json::from_str(&text).expect("an array")
}

/// Words of the lines that begin with these words.
fn lines<'a>(text: &'a str, beginning: &[&str]) -> Vec<Vec<&'a str>> {
    let words = |line: &'a str| line.split_ascii_whitespace().collect::<Vec<_>>();
    text.lines()
        .map(words)
        .filter(|line| line.starts_with(beginning))
        .collect()
}

fn name_of(pid: i32) -> String {
    let path = std::fs::read_link(format!("/proc/{pid}/exe")).expect("exe");
    path.file_name().expect("name").to_string_lossy().into_owned()
}

fn attach_name(name: &str) -> i32 {
    let name = CString::new(name).expect("name");
    // SAFETY: a C string; what name_attach returned.
    unsafe {
        let attached = name_attach(core::ptr::null_mut(), name.as_ptr(), 0);
        assert!(!attached.is_null(), "name_attach {}", errno());
        (*attached).chid
    }
}

/// A server with a thread in MsgReceive, one asleep and one busy; its first channel has one message received, one not.
fn server_in_every_state() -> (Child, i32, Rx) {
    let (mut tx, mut rx) = pipe();
    let (mut seen, saw) = pipe();
    let server = spawn(move || {
        let chid = channel(CHF_UNBLOCK);
        let other = channel(0);
        tx.send(chid as u64);
        assert!(receive(chid).rcvid > 0);
        // One after the other, since ids are given in the order of first calls.
        let (known, next) = std::sync::mpsc::channel();
        for busy in [false, true] {
            let known = known.clone();
            std::thread::spawn(move || {
                // SAFETY: no pointers; makes the thread known.
                unsafe { qnx_gettid() };
                known.send(()).expect("the main thread waits");
                if busy {
                    loop {
                        core::hint::spin_loop();
                    }
                }
                sleep_ms(60_000);
            });
            next.recv().expect("the thread is known");
        }
        seen.send(0);
        receive(other);
    });
    let chid = rx.recv() as i32;
    (server, chid, saw)
}

/// pidin: pid, tid, name, priority, state; RECEIVE with the channel, SEND and REPLY with the server, NANOSLEEP and RUNNING.
#[test]
fn pidin_shows_every_state() {
    init();
    let (server, chid, mut saw) = server_in_every_state();
    let pid = server.pid;
    let (mut go, mut wait) = pipe();
    let client = spawn(move || {
        let coid = attach(pid, chid);
        std::thread::spawn(move || {
            // The other message has been received.
            wait.recv();
            let param = SchedParam {
                priority: 33,
                ..SchedParam::default()
            };
            // SAFETY: a valid structure.
            assert_eq!(unsafe { SchedSet_r(0, 0, 0, &param) }, 0);
            send(coid, &[], &mut []);
        });
        send(coid, &[], &mut []);
    });
    saw.recv();
    go.send(0);
    let (server_pid, client_pid) = (server.pid.to_string(), client.pid.to_string());
    let (chid, name) = (chid.to_string(), name_of(server.pid));
    let expected: [&[&str]; 5] = [
        &[&server_pid, "1", &name, "10r", "RECEIVE", "2"],
        &[&server_pid, "2", &name, "10r", "NANOSLEEP"],
        &[&server_pid, "3", &name, "10r", "RUNNING"],
        &[
            &client_pid,
            "1",
            &name,
            "10r",
            "REPLY",
            &server_pid,
            "chid",
            &chid,
            &name,
        ],
        &[
            &client_pid,
            "2",
            &name,
            "33r",
            "SEND",
            &server_pid,
            "chid",
            &chid,
            &name,
        ],
    ];
    let mut shown = String::new();
    eventually("all threads are shown", || {
        shown = tool(&["pidin"]);
        expected.iter().all(|line| lines(&shown, line).len() == 1)
    });
    let title = shown.lines().next().expect("title");
    assert_eq!(
        title.split_ascii_whitespace().collect::<Vec<_>>(),
        ["pid", "tid", "name", "prio", "STATE", "Blocked"]
    );
    let only = tool(&["pidin", &client_pid]);
    assert_eq!(only.lines().count(), 3, "{only}");

    let all = tool_json(&["pidin"]);
    let of = |pid: i32| all.iter().find(|process| process["pid"] == pid).expect("process");
    let threads = of(client.pid)["threads"].as_array().expect("threads").clone();
    let thread = |tid: i32| {
        threads
            .iter()
            .find(|thread| thread["tid"] == tid)
            .expect("thread")
    };
    assert_eq!(thread(2)["state"], "SEND");
    assert_eq!(thread(2)["priority"], 33);
    assert_eq!(thread(2)["blocked"]["pid"], server.pid);
    assert_eq!(thread(1)["state"], "REPLY");
    assert_eq!(of(server.pid)["threads"][0]["blocked"]["chid"], 2);
}

/// fd: coid -> pid and chid, side channels as 0x40000000|n, descriptors in decimal, the dead marked; channels and their
/// clients.
#[test]
fn fd_shows_connections_of_both_kinds() {
    init();
    let (server, chid) = echo_server(CHF_DISCONNECT);
    let (doomed, doomed_chid) = echo_server(0);
    let (pid, doomed_pid) = (server.pid, doomed.pid);
    let (mut tx, mut rx) = pipe();
    let client = spawn(move || {
        // SAFETY: no pointers.
        let low = unsafe { ConnectAttach_r(0, pid, chid, 200, COF_NOEVENT as i32) };
        assert!(low >= 200);
        assert_eq!(attach(pid, chid), SIDE_CHANNEL + 1);
        assert_eq!(attach(doomed_pid, doomed_chid), SIDE_CHANNEL + 2);
        tx.send(low as u64);
        sleep_ms(60_000);
    });
    let low = rx.recv().to_string();
    doomed.kill9();
    let (pid, client_pid, chid) = (server.pid.to_string(), client.pid.to_string(), chid.to_string());
    let side: [&[&str]; 3] = [
        &["0x40000001", "->", "pid", &pid, "chid", &chid],
        &["0x40000002", "->", "pid"],
        &[&low, "->", "pid", &pid, "chid", &chid],
    ];
    let mut shown = String::new();
    eventually("the death is shown", || {
        shown = tool(&["pidin", "fd", &client_pid]);
        lines(&shown, side[1])
            .first()
            .is_some_and(|line| line.last() == Some(&"dead"))
    });
    for line in side {
        assert_eq!(lines(&shown, line).len(), 1, "{line:?} in\n{shown}");
    }
    assert!(lines(&shown, side[2])[0].contains(&"0x800"), "flags: {shown}");
    let shown = tool(&["fd", &pid]);
    assert_eq!(
        lines(&shown, &["chid", &chid, "flags", "0x8"]).len(),
        1,
        "{shown}"
    );
    let clients: Vec<_> = shown.lines().filter(|line| line.contains("<- pid")).collect();
    assert_eq!(clients.len(), 1, "one scoid for both coids: {shown}");
    assert!(clients[0].contains(&client_pid) && clients[0].contains("0x1"));

    let all = tool_json(&["fd"]);
    let of = |pid: i32| all.iter().find(|process| process["pid"] == pid).expect("process");
    let connections = of(client.pid)["connections"]
        .as_array()
        .expect("connections")
        .clone();
    let dead: Vec<bool> = connections.iter().map(|c| c["dead"] == true).collect();
    assert_eq!(dead.iter().filter(|dead| **dead).count(), 1);
    assert_eq!(
        connections.iter().filter(|c| c["side_channel"] == true).count(),
        2
    );
    assert_eq!(of(server.pid)["channels"][0]["clients"][0]["pid"], client.pid);
}

/// names: owner and channel of each name, and which are stale; a stopped owner is alive.
#[test]
fn names_tells_the_stale_from_the_living() {
    init();
    let owner = |name: &'static str| {
        let (mut tx, mut rx) = pipe();
        let owner = spawn(move || {
            tx.send(attach_name(name) as u64);
            sleep_ms(60_000);
        });
        rx.recv();
        owner
    };
    let (alive, stopped, killed) = (
        owner("tools/alive"),
        owner("tools/stopped"),
        owner("tools/killed"),
    );
    let pids = [alive.pid, stopped.pid, killed.pid].map(|pid| pid.to_string());
    stopped.kill(libc::SIGSTOP);
    // Not waited for: of a process that is gone altogether the next one to start would remove the name.
    killed.kill(libc::SIGKILL);
    let mut shown = String::new();
    eventually("the death is seen", || {
        shown = tool(&["names"]);
        shown.contains("stale")
    });
    for (pid, state, name) in [
        (&pids[0], "ok", "tools/alive"),
        (&pids[1], "ok", "tools/stopped"),
        (&pids[2], "stale", "tools/killed"),
    ] {
        let line = lines(&shown, &[pid, "1", state]);
        assert_eq!(line.len(), 1, "{name} in\n{shown}");
        assert_eq!(line[0].last(), Some(&name));
    }
    let all = tool_json(&["names"]);
    let ours = |name: &&serde_json::Value| {
        name["name"]
            .as_str()
            .is_some_and(|name| name.starts_with("tools/"))
    };
    let stale: Vec<_> = all
        .iter()
        .filter(ours)
        .filter(|name| name["stale"] == true)
        .collect();
    assert_eq!(stale.len(), 1);
    assert_eq!(stale[0]["name"], "tools/killed");
    stopped.kill(libc::SIGCONT);
}

/// names: attached paths are there too, beside the names, with their server and channel.
#[test]
fn names_shows_attached_paths() {
    init();
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let chid = channel(0);
        // SAFETY: a C string.
        assert!(unsafe { pathmgr_link(c"/dev/tools".as_ptr(), 0, 0, chid, 0, 0, 0) } > 0);
        tx.send(chid as u64);
        sleep_ms(60_000);
    });
    let chid = rx.recv().to_string();
    let shown = tool(&["names", &server.pid.to_string()]);
    let line = lines(&shown, &[&server.pid.to_string(), &chid, "ok"]);
    assert_eq!(line.len(), 1, "{shown}");
    assert_eq!(line[0].last(), Some(&"/dev/tools"));
    server.kill9();
}

/// A stopped process is shown as such at once, ten of them too, and one that dies while it is looked at is left out.
#[test]
fn stopped_and_dying_processes_do_not_hold_it_up() {
    init();
    let all: Vec<Child> = (0..10).map(|_| echo_server(0).0).collect();
    all.iter().for_each(|child| child.kill(libc::SIGSTOP));
    eventually("all are stopped", || {
        let shown = tool(&["pidin"]);
        let stopped = |child: &Child| {
            lines(&shown, &[&child.pid.to_string(), "-"])
                .iter()
                .any(|line| line.ends_with(&["-", "STOPPED"]))
        };
        all.iter().all(stopped)
    });
    let shown = tool(&["fd", &all[0].pid.to_string()]);
    assert!(shown.contains("(stopped)"), "{shown}");
    let pids: Vec<i32> = all.iter().map(|child| child.pid).collect();
    for process in tool_json(&["pidin"]) {
        if pids.iter().any(|pid| process["pid"] == *pid) {
            assert_eq!(process["stopped"], true);
        }
    }
    // Killed one after the other while the tool looks again and again.
    let killer = std::thread::spawn(move || {
        for child in all {
            sleep_ms(20);
            child.kill9();
        }
    });
    while !killer.is_finished() {
        tool(&["pidin"]);
        tool(&["names"]);
    }
    killer.join().expect("killer");
    let shown = tool(&["pidin"]);
    for pid in pids {
        assert_eq!(lines(&shown, &[&pid.to_string()]).len(), 0, "{shown}");
    }
}

/// Wrong arguments: what is wrong and how it is used, on stderr, with status 2; --help is no error.
#[test]
fn arguments() {
    init();
    for (args, what) in [
        (&[][..], "no command"),
        (&["ps"][..], "ps: not a command"),
        (&["pidin", "x"][..], "x: not a pid"),
        (&["pidin", "--wide"][..], "--wide"),
    ] {
        let done = Command::new(env!("CARGO_BIN_EXE_qnx-host"))
            .args(args)
            .output()
            .expect("the tool starts");
        let errors = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{args:?}");
        assert!(
            errors.contains(what) && errors.contains("usage:"),
            "{args:?}: {errors}"
        );
    }
    assert!(tool(&["--help"]).starts_with("usage:"));
}
