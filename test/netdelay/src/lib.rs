//! Loopback with a round-trip time and loss, in a network namespace of its own. See the README.
//!
//! | File | What |
//! |---|---|
//! | `line.rs` | which packet leaves when, and which never |
//! | `namespace.rs` | the namespace, the TUN device, the routes |
//! | `forward.rs` | the thread that reads, waits and writes |

mod forward;
mod line;
mod namespace;

pub use line::{Counts, Rules};

use std::io;

/// A network of which the calling thread is part: see [`Link::enter`].
pub struct Link {
    forwarder: forward::Forwarder,
}

impl Link {
    /// Moves the calling thread into a new network whose loopback behaves as `rules` say, with packets of at most
    /// `mtu` bytes. Sockets that the thread makes from now on, and programs that it starts, belong to it; other
    /// threads stay where they are. The network stands still once the link is dropped.
    ///
    /// # Errors
    /// Those of the system, with the step that failed.
    pub fn enter(rules: Rules, mtu: u32) -> io::Result<Link> {
        let tun = namespace::enter(mtu)?;
        Ok(Link {
            forwarder: forward::Forwarder::start(tun, rules)?,
        })
    }

    /// What went over it so far.
    pub fn counts(&self) -> Counts {
        self.forwarder.counts()
    }
}
