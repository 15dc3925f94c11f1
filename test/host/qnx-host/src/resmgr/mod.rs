//! Resource managers: attached paths, open files behind messages, and the loop that serves them.
//!
//! Read in this order: `layout.rs` (the C structures), `paths.rs`, `registry.rs` and `pathmgr.rs` (which path leads where), `client.rs`
//! and `client_io.rs` (what open, read, ... send), `dispatch.rs` (the handle), `serve.rs` (what arrives), `iofunc.rs` (what
//! most resource managers do alike).

pub mod attr_lock;
pub mod bindings;
pub mod client;
pub mod client_io;
pub mod context;
pub mod dispatch;
pub mod iofunc;
pub mod iofunc_attr;
pub mod iofunc_open;
pub mod layout;
pub mod open_check;
pub mod pathmgr;
pub mod paths;
pub mod registry;
pub mod serve;
pub mod serve_io;
pub mod serve_pulse;
pub mod thread_pool;

pub use dispatch::Dispatch;
