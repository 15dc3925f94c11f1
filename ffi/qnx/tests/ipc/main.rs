//! The wrappers over the Linux stand-in: every object, its errors, and what dropping does. Server and client are threads of one
//! process here, and two processes in `process.rs`.

mod channel;
mod event;
mod message;
mod name;
mod path;
mod process;
mod shm;
mod stand;
mod timeout;
