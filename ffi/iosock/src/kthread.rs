//! Threads (kthread(9)).

use crate::{
    Errno, StopFlag, WaitQueue,
    kthread_control::Control,
    log::{Level, log},
    memory::KernelBox,
    trampoline,
};
use core::{
    ffi::{CStr, c_long},
    mem::ManuallyDrop,
};

/// A thread of io-sock: it may make socket calls, sleep and use QNX's kernel calls. Dropping the handle stops it and waits until it
/// is gone.
///
/// # Invariants
/// The thread `tid` runs on `control` until it was joined.
#[must_use = "dropping it stops the thread"]
pub struct Kthread {
    control: ManuallyDrop<KernelBox<Control>>,
    tid: c_long,
    wake: fn(usize),
}

impl Kthread {
    /// Starts a thread that runs `entry(stop, arg)` and ends when that returns. It belongs to `proc0` and has its credential.
    ///
    /// `wake(arg)` is called by the handle after it has set the stop flag, at least once, to end whatever `entry` waits in; it must
    /// leave a mark that a later wait sees ([`WaitQueue::signal`], a pulse), since the thread may not be waiting yet.
    ///
    /// # Errors
    /// `ENOMEM`, `EAGAIN`: no thread was made.
    ///
    /// # Context
    /// Sleeps (allocates).
    #[doc(alias = "kthread_add")]
    pub fn spawn(
        name: &'static CStr,
        entry: fn(&StopFlag, usize),
        arg: usize,
        wake: fn(usize),
    ) -> Result<Self, Errno> {
        let control = KernelBox::new(Control {
            stop: StopFlag::new(),
            known: WaitQueue::new(c"kthread")?,
            entry,
            arg,
        })?;
        let mut tid: c_long = 0;
        let shared = control.as_ptr().cast();
        // SAFETY: the control block outlives the thread: it is freed after the join only, or when no thread was made.
        let error = unsafe {
            iosock_sys::iosock_shim_kthread_add(
                Some(trampoline::kthread_main),
                shared,
                name.as_ptr(),
                &mut tid,
            )
        };
        Errno::check(error)?;
        control.known.signal();
        // INVARIANT: the thread runs on `control` from here on.
        Ok(Self {
            control: ManuallyDrop::new(control),
            tid,
            wake,
        })
    }

    /// Sets the stop flag and calls `wake`, without waiting: several threads end faster when all are told first.
    ///
    /// # Context
    /// That of `wake`.
    pub fn stop(&self) {
        self.control.stop.set();
        (self.wake)(self.control.arg);
    }

    /// Stops the thread and waits, without limit, until it is gone. The same as dropping the handle.
    ///
    /// # Context
    /// Sleeps, and does not release Giant meanwhile, which load and unload handlers hold: the thread must not need it. Not from the
    /// thread itself.
    pub fn join(self) {
        drop(self);
    }
}

impl Drop for Kthread {
    fn drop(&mut self) {
        self.stop();
        // SAFETY: a joinable thread that nobody else joins.
        let error = unsafe { iosock_sys::iosock_shim_kthread_join(self.tid) };
        // SAFETY: the control block is taken out here alone, and the handle is not used afterwards.
        let control = unsafe { ManuallyDrop::take(&mut self.control) };
        if Errno::check(error).is_err() {
            // The thread may still run, so the memory that it may be using is never freed.
            control.leak();
            log(Level::Error, "kthread: join failed, its memory is kept");
        }
    }
}
