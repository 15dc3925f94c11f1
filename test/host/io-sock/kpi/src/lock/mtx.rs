//! mutex(9). The lock word holds the owner's `struct thread`, and bits below it; waiters sleep on the word's low half.

use super::{
    CLASS_SLEEP_MUTEX, LA_NOTRECURSED, LA_RECURSED, LA_UNLOCKED, LA_XLOCKED, LO_CLASSSHIFT, LO_INITIALIZED,
    LO_RECURSABLE, init_object, place,
};
use crate::futex;
use crate::layout::{LockObject, Mtx, MtxArgs};
use crate::panic::die;
use crate::thread::{self, rules};
use std::ffi::{CStr, c_char, c_int};
use std::mem::offset_of;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

const UNOWNED: usize = 0;
const RECURSED: usize = 1;
const CONTESTED: usize = 2;
const DESTROYED: usize = 4;
const FLAGS: usize = RECURSED | CONTESTED | DESTROYED;
const MTX_RECURSE: c_int = 4;
/// Tries before a waiter sleeps: an owner on the other processor is mostly done by then.
const SPINS: u32 = 50;

/// Held while module event handlers run.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static mut Giant: Mtx = Mtx {
    lock_object: LockObject {
        lo_name: c"Giant".as_ptr(),
        lo_flags: std::sync::atomic::AtomicU32::new(
            LO_INITIALIZED | LO_RECURSABLE | CLASS_SLEEP_MUTEX << LO_CLASSSHIFT,
        ),
        lo_data: std::sync::atomic::AtomicU32::new(0),
        lo_witness: std::ptr::null_mut(),
    },
    mtx_lock: AtomicUsize::new(UNOWNED),
};

pub(crate) fn giant_object() -> *const LockObject {
    (&raw const Giant).cast()
}

