//! A client that speaks the protocol by hand, and everything that a hostile one could do with it.
//!
//! - [`raw`]: the protocol step by step, without `libcustom_socket`
//! - [`checks`]: what must work, every byte compared
//! - [`scenario`]: what must be survived
//! - [`victim`]: what others feel meanwhile
//! - [`pattern`]: bytes that both ends know

pub mod checks;
pub mod pattern;
pub mod raw;
pub mod scenario;
pub mod victim;
