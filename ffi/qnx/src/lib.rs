//! QNX message passing for Rust: channels, connections, messages, pulses, names, events, shared memory.
//!
//! Thin: one wrapper makes one kernel call (where it makes more, its text says so), owns what it made (dropping closes), checks what
//! the kernel returned, and decides nothing. `no_std`, no allocation, and no panic in an optimised build.
//!
//! | You want | Open |
//! |---|---|
//! | to serve | [`Channel`], [`Received`], [`Message`], [`RcvId`], [`Pulse`], [`AttachedName`], [`LinkedPath`] and [`IoRequest`] |
//! | to know your client | [`MsgInfo`], [`client_info()`], [`detach_scoid()`] |
//! | to call a server | [`Connection`], [`timeout()`] |
//! | to tell a client later | [`Event`], [`RegisteredEvent`] |
//! | shared memory | [`ShmObject`], [`ShmHandle`], [`Mapping`] |
//!
//! The kernel's calls exist in two forms. Where the sign of the `_r` form is documented it is used, since it leaves errno alone;
//! elsewhere the plain form, -1 and errno (`decode.rs`). Threads are never cancelled inside: sends use the `nc` forms, and a thread
//! that receives must not be cancelled by its owner, as with any Rust code.
//!
//! On Linux the calls are those of the stand-in `qnx-host`; a program links it with feature `host`, a module finds it in io-sock.

#![no_std]

#[cfg(all(feature = "host", target_os = "linux"))]
extern crate qnx_host as _;

mod channel;
mod client_info;
mod clock;
mod connection;
mod decode;
mod errno;
mod event;
mod flags;
mod io_request;
mod iov;
mod mapping;
mod message;
mod msg_info;
mod name;
mod path;
mod process;
mod pulse;
mod rcvid;
mod semaphore;
mod shm;
mod shm_handle;
mod timeout;

pub use channel::{Channel, PulsePool, Received};
pub use client_info::{ClientInfo, ScoId, client_info, detach_scoid};
pub use clock::{ClockId, now};
pub use connection::Connection;
pub use errno::Errno;
pub use event::{Event, EventKind, RegisteredEvent};
pub use flags::{
    ChannelFlags, ClientFlags, ConnectFlags, EventFlags, MsgFlags, NameFlags, Prot, ShmFlags, TimeoutFlags,
};
pub use io_request::{IoRequest, NodeStatus, Opening};
pub use iov::{IoSlice, IoSliceMut};
pub use mapping::Mapping;
pub use message::Message;
pub use msg_info::MsgInfo;
pub use name::AttachedName;
pub use path::{LinkedPath, node_status};
pub use process::{egid, euid, page_size, pid, process_uid, system_memory};
pub use pulse::*;
pub use rcvid::RcvId;
pub use semaphore::Semaphore;
pub use shm::ShmObject;
pub use shm_handle::{Access, ShmHandle};
pub use timeout::{no_wait, timeout};
