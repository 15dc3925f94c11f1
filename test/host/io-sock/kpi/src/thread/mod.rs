//! Threads as the stack knows them: `curthread`, attaching a thread of the host process, kernel threads.

mod cred;
mod kthread;
pub(crate) mod rules;

pub use cred::{Cred, crdup, crfree, crget, crhold, priv_check, priv_check_cred};
pub(crate) use cred::{alive as credentials, hold, release};
pub use kthread::{
    ThreadDesc, interrupt, kpi_kproc_create, kpi_kthread_add, kproc_start, kthread_exit, kthread_start,
    kthreads, qnx_pthread_join,
};

use crate::layout::{Proc, Thread, Ucred};
use crate::panic::die;
use std::cell::Cell;
use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_int};
use std::marker::PhantomData;
use std::ptr::{NonNull, null, null_mut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};

pub use rules::Private;

/// A thread that the stack knows.
///
/// # Invariants
/// Points to a [`Thread`] that `Td::create` made; its memory is used again, but never given back.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Td(NonNull<Thread>);

// SAFETY: the fields that other threads touch are atomics; the rest is written before the thread starts, or
// by itself.
unsafe impl Send for Td {}

thread_local! {
    static CURRENT: Cell<*mut Thread> = const { Cell::new(null_mut()) };
}

/// Threads that ended, oldest first. Some rest here so that a stale `struct thread *` meets a dead thread,
/// not another one.
static RETIRED: Mutex<VecDeque<Td>> = Mutex::new(VecDeque::new());
const RESTING: usize = 64;
/// Thread ids are handed out in order; 1 is `thread0`.
static NEXT_ID: AtomicI32 = AtomicI32::new(2);

/// `proc0`, the process of all kernel threads.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static mut proc0: Proc = Proc {
    p_ucred: null_mut(),
    p_pid: 1,
    p_flag: 0,
    p_comm: [0; 20],
};

/// `thread0`: here for its address only.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static mut thread0: Thread = Thread {
    td_proc: &raw mut proc0,
    td_ucred: null_mut(),
    td_pt_tid: 1,
    td_tid: 1,
    td_flags: 0,
    td_pflags: 0,
    td_locks: 0,
    td_priority: 0,
    td_ru: [0; 4],
    td_retval: [0; 2],
    td_wchan: AtomicPtr::new(null_mut()),
    td_wmesg: null(),
    td_name: [0; 20],
    td_private: null_mut(),
};

/// Gives `proc0` its credential. Called once, before any thread is attached.
pub(crate) fn init() {
    let root = cred::new(0, 0);
    // SAFETY: `init` runs once, before anything else can reach the two statics.
    unsafe {
        proc0.p_ucred = root;
        thread0.td_ucred = root;
    }
}

/// `curthread`: null in a thread that io-sock does not know.
#[unsafe(no_mangle)]
pub extern "C" fn __curthread() -> *mut Thread {
    CURRENT.get()
}

/// The calling thread, if the stack knows it.
pub(crate) fn try_current() -> Option<Td> {
    NonNull::new(CURRENT.get()).map(Td)
}

/// The calling thread.
pub(crate) fn current() -> Td {
    match try_current() {
        Some(td) => td,
        None => die!(
            "the kernel interface was called in a thread that io-sock does not know: use kthread_add threads (curthread is null)"
        ),
    }
}

pub(crate) fn current_name() -> String {
    match try_current() {
        Some(td) => td.name(),
        None => "unknown to io-sock".to_owned(),
    }
}

impl Td {
    /// A new thread of `proc0`. Takes over the reference to `cred`.
    pub(crate) fn create(name: &CStr, cred: *mut Ucred) -> Td {
        crate::init();
        let mut short = [0 as c_char; 20];
        for (to, from) in short.iter_mut().zip(name.to_bytes().iter().take(19)) {
            *to = *from as c_char;
        }
        let resting = {
            let mut retired = RETIRED.lock().unwrap_or_else(|e| e.into_inner());
            if retired.len() > RESTING {
                retired.pop_front()
            } else {
                None
            }
        };
        let private = match resting {
            // SAFETY: a retired thread's private part stays valid, and nobody else has it.
            Some(td) => unsafe { (*td.0.as_ptr()).td_private },
            None => Box::into_raw(Box::new(Private::new())),
        };
        let fresh = Thread {
            td_proc: &raw mut proc0,
            td_ucred: cred,
            td_pt_tid: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            td_tid: 0,
            td_flags: 0,
            td_pflags: 0,
            td_locks: 0,
            td_priority: 0,
            td_ru: [0; 4],
            td_retval: [0; 2],
            td_wchan: AtomicPtr::new(null_mut()),
            td_wmesg: null(),
            td_name: short,
            td_private: private,
        };
        match resting {
            Some(td) => {
                td.private().reset();
                // SAFETY: retired: nobody uses it.
                unsafe { td.0.as_ptr().write(fresh) };
                td
            }
            None => Td(NonNull::from(Box::leak(Box::new(fresh)))),
        }
    }

