//! How a session begins: hello, a pool of this process's own, and what the server may know of it.

use super::{
    buffers::Buffers,
    core::Core,
    exchange::{exchange, system_error},
    waiters::Waiters,
};
use crate::{
    config::Config,
    deadline::{Deadline, nanos},
    error::{Error, Fault},
    ledger::{Ledger, add},
    num::{length, widen},
    pool::{Books, Plan},
    sync::Mutex,
    sys::{Shared, System},
};
use alloc::sync::Arc;
use core::sync::atomic::AtomicBool;
use csock_wire::{
    PoolHeader,
    msg::{self, Hello, HelloReply},
    stream::Bell,
};

impl<S: System> Core<S> {
    /// Says hello and hands a pool over.
    pub(crate) fn open(mut sys: S, config: Config) -> Result<Arc<Self>, Error> {
        config.check()?;
        let hello = hello(&sys, &config)?;
        let plan = Plan::new(&config, hello.max_sockets)?;
        if widen(plan.len()) > hello.max_pool_bytes {
            return Err(Error::Invalid {
                what: "pool_bytes",
                value: widen(plan.len()),
                allowed: hello.max_pool_bytes,
            });
        }
        let area = plan.area;
        let sockets = area.geometry().sockets;
        let (books, buffers) = (Books::new(plan)?, Buffers::new(&area)?);
        let ledger = Ledger::new(sockets)?;
        sys.attach_doorbell(hello.doorbell_chid).map_err(system_error)?;
        let Shared { mem, handle, mapping } = sys.share(plan.len()).map_err(system_error)?;
        let header = PoolHeader {
            size: widen(plan.len()),
            data_offset: widen(area.data()),
        };
        header.write(&mem).map_err(|e| Error::ServerFault(e.into()))?;
        let core = Self {
            identity: sys.identity(),
            sys: Arc::new(sys),
            bell: Bell::new(mem.clone()),
            waiters: Waiters::new(hello.max_waiters),
            config,
            mem,
            area,
            hello,
            books: Mutex::new(books),
            buffers,
            ledger,
            mapping: Arc::new(mapping),
            failed: AtomicBool::new(false),
            no_pulses: AtomicBool::new(false),
            why: Mutex::new(None),
            watched: AtomicBool::new(false),
            watching: Mutex::new(false),
        };
        // Counts the hello.
        add(&core.ledger.control_msgs, 1);
        core.control(
            0,
            &msg::PoolAttach {
                handle,
                size: widen(plan.len()),
                number: 0,
                reserved: 0,
                area: *area.geometry(),
            },
        )?;
        Ok(Arc::new(core))
    }
}

/// The first message, and what its answer must look like.
fn hello<S: System>(sys: &S, config: &Config) -> Result<HelloReply, Error> {
    let deadline = Deadline::after(sys.now(), config.control_timeout.map(nanos));
    let reply = loop {
        let left = deadline.remaining(sys.now()).map_err(|_| Error::ServerSilent)?;
        match exchange(sys, 0, 0, &Hello::THIS, (&[], &mut []), left) {
            Err(Error::Interrupted) => {}
            Err(Error::Busy) => sys.pause(1_000_000),
            Err(Error::TimedOut) => return Err(Error::ServerSilent),
            other => break other?,
        }
    };
    let must = |holds: bool, what, value| {
        if holds {
            Ok(())
        } else {
            Err(Error::ServerFault(Fault::Reply { what, value }))
        }
    };
    let spoken = Hello::THIS.min_version..=Hello::THIS.max_version;
    must(spoken.contains(&reply.version), "version", reply.version.into())?;
    must(reply.session != 0, "session", reply.session.into())?;
    must(reply.max_sockets != 0, "max_sockets", reply.max_sockets.into())?;
    let pools = widen(length(reply.max_pools));
    must(pools != 0, "max_pools", pools)?;
    Ok(reply)
}
