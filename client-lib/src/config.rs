//! What a session can be set to, with defaults that serve some twenty connections.

use crate::error::Error;
use core::time::Duration;
use csock_wire::layout::{MAX_RING_CAPACITY, MIN_RING_CAPACITY};

/// Settings of a session, fixed when it is opened. Sizes are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Length of the pool: ring blocks, receive buffers and send buffers of every socket. Rounded up to pages.
    pub pool_bytes: usize,
    /// Ring blocks in the pool: connections at one time, closing ones included.
    pub max_sockets: u32,
    /// Receive buffers posted for each connection; fewer when the pool runs short, at least one.
    pub rx_buffers: u32,
    /// Length of each receive buffer.
    pub rx_buffer_len: u32,
    /// Bytes that one connection may have in the module's hands, beyond which writing waits. One longer piece always
    /// passes.
    pub tx_limit: usize,
    /// Largest piece of a `write` that becomes one descriptor.
    pub tx_piece: u32,
    /// Send descriptors that one connection may have outstanding: a power of two.
    pub tx_descriptors: u32,
    /// Looks at the rings before a blocking call goes to sleep in the module. 0: none. Every look costs some
    /// nanoseconds of this thread's time; worth it only where a core is to spare.
    pub spin: u32,
    /// How long the module may take to answer a request that does not wait for the network. After that the session is
    /// given up. `None`: for ever.
    pub control_timeout: Option<Duration>,
    /// A user whose servers are trusted besides root's and this user's own: that of an io-sock which drops root
    /// (`qnx.sec.droproot`).
    pub server_uid: Option<u32>,
}

impl Config {
    /// The defaults.
    pub const DEFAULT: Config = Config {
        pool_bytes: 16 << 20,
        max_sockets: 64,
        rx_buffers: 8,
        rx_buffer_len: 64 << 10,
        tx_limit: 2 << 20,
        tx_piece: 256 << 10,
        tx_descriptors: 256,
        spin: 0,
        control_timeout: Some(Duration::from_secs(30)),
        server_uid: None,
    };

    /// Largest number of receive buffers: the ready ring holds them all, an end and an error.
    pub const MAX_RX_BUFFERS: u32 = MAX_RING_CAPACITY / 4;

    /// Checks each number alone.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let range = |what, value: u64, low: u64, high: u64| {
            if value < low {
                Err(Error::Invalid {
                    what,
                    value,
                    allowed: low,
                })
            } else if value > high {
                Err(Error::Invalid {
                    what,
                    value,
                    allowed: high,
                })
            } else {
                Ok(())
            }
        };
        range("max_sockets", self.max_sockets.into(), 1, 65_535)?;
        range(
            "rx_buffers",
            self.rx_buffers.into(),
            1,
            Self::MAX_RX_BUFFERS.into(),
        )?;
        range("rx_buffer_len", self.rx_buffer_len.into(), 1, 1 << 30)?;
        range("tx_piece", self.tx_piece.into(), 1, 1 << 30)?;
        range(
            "tx_descriptors",
            self.tx_descriptors.into(),
            MIN_RING_CAPACITY.into(),
            (MAX_RING_CAPACITY / 2).into(),
        )?;
        if !self.tx_descriptors.is_power_of_two() {
            return Err(Error::Invalid {
                what: "tx_descriptors",
                value: self.tx_descriptors.into(),
                allowed: self.tx_descriptors.next_power_of_two().into(),
            });
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::DEFAULT
    }
}
