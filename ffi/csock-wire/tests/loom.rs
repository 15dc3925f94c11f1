//! The models of the stream, of Turn and of the schedule: loom runs every interleaving, with every value that the memory model
//! permits.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p csock-wire --release --test loom -- --nocapture
//! ```
//!
//! Each property has a control: the same model with one part left out, which must fail. A model whose control passes
//! proves nothing.

#[cfg(not(loom))]
#[test]
#[ignore = "needs RUSTFLAGS=\"--cfg loom\"; cargo xtask test runs it"]
fn loom_models() {}

#[cfg(loom)]
#[path = "loom_model/mod.rs"]
mod model;

#[cfg(loom)]
#[path = "loom_model/turn.rs"]
mod turn;

#[cfg(loom)]
#[path = "loom_model/schedule.rs"]
mod schedule;

#[cfg(loom)]
#[path = "loom_model/area.rs"]
mod area;

#[cfg(loom)]
#[path = "loom_model/stream.rs"]
mod stream;

#[cfg(loom)]
#[path = "loom_model/invitation.rs"]
mod invitation;
