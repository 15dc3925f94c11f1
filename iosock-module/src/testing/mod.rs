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
        Chain, Credentials, Host, How, Listener, Mapping, ObjectFlags, OptValue, Parked, Platform,
        PoolObject, Received, ReleaseKey, Stream, Ticket,
    },
    table::Table,
};
use csock_wire::{
    Consumer, Desc, Load, OutOfBounds, PoolHeader, Producer, Refusal, RingBlock, RingBlockGeometry, RingKind,
    SharedMem, SockAddr, SockOpt, Store, WireErrno,
    layout::ModuleState,
    msg::{self, Body},
};
use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

pub type TestTable = Table<Fake>;
