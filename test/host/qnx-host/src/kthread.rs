//! The hidden thread of a process: answers other processes, sees their deaths, takes what does not fit elsewhere.
//!
//! It sleeps in epoll with no timeout and all signals blocked, so an idle process has no wake-ups. It never waits for
//! another process, which is what keeps two processes that connect to each other from waiting for ever.

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::client_conn::ClientConn;
use crate::counters::add;
use crate::dir;
use crate::errno::Errno;
use crate::fds::Fd;
use crate::kthread_serve as serve;
use crate::process::{Process, lock};
use crate::server_conn::ServerConn;
use crate::sys::{self, check};
use crate::trace::trace;
use crate::wire::PACKET_LEN;

/// What a descriptor in the epoll set is.
#[derive(Clone)]
pub enum Source {
    /// Our socket that others connect to.
    Listener(Arc<Fd>),
    /// A process that has connected and not said what for, or has asked something small.
    Visitor(Arc<Fd>),
    /// A client of a channel of ours.
    Client(Arc<Fd>, Arc<ServerConn>),
    /// A server that we are connected to.
    Server(Arc<Fd>, Arc<ClientConn>),
}

impl Source {
    fn fd(&self) -> &Arc<Fd> {
        match self {
            Source::Listener(fd) | Source::Visitor(fd) | Source::Client(fd, _) | Source::Server(fd, _) => fd,
        }
    }
}

/// The thread's shared half.
pub struct Kthread {
    process: &'static Process,
    epoll: Fd,
    sources: Mutex<HashMap<u64, Source>>,
    next: AtomicU64,
    listening: AtomicBool,
    listen: Mutex<()>,
    /// Kept so that a connection can be refused when there are no descriptors left.
    reserve: Mutex<Option<Fd>>,
}

const STACK: usize = 512 * 1024;

fn reserve_fd() -> Option<Fd> {
    // SAFETY: plain call.
    Fd::make(|| unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) }).ok()
}

