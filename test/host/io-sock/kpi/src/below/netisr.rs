//! The thread that waits for Linux: one `epoll`, edge-triggered, so that idle sockets cost no wake-ups.

use super::linux::Fd;
use super::{Cause, Pcb, accept, datagram, input, lookup, output};
use crate::errno::from_linux;
use crate::moment::{self, Moment};
use crate::panic::die;
use crate::thread::Attached;
use std::collections::BTreeSet;
use std::ffi::c_int;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// Times that the thread woke up.
static WAKEUPS: AtomicU64 = AtomicU64::new(0);

/// Events of the thread's own, in place of a socket's id.
const KICK: u64 = 0;
const TIMER: u64 = u64::MAX;

struct Netisr {
    epoll: c_int,
    kick: c_int,
    /// A timerfd: who sets it does not wake the thread.
    timer: c_int,
    timers: Mutex<Timers>,
    /// Sockets to look at again, and when.
    retries: Mutex<Vec<(Instant, u64)>>,
}

/// Sockets' timers, in the order in which they go off.
#[derive(Default)]
struct Timers {
    set: BTreeSet<(Instant, u64)>,
    /// When the timerfd goes off.
    armed: Option<Instant>,
}

/// How often the thread woke up.
pub(crate) fn wakeups() -> u64 {
    WAKEUPS.load(Ordering::Relaxed)
}

fn netisr() -> &'static Netisr {
    static NETISR: OnceLock<Netisr> = OnceLock::new();
    static STARTED: std::sync::Once = std::sync::Once::new();
    let netisr = NETISR.get_or_init(|| {
        // SAFETY: no memory is involved.
        let (epoll, kick, timer) = unsafe {
            (
                libc::epoll_create1(libc::EPOLL_CLOEXEC),
                libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC),
                libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC),
            )
        };
        if epoll < 0 || kick < 0 || timer < 0 {
            die!("no descriptors for netisr: {}", std::io::Error::last_os_error());
        }
        if let Err(errno) = add(epoll, kick, KICK).and_then(|()| add(epoll, timer, TIMER)) {
            die!("netisr: epoll_ctl: errno {errno}");
        }
        Netisr {
            epoll,
            kick,
            timer,
            timers: Mutex::default(),
            retries: Mutex::new(Vec::new()),
        }
    });
    STARTED.call_once(|| {
        if let Err(error) = std::thread::Builder::new()
            .name("netisr".to_owned())
            .spawn(|| run(self::netisr()))
        {
            die!("no thread for netisr: {error}");
        }
    });
    netisr
}

fn add(epoll: c_int, fd: c_int, id: u64) -> Result<(), c_int> {
    let events = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET;
    let mut event = libc::epoll_event {
        events: events as u32,
        u64: id,
    };
    // SAFETY: `event` is an epoll_event.
    if unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &raw mut event) } != 0 {
        return Err(from_linux(
            std::io::Error::last_os_error()
                .raw_os_error()
                .unwrap_or(libc::EIO),
        ));
    }
    Ok(())
}

/// Reports events of `fd` under `id` from now on; what is there already is reported too.
pub(crate) fn watch(fd: &Fd, id: u64) -> Result<(), c_int> {
    add(netisr().epoll, fd.raw(), id)
}

/// Looks at a socket again, some time from now, whatever Linux says.
pub(crate) fn retry(id: u64, after: Duration) {
    let netisr = netisr();
    netisr
        .retries
        .lock()
        .unwrap_or_else(|e| e.into_inner())
        .push((Instant::now() + after, id));
    let one: u64 = 1;
    // SAFETY: eight bytes, as an eventfd takes. It is full only when the thread is about to wake up anyway.
    unsafe { libc::write(netisr.kick, (&raw const one).cast(), 8) };
}

/// Sets a socket's timer, in place of the one that was set for `before`.
pub(crate) fn set_timer(id: u64, before: Option<Instant>, at: Instant) {
    let netisr = netisr();
    let mut timers = netisr.timers.lock().unwrap_or_else(|e| e.into_inner());
    if let Some(before) = before {
        timers.set.remove(&(before, id));
    }
    timers.set.insert((at, id));
    if timers.armed.is_none_or(|armed| at < armed) {
        arm(netisr.timer, &mut timers, Some(at));
    }
}

