//! csock: the io-sock module that moves an application's data without the message path.
// What ships aborts on a panic (and has none). A build for a look (`cargo check`, clippy) may unwind, and then needs std.
#![cfg_attr(all(not(test), panic = "abort"), no_std)]
#![deny(unsafe_code)]
// The product side is not part of a test, so what only it uses looks unused there.
#![cfg_attr(test, allow(dead_code))]
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
        clippy::unimplemented
    )
)]

mod bitmap;
mod config;
mod control;
mod counters;
mod events;
mod handle;
mod inflight;
#[cfg(not(test))]
mod lifecycle;
mod limits;
mod log;
mod losses;
mod machine;
mod mailbox;
mod maybe;
#[cfg(all(not(test), panic = "abort"))]
mod no_panic;
mod node;
#[cfg(feature = "panic-control")]
mod panic_control;
mod plane;
#[cfg(not(test))]
mod platform;
mod pool;
mod published;
mod reply;
mod resident;
mod session;
mod socket;
mod table;
#[cfg(not(test))]
mod threads;
#[cfg_attr(test, expect(dead_code, reason = "the pause is the doorbell thread's"))]
mod unasked;

#[cfg(test)]
mod testing;

#[cfg(not(test))]
iosock::register_module!(lifecycle::Csock);

/// Never reached: the optimised module has no panic left, and the gate proves it by this symbol, which exists nowhere.
#[cfg(all(not(test), panic = "abort"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    no_panic::panicked()
}
