//! Rules that FreeBSD enforces by a panic: each is broken in a process of its own, which must end with the
//! right message.

mod common;
use common::*;
use iosock_kpi::layout::{Mtx, SO_RCV, Socket};
use iosock_kpi::mbuf::{M_PKTHDR, MT_DATA, m_adj, m_freem, m_getm2};
use iosock_kpi::{lock, malloc, sleep, socket, thread};
use std::ffi::{c_int, c_void};
use std::mem::zeroed;
use std::process::Command;
use std::ptr::null_mut;

/// Runs `what` in a process of its own and expects it to end with `message`.
fn dies(test: &str, message: &str, what: impl FnOnce(&Bench)) {
    const NAME: &str = "IOSOCK_KPI_RULE";
    if std::env::var(NAME).is_ok_and(|name| name == test) {
        what(&bench());
        // Past the broken rule.
        std::process::exit(0);
    }
    // Another processor's test binary needs what runs it: `qemu-aarch64 -L ...`.
    let runner = std::env::var("CSOCK_RUNNER").unwrap_or_default();
    let mut words: Vec<std::ffi::OsString> = runner.split_whitespace().map(Into::into).collect();
    words.push(std::env::current_exe().unwrap().into());
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .args(["--exact", test, "--nocapture"])
        .env(NAME, test);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success(),
        "{test}: the rule was broken and nothing happened\n{text}"
    );
    assert!(
        text.contains("io-sock panic:") && text.contains(message),
        "{test}: expected '{message}' in:\n{text}"
    );
}

