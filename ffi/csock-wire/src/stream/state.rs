//! The module's word about a socket: what has become of it, in one load.

use bitflags::bitflags;

use crate::errno::WireErrno;

bitflags! {
    /// Flags of a block's state word; the low 16 bits hold a [`WireErrno`].
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct State: u64 {
        /// The connection is there, or was.
        const CONNECTED = 1 << 16;
        /// A connect has failed; the error says how, until it is asked for.
        const REFUSED = 1 << 17;
        /// Behind the last ready entry the stream ends: by the peer's wish, or by the error if there is one.
        const END = 1 << 18;
        /// Nothing more is taken: the connection is gone.
        const DEAF = 1 << 19;
        /// There is data, and no buffer for it: receive by message.
        const STARVED = 1 << 20;
        /// The module touches neither the block nor any memory posted through it, ever again.
        const RELEASED = 1 << 21;
        /// The socket goes by messages from now on.
        const DEMOTED = 1 << 22;
        /// Keeps the bits that this build has no name for.
        const _ = !0;
    }
}

const ERROR: u64 = 0xFFFF;

impl State {
    /// The flags that an honest module of this version sets.
    pub const KNOWN: State = State::CONNECTED
        .union(State::REFUSED)
        .union(State::END)
        .union(State::DEAF)
        .union(State::STARVED)
        .union(State::RELEASED)
        .union(State::DEMOTED);

    /// The error, [`WireErrno::OK`] for none.
    #[must_use]
    pub const fn error(self) -> WireErrno {
        let [low, high, ..] = self.bits().to_le_bytes();
        WireErrno(u16::from_le_bytes([low, high]))
    }

    /// The same flags with `error`.
    #[must_use]
    pub fn with_error(self, error: WireErrno) -> State {
        State::from_bits_retain((self.bits() & !ERROR) | u64::from(error.0))
    }

    /// Whether only known flags are set.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.bits() & !(State::KNOWN.bits() | ERROR) == 0
    }
}
