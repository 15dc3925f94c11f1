//! The seam to the network stack (`iosock-kpi`): its threads, Giant, its symbols and counters.

use crate::{kenv::Kenv, module::File, symbols::Symbol};
use iosock_kpi as kpi;
use std::{
    ffi::c_void,
    sync::Arc,
    thread::{Builder, JoinHandle},
};

unsafe extern "C" {
    fn iosock_giant_lock();
    fn iosock_giant_unlock();
}

/// Runs `f` with Giant held, as event handlers and sysinits are. In a thread that the stack knows.
pub fn with_giant<R>(f: impl FnOnce() -> R) -> R {
    struct Unlock;
    impl Drop for Unlock {
        fn drop(&mut self) {
            // SAFETY: locked below, by this thread.
            unsafe { iosock_giant_unlock() };
        }
    }
    // SAFETY: the thread is one of the stack; Giant may be taken again by its owner.
    unsafe { iosock_giant_lock() };
    let _unlock = Unlock;
    f()
}

/// The calling thread as the stack knows it.
pub struct ThisThread(kpi::thread::Attached);

/// Names a thread of the stack, also for others.
#[derive(Clone, Copy)]
pub struct ThreadId(*mut kpi::layout::Thread);

// SAFETY: the memory of a `struct thread` is never given back, and `interrupt` may be called by any thread.
unsafe impl Send for ThreadId {}

impl ThisThread {
    /// Makes the calling thread one of the stack, with the rights of user 0, while this lives.
    pub fn attach(name: &str) -> Self {
        Self(kpi::thread::Attached::new(name, 0, 0))
    }

    /// Its name for others.
    pub fn id(&self) -> ThreadId {
        ThreadId(self.0.thread())
    }

    /// Runs `f` with the rights of a client.
    pub fn as_user<R>(&self, uid: i32, gid: i32, f: impl FnOnce() -> R) -> R {
        self.0.as_user(uid, gid, f)
    }
}

impl ThreadId {
    /// As if a signal came: its sleep ends with `EINTR`, or its next one does.
    pub fn interrupt(self) {
        // SAFETY: made from a thread of the stack.
        unsafe { kpi::thread::interrupt(self.0) };
    }
}

/// A thread of io-sock's own that may call the stack.
pub struct Thread(JoinHandle<()>);

impl Thread {
    /// Starts one.
    pub fn spawn(name: &'static str, f: impl FnOnce(&ThisThread) + Send + 'static) -> Result<Self, String> {
        let run = move || f(&ThisThread::attach(name));
        let handle = Builder::new().name(name.to_owned()).spawn(run);
        handle
            .map(Self)
            .map_err(|error| format!("cannot start a thread: {error}"))
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits for its end.
    pub fn join(self) {
        // A panic ends the process before it gets here.
        let _ = self.0.join();
    }
}

/// Starts the stack.
pub fn start(_kenv: &Kenv) {}

/// What the kernel interface and QNX's kernel calls offer modules.
pub fn symbols() -> Vec<Symbol> {
    let tables = [kpi::symbols(), qnx_host::symbols()];
    tables
        .into_iter()
        .flatten()
        .map(|(name, address)| (name, address.addr()))
        .collect()
}

/// What the stack counts.
pub fn counters() -> Vec<(String, u64)> {
    Vec::new()
}

/// The calling thread, as sysctl requests name it.
pub fn curthread() -> *mut c_void {
    std::ptr::null_mut()
}

/// Keeps a module mapped that the stack would still call.
pub fn leave_mapped_if_used(_file: &Arc<File>) {}
