//! What this side counts: bytes, copies, doorbells, messages. The module keeps the other half.
//!
//! What a socket moves is counted on lines of its own, one for each direction, under that direction's lock: threads that use
//! different sockets share no line. A block's lines go on when another socket gets the block: only sums are ever read.

use crate::{error::Error, num::length};
use alloc::{boxed::Box, vec::Vec};
use core::sync::atomic::{AtomicU64, Ordering};
use csock_wire::Counters;

macro_rules! ledger {
    (session { $($(#[$doc:meta])* $name:ident,)* } line { $($(#[$line_doc:meta])* $line:ident,)* }) => {
        /// The counters of one session, on any thread.
        #[derive(Debug)]
        pub(crate) struct Ledger {
            $(pub(crate) $name: AtomicU64,)*
            /// Two for each block, and two for the sockets without a block.
            lines: Box<[Line]>,
        }

        /// Counters of one direction of one socket.
        #[derive(Debug, Default)]
        #[repr(align(64))]
        pub(crate) struct Line {
            $(pub(crate) $line: AtomicU64,)*
        }

        /// What this library counted for one session. All only grow.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct ClientCounters {
            $($(#[$doc])* pub $name: u64,)*
            $($(#[$line_doc])* pub $line: u64,)*
        }

        impl Ledger {
            /// For a session of so many blocks.
            pub(crate) fn new(blocks: u32) -> Result<Self, Error> {
                let count = length(blocks).saturating_add(1).saturating_mul(2);
                let mut lines = Vec::new();
                lines.try_reserve_exact(count).map_err(|_| Error::NoMemory)?;
                lines.resize_with(count, Line::default);
                Ok(Self { $($name: AtomicU64::new(0),)* lines: lines.into_boxed_slice() })
            }

            pub(crate) fn snapshot(&self) -> ClientCounters {
                let mut sums = ClientCounters::default();
                $(sums.$name = self.$name.load(Ordering::Relaxed);)*
                for line in &self.lines {
                    $(sums.$line = sums.$line.saturating_add(line.$line.load(Ordering::Relaxed));)*
                }
                sums
            }
        }
    };
}

ledger! {
    session {
        /// Doorbells sent, by pulse or by message.
        doorbells_sent,
        /// Of these, by message, where the system allows no pulse or has no room for one.
        doorbell_msgs,
        /// Messages to the module, those that waited included; doorbells not.
        control_msgs,
    }
    line {
        /// Payload bytes handed to the module.
        tx_bytes,
        /// Of these, bytes that this library copied into the pool (`write`; in place there are none).
        tx_bytes_copied,
        /// Of these, bytes that went in a message.
        tx_bytes_by_message,
        /// Payload bytes handed to the program.
        rx_bytes,
        /// Of these, bytes that this library copied out of the pool (`read`; in place there are none).
        rx_bytes_copied,
        /// Of these, bytes that came in a message.
        rx_bytes_by_message,
        /// Doorbells that were not needed: the module was awake.
        doorbells_suppressed,
        /// Times that a thread slept without a message.
        sleeps,
        /// Times that a thread parked in the module, with a message.
        waits,
        /// Of the sleeps, those that ended with nothing to do.
        false_wakes,
    }
}

impl Ledger {
    /// The line of a block's sending (false) or receiving (true); of all sockets without a block together for `None`.
    pub(crate) fn line(&self, block: Option<u32>, receiving: bool) -> Option<&Line> {
        let index = block.map_or(0, |block| length(block).saturating_add(1));
        let index = index.saturating_mul(2).saturating_add(receiving.into());
        self.lines.get(index)
    }
}

/// Adds to a counter; no order with anything.
pub(crate) fn add(counter: &AtomicU64, n: usize) {
    counter.fetch_add(u64::try_from(n).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// Adds to a counter of a line whose lock the caller holds: nobody else writes it.
#[inline]
pub(crate) fn bump(counter: &AtomicU64, n: usize) {
    let sum = counter
        .load(Ordering::Relaxed)
        .wrapping_add(u64::try_from(n).unwrap_or(u64::MAX));
    counter.store(sum, Ordering::Relaxed);
}

/// Both halves of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// What the module counted for this session.
    pub mine: Counters,
    /// What the module counted for all sessions.
    pub total: Counters,
    /// What this library counted for this session.
    pub client: ClientCounters,
}
