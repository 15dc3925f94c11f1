//! Everything that one process owns: its channels, connections and hidden kernel thread. A forked child starts with
//! nothing, as on QNX: side channels are not inherited.

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ability_names::Uncreated;
use crate::ability_record;
use crate::api::guard::Uncancellable;
use crate::channel::Channel;
use crate::client_conn::{ClientConn, Coid};
use crate::config::config;
use crate::errno::Errno;
use crate::event_table::Events;
use crate::fds;
use crate::kthread::Kthread;
use crate::lane::Lane;
use crate::mappings::Mappings;
use crate::scoids::Scoids;
use crate::sem_cells::SemCells;
use crate::shm::Created;
use crate::shm_handle::Handles;
use crate::shm_range::{self, Ranges};
use crate::sys;
use crate::table::{Table, invalidate_caches};
use crate::thread_block::Threads;

/// A process as the stand-in sees it. Lives until the process ends.
pub struct Process {
    /// Process id.
    pub pid: i32,
    /// Tells this process from a later one with the same pid.
    pub nonce: u64,
    /// Channels by chid.
    pub channels: Table<Channel>,
    /// Server side of connections, by the lane number inside an rcvid.
    pub lanes: Table<Lane>,
    /// Client side: coid to connection.
    pub coids: Table<Coid>,
    /// Server connection ids.
    pub scoids: Mutex<Scoids>,
    /// Client side: one connection per (pid, chid) of a server.
    pub conns: Mutex<HashMap<(i32, i32), Arc<ClientConn>>>,
    /// Serialises attaching; never taken by the kernel thread, which must stay free to answer others.
    pub attach: Mutex<()>,
    /// Channel with `_NTO_CHF_COID_DISCONNECT`; 0 = none. One per process.
    pub coid_death_chid: AtomicI32,
    /// Channel with `_NTO_CHF_THREAD_DEATH`; 0 = none. One per process.
    pub thread_death_chid: AtomicI32,
    /// Threads that have used the stand-in.
    pub threads: Threads,
    /// Memory handles that others may open.
    pub handles: Handles,
    /// Memory objects that this process made.
    pub created_objects: Created,
    /// What it has mapped of revocable objects.
    pub mappings: Mappings,
    /// Descriptors that stand for a part of an object.
    pub ranges: Ranges,
    /// What it may do.
    pub abilities: ability_record::Own,
    /// Names of abilities that did not exist when it asked.
    pub uncreated_abilities: Uncreated,
    /// Registered events.
    pub events: Events,
    /// Registered semaphores that servers post without our kernel thread.
    pub sem_cells: SemCells,
    kthread: Mutex<Option<&'static Kthread>>,
}

static CURRENT: AtomicPtr<Process> = AtomicPtr::new(ptr::null_mut());

/// Locks a mutex whose data stays valid even if a holder panicked.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The calling process.
#[inline]
pub fn process() -> &'static Process {
    let current = CURRENT.load(Ordering::Acquire);
    if current.is_null() {
        return create();
    }
    // SAFETY: set once from a leaked box and never freed.
    unsafe { &*current }
}

/// The calling process, if it has used the stand-in.
pub fn existing() -> Option<&'static Process> {
    // SAFETY: null, or a leaked box that is never freed.
    unsafe { CURRENT.load(Ordering::Acquire).as_ref() }
}

#[cold]
fn create() -> &'static Process {
    let _off = Uncancellable::begin();
    register_hooks();
    let fresh = Box::into_raw(Box::new(Process {
        pid: sys::pid(),
        nonce: sys::random_u64(),
        channels: Table::default(),
        lanes: Table::default(),
        coids: Table::default(),
        scoids: Mutex::default(),
        conns: Mutex::default(),
        attach: Mutex::default(),
        coid_death_chid: AtomicI32::new(0),
        thread_death_chid: AtomicI32::new(0),
        threads: Threads::default(),
        handles: Handles::default(),
        created_objects: Created::default(),
        mappings: Mappings::default(),
        ranges: shm_range::inherited(),
        abilities: ability_record::inherited(),
        uncreated_abilities: Uncreated::default(),
        events: Events::default(),
        sem_cells: SemCells::default(),
        kthread: Mutex::new(None),
    }));
    match CURRENT.compare_exchange(ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: a leaked box, never freed.
        Ok(_) => unsafe { &*fresh },
        Err(winner) => {
            // SAFETY: ours, never published.
            drop(unsafe { Box::from_raw(fresh) });
            // SAFETY: as above, the winner's leaked box.
            unsafe { &*winner }
        }
    }
}

fn register_hooks() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if !DONE.swap(true, Ordering::AcqRel) {
        // SAFETY: both handlers are `extern "C"` functions that live as long as the process.
        unsafe {
            libc::pthread_atfork(Some(before_fork), Some(after_fork_in_parent), Some(after_fork));
            libc::atexit(at_exit);
        }
    }
}

extern "C" fn before_fork() {
    // What is made once must not be half made in the child, where the thread that is making it does not exist.
    config();
    host_spin::longest();
    // From here to the end one fork at a time.
    fds::before_fork();
    if let Some(process) = existing() {
        process.sem_cells.before_fork();
        shm_range::before_fork(&process.ranges);
        ability_record::before_fork(&process.abilities);
    }
}

extern "C" fn after_fork_in_parent() {
    shm_range::after_fork_in_parent();
    ability_record::after_fork_in_parent();
    fds::after_fork_in_parent();
}

extern "C" fn after_fork() {
    // The parent's object is left alone: other threads of the parent may have held its locks.
    CURRENT.store(ptr::null_mut(), Ordering::Release);
    fds::after_fork_in_child();
    crate::counters::reset();
    invalidate_caches();
}

extern "C" fn at_exit() {
    let Some(process) = existing() else { return };
    if process.pid == sys::pid() {
        ability_record::unlink_own(process.pid);
    }
    // try_lock: exit may run while another thread is inside.
    if let Ok(kthread) = process.kthread.try_lock()
        && kthread.is_some_and(Kthread::is_listening)
        && process.pid == sys::pid()
    {
        crate::dir::unlink_own_socket(process.pid);
    }
}

impl Process {
    /// The hidden kernel thread, started on first use.
    pub fn kthread(&'static self) -> Result<&'static Kthread, Errno> {
        let mut slot = lock(&self.kthread);
        if let Some(kthread) = *slot {
            return Ok(kthread);
        }
        let kthread = Kthread::start(self)?;
        *slot = Some(kthread);
        Ok(kthread)
    }

    /// Makes sure that other processes can reach this one.
    pub fn be_reachable(&'static self) -> Result<(), Errno> {
        self.kthread()?.listen()
    }
}
