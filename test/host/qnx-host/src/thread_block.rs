//! Threads as others see them: what each is blocked on (for `pidin`), and forcing one out of its call (SIGEV_UNBLOCK,
//! pthread_cancel).

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, Ordering};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::api::guard::is_cancellable;
use crate::channel::wake_all;
use crate::errno::Errno;
use crate::fds::generation;
use crate::process::{Process, lock, process};
use crate::queue::PulseItem;
use crate::sys::futex_wake;
use crate::types::{PRIORITY_DEFAULT, PULSE_CODE_THREADDEATH};

/// QNX's numbers of the states that are shown.
pub mod state {
    /// Not blocked in a call of ours.
    pub const RUNNING: u32 = 1;
    /// Sent, not received yet (or received: the slot knows).
    pub const SEND: u32 = 4;
    /// In MsgReceive.
    pub const RECEIVE: u32 = 5;
    /// Received, not answered.
    pub const REPLY: u32 = 6;
}

/// One thread.
pub struct Block {
    /// QNX's id.
    pub tid: i32,
    /// Linux's id.
    pub linux_tid: i32,
    /// A `state` value.
    pub state: AtomicU32,
    /// Whom it waits for: the server's pid and chid, or (0, own chid).
    pub pid: AtomicI32,
    /// See `pid`.
    pub chid: AtomicI32,
    /// QNX priority when it blocked.
    pub priority: AtomicU32,
    kicked: AtomicBool,
    /// Linux's name of the thread.
    pthread: libc::pthread_t,
    /// pthread_cancel has been called for it, and it has not looked since.
    cancelled: AtomicBool,
    /// The semaphore that it waits for, if it does.
    semaphore: AtomicPtr<u32>,
}

/// Threads of a process by id.
pub type Threads = Mutex<BTreeMap<i32, Arc<Block>>>;

/// Listed as long as the thread lives.
struct Listed(Arc<Block>, u32);

impl Drop for Listed {
    fn drop(&mut self) {
        if self.1 != generation() {
            return;
        }
        let process = process();
        lock(&process.threads).remove(&self.0.tid);
        if let Some(channel) = process
            .channels
            .get(process.thread_death_chid.load(Ordering::SeqCst))
        {
            let value = self.0.tid as u64;
            let pulse = PulseItem {
                code: PULSE_CODE_THREADDEATH,
                priority: PRIORITY_DEFAULT,
                value,
                scoid: 0,
            };
            channel.push_pulse(pulse, true);
        }
    }
}

thread_local! {
    static OWN: RefCell<Option<Listed>> = const { RefCell::new(None) };
}

/// Lists the calling thread under its QNX id. Called once per thread, when it gets the id.
pub fn enlist(tid: i32) {
    // SAFETY: no preconditions.
    let linux_tid = unsafe { libc::gettid() };
    let block = Arc::new(Block {
        tid,
        linux_tid,
        state: AtomicU32::new(state::RUNNING),
        pid: AtomicI32::new(0),
        chid: AtomicI32::new(0),
        priority: AtomicU32::new(u32::from(crate::thread::priority())),
        kicked: AtomicBool::new(false),
        // SAFETY: no preconditions.
        pthread: unsafe { libc::pthread_self() },
        cancelled: AtomicBool::new(false),
        semaphore: AtomicPtr::new(ptr::null_mut()),
    });
    lock(&process().threads).insert(tid, Arc::clone(&block));
    // A thread that ends may call in from a destructor, when its own entry is gone already; it then stays unlisted.
    let _ = OWN.try_with(|own| *own.borrow_mut() = Some(Listed(block, generation())));
}

fn own() -> Option<Arc<Block>> {
    crate::thread::tid();
    OWN.try_with(|own| own.borrow().as_ref().map(|listed| Arc::clone(&listed.0)))
        .ok()
        .flatten()
}

/// Runs `sleep` with the calling thread shown as blocked.
pub fn blocked<R>(state: u32, pid: i32, chid: i32, sleep: impl FnOnce() -> R) -> R {
    let block = own();
    if let Some(block) = &block {
        block.pid.store(pid, Ordering::Relaxed);
        block.chid.store(chid, Ordering::Relaxed);
        block
            .priority
            .store(u32::from(crate::thread::priority()), Ordering::Relaxed);
        block.state.store(state, Ordering::SeqCst);
    }
    let result = sleep();
    if let Some(block) = &block {
        block.state.store(self::state::RUNNING, Ordering::Relaxed);
    }
    result
}

/// Has somebody forced the calling thread out of its call? Asked once it has announced that it sleeps, and after.
pub fn take_kick() -> bool {
    own().is_some_and(|block| block.kicked.swap(false, Ordering::SeqCst))
}

/// Forces thread `tid` of this process out of the call that it is blocked in, with ETIMEDOUT. `ESRCH` no such thread;
/// nothing happens if it is not blocked.
pub fn unblock(tid: i32) -> Result<(), Errno> {
    let process = process();
    let block = lock(&process.threads).get(&tid).cloned().ok_or(Errno::ESRCH)?;
    if block.state.load(Ordering::SeqCst) == state::RUNNING {
        return Ok(());
    }
    block.kicked.store(true, Ordering::SeqCst);
    wake_everybody(process);
    Ok(())
}

/// Rare: wakes all blocked threads, each looks whether it is meant.
fn wake_everybody(process: &Process) {
    for channel in process.channels.all() {
        wake_all(&channel.doorbell);
    }
    for coid in process.coids.all() {
        coid.conn.poke_all();
    }
}

/// After pthread_cancel: makes thread `pthread` of this process leave the cancellation point that it is blocked in, with
/// `EINTR`. A thread that is not blocked there leaves the next one.
pub fn wake_cancelled(pthread: libc::pthread_t) {
    let process = process();
    let Some(block) = lock(&process.threads)
        .values()
        .find(|block| block.pthread == pthread)
        .cloned()
    else {
        // It has never called us: it looks for a cancellation before it blocks.
        return;
    };
    block.cancelled.store(true, Ordering::SeqCst);
    wake_everybody(process);
    // Whoever waits for a semaphore has no word of its own to be told by, so the wake-up may come too early: repeat it.
    while block.cancelled.load(Ordering::SeqCst) {
        let semaphore = block.semaphore.load(Ordering::SeqCst);
        if semaphore.is_null() {
            return;
        }
        // SAFETY: only its address is used: a wake-up does not touch the memory, which may even be gone.
        futex_wake(unsafe { AtomicU32::from_ptr(semaphore) }, i32::MAX);
        thread::sleep(Duration::from_micros(50));
    }
}

/// Has the calling thread been cancelled, and does it let itself be? Asked once it has announced that it sleeps.
pub fn take_cancel() -> bool {
    own().is_some_and(|block| block.cancelled.swap(false, Ordering::SeqCst)) && is_cancellable()
}

/// Runs `sleep`, which waits on `word`, with the calling thread shown as waiting for that semaphore.
pub fn blocked_on_semaphore<R>(word: &AtomicU32, sleep: impl FnOnce() -> R) -> R {
    let block = own();
    if let Some(block) = &block {
        block.semaphore.store(word.as_ptr(), Ordering::SeqCst);
    }
    let result = sleep();
    if let Some(block) = &block {
        block.semaphore.store(ptr::null_mut(), Ordering::SeqCst);
    }
    result
}

/// Linux's id of one of our threads.
pub fn linux_tid(tid: i32) -> Option<i32> {
    lock(&process().threads).get(&tid).map(|block| block.linux_tid)
}
