//! What a session can be set to, with defaults that serve a thousand connections.

use crate::error::Error;
use core::time::Duration;
use csock_wire::stream::{MAX_BUFFER_LEN, MAX_BUFFERS, MAX_SOCKETS};

/// Settings of a session, fixed when it is opened. Sizes are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Length of the pool: blocks of sockets, receive buffers, and memory to send from. Rounded up to pages.
    pub pool_bytes: usize,
    /// Sockets that may use shared memory at one time, closing ones included; fewer when the module allows fewer. Further
    /// sockets go by messages.
    pub max_sockets: u32,
    /// Small receive buffers, for all connections together: what little data arrives in.
    pub rx_small: u32,
    /// Length of each, a multiple of 64.
    pub rx_small_len: u32,
    /// Large receive buffers, for all connections together: what much data arrives in.
    pub rx_large: u32,
    /// Length of each, a multiple of 64, at least that of a small one.
    pub rx_large_len: u32,
    /// Largest piece of the pool that one connection takes at a time to copy into.
    pub tx_piece: u32,
    /// Looks at shared memory before a blocking call goes to sleep. 0: none. Every look costs some nanoseconds of this
    /// thread's time; worth it only where a core is to spare.
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
        max_sockets: 1088,
        rx_small: 512,
        rx_small_len: 2 << 10,
        rx_large: 64,
        rx_large_len: 64 << 10,
        tx_piece: 256 << 10,
        spin: 0,
        control_timeout: Some(Duration::from_secs(30)),
        server_uid: None,
    };

    /// Checks each number alone.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let range = |what, value: u32, low: u32, high: u32| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(Error::Invalid {
                what,
                value: value.into(),
                allowed: value.clamp(low, high).into(),
            })
        };
        range("max_sockets", self.max_sockets, 1, MAX_SOCKETS)?;
        range("rx_small", self.rx_small, 0, MAX_BUFFERS / 2)?;
        range("rx_large", self.rx_large, 0, MAX_BUFFERS / 2)?;
        range("rx_small_len", self.rx_small_len, 64, MAX_BUFFER_LEN)?;
        range(
            "rx_large_len",
            self.rx_large_len,
            self.rx_small_len,
            MAX_BUFFER_LEN,
        )?;
        for (what, len) in [
            ("rx_small_len", self.rx_small_len),
            ("rx_large_len", self.rx_large_len),
        ] {
            range(what, len, len & !63, len & !63)?;
        }
        range("tx_piece", self.tx_piece, 1 << 10, 1 << 30)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::DEFAULT
    }
}
