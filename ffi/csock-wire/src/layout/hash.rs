//! The number that names the layout of this build.

use super::area::{AreaGeometry, BLOCK_LEN, BLOCK_WORDS, RANGES, READY_ENTRIES};
use super::numbers::{
    DATA_ALIGN, DATA_OFFSET_AT, LAYOUT_HASH_AT, POOL_HEADER_LEN, POOL_MAGIC, POOL_VERSION, SIZE_AT,
};

/// Names the layout of this build: both sides compare it before anything is shared.
pub const LAYOUT_HASH: u64 = layout_hash();

/// FNV-1a over every number that the two sides must agree on.
const fn layout_hash() -> u64 {
    const fn mix(mut hash: u64, number: u64) -> u64 {
        let mut shift = 0;
        while shift < 64 {
            hash = (hash ^ ((number >> shift) & 0xFF)).wrapping_mul(0x0000_0100_0000_01B3);
            shift = match u32::checked_add(shift, 8) {
                Some(next) => next,
                None => return hash,
            };
        }
        hash
    }
    // `as` is fine here: constants of this crate, all far below 2^32.
    #[allow(clippy::as_conversions)]
    const NUMBERS: [u64; 11] = [
        POOL_MAGIC as u64,
        POOL_VERSION as u64,
        POOL_HEADER_LEN as u64,
        DATA_ALIGN as u64,
        LAYOUT_HASH_AT as u64,
        SIZE_AT as u64,
        DATA_OFFSET_AT as u64,
        RANGES,
        READY_ENTRIES,
        BLOCK_LEN as u64,
        size_of::<AreaGeometry>() as u64,
    ];
    let mut hash = 0xCBF2_9CE4_8422_2325;
    let mut lists: &[&[u64]] = &[&NUMBERS, BLOCK_WORDS];
    while let [list, others @ ..] = lists {
        let mut rest: &[u64] = list;
        while let [number, tail @ ..] = rest {
            hash = mix(hash, *number);
            rest = tail;
        }
        lists = others;
    }
    hash
}
