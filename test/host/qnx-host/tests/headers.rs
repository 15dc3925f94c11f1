//! What C programs get from the headers beside messages: `docs/qnx-ipc.md` 10, 12 and 13.

#[path = "programs_support/mod.rs"]
mod support;

use support::*;

/// ClockTime and ClockCycles (12) with Linux's clock numbers, gettid, the calls on semaphores, procmgr_ability (13) with its
/// list, and strerror for every number (10).
#[test]
fn small_calls() {
    let machine = Machine::new("small");
    let (lines, errors) = machine.run("small_calls", &[]);
    assert_eq!(errors, "");
    assert_eq!(
        lines,
        [
            "monotonic: 1",
            "set: EPERM",
            "set_r: 1",
            "cycles: 1",
            "main thread: 1",
            "semaphore: 0, left 2",
            "pool: 1",
            "ability: 0",
            "channel: EPERM",
            "names: ESECTYPEINVAL ENOTBLK EL3RST, Unknown error 4711",
        ]
    );
}
