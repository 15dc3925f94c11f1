//! Requests: too many, and about what is somebody else's or no more.

use super::{Plan, dice::Dice};
use crate::raw::{Session, Sleeper, Socket, Trouble};
use anyhow::{Result, ensure};
use csock_wire::{
    WireErrno,
    msg::{self, Body, DONT_WAIT, Events},
};
use std::{sync::Arc, thread, time::Duration};

/// One request in somebody's name.
fn ask<B: Body>(plan: &Plan, session: &Session, [name, socket]: [u32; 2], body: &B) -> Result<(), Trouble> {
    let wire = session.control();
    let outcome = wire.with_data(name, socket, body, &[], &mut [], Duration::from_millis(20));
    plan.count(&outcome);
    outcome.map(|_| ())
}

/// A handle near one of ours: another index, another generation.
fn guess(dice: &mut Dice, mine: u32) -> u32 {
    let (index, generation) = (mine & 0xFFFF, mine >> 16);
    let near = |dice: &mut Dice, n: u32| n.wrapping_add(dice.below(8) as u32).wrapping_sub(4) & 0xFFFF;
    match dice.below(4) {
        0 => near(dice, index) | generation << 16,
        1 => index | near(dice, generation) << 16,
        2 => dice.below(64) as u32 | (1 + dice.below(8) as u32) << 16,
        _ => dice.any() as u32,
    }
}

pub fn guessed(plan: &Plan) -> Result<()> {
    plan.beside_traffic(|| {
        let session = plan.session()?;
        let own = Socket::new(&session)?;
        let mut dice = Dice::new(1);
        while !plan.over() {
            let mut other = guess(&mut dice, session.id());
            while plan.owns(other) {
                other = guess(&mut dice, session.id());
            }
            let socket = guess(&mut dice, own.handle);
            for name in [session.id(), other] {
                // An act on our own socket would be none.
                if name == session.id() && socket == own.handle {
                    continue;
                }
                let target = [name, socket];
                let granted = [
                    ask(plan, &session, target, &msg::GetSockName {}).is_ok(),
                    ask(
                        plan,
                        &session,
                        target,
                        &msg::Shutdown {
                            how: 2,
                            ..Default::default()
                        },
                    )
                    .is_ok(),
                    ask(plan, &session, target, &msg::Close { after: dice.sharp() }).is_ok(),
                    ask(
                        plan,
                        &session,
                        target,
                        &msg::Recv {
                            seen: 0,
                            len: 1,
                            flags: DONT_WAIT,
                        },
                    )
                    .is_ok(),
                    ask(
                        plan,
                        &session,
                        target,
                        &msg::Accept {
                            block: dice.below(40) as u32,
                            reserved: 0,
                        },
                    )
                    .is_ok(),
                ];
                ensure!(granted == [false; 5], "a guessed socket answered: {granted:?}");
            }
            {
                let target = [other, 0];
                let granted = [
                    ask(plan, &session, target, &msg::Stats {}).is_ok(),
                    ask(plan, &session, target, &msg::Goodbye {}).is_ok(),
                    ask(plan, &session, target, &msg::Watch {}).is_ok(),
                    ask(plan, &session, target, &msg::DropWaiter { slot: 1, reserved: 0 }).is_ok(),
                    ask(
                        plan,
                        &session,
                        target,
                        &msg::PoolDetach {
                            number: 0,
                            reserved: 0,
                        },
                    )
                    .is_ok(),
                ];
                ensure!(granted == [false; 5], "a guessed session answered: {granted:?}");
            }
            // Of our own session, what it has not.
            let target = [session.id(), 0];
            let number = 1 + dice.sharp() as u32 % 1000;
            ensure!(
                ask(plan, &session, target, &msg::PoolDetach { number, reserved: 0 }).is_err(),
                "pool {number} was detached"
            );
            let slot = 1 + dice.sharp() as u32 % 1000;
            let _ = ask(plan, &session, target, &msg::DropWaiter { slot, reserved: 0 });
            let handle = dice.sharp();
            let size = session.pool().size();
            let attach = msg::PoolAttach {
                handle,
                size,
                number: 1,
                ..Default::default()
            };
            ensure!(
                ask(plan, &session, target, &attach).is_err(),
                "handle {handle:#x} was a pool"
            );
        }
        Ok(())
    })
}

