//! A socket's part of the pool: its four rings and the limits of its descriptors, all from private memory.

use crate::{machine::Platform, pool::PoolRef};
use csock_wire::{Consumer, DescLimits, Producer, RingBlock, RingFault, RingKind, layout::ModuleState};

/// Checked rings for a socket to be. Holds one reference of the pool, which the taker must give back.
pub struct RingSetup<P: Platform> {
    /// The pool's memory.
    pub mem: P::Mem,
    /// Checked geometry.
    pub block: RingBlock,
    /// What a descriptor may name.
    pub limits: DescLimits,
    /// The reference.
    pub pool: PoolRef,
}

/// The rings at work.
pub(super) struct Wire<P: Platform> {
    pub mem: P::Mem,
    pub block: RingBlock,
    pub limits: DescLimits,
    pub pool: PoolRef,
    pub sq: Consumer<P::Mem>,
    pub cq: Producer<P::Mem>,
    pub fq: Consumer<P::Mem>,
    pub rq: Producer<P::Mem>,
}

impl<P: Platform> Wire<P> {
    /// Starts on empty rings and tells the client that the block is in use. The error is the pool reference.
    pub fn start(setup: RingSetup<P>) -> Result<Self, PoolRef> {
        let RingSetup {
            mem,
            block,
            limits,
            pool,
        } = setup;
        if block.set_state(&mem, ModuleState::Active).is_err() {
            return Err(pool);
        }
        Ok(Self {
            sq: Consumer::new(mem.clone(), block.ring(RingKind::Submission)),
            cq: Producer::new(mem.clone(), block.ring(RingKind::Completion)),
            fq: Consumer::new(mem.clone(), block.ring(RingKind::Fill)),
            rq: Producer::new(mem.clone(), block.ring(RingKind::Ready)),
            mem,
            block,
            limits,
            pool,
        })
    }

    /// Tells the client that neither the block nor a buffer posted through it will be touched again.
    pub fn release(self) -> PoolRef {
        // The block lies inside the pool, so this cannot fail; if it did, the client would only wait longer.
        let _ = self.block.set_state(&self.mem, ModuleState::Released);
        self.pool
    }

    /// Makes everything of this round visible: what was filled, then what was taken.
    pub fn publish(&mut self) -> Result<(), RingFault> {
        self.cq.publish()?;
        self.rq.publish()?;
        self.sq.publish()?;
        self.fq.publish()
    }
}
