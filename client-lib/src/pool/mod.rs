//! A session's pool, as this side keeps it: which ring blocks and which bytes of the data area are in use. Everything
//! here is private memory; what the server writes cannot reach it.

mod blocks;
mod buddy;

pub(crate) use blocks::Blocks;
pub(crate) use buddy::{Buddy, GRANULE, Span};

use crate::{config::Config, error::Error, num::widen};
use alloc::vec::Vec;
use csock_wire::{
    POOL_HEADER_LEN, RingBlock, RingBlockGeometry, SharedMem,
    layout::{ModuleState, PoolHeader},
};

/// Granularity of the pool's length and of its data area. A multiple of every page size of the targets.
const PAGE: usize = 64 << 10;

/// Where things lie in a pool of one configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Capacities of every socket's rings; the offset is that of block 0.
    pub geometry: RingBlockGeometry,
    /// Bytes of one ring block.
    pub block_len: usize,
    /// Start of the data area.
    pub data_offset: usize,
    /// Length of the pool.
    pub len: usize,
}

impl Plan {
    /// Lays a pool out. The data area takes what the ring blocks leave.
    pub(crate) fn new(config: &Config, max_capacity: u32) -> Result<Self, Error> {
        let capped = |what, wanted: u32| {
            if wanted <= max_capacity {
                return Ok(wanted);
            }
            Err(Error::Invalid {
                what,
                value: wanted.into(),
                allowed: max_capacity.into(),
            })
        };
        // Twice the descriptors that can be outstanding: the module gives slots back at the end of a round, and a
        // buffer may come back before the slot that it went out by.
        let tx = config.tx_descriptors;
        let rx = config
            .rx_buffers
            .max(2)
            .checked_next_power_of_two()
            .unwrap_or(u32::MAX);
        let geometry = RingBlockGeometry {
            offset: widen(POOL_HEADER_LEN),
            sq: capped("tx_descriptors", tx.saturating_mul(2))?,
            cq: tx,
            fq: capped("rx_buffers", rx.saturating_mul(2))?,
            // Every buffer, the end and an error.
            rq: capped("rx_buffers", rx.saturating_mul(2))?,
            reserved: [0; 2],
        };
        let too_long = Error::Invalid {
            what: "pool_bytes",
            value: u64::MAX,
            allowed: 1 << 40,
        };
        let block_len = geometry.block_len().map_err(|e| Error::ServerFault(e.into()))?;
        let block_len = usize::try_from(block_len).map_err(|_| too_long)?;
        let blocks = usize::try_from(config.max_sockets)
            .ok()
            .and_then(|n| n.checked_mul(block_len))
            .ok_or(too_long)?;
        let data_offset = blocks
            .checked_add(POOL_HEADER_LEN)
            .and_then(|n| n.checked_next_multiple_of(PAGE))
            .ok_or(too_long)?;
        let len = config.pool_bytes.checked_next_multiple_of(PAGE).ok_or(too_long)?;
        let least = data_offset.saturating_add(PAGE);
        if len < least {
            return Err(Error::Invalid {
                what: "pool_bytes",
                value: widen(len),
                allowed: widen(least),
            });
        }
        Ok(Self {
            geometry,
            block_len,
            data_offset,
            len,
        })
    }

    /// The pool's header.
    pub(crate) fn header(&self) -> PoolHeader {
        PoolHeader {
            size: widen(self.len),
            data_offset: widen(self.data_offset),
        }
    }
}

/// A ring block in use: where it is, and which number it has.
#[derive(Debug)]
pub(crate) struct BlockSpan {
    /// Number of the block.
    pub index: u32,
    /// As it goes on the wire.
    pub geometry: RingBlockGeometry,
    /// As the rings use it.
    pub block: RingBlock,
}

/// A closed socket whose memory the module may still use.
#[derive(Debug)]
struct Closing {
    block: BlockSpan,
    spans: Vec<Span>,
}

/// The private books of a pool.
pub(crate) struct Books {
    plan: Plan,
    blocks: Blocks,
    data: Buddy,
    closing: Vec<Closing>,
}

impl Books {
    /// The books of a fresh pool.
    pub(crate) fn new(plan: Plan, max_sockets: u32) -> Result<Self, Error> {
        let mut closing = Vec::new();
        // A closing socket keeps its block, so there can be no more of them than blocks.
        let capacity = usize::try_from(max_sockets).map_err(|_| Error::NoMemory)?;
        closing.try_reserve_exact(capacity).map_err(|_| Error::NoMemory)?;
        Ok(Self {
            plan,
            blocks: Blocks::new(max_sockets)?,
            data: Buddy::new(plan.data_offset, plan.len.saturating_sub(plan.data_offset))?,
            closing,
        })
    }

    /// A piece of the data area, of at least `len` bytes.
    pub(crate) fn alloc<M: SharedMem>(&mut self, mem: &M, len: usize) -> Result<Span, Error> {
        if let Some(span) = self.data.alloc(len) {
            return Ok(span);
        }
        self.reap(mem);
        self.data.alloc(len).ok_or(Error::PoolExhausted {
            asked: len,
            largest: self.data.largest(),
        })
    }

