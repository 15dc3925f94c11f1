//! The machine of the unit tests: a stack, a kernel and clients that do what a test tells them.

mod machine;
mod memory;
mod rig;
mod stack;
mod ticket;

pub use machine::*;
pub use memory::*;
pub use rig::*;
pub use stack::*;
pub use ticket::*;

// Shared by the files of this folder.
use crate::{
    control::{Control, Sender},
    machine::{
        Chain, Credentials, Delivery, Host, How, Lent, Listener, Mapping, ObjectFlags, OptValue, Parked,
        Platform, PoolObject, Received, ReleaseKey, Stream, Ticket, Waiter,
    },
    table::Table,
};
use csock_wire::{
    Change, Load, OutOfBounds, PoolHeader, Refusal, SharedMem, SockAddr, SockOpt, Store, WireErrno,
    msg::{self, Body},
    stream::{
        Appended, Area, AreaGeometry, Bell, Block, Consumed, Incoming, Memory, Opened, Returns, State, Taker,
        Waiting, Writer, wait_value,
    },
};
use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

pub type TestTable = Table<Fake>;
