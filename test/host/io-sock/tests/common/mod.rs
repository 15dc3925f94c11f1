//! What the tests of this crate share: compiling modules, running io-sock.
#![allow(dead_code, reason = "each test file uses a part")]

pub mod compile;
pub mod process;
