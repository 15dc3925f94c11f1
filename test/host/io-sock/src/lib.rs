//! io-sock for Linux.
//!
//! A process that behaves like QNX's `io-sock` towards its modules, its administrator and its clients. Read in this order:
//! [`process`] what happens from start to end, [`elf`] and [`loader`] how a file gets into memory, [`module`] how it is registered,
//! started and ended.

pub mod cli;
pub mod control;
pub mod elf;
mod entry;
pub mod errno;
pub mod error;
pub mod kenv;
pub mod kernel;
pub mod loader;
pub mod memory;
pub mod module;
pub mod msgpath;
pub mod process;
pub mod search;
mod serve;
mod stack;
pub mod symbols;
pub mod sysctl;