/// Takes back a socket's timer: the socket goes.
pub(crate) fn clear_timer(id: u64, at: Instant) {
    let netisr = netisr();
    let mut timers = netisr.timers.lock().unwrap_or_else(|e| e.into_inner());
    if timers.set.remove(&(at, id)) && timers.armed == Some(at) {
        let first = timers.set.first().map(|(at, _)| *at);
        arm(netisr.timer, &mut timers, first);
    }
}

fn arm(timerfd: c_int, timers: &mut Timers, at: Option<Instant>) {
    timers.armed = at;
    // Nothing at all disarms it; a time that has passed is as soon as can be.
    let left = at.map_or(Duration::ZERO, |at| {
        at.saturating_duration_since(Instant::now())
            .max(Duration::from_nanos(1))
    });
    let none = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let value = libc::itimerspec {
        it_interval: none,
        it_value: libc::timespec {
            tv_sec: left.as_secs() as _,
            tv_nsec: left.subsec_nanos().into(),
        },
    };
    // SAFETY: an itimerspec; what was set before is not asked for.
    unsafe { libc::timerfd_settime(timerfd, 0, &raw const value, std::ptr::null_mut()) };
}

/// The sockets whose timers went off; the next one is armed.
fn off(netisr: &Netisr) -> Vec<u64> {
    let now = Instant::now();
    let mut timers = netisr.timers.lock().unwrap_or_else(|e| e.into_inner());
    let mut ids = Vec::new();
    while let Some(&(at, id)) = timers.set.first().filter(|(at, _)| *at <= now) {
        timers.set.remove(&(at, id));
        ids.push(id);
    }
    let first = timers.set.first().map(|(at, _)| *at);
    if first.is_some() {
        arm(netisr.timer, &mut timers, first);
    } else {
        timers.armed = None;
    }
    ids
}

fn run(netisr: &'static Netisr) {
    let _attached = Attached::of_stack("netisr");
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; 64];
    loop {
        let timeout = {
            let retries = netisr.retries.lock().unwrap_or_else(|e| e.into_inner());
            let first = retries.iter().map(|(at, _)| *at).min();
            first.map_or(-1, |at| {
                at.saturating_duration_since(Instant::now()).as_millis() as c_int + 1
            })
        };
        // SAFETY: room for as many events.
        let n =
            unsafe { libc::epoll_wait(netisr.epoll, events.as_mut_ptr(), events.len() as c_int, timeout) };
        WAKEUPS.fetch_add(1, Ordering::Relaxed);
        crate::time::update_ticks();
        for event in events.iter().take(n.max(0) as usize) {
            match event.u64 {
                KICK => forget(netisr.kick),
                TIMER => {
                    forget(netisr.timer);
                    for id in off(netisr) {
                        if let Some(pcb) = find(id) {
                            output(&pcb, Cause::Timer);
                        }
                    }
                }
                id => dispatch(id, event.events as c_int),
            }
        }
        for id in due(netisr) {
            dispatch(id, libc::EPOLLIN | libc::EPOLLOUT);
        }
    }
}

/// Takes the count out of an eventfd or a timerfd.
fn forget(fd: c_int) {
    let mut count: u64 = 0;
    // SAFETY: eight bytes, as both give.
    unsafe { libc::read(fd, (&raw mut count).cast(), 8) };
}

/// The sockets whose time has come.
fn due(netisr: &Netisr) -> Vec<u64> {
    let now = Instant::now();
    let mut retries = netisr.retries.lock().unwrap_or_else(|e| e.into_inner());
    let ids = retries
        .iter()
        .filter(|(at, _)| *at <= now)
        .map(|(_, id)| *id)
        .collect();
    retries.retain(|(at, _)| *at > now);
    ids
}

/// The socket may have gone since Linux reported it, and may go as long as none of its locks is held.
fn find(id: u64) -> Option<Arc<Pcb>> {
    let pcb = lookup(id);
    if pcb.is_some() {
        moment::reach(Moment::Found);
    }
    pcb
}

fn dispatch(id: u64, events: c_int) {
    let Some(pcb) = find(id) else { return };
    if pcb.listening.load(Ordering::Acquire) {
        accept::event(&pcb);
    } else if pcb.stream {
        input::event(&pcb, events);
    } else {
        datagram::event(&pcb);
    }
}
