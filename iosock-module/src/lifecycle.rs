//! Load and unload. Unload is one idempotent teardown, called from MOD_UNLOAD (which may refuse) and from the sysuninit
//! (which may not): io-sock may send only one of the two, and heed a refusal or not (`docs/iosock-kpi.md` 1.9).
//!
//! ```text
//! load:    tunables -> wake queues -> workers -> channel, path, control thread
//! unload:  control thread ends (path gone, every socket aborted, every client let go, channel gone)
//!          -> until the stack has let go of all client memory, the workers go on
//!          -> workers end -> queues go
//! ```
//! The handlers run with Giant held, and a join does not release it: none of our threads needs Giant.

use crate::{
    config::{Allowed, Environment},
    limits::{MAX_WORKERS, PULSES},
    node::NodePath,
    platform::{SELF, SELF_BELLS, TABLE, WAKE, nudge_control, nudge_doorbell},
    published,
    resident::Resident,
    threads::{
        control::{self, EXHAUSTED, POST, Post},
        doorbell, worker,
    },
};
use core::{ffi::CStr, sync::atomic::Ordering};
use iosock::{Errno, Kthread, Level, LineBuf, WaitQueue, log};
use qnx::{Channel, ChannelFlags, ConnectFlags, Connection, Event, LinkedPath, PulsePool, Semaphore};
use spin::Mutex;

/// Between the last callback's last step and the unmapping of its code.
const GRACE_MS: u32 = 20;

/// What runs.
struct Running {
    control: Option<Kthread>,
    doorbells: [Option<Kthread>; doorbell::CHANNELS],
    workers: [Option<Kthread>; 4],
    path: NodePath,
    /// For the short sleeps of a load or unload handler.
    pause: WaitQueue,
}

static RUNNING: Mutex<Option<Running>> = Mutex::new(None);

/// The module, as io-sock knows it.
pub struct Csock;

impl iosock::Module for Csock {
    fn load() -> Result<(), Errno> {
        let mut running = RUNNING.try_lock().ok_or(Errno::EBUSY)?;
        if running.is_some() {
            return Err(Errno::EEXIST);
        }
        let path = TABLE.config.read(&Kenv).map_err(|bad| {
            say(Level::Error, |line| {
                line.text("tunable ")
                    .bytes(bad.name.to_bytes())
                    .text(" is wrong, allowed: ");
                match bad.allowed {
                    Allowed::Words(words) => line.text(words),
                    Allowed::Range(min, max) => line.dec(u64::from(min)).text(" to ").dec(u64::from(max)),
                };
            });
            Errno::EINVAL
        })?;
        let pause = WaitQueue::new(c"csock load")?;
        let mut state = Running {
            control: None,
            doorbells: [const { None }; doorbell::CHANNELS],
            workers: [const { None }; 4],
            path,
            pause,
        };
        if let Err(error) = start(&mut state) {
            say(Level::Error, |line| {
                line.text("not loaded: ").errno(error);
            });
            // Not left to the unload that should follow a load that failed. Nobody has been served yet.
            end_control(&mut state);
            end_workers(&mut state);
            return Err(error);
        }
        say(Level::Info, |line| {
            let how = if TABLE.config.copies() {
                "copy"
            } else {
                "zero copy"
            };
            line.text("loaded at ")
                .bytes(state.path.as_bytes())
                .text(", sending by ")
                .text(how);
        });
        *running = Some(state);
        Ok(())
    }

    fn unload() -> Result<(), Errno> {
        let mut running = RUNNING.try_lock().ok_or(Errno::EBUSY)?;
        let Some(state) = running.as_mut() else {
            return Ok(());
        };
        end_control(state);
        if !drained(&state.pause, Some(TABLE.config.unload_ms())) {
            say(Level::Warning, |line| {
                let left = TABLE.ledger();
                line.text("not unloaded, still there: sockets ")
                    .dec(left.sockets_open)
                    .text(", sessions ")
                    .dec(left.sessions_open)
                    .text(", pools ")
                    .dec(left.pools_mapped)
                    .text(", mbufs in client memory ")
                    .dec(left.ext_mbufs_outstanding);
            });
            // A veto leaves a module that serves: if even that fails, the next unload tries again.
            if let Err(error) = start_control(state) {
                say(Level::Error, |line| {
                    line.text("does not serve any more: ").errno(error);
                });
            }
            return Err(Errno::EBUSY);
        }
        end_workers(state);
        *running = None;
        Ok(())
    }

