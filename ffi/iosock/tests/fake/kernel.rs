//! mutex.c, sleep.c, malloc.c, kthread.c, join.c, log.c, cred.c, env.c.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc},
    collections::HashMap,
    ffi::{CStr, c_char, c_int, c_long, c_uint, c_void},
    ptr,
    sync::{Condvar, LazyLock, Mutex, atomic::AtomicUsize, atomic::Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

/// Allocations that were not given back.
pub static MALLOCS: AtomicUsize = AtomicUsize::new(0);
/// Mutexes that were not destroyed.
pub static MUTEXES: AtomicUsize = AtomicUsize::new(0);
/// The next `kthread_add` fails with this.
pub static KTHREAD_ERROR: AtomicUsize = AtomicUsize::new(0);
/// Lines that were logged.
pub static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

const ALIGN: usize = 16;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_malloc(size: usize, _wait: c_int) -> *mut c_void {
    MALLOCS.fetch_add(1, SeqCst);
    let layout = Layout::from_size_align(size + ALIGN, ALIGN).expect("a size");
    unsafe {
        let p = alloc_zeroed(layout);
        p.cast::<usize>().write(size);
        p.add(ALIGN).cast()
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_free(p: *mut c_void) {
    MALLOCS.fetch_sub(1, SeqCst);
    unsafe {
        let p = p.cast::<u8>().sub(ALIGN);
        let size = p.cast::<usize>().read();
        dealloc(p, Layout::from_size_align(size + ALIGN, ALIGN).expect("a size"));
    }
}

#[derive(Default)]
struct Mtx {
    held: Mutex<bool>,
    free: Condvar,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mutex_create(_name: *const c_char) -> *mut iosock_sys::mtx {
    MUTEXES.fetch_add(1, SeqCst);
    Box::into_raw(Box::<Mtx>::default()).cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mutex_destroy(mtx: *mut iosock_sys::mtx) {
    MUTEXES.fetch_sub(1, SeqCst);
    let mtx = unsafe { Box::from_raw(mtx.cast::<Mtx>()) };
    assert!(!*mtx.held.lock().expect("a lock"), "destroyed while held");
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mutex_lock(mtx: *mut iosock_sys::mtx) {
    let mtx = unsafe { &*mtx.cast::<Mtx>() };
    let held = mtx.held.lock().expect("a lock");
    *mtx.free.wait_while(held, |held| *held).expect("a lock") = true;
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mutex_trylock(mtx: *mut iosock_sys::mtx) -> c_int {
    let mtx = unsafe { &*mtx.cast::<Mtx>() };
    c_int::from(!std::mem::replace(&mut *mtx.held.lock().expect("a lock"), true))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_mutex_unlock(mtx: *mut iosock_sys::mtx) {
    let mtx = unsafe { &*mtx.cast::<Mtx>() };
    let mut held = mtx.held.lock().expect("a lock");
    assert!(*held, "unlocked while free");
    *held = false;
    mtx.free.notify_one();
}

/// How often each channel was woken.
static WAKEUPS: LazyLock<Mutex<HashMap<usize, u64>>> = LazyLock::new(Mutex::default);
static WOKEN: Condvar = Condvar::new();

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_sleep(
    channel: *const c_void,
    mtx: *mut iosock_sys::mtx,
    _name: *const c_char,
    ms: c_uint,
) -> c_int {
    let mut wakeups = WAKEUPS.lock().expect("a lock");
    let before = wakeups.get(&channel.addr()).copied();
    unsafe { iosock_shim_mutex_unlock(mtx) };
    let end = Instant::now() + Duration::from_millis(ms.into());
    let mut error = 0;
    while wakeups.get(&channel.addr()).copied() == before && error == 0 {
        if ms == 0 {
            wakeups = WOKEN.wait(wakeups).expect("a lock");
        } else {
            let left = end.saturating_duration_since(Instant::now());
            wakeups = WOKEN.wait_timeout(wakeups, left).expect("a lock").0;
            error = if Instant::now() >= end { 11 } else { 0 };
        }
    }
    drop(wakeups);
    unsafe { iosock_shim_mutex_lock(mtx) };
    error
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_wakeup(channel: *const c_void) {
    *WAKEUPS.lock().expect("a lock").entry(channel.addr()).or_default() += 1;
    WOKEN.notify_all();
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_uptime_ns() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_nanos()).expect("a short test")
}

/// Threads that ended.
static ENDED: Mutex<Vec<c_long>> = Mutex::new(Vec::new());
static END: Condvar = Condvar::new();
thread_local!(static TID: std::cell::Cell<c_long> = const { std::cell::Cell::new(0) });

struct Start(unsafe extern "C" fn(*mut c_void), *mut c_void);
unsafe impl Send for Start {}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_kthread_add(
    f: Option<unsafe extern "C" fn(*mut c_void)>,
    arg: *mut c_void,
    name: *const c_char,
    tid: *mut c_long,
) -> c_int {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    let error = KTHREAD_ERROR.swap(0, SeqCst);
    if error != 0 {
        return c_int::try_from(error).expect("an errno");
    }
    assert!(!unsafe { CStr::from_ptr(name) }.is_empty());
    let id = c_long::try_from(NEXT.fetch_add(1, SeqCst)).expect("few threads");
    let start = Start(f.expect("a function"), arg);
    thread::spawn(move || {
        let start = start;
        TID.set(id);
        unsafe { start.0(start.1) }
    });
    unsafe { *tid = id };
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_kthread_exit() -> ! {
    ENDED.lock().expect("a lock").push(TID.get());
    END.notify_all();
    // It must not return, and cannot unwind: asleep until the process ends.
    loop {
        thread::park();
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_kthread_join(tid: c_long) -> c_int {
    if TID.get() == tid {
        return 45;
    }
    let ended = ENDED.lock().expect("a lock");
    drop(
        END.wait_while(ended, |ended| !ended.contains(&tid))
            .expect("a lock"),
    );
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_log(level: c_int, text: *const c_char, len: c_int) {
    let bytes =
        unsafe { std::slice::from_raw_parts(text.cast::<u8>(), usize::try_from(len).expect("a length")) };
    LOG.lock()
        .expect("a lock")
        .push(format!("{level} {}", String::from_utf8_lossy(bytes)));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_curthread() -> *const c_void {
    ptr::without_provenance(1)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_curthread_uid() -> c_uint {
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_getenv_int(name: *const c_char, value: *mut c_int) -> c_int {
    let found = unsafe { CStr::from_ptr(name) } == c"csock.orphan_ms";
    if found {
        unsafe { *value = 250 };
    }
    c_int::from(found)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn iosock_shim_getenv_string(
    name: *const c_char,
    value: *mut c_char,
    size: c_int,
) -> c_int {
    let found = unsafe { CStr::from_ptr(name) } == c"csock.tx";
    if found {
        let text = b"zerocopy";
        let len = text.len().min(usize::try_from(size).expect("a size") - 1);
        unsafe {
            value.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), len);
            value.add(len).write(0);
        }
    }
    c_int::from(found)
}
