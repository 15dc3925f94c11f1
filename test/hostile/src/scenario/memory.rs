//! The pool itself: scribbled on, punched, and of a wrong kind.

use super::{Plan, Traffic, dice::Dice};
use crate::raw::{Pool, Session, Shape, Trouble};
use anyhow::{Result, bail, ensure};
use csock_wire::{PoolHeader, SharedMem, WireErrno, msg};
use qnx::{Access, ShmFlags, ShmObject};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// A client that lies all the time has sessions that end all the time; the honest part runs in another one.
fn again_and_again(plan: &Plan, malice: impl Fn(&Session, &AtomicBool) + Sync) -> Result<()> {
    plan.beside_traffic(|| {
        while !plan.over() {
            let session = plan.session()?;
            let mut traffic = Traffic::new(&session, 4)?;
            let stop = AtomicBool::new(false);
            thread::scope(|scope| {
                scope.spawn(|| malice(&session, &stop));
                while !plan.over() {
                    // What became of our own data is our own fault.
                    if traffic.push_and_take().is_err() {
                        break;
                    }
                    if session.stats().is_err()
                        || session
                            .ask(traffic.streams[0].socket().handle, &msg::GetSockName {})
                            .is_err()
                    {
                        break;
                    }
                }
                stop.store(true, Ordering::Relaxed);
            });
            plan.note("sessions");
            drop(traffic);
            session.goodbye()?;
        }
        Ok(())
    })
}

pub fn scribbling(plan: &Plan) -> Result<()> {
    again_and_again(plan, |session, stop| {
        let mut dice = Dice::new(session.id().into());
        let pool = session.pool();
        // Half of the time only where the words are, so that lies meet each other.
        let (mem, area) = (pool.mem(), pool.area());
        let words = area.buffer(0).map_or(area.data(), |(offset, _)| offset);
        while !stop.load(Ordering::Relaxed) {
            let end = if dice.below(2) == 0 { words } else { mem.len() };
            let at = usize::try_from(dice.below((end / 8) as u64)).unwrap_or(0) * 8;
            let _ = mem.store_word(at, dice.sharp());
            plan.acts.fetch_add(1, Ordering::Relaxed);
            if dice.below(64) == 0 {
                let _ = session.ring_by_message();
            }
        }
    })
}

pub fn punching(plan: &Plan) -> Result<()> {
    again_and_again(plan, |session, stop| {
        let pool = session.pool();
        // SAFETY: the copy of the descriptor is used for calls that take one, and closed below.
        let fd = unsafe { libc::dup(raw(pool.object())) };
        let mut dice = Dice::new(session.id().into());
        while !stop.load(Ordering::Relaxed) {
            let pages = pool.size() / 4096;
            let at = (dice.below(pages) * 4096).cast_signed();
            let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
            // SAFETY: passes numbers.
            let punched = unsafe { libc::fallocate(fd, mode, at, 4096) };
            // SAFETY: as above.
            let cut = unsafe { libc::ftruncate(fd, dice.below(pages).cast_signed() * 4096) };
            plan.acts.fetch_add(2, Ordering::Relaxed);
            plan.note(if punched == 0 { "punched" } else { "not punched" });
            if cut == 0 {
                plan.note("CUT");
            }
            let _ = session.ring_by_message();
            // With time in between for words that mean something again.
            thread::sleep(Duration::from_micros(dice.below(200)));
        }
        // SAFETY: ours, for the last time.
        unsafe { libc::close(fd) };
    })
}

/// The descriptor of an object that stays its owner's.
fn raw(object: &ShmObject) -> i32 {
    // SAFETY: the copy is never dropped: `into_raw` gives the number without closing it.
    unsafe { std::ptr::read(object) }.into_raw()
}

/// Makes an honest request a wrong one.
type Spoil = fn(&mut msg::PoolAttach);

