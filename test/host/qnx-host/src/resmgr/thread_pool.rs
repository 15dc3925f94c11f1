//! Thread pools: threads that block, handle, and block again, as many as are needed to have some waiting.

use core::ffi::{c_int, c_uint, c_ushort, c_void};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use crate::api::guard::Uncancellable;
use crate::errno::{self, Errno};
use crate::process::lock;
use crate::trace::trace;

/// `thread_pool_attr_t`. The functions' types are the program's.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct PoolAttributes {
    pub handle: *mut c_void,
    pub block_func: Option<unsafe extern "C" fn(*mut c_void) -> *mut c_void>,
    pub unblock_func: Option<unsafe extern "C" fn(*mut c_void)>,
    pub handler_func: Option<unsafe extern "C" fn(*mut c_void) -> c_int>,
    pub context_alloc: Option<unsafe extern "C" fn(*mut c_void) -> *mut c_void>,
    pub context_free: Option<unsafe extern "C" fn(*mut c_void)>,
    pub attr: *mut c_void,
    pub lo_water: c_ushort,
    pub increment: c_ushort,
    pub hi_water: c_ushort,
    pub maximum: c_ushort,
    pub reserved: [c_uint; 8],
}

/// `POOL_FLAG_EXIT_SELF`.
const EXIT_SELF: c_uint = 1;
/// `POOL_FLAG_USE_SELF`.
const USE_SELF: c_uint = 2;

/// What `thread_pool_t*` points at. Each of its threads holds a reference.
pub struct Pool {
    attributes: PoolAttributes,
    flags: c_uint,
    state: Mutex<State>,
    changed: Condvar,
}

// SAFETY: the pointers are the program's, given for all threads of the pool.
unsafe impl Send for Pool {}
// SAFETY: as above; what changes is behind the mutex.
unsafe impl Sync for Pool {}

#[derive(Default)]
struct State {
    threads: usize,
    /// Contexts of the threads in block_func, by address.
    waiting: Vec<usize>,
    stopping: bool,
}

/// How many threads to make, so that `lo_water` wait and there are never more than `maximum`. Nothing is made while enough
/// wait; else `increment` at a time.
fn missing(attributes: &PoolAttributes, threads: usize, waiting: usize) -> usize {
    if waiting >= usize::from(attributes.lo_water) {
        return 0;
    }
    let room = usize::from(attributes.maximum).saturating_sub(threads);
    usize::from(attributes.increment.max(1)).min(room)
}

impl Pool {
    /// A pool that does nothing yet. `EINVAL` no functions, or water marks that contradict each other.
    pub fn create(attributes: &PoolAttributes, flags: c_uint) -> Result<Arc<Pool>, Errno> {
        let complete = attributes.block_func.is_some()
            && attributes.handler_func.is_some()
            && attributes.context_alloc.is_some();
        let marks = attributes.lo_water <= attributes.hi_water
            && attributes.maximum >= 1
            && attributes.lo_water <= attributes.maximum
            && attributes.hi_water >= 1;
        if !complete || !marks || flags & !(EXIT_SELF | USE_SELF) != 0 {
            return Err(Errno::EINVAL);
        }
        Ok(Arc::new(Pool {
            attributes: *attributes,
            flags,
            state: Mutex::default(),
            changed: Condvar::new(),
        }))
    }

    /// Starts `lo_water` threads (one at least). Does not come back with a flag: then the calling thread works in the
    /// pool (USE_SELF) or waits for ever (EXIT_SELF, where QNX ends the thread).
    pub fn start(self: &Arc<Self>) -> Result<(), Errno> {
        let own = usize::from(self.flags & USE_SELF != 0);
        let first = usize::from(self.attributes.lo_water.max(1)) - own.min(1);
        for _ in 0..first {
            self.spawn()?;
        }
        if own == 1 {
            lock(&self.state).threads += 1;
            self.work();
        }
        if self.flags & (EXIT_SELF | USE_SELF) != 0 {
            loop {
                thread::park();
            }
        }
        Ok(())
    }