impl Kthread {
    /// Starts the thread.
    pub fn start(process: &'static Process) -> Result<&'static Kthread, Errno> {
        // SAFETY: plain call.
        let epoll = Fd::make(|| unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        let kthread: &'static Kthread = Box::leak(Box::new(Kthread {
            process,
            epoll,
            sources: Mutex::default(),
            next: AtomicU64::new(1),
            listening: AtomicBool::new(false),
            listen: Mutex::new(()),
            reserve: Mutex::new(reserve_fd()),
        }));
        // Application signals must go to application threads.
        let started = sys::with_signals_blocked(|| {
            thread::Builder::new()
                .name("qnx-kernel".into())
                .stack_size(STACK)
                .spawn(move || kthread.run())
        });
        started.map(|_| kthread).map_err(Errno::from)
    }

    /// This process has a socket in the runtime directory.
    pub fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Acquire)
    }

    /// Makes this process reachable, once.
    pub fn listen(&'static self) -> Result<(), Errno> {
        let _once = lock(&self.listen);
        if !self.is_listening() {
            let fd = Arc::new(dir::listen()?);
            self.watch(Source::Listener(fd))?;
            self.listening.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Watches the socket of a connection to a server.
    pub fn watch_server(&self, fd: &Arc<Fd>, conn: &Arc<ClientConn>) -> Result<(), Errno> {
        self.watch(Source::Server(Arc::clone(fd), Arc::clone(conn)))
    }

    fn watch(&self, source: Source) -> Result<(), Errno> {
        let token = self.next.fetch_add(1, Ordering::Relaxed);
        let raw = source.fd().raw();
        lock(&self.sources).insert(token, source);
        let mut event = libc::epoll_event {
            events: (libc::EPOLLIN | libc::EPOLLRDHUP) as u32,
            u64: token,
        };
        // SAFETY: `event` is valid for the call.
        let added = check(unsafe { libc::epoll_ctl(self.epoll.raw(), libc::EPOLL_CTL_ADD, raw, &mut event) });
        if let Err(error) = added {
            lock(&self.sources).remove(&token);
            return Err(error);
        }
        Ok(())
    }

    fn forget(&self, token: u64) {
        if let Some(source) = lock(&self.sources).remove(&token) {
            let raw = source.fd().raw();
            // SAFETY: plain call; the descriptor is still open, `source` holds it.
            unsafe { libc::epoll_ctl(self.epoll.raw(), libc::EPOLL_CTL_DEL, raw, ptr::null_mut()) };
        }
    }

    fn run(&'static self) {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 32];
        loop {
            // SAFETY: the buffer is valid for 32 events.
            let count = unsafe { libc::epoll_wait(self.epoll.raw(), events.as_mut_ptr(), 32, -1) };
            add(|c| &c.kthread_wakeups, 1);
            for event in &events[..count.max(0) as usize] {
                let token = event.u64;
                let Some(source) = lock(&self.sources).get(&token).cloned() else {
                    continue;
                };
                self.handle(token, source);
            }
        }
    }

    fn handle(&'static self, token: u64, source: Source) {
        match source {
            Source::Listener(fd) => self.accept(&fd),
            Source::Visitor(fd) => match serve::visitor(self.process, &fd) {
                serve::Visit::Nothing => {}
                serve::Visit::Gone => self.forget(token),
                serve::Visit::Attached(conn) => {
                    // Same descriptor, another meaning. What it sends from now on is handled as a client's.
                    lock(&self.sources).insert(token, Source::Client(fd, conn));
                }
            },
            Source::Client(fd, conn) => {
                while let Some(packet) = receive(&fd, &mut Vec::new()) {
                    match packet {
                        Ok(packet) => serve::from_client(&conn, &fd, &packet),
                        Err(()) => {
                            self.forget(token);
                            conn.client_gone(self.process);
                            return;
                        }
                    }
                }
            }
            Source::Server(fd, conn) => {
                while let Some(packet) = receive(&fd, &mut Vec::new()) {
                    match packet {
                        Ok(packet) => serve::from_server(self.process, &conn, &packet),
                        Err(()) => {
                            self.forget(token);
                            conn.server_gone(self.process);
                            return;
                        }
                    }
                }
            }
        }
    }

    fn accept(&'static self, listener: &Fd) {
        loop {
            // SAFETY: plain call; no address is asked for.
            let accepted = Fd::make(|| unsafe {
                libc::accept4(
                    listener.raw(),
                    ptr::null_mut(),
                    ptr::null_mut(),
                    libc::SOCK_CLOEXEC,
                )
            });
            match accepted {
                Ok(fd) => {
                    if let Err(error) = self.watch(Source::Visitor(Arc::new(fd))) {
                        trace!(1, "a visitor is turned away: errno {}", error.0);
                    }
                    return;
                }
                Err(Errno::EMFILE | Errno::ENFILE) => {
                    // Left alone, the waiting connection would wake us for ever. Accept and drop it.
                    let mut reserve = lock(&self.reserve);
                    if reserve.take().is_none() {
                        return;
                    }
                    // SAFETY: as above.
                    drop(Fd::make(|| unsafe {
                        libc::accept4(
                            listener.raw(),
                            ptr::null_mut(),
                            ptr::null_mut(),
                            libc::SOCK_CLOEXEC,
                        )
                    }));
                    *reserve = reserve_fd();
                    return;
                }
                Err(Errno::EINTR | Errno::ECONNABORTED) => {}
                Err(_) => return,
            }
        }
    }
}

/// One packet if there is one; `Some(Err)` when the peer is gone.
pub fn receive(fd: &Fd, fds: &mut Vec<Fd>) -> Option<Result<crate::wire::Packet, ()>> {
    let mut bytes = [0u8; PACKET_LEN];
    loop {
        match sys::receive_packet(fd, &mut bytes, fds, Duration::ZERO) {
            Ok(0) => return Some(Err(())),
            Ok(len) => {
                if let Some(packet) = crate::wire::Packet::parse(&bytes[..len]) {
                    return Some(Ok(packet));
                }
            }
            Err(Errno::EAGAIN) => return None,
            Err(_) => return Some(Err(())),
        }
    }
}
