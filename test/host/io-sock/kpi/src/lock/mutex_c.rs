//! The functions behind the macros of `sys/mutex.h`.

use super::mtx::{DESTROYED, Mx, UNOWNED};
use super::{
    CLASS_SLEEP_MUTEX, LA_NOTRECURSED, LA_RECURSED, LA_UNLOCKED, LA_XLOCKED, LO_CLASSSHIFT, LO_INITIALIZED,
    LO_RECURSABLE, init_object, place,
};
use crate::layout::MtxArgs;
use crate::panic::die;
use crate::thread;
use std::ffi::{c_char, c_int};
use std::sync::atomic::{AtomicUsize, Ordering};

const MTX_RECURSE: c_int = 4;

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
    let mtx = unsafe { mx.get_mut() };
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
