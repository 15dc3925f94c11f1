//! The dispatch layer under resource managers, with a C program that is manager and client at once.

#[path = "programs_support/mod.rs"]
mod support;

use support::*;

/// The dispatch layer: ranges and codes that are taken or reserved, `dispatch_timeout()`, `dispatch_unblock()`, a path
/// for the manager itself (`_RESMGR_FLAG_SELF`), `resmgr_detach()` with and without its open files, default read and
/// write.
#[test]
fn the_loop_by_itself() {
    let machine = Machine::new("resmgr-loop");
    let (lines, errors) = machine.run("resmgr_loop", &[]);
    assert_eq!(errors, "");
    assert_eq!(
        lines,
        [
            "range: done",
            "overlapping range: EINVAL",
            "the system's types: EINVAL",
            "empty range: EINVAL",
            "pulse: done",
            "the same pulse: EINVAL",
            "a free code: 1",
            "detach a code: done",
            "detach it again: EINVAL",
            "path too long: ENAMETOOLONG",
            "no path: EINVAL",
            "before and after: EINVAL",
            "a link of the process manager's: ENOTSUP",
            "detach what never was: EINVAL",
            "timeout set: done",
            "timed out: 1",
            "timeout handled: done",
            "timeout cleared: done",
            "unblocked: 1",
            "our own path, not for ourselves: ENOENT",
            "our own path: done",
            "default read 0, write 0",
            "pulse 5",
            "message: 1005",
            "open files: 1",
            "name goes: done",
            "open again: ENOENT",
            "what was open stays: done",
            "detach it again: ENOENT",
            "all goes: done",
            "read: EBADF",
            "close: done",
            "close: done",
            "open files: 0",
            "the other path: done",
            "destroy: done",
        ]
    );
}

/// The calls that a manager makes which does by hand what the defaults do: opening in steps, reading and answering in
/// parts, its own status and positions, `_IO_MSG`, `other_func`, unbinding, a control block that is not iofunc's; the
/// attributes' lock; ending a pool.
#[test]
fn every_call_by_hand() {
    let machine = Machine::new("resmgr-calls");
    let (lines, errors) = machine.run("resmgr_calls", &[]);
    assert_eq!(errors, "");
    assert_eq!(lines.len(), 38, "{lines:?}");
    let wrong: Vec<&String> = lines.iter().filter(|line| !line.ends_with(": yes")).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
