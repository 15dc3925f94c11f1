//! Which process this is, asked on every call, so it must cost a load and not a system call.
//!
//! A word holds a number that no ancestor and no other process of this line of forks has had. Two things change it in a child:
//! the handler that `pthread_atfork` runs there, and on Linux the kernel, which wipes the word's page in every child, also in
//! one made by a raw clone(2). Both only store: no lock, so nothing can hang there, whatever other threads did while the
//! process forked. A child of vfork(2) or posix_spawn(3) runs none of this library's code.

#![allow(unsafe_code)]

use core::{
    ffi::c_int,
    sync::atomic::{AtomicPtr, AtomicU8, AtomicU64, Ordering},
};

/// The last number given out in this process or inherited from its parent, which stopped counting for us at the fork.
static LAST: AtomicU64 = AtomicU64::new(0);
/// The word where there is no page that the kernel wipes.
static PLAIN: AtomicU64 = AtomicU64::new(0);
/// The word. It is set once, before the first session exists, and never moves.
static WORD: AtomicPtr<AtomicU64> = AtomicPtr::new((&raw const PLAIN).cast_mut());
/// How far [`claim`] has come: 0 nothing, 1 the word is chosen, 2 the fork handler is known to libc.
static READY: AtomicU8 = AtomicU8::new(0);

unsafe extern "C" {
    // ON-TARGET: that QNX 8 runs the child's handler after fork(), also for a library that was loaded by dlopen().
    fn pthread_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> c_int;
}

/// This process's number. 0 until the first session is opened, and in a child that has opened none after a raw clone(2).
#[inline]
pub(crate) fn now() -> u64 {
    word().load(Ordering::Relaxed)
}

#[inline]
fn word() -> &'static AtomicU64 {
    // SAFETY: `WORD` is the address of a static or of a mapped page that is never unmapped.
    unsafe { &*WORD.load(Ordering::Relaxed) }
}

/// This process's number, made now if it has none: before a session is opened. Never 0.
pub(crate) fn claim() -> u64 {
    if READY.load(Ordering::Acquire) == 0 {
        let page = wiped::page();
        let plain = (&raw const PLAIN).cast_mut();
        if !page.is_null() {
            // The loser of a race leaves its page mapped, for ever: one page, once.
            let _ = WORD.compare_exchange(plain, page, Ordering::AcqRel, Ordering::Acquire);
        }
        let _ = READY.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire);
    }
    if READY
        .compare_exchange(1, 2, Ordering::AcqRel, Ordering::Acquire)
        .is_ok()
        && !cfg!(miri)
    {
        // SAFETY: `child` may run in any child of this process: it only stores. ENOMEM leaves the kernel's wipe on Linux.
        let _ = unsafe { pthread_atfork(None, None, Some(child)) };
    }
    let fresh = next();
    match word().compare_exchange(0, fresh, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => fresh,
        Err(there) => there,
    }
}

/// A number that nobody in this line of forks has had.
fn next() -> u64 {
    LAST.fetch_add(1, Ordering::Relaxed).saturating_add(1)
}

/// Runs in every child of fork(2), alone.
extern "C" fn child() {
    word().store(next(), Ordering::Relaxed);
}

#[cfg(all(target_os = "linux", not(miri)))]
mod wiped {
    use core::{
        ffi::{c_int, c_void},
        ptr,
        sync::atomic::AtomicU64,
    };

    const PAGE: usize = 4096;
    const PROT_READ_WRITE: c_int = 3;
    const MAP_PRIVATE_ANONYMOUS: c_int = 0x22;
    const MADV_WIPEONFORK: c_int = 18;

    unsafe extern "C" {
        fn mmap(
            at: *mut c_void,
            len: usize,
            prot: c_int,
            flags: c_int,
            fd: c_int,
            offset: i64,
        ) -> *mut c_void;
        fn madvise(at: *mut c_void, len: usize, advice: c_int) -> c_int;
        fn munmap(at: *mut c_void, len: usize) -> c_int;
    }

    /// A page that is zeros again in every child. Null where the kernel cannot do that.
    pub(super) fn page() -> *mut AtomicU64 {
        // SAFETY: a fresh mapping where nothing is: no memory of ours changes.
        let page = unsafe {
            mmap(
                ptr::null_mut(),
                PAGE,
                PROT_READ_WRITE,
                MAP_PRIVATE_ANONYMOUS,
                -1,
                0,
            )
        };
        if page.addr() == usize::MAX {
            return ptr::null_mut();
        }
        // SAFETY: the page just mapped, which nobody else knows.
        if unsafe { madvise(page, PAGE, MADV_WIPEONFORK) } == 0 {
            return page.cast();
        }
        // SAFETY: as above.
        let _ = unsafe { munmap(page, PAGE) };
        ptr::null_mut()
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod wiped {
    /// QNX has no such page; the fork handler is what counts there.
    pub(super) const fn page() -> *mut core::sync::atomic::AtomicU64 {
        core::ptr::null_mut()
    }
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use super::*;
    use core::ffi::c_long;

    unsafe extern "C" {
        fn fork() -> c_int;
        fn syscall(number: c_long, ...) -> c_long;
        fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
        fn _exit(status: c_int) -> !;
    }

    /// The exit status of a child that `make` makes and that runs `body`.
    fn status(make: impl Fn() -> c_int, body: impl Fn() -> bool) -> c_int {
        match make() {
            // SAFETY: the child, which has one thread, ends here.
            0 => unsafe { _exit(c_int::from(!body())) },
            pid => {
                let mut status = -1;
                // SAFETY: `status` is one int.
                let waited = unsafe { waitpid(pid, &raw mut status, 0) };
                assert_eq!(waited, pid, "a child is waited for");
                status
            }
        }
    }

    #[test]
    fn a_child_has_a_number_of_its_own_and_so_has_its_child() {
        let mine = claim();
        assert_eq!((claim(), now()), (mine, mine), "claimed once");
        // SAFETY: the children only store and load before they end.
        let forked = || unsafe { fork() };
        let result = status(forked, || {
            let child = now();
            let grandchild = status(forked, || ![0, mine, child].contains(&now()));
            child != 0 && child != mine && claim() == child && grandchild == 0
        });
        assert_eq!(result, 0, "fork");
        assert_eq!(now(), mine, "the parent keeps its number");
    }

    #[test]
    fn a_child_made_behind_libc_s_back_is_no_parent_either() {
        let mine = claim();
        // SAFETY: clone(2) with no flags but SIGCHLD is a fork that runs no handler; the child only loads and stores.
        let cloned = || unsafe {
            c_int::try_from(syscall(clone_number(), 17_i64, 0_i64, 0_i64, 0_i64, 0_i64)).unwrap()
        };
        let result = status(cloned, || now() == 0 && claim() != mine && now() != mine);
        assert_eq!(result, 0, "clone");
    }

    const fn clone_number() -> c_long {
        if cfg!(target_arch = "x86_64") { 56 } else { 220 }
    }
}
