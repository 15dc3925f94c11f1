//! The module's threads: one that serves the channel, and the workers.

pub mod control;
pub mod worker;
