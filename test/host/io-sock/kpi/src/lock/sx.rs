//! sx(9): shared/exclusive locks that may be held across a sleep. Fair enough for a stand-in: all waiters are
//! woken and try again.

use super::{
    CLASS_SX, LA_UNLOCKED, LA_XLOCKED, LO_CLASSSHIFT, LO_INITIALIZED, LO_RECURSABLE, init_object, place,
};
use crate::errno::EINTR;
use crate::layout::{Sx, SxArgs};
use crate::panic::die;
use crate::sleep::{self, Woken};
use crate::thread::{self, rules};
use std::ffi::{CStr, c_char, c_int};
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

/// Bits of the lock word, as in `sys/sx.h`.
const SHARED: usize = 1;
const WAITERS: usize = 2;
const ONE_SHARER: usize = 1 << 4;
const FLAGS: usize = 0xf;
const UNLOCKED: usize = SHARED;
const SX_INTERRUPTIBLE: c_int = 0x40;
const SX_RECURSE: c_int = 0x20;

/// A shared/exclusive lock.
///
/// # Invariants
/// Points to a `struct sx` that stays where it is while anyone uses it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Sxl(NonNull<Sx>);

impl Sxl {
    /// # Safety
    /// `sx` points to a `struct sx` that outlives every use.
    pub(crate) unsafe fn from_raw(sx: NonNull<Sx>) -> Sxl {
        Sxl(sx)
    }

    fn from_ptr(sx: *const Sx) -> Sxl {
        match NonNull::new(sx.cast_mut()) {
            Some(sx) => Sxl(sx),
            None => die!("a null sx lock"),
        }
    }

    fn get(&self) -> &Sx {
        // SAFETY: the invariants.
        unsafe { self.0.as_ref() }
    }

    fn name(&self) -> String {
        // SAFETY: the invariants.
        unsafe { rules::name_of(self.0.as_ptr().cast()) }
    }

    fn channel(&self) -> *const std::ffi::c_void {
        self.0.as_ptr().cast()
    }

    /// The word that takes the lock, given its present value; `None`: it must be waited for.
    fn next(now: usize, me: Option<usize>) -> Option<usize> {
        match me {
            Some(me) => (now & !WAITERS == UNLOCKED).then_some(me | now & WAITERS),
            None => (now & SHARED != 0).then_some(now + ONE_SHARER),
        }
    }

    fn try_take(&self, me: Option<usize>) -> bool {
        let word = &self.get().sx_lock;
        let mut now = word.load(Ordering::Relaxed);
        while let Some(next) = Self::next(now, me) {
            match word.compare_exchange_weak(now, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(other) => now = other,
            }
        }
        false
    }

    /// Takes it, exclusively for thread `me` or else shared. `EINTR` when `interruptible` and a signal came.
    fn take(&self, me: Option<usize>, interruptible: bool, file: *const c_char, line: c_int) -> c_int {
        if self.get().lock_object.lo_flags.load(Ordering::Relaxed) & LO_INITIALIZED == 0 {
            die!(
                "an sx lock that is not initialised (or was destroyed) is used{}",
                place(file, line)
            );
        }
        if let Some(me) = me
            && self.xheld_by(me)
        {
            if self.get().lock_object.lo_flags.load(Ordering::Relaxed) & LO_RECURSABLE == 0 {
                die!(
                    "the thread locks sx lock {} a second time{}",
                    self.name(),
                    place(file, line)
                );
            }
            self.get().lock_object.lo_data.fetch_add(1, Ordering::Relaxed);
            return 0;
        }
        let word = &self.get().sx_lock;
        while !self.try_take(me) {
            thread::current().private().may_sleep("sx lock");
            // The mark is set while the queue is locked, so that the owner either sees it or has not unlocked
            // yet.
            let woken = sleep::block(self.channel(), c"sx", interruptible, None, || {
                let mut now = word.load(Ordering::Relaxed);
                loop {
                    if Self::next(now, me).is_some() {
                        return false;
                    }
                    match word.compare_exchange_weak(now, now | WAITERS, Ordering::Relaxed, Ordering::Relaxed)
                    {
                        Ok(_) => return true,
                        Err(other) => now = other,
                    }
                }
            });
            if woken == Woken::Interrupted {
                return EINTR;
            }
        }
        0
    }

