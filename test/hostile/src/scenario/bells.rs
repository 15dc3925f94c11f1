//! Doorbells that nobody asked for, and pulses that only the kernel may send.

use super::{Plan, dice::Dice};
use crate::raw::{Session, Socket, Trouble, Wire};
use anyhow::Result;
use csock_wire::msg::{self, PULSE_DOORBELL};
use qnx::Errno;
use std::thread;

/// A session to ring for: ours, one that there may be, or none.
fn whom(dice: &mut Dice, session: &Session) -> u32 {
    match dice.below(4) {
        0 => dice.below(64) as u32 | (1 + dice.below(16) as u32) << 16,
        1 => dice.sharp() as u32,
        _ => session.id(),
    }
}

pub fn by_pulse(plan: &Plan) -> Result<()> {
    plan.beside_traffic(|| {
        let session = plan.session()?;
        // Sockets to look at, of a client that asks for looks.
        let _sockets = (0..8)
            .map(|_| Socket::new(&session))
            .collect::<Result<Vec<_>, _>>()?;
        let mut dice = Dice::new(11);
        while !plan.over() {
            let value = whom(&mut dice, &session);
            let bell = session.bell().connection();
            let rung = bell.send_pulse(None, PULSE_DOORBELL, value.into());
            plan.count(&rung.map_err(Trouble::from));
            if rung == Err(Errno::EPERM) {
                // Not our right: then as any other would.
                plan.count(&session.ring_by_message());
            }
        }
        plan.note(format!(
            "{} doorbells served at the end",
            session.stats()?.mine.doorbells
        ));
        Ok(())
    })
}

pub fn by_message(plan: &Plan) -> Result<()> {
    plan.beside_traffic(|| {
        let session = plan.session()?;
        let _sockets = (0..8)
            .map(|_| Socket::new(&session))
            .collect::<Result<Vec<_>, _>>()?;
        thread::scope(|scope| {
            for seed in [1, 2] {
                let session = &session;
                scope.spawn(move || {
                    let mut dice = Dice::new(seed);
                    while !plan.over() {
                        let name = whom(&mut dice, session);
                        // Each marks itself dirty, so that there seems to be work.
                        let _ = session.mark(dice.below(8) as u32);
                        plan.count(&session.bell().once(name, 0, &msg::Doorbell {}));
                    }
                });
            }
        });
        Ok(())
    })
}

pub fn forged(plan: &Plan) -> Result<()> {
    plan.beside_traffic(|| {
        let session = plan.session()?;
        let socket = Socket::new(&session)?;
        let mut dice = Dice::new(12);
        // The channel of the path, too, where descriptors come.
        let path = Wire::open(&plan.path)?;
        while !plan.over() {
            for wire in [session.control(), session.bell(), &path] {
                let code = dice.below(256) as u8 as i8;
                let code = match dice.below(3) {
                    0 => code,
                    1 => [-32, -33, -34, -35, -36, -37, -41, -44][dice.below(8) as usize],
                    _ => 1,
                };
                // Scoids and rcvids are small numbers, and the rest is worth a try.
                let value = match dice.below(3) {
                    0 => dice.below(1 << 20).cast_signed(),
                    1 => session.id().into(),
                    _ => dice.sharp().cast_signed(),
                };
                let priority = [None, Some(1), Some(63), Some(255)][dice.below(4) as usize];
                let sent = wire.connection().send_pulse(priority, code, value);
                plan.count(&sent.map_err(Trouble::from));
            }
            let known = session.ask(socket.handle, &msg::GetSockName {});
            if known.is_err() {
                known?;
            }
        }
        Ok(())
    })
}
