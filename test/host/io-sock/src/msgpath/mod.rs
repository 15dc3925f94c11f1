//! The message path: sockets for clients that send one message per call, as libsocket does. The baseline that csock is compared with.
//!
//! | File | What |
//! |---|---|
//! | `server.rs` | the channel and its pool of threads |
//! | `request.rs` | one request |
//! | `sockets.rs` | which client has which sockets |
//! | `calls.rs` | calls that block, and how they are ended |
//! | `socket.rs`, `stack.c` | socket(9) |
//! | `counters.rs` | what it counts |
//!
//! The client side is the crate `io-sock-msgpath`.
// ON-TARGET: libsocket's messages, and whether io-sock copies a byte once or twice between client and mbuf, are not documented; here
// the kernel copies it into io-sock's buffer and the stack into an mbuf.

mod calls;
mod counters;
mod request;
mod server;
mod socket;
mod sockets;

pub use counters::Counters;
pub use server::{Attached, Running};
