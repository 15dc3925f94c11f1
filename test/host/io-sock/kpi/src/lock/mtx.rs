//! mutex(9). The lock word holds the owner's `struct thread`, and bits below it; waiters sleep on the word's
//! low half.

use super::{
    CLASS_SLEEP_MUTEX, Giant, LO_CLASSSHIFT, LO_INITIALIZED, LO_RECURSABLE, giant_object, init_object, place,
};
use crate::futex;
use crate::layout::{LockObject, Mtx};
use crate::panic::die;
use crate::thread::{self, rules};
use std::ffi::{CStr, c_char, c_int};
use std::mem::offset_of;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(super) const UNOWNED: usize = 0;
const RECURSED: usize = 1;
const CONTESTED: usize = 2;
pub(super) const DESTROYED: usize = 4;
const FLAGS: usize = RECURSED | CONTESTED | DESTROYED;
/// Tries before a waiter sleeps: an owner on the other processor is mostly done by then.
const SPINS: u32 = 50;

/// A mutex.
///
/// # Invariants
/// Points to a `struct mtx` that stays where it is while anyone uses it; only its atomics and, under the
/// lock, its depth change.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Mx(NonNull<Mtx>);

/// Initialises a mutex of the stack's own.
pub(crate) fn init(mtx: &mut Mtx, name: &'static CStr) {
    // SAFETY: memory of the stack; what it held before does not matter.
    unsafe { std::ptr::write_bytes(std::ptr::from_mut(mtx), 0, 1) };
    init_object(
        &mut mtx.lock_object,
        name.as_ptr(),
        LO_INITIALIZED | CLASS_SLEEP_MUTEX << LO_CLASSSHIFT,
    );
}

impl Mx {
    /// # Safety
    /// `mtx` points to a `struct mtx` that outlives every use.
    pub(crate) unsafe fn from_raw(mtx: NonNull<Mtx>) -> Mx {
        Mx(mtx)
    }

    /// From the address of `mtx_lock`, which is what the macros pass.
    pub(super) fn from_word(word: *const AtomicUsize) -> Mx {
        match NonNull::new(word.cast_mut()) {
            // SAFETY: the macros pass the address of the field inside a `struct mtx`.
            Some(word) => Mx(unsafe { word.byte_sub(offset_of!(Mtx, mtx_lock)) }.cast()),
            None => die!("a null mutex"),
        }
    }

    pub(crate) fn giant() -> Mx {
        // SAFETY: a static is never null.
        Mx(unsafe { NonNull::new_unchecked(&raw mut Giant) })
    }

    pub(super) fn get(&self) -> &Mtx {
        // SAFETY: the invariants.
        unsafe { self.0.as_ref() }
    }

    /// # Safety
    /// Nobody else uses the mutex.
    pub(super) unsafe fn get_mut<'a>(self) -> &'a mut Mtx {
        // SAFETY: the invariants, and the caller's contract.
        unsafe { &mut *self.0.as_ptr() }
    }

    pub(super) fn object(&self) -> *const LockObject {
        self.0.as_ptr().cast()
    }

    pub(super) fn name(&self) -> String {
        // SAFETY: the invariants.
        unsafe { rules::name_of(self.object()) }
    }

    pub(super) fn owner(&self) -> usize {
        self.get().mtx_lock.load(Ordering::Relaxed) & !FLAGS
    }

    /// Whether the calling thread holds it.
    pub(crate) fn owned(&self) -> bool {
        self.owner() != 0 && self.owner() == thread::__curthread() as usize
    }

    /// Ends the process unless the calling thread holds it.
    pub(crate) fn must_own(&self, what: &str) {
        if !self.owned() {
            die!("{what} without {} held", self.name());
        }
    }

    pub(crate) fn lock(&self) {
        self.lock_at(std::ptr::null(), 0);
    }

    pub(crate) fn unlock(&self) {
        self.unlock_at(std::ptr::null(), 0);
    }

    pub(super) fn check_live(&self, file: *const c_char, line: c_int) {
        if self.get().lock_object.lo_flags.load(Ordering::Relaxed) & LO_INITIALIZED == 0 {
            die!(
                "a mutex that is not initialised (or was destroyed) is used{}",
                place(file, line)
            );
        }
    }