    fn xheld_by(&self, td: usize) -> bool {
        let now = self.get().sx_lock.load(Ordering::Relaxed);
        now & SHARED == 0 && now & !FLAGS == td
    }

    fn me() -> usize {
        thread::current().as_ptr() as usize
    }

    pub(crate) fn xlock(&self, interruptible: bool) -> c_int {
        self.take(Some(Self::me()), interruptible, std::ptr::null(), 0)
    }

    pub(crate) fn try_xlock(&self) -> bool {
        self.try_take(Some(Self::me()))
    }

    pub(crate) fn xunlock(&self) {
        self.xunlock_at(std::ptr::null(), 0);
    }

    fn xunlock_at(&self, file: *const c_char, line: c_int) {
        if !self.xheld_by(Self::me()) {
            die!(
                "sx lock {} is unlocked by a thread that does not hold it{}",
                self.name(),
                place(file, line)
            );
        }
        let sx = self.get();
        let depth = sx.lock_object.lo_data.load(Ordering::Relaxed);
        if depth != 0 {
            sx.lock_object.lo_data.store(depth - 1, Ordering::Relaxed);
            return;
        }
        let channel = self.channel();
        if sx.sx_lock.swap(UNLOCKED, Ordering::Release) & WAITERS != 0 {
            sleep::wakeup(channel);
        }
    }

    fn sunlock_at(&self, file: *const c_char, line: c_int) {
        let word = &self.get().sx_lock;
        let channel = self.channel();
        let mut now = word.load(Ordering::Relaxed);
        loop {
            if now & SHARED == 0 || now < ONE_SHARER {
                die!(
                    "sx lock {} is unlocked shared but not held shared{}",
                    self.name(),
                    place(file, line)
                );
            }
            let last = now & !FLAGS == ONE_SHARER;
            let next = if last { UNLOCKED } else { now - ONE_SHARER };
            match word.compare_exchange_weak(now, next, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => {
                    if last && now & WAITERS != 0 {
                        sleep::wakeup(channel);
                    }
                    return;
                }
                Err(other) => now = other,
            }
        }
    }

    /// For a sleep with the lock as interlock: releases it and says how it was held.
    pub(crate) fn release(&self) -> bool {
        let exclusive = self.xheld_by(Self::me());
        if exclusive {
            self.xunlock()
        } else {
            self.sunlock_at(std::ptr::null(), 0)
        }
        exclusive
    }

    /// The other half of [`Self::release`].
    pub(crate) fn reacquire(&self, exclusive: bool) {
        self.take(exclusive.then(Self::me), false, std::ptr::null(), 0);
    }
}

/// Initialises a lock of the stack's own.
pub(crate) fn init(sx: &mut Sx, name: &'static CStr) {
    // SAFETY: memory of the stack; what it held before does not matter.
    unsafe { std::ptr::write_bytes(std::ptr::from_mut(sx), 0, 1) };
    // SAFETY: as the function asks.
    unsafe { sx_init_flags(sx, name.as_ptr(), 0) };
}

/// `sx_init`, `sx_init_flags`.
///
/// # Safety
/// `sx` is a `struct sx` that nobody uses; `name` lives as long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sx_init_flags(sx: *mut Sx, name: *const c_char, opts: c_int) {
    // SAFETY: the caller's contract.
    let sx = unsafe { &mut *sx };
    let recursable = if opts & SX_RECURSE != 0 { LO_RECURSABLE } else { 0 };
    init_object(
        &mut sx.lock_object,
        name,
        LO_INITIALIZED | recursable | CLASS_SX << LO_CLASSSHIFT,
    );
    sx.sx_lock.store(UNLOCKED, Ordering::Release);
}

/// `sx_destroy`: of a lock that nobody holds.
#[unsafe(no_mangle)]
pub extern "C" fn sx_destroy(sx: *mut Sx) {
    let sxl = Sxl::from_ptr(sx);
    if sxl.get().sx_lock.load(Ordering::Relaxed) & !WAITERS != UNLOCKED {
        die!("sx lock {} is destroyed while it is held", sxl.name());
    }
    sxl.get()
        .lock_object
        .lo_flags
        .fetch_and(!LO_INITIALIZED, Ordering::Relaxed);
}

