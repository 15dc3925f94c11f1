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
    machine::{Host, Platform},
    session::{OnlyControl, Sessions},
    table::Table,
};

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

    /// A client of `scoid` wants out of a parked request. Its sockets look for it: each asks the kernel about what it
    /// has parked.
    pub fn unblock(&mut self, table: &'static Table<P>, scoid: i32) {
        let mut next = 0;
        while let Some((session, after)) = self.sessions.find(next, |s| s.client.scoid == scoid) {
            table.notify_session(session, events::UNBLOCK);
            if let Some(session) = self.sessions.get_mut(session) {
                session.unblock_parked();
                if session.later.is_none() {
                    table.want_no_plane(session.handle.index());
                }
            }
            next = after;
        }
    }
}
