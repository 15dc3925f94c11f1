//! The module's threads: one for requests, one for doorbells, and the workers.

pub mod control;
pub mod doorbell;
pub mod worker;
