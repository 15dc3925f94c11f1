//! Kernel threads: `kthread_add`, `kthread_exit`, and waiting for one with `pthread_join`.

use super::{Td, current, hold, try_current};
use crate::errno::{EAGAIN, EDEADLK, EINVAL, ESRCH};
use crate::layout::{Proc, Thread};
use crate::panic::die;
use crate::sleep;
use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::JoinHandle;

/// The thread can be waited for. As in `sys/kthread.h`.
const KTHREAD_JOIN: c_int = 0x4000_0000;
/// Not started: not imitated, since nothing outside the scheduler can start it.
const RFSTOPPED: c_int = 0x20000;

/// Threads that pthread_join has not yet taken.
static JOINABLE: Mutex<Option<HashMap<c_int, JoinHandle<()>>>> = Mutex::new(None);
/// Kernel threads whose function runs.
static RUNNING: AtomicI64 = AtomicI64::new(0);

type ThreadFn = unsafe extern "C" fn(*mut c_void);

unsafe extern "C" {
    fn kpi_thread_run(f: ThreadFn, arg: *mut c_void) -> c_int;
    fn kpi_thread_leave() -> !;
}

/// How many kernel threads run.
pub fn kthreads() -> i64 {
    RUNNING.load(Ordering::Acquire)
}

/// Carries the module's pointer into the new thread.
struct Start(ThreadFn, *mut c_void, Td);
// SAFETY: that the thread gets the argument is what kthread_add is for.
unsafe impl Send for Start {}

impl Start {
    fn run(self) {
        let Start(f, arg, td) = self;
        td.enter();
        // SAFETY: the module's function and its argument. The way out, a longjmp, skips frames of the module
        // and of `kthread_exit` only, none of which has anything to drop.
        let left = unsafe { kpi_thread_run(f, arg) };
        if left == 0 {
            die!("the kernel thread's function returned: it must end in kthread_exit");
        }
        td.leave();
        RUNNING.fetch_sub(1, Ordering::Release);
    }
}

/// What `kthread_add` ends in.
///
/// # Safety
/// `name` ends in a NUL; `newtd` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kpi_kthread_add(
    f: ThreadFn,
    arg: *mut c_void,
    proc: *mut Proc,
    newtd: *mut *mut Thread,
    flags: c_int,
    name: *const c_char,
) -> c_int {
    crate::init();
    if flags & RFSTOPPED != 0 {
        crate::log::write(3, "kthread_add: RFSTOPPED is not supported");
        return EINVAL;
    }
    let proc = if proc.is_null() {
        &raw mut super::proc0
    } else {
        proc
    };
    // SAFETY: a process of the stack; its credential is set in `init`.
    let cred = hold(unsafe { (*proc).p_ucred });
    // SAFETY: the caller's contract.
    let name = unsafe { CStr::from_ptr(name) };
    let td = Td::create(name, cred);
    if !newtd.is_null() {
        // SAFETY: the caller's contract. Before the thread runs, as in FreeBSD.
        unsafe { *newtd = td.as_ptr() };
    }
    let start = Start(f, arg, td);
    let builder = std::thread::Builder::new().name(name.to_string_lossy().into_owned());
    let mut joinable = JOINABLE.lock().unwrap_or_else(|e| e.into_inner());
    RUNNING.fetch_add(1, Ordering::Relaxed);
    match builder.spawn(move || start.run()) {
        Ok(handle) => {
            if flags & KTHREAD_JOIN != 0 {
                joinable.get_or_insert_default().insert(td.pt_tid(), handle);
            }
            0
        }
        Err(_) => {
            RUNNING.fetch_sub(1, Ordering::Relaxed);
            EAGAIN
        }
    }
}