    pub(super) fn lock_at(&self, file: *const c_char, line: c_int) {
        self.check_live(file, line);
        let td = thread::current();
        let me = td.as_ptr() as usize;
        let word = &self.get().mtx_lock;
        if word
            .compare_exchange(UNOWNED, me, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            if self.owner() == me {
                return self.recurse(file, line);
            }
            self.lock_slow(me, file, line);
        }
        td.private().push_held(self.object());
    }

    fn recurse(&self, file: *const c_char, line: c_int) {
        let mtx = self.get();
        if mtx.lock_object.lo_flags.load(Ordering::Relaxed) & LO_RECURSABLE == 0 {
            die!(
                "the thread locks mutex {} a second time, which is not recursive{}",
                self.name(),
                place(file, line)
            );
        }
        mtx.lock_object.lo_data.fetch_add(1, Ordering::Relaxed);
        mtx.mtx_lock.fetch_or(RECURSED, Ordering::Relaxed);
    }

    #[cold]
    fn lock_slow(&self, me: usize, file: *const c_char, line: c_int) {
        let word = &self.get().mtx_lock;
        for _ in 0..SPINS {
            if word.load(Ordering::Relaxed) == UNOWNED
                && word
                    .compare_exchange(UNOWNED, me, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return;
            }
            std::hint::spin_loop();
        }
        loop {
            let now = word.load(Ordering::Relaxed);
            if now & DESTROYED != 0 {
                die!(
                    "mutex {} was destroyed while a thread waited for it{}",
                    self.name(),
                    place(file, line)
                );
            }
            if now & !FLAGS == 0 {
                // Others may wait too: whoever waited leaves the mark behind.
                if word
                    .compare_exchange(now, me | CONTESTED, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
                {
                    return;
                }
                continue;
            }
            if now & CONTESTED == 0
                && word
                    .compare_exchange(now, now | CONTESTED, Ordering::Relaxed, Ordering::Relaxed)
                    .is_err()
            {
                continue;
            }
            thread::current().private().wake_now();
            futex::wait(futex::low_half(word), (now | CONTESTED) as u32, None);
        }
    }

    pub(super) fn try_lock_at(&self, file: *const c_char, line: c_int) -> bool {
        self.check_live(file, line);
        let td = thread::current();
        let me = td.as_ptr() as usize;
        if self
            .get()
            .mtx_lock
            .compare_exchange(UNOWNED, me, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
        {
            td.private().push_held(self.object());
            return true;
        }
        if self.owner() == me && self.get().lock_object.lo_flags.load(Ordering::Relaxed) & LO_RECURSABLE != 0
        {
            self.recurse(file, line);
            return true;
        }
        false
    }

    pub(super) fn unlock_at(&self, file: *const c_char, line: c_int) {
        let td = thread::current();
        if self.owner() != td.as_ptr() as usize {
            die!(
                "mutex {} is unlocked by a thread that does not hold it{}",
                self.name(),
                place(file, line)
            );
        }
        let mtx = self.get();
        let depth = mtx.lock_object.lo_data.load(Ordering::Relaxed);
        if depth != 0 {
            mtx.lock_object.lo_data.store(depth - 1, Ordering::Relaxed);
            if depth == 1 {
                mtx.mtx_lock.fetch_and(!RECURSED, Ordering::Relaxed);
            }
            return;
        }
        td.private().pop_held(self.object());
        let word = &mtx.mtx_lock;
        let futex_word = futex::low_half(word);
        // After this the mutex may be destroyed by its next owner; waking an address is harmless then.
        if word.swap(UNOWNED, Ordering::Release) & CONTESTED != 0 {
            futex::wake(futex_word, 1);
        }
        td.private().wake_unless_held();
    }

    /// For a sleep: the interlock must be held once.
    pub(crate) fn must_own_once(&self, what: &str) {
        self.must_own(what);
        if self.get().lock_object.lo_data.load(Ordering::Relaxed) != 0 && self.object() != giant_object() {
            die!("{what} with mutex {} held recursively", self.name());
        }
    }

    pub(crate) fn as_object(&self) -> *const LockObject {
        self.object()
    }
}
