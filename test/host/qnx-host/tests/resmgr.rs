//! Resource managers: document 002's example (attach a path; open, write, read and MsgSend on the descriptor) and what QNX's
//! guide makes of it, with C programs of `programs/` in real processes.

#[path = "programs_support/mod.rs"]
mod support;

use support::*;

/// A user that is not root.
const NOBODY: &str = "65534";

fn start(machine: &Machine, args: &[&str]) -> Running {
    ready(machine.start("resmgr_server", args))
}

/// Waits until the paths are there, and until the server has had its own pulse.
fn ready(mut server: Running) -> Running {
    assert_eq!(server.line(), "ready");
    assert_eq!(server.line(), "pulse 42");
    server
}

fn client(machine: &Machine, args: &[&str]) -> Vec<String> {
    let (lines, errors) = machine.run("resmgr_client", args);
    assert_eq!(errors, "");
    lines
}

fn is_root() -> bool {
    // SAFETY: no preconditions.
    unsafe { libc::geteuid() == 0 }
}

/// Document 002: `open()` of an attached path gives a descriptor, on which write and read are messages. Positions
/// belong to the open file; short reads, the end, parts, pread and pwrite, status.
#[test]
fn reading_and_writing() {
    let machine = Machine::new("resmgr-io");
    let _server = start(&machine, &[]);
    assert_eq!(
        client(&machine, &["io"]),
        [
            "write: 13",
            "read at the end: 0 \"\"",
            "lseek: 7",
            "read from there: 6 \"device\"",
            "the other descriptor begins at 0: 5 \"hello\"",
            "short read: 3 \", d\"",
            "lseek from the end: 7",
            "six bytes: 6 \"device\"",
            "readv: 7",
            "parts \"hel\" \"lo, \"",
            "writev: 7",
            "pwrite: 1",
            "pread: 5",
            "at 0 \"Hello\"",
            "position is where it was: 13 \"deviceabcdefg\"",
            "fstat: 0",
            "size 20, device 1, mode 666, links 1",
            "stat: 0",
            "size 20",
            "flags: 0",
            "close: 0",
            "close: 0",
            "read after close: EBADF",
        ]
    );
}

/// Two client processes with the same file open have positions of their own, and the manager one open file each.
#[test]
fn clients_do_not_share_positions() {
    let machine = Machine::new("resmgr-two");
    let mut server = start(&machine, &[]);
    client(&machine, &["dup"]);
    assert_eq!(
        [server.line(), server.line()],
        ["open sound", "close sound after 4 reads"]
    );
    for _ in 0..2 {
        let mut reader = machine.start("resmgr_client", &["take", "/dev/sound", "4"]);
        assert_eq!(reader.line(), "asking");
        assert_eq!(reader.line(), "took: 4 \"0123\"");
        assert_eq!(server.line(), "open sound");
        reader.kill();
        assert_eq!(server.line(), "close sound after 1 reads");
    }
}

/// `devctl()`: data to the device, from it, both ways, none; the device's own number; ENOTTY for an unknown command,
/// EBADF for no descriptor. The library's own commands change the flags of the open file.
#[test]
fn device_commands() {
    let machine = Machine::new("resmgr-devctl");
    let _server = start(&machine, &[]);
    assert_eq!(
        client(&machine, &["devctl"]),
        [
            "set: EOK, number 7",
            "get: EOK, 3 4",
            "swap: EOK, 3 4",
            "reset: EOK",
            "then: 0 0",
            "unknown: ENOTTY",
            "no buffer: EINVAL",
            "set flags: 0",
            "flags 82",
            "a file: ENOTTY, no file: EBADF",
        ]
    );
}

/// Document 002: `MsgSend(fd, ...)`. A descriptor is a connection id; message_attach serves the program's types;
/// unknown types and system messages without a handler are ENOSYS, short ones are refused, and without an open file
/// there is EBADF.
#[test]
fn messages_straight_to_a_descriptor() {
    let machine = Machine::new("resmgr-msg");
    let _server = start(&machine, &[]);
    assert_eq!(
        client(&machine, &["message"]),
        [
            "MsgSend: 0",
            "note 440, played 1",
            "a descriptor is a connection: 1",
            "unknown type: ENOSYS",
            "no handler: ENOSYS",
            "half a message: EBADMSG",
            "nothing is open there: EBADF",
        ]
    );
}

