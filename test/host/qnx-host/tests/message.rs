//! Messages between two processes: `qnx-ipc.md` section 4.

mod common;
mod message_cases;
