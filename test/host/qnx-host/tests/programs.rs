//! C programs in the manner of the QNX course, unchanged, against `include/` and `libqnx_host.so`.

#[path = "programs_support/mod.rs"]
mod support;

use std::path::Path;
use support::*;

/// Starts a server of `programs/` and waits until it can be found.
fn server(machine: &Machine, name: &str, args: &[&str]) -> Running {
    let mut server = machine.start(name, args);
    assert_eq!(server.line(), "ready");
    server
}

fn good((lines, errors): (Vec<String>, String)) -> Vec<String> {
    assert_eq!(errors, "");
    lines
}

#[test]
fn pulse_server() {
    let machine = Machine::new("pulse");
    let mut server = machine.start("pulse_server", &[]);
    let ready = server.line();
    let ["ready", pid, chid] = ready.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{ready}");
    };
    let client = good(machine.run("pulse_client", &[pid, chid]));
    assert_eq!(client, ["sum 4294967406", "unknown type: ENOSYS"]);
    let temperatures = ["20", "21", "22", "23", "24", "4294967296"].map(|t| format!("temperature {t}"));
    let printed = good(server.finish());
    // Ours (priority 10, the default) in the order in which they were sent.
    assert_eq!(printed[..6], temperatures);
    assert_eq!(printed[6..], ["pointer 0x123456789abc"]);
}

#[test]
fn name_server() {
    let machine = Machine::new("name");
    let server = server(&machine, "name_server", &[]);
    assert_eq!(
        good(machine.run("name_client", &[])),
        [
            "reply: you said hello",
            "pid mine, euid mine",
            "unknown type: ENOSYS",
            "short message: EBADMSG"
        ]
    );
    assert_eq!(good(server.finish()), ["client gone"]);
}

#[test]
fn multi_part_messages() {
    let machine = Machine::new("iov");
    let server = server(&machine, "iov_server", &[]);
    let (lines, errors) = machine.run("iov_client", &[]);
    assert_eq!(lines, ["stored 12288 bytes", "fetched 12288 bytes, data same"]);
    assert_eq!(errors, "too much: EMSGSIZE\n");
    assert_eq!(
        good(server.finish()),
        ["stored 12288 bytes, checksum good", "a pulse met a small buffer"]
    );
}

#[test]
fn shared_memory_by_handle() {
    let machine = Machine::new("shm");
    let server = server(&machine, "shm_server", &[]);
    assert_eq!(
        good(machine.run("shm_client", &[])),
        [
            "a second use fails: 1",
            "sealed 1, revocable 0",
            "frames seen by the server: 3"
        ]
    );
    let mut frames: Vec<String> = (1..=3).map(|n| format!("frame {n}: 0 bad pixels")).collect();
    frames.push("client gone".to_owned());
    assert_eq!(good(server.finish()), frames);
}

#[test]
fn event_delivery() {
    let machine = Machine::new("event");
    let server = server(&machine, "event_server", &[]);
    assert_eq!(
        good(machine.run("event_client", &[])),
        [
            "not registered: EACCES",
            "pulse: code 5, value 77",
            "result 9",
            "after MsgUnregisterEvent: refused",
            "updateable pulse: code 5, value 25",
            "semaphore: result 36",
            "signal: value 8, result 49",
            "malformed: EINVAL",
        ]
    );
    assert_eq!(
        good(server.finish()),
        ["event refused: EACCES", "event refused: EINVAL", "client gone"]
    );
}

#[test]
fn delayed_replies() {
    let machine = Machine::new("delayed");
    let server = server(&machine, "delayed_server", &["5"]);
    let mut getters: Vec<Running> = (0..3)
        .map(|_| machine.start("delayed_client", &["get"]))
        .collect();
    for getter in &mut getters {
        assert_eq!(getter.line(), "asking");
    }
    // One dies while it waits: its item must go to somebody who lives.
    getters.swap_remove(1).kill();
    for item in ["41", "42"] {
        let put = good(machine.run("delayed_client", &["put", item]));
        assert!(put[0].starts_with("put, "), "{put:?}");
    }
    let mut got: Vec<String> = getters
        .into_iter()
        .flat_map(|getter| good(getter.finish()))
        .collect();
    got.sort();
    assert_eq!(got, ["got 41", "got 42"]);
    assert_eq!(server.finish().0, ["clients gone"]);
}

