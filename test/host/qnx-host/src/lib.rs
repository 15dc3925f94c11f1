//! QNX's kernel calls on Linux: channels, messages, pulses, names, events and shared memory between real processes,
//! with QNX's types, numbers and semantics. See README.md for what works, what differs, and how it is built.
//!
//! Users call the exported C functions (through `qnx-sys` and `qnx`, or the C headers). The Rust interface is small:
//! [`symbols`] for an ELF loader, [`counters`] for tests and benchmarks, [`errno`] for the error numbers.

mod abi_check;
mod ability;
mod ability_names;
mod ability_record;
pub mod admin;
mod answer;
pub mod api;
mod attach;
mod carried;
mod channel;
mod channel_state;
mod channels;
mod client_conn;
mod client_info;
mod client_lane;
mod config;
mod copy;
mod counters;
mod describe;
mod dir;
mod dir_access;
pub mod errno;
mod event;
mod event_cell;
mod event_raise;
mod event_table;
mod event_thread;
mod fds;
mod help;
mod kthread;
mod kthread_serve;
mod lane;
mod layout;
mod mappings;
mod memfd;
mod mmap;
pub mod mutex;
mod names;
mod open_flags;
mod parts;
mod prefetch;
mod proc_state;
mod process;
mod pulse_pool;
mod pulse_tx;
mod queue;
mod realtime;
mod receive;
mod region;
mod resmgr;
mod sched;
mod scoids;
pub mod sem;
mod sem_cells;
mod send;
mod send_wait;
mod server_conn;
mod shared_slot;
mod shm;
mod shm_handle;
mod shm_range;
mod signals;
mod sys;
mod table;
mod thread;
mod thread_block;
mod trace;
pub mod types;
mod wire;

pub use api::symbols;
pub use counters::{Counters, counters};