    /// Gives a piece back.
    pub(crate) fn free(&mut self, span: Span) {
        self.data.free(span);
    }

    /// A ring block, fresh and initialised.
    pub(crate) fn alloc_block<M: SharedMem>(&mut self, mem: &M) -> Result<BlockSpan, Error> {
        let index = match self.blocks.take() {
            Some(index) => index,
            None => {
                self.reap(mem);
                self.blocks.take().ok_or(Error::TooManySockets {
                    limit: self.blocks.capacity(),
                })?
            }
        };
        let block = self.block_at(mem, index);
        if block.is_err() {
            self.blocks.give(index);
        }
        block
    }

    fn block_at<M: SharedMem>(&self, mem: &M, index: u32) -> Result<BlockSpan, Error> {
        let offset = u64::from(index)
            .saturating_mul(widen(self.plan.block_len))
            .saturating_add(self.plan.geometry.offset);
        let geometry = RingBlockGeometry {
            offset,
            ..self.plan.geometry
        };
        let block = RingBlock::validate(&geometry, mem.len()).map_err(|e| Error::ServerFault(e.into()))?;
        block.initialise(mem).map_err(|e| Error::ServerFault(e.into()))?;
        Ok(BlockSpan {
            index,
            geometry,
            block,
        })
    }

    /// Gives back a block that the module never took.
    pub(crate) fn free_block(&mut self, block: BlockSpan) {
        self.blocks.give(block.index);
    }

    /// Takes over a closed socket's block and buffers until the module has released them.
    pub(crate) fn retire(&mut self, block: BlockSpan, spans: Vec<Span>) {
        if self.closing.len() < self.closing.capacity() {
            self.closing.push(Closing { block, spans });
        }
        // Otherwise there are more closing sockets than blocks, which cannot be; then the memory stays unused.
    }

    /// Takes back the memory of closed sockets that the module has released.
    pub(crate) fn reap<M: SharedMem>(&mut self, mem: &M) {
        let mut at = 0;
        while let Some(closing) = self.closing.get(at) {
            if !matches!(closing.block.block.state(mem), Ok(Some(ModuleState::Released))) {
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

    /// Ring blocks that are free.
    pub(crate) fn free_blocks(&self) -> usize {
        self.blocks.free()
    }
}

impl core::fmt::Debug for Books {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Books")
            .field("free_bytes", &self.free_bytes())
            .field("free_blocks", &self.free_blocks())
            .field("closing", &self.closing())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use csock_wire::test_util::VecMem;
    use std::vec::Vec;

    fn small() -> (Plan, Books, VecMem) {
        let config = Config {
            pool_bytes: 1 << 20,
            max_sockets: 2,
            ..Config::DEFAULT
        };
        let plan = Plan::new(&config, 4096).unwrap();
        (plan, Books::new(plan, 2).unwrap(), VecMem::new(plan.len))
    }

    #[test]
    fn blocks_lie_before_the_data_and_not_in_each_other() {
        let (plan, mut books, mem) = small();
        let a = books.alloc_block(&mem).unwrap();
        let b = books.alloc_block(&mem).unwrap();
        assert!(
            a.block.offset() + a.block.len() <= b.block.offset()
                || b.block.offset() + b.block.len() <= a.block.offset()
        );
        for block in [&a, &b] {
            assert!(block.block.offset() >= POOL_HEADER_LEN);
            assert!(block.block.offset() + block.block.len() <= plan.data_offset);
        }
        assert_eq!(
            books.alloc_block(&mem).unwrap_err(),
            Error::TooManySockets { limit: 2 }
        );
        books.free_block(a);
        assert!(books.alloc_block(&mem).is_ok());
    }

    #[test]
    fn a_closed_socket_s_memory_comes_back_when_the_module_says_so() {
        let (_, mut books, mem) = small();
        let all = books.free_bytes();
        let (a, b) = (books.alloc_block(&mem).unwrap(), books.alloc_block(&mem).unwrap());
        let span = books.alloc(&mem, 4096).unwrap();
        let (block_a, block_b) = (a.block, b.block);
        books.retire(a, Vec::from([span]));
        books.retire(b, Vec::new());
        for state in [ModuleState::Unused, ModuleState::Active] {
            block_a.set_state(&mem, state).unwrap();
            block_b.set_state(&mem, state).unwrap();
            assert!(books.alloc_block(&mem).is_err());
        }
        block_a.set_state(&mem, ModuleState::Released).unwrap();
        assert!(books.alloc_block(&mem).is_ok());
        assert_eq!((books.free_bytes(), books.closing()), (all, 1));
        // A number that means nothing is not a release.
        mem.store_u32(block_b.module_state(), 77, csock_wire::Store::Relaxed)
            .unwrap();
        assert!(books.alloc_block(&mem).is_err());
    }

    #[test]
    fn a_pool_too_short_for_its_rings_names_the_least_length() {
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
        assert!(matches!(
            Plan::new(&config, 64),
            Err(Error::Invalid {
                what: "tx_descriptors",
                allowed: 64,
                ..
            })
        ));
    }
}