    fn uninit() {
        // Whoever has the lock is an unload on its way; its threads must be gone before the code is.
        loop {
            if let Some(mut running) = RUNNING.try_lock() {
                if let Some(state) = running.as_mut() {
                    end_control(state);
                    drained(&state.pause, None);
                    end_workers(state);
                }
                *running = None;
                return;
            }
            if let Ok(pause) = WaitQueue::new(c"csock uninit") {
                pause.wait(Some(1));
            }
        }
    }

    #[cfg(feature = "panic-control")]
    fn shutdown() {
        crate::panic_control::trip();
    }

    fn value(index: u32) -> Option<u64> {
        published::value(&TABLE, index)
    }
}

fn start(running: &mut Running) -> Result<(), Errno> {
    let workers = usize::try_from(TABLE.config.workers())
        .unwrap_or(1)
        .min(MAX_WORKERS);
    for queue in WAKE.iter().take(workers) {
        // Put back by `end_workers`: absent, unless a load failed half-way and was not undone.
        let _ = queue.put(WaitQueue::new(c"csock")?);
    }
    for (index, place) in running.workers.iter_mut().enumerate().take(workers) {
        *place = Some(Kthread::spawn(c"csock worker", worker::run, index, worker::wake)?);
    }
    start_control(running)
}

/// Refuses a path that another process serves. QNX takes any number of servers at one path and asks the last one first: a
/// second io-sock that does not know its prefix would take the first one's clients away.
///
/// Opening waits for that server's answer; this is a load handler, and nobody is served yet.
fn check_free(path: &NodePath) -> Result<(), Errno> {
    let found = match Connection::open_path(path.as_c_str()) {
        Ok(found) => found,
        // Refused by somebody who is there.
        Err(qnx::Errno::EACCES | qnx::Errno::EPERM | qnx::Errno::EBUSY) => {
            taken(path, 0);
            return Err(Errno::EEXIST);
        }
        Err(_) => return Ok(()),
    };
    match found.server_info() {
        Ok(info) => {
            taken(path, info.pid);
            Err(Errno::EEXIST)
        }
        // Died meanwhile.
        Err(_) => Ok(()),
    }
}

fn taken(path: &NodePath, pid: i32) {
    say(Level::Error, |line| {
        line.bytes(path.as_bytes()).text(" is served already");
        if pid > 0 {
            line.text(", by process ").signed(i64::from(pid));
        }
        line.text("; start this io-sock with a prefix, or set csock.path");
    });
}

/// Makes a channel for doorbells and the thread that serves it.
fn start_doorbell(running: &mut Running, index: usize) -> Result<(), Errno> {
    let (Some(exhausted), Some(post), Some(own), Some(chid), Some(thread)) = (
        doorbell::EXHAUSTED.get(index),
        doorbell::POSTS.get(index),
        SELF_BELLS.get(index),
        TABLE.doorbell_chids.get(index),
        running.doorbells.get_mut(index),
    ) else {
        return Err(Errno::EINVAL);
    };
    // EBUSY: it is there from the time before a veto.
    let _ = exhausted.init(0);
    // Inheritance would raise the thread before it can decide who rings; a dead client needs no word here.
    let flags = ChannelFlags::FIXED_PRIORITY | ChannelFlags::SENDER_LEN | ChannelFlags::REPLY_LEN;
    let channel = pooled_channel(flags, exhausted)?;
    let connection = Connection::attach(0, channel.id(), ConnectFlags::empty()).map_err(qnx_errno)?;
    chid.store(channel.id(), Ordering::Relaxed);
    own.put(connection).map_err(|_| Errno::EBUSY)?;
    let pause = WaitQueue::new(c"csock doorbell")?;
    *post.try_lock().ok_or(Errno::EBUSY)? = Some(doorbell::Post { channel, pause });
    *thread = Some(Kthread::spawn(
        c"csock doorbell",
        doorbell::run,
        index,
        nudge_doorbell,
    )?);
    Ok(())
}

/// A channel whose pulses cannot kill io-sock when they run out (S-34).
fn pooled_channel(flags: ChannelFlags, exhausted: &'static Semaphore) -> Result<Channel, Errno> {
    let on_exhausted = Event::semaphore(exhausted);
    let pool = PulsePool {
        pulses: PULSES,
        rearm: PULSES / 2,
        on_exhausted: &on_exhausted,
    };
    Channel::with_pulse_pool(flags, pool).map_err(qnx_errno)
}

