//! Descriptors that belong to the stand-in itself. A forked child must not keep its parent's connections alive (the
//! peer would never see the parent die), so all of them are listed here and closed in the child.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

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

impl Fd {
    /// Takes over the result of a call that makes a descriptor; -1 becomes the error in errno.
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
        Ok(Fd { raw, generation: generation() })
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

    /// A second descriptor for the same object.
    pub fn duplicate(&self) -> Result<Fd, Errno> {
        duplicate_raw(self.raw)
    }
}

/// Our own duplicate of a descriptor that belongs to the application.
pub fn duplicate_raw(raw: i32) -> Result<Fd, Errno> {
    // SAFETY: plain call; a bad number gives EBADF.
    Fd::adopt(unsafe { libc::fcntl(raw, libc::F_DUPFD_CLOEXEC, 3) })
}

fn forget(raw: i32) {
    OWNED[raw as usize / 64].fetch_and(!(1 << (raw % 64)), Ordering::Relaxed);
}

impl Drop for Fd {
    fn drop(&mut self) {
        // After a fork the child handler has closed it, and the number may be somebody else's by now.
        if self.generation == generation() {
            forget(self.raw);
            // SAFETY: we own the descriptor and this is its only close.
            unsafe { libc::close(self.raw) };
        }
    }
}

/// Runs in a forked child, before anything else: closes all of the parent's descriptors and starts a new generation.
/// Only async-signal-safe calls.
pub(crate) fn after_fork_in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
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
