//! What every exported function does on its way in and out: it leaves the caller's Linux errno as it was, since a call
//! of QNX's kernel changes errno only when it fails, and keeps libc from acting on a pending cancellation inside us.

use core::cell::Cell;
use core::ffi::c_int;

use crate::errno::{Errno, set_errno, times_set};

/// Taken on the way in; ended by exactly one of [`Guard::leave`], [`Guard::fail`] and [`Guard::settle`].
#[must_use]
pub struct Guard {
    /// Linux's errno before the call.
    linux: c_int,
    /// Where it lives.
    at: *mut c_int,
    /// Calls that failed in this thread so far.
    failed: u32,
}

impl Guard {
    /// On the way in.
    #[inline]
    pub fn enter() -> Guard {
        // SAFETY: no preconditions; the address is this thread's for as long as the thread lives.
        let at = unsafe { libc::__errno_location() };
        Guard {
            // SAFETY: as above.
            linux: unsafe { *at },
            at,
            failed: 0,
        }
    }

    /// As [`Guard::enter`], for a body that may set errno itself: end it with [`Guard::settle`].
    #[inline]
    pub fn enter_counting() -> Guard {
        Guard {
            failed: times_set(),
            ..Guard::enter()
        }
    }

    /// Out, with nothing changed.
    #[inline]
    pub fn leave(self) {
        // SAFETY: this thread's errno, see `enter`.
        unsafe { *self.at = self.linux };
    }

    /// Out, with `error` in errno.
    #[cold]
    pub fn fail(self, error: Errno) {
        set_errno(error);
    }

    /// Out, with whatever the body has put in errno.
    #[inline]
    pub fn settle(self) {
        if times_set() == self.failed {
            self.leave();
        }
    }
}

/// `PTHREAD_CANCEL_DISABLE` of Linux.
const CANCEL_DISABLE: c_int = 1;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
}

struct Cancelling {
    /// How many [`Uncancellable`] exist in this thread.
    depth: Cell<u32>,
    /// The program's own setting, before the first of them.
    wanted: Cell<bool>,
    /// Inside [`at_point`].
    at_point: Cell<bool>,
}

thread_local! {
    static CANCELLING: Cancelling = const {
        Cancelling {
            depth: Cell::new(0),
            wanted: Cell::new(true),
            at_point: Cell::new(false),
        }
    };
}

/// While it exists libc's own cancellation points (open, sendmsg, poll, close, ...) do not act in this thread: they would
/// unwind through Rust code. A cancellation stays pending; the C headers act on it where QNX does.
pub struct Uncancellable(c_int);

impl Uncancellable {
    /// Cheap beside any system call that needs it; not for the path of a small message.
    pub fn begin() -> Uncancellable {
        let mut old = 0;
        // SAFETY: `old` is valid for writing.
        unsafe { pthread_setcancelstate(CANCEL_DISABLE, &mut old) };
        // A thread that ends may call in from a destructor, when its own entry is gone already.
        let _ = CANCELLING.try_with(|state| {
            if state.depth.replace(state.depth.get() + 1) == 0 {
                state.wanted.set(old != CANCEL_DISABLE);
            }
        });
        Uncancellable(old)
    }
}

impl Drop for Uncancellable {
    fn drop(&mut self) {
        let _ = CANCELLING.try_with(|state| state.depth.set(state.depth.get() - 1));
        // SAFETY: a state that this thread had; the old value is not asked for.
        unsafe { pthread_setcancelstate(self.0, core::ptr::null_mut()) };
    }
}

/// Runs `body`, the blocking part of a call that is a cancellation point although libc's are held off in it.
pub fn at_point<R>(body: impl FnOnce() -> R) -> R {
    // Below a second one the program has been called back from one of our calls: a cancellation must wait until that is over.
    let open = CANCELLING
        .try_with(|state| state.depth.get() == 1 && state.wanted.get())
        .unwrap_or(false);
    let _ = CANCELLING.try_with(|state| state.at_point.set(open));
    let result = body();
    let _ = CANCELLING.try_with(|state| state.at_point.set(false));
    result
}

/// May the calling thread, which blocks in a cancellation point, be cancelled here?
pub fn is_cancellable() -> bool {
    let known = CANCELLING.try_with(|state| (state.at_point.get(), state.depth.get()));
    match known {
        Ok((true, _)) => true,
        Ok((false, 0)) => Uncancellable::begin().0 != CANCEL_DISABLE,
        _ => false,
    }
}