/// A mutex.
///
/// # Invariants
/// Points to a `struct mtx` that stays where it is while anyone uses it; only its atomics and, under the lock, its depth change.
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
    fn from_word(word: *const AtomicUsize) -> Mx {
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

    fn get(&self) -> &Mtx {
        // SAFETY: the invariants.
        unsafe { self.0.as_ref() }
    }

    fn object(&self) -> *const LockObject {
        self.0.as_ptr().cast()
    }

    fn name(&self) -> String {
        // SAFETY: the invariants.
        unsafe { rules::name_of(self.object()) }
    }

    fn owner(&self) -> usize {
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

    fn check_live(&self, file: *const c_char, line: c_int) {
        if self.get().lock_object.lo_flags.load(Ordering::Relaxed) & LO_INITIALIZED == 0 {
            die!(
                "a mutex that is not initialised (or was destroyed) is used{}",
                place(file, line)
            );
        }
    }

    fn lock_at(&self, file: *const c_char, line: c_int) {
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
            futex::wait(futex::low_half(word), (now | CONTESTED) as u32, None);
        }
    }

    fn try_lock_at(&self, file: *const c_char, line: c_int) -> bool {
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

    fn unlock_at(&self, file: *const c_char, line: c_int) {
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

/// Giant, given up for a sleep and taken again when this is dropped.
pub(crate) struct GiantDropped(u32);

impl GiantDropped {
    /// Gives Giant up if the calling thread holds it.
    pub(crate) fn new() -> GiantDropped {
        let giant = Mx::giant();
        let mut times = 0;
        while giant.owned() {
            giant.unlock();
            times += 1;
        }
        GiantDropped(times)
    }
}

impl Drop for GiantDropped {
    fn drop(&mut self) {
        for _ in 0..self.0 {
            Mx::giant().lock();
        }
    }
}

/// `mtx_init`.
///
/// # Safety
/// `word` is the lock word of a `struct mtx`; `name` lives as long as the mutex.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _mtx_init(
    word: *mut AtomicUsize,
    name: *const c_char,
    _type: *const c_char,
    opts: c_int,
) {
    let mx = Mx::from_word(word);
    // SAFETY: the caller's contract; nobody else uses the mutex yet.
    let mtx = unsafe { &mut *mx.0.as_ptr() };
    let recursable = if opts & MTX_RECURSE != 0 { LO_RECURSABLE } else { 0 };
    init_object(
        &mut mtx.lock_object,
        name,
        LO_INITIALIZED | recursable | CLASS_SLEEP_MUTEX << LO_CLASSSHIFT,
    );
    mtx.mtx_lock.store(UNOWNED, Ordering::Release);
}

/// `mtx_destroy`: of a mutex that nobody holds, or the caller alone.
#[unsafe(no_mangle)]
pub extern "C" fn _mtx_destroy(word: *mut AtomicUsize) {
    let mx = Mx::from_word(word);
    let mtx = mx.get();
    mx.check_live(std::ptr::null(), 0);
    if mx.owned() {
        mx.must_own_once("mtx_destroy");
        thread::current().private().pop_held(mx.object());
    } else if mx.owner() != 0 {
        die!("mutex {} is destroyed while another thread holds it", mx.name());
    }
    mtx.lock_object
        .lo_flags
        .fetch_and(!LO_INITIALIZED, Ordering::Relaxed);
    mtx.mtx_lock.store(DESTROYED, Ordering::Release);
}

/// What the sysinit of `MTX_SYSINIT` calls.
///
/// # Safety
/// `args` is the `struct mtx_args` of the macro.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtx_sysinit(args: *mut MtxArgs) {
    // SAFETY: the caller's contract.
    let args = unsafe { &*args };
    // SAFETY: the macro's own mutex and name.
    unsafe {
        _mtx_init(
            &raw mut (*args.ma_mtx).mtx_lock,
            args.ma_desc,
            std::ptr::null(),
            args.ma_opts,
        )
    };
}

/// `mtx_lock`.
#[unsafe(no_mangle)]
pub extern "C" fn __mtx_lock_flags(word: *mut AtomicUsize, _opts: c_int, file: *const c_char, line: c_int) {
    Mx::from_word(word).lock_at(file, line);
}

/// `mtx_unlock`.
#[unsafe(no_mangle)]
pub extern "C" fn __mtx_unlock_flags(word: *mut AtomicUsize, _opts: c_int, file: *const c_char, line: c_int) {
    Mx::from_word(word).unlock_at(file, line);
}

/// `mtx_trylock`: 1 = the caller has it.
#[unsafe(no_mangle)]
pub extern "C" fn _mtx_trylock_flags_(
    word: *mut AtomicUsize,
    _opts: c_int,
    file: *const c_char,
    line: c_int,
) -> c_int {
    Mx::from_word(word).try_lock_at(file, line).into()
}

/// `mtx_lock_spin`: there are no interrupts, so spin mutexes are like the others.
#[unsafe(no_mangle)]
pub extern "C" fn __mtx_lock_spin_flags(
    word: *mut AtomicUsize,
    _opts: c_int,
    file: *const c_char,
    line: c_int,
) {
    Mx::from_word(word).lock_at(file, line);
}

/// `mtx_trylock_spin`.
#[unsafe(no_mangle)]
pub extern "C" fn __mtx_trylock_spin_flags(
    word: *mut AtomicUsize,
    _opts: c_int,
    file: *const c_char,
    line: c_int,
) -> c_int {
    Mx::from_word(word).try_lock_at(file, line).into()
}

/// `mtx_unlock_spin`.
#[unsafe(no_mangle)]
pub extern "C" fn __mtx_unlock_spin_flags(
    word: *mut AtomicUsize,
    _opts: c_int,
    file: *const c_char,
    line: c_int,
) {
    Mx::from_word(word).unlock_at(file, line);
}

/// `mtx_assert`, live in modules built with INVARIANTS.
#[unsafe(no_mangle)]
pub extern "C" fn __mtx_assert(word: *const AtomicUsize, what: c_int, file: *const c_char, line: c_int) {
    let mx = Mx::from_word(word);
    let recursed = mx.get().lock_object.lo_data.load(Ordering::Relaxed) != 0;
    if what == LA_UNLOCKED {
        if mx.owned() {
            die!(
                "mutex {} is held, against an assertion{}",
                mx.name(),
                place(file, line)
            );
        }
        return;
    }
    if what & LA_XLOCKED != 0 && !mx.owned() {
        die!(
            "mutex {} is not held, against an assertion{}",
            mx.name(),
            place(file, line)
        );
    }
    if what & LA_RECURSED != 0 && !recursed || what & LA_NOTRECURSED != 0 && recursed {
        die!(
            "mutex {} is held recursively or not, against an assertion{}",
            mx.name(),
            place(file, line)
        );
    }
}