macro_rules! rules {
    ($($name:ident, $message:literal, |$bench:ident| $what:block)*) => {
        $(#[test] fn $name() { dies(stringify!($name), $message, |$bench| $what); })*
    };
}

unsafe extern "C" fn close_me(so: *mut Socket, _arg: *mut c_void, _wait: c_int) -> c_int {
    // SAFETY: the socket of the upcall.
    socket::soclose(unsafe { socket::So::from_raw(so) }.unwrap())
}

unsafe extern "C" fn lock_and_keep(_so: *mut Socket, arg: *mut c_void, _wait: c_int) -> c_int {
    // SAFETY: the mutex that was set.
    unsafe { t_mtx_lock(arg.cast()) };
    0
}

unsafe extern "C" fn return_at_once(_arg: *mut c_void) {}

fn mutex() -> *mut Mtx {
    // SAFETY: zeroes are a mutex that is not initialised.
    let mtx = Box::into_raw(Box::new(unsafe { zeroed::<Mtx>() }));
    // SAFETY: leaked: it stays.
    unsafe { t_mtx_init(mtx) };
    mtx
}

rules! {
    double_free, "m_free of an mbuf that is free already", |_bench| {
        let m = chain(&[1]);
        m_freem(Some(m));
        m_freem(Some(m));
    }
    double_free_of_shared_storage, "that its holder has freed", |_bench| {
        let slice = Slice::new(vec![1; 10]);
        let m = slice.mbuf(RDONLY);
        let copy = iosock_kpi::mbuf::m_copym(Some(m), 0, 5, NOWAIT);
        m_freem(Some(m));
        m_freem(Some(m));
        m_freem(copy);
    }
    sleep_with_a_mutex, "sleep with test mutex held", |_bench| {
        let mtx = mutex();
        // SAFETY: a live mutex.
        unsafe { t_mtx_lock(mtx) };
        // SAFETY: no interlock.
        unsafe { sleep::_sleep(mtx.cast(), null_mut(), 0, null_mut(), 0, 0, 0) };
    }
    send_with_a_mutex, "sosend with test mutex held", |bench| {
        let (so, _peer) = bench.pair();
        let m = chain(&[1]);
        // SAFETY: a live mutex.
        unsafe { t_mtx_lock(mutex()) };
        bench.send(so, m, 0);
    }
    msleep_without_the_mutex, "sleep without test mutex held", |_bench| {
        let mtx = mutex();
        // SAFETY: a live mutex.
        unsafe { t_msleep(mtx.cast(), mtx, 1) };
    }
    recursion, "locks mutex test mutex a second time", |_bench| {
        let mtx = mutex();
        // SAFETY: a live mutex.
        unsafe {
            t_mtx_lock(mtx);
            t_mtx_lock(mtx);
        }
    }
    unlock_of_what_is_not_held, "unlocked by a thread that does not hold it", |_bench| {
        // SAFETY: a live mutex.
        unsafe { t_mtx_unlock(mutex()) };
    }
    destroyed_mutex, "not initialised (or was destroyed)", |_bench| {
        let mtx = mutex();
        // SAFETY: a live mutex, then none.
        unsafe {
            t_mtx_destroy(mtx);
            t_mtx_lock(mtx);
        }
    }
    upcall_without_the_lock, "soupcall_set without so_rcv held", |bench| {
        let (so, _peer) = bench.pair();
        socket::soupcall_set(so, SO_RCV, Some(close_me), null_mut());
    }
    clearing_no_upcall, "there is no upcall to clear", |bench| {
        let (so, _peer) = bench.pair();
        Signal::clear(so, Buffer::Receive);
    }
    listen_upcall_without_the_lock, "solisten_upcall_set without socket held", |bench| {
        let (head, _) = bench.listener(1);
        socket::solisten_upcall_set(head, None, null_mut());
    }
    upcall_numbers_of_another_base, "are allowed (FreeBSD 13 counts from 1, 14 from 0", |bench| {
        let (so, _peer) = bench.pair();
        // What the other base calls one of its buffers.
        let foreign = if SO_RCV == 0 { 2 } else { 0 };
        socket::soupcall_set(so, foreign, Some(close_me), null_mut());
    }
    double_close, "soclose of a socket that is closed", |bench| {
        let (so, _peer) = bench.pair();
        socket::soclose(so);
        socket::soclose(so);
    }
    use_after_close, "sosend of a socket that is closed and gone", |bench| {
        let so = bench.tcp();
        socket::soclose(so);
        bench.send(so, chain(&[1]), 0);
    }
    close_in_an_upcall, "soclose from a so_rcv upcall", |bench| {
        let (so, peer) = bench.pair();
        // SAFETY: a live socket.
        unsafe { t_buf_lock(so, 0) };
        socket::soupcall_set(so, SO_RCV, Some(close_me), null_mut());
        // SAFETY: a live socket.
        unsafe { t_buf_unlock(so, 0) };
        drop(peer);
        std::thread::sleep(std::time::Duration::from_secs(5));
    }
    a_lock_kept_by_an_upcall, "came back with other locks held", |bench| {
        let (so, peer) = bench.pair();
        // SAFETY: a live socket.
        unsafe { t_buf_lock(so, 0) };
        socket::soupcall_set(so, SO_RCV, Some(lock_and_keep), mutex().cast());
        // SAFETY: a live socket.
        unsafe { t_buf_unlock(so, 0) };
        drop(peer);
        std::thread::sleep(std::time::Duration::from_secs(5));
    }
    buffers_of_a_listener, "the buffers of a listener are touched", |bench| {
        let (head, _) = bench.listener(1);
        socket::soupcall_set(head, SO_RCV, None, null_mut());
    }
    soreceive_without_uio, "soreceive without a uio", |bench| {
        let (so, _peer) = bench.pair();
        // SAFETY: what is tested is that this ends the process.
        unsafe { socket::soreceive(so, null_mut(), None, null_mut(), null_mut(), null_mut()) };
    }
    datagram_without_header, "datagram without packet header", |bench| {
        let so = bench.socket(2);
        let m = m_getm2(None, 10, WAITOK, MT_DATA, 0).unwrap();
        bench.send(so, m, 0);
    }
    datagram_with_a_wrong_length, "whose header says 1 bytes", |bench| {
        let so = bench.socket(2);
        let m = chain(&[0; 10]);
        assert_ne!(m.flags() & M_PKTHDR, 0);
        m.set_pkt_len(1);
        m_adj(Some(m), 0);
        bench.send(so, m, 0);
    }
    storage_twice, "m_extadd to an mbuf that has storage already", |_bench| {
        let m = iosock_kpi::mbuf::m_getjcl(NOWAIT, MT_DATA, 0, 2048).unwrap();
        // SAFETY: what is tested is that this ends the process.
        unsafe { iosock_kpi::mbuf::m_extadd(m, null_mut(), 0, None, null_mut(), null_mut(), 0, EXT_MOD_TYPE) };
    }
    wrong_malloc_type, "free of", |_bench| {
        // SAFETY: what is tested is that this ends the process.
        unsafe {
            let p = malloc::kpi_malloc(8, &raw mut malloc::M_TEMP, NOWAIT);
            malloc::kpi_free(p, &raw mut malloc::M_SONAME);
        }
    }
    thread_that_returns, "must end in kthread_exit", |_bench| {
        let mut tid = 0;
        // SAFETY: a function that does nothing.
        unsafe {
            t_spawn(return_at_once, null_mut(), &raw mut tid);
            thread::qnx_pthread_join(tid, null_mut());
        }
    }
    unknown_thread, "in a thread that io-sock does not know", |_bench| {
        let mtx = mutex() as usize;
        // SAFETY: a live mutex.
        let _ = std::thread::spawn(move || unsafe { t_mtx_lock(mtx as *mut Mtx) }).join();
    }
    waiting_allocation_in_a_lock, "M_WAITOK with test mutex held", |_bench| {
        // SAFETY: a live mutex and a type.
        unsafe {
            t_mtx_lock(mutex());
            malloc::kpi_malloc(8, &raw mut malloc::M_TEMP, WAITOK);
        }
    }
}

/// Giant may be held in calls that sleep: module event handlers are called with it.
#[test]
fn giant_is_given_up_in_a_sleep() {
    let bench = bench();
    // SAFETY: the kernel's own mutex.
    let word = unsafe { &raw mut lock::Giant.mtx_lock };
    lock::__mtx_lock_flags(word, 0, std::ptr::null(), 0);
    lock::__mtx_lock_flags(word, 0, std::ptr::null(), 0);
    let word_address = word as usize;
    let other = std::thread::spawn(move || {
        let _attached = iosock_kpi::thread::Attached::new("other", 0, 0);
        lock::__mtx_lock_flags(word_address as *mut _, 0, std::ptr::null(), 0);
        lock::__mtx_unlock_flags(word_address as *mut _, 0, std::ptr::null(), 0);
    });
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert!(!other.is_finished());
    // SAFETY: no name.
    unsafe { sleep::pause_sbt(std::ptr::null(), (1_i64 << 32) / 10, 0, 0) };
    other.join().unwrap();
    lock::__mtx_unlock_flags(word, 0, std::ptr::null(), 0);
    lock::__mtx_unlock_flags(word, 0, std::ptr::null(), 0);
    bench.clean();
}
