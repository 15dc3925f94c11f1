//! The protocol by hand: what `libcustom_socket` does, step by step and with each step open to be done wrongly.
//!
//! It is the first part of this crate because a lie is only worth telling where the truth would have worked: the honest
//! clients of the tests and the hostile ones are built from the same pieces.
//!
//! | file | what |
//! |---|---|
//! | `wire.rs` | one message and its answer, as a body or as any bytes |
//! | `session.rs` | HELLO, doorbells, the ledger, blocks and memory of the pool |
//! | `pool.rs` | the pool and where its words lie |
//! | `sleep.rs` | a thread's semaphore and its wait slot |
//! | `socket.rs` | requests about a socket |
//! | `stream.rs` | both halves of a stream in shared memory |

mod pool;
mod session;
mod sleep;
mod socket;
mod stream;
mod wire;

pub use pool::{Pool, Shape, words};
pub use session::Session;
pub use sleep::Sleeper;
pub use socket::Socket;
pub use stream::{Got, In, Out, Stream};
pub use wire::{Trouble, Wire};
