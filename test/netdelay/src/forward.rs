//! The thread that reads packets, keeps them for their time and writes them back.

use crate::line::{Counts, Line, Rules};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Packets that are read without a look at the clock.
const BATCH: usize = 64;
/// Largest packet.
const LARGEST: usize = 65_536;

pub(crate) struct Forwarder {
    counts: Arc<Mutex<Counts>>,
    /// Readable: the thread ends.
    stop: OwnedFd,
    thread: Option<JoinHandle<()>>,
}

impl Forwarder {
    pub(crate) fn start(tun: File, rules: Rules) -> io::Result<Forwarder> {
        // SAFETY: no memory is involved.
        let stop = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
        if stop < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just made; nobody else has it.
        let stop = unsafe { OwnedFd::from_raw_fd(stop) };
        let counts = Arc::new(Mutex::new(Counts::default()));
        let (told, wake) = (Arc::clone(&counts), stop.as_raw_fd());
        let thread = std::thread::Builder::new()
            .name("netdelay".to_owned())
            .spawn(move || run(tun, wake, Line::new(rules), &told))?;
        Ok(Forwarder {
            counts,
            stop,
            thread: Some(thread),
        })
    }

    pub(crate) fn counts(&self) -> Counts {
        *self.counts.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        let one = 1_u64;
        // SAFETY: eight bytes, as an eventfd takes.
        unsafe { libc::write(self.stop.as_raw_fd(), (&raw const one).cast(), 8) };
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(mut tun: File, stop: i32, mut line: Line, counts: &Mutex<Counts>) {
    // Linux lets a sleeping thread sleep 50 µs longer, unless told.
    // SAFETY: no memory is involved.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_u64, 0_u64, 0_u64, 0_u64) };
    let mut buffer = vec![0; LARGEST];
    loop {
        let now = Instant::now();
        let mut full = true;
        for _ in 0..BATCH {
            match tun.read(&mut buffer) {
                // Not IPv4: what Linux says to itself when a device comes up.
                Ok(len) if buffer.first().is_none_or(|first| first >> 4 != 4) || len == 0 => {}
                Ok(len) => line.put(&buffer[..len], now),
                Err(_) => {
                    full = false;
                    break;
                }
            }
        }
        while let Some(packet) = line.take(Instant::now()) {
            // A packet that Linux does not take is lost, as on any network.
            let _ = tun.write(&packet);
        }
        *counts.lock().unwrap_or_else(|e| e.into_inner()) = line.counts;
        let sleep = match line.next() {
            _ if full => Some(Duration::ZERO),
            next => next.map(|at| at.saturating_duration_since(Instant::now())),
        };
        if wait(tun.as_raw_fd(), stop, sleep) {
            return;
        }
    }
}

/// Until there is a packet, or the time is over; `true`: the thread shall end.
fn wait(tun: i32, stop: i32, sleep: Option<Duration>) -> bool {
    let poll = |fd| libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    let mut fds = [poll(tun), poll(stop)];
    let time = sleep.map(|sleep| libc::timespec {
        tv_sec: sleep.as_secs() as _,
        tv_nsec: sleep.subsec_nanos().into(),
    });
    let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: two pollfds, a timespec or null.
    unsafe { libc::ppoll(fds.as_mut_ptr(), 2, time, std::ptr::null()) };
    fds[1].revents != 0
}