#[test]
fn unblock_pulses() {
    let machine = Machine::new("unblock");
    let server = server(&machine, "unblock_server", &[]);
    assert_eq!(
        good(machine.run("unblock_client", &[])),
        [
            "timeout: ETIMEDOUT",
            "signal: EINTR, handlers run 1",
            "partial: status 1, result 50"
        ]
    );
    assert_eq!(
        good(server.finish()),
        [
            "unblock: let go",
            "unblock: let go",
            "unblock: half a result",
            "client gone"
        ]
    );
}

#[test]
fn client_data_is_freed_on_disconnect() {
    let machine = Machine::new("data");
    let server = server(&machine, "client_data_server", &[]);
    let count = || good(machine.run("client_data_client", &["clients"]))[0].clone();
    let mut killed = machine.start("client_data_client", &["5", "wait"]);
    assert_eq!(killed.line(), "counted to 5");
    assert_eq!(count(), "clients 1");
    assert_eq!(
        good(machine.run("client_data_client", &["2", "close"])),
        ["counted to 2", "then 3"]
    );
    assert_eq!(
        good(machine.run("client_data_client", &["1", "exit"])),
        ["counted to 1"]
    );
    killed.kill();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while count() != "clients 0" {
        assert!(
            std::time::Instant::now() < deadline,
            "a client's data was not released"
        );
    }
    assert_eq!(good(machine.run("client_data_client", &["quit"])), ["quit 0"]);
    let mut released = good(server.finish());
    released.sort();
    assert_eq!(
        released,
        [1, 3, 5].map(|n| format!("released a client that counted to {n}"))
    );
}

#[test]
fn robust_mutex_in_shared_memory() {
    let machine = Machine::new("robust");
    let mut owner = machine.start("robust_owner", &[]);
    assert_eq!(owner.line(), "locked");
    owner.kill();
    let mut heir = machine.start("robust_user", &["mend"]);
    assert_eq!(heir.line(), "lock: EOWNERDEAD, left 2, right 1");
    assert_eq!(heir.line(), "consistent: EOK");
    assert_eq!(heir.line(), "lock: EOK");
    assert_eq!(heir.line(), "locked");
    heir.kill();
    assert_eq!(
        good(machine.run("robust_user", &["leave"])),
        [
            "lock: EOWNERDEAD, left 2, right 2",
            "lock: ENOTRECOVERABLE",
            "unlinked: ENOENT"
        ]
    );
}

#[test]
fn errno_is_one_for_both_libraries() {
    let machine = Machine::new("errno");
    let (lines, errors) = machine.run("errno_mix", &[]);
    assert_eq!(
        lines,
        [
            "open: ENOENT",
            "strtol: ERANGE",
            "MsgSend: EBADF",
            "fopen: ENOENT",
            "MsgSend_r leaves it: ENOENT, returned -9",
            "cond: ETIMEDOUT returned, errno EOK",
            "thread: EOK",
        ]
    );
    assert_eq!(errors, "perror: ENOENT\n");
}

/// `docs/qnx-ipc.md` 4.1: a failing call returns -1 and sets errno, the `_r` forms never touch it; a call that succeeds leaves
/// errno alone, whatever Linux's calls under it did.
#[test]
fn errno_changes_only_with_a_failure() {
    let machine = Machine::new("kept");
    assert_eq!(
        good(machine.run("errno_kept", &[])),
        [
            "changed by success: 0",
            "_r: returned EDOM 1, errno kept 1",
            "libc, kernel: EBADF 1",
            "kernel, libc: ENOENT 1",
            "assigned: EOK 1",
            "timeout: ETIMEDOUT 1",
        ]
    );
}

#[test]
fn errno_numbers_are_those_of_the_library() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("errno_table.c");
    let source = "#include <errno.h>\n#include <stdio.h>\nint main(void) {\n\
                  for (int n = 1; n < 140; n++) printf(\"%d\\n\", qnx_host_errno_from_linux(n));\nreturn 0;\n}\n";
    std::fs::write(&file, source).expect("the target's temporary directory is writable");
    let program = link(&file, "errno_table", &[]);
    let lines = good(Machine::new("table").start_file(&program, &[]).finish());
    for (linux, line) in (1..140).zip(&lines) {
        let ours = qnx_host::errno::Errno::from_linux(linux).0;
        assert_eq!(*line, ours.to_string(), "Linux's error {linux}");
    }
}