pub fn stale(plan: &Plan) -> Result<()> {
    plan.beside_traffic(|| {
        let mut ended = Vec::new();
        while !plan.over() {
            let session = plan.session()?;
            let socket = Socket::new(&session)?;
            let (index, _) = socket.block().expect("it was made with one");
            let again = ask(plan, &session, [session.id(), 0], &Socket::request(index));
            ensure!(again.is_err(), "two sockets have block {index}");
            let listener = Socket::new(&session)?;
            listener.listen_anywhere()?;
            let body = msg::Accept {
                block: index,
                reserved: 0,
            };
            let again = ask(plan, &session, [session.id(), listener.handle], &body);
            ensure!(again.is_err(), "a connection has another socket's block {index}");
            let handle = socket.handle;
            socket.close()?;
            for _ in 0..8 {
                let target = [session.id(), handle];
                ensure!(
                    ask(plan, &session, target, &msg::GetSockName {}).is_err(),
                    "a closed socket answered"
                );
                ensure!(
                    ask(plan, &session, target, &msg::Close { after: 0 }).is_err(),
                    "a socket closed twice"
                );
                let body = msg::Connect {
                    addr: csock_wire::SockAddr::v4([127, 0, 0, 1], 9),
                };
                ensure!(
                    ask(plan, &session, target, &body).is_err(),
                    "a closed socket connected"
                );
            }
            let slot = Sleeper::new(&session)?.slot().into();
            let body = msg::DropWaiter { slot, reserved: 0 };
            ensure!(
                ask(plan, &session, [session.id(), 0], &body).is_err(),
                "a wait slot was dropped twice"
            );
            drop(listener);
            session.goodbye()?;
            ended.push(session.id());
            for id in &ended {
                ensure!(
                    ask(plan, &session, [*id, 0], &msg::Stats {}).is_err(),
                    "an ended session answered"
                );
            }
            if ended.len() > 16 {
                ended.remove(0);
            }
        }
        Ok(())
    })
}

/// The same request from several threads, without a pause.
fn storm(
    plan: &Plan,
    each: impl Fn(&Arc<Session>, &Socket, u64) -> Result<(), Trouble> + Sync,
) -> Result<()> {
    plan.beside_traffic(|| {
        let session = plan.session()?;
        let socket = Socket::new(&session)?;
        socket.listen_anywhere()?;
        thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|n| {
                    let (session, socket, each) = (&session, &socket, &each);
                    scope.spawn(move || {
                        while !plan.over() {
                            let outcome = each(session, socket, n);
                            plan.count(&outcome);
                        }
                    })
                })
                .collect();
            threads
                .into_iter()
                .for_each(|t| t.join().expect("a storm does not panic"));
        });
        Ok(())
    })
}

pub fn asking(plan: &Plan) -> Result<()> {
    storm(plan, |session, socket, _| {
        session
            .control()
            .once(session.id(), socket.handle, &msg::GetSockName {})
            .map(|_| ())
    })
}

pub fn parking(plan: &Plan) -> Result<()> {
    storm(plan, |session, socket, n| {
        let (wire, limit) = (session.control(), Duration::from_micros(500));
        let body = msg::Wait {
            events: Events::ACCEPTABLE.bits(),
            reserved: 0,
        };
        match n {
            0 => wire
                .with_data(session.id(), 0, &msg::Watch {}, &[], &mut [], limit)
                .map(|_| ()),
            1 => {
                let body = msg::Recv {
                    seen: 0,
                    len: 1,
                    flags: 0,
                };
                wire.with_data(session.id(), socket.handle, &body, &[], &mut [0], limit)
                    .map(|_| ())
            }
            _ => wire
                .with_data(session.id(), socket.handle, &body, &[], &mut [], limit)
                .map(|_| ()),
        }
    })
}

pub fn churn(plan: &Plan) -> Result<()> {
    storm(plan, |session, listener, n| match n {
        0 => {
            let body = msg::Accept {
                block: msg::NO_BLOCK,
                reserved: 0,
            };
            session
                .control()
                .once(session.id(), listener.handle, &body)
                .map(|_| ())
        }
        1 => {
            let socket = Socket::without_block(session)?;
            socket.listen_anywhere()?;
            socket.close()
        }
        _ => Socket::without_block(session)?.close(),
    })
}

pub fn waiters(plan: &Plan) -> Result<()> {
    plan.beside_traffic(|| {
        let session = plan.session()?;
        let sleeper = Sleeper::new(&session)?;
        let mut dice = Dice::new(6);
        while !plan.over() {
            let mut slots = Vec::new();
            // One more than there may be: the last one is refused.
            for n in 0..=2 * session.hello.max_waiters {
                let mut event = [0; 4].map(|_: u64| dice.sharp());
                if n % 2 == 0 {
                    event = sleeper.event();
                } else if n % 4 == 1 {
                    // A handle as registered events have them, of somebody's.
                    event[0] = 0x1000 | u64::from(n % 16);
                }
                let outcome = session.control().once(session.id(), 0, &msg::AddWaiter { event });
                plan.count(&outcome);
                match outcome {
                    Ok(reply) => slots.push(reply.slot),
                    Err(e) if e.is(WireErrno::EREPEAT) => {}
                    Err(_) => {}
                }
            }
            ensure!(
                slots.len() <= session.hello.max_waiters as usize,
                "{} wait slots",
                slots.len()
            );
            for slot in slots {
                session.ask(0, &msg::DropWaiter { slot, reserved: 0 })?;
            }
        }
        Ok(())
    })
}
