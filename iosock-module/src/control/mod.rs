//! Control: every message and pulse of the channel ends here. One thread runs it and never waits for anybody.
//!
//! | file | what |
//! |---|---|
//! | `dispatch.rs` | which request, which session, which answer |
//! | `hello.rs` | opening a session, statistics |
//! | `pool_ops.rs` | taking and giving back a pool |
//! | `socket_ops.rs` | requests about sockets: checks, rights, quotas; the rest happens in the socket's turn |
//! | `leave.rs` | the end of a session, in its order |

mod dispatch;
mod hello;
mod leave;
mod pool_ops;
mod socket_ops;
#[cfg(test)]
mod tests;

use crate::{
    events,
    handle::Handle,
    machine::{Host, Platform},
    session::{OnlyControl, Sessions},
    table::Table,
};
use core::sync::atomic::Ordering;

/// The control thread's own state.
pub struct Control<P: Platform> {
    sessions: Sessions<P>,
    /// What only this thread may do.
    only: OnlyControl,
}

/// Who sent a message and how long it is: the kernel's words (`_msg_info`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sender {
    /// Process id.
    pub pid: i32,
    /// Server-side connection id.
    pub scoid: i32,
}

impl<P: Host> Control<P> {
    /// No sessions.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            sessions: Sessions::new(),
            only: OnlyControl::new(),
        }
    }

    /// A doorbell: the client of `scoid` says that the socket `value` has work. Wrong ones are dropped: a pulse has no
    /// answer, and its sender harms only itself.
    pub fn doorbell(&mut self, table: &'static Table<P>, scoid: i32, value: i64) {
        let Some(handle) = Handle::from_pulse(value) else {
            return;
        };
        let Some(slot) = table.sockets.get(handle.index()) else {
            return;
        };
        if !slot.life.is_open(handle) {
            return;
        }
        let session = slot.session.load(Ordering::Relaxed);
        if self.sessions.check(session, scoid).is_err() {
            return;
        }
        table.tally(slot).add(|c| &c.doorbells, 1);
        table.post_and_serve(handle.index(), events::DOORBELL);
    }

    /// A client of `scoid` wants out of a parked request. Its sockets look for it: each asks the kernel about what it
    /// has parked.
    pub fn unblock(&mut self, table: &'static Table<P>, scoid: i32) {
        let mut next = 0;
        while let Some((session, after)) = self.sessions.find(next, |s| s.client.scoid == scoid) {
            table.serve_session(session, events::UNBLOCK);
            next = after;
        }
    }
}