    /// Makes this the calling thread's `curthread`.
    fn enter(self) {
        // SAFETY: called by the thread itself; nobody else writes the field.
        unsafe { (*self.0.as_ptr()).td_tid = libc::syscall(libc::SYS_gettid) as i32 };
        CURRENT.set(self.0.as_ptr());
    }

    /// The calling thread is no thread of the stack any more.
    fn leave(self) {
        if self.private().held_count() != 0 {
            die!("the thread ends while it holds {}", self.private().held_names());
        }
        CURRENT.set(null_mut());
        cred::release(self.cred());
        RETIRED.lock().unwrap_or_else(|e| e.into_inner()).push_back(self);
    }

    pub(crate) fn as_ptr(self) -> *mut Thread {
        self.0.as_ptr()
    }

    pub(crate) fn private(self) -> &'static Private {
        // SAFETY: the private part lives as long as the thread's memory: for ever. All its fields are atomics
        // or cells that only the thread itself uses.
        unsafe { &*(*self.0.as_ptr()).td_private }
    }

    pub(crate) fn pt_tid(self) -> c_int {
        // SAFETY: written before the thread starts.
        unsafe { (*self.0.as_ptr()).td_pt_tid }
    }

    pub(crate) fn cred(self) -> *mut Ucred {
        // SAFETY: written before the thread starts, or by itself.
        unsafe { (*self.0.as_ptr()).td_ucred }
    }

    pub(crate) fn wchan(self) -> &'static AtomicPtr<std::ffi::c_void> {
        // SAFETY: an atomic in memory that is never given back.
        unsafe { &(*self.0.as_ptr()).td_wchan }
    }

    /// Why it sleeps, for a debugger.
    pub(crate) fn set_wmesg(self, wmesg: &CStr) {
        // SAFETY: only the thread itself writes the field.
        unsafe { (*self.0.as_ptr()).td_wmesg = wmesg.as_ptr() };
    }

    /// Counts a message sent (`ru_msgsnd`, 0) or received (`ru_msgrcv`, 1).
    pub(crate) fn count_message(self, which: usize) {
        // SAFETY: only the thread itself counts.
        unsafe { (*self.0.as_ptr()).td_ru[which] += 1 };
    }

    fn name(self) -> String {
        // SAFETY: the name is written before the thread starts and ends in a NUL.
        unsafe { CStr::from_ptr((&raw const (*self.0.as_ptr()).td_name).cast()) }
            .to_string_lossy()
            .into_owned()
    }
}

/// A thread of the host process that may call the kernel interface while this lives, as io-sock's
/// resource-manager threads do.
///
/// # Panics
/// The process ends when the thread is attached already, and when it still holds a lock at the end.
pub struct Attached {
    td: Td,
    /// Belongs to one thread.
    _local: PhantomData<*const ()>,
}

impl Attached {
    /// Attaches the calling thread under `name` (at most 19 bytes count) with the rights of `uid` and `gid`.
    pub fn new(name: &str, uid: i32, gid: i32) -> Attached {
        crate::init();
        Attached::with_cred(name, cred::new(uid, gid))
    }

    /// Attaches a thread of the stack itself, with the rights of `proc0`.
    pub(crate) fn of_stack(name: &str) -> Attached {
        crate::init();
        // SAFETY: set in `init`, never changed.
        Attached::with_cred(name, cred::hold(unsafe { proc0.p_ucred }))
    }

    /// Takes over the reference to `cred`.
    fn with_cred(name: &str, cred: *mut Ucred) -> Attached {
        if try_current().is_some() {
            die!("the thread is attached already");
        }
        let name = std::ffi::CString::new(name.replace('\0', "?")).unwrap_or_default();
        let td = Td::create(&name, cred);
        td.enter();
        Attached {
            td,
            _local: PhantomData,
        }
    }

    /// The thread's `struct thread`.
    pub fn thread(&self) -> *mut Thread {
        self.td.as_ptr()
    }

    /// Runs `f` with the rights of another user, as a resource-manager thread does for its client.
    pub fn as_user<R>(&self, uid: i32, gid: i32, f: impl FnOnce() -> R) -> R {
        let own = self.td.cred();
        let theirs = cred::new(uid, gid);
        // SAFETY: the field is this thread's own.
        unsafe { (*self.td.as_ptr()).td_ucred = theirs };
        let result = f();
        // SAFETY: as above.
        unsafe { (*self.td.as_ptr()).td_ucred = own };
        cred::release(theirs);
        result
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.td.leave();
    }
}
