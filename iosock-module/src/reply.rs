//! Answers: every request gets exactly one (S-28), of the exact length of its kind, also when it is refused (S-24).

use crate::machine::{Parked, Ticket};
use csock_wire::{
    Kind, Refusal, WireErrno,
    msg::{self, Body, MAX_REPLY_LEN},
};

/// A request that somebody waits for.
#[must_use = "every request must be answered"]
pub struct Asked<T: Ticket> {
    ticket: T,
    kind: Kind,
}

impl<T: Ticket> Asked<T> {
    /// The request of `kind` behind `ticket`.
    pub const fn new(ticket: T, kind: Kind) -> Self {
        Self { ticket, kind }
    }

    /// Who waits for the answer.
    pub const fn ticket(&self) -> &T {
        &self.ticket
    }

    /// Answers with success.
    pub fn grant<B: Body>(self, reply: &B::Reply) {
        let mut buf = [0; MAX_REPLY_LEN];
        match msg::encode_reply::<B>(reply, &mut buf) {
            Some(bytes) => self.ticket.reply(bytes),
            // Cannot be: the buffer holds the longest reply.
            None => self.ticket.error(WireErrno::EIO),
        }
    }

    /// Answers with an error.
    pub fn refuse(self, refusal: &Refusal) {
        let mut buf = [0; MAX_REPLY_LEN];
        match msg::encode_refusal(self.kind, refusal, &mut buf) {
            // The header fits, that was checked; the rest is zero and may be cut.
            Some(bytes) => {
                let room = bytes.len().min(self.ticket.room());
                self.ticket.reply(bytes.get(..room).unwrap_or(bytes));
            }
            None => self.ticket.error(refusal.error),
        }
    }

    /// Answers with whatever `result` is.
    pub fn answer<B: Body>(self, result: Result<B::Reply, Refusal>) {
        match result {
            Ok(reply) => self.grant::<B>(&reply),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    /// Answers an unblock request with the kernel's own reason.
    pub fn unblock(self) {
        self.ticket.error_from_kernel();
    }

    /// How the request stands, as the kernel says.
    pub fn parked(&self) -> Parked {
        self.ticket.parked()
    }
}
