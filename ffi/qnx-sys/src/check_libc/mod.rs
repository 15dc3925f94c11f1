//! Compile-time comparison with the `libc` crate's QNX types and numbers, wherever it has them. A difference fails the build.
//!
//! What libc has and we have otherwise is in `exceptions`, each with its reason; an exception that libc has mended fails too.

mod exceptions;
mod layouts;
mod numbers;
