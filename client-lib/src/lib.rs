//! libcustom_socket: sockets whose data lies in memory shared with io-sock, so that it is not copied on the way.
//!
//! ```no_run
//! use custom_socket::{Session, TcpStream};
//! # fn main() -> Result<(), custom_socket::Error> {
//! let session = Session::connect()?;
//! let stream = TcpStream::connect(&session, ([127, 0, 0, 1], 8080))?;
//! let mut buffer = stream.reserve(5)?;
//! buffer.copy_from_slice(0, b"hello")?;
//! buffer.commit(5)?;
//! while let Some(received) = stream.recv_in_place()? {
//!     println!("{} bytes", received.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! | type | what |
//! |---|---|
//! | [`Session`] | one connection to the module, with one [`Pool`]; settings in [`Config`] |
//! | [`TcpStream`], [`TcpListener`] | shaped like `std::net` |
//! | [`ReservedBuf`], [`ReceivedBuf`] | bytes in place, both ways |
//! | [`Error`], [`ConnectError`] | what went wrong, with its QNX errno |
//! | [`Stats`] | what both sides counted |
//!
//! Features: `std` (default) adds `Read`, `Write` and `std::io::Error`; `capi` the C API of
//! `include/custom_socket.h`; `host` links the stand-in of QNX's kernel calls on Linux.
//!
//! The server is trusted with the data, and with nothing else: whatever it writes into the pool or answers is checked
//! against private memory, and the worst that it can do is to end the session with an [`Error`] (S-45).

#![no_std]
#![deny(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
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
    )
)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod buf;
#[cfg(feature = "capi")]
mod capi;
mod config;
mod deadline;
mod errno;
mod error;
mod ledger;
mod node;
mod num;
mod pool;
mod session;
mod slots;
mod socket;
#[cfg(feature = "std")]
mod std_io;
mod sync;
mod sys;
mod tcp;

pub use buf::{ReceivedBuf, ReservedBuf};
pub use config::Config;
pub use csock_wire::{Counters, Refusal, WireErrno};
pub use error::{Error, Fault};
pub use ledger::{ClientCounters, Stats};
pub use node::ConnectError;
pub use session::{Pool, Session};
pub use tcp::{Incoming, Shutdown, TcpListener, TcpStream};

/// Any thread, any socket: what the documentation promises.
const _: () = {
    const fn any_thread<T: Send + Sync>() {}
    any_thread::<Session>();
    any_thread::<TcpStream>();
    any_thread::<TcpListener>();
    any_thread::<ReservedBuf>();
    any_thread::<ReceivedBuf>();
};