    fn spawn(self: &Arc<Self>) -> Result<(), Errno> {
        lock(&self.state).threads += 1;
        let pool = Arc::clone(self);
        let made = thread::Builder::new().name("pool".to_string()).spawn(move || {
            // The program's functions run above frames of ours, which a cancelled thread must not unwind.
            let _off = Uncancellable::begin();
            pool.work();
        });
        made.map(|_| ()).map_err(|error| {
            self.one_less();
            error.into()
        })
    }

    fn one_less(&self) {
        lock(&self.state).threads -= 1;
        self.changed.notify_all();
    }

    fn work(self: &Arc<Self>) {
        let attributes = &self.attributes;
        let (Some(alloc), Some(block), Some(handle)) = (
            attributes.context_alloc,
            attributes.block_func,
            attributes.handler_func,
        ) else {
            return;
        };
        // SAFETY: the program's function with the program's handle.
        let context = unsafe { alloc(attributes.handle) };
        if context.is_null() {
            trace!(1, "a pool thread got no context");
        }
        while !context.is_null() && self.begin_wait(context) {
            // SAFETY: the program's function with a context that it made.
            let ready = unsafe { block(context) };
            let gone = ready.is_null() && errno::errno() != Errno::EINTR.0;
            if self.end_wait(context) || gone {
                break;
            }
            if !ready.is_null() {
                // SAFETY: as above.
                unsafe { handle(ready) };
            }
        }
        if let Some(free) = attributes.context_free
            && !context.is_null()
        {
            // SAFETY: as above, and nobody uses it any more.
            unsafe { free(context) };
        }
        self.one_less();
    }

    /// False if enough threads wait already, or the pool ends.
    fn begin_wait(&self, context: *mut c_void) -> bool {
        let mut state = lock(&self.state);
        if state.stopping || state.waiting.len() >= usize::from(self.attributes.hi_water) {
            return false;
        }
        state.waiting.push(context as usize);
        true
    }

    /// True if the pool ends. Makes threads if too few wait now.
    fn end_wait(self: &Arc<Self>, context: *mut c_void) -> bool {
        let (more, stopping) = {
            let mut state = lock(&self.state);
            state.waiting.retain(|other| *other != context as usize);
            let more = missing(&self.attributes, state.threads, state.waiting.len());
            (if state.stopping { 0 } else { more }, state.stopping)
        };
        for _ in 0..more {
            if self.spawn().is_err() {
                break;
            }
        }
        stopping
    }

    /// Lets every thread leave and waits for it. `EINVAL` without a function that unblocks them.
    pub fn stop(&self) -> Result<(), Errno> {
        let mut state = lock(&self.state);
        state.stopping = true;
        while state.threads != 0 {
            let Some(unblock) = self.attributes.unblock_func else {
                return Err(Errno::EINVAL);
            };
            for context in &state.waiting {
                // SAFETY: the program's function with a context that is waiting: it cannot be freed before the lock is.
                unsafe { unblock(*context as *mut c_void) };
            }
            // Again after a while: a thread may have been on its way into block_func.
            let wait = core::time::Duration::from_millis(10);
            state = self
                .changed
                .wait_timeout(state, wait)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_made_when_too_few_wait() {
        // SAFETY: null pointers and zeroes are a valid value.
        let mut attributes: PoolAttributes = unsafe { core::mem::zeroed() };
        (attributes.lo_water, attributes.increment, attributes.maximum) = (2, 3, 6);
        assert_eq!(missing(&attributes, 4, 2), 0);
        assert_eq!(missing(&attributes, 2, 1), 3);
        assert_eq!(missing(&attributes, 5, 0), 1);
        assert_eq!(missing(&attributes, 6, 0), 0);
        attributes.increment = 0;
        assert_eq!(missing(&attributes, 2, 1), 1);
    }
}
