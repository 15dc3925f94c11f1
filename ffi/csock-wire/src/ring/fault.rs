//! What can go wrong with a ring. A fault is the peer's doing (or a bug of ours) and final for the ring.

use core::fmt;

use crate::errno::WireErrno;
use crate::refusal::{Field, Refusal};
use crate::shm::OutOfBounds;

/// The ring is broken: fail the session once, read the ring never again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingFault {
    /// The peer's index is where the peer cannot have moved it.
    PeerIndex {
        /// The peer's index as it was loaded.
        value: u32,
        /// Our own index, as published.
        own: u32,
        /// Capacity of the ring, slots.
        capacity: u32,
    },
    /// The ring does not lie in the memory that it was made over: a mistake of this side.
    OutOfBounds(OutOfBounds),
}

impl From<OutOfBounds> for RingFault {
    fn from(e: OutOfBounds) -> RingFault {
        RingFault::OutOfBounds(e)
    }
}

impl From<RingFault> for Refusal {
    fn from(fault: RingFault) -> Refusal {
        match fault {
            RingFault::PeerIndex { value, own, .. } => {
                Refusal::new(WireErrno::EPROTO, Field::RingIndex, value.into(), own.into())
            }
            RingFault::OutOfBounds(_) => Refusal::bare(WireErrno::EFAULT),
        }
    }
}

impl fmt::Display for RingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RingFault::PeerIndex { value, own, capacity } => {
                write!(
                    f,
                    "peer's ring index is {value:#x}, impossible with ours at {own:#x} and capacity {capacity}"
                )
            }
            RingFault::OutOfBounds(e) => e.fmt(f),
        }
    }
}

impl core::error::Error for RingFault {}

/// Why a descriptor was not pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError {
    /// No free slot now. Normal: the consumer has to catch up.
    Full,
    /// The ring is broken.
    Fault(RingFault),
}

impl From<RingFault> for PushError {
    fn from(fault: RingFault) -> PushError {
        PushError::Fault(fault)
    }
}

impl From<OutOfBounds> for PushError {
    fn from(e: OutOfBounds) -> PushError {
        PushError::Fault(e.into())
    }
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PushError::Full => f.write_str("the ring is full"),
            PushError::Fault(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for PushError {}