/// What `kproc_create` ends in: one more thread of `proc0`, since processes of the stack's own are not
/// imitated.
///
/// # Safety
/// As [`kpi_kthread_add`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kpi_kproc_create(
    f: ThreadFn,
    arg: *mut c_void,
    newproc: *mut *mut Proc,
    flags: c_int,
    name: *const c_char,
) -> c_int {
    // SAFETY: the caller's contract.
    let error = unsafe { kpi_kthread_add(f, arg, null_mut(), null_mut(), flags, name) };
    if error == 0 && !newproc.is_null() {
        // SAFETY: the caller's contract.
        unsafe { *newproc = &raw mut super::proc0 };
    }
    error
}

/// `struct kthread_desc` and `struct kproc_desc`: what a `SYSINIT` of `kthread_start` is given.
#[repr(C)]
pub struct ThreadDesc {
    arg0: *const c_char,
    func: unsafe extern "C" fn(),
    global: *mut *mut c_void,
}

unsafe extern "C" fn call(func: *mut c_void) {
    // SAFETY: `start` passes such a function.
    let func = unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn()>(func) };
    // SAFETY: the module's own function.
    unsafe { func() }
}

/// Starts the thread that a descriptor describes.
///
/// # Safety
/// `desc` is a valid `struct kthread_desc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kthread_start(desc: *const ThreadDesc) {
    // SAFETY: the caller's contract.
    let desc = unsafe { &*desc };
    // SAFETY: as above.
    let error = unsafe {
        kpi_kthread_add(
            call,
            desc.func as *mut c_void,
            null_mut(),
            desc.global.cast(),
            0,
            desc.arg0,
        )
    };
    if error != 0 {
        die!("kthread_start: errno {error}");
    }
}

/// As [`kthread_start`], for a `struct kproc_desc`.
///
/// # Safety
/// `desc` is a valid `struct kproc_desc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kproc_start(desc: *const ThreadDesc) {
    // SAFETY: the caller's contract.
    let desc = unsafe { &*desc };
    // SAFETY: as above.
    let error = unsafe { kpi_kproc_create(call, desc.func as *mut c_void, desc.global.cast(), 0, desc.arg0) };
    if error != 0 {
        die!("kproc_start: errno {error}");
    }
}

/// Ends the calling kernel thread. Whoever sleeps on its `struct thread` wakes up.
#[unsafe(no_mangle)]
pub extern "C" fn kthread_exit() -> ! {
    let td = current();
    if td.private().held_count() != 0 {
        die!("kthread_exit with {} held", td.private().held_names());
    }
    sleep::wakeup(td.as_ptr().cast());
    // SAFETY: the frames in between belong to the module, which asked for this, and to this function, which
    // has nothing to drop.
    unsafe { kpi_thread_leave() }
}

/// `pthread_join` of QNX, for `td_pt_tid` of a thread made with `KTHREAD_JOIN`: 0, `ESRCH`, or `EDEADLK` for
/// the calling thread. Waits without limit and does not give up Giant.
///
/// # Safety
/// `value` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qnx_pthread_join(tid: c_int, value: *mut *mut c_void) -> c_int {
    if let Some(td) = try_current() {
        if td.pt_tid() == tid {
            return EDEADLK;
        }
        td.private().may_sleep("pthread_join");
    }
    let handle = {
        let mut joinable = JOINABLE.lock().unwrap_or_else(|e| e.into_inner());
        joinable.as_mut().and_then(|threads| threads.remove(&tid))
    };
    let Some(handle) = handle else { return ESRCH };
    if handle.join().is_err() {
        die!("kernel thread {tid} panicked");
    }
    if !value.is_null() {
        // SAFETY: the caller's contract.
        unsafe { *value = null_mut() };
    }
    0
}

/// As if a signal came to the thread: a sleep with `PCATCH` ends with `EINTR`, the present one or else the
/// next one.
///
/// # Safety
/// `td` is a `struct thread` of this crate.
pub unsafe fn interrupt(td: *mut Thread) {
    if let Some(td) = std::ptr::NonNull::new(td).map(Td) {
        sleep::interrupt(td);
    }
}
