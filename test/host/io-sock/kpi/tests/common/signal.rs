//! An upcall that tests wait for.

use super::{t_buf_lock, t_buf_unlock, t_sock_unlock, t_solisten_lock};
use iosock_kpi::layout::{SO_RCV, SO_SND, Socket};
use iosock_kpi::socket::{self, So};
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// An upcall that counts, and wakes who waits for it.
pub struct Signal {
    count: Mutex<u32>,
    changed: Condvar,
    pub waitflag: AtomicU32,
}

/// Which of a socket's two buffers. FreeBSD 13 and 14 number them differently, so a test names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffer {
    Receive,
    Send,
}

impl Buffer {
    fn number(self) -> c_int {
        match self {
            Buffer::Receive => SO_RCV,
            Buffer::Send => SO_SND,
        }
    }
}

impl Signal {
    pub fn new() -> Box<Signal> {
        Box::new(Signal {
            count: Mutex::new(0),
            changed: Condvar::new(),
            waitflag: AtomicU32::new(0),
        })
    }

    pub fn count(&self) -> u32 {
        *self.count.lock().unwrap()
    }

    pub fn wait_beyond(&self, seen: u32) -> u32 {
        let mut count = self.count.lock().unwrap();
        while *count <= seen {
            let (next, time_up) = self.changed.wait_timeout(count, Duration::from_secs(20)).unwrap();
            count = next;
            assert!(!time_up.timed_out(), "no upcall after 20 s");
        }
        *count
    }

    pub fn set(&self, so: So, buffer: Buffer) {
        let which = buffer.number();
        // SAFETY: the signal outlives the upcall in every test.
        unsafe { t_buf_lock(so, (which == SO_SND).into()) };
        socket::soupcall_set(
            so,
            which,
            Some(signal_upcall),
            std::ptr::from_ref(self).cast_mut().cast(),
        );
        // SAFETY: as above.
        unsafe { t_buf_unlock(so, (which == SO_SND).into()) };
    }

    pub fn clear(so: So, buffer: Buffer) {
        let which = buffer.number();
        // SAFETY: a live socket.
        unsafe { t_buf_lock(so, (which == SO_SND).into()) };
        socket::soupcall_clear(so, which);
        // SAFETY: a live socket.
        unsafe { t_buf_unlock(so, (which == SO_SND).into()) };
    }

    pub fn set_listener(&self, so: So) {
        // SAFETY: a live listener.
        unsafe { t_solisten_lock(so) };
        socket::solisten_upcall_set(
            so,
            Some(signal_upcall),
            std::ptr::from_ref(self).cast_mut().cast(),
        );
        // SAFETY: as above.
        unsafe { t_sock_unlock(so) };
    }
}

unsafe extern "C" fn signal_upcall(_so: *mut Socket, arg: *mut c_void, waitflag: c_int) -> c_int {
    // SAFETY: the signal that was set.
    let signal = unsafe { &*arg.cast::<Signal>() };
    signal.waitflag.store(waitflag as u32, Ordering::Relaxed);
    *signal.count.lock().unwrap() += 1;
    signal.changed.notify_all();
    0
}
