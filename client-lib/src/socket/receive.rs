//! Receiving: by copy (`receive`) or in place (`receive_in_place`).

use super::{
    Filled, Socket,
    half::Step,
    patience::Patience,
    rx::{Done, Incoming},
    wait::timed_out_would_block,
};
use crate::{
    error::{Error, Fault},
    ledger::bump,
    num::{length, short},
    sys::System,
};
use core::cell::{Cell, RefCell};
use csock_wire::{
    WireErrno,
    msg::{self, DONT_WAIT},
    stream::State,
};

impl<S: System> Socket<S> {
    /// Copies received bytes into `dst`, as many as there are and fit; waits for the first. 0: the end of the stream,
    /// or an empty `dst`.
    pub(crate) fn receive(&self, dst: &mut [u8], dontwait: bool) -> Result<usize, Error> {
        let mut patience = self.patience(&self.read_timeout, dontwait);
        if !self.may_receive(&mut patience)? || dst.is_empty() {
            return Ok(0);
        }
        let dst = RefCell::new(dst);
        let done = RefCell::new(Done::default());
        let (by_message, ring) = (Cell::new(None), Cell::new(false));
        let answer: Cell<Option<Result<usize, Error>>> = Cell::new(None);
        let result = self.rx.in_turn(
            &self.core,
            &self.rx_wakes(),
            &mut patience,
            |rx| {
                if let Some(answer) = answer.take() {
                    return answer.map(Step::Done);
                }
                self.core.check_reading()?;
                match self.judged(rx.read(&self.core, &mut dst.borrow_mut(), &mut done.borrow_mut()))? {
                    Incoming::Data(n) => {
                        self.count_received(n, n);
                        Ok(Step::Done(n))
                    }
                    Incoming::Nothing(state) if state.contains(State::STARVED) => {
                        by_message.set(Some(rx.position()));
                        Ok(Step::More)
                    }
                    Incoming::Nothing(state) => match self.nothing(state)? {
                        true => Ok(Step::Done(0)),
                        false => {
                            ring.set(self.ask_for_a_look()? || ring.get());
                            Ok(Step::Wait)
                        }
                    },
                    Incoming::ByMessage => {
                        by_message.set(Some(rx.position()));
                        Ok(Step::More)
                    }
                }
            },
            |patience| {
                done.borrow_mut().let_go(&self.core);
                if ring.take() {
                    self.core.ring();
                }
                if let Some(seen) = by_message.take() {
                    match self.receive_by_message(&mut dst.borrow_mut(), seen, patience) {
                        // The module has delivered more meanwhile: that comes first.
                        Err(Error::Busy) => {}
                        other => answer.set(Some(other)),
                    }
                }
            },
        );
        result.map_err(timed_out_would_block)
    }

    fn receive_by_message(&self, dst: &mut [u8], seen: u64, patience: &mut Patience) -> Result<usize, Error> {
        let body = msg::Recv {
            seen,
            len: short(dst.len()),
            flags: if patience.may_wait { 0 } else { DONT_WAIT },
        };
        let deadline = self.message_deadline(patience);
        let room = dst.len();
        let reply = self.core.ask_once(self.id, &body, (&[], dst), deadline);
        if reply == Err(Error::Busy) {
            self.core.pause(&mut 0);
        }
        let n = length(reply?.len);
        if n > room {
            return Err(self.core.fault(Fault::Reply {
                what: "bytes received",
                value: crate::num::widen(n),
            }));
        }
        if let Some(line) = self.line(true) {
            bump(&line.rx_bytes, n);
            bump(&line.rx_bytes_by_message, n);
        }
        Ok(n)
    }

    /// The next received bytes, at most `most`, where they lie. `None`: the end of the stream.
    pub(crate) fn receive_in_place(&self, most: usize, dontwait: bool) -> Result<Option<Filled>, Error> {
        let mut patience = self.patience(&self.read_timeout, dontwait);
        if !self.may_receive(&mut patience)? {
            return Ok(None);
        }
        if most == 0 {
            return Err(Error::Invalid {
                what: "length",
                value: 0,
                allowed: 1,
            });
        }
        // In place there is no other way: whoever holds all buffers that the socket can get is told at once.
        let none = Error::PoolExhausted { asked: 1, largest: 0 };
        let ring = Cell::new(false);
        let done = RefCell::new(Done::default());
        let result = self.rx.in_turn(
            &self.core,
            &self.rx_wakes(),
            &mut patience,
            |rx| {
                self.core.check_reading()?;
                match self.judged(rx.next(&self.core, most, &mut done.borrow_mut()))? {
                    Incoming::Data(filled) => {
                        self.count_received(length(filled.len), 0);
                        Ok(Step::Done(Some(filled)))
                    }
                    Incoming::Nothing(state)
                        if state.contains(State::STARVED)
                            && (self.core.holds_all_buffers() || self.holds_its_share()) =>
                    {
                        Err(none)
                    }
                    Incoming::Nothing(state) => match self.nothing(state)? {
                        true => Ok(Step::Done(None)),
                        false => {
                            ring.set(self.ask_for_a_look()? || ring.get());
                            Ok(Step::Wait)
                        }
                    },
                    Incoming::ByMessage => Err(none),
                }
            },
            |_| {
                done.borrow_mut().let_go(&self.core);
                if ring.take() {
                    self.core.ring();
                }
            },
        );
        result.map_err(timed_out_would_block)
    }

    /// The program holds as many buffers of this socket as the module lets one socket have.
    fn holds_its_share(&self) -> bool {
        let share = length(self.core.area.share());
        self.block
            .is_some_and(|(block, _)| self.core.held_of(block) >= share)
    }

    /// Before a sleep: the module may have found no buffer for what comes next while entries were left to read, and then it has
    /// told nobody. It looks again when a buffer comes back; as long as the program holds one, it must be asked to. True: ring.
    fn ask_for_a_look(&self) -> Result<bool, Error> {
        match self.block {
            Some((block, _)) if self.core.held_of(block) > 0 => self.mark(),
            _ => Ok(false),
        }
    }

    fn count_received(&self, n: usize, copied: usize) {
        if let Some(line) = self.line(true) {
            bump(&line.rx_bytes, n);
            bump(&line.rx_bytes_copied, copied);
        }
    }

    /// Whether there can be anything to receive. False: the connection could not be made, and the program knows why.
    fn may_receive(&self, patience: &mut Patience) -> Result<bool, Error> {
        match self.connected(patience) {
            Ok(()) => Ok(true),
            Err(Error::ShutDown) => Ok(false),
            Err(error) => Err(timed_out_would_block(error)),
        }
    }

    /// There is nothing in shared memory. True: and this is the end; false: wait for it.
    fn nothing(&self, state: State) -> Result<bool, Error> {
        self.check()?;
        if state.contains(State::END) {
            return match self.tell(state.error()) {
                Some(error) => Err(error),
                None => Ok(true),
            };
        }
        self.core.check_server()?;
        Ok(false)
    }

    /// The connection's error, for the one call that hears of it.
    pub(super) fn tell(&self, error: WireErrno) -> Option<Error> {
        if error == WireErrno::OK || self.told.swap(true, core::sync::atomic::Ordering::Relaxed) {
            return None;
        }
        Some(Error::from_wire(error))
    }
}
