//! The channel and the pool of threads that serve it.
//!
//! As a resource manager's pool on QNX: a request that blocks costs a thread; when the last idle one takes a request another is
//! made, up to `qnx.pool.max`; beyond that clients wait SEND-blocked. One more thread takes pulses alone, so that a client can get
//! out of a request however busy the pool is.

use super::{
    counters::{self, Counters},
    request::{BUFFER_LEN, Shared, Work},
};
use crate::{control::channel_name, kenv::Kenv, stack};
use io_sock_msgpath::wire::HEADER_LEN;
use qnx::{
    AttachedName, Channel, ChannelFlags, ConnectFlags, Connection, Errno, IoSliceMut, NameFlags, Pulse,
    Received,
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// The pulse by which [`Running::stop`] wakes the threads.
const PULSE_STOP: i8 = 1;
/// `qnx.pool.max` unless the kernel environment says otherwise, and the most that it may say.
const POOL_MAX_DEFAULT: usize = 64;
const POOL_MAX_LIMIT: usize = 700;

struct Pool {
    channel: Channel,
    shared: Shared,
    max: usize,
    idle: AtomicUsize,
    total: AtomicUsize,
    stopping: AtomicBool,
    threads: Mutex<Vec<stack::Thread>>,
}

/// The channel with its name; requests wait until [`Attached::serve`].
pub struct Attached {
    pool: Arc<Pool>,
    name: AttachedName,
}

/// The serving pool.
pub struct Running {
    pool: Arc<Pool>,
    name: AttachedName,
    wake: Connection,
}

impl Attached {
    /// Makes the channel and takes the name `dev/socket` below `prefix`. The error is a line for the user.
    pub fn new(kenv: &Kenv, prefix: &str) -> Result<Self, String> {
        let path =
            channel_name(prefix, "socket").ok_or_else(|| format!("the prefix '{prefix}' has a NUL"))?;
        let flags = ChannelFlags::DISCONNECT
            | ChannelFlags::UNBLOCK
            | ChannelFlags::SENDER_LEN
            | ChannelFlags::REPLY_LEN;
        let channel = Channel::create(flags).map_err(|error| format!("cannot make a channel: {error}"))?;
        let name = AttachedName::attach(&channel, &path, NameFlags::empty())
            .map_err(|error| format!("cannot attach the name {}: {error}", path.to_string_lossy()))?;
        let wanted = kenv
            .number("qnx.pool.max")
            .and_then(|max| usize::try_from(max).ok());
        let pool = Pool {
            channel,
            shared: Shared::default(),
            max: wanted.unwrap_or(POOL_MAX_DEFAULT).clamp(1, POOL_MAX_LIMIT),
            idle: AtomicUsize::new(0),
            total: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            threads: Mutex::default(),
        };
        Ok(Self {
            pool: Arc::new(pool),
            name,
        })
    }

    /// What it counts.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.pool.shared.counters)
    }

    /// The most threads that serve requests.
    pub fn pool_max(&self) -> usize {
        self.pool.max
    }

    /// Starts the first threads.
    pub fn serve(self) -> Result<Running, String> {
        let wake = Connection::attach(0, self.pool.channel.id(), ConnectFlags::empty())
            .map_err(|error| format!("cannot connect to our own channel: {error}"))?;
        let pool = Arc::clone(&self.pool);
        let pulses = stack::Thread::spawn("msgpath pulses", move |_| pool.take_pulses())?;
        self.pool.keep(pulses);
        self.pool.grow()?;
        Ok(Running {
            pool: self.pool,
            name: self.name,
            wake,
        })
    }
}

impl Pool {
    fn keep(&self, thread: stack::Thread) {
        self.threads
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .push(thread);
    }

