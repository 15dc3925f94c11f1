//! A socket's part of the pool: its four rings and the limits of its descriptors, all from private memory.

use crate::{machine::Platform, pool::PoolHold};
use csock_wire::{Consumer, DescLimits, Producer, RingBlock, RingFault, RingKind, layout::ModuleState};

/// Checked rings for a socket to be.
pub struct RingSetup<P: Platform> {
    /// Checked geometry.
    pub block: RingBlock,
    /// What a descriptor may name.
    pub limits: DescLimits,
    /// Where they lie.
    pub pool: PoolHold<P>,
}

/// The rings at work. `pool` keeps the memory that the four ends use.
pub(super) struct Wire<P: Platform> {
    pub block: RingBlock,
    pub limits: DescLimits,
    pub pool: PoolHold<P>,
    pub sq: Consumer<P::Mem>,
    pub cq: Producer<P::Mem>,
    pub fq: Consumer<P::Mem>,
    pub rq: Producer<P::Mem>,
}

impl<P: Platform> Wire<P> {
    /// Starts on empty rings and tells the client that the block is in use. `None`: the block cannot be reached.
    pub fn start(setup: RingSetup<P>) -> Option<Self> {
        let RingSetup { block, limits, pool } = setup;
        let mem = pool.mem();
        block.set_state(mem, ModuleState::Active).ok()?;
        Some(Self {
            sq: Consumer::new(mem.clone(), block.ring(RingKind::Submission)),
            cq: Producer::new(mem.clone(), block.ring(RingKind::Completion)),
            fq: Consumer::new(mem.clone(), block.ring(RingKind::Fill)),
            rq: Producer::new(mem.clone(), block.ring(RingKind::Ready)),
            block,
            limits,
            pool,
        })
    }

    /// Tells the client that neither the block nor a buffer posted through it will be touched again.
    pub fn release(self) {
        // The block lies inside the pool, so this cannot fail; if it did, the client would only wait longer.
        let _ = self.block.set_state(self.pool.mem(), ModuleState::Released);
    }

    /// Makes everything of this round visible: what was filled, then what was taken.
    pub fn publish(&mut self) -> Result<(), RingFault> {
        self.cq.publish()?;
        self.rq.publish()?;
        self.sq.publish()?;
        self.fq.publish()
    }
}
