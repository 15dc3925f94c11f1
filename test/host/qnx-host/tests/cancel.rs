//! pthread_cancel and QNX's cancellation points, seen by C programs: `docs/qnx-ipc.md` 4.1, 4.2 and 6.

#[path = "programs_support/mod.rs"]
mod support;

use support::*;

/// MsgReceive, dispatch_block, sem_wait, MsgSend and libc's read are cancellation points, MsgSendnc is not. A cancelled client that is REPLY-blocked on
/// an UNBLOCK channel goes through the unblock protocol (6); without the flag, or SEND-blocked, it just leaves.
#[test]
fn blocked_threads_can_be_cancelled() {
    let machine = Machine::new("cancel");
    let (lines, errors) = machine.run("cancel", &[]);
    assert_eq!(errors, "");
    assert_eq!(
        lines,
        [
            "receive: cleaned up",
            "receive: cancelled",
            "semaphore: cleaned up",
            "semaphore: cancelled",
            "send: cleaned up",
            "send: cancelled",
            "dispatch: cleaned up",
            "dispatch: cancelled",
            "read: cleaned up",
            "read: cancelled",
            "reply: unblock pulse 1, requested 1",
            "reply: cleaned up",
            "reply: cancelled",
            "nc: no pulse 1",
            "nc: status 7",
            "nc: cleaned up",
            "nc: cancelled",
            "disabled: no pulse 1",
            "disabled: status 7",
            "disabled: cleaned up",
            "disabled: cancelled",
            "at any moment: 600 of 600",
            "after: 0, code 5",
        ]
    );
}
