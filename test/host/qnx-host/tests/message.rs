//! Messages between two processes: `docs/qnx-ipc.md` 4.

mod common;
mod message_cases;
