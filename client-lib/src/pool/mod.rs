//! A session's pool, as this side keeps it: which blocks and which bytes of the data area are in use. Everything
//! here is private memory; what the server writes cannot reach it.

mod blocks;
mod buddy;

pub(crate) use blocks::Blocks;
pub(crate) use buddy::{Buddy, GRANULE, Span};

use crate::{
    config::Config,
    error::Error,
    num::{length, widen},
};
use alloc::vec::Vec;
use csock_wire::{
    SharedMem,
    stream::{Area, AreaGeometry, Block, State, Taker},
};

/// Granularity of the pool's length. A multiple of every page size of the targets.
const PAGE: usize = 64 << 10;
/// The longest pool.
const LONGEST: usize = 1 << 40;

/// Where things lie in a pool of one configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub area: Area,
}

impl Plan {
    /// Lays a pool out. The data area takes what the rest leaves.
    pub(crate) fn new(config: &Config, most_sockets: u32) -> Result<Self, Error> {
        let geometry = AreaGeometry {
            sockets: config.max_sockets.min(most_sockets),
            small_count: config.rx_small,
            small_len: config.rx_small_len,
            large_count: config.rx_large,
            large_len: config.rx_large_len,
            reserved: 0,
        };
        let too_long = Error::Invalid {
            what: "pool_bytes",
            value: widen(config.pool_bytes),
            allowed: widen(LONGEST),
        };
        let len = config
            .pool_bytes
            .checked_next_multiple_of(PAGE)
            .filter(|len| *len <= LONGEST)
            .ok_or(too_long)?;
        // How long the parts are is asked of the longest pool first, so that the error can say how much is needed.
        let parts = Area::plan(&geometry, LONGEST).map_err(|e| Error::Invalid {
            what: e.field.name(),
            value: e.value,
            allowed: e.allowed,
        })?;
        let least = parts.data().saturating_add(PAGE);
        match Area::plan(&geometry, len) {
            Ok(area) if len >= least => Ok(Self { area }),
            _ => Err(Error::Invalid {
                what: "pool_bytes",
                value: widen(len),
                allowed: widen(least),
            }),
        }
    }

    /// Length of the pool.
    pub(crate) const fn len(&self) -> usize {
        self.area.len()
    }
}

/// A block in use.
#[derive(Debug)]
pub(crate) struct BlockInUse {
    /// Its number, as it goes on the wire.
    pub index: u32,
    /// Where it is.
    pub place: Block,
}

/// A closed socket whose memory the module may still use.
#[derive(Debug)]
struct Closing {
    block: BlockInUse,
    spans: Vec<Span>,
}

/// The private books of a pool.
pub(crate) struct Books {
    area: Area,
    blocks: Blocks,
    data: Buddy,
    closing: Vec<Closing>,
}

impl Books {
    /// The books of a fresh pool.
    pub(crate) fn new(plan: Plan) -> Result<Self, Error> {
        let area = plan.area;
        let sockets = area.geometry().sockets;
        let mut closing = Vec::new();
        // A closing socket keeps its block, so there can be no more of them than blocks.
        closing
            .try_reserve_exact(length(sockets))
            .map_err(|_| Error::NoMemory)?;
        Ok(Self {
            area,
            blocks: Blocks::new(sockets)?,
            data: Buddy::new(area.data(), area.len().saturating_sub(area.data()))?,
            closing,
        })
    }

    /// A piece of the data area, of at least `least` bytes and as near to `len` as there is.
    pub(crate) fn alloc<M: SharedMem>(&mut self, mem: &M, least: usize, len: usize) -> Result<Span, Error> {
        for reaped in [false, true] {
            if reaped {
                self.reap(mem);
            }
            let mut wanted = len.max(least);
            loop {
                if let Some(span) = self.data.alloc(wanted) {
                    return Ok(span);
                }
                if wanted <= least {
                    break;
                }
                wanted = (wanted / 2).max(least);
            }
        }
        Err(Error::PoolExhausted {
            asked: least,
            largest: self.data.largest(),
        })
    }

    /// Gives a piece back.
    pub(crate) fn free(&mut self, span: Span) {
        self.data.free(span);
    }

    /// A block, made ready. `None`: all are in use.
    pub(crate) fn alloc_block<M: SharedMem>(&mut self, mem: &M) -> Result<Option<BlockInUse>, Error> {
        let mut index = self.blocks.take();
        if index.is_none() {
            self.reap(mem);
            index = self.blocks.take();
        }
        let Some(index) = index else { return Ok(None) };
        let made = self.area.block(index).and_then(|place| {
            place.initialise(mem).ok()?;
            Some(BlockInUse { index, place })
        });
        if made.is_none() {
            self.blocks.give(index);
        }
        Ok(made)
    }