pub fn pools(plan: &Plan) -> Result<()> {
    plan.beside_traffic(|| {
        let shape = Shape::of(4, 256 * 1024);
        let sealed = ShmFlags::ANON | ShmFlags::SEAL;
        while !plan.over() {
            let session = Session::open(&plan.path)?;
            let pid = session.control().pid();
            let attach = |body: &msg::PoolAttach| {
                let outcome = session.ask(0, body);
                plan.count(&outcome);
                outcome
            };
            for (name, flags) in [
                ("not sealed", ShmFlags::ANON),
                ("revocable", sealed | ShmFlags::REVOCABLE),
                ("lazy", sealed | ShmFlags::LAZY),
            ] {
                let Ok(pool) = Pool::with_flags(&shape, flags) else {
                    plan.note(format!("cannot make a pool that is {name}"));
                    continue;
                };
                let outcome = attach(&Session::attachment(&pool, pid)?);
                ensure!(outcome.is_err(), "a pool that is {name} was taken");
            }
            let pool = Pool::new(&shape)?;
            let good = Session::attachment(&pool, pid)?;
            // One wrong thing each; a handle is used up by most tries.
            let wrong: [(&str, Spoil); 10] = [
                ("a page longer than it is", |b| b.size += 4096),
                ("a page shorter than it is", |b| b.size -= 4096),
                ("of no length", |b| b.size = 0),
                ("of any length", |b| b.size = u64::MAX),
                ("number 1 before number 0", |b| (b.number, b.area) = (1, Default::default())),
                ("number 4", |b| (b.number, b.area) = (4, Default::default())),
                ("for no socket", |b| b.area.sockets = 0),
                ("for a million sockets", |b| b.area.sockets = 1 << 20),
                ("of large buffers that are smaller", |b| b.area.large_len = 64),
                ("of another area", |b| b.area.small_count += 64),
            ];
            for (name, spoil) in wrong {
                let mut body = good;
                body.handle = pool.handle(pid)?;
                spoil(&mut body);
                ensure!(attach(&body).is_err(), "a pool {name} was taken");
            }
            // Read only, for somebody else, twice.
            let mut body = good;
            body.handle = pool.object().create_handle(pid, Access::ReadOnly)?.raw();
            ensure!(attach(&body).is_err(), "a pool that cannot be written was taken");
            body.handle = pool.handle(qnx::pid())?;
            ensure!(attach(&body).is_err(), "a pool for another process was taken");
            // A header that says something else, in memory that is as it should be.
            for at in [0, 4, 8, 16, 24] {
                let was = pool.mem().load_word(at / 8 * 8)?;
                pool.mem().store_word(at / 8 * 8, was ^ 1 << (at % 8 * 8))?;
                body.handle = pool.handle(pid)?;
                ensure!(attach(&body).is_err(), "a pool with a wrong header was taken");
                pool.mem().store_word(at / 8 * 8, was)?;
            }
            ensure!(PoolHeader::read(&pool.mem()).is_ok(), "the header is as it was");
            body = Session::attachment(&pool, pid)?;
            match attach(&body) {
                Ok(_) => {}
                Err(e) => bail!("after all that an honest pool is refused: {e}"),
            }
            ensure!(attach(&body).is_err(), "a used handle was taken");
            body.handle = pool.handle(pid)?;
            let twice = attach(&body);
            ensure!(
                matches!(&twice, Err(e) if e.is(WireErrno::EEXIST) || e.is(WireErrno::EBUSY) || e.is(WireErrno::EINVAL)),
                "a second pool 0: {twice:?}"
            );
            // All the numbers there are.
            for number in 1..session.hello.max_pools {
                let pool = Pool::new(&shape)?;
                let mut body = Session::attachment(&pool, pid)?;
                (body.number, body.area) = (number, Default::default());
                let _ = attach(&body);
            }
            session.goodbye()?;
        }
        Ok(())
    })
}

impl Traffic {
    /// Sends a little and takes what there is, without sleeping and without a look at the bytes.
    pub fn push_and_take(&mut self) -> Result<(), Trouble> {
        let mut bytes = [7; 2048];
        for stream in &mut self.streams {
            stream.out.push(&bytes)?;
            stream.input.take(&mut bytes)?;
        }
        Ok(())
    }
}
