//! Blocking locks: std's where there is std, POSIX threads' elsewhere. Never a spinning one: on a real-time system a
//! spinning thread of high priority keeps the owner of low priority from running.

#[cfg(not(feature = "std"))]
mod pthread;
#[cfg(feature = "std")]
mod std_locks;

#[cfg(not(feature = "std"))]
pub(crate) use pthread::{Mutex, sleep};
#[cfg(feature = "std")]
pub(crate) use std::thread::sleep;
#[cfg(feature = "std")]
pub(crate) use std_locks::Mutex;
