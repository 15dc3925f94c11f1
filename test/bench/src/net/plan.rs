//! Which cases are measured: those that the keys are made of, and the whole tables.

use super::{
    case::{
        Case,
        RoadKind::{self, CsockCopy, CsockInPlace, Kernel, Message},
        Scenario::{RequestResponse, StreamIn, StreamOut},
    },
    keys,
};
use std::collections::BTreeSet;

/// Bytes of a message that is streamed, and of a request.
pub const STREAM_SIZES: [u32; 4] = [100, 1 << 10, 16 << 10, 1 << 20];
pub const TURN_SIZES: [u32; 3] = [64, 1 << 10, 16 << 10];
/// Delays of acknowledgements, milliseconds, and numbers of sockets.
pub const DELAYS: [u32; 3] = [0, 1, 20];
pub const LINES: [u32; 2] = [1, 20];
pub const SOCKETS: [u32; 3] = [1, 100, keys::MANY];

/// What the keys need.
pub fn quick() -> BTreeSet<Case> {
    keys::all()
        .iter()
        .flat_map(|key| key.formula.terms())
        .map(|(case, _)| case)
        .collect()
}

/// Everything.
pub fn full() -> BTreeSet<Case> {
    let mut cases = quick();
    let mut add = |case: Case| {
        cases.insert(case);
    };
    for road in RoadKind::ALL {
        for size in STREAM_SIZES {
            for scenario in [StreamOut, StreamIn] {
                let case = Case::new(scenario, road, size);
                add(case);
                add(case.one_core());
                if road != Kernel {
                    add(case.root());
                }
            }
        }
        for size in TURN_SIZES {
            let case = Case::new(RequestResponse, road, size);
            add(case);
            add(case.one_core());
            add(case.busy());
            if road != Kernel {
                add(case.counting());
                add(case.root());
                add(case.root().counting());
            }
        }
        for sockets in SOCKETS {
            add(Case::new(StreamOut, road, 16 << 10).sockets(sockets));
            add(Case::new(RequestResponse, road, 1 << 10).sockets(sockets));
        }
        add(Case::new(StreamOut, road, 100).busy());
        add(Case::new(StreamOut, road, 1));
    }
    // A line is the same for everybody.
    for road in RoadKind::ALL {
        for delay in LINES {
            for size in STREAM_SIZES {
                add(Case::new(StreamOut, road, size).line(delay));
            }
            add(Case::new(RequestResponse, road, 1 << 10).line(delay));
        }
    }
    // The kernel's own sockets know no acknowledgements of ours.
    for road in [CsockCopy, CsockInPlace, Message] {
        for size in STREAM_SIZES {
            for delay in DELAYS {
                add(Case::new(StreamOut, road, size).network(delay));
            }
        }
        add(Case::new(StreamOut, road, 1).network(0));
        add(Case::new(RequestResponse, road, 1 << 10).network(1));
    }
    for road in [CsockCopy, Message] {
        add(keys::idle(road));
        add(keys::idle_by_default(road));
        add(keys::stalled(road));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_plan_has_what_the_quick_one_has() {
        assert!(quick().is_subset(&full()));
        assert!(full().len() > 2 * quick().len());
    }
}
