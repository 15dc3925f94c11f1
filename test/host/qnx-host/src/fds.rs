//! Descriptors that belong to the stand-in itself. A forked child must not keep its parent's connections alive (the
//! peer would never see the parent die), so all of them are listed here and closed in the child.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;

use crate::api::guard::Uncancellable;
use crate::errno::Errno;

/// Highest descriptor number that can be listed; beyond it the system calls it "too many open files".
const MAX_FD: usize = 65_536;

static OWNED: [AtomicU64; MAX_FD / 64] = [const { AtomicU64::new(0) }; MAX_FD / 64];

/// Counts forks: what was made under another value belongs to an ancestor and must not be closed or unmapped here.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Which process image (since the last fork) the caller is in.
#[inline]
pub fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// A descriptor owned by the stand-in: close-on-exec, closed on drop, closed in forked children.
#[derive(Debug)]
pub struct Fd {
    raw: i32,
    generation: u32,
}

/// Makers of descriptors at work, and [`FORKING`] while a fork is under way.
static GATE: AtomicU32 = AtomicU32::new(0);
const FORKING: u32 = 1 << 31;

/// While this exists the process does not fork: a descriptor that has been made and not listed yet would stay open in
/// the child, and with it a connection or a lock. Hold it for a system call that does not block, no longer.
pub struct Making(());

impl Making {
    /// Waits for a fork under way to end.
    pub fn begin() -> Making {
        let enter = |gate: u32| (gate & FORKING == 0).then_some(gate + 1);
        while GATE
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, enter)
            .is_err()
        {
            thread::yield_now();
        }
        Making(())
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        GATE.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Fd {
    /// Runs a system call that returns a descriptor or -1 and errno.
    pub fn make(call: impl FnOnce() -> i32) -> Result<Fd, Errno> {
        let _no_fork = Making::begin();
        Fd::adopt(call())
    }

    /// Takes over the result of a call that makes a descriptor, made while a [`Making`] is held.
    pub fn adopt(raw: i32) -> Result<Fd, Errno> {
        if raw < 0 {
            return Err(Errno::last_linux());
        }
        if raw as usize >= MAX_FD {
            // SAFETY: the descriptor is ours and nothing else refers to it.
            unsafe { libc::close(raw) };
            return Err(Errno::EMFILE);
        }
        OWNED[raw as usize / 64].fetch_or(1 << (raw % 64), Ordering::Relaxed);
        Ok(Fd {
            raw,
            generation: generation(),
        })
    }

    /// The number, for calls that borrow it.
    pub fn raw(&self) -> i32 {
        self.raw
    }

    /// Gives the descriptor to the application: no longer closed by us, kept by forked children.
    pub fn into_raw(self) -> i32 {
        forget(self.raw);
        let raw = self.raw;
        core::mem::forget(self);
        raw
    }
}

/// Our own duplicate of a descriptor that belongs to the application.
pub fn duplicate_raw(raw: i32) -> Result<Fd, Errno> {
    // SAFETY: plain call; a bad number gives EBADF.
    Fd::make(|| unsafe { libc::fcntl(raw, libc::F_DUPFD_CLOEXEC, 3) })
}

fn forget(raw: i32) {
    OWNED[raw as usize / 64].fetch_and(!(1 << (raw % 64)), Ordering::Relaxed);
}

impl Drop for Fd {
    fn drop(&mut self) {
        // After a fork the child handler has closed it, and the number may be somebody else's by now.
        if self.generation == generation() {
            // Unlisted but still open is as bad as open but not yet listed.
            let _no_fork = Making::begin();
            let _off = Uncancellable::begin();
            forget(self.raw);
            // SAFETY: we own the descriptor and this is its only close.
            unsafe { libc::close(self.raw) };
        }
    }
}

/// Runs before a fork: waits until no descriptor is half made. Gives up after a while, since the only way to wait long
/// is a fork from a signal handler inside such a moment.
pub(crate) fn before_fork() {
    for _ in 0..100_000 {
        let claim = |gate: u32| (gate == 0).then_some(FORKING);
        if GATE
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, claim)
            .is_ok()
        {
            return;
        }
        thread::yield_now();
    }
}

/// Runs after a fork, in the parent.
pub(crate) fn after_fork_in_parent() {
    GATE.fetch_and(!FORKING, Ordering::SeqCst);
}

/// Runs in a forked child, before anything else: closes all of the parent's descriptors and starts a new generation.
/// Only async-signal-safe calls.
pub(crate) fn after_fork_in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    GATE.store(0, Ordering::SeqCst);
    for (index, word) in OWNED.iter().enumerate() {
        let mut bits = word.swap(0, Ordering::Relaxed);
        while bits != 0 {
            let bit = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            // SAFETY: the descriptor was the parent's own; this child has no other user of it.
            unsafe { libc::close((index * 64 + bit) as i32) };
        }
    }
}
