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
//! | `errno.rs` | error numbers and their names |
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
use core::ffi::c_int;

/// `EFAULT`: a pointer that must not be null is.
const NULL: Error = Error::System(csock_wire::WireErrno::EFAULT.to_qnx());

/// 0, or the negative QNX errno.
fn status(result: Result<(), Error>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(error) => negative(error),
    }
}

/// A count, or the negative QNX errno.
fn count(result: Result<usize, Error>) -> isize {
    match result {
        Ok(n) => isize::try_from(n).unwrap_or(isize::MAX),
        Err(error) => isize::try_from(negative(error)).unwrap_or(-1),
    }
}

/// The negative QNX errno; never 0 or positive, whatever a server claims.
fn negative(error: Error) -> c_int {
    match error.qnx_errno() {
        errno @ 1.. => errno.saturating_neg(),
        _ => csock_wire::WireErrno::EIO.to_qnx().saturating_neg(),
    }
}