    /// Gives back a block that the module never took.
    pub(crate) fn free_block(&mut self, block: BlockInUse) {
        self.blocks.give(block.index);
    }

    /// Takes over a closed socket's block and memory until the module has released them.
    pub(crate) fn retire(&mut self, block: BlockInUse, spans: Vec<Span>) {
        if self.closing.len() < self.closing.capacity() {
            self.closing.push(Closing { block, spans });
        }
        // Otherwise there are more closing sockets than blocks, which cannot be; then the memory stays unused.
    }

    /// Takes back the memory of closed sockets that the module has released.
    pub(crate) fn reap<M: SharedMem>(&mut self, mem: &M) {
        let mut at = 0;
        while let Some(closing) = self.closing.get(at) {
            let state = Taker::new(mem.clone(), closing.block.place).state();
            if !state.is_ok_and(|state| state.contains(State::RELEASED)) {
                at = at.saturating_add(1);
                continue;
            }
            let Closing { block, spans } = self.closing.swap_remove(at);
            self.blocks.give(block.index);
            for span in spans {
                self.data.free(span);
            }
        }
    }

    /// Bytes free in the data area, in pieces.
    pub(crate) const fn free_bytes(&self) -> usize {
        self.data.free_bytes()
    }

    /// The largest free piece, bytes.
    pub(crate) fn largest(&self) -> usize {
        self.data.largest()
    }

    /// Closed sockets whose memory is not back yet.
    pub(crate) fn closing(&self) -> usize {
        self.closing.len()
    }

    /// Blocks that are free.
    pub(crate) fn free_blocks(&self) -> usize {
        self.blocks.free()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use csock_wire::{stream::Filler, test_util::VecMem};
    use std::vec::Vec;

    fn small() -> (Plan, Books, VecMem) {
        let config = Config {
            pool_bytes: 1 << 20,
            max_sockets: 2,
            rx_small: 4,
            rx_large: 2,
            ..Config::DEFAULT
        };
        let plan = Plan::new(&config, 4096).unwrap();
        (plan, Books::new(plan).unwrap(), VecMem::new(plan.len()))
    }

    #[test]
    fn a_closed_socket_s_memory_comes_back_when_the_module_says_so() {
        let (_, mut books, mem) = small();
        let all = books.free_bytes();
        let (a, b) = (
            books.alloc_block(&mem).unwrap().unwrap(),
            books.alloc_block(&mem).unwrap().unwrap(),
        );
        assert!(books.alloc_block(&mem).unwrap().is_none(), "two are all");
        let span = books.alloc(&mem, 4096, 4096).unwrap();
        let place = a.place;
        books.retire(a, Vec::from([span]));
        books.retire(b, Vec::new());
        let mut filler = Filler::new();
        for state in [State::CONNECTED, State::CONNECTED | State::END] {
            filler.set_state(state);
            filler.publish(&mem, place).unwrap();
            assert!(
                books.alloc_block(&mem).unwrap().is_none(),
                "{state:?} is no release"
            );
        }
        filler.set_state(State::RELEASED);
        filler.publish(&mem, place).unwrap();
        assert!(books.alloc_block(&mem).unwrap().is_some());
        assert_eq!((books.free_bytes(), books.closing()), (all, 1));
        // A number that means nothing is not a release.
        filler.set_state(State::from_bits_retain(1 << 40 | State::RELEASED.bits()));
        filler.publish(&mem, place).unwrap();
        assert!(books.alloc_block(&mem).unwrap().is_none());
    }

    #[test]
    fn a_piece_is_as_long_as_there_is_and_never_shorter_than_asked() {
        let (_, mut books, mem) = small();
        let all = books.free_bytes();
        let mut kept = Vec::new();
        while let Ok(span) = books.alloc(&mem, 4096, 128 << 10) {
            assert!(span.len() >= 4096);
            kept.push(span);
        }
        assert!(books.free_bytes() < 4096);
        for span in kept {
            books.free(span);
        }
        assert_eq!(books.free_bytes(), all);
    }

    #[test]
    fn a_pool_too_short_names_the_least_length() {
        let config = Config {
            pool_bytes: 4096,
            ..Config::DEFAULT
        };
        let Err(Error::Invalid {
            what: "pool_bytes",
            value: 65_536,
            allowed,
        }) = Plan::new(&config, 4096)
        else {
            panic!("accepted")
        };
        let config = Config {
            pool_bytes: usize::try_from(allowed).unwrap(),
            ..Config::DEFAULT
        };
        assert!(Plan::new(&config, 4096).is_ok());
        assert!(Plan::new(&Config::DEFAULT, 4096).is_ok());
    }
}
