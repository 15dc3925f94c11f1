//! Calls that block, and how they are ended before their time.
//!
//! A client that wants out, a client that is gone and a socket that is closed under a call end it by interrupting its thread, as a
//! signal would. Who interrupts says so in the call's entry: a thread that is interrupted without that goes on.

use crate::stack;
use qnx::{RcvId, ScoId};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

/// Why a call is ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The client wants out: the kernel knows the error.
    Unblock,
    /// The socket was closed, or io-sock ends.
    Closed,
}

struct Call {
    thread: stack::ThreadId,
    client: ScoId,
    socket: u32,
    reason: Option<Reason>,
}

/// The calls that are running.
#[derive(Default)]
pub struct Calls {
    calls: Mutex<HashMap<RcvId, Call>>,
}

/// A running call; ends with it.
pub struct Running<'a> {
    calls: &'a Calls,
    rcvid: RcvId,
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, HashMap<RcvId, Call>> {
        // Whole after every operation.
        self.calls.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Enters the calling thread's call. A client that wanted out before is seen here.
    pub fn enter(&self, rcvid: RcvId, thread: stack::ThreadId, client: ScoId, socket: u32) -> Running<'_> {
        self.lock().insert(
            rcvid,
            Call {
                thread,
                client,
                socket,
                reason: None,
            },
        );
        // The unblock pulse may have been taken before the entry was there.
        if rcvid.info().is_ok_and(|info| info.wants_out()) {
            self.end(Reason::Unblock, |other, _| *other == rcvid);
        }
        Running { calls: self, rcvid }
    }

    /// Ends the call of a client that wants out. `false`: there is none.
    pub fn unblock(&self, rcvid: RcvId) -> bool {
        self.end(Reason::Unblock, |other, _| *other == rcvid)
    }

    /// Ends all calls on a socket.
    pub fn close_socket(&self, socket: u32) {
        self.end(Reason::Closed, |_, call| call.socket == socket);
    }

    /// Ends all calls of a client, or all calls there are.
    pub fn close_client(&self, client: Option<ScoId>) {
        self.end(Reason::Closed, |_, call| {
            client.is_none_or(|client| call.client == client)
        });
    }

    fn end(&self, reason: Reason, which: impl Fn(&RcvId, &Call) -> bool) -> bool {
        let mut found = false;
        for (_, call) in self.lock().iter_mut().filter(|(rcvid, call)| which(rcvid, call)) {
            call.reason.get_or_insert(reason);
            // Under the lock: the thread cannot leave the call and begin another meanwhile.
            call.thread.interrupt();
            found = true;
        }
        found
    }
}

impl Running<'_> {
    /// Why the call is to end; `None`: it is not.
    pub fn reason(&self) -> Option<Reason> {
        self.calls.lock().get(&self.rcvid).and_then(|call| call.reason)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.calls.lock().remove(&self.rcvid);
    }
}
