//! The end of a session (S-21), the same whether its client said goodbye, died, or was found dead by an audit:
//!
//! 1. marked dead: no message, pulse or socket of it is served any more
//! 2. its sockets leave: each answers its parked requests and goes on alone, as an orphan with a deadline
//! 3. its reference to the pool goes; the pool is unmapped by a worker after the last socket and the last mbuf
//! 4. its slot is freed, and `ConnectDetach(scoid)` comes last, since the number may be somebody else's from then on
//!
//! Orphans do not hold up step 4: they know neither session nor scoid any more. Nothing here waits: a socket that
//! somebody else is working on leaves in that turn, and the last one to leave says so by a pulse.

use super::Control;
use crate::{events, handle::Handle, machine::Host, table::Table};
use core::sync::atomic::Ordering;
use csock_wire::WireErrno;

impl<P: Host> Control<P> {
    /// GOODBYE.
    pub(super) fn goodbye(&mut self, table: &'static Table<P>, session: Handle) {
        self.kill(table, session);
        self.finish(table);
    }

    /// A pulse says that the last connection of a client process is gone. Anybody who may send pulses can send one of
    /// that code (S-34), so the kernel is asked: it does not know the gone.
    ///
    /// ON-TARGET: `ConnectClientInfo` fails with EINVAL from the DISCONNECT pulse on, also when the process lives and
    /// has only closed its connections.
    pub fn disconnect(&mut self, table: &'static Table<P>, scoid: i32) {
        if P::credentials(scoid).is_ok() {
            return;
        }
        self.client_gone(table, scoid);
    }

    /// The process behind `scoid` is gone.
    fn client_gone(&mut self, table: &'static Table<P>, scoid: i32) {
        let mut next = 0;
        while let Some((session, after)) = self.sessions.find(next, |s| s.client.scoid == scoid) {
            if let Some(session) = self.sessions.get_mut(session) {
                session.gone = true;
            }
            self.kill(table, session);
            next = after;
        }
        if next == 0 {
            // A client that never opened a session.
            P::forget_client(scoid);
        }
        self.finish(table);
    }

    /// Finds sessions whose client is gone without a pulse: the kernel may have had to drop it.
    pub(super) fn audit(&mut self, table: &'static Table<P>) {
        let gone = |scoid| P::credentials(scoid).is_err();
        while let Some((session, _)) = self.sessions.find(0, |s| !s.dying && gone(s.client.scoid)) {
            let Some(scoid) = self.sessions.get_mut(session).map(|s| s.client.scoid) else {
                return;
            };
            table.log.line::<P>(|line| {
                line.text("a disconnect was lost, connection ")
                    .signed(i64::from(scoid));
            });
            self.client_gone(table, scoid);
        }
    }

    /// The kernel had to drop pulses. Which, nobody knows: every client may be gone, every socket may have work, every
    /// parked request may want out. So look everywhere, once.
    pub fn recover(&mut self, table: &'static Table<P>) {
        table.log.line::<P>(|line| {
            line.text("pulses were lost, looking at every socket");
        });
        self.audit(table);
        table.notify_all(events::DOORBELL | events::UNBLOCK);
    }

    /// Steps 1 and 2.
    fn kill(&mut self, table: &'static Table<P>, handle: Handle) {
        let Some(session) = self.sessions.get_mut(handle) else {
            return;
        };
        session.dying = true;
        if let Some(shared) = table.session_of(handle.raw()) {
            shared.dying.store(1, Ordering::Release);
        }
        session.end_parked(WireErrno::ESRCH);
        table.want_no_plane(handle.index());
        table.notify_session(handle, events::LOOK);
    }

    /// Serves who waits for a plane that is free now; then steps 3 and 4, for every dying session whose last socket has left.
    pub fn finish(&mut self, table: &'static Table<P>) {
        self.serve_later(table);
        let empty = |handle: Handle| {
            table
                .session_of(handle.raw())
                .is_none_or(|shared| shared.sockets.load(Ordering::Acquire) == 0)
        };
        let mut next = 0;
        while let Some((handle, after)) = self.sessions.find(next, |s| s.dying && empty(s.handle)) {
            next = after;
            // A worker that is at it right now says so when it is done: see `Table::quantum`.
            let Some(mut plane) = table.plane(handle.index()) else {
                continue;
            };
            plane.stop();
            // First: nobody is told of a plane that is given back here.
            if let Some(shared) = table.session_of(handle.raw()) {
                shared.raw.store(0, Ordering::Release);
            }
            drop(plane);
            let Some(session) = self.sessions.remove(handle) else {
                return;
            };
            if let Some(shared) = table.session_of(handle.raw()) {
                shared.parked.store(0, Ordering::Relaxed);
                shared.open.store(0, Ordering::Relaxed);
            }
            let scoid = session.client.scoid;
            if session.gone && self.sessions.find(0, |s| s.client.scoid == scoid).is_none() {
                P::forget_client(scoid);
            }
        }
    }

    /// Unload: every session ends, every socket is aborted.
    pub fn stop(&mut self, table: &'static Table<P>) {
        table.stop();
        let mut next = 0;
        while let Some((session, after)) = self.sessions.find(next, |_| true) {
            self.kill(table, session);
            next = after;
        }
        self.finish(table);
    }

    /// Sessions that are still there, dying ones too.
    #[must_use]
    pub fn sessions(&self) -> u32 {
        self.sessions.count(|_| true)
    }
}
