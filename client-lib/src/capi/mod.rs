//! The C API: `include/custom_socket.h`, verb by verb. Thin: pointers are checked here, everything else happens in the
//! Rust API's own code.
//!
//! | file | what |
//! |---|---|
//! | `table.rs`, `handles.rs` | handles of sockets |
//! | `session.rs` | sessions, settings, statistics |
//! | `socket.rs` | the BSD verbs |
//! | `sio.rs` | buffers in place |
//! | `options.rs` | setsockopt, getsockopt |
//! | `platform.rs` | what the platform's own headers say: addresses, flags, option numbers |
//! | `errno.rs` | -1 and errno |
//! | `runtime.rs` | allocator and panic handler of the C library, where there is no std |
//!
//! # Invariants
//! Every function here is called from C with pointers that are null or point to what the header says; that is the
//! contract which the `// SAFETY:` lines below call "the header's contract".

#![allow(unsafe_code)]

mod errno;
mod handles;
mod options;
mod platform;
#[cfg(not(any(feature = "std", test)))]
mod runtime;
mod session;
mod sio;
mod socket;
mod table;
#[cfg(test)]
mod tests;

use crate::error::Error;
use errno::{cancellation_point, count, number, status};

/// `EFAULT`: a pointer that must not be null is.
const NULL: Error = Error::System(csock_wire::WireErrno::EFAULT.to_qnx());