/// Makes the channel, its name and the thread that serves them.
fn start_control(running: &mut Running) -> Result<(), Errno> {
    // EBUSY: it is there from the time before a veto.
    let _ = EXHAUSTED.init(0);
    let flags = ChannelFlags::FIXED_PRIORITY
        | ChannelFlags::DISCONNECT
        | ChannelFlags::UNBLOCK
        | ChannelFlags::SENDER_LEN
        | ChannelFlags::REPLY_LEN;
    let channel = pooled_channel(flags, &EXHAUSTED)?;
    for index in [doorbell::PULSES, doorbell::MESSAGES] {
        start_doorbell(running, index)?;
    }
    let own = Connection::attach(0, channel.id(), ConnectFlags::empty()).map_err(qnx_errno)?;
    check_free(&running.path)?;
    // ON-TARGET: the ability PATHSPACE once io-sock has dropped root (qnx.sec.droproot), for a late mount.
    let path = LinkedPath::link(&channel, running.path.as_c_str(), 0).map_err(qnx_errno)?;
    let pause = WaitQueue::new(c"csock stop")?;
    TABLE.start();
    SELF.put(own).map_err(|_| Errno::EBUSY)?;
    *POST.try_lock().ok_or(Errno::EBUSY)? = Some(Post { path, channel, pause });
    running.control = Some(Kthread::spawn(c"csock control", control::run, 0, |_| {
        nudge_control()
    })?);
    Ok(())
}

/// Ends the control thread: no path, no channel, no session, every socket aborted. Idempotent.
fn end_control(running: &mut Running) {
    if let Some(control) = running.control.take() {
        control.join();
    }
    for thread in &mut running.doorbells {
        drop(thread.take());
    }
    for mut post in doorbell::POSTS.iter().filter_map(Mutex::try_lock) {
        drop(post.take());
    }
    for own in &SELF_BELLS {
        take(own, &running.pause);
    }
    for exhausted in &doorbell::EXHAUSTED {
        let _ = exhausted.destroy();
    }
    // A thread that was never started has left what was made for it.
    if let Some(mut post) = POST.try_lock() {
        drop(post.take());
    }
    // Users of the connection are workers that nudge a thread that is gone; they do not keep it.
    take(&SELF, &running.pause);
    let _ = EXHAUSTED.destroy();
}

/// Waits until nothing of any client is left: no socket, no mbuf, no pool. False: `limit_ms` was not enough.
fn drained(pause: &WaitQueue, limit_ms: Option<u32>) -> bool {
    let mut waited = 0u32;
    while !TABLE.is_empty() {
        if limit_ms.is_some_and(|limit| waited >= limit) {
            return false;
        }
        pause.wait(Some(10));
        waited = waited.saturating_add(10);
    }
    true
}

/// Ends the workers, and gives the last callback the time to return.
fn end_workers(running: &mut Running) {
    for worker in running.workers.iter().flatten() {
        worker.stop();
    }
    for place in &mut running.workers {
        drop(place.take());
    }
    // The last release has counted itself out and may still be on its way back to the stack.
    running.pause.wait(Some(GRACE_MS));
    for queue in &WAKE {
        take(queue, &running.pause);
    }
}

/// Takes a resident out and drops it; waits for users, who never stay.
fn take<T>(resident: &Resident<T>, pause: &WaitQueue) {
    while resident.is_present() && resident.take().is_none() {
        pause.wait(Some(1));
    }
}

fn say(level: Level, write: impl FnOnce(&mut LineBuf)) {
    let mut line = LineBuf::new();
    line.text("csock: ");
    write(&mut line);
    log(level, line.as_bytes());
}

fn qnx_errno(error: qnx::Errno) -> Errno {
    Errno::from_raw(error.raw()).unwrap_or(Errno::EINVAL)
}

/// io-sock's kernel environment.
struct Kenv;

impl Environment for Kenv {
    fn int(&self, name: &'static CStr) -> Option<i32> {
        iosock::tunable_int(name)
    }

    fn text(&self, name: &'static CStr, buf: &mut [u8]) -> Option<usize> {
        iosock::tunable_str(name, buf)
    }

    fn memory_mib(&self) -> Option<u32> {
        let bytes = qnx::system_memory().ok()?;
        Some(u32::try_from(bytes >> 20).unwrap_or(u32::MAX))
    }
}