/// `docs/qnx-ipc.md` 7: SIGEV_THREAD in C: the function may end its thread by pthread_exit.
#[test]
fn a_thread_event_may_exit() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("thread_event.c");
    let source = "#include <pthread.h>\n#include <semaphore.h>\n#include <stdio.h>\n#include <sys/neutrino.h>\n\
                  static sem_t done;\n\
                  static void last(void *value) { printf(\"value %d\\n\", *(int *)value); sem_post(&done); }\n\
                  static void run(union sigval value) {\n\
                  pthread_cleanup_push(last, &value.sival_int);\npthread_exit(NULL);\npthread_cleanup_pop(0);\n}\n\
                  int main(void) {\nstruct sigevent event;\nSIGEV_NONE_INIT(&event);\n\
                  event.sigev_notify = SIGEV_THREAD;\nevent.sigev_notify_function = run;\n\
                  event.sigev_value.sival_int = 7;\nsem_init(&done, 0, 0);\n\
                  if (MsgDeliverEvent(0, &event) == -1) return 1;\nreturn sem_wait(&done);\n}\n";
    std::fs::write(&file, source).expect("the target's temporary directory is writable");
    let program = link(&file, "thread_event", &[]);
    let machine = Machine::new("thread");
    assert_eq!(good(machine.start_file(&program, &[]).finish()), ["value 7"]);
}

/// Every header first in its file, and all of them after Linux's own, in C and in C++.
#[test]
fn headers_go_with_libc() {
    let libc = [
        "stdio.h",
        "stdlib.h",
        "string.h",
        "pthread.h",
        "unistd.h",
        "signal.h",
        "time.h",
        "sys/stat.h",
        "sys/wait.h",
        "sys/socket.h",
        "netdb.h",
        "sys/uio.h",
        "inttypes.h",
        "assert.h",
        "poll.h",
    ];
    let ours = [
        "errno.h",
        "fcntl.h",
        "semaphore.h",
        "sched.h",
        "atomic.h",
        "sys/types.h",
        "sys/platform.h",
        "sys/mman.h",
        "sys/neutrino.h",
        "sys/dispatch.h",
        "sys/iofunc.h",
        "sys/resmgr.h",
        "sys/iomsg.h",
        "sys/ftype.h",
        "devctl.h",
        "sys/netmgr.h",
        "sys/pathmgr.h",
        "sys/procmgr.h",
        "sys/siginfo.h",
        "sys/states.h",
        "sys/syspage.h",
        "process.h",
    ];
    let std = [
        "mutex",
        "condition_variable",
        "shared_mutex",
        "thread",
        "chrono",
        "fstream",
        "system_error",
    ];
    let include = |names: &[&str]| {
        names
            .iter()
            .map(|name| format!("#include <{name}>\n"))
            .collect::<String>()
    };
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let check = |file: &str, source: String, cpp: bool, standard: &str, more: &[&str]| {
        let file = dir.join(file);
        std::fs::write(&file, source).expect("the target's temporary directory is writable");
        compile(compiler(cpp, standard).args(more).arg("-fsyntax-only").arg(&file));
    };
    for name in libc.iter().chain(&ours) {
        let source = include(&[name, name]) + "int used;\n";
        check("alone.c", source, false, "c11", &["-Wpedantic"]);
    }
    let body = "int used(void);\nint used(void) { return O_CREAT == 0x100 && PROT_READ == 0x100 && ETIMEDOUT == 260; }\n";
    let more: &[&str] = &["-D_FILE_OFFSET_BITS=64", "-D_FORTIFY_SOURCE=2", "-D_GNU_SOURCE"];
    for flags in [&[], more] {
        check(
            "c_after.c",
            include(&libc) + &include(&ours) + body,
            false,
            "gnu11",
            flags,
        );
        check(
            "c_before.c",
            include(&ours) + &include(&libc) + body,
            false,
            "gnu17",
            flags,
        );
        check(
            "cpp_after.cpp",
            include(&std) + &include(&libc) + &include(&ours) + body,
            true,
            "gnu++17",
            flags,
        );
        check(
            "cpp_before.cpp",
            include(&ours) + &include(&std) + &include(&libc) + body,
            true,
            "gnu++20",
            flags,
        );
    }
}

/// The same sources are C++ too.
#[test]
fn programs_are_cpp() {
    for source in sources() {
        let mut command = compiler(true, "gnu++17");
        // Members left out of an initializer are zero in both languages; only C++ warns of designated ones.
        command
            .args(["-Wno-missing-field-initializers", "-fsyntax-only", "-x", "c++"])
            .arg(&source);
        compile(&mut command);
    }
}
