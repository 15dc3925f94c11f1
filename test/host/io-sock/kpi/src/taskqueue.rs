//! taskqueue(9): work for a thread that may sleep.

use crate::layout::Task;
use crate::panic::die;
use crate::thread::{self, Attached};
use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once};
use std::thread::JoinHandle;

/// `struct taskqueue`.
pub struct Taskqueue {
    work: Mutex<Work>,
    changed: Condvar,
}

struct Work {
    /// Addresses of `struct task`, oldest first.
    queue: VecDeque<usize>,
    running: Vec<usize>,
    stopping: bool,
    threads: Vec<JoinHandle<()>>,
}

impl Taskqueue {
    const fn new() -> Taskqueue {
        Taskqueue {
            work: Mutex::new(Work {
                queue: VecDeque::new(),
                running: Vec::new(),
                stopping: false,
                threads: Vec::new(),
            }),
            changed: Condvar::new(),
        }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn run(&self, name: &str) {
        let _attached = Attached::of_stack(name);
        let mut work = self.work();
        loop {
            let Some(at) = work.queue.pop_front() else {
                if work.stopping {
                    return;
                }
                work = self.changed.wait(work).unwrap_or_else(|e| e.into_inner());
                continue;
            };
            // SAFETY: a queued task stays until it has run or was cancelled.
            let task = unsafe { &mut *(at as *mut Task) };
            let (func, context, pending) = (task.ta_func, task.ta_context, task.ta_pending);
            task.ta_pending = 0;
            work.running.push(at);
            drop(work);
            let Some(func) = func else {
                die!("a task without a function")
            };
            // SAFETY: the module's function and its context.
            unsafe { func(context, pending.into()) };
            work = self.work();
            if let Some(i) = work.running.iter().position(|task| *task == at) {
                work.running.swap_remove(i);
            }
            self.changed.notify_all();
        }
    }

    fn wait(&self, busy: impl Fn(&Work) -> bool) {
        if let Some(td) = thread::try_current() {
            td.private().may_sleep("taskqueue_drain");
        }
        let mut work = self.work();
        while busy(&work) {
            work = self.changed.wait(work).unwrap_or_else(|e| e.into_inner());
        }
    }
}

/// The queue of `taskqueue_thread`, whose thread starts with its first task.
static THREAD: Taskqueue = Taskqueue::new();
/// `taskqueue_thread`.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static taskqueue_thread: &Taskqueue = &THREAD;

/// A queue, which needs [`kpi_taskqueue_start`] to run anything.
#[unsafe(no_mangle)]
pub extern "C" fn taskqueue_create(
    _name: *const c_char,
    _mflags: c_int,
    _enqueue: Option<unsafe extern "C" fn(*mut c_void)>,
    _context: *mut c_void,
) -> *const Taskqueue {
    Arc::into_raw(Arc::new(Taskqueue::new()))
}

/// What `taskqueue_create` is given to wake the threads; they wake up by themselves here.
#[unsafe(no_mangle)]
pub extern "C" fn taskqueue_thread_enqueue(_context: *mut c_void) {}

/// What `taskqueue_start_threads` ends in.
///
/// # Safety
/// `*queue` came from [`taskqueue_create`]; `name` is a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kpi_taskqueue_start(
    queue: *const *const Taskqueue,
    count: c_int,
    name: *const c_char,
) -> c_int {
    // SAFETY: the caller's contract.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned();
    for _ in 0..count {
        // SAFETY: the caller's contract: the queue has a reference, of which the thread gets its own.
        let queue = unsafe {
            Arc::increment_strong_count(*queue);
            Arc::from_raw(*queue)
        };
        let thread_name = name.clone();
        let its = Arc::clone(&queue);
        match std::thread::Builder::new()
            .name(name.clone())
            .spawn(move || its.run(&thread_name))
        {
            Ok(handle) => queue.work().threads.push(handle),
            Err(_) => return crate::errno::EAGAIN,
        }
    }
    0
}

/// Queues a task; one that is queued already counts once more.
///
/// # Safety
/// The task stays until it has run or was cancelled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn taskqueue_enqueue(queue: &'static Taskqueue, task: *mut Task) -> c_int {
    static STARTED: Once = Once::new();
    if std::ptr::eq(queue, &THREAD) {
        STARTED.call_once(|| {
            if let Err(error) = std::thread::Builder::new()
                .name("taskqueue".to_owned())
                .spawn(|| THREAD.run("taskqueue"))
            {
                die!("no thread for taskqueue_thread: {error}");
            }
        });
    }
    let mut work = queue.work();
    // SAFETY: the caller's contract; guarded by the queue's lock.
    let pending = unsafe { &mut (*task).ta_pending };
    *pending = pending.saturating_add(1);
    if *pending == 1 {
        work.queue.push_back(task as usize);
        queue.changed.notify_all();
    }
    0
}

/// Takes a task off the queue: `EBUSY` when it runs right now. `*pendp`: how often it was queued.
///
/// # Safety
/// `pendp` is null or writable; `task` is a task.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn taskqueue_cancel(
    queue: &'static Taskqueue,
    task: *mut Task,
    pendp: *mut u32,
) -> c_int {
    let mut work = queue.work();
    work.queue.retain(|at| *at != task as usize);
    // SAFETY: the caller's contract; guarded by the queue's lock.
    unsafe {
        if !pendp.is_null() {
            *pendp = (*task).ta_pending.into();
        }
        (*task).ta_pending = 0;
    }
    if work.running.contains(&(task as usize)) {
        crate::errno::EBUSY
    } else {
        0
    }
}

/// Waits until the task is neither queued nor running.
#[unsafe(no_mangle)]
pub extern "C" fn taskqueue_drain(queue: &'static Taskqueue, task: *mut Task) {
    let at = task as usize;
    queue.wait(|work| work.queue.contains(&at) || work.running.contains(&at));
}

/// Waits until nothing is queued or running.
#[unsafe(no_mangle)]
pub extern "C" fn taskqueue_drain_all(queue: &'static Taskqueue) {
    queue.wait(|work| !work.queue.is_empty() || !work.running.is_empty());
}

/// Ends the queue's threads when they have run what is queued, and the queue.
///
/// # Safety
/// `queue` came from [`taskqueue_create`] and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn taskqueue_free(queue: *const Taskqueue) {
    if let Some(td) = thread::try_current() {
        td.private().may_sleep("taskqueue_free");
    }
    // SAFETY: the caller's contract.
    let queue = unsafe { Arc::from_raw(queue) };
    let threads = {
        let mut work = queue.work();
        work.stopping = true;
        queue.changed.notify_all();
        std::mem::take(&mut work.threads)
    };
    for thread in threads {
        if thread.join().is_err() {
            die!("a taskqueue's thread panicked");
        }
    }
}