/// Errors of the manager come out of open(), read() and write(); what nobody has attached is Linux's.
#[test]
fn errors_reach_the_caller() {
    let machine = Machine::new("resmgr-errors");
    let _server = start(&machine, &[]);
    assert_eq!(
        client(&machine, &["errors"]),
        [
            "not attached: ENOENT",
            "below a device: ENOENT",
            "as a directory: ENOTDIR",
            "exclusive: EEXIST",
            "write to a reader: EBADF",
            "read from a writer: EBADF",
            "seek before the start: EINVAL",
            "would wait: EAGAIN",
            "a file of the system's: 1",
        ]
    );
}

/// `resmgr_msgread()`: a write that is longer than the message buffer arrives whole.
#[test]
fn a_mebibyte_arrives_whole() {
    let machine = Machine::new("resmgr-big");
    let _server = start(&machine, &[]);
    assert_eq!(
        client(&machine, &["big"]),
        ["write: 1048576", "read: 1048576", "same: 1"]
    );
}

/// `_RESMGR_FLAG_DIR`: longer paths come to the manager, which gets the rest; without the flag, and for another
/// component with the same letters, they do not.
#[test]
fn longer_paths() {
    let machine = Machine::new("resmgr-tree");
    let _server = start(&machine, &[]);
    let for_writing = if is_root() {
        "for writing: 0"
    } else {
        "for writing: EACCES"
    };
    assert_eq!(
        client(&machine, &["tree"]),
        [
            "rest: 7 \"a/b.wav\"",
            "nothing left: 0 \"\"",
            "unknown below: ENOENT",
            for_writing,
            "no component: ENOENT",
        ]
    );
}

/// `dup()`, `dup2()`, `F_DUPFD`: descriptors of one open file, which is closed with the last of them.
#[test]
fn duplicates_share_the_open_file() {
    let machine = Machine::new("resmgr-dup");
    let mut server = start(&machine, &[]);
    assert_eq!(
        client(&machine, &["dup"]),
        [
            "first: 3 \"012\"",
            "copy goes on: 3 \"345\"",
            "close: 0",
            "still open: 3 \"678\"",
            "above 100: 1",
            "dup2: 50",
            "last of four: 1 \"9\"",
        ]
    );
    assert_eq!(
        [server.line(), server.line()],
        ["open sound", "close sound after 4 reads"]
    );
}

/// `_RESMGR_NOREPLY`: readers wait until another client's write; each gets what fits its buffer.
#[test]
fn answers_that_come_later() {
    let machine = Machine::new("resmgr-later");
    let mut server = start(&machine, &[]);
    let mut readers: Vec<Running> = ["2", "64"]
        .iter()
        .map(|room| {
            let mut reader = machine.start("resmgr_client", &["take", "/dev/queue", room]);
            assert_eq!(reader.line(), "asking");
            assert_eq!([server.line(), server.line()], ["open queue", "waiting"]);
            reader
        })
        .collect();
    assert_eq!(client(&machine, &["put", "hello"]), ["put: 5"]);
    assert_eq!(readers[0].line(), "took: 2 \"he\"");
    assert_eq!(readers[1].line(), "took: 5 \"hello\"");
    assert_eq!(client(&machine, &["put", "quit"]), ["put: 4"]);
    drop(readers);
    assert_eq!(server.finish().1, "");
}

/// `docs/qnx-ipc.md` 6: a signal makes the kernel ask the manager, whose unblock handler gives the waiting request up.
#[test]
fn a_signal_goes_through_the_unblock_handler() {
    let machine = Machine::new("resmgr-signal");
    let mut server = start(&machine, &[]);
    let mut reader = machine.start("resmgr_client", &["alarm"]);
    assert_eq!(reader.line(), "asking");
    assert_eq!(reader.line(), "took: EINTR");
    let lines = [server.line(), server.line(), server.line()];
    assert_eq!(lines, ["open queue", "waiting", "unblocked"]);
}