/// What the sysinit of `SX_SYSINIT` calls.
///
/// # Safety
/// `args` is the `struct sx_args` of the macro.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sx_sysinit(args: *mut SxArgs) {
    // SAFETY: the caller's contract.
    let args = unsafe { &*args };
    // SAFETY: the macro's own lock and name.
    unsafe { sx_init_flags(args.sa_sx, args.sa_desc, args.sa_flags) };
}

/// `sx_xlock`, `sx_xlock_sig`.
#[unsafe(no_mangle)]
pub extern "C" fn _sx_xlock(sx: *mut Sx, opts: c_int, file: *const c_char, line: c_int) -> c_int {
    Sxl::from_ptr(sx).take(Some(Sxl::me()), opts & SX_INTERRUPTIBLE != 0, file, line)
}

/// `sx_slock`, `sx_slock_sig`.
#[unsafe(no_mangle)]
pub extern "C" fn _sx_slock(sx: *mut Sx, opts: c_int, file: *const c_char, line: c_int) -> c_int {
    Sxl::from_ptr(sx).take(None, opts & SX_INTERRUPTIBLE != 0, file, line)
}

/// `sx_try_xlock`: 1 = the caller has it.
#[unsafe(no_mangle)]
pub extern "C" fn sx_try_xlock_(sx: *mut Sx, _file: *const c_char, _line: c_int) -> c_int {
    Sxl::from_ptr(sx).try_xlock().into()
}

/// `sx_try_slock`.
#[unsafe(no_mangle)]
pub extern "C" fn sx_try_slock_(sx: *mut Sx, _file: *const c_char, _line: c_int) -> c_int {
    Sxl::from_ptr(sx).try_take(None).into()
}

/// `sx_xunlock`.
#[unsafe(no_mangle)]
pub extern "C" fn _sx_xunlock(sx: *mut Sx, file: *const c_char, line: c_int) {
    Sxl::from_ptr(sx).xunlock_at(file, line);
}

/// `sx_sunlock`.
#[unsafe(no_mangle)]
pub extern "C" fn _sx_sunlock(sx: *mut Sx, file: *const c_char, line: c_int) {
    Sxl::from_ptr(sx).sunlock_at(file, line);
}

/// `sx_downgrade`: exclusive becomes shared.
#[unsafe(no_mangle)]
pub extern "C" fn sx_downgrade_(sx: *mut Sx, file: *const c_char, line: c_int) {
    let sxl = Sxl::from_ptr(sx);
    if !sxl.xheld_by(Sxl::me()) {
        die!(
            "sx lock {} is downgraded but not held{}",
            sxl.name(),
            place(file, line)
        );
    }
    if sxl.get().sx_lock.swap(SHARED | ONE_SHARER, Ordering::Release) & WAITERS != 0 {
        sleep::wakeup(sxl.channel());
    }
}

/// `sx_try_upgrade`: shared becomes exclusive, if nobody else shares. 1 = done.
#[unsafe(no_mangle)]
pub extern "C" fn sx_try_upgrade_(sx: *mut Sx, _file: *const c_char, _line: c_int) -> c_int {
    let sxl = Sxl::from_ptr(sx);
    let word = &sxl.get().sx_lock;
    let mut now = word.load(Ordering::Relaxed);
    while now & SHARED != 0 && now & !FLAGS == ONE_SHARER {
        match word.compare_exchange_weak(
            now,
            Sxl::me() | now & WAITERS,
            Ordering::Acquire,
            Ordering::Relaxed,
        ) {
            Ok(_) => return 1,
            Err(other) => now = other,
        }
    }
    0
}

/// `sx_assert`, live in modules built with INVARIANTS.
#[unsafe(no_mangle)]
pub extern "C" fn _sx_assert(sx: *const Sx, what: c_int, file: *const c_char, line: c_int) {
    let sxl = Sxl::from_ptr(sx);
    let mine = sxl.xheld_by(Sxl::me());
    let shared = sxl.get().sx_lock.load(Ordering::Relaxed) > UNLOCKED | WAITERS && !mine;
    let right = match what {
        LA_UNLOCKED => !mine,
        LA_XLOCKED => mine,
        _ => mine || shared,
    };
    if !right {
        die!(
            "sx lock {} is not held as asserted{}",
            sxl.name(),
            place(file, line)
        );
    }
}
