//! Receiving: by copy (`receive`) or in place (`receive_in_place`, `release`).

use super::{
    Filled, Incoming, Rings, Socket,
    patience::Patience,
    wait::{Direction, timed_out_would_block},
};
use crate::{error::Error, ledger::add, num::length, sys::System};
use csock_wire::msg::{Events, Wait};

impl<S: System> Socket<S> {
    /// Copies received bytes into `dst`, as many as there are and fit; waits for the first. 0: the end of the stream,
    /// or an empty `dst`.
    pub(crate) fn receive(&self, dst: &mut [u8], dontwait: bool) -> Result<usize, Error> {
        let mut patience = self.patience(Direction::Reading, dontwait);
        let rings = self.connected(&mut patience).map_err(timed_out_would_block)?;
        if dst.is_empty() {
            return Ok(0);
        }
        self.until_received(rings, &mut patience, || {
            let mut rx = rings.rx();
            let (n, what) = self.judge(rx.read(dst))?;
            if n > 0 {
                self.restock(&mut rx)?;
                add(&self.core.ledger.rx_bytes, n);
                add(&self.core.ledger.rx_bytes_copied, n);
                return Ok(Some(n));
            }
            match what {
                Incoming::Eof => Ok(Some(0)),
                _ => self.nothing(&mut rx),
            }
        })
    }

    /// The next received bytes, at most `most`, where they lie. `None`: the end of the stream.
    pub(crate) fn receive_in_place(&self, most: usize, dontwait: bool) -> Result<Option<Filled>, Error> {
        let mut patience = self.patience(Direction::Reading, dontwait);
        let rings = self.connected(&mut patience).map_err(timed_out_would_block)?;
        if most == 0 {
            return Err(Error::Invalid {
                what: "length",
                value: 0,
                allowed: 1,
            });
        }
        self.until_received(rings, &mut patience, || {
            let mut rx = rings.rx();
            match self.judge(rx.next(most))? {
                Incoming::Data(filled) => {
                    add(&self.core.ledger.rx_bytes, length(filled.len));
                    Ok(Some(Some(filled)))
                }
                Incoming::Eof => Ok(Some(None)),
                Incoming::Nothing => self.nothing(&mut rx),
            }
        })
    }

    /// Gives a buffer back to be filled again. False: the program has no such buffer.
    pub(crate) fn release(&self, key: u64) -> bool {
        let Some(rings) = &self.rings else { return false };
        if self.core.is_foreign() {
            return false;
        }
        let mut rx = rings.rx();
        match self.judge(rx.release(key, &self.core.books)) {
            Ok(known) => {
                // A failed server has no use for buffers; the next call says so.
                let _ = self.restock(&mut rx);
                known
            }
            Err(_) => true,
        }
    }

    /// Lets the module see the buffers that went back, and rings if it starves for them.
    fn restock(&self, rx: &mut super::Rx<S::Mem>) -> Result<(), Error> {
        let told = rx.publish();
        match self.judge(told)? {
            None => {}
            Some(false) => add(&self.core.ledger.doorbells_suppressed, 1),
            Some(true) if self.core.ring(self.id) => {}
            Some(true) => rx.ring_failed(),
        }
        Ok(())
    }

    /// The ring is empty: is there a reason not to wait for it to fill?
    fn nothing<T>(&self, rx: &mut super::Rx<S::Mem>) -> Result<Option<T>, Error> {
        self.check()?;
        self.core.check_server()?;
        self.restock(rx)?;
        Ok(None)
    }

    /// Repeats `step` until it has something, waiting in between.
    fn until_received<T>(
        &self,
        rings: &Rings<S>,
        patience: &mut Patience,
        mut step: impl FnMut() -> Result<Option<T>, Error>,
    ) -> Result<T, Error> {
        let mut first = true;
        loop {
            self.core.check_reading()?;
            if let Some(value) = step()? {
                return Ok(value);
            }
            if !patience.may_wait {
                return Err(Error::WouldBlock);
            }
            if core::mem::take(&mut first) && self.spin_for_data(rings)? {
                continue;
            }
            let seen_rq = rings.rx().seen();
            let wait = Wait {
                events: Events::READABLE.bits(),
                seen_sq: 0,
                seen_cq: 0,
                seen_rq,
            };
            self.park(Direction::Reading, &wait, patience)
                .map_err(timed_out_would_block)?;
        }
    }
}