/// A client that is killed: the manager closes everything that it had open, and gives up what it was waiting for.
#[test]
fn a_killed_client_leaves_nothing_open() {
    let machine = Machine::new("resmgr-killed");
    let mut server = start(&machine, &[]);
    let mut holder = machine.start("resmgr_client", &["hold", "/dev/sound"]);
    assert_eq!(holder.line(), "open");
    assert_eq!([server.line(), server.line()], ["open sound"; 2]);
    holder.kill();
    assert_eq!([server.line(), server.line()], ["close sound after 0 reads"; 2]);

    let mut reader = machine.start("resmgr_client", &["take", "/dev/queue", "8"]);
    assert_eq!(reader.line(), "asking");
    assert_eq!([server.line(), server.line()], ["open queue", "waiting"]);
    reader.kill();
    let lines = [server.line(), server.line()];
    assert_eq!(lines, ["unblocked", "close queue after 0 reads"]);
    assert_eq!(client(&machine, &["put", "quit"]), ["put: 4"]);
    assert_eq!(server.finish().1, "");
}

/// A manager that is killed: its clients' descriptors are EBADF, its paths are nobody's, and another can attach them.
#[test]
fn a_killed_manager_leaves_no_path() {
    let machine = Machine::new("resmgr-server");
    let server = start(&machine, &[]);
    let mut caller = machine.start("resmgr_client", &["after"]);
    assert_eq!(caller.line(), "open");
    server.kill();
    caller.close_stdin();
    let (lines, errors) = caller.finish();
    // The first call may be under way when the death becomes known.
    assert!(
        matches!(lines[0].as_str(), "read: EBADF" | "read: ESRCH"),
        "{lines:?}"
    );
    assert_eq!(
        (&lines[1..], errors.as_str()),
        (&["again: EBADF".to_string(), "open: ENOENT".to_string()][..], "")
    );

    let again = start(&machine, &[]);
    assert_eq!(client(&machine, &["big"])[2], "same: 1");
    again.kill();
}

/// Several managers of one path: the one that attached last comes first, and when it dies the one before it.
#[test]
fn the_last_to_attach_comes_first() {
    let machine = Machine::new("resmgr-union");
    let mut first = start(&machine, &[]);
    let mut second = start(&machine, &[]);
    assert_eq!(client(&machine, &["put", "x"]), ["put: 1"]);
    assert_eq!(second.line(), "open queue");
    second.kill();
    assert_eq!(client(&machine, &["put", "x"]), ["put: 1"]);
    assert_eq!(first.line(), "open queue");
}

/// `iofunc_open()`: the attributes' mode decides, with the client's ids from the kernel. Here the device belongs to
/// root, mode 0640, and the client is another user.
#[test]
fn permission_is_refused() {
    let machine = Machine::shared("resmgr-access");
    let public = ("QNX_HOST_PUBLIC", "1");
    let _server = ready(machine.start_with(public, "resmgr_server", &[]));
    let private = "/dev/private";
    if is_root() {
        assert_eq!(
            client(&machine, &["open", private]),
            ["for reading: 0", "for writing: 0"]
        );
        let other = client(&machine, &["open", private, NOBODY]);
        assert_eq!(other, ["for reading: EACCES", "for writing: EACCES"]);
        let tree = client(&machine, &["open", "/dev/tree", NOBODY]);
        assert_eq!(tree, ["for reading: 0", "for writing: EACCES"]);
    } else {
        let other = client(&machine, &["open", private]);
        assert_eq!(other, ["for reading: EACCES", "for writing: EACCES"]);
        let tree = client(&machine, &["open", "/dev/tree"]);
        assert_eq!(tree, ["for reading: 0", "for writing: EACCES"]);
    }
}

/// `thread_pool_start()`: the same manager with several threads; everything works while readers wait.
#[test]
fn a_pool_of_threads() {
    let machine = Machine::new("resmgr-pool");
    let _server = start(&machine, &["-t"]);
    let mut readers: Vec<Running> = (0..3)
        .map(|_| {
            let mut reader = machine.start("resmgr_client", &["take", "/dev/queue", "8"]);
            assert_eq!(reader.line(), "asking");
            reader
        })
        .collect();
    assert_eq!(client(&machine, &["big"])[2], "same: 1");
    assert_eq!(client(&machine, &["message"])[1], "note 440, played 1");
    // The readers' messages may still be on their way.
    for reader in &mut readers {
        let mut puts = 0;
        loop {
            client(&machine, &["put", "now"]);
            puts += 1;
            if let Some(line) = reader.line_within(std::time::Duration::from_millis(200)) {
                assert_eq!(line, "took: 3 \"now\"");
                break;
            }
            assert!(puts < 50, "a reader is never answered");
        }
    }
}