    /// One more thread, unless there are enough.
    fn grow(self: &Arc<Self>) -> Result<(), String> {
        let more = |total: usize| (total < self.max).then_some(total + 1);
        if self
            .total
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_err()
        {
            return Ok(());
        }
        // Counted before it runs, so that the one after it is not made too early.
        self.idle.fetch_add(1, Ordering::Relaxed);
        let pool = Arc::clone(self);
        match stack::Thread::spawn("msgpath", move |thread| pool.serve_requests(thread)) {
            Ok(thread) => {
                counters::add(&self.shared.counters.threads, 1);
                self.keep(thread);
                Ok(())
            }
            Err(error) => {
                self.idle.fetch_sub(1, Ordering::Relaxed);
                self.total.fetch_sub(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    fn serve_requests(self: Arc<Self>, thread: &stack::ThisThread) {
        let mut head = [0; HEADER_LEN];
        let mut buffer = vec![0; BUFFER_LEN];
        while !self.stopping.load(Ordering::Acquire) {
            let received = self
                .channel
                .receivev(&mut [IoSliceMut::new(&mut head), IoSliceMut::new(&mut buffer)]);
            match received {
                Ok(Received::Message(message)) => {
                    if self.idle.fetch_sub(1, Ordering::Relaxed) == 1
                        && let Err(error) = self.grow()
                    {
                        eprintln!("io-sock: message path: {error}");
                    }
                    let len = message.info().msglen.min(head.len());
                    Work {
                        shared: &self.shared,
                        thread,
                        buffer: &mut buffer,
                    }
                    .answer(message, &head[..len]);
                    self.idle.fetch_add(1, Ordering::Relaxed);
                }
                Ok(Received::Pulse(pulse)) => self.pulse(&pulse),
                Err(Errno::EINTR | Errno::ETIMEDOUT) => {}
                Err(error) => {
                    eprintln!("io-sock: message path: {error}");
                    break;
                }
            }
        }
    }

    fn take_pulses(&self) {
        while !self.stopping.load(Ordering::Acquire) {
            match self.channel.receive_pulse() {
                Ok(pulse) => self.pulse(&pulse),
                Err(Errno::EINTR | Errno::ETIMEDOUT) => {}
                Err(error) => {
                    eprintln!("io-sock: message path: {error}");
                    break;
                }
            }
        }
    }

    fn pulse(&self, pulse: &Pulse) {
        match pulse.code {
            qnx::PULSE_UNBLOCK => {
                // A stale pulse: the request was answered meanwhile.
                let Some(rcvid) = pulse
                    .unblock_rcvid()
                    .filter(|rcvid| rcvid.info().is_ok_and(|info| info.wants_out()))
                else {
                    return;
                };
                // Not there: its thread has not entered it yet and will look, or is about to answer.
                self.shared.calls.unblock(rcvid);
            }
            qnx::PULSE_DISCONNECT => {
                counters::add(&self.shared.counters.disconnects, 1);
                self.shared.calls.close_client(Some(pulse.scoid));
                drop(self.shared.sockets.remove_client(Some(pulse.scoid)));
                self.shared
                    .counters
                    .sockets
                    .store(self.shared.sockets.len() as u64, Ordering::Relaxed);
                // Last, since a new client may get the number now. Gone already when the pulse is forged: no harm.
                let _ = qnx::detach_scoid(pulse.scoid);
            }
            _ => {}
        }
    }
}

impl Running {
    /// Ends all calls and threads and closes all sockets of clients. The name is gone then. In a thread that the stack knows.
    pub fn stop(self) {
        if let Err(error) = self.name.detach() {
            eprintln!("io-sock: name of the message path: {error}");
        }
        self.pool.stopping.store(true, Ordering::Release);
        loop {
            // Taken out first: a thread that grows the pool may add one meanwhile.
            let threads = std::mem::take(
                &mut *self
                    .pool
                    .threads
                    .lock()
                    .unwrap_or_else(|poisoned| poisoned.into_inner()),
            );
            if threads.is_empty() {
                break;
            }
            for thread in threads {
                while !thread.is_finished() {
                    self.pool.shared.calls.close_client(None);
                    // No room for a pulse: those before it wake as many threads.
                    let _ = self.wake.send_pulse(None, PULSE_STOP, 0);
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                thread.join();
            }
        }
        drop(self.pool.shared.sockets.remove_client(None));
    }
}
