//! io-sock's kernel programming interface on Linux sockets: what a module that `io-sock` loads calls.
//!
//! Names, layouts and rules are FreeBSD 13's as io-sock has them; `include/devs` declares it all for C. Each
//! function's rules are in the manual page of its name, section 9. See `README.md` for what is imitated and
//! what is not.
//!
//! | Module | Manual pages |
//! |---|---|
//! | [`socket`] | socket(9), sockbuf |
//! | [`mbuf`], [`uma`] | mbuf(9), zone(9) |
//! | [`lock`], [`sleep`], [`thread`] | mutex(9), sx(9), sleep(9), kthread(9) |
//! | [`malloc`], [`time`], [`callout`], [`taskqueue`] | the pages of these names |
//! | `below` | nothing: Linux's sockets, the netisr thread |
//!
//! For the process that hosts it: [`init`], [`symbols`], [`thread::Attached`], [`stat`], [`config`],
//! [`log::set_sink`].

pub mod callout;
pub mod config;
pub mod errno;
pub mod eventhandler;
pub mod fault;
pub mod layout;
pub mod lock;
pub mod log;
pub mod malloc;
pub mod mbuf;
pub mod moment;
pub mod sleep;
pub mod socket;
pub mod stat;
mod symbols;
pub mod taskqueue;
pub mod thread;
pub mod time;
pub mod uma;

mod below;
mod futex;
mod libkern;
mod panic;

pub use symbols::{Symbol, symbols};

/// Sets up what needs it, once; every entry that can come first calls it.
pub fn init() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(thread::init);
}
