//! The contract between the csock module and its clients: messages, the layout of a pool, streams of bytes in it.
//!
//! Both sides depend on this crate and on nothing else of each other. It makes no call to an operating system,
//! holds no policy, allocates nothing, and contains no panic path.
//!
//! ```text
//!  client                       this crate                          module
//!  ------                       ----------                          ------
//!  control    --- Request (msg), WireErrno (errno), Refusal --->    MsgReceive / MsgReply
//!  data       --- Writer, Taker (stream) in a SharedMem (shm) ->    Reader, Filler (stream)
//!  doorbell   --- Bell (stream) -------------------------------->   Watch (stream), Turn (turn)
//! ```
//!
//! Rules that every file here keeps (the numbers are those of the project's security reference):
//!
//! - Everything read from shared memory or from a message is an allegation. Each shared field is loaded once into a
//!   private variable, checked there, used from there (S-01, S-02).
//! - What a side wrote into shared memory it never reads back (S-03).
//! - No Rust reference or slice over shared memory, ever (S-47). All access is in [`shm`].
//! - Integers are little-endian, of fixed width, without padding; reserved fields are zero and checked (S-10, S-25).

#![no_std]
#![deny(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::unreachable,
    clippy::todo,
    clippy::unimplemented,
    clippy::multiple_unsafe_ops_per_block
)]

#[cfg(feature = "test-util")]
extern crate alloc;

/// Messages and shared memory are little-endian, and both targets are; a big-endian build would be a silent mismatch.
#[cfg(target_endian = "big")]
compile_error!("csock-wire is little-endian only");

pub mod counters;
pub mod errno;
pub mod invitation;
pub mod layout;
pub mod msg;
pub mod refusal;
pub mod shm;
pub mod sleeper;
pub mod sockaddr;
pub mod sockopt;
pub mod stream;
#[cfg(feature = "test-util")]
pub mod test_util;
pub mod turn;

pub use counters::Counters;
pub use errno::WireErrno;
pub use invitation::Invitation;
pub use layout::{GeometryError, LAYOUT_HASH, POOL_HEADER_LEN, POOL_MAGIC, PoolHeader};
pub use msg::{Kind, MSG_BASE, MsgHeader, ReplyHeader, Request, WIRE_VERSION};
pub use refusal::{Field, Refusal};
pub use shm::{Change, Load, OutOfBounds, SharedMem, SharedRegion, Store};
pub use sleeper::Sleeper;
pub use sockaddr::SockAddr;
pub use sockopt::SockOpt;
pub use turn::{RunOutcome, Turn};
