//! The thread that waits for Linux: one `epoll`, edge-triggered, so that idle sockets cost no wake-ups.

use super::linux::Fd;
use super::{accept, datagram, input, lookup};
use crate::errno::from_linux;
use crate::panic::die;
use crate::thread::Attached;
use std::ffi::c_int;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// Times that the thread woke up.
static WAKEUPS: AtomicU64 = AtomicU64::new(0);

/// Events of the thread's own, in place of a socket's id.
const KICK: u64 = 0;

struct Netisr {
    epoll: c_int,
    kick: c_int,
    /// Sockets to look at again, and when.
    retries: Mutex<Vec<(Instant, u64)>>,
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
        let (epoll, kick) = unsafe {
            (
                libc::epoll_create1(libc::EPOLL_CLOEXEC),
                libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC),
            )
        };
        if epoll < 0 || kick < 0 {
            die!("no descriptors for netisr: {}", std::io::Error::last_os_error());
        }
        if let Err(errno) = add(epoll, kick, KICK) {
            die!("netisr: epoll_ctl: errno {errno}");
        }
        Netisr {
            epoll,
            kick,
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
            if event.u64 == KICK {
                let mut count: u64 = 0;
                // SAFETY: eight bytes, as an eventfd gives.
                unsafe { libc::read(netisr.kick, (&raw mut count).cast(), 8) };
            } else {
                dispatch(event.u64, event.events as c_int);
            }
        }
        for id in due(netisr) {
            dispatch(id, libc::EPOLLIN | libc::EPOLLOUT);
        }
    }
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

fn dispatch(id: u64, events: c_int) {
    // The socket may have gone since Linux reported it.
    let Some(pcb) = lookup(id) else { return };
    if pcb.listening.load(Ordering::Acquire) {
        accept::event(&pcb);
    } else if pcb.stream {
        input::event(&pcb, events);
    } else {
        datagram::event(&pcb);
    }
}
