//! How fast bulk copies between shared and private memory are, beside plain `memcpy`, in GB/s.
//!
//! ```text
//! cargo run -p csock-wire --release --example bulk_speed
//! ```
//!
//! Each size is copied within buffers of 8 MiB at moving offsets ("moving"), and again and again between the same
//! two places ("hot"). The best of several passes counts: the others were disturbed.

use std::hint::black_box;
use std::time::Instant;

use csock_wire::{SharedMem, SharedRegion};

const ARENA: usize = 8 << 20;
const PASSES: usize = 7;
const BYTES_A_PASS: usize = 64 << 20;

/// GB/s of `copy(offset)` over `len` bytes, the best pass.
fn measure(len: usize, span: usize, mut copy: impl FnMut(usize)) -> f64 {
    let count = (BYTES_A_PASS / len).max(1);
    let step = len.next_multiple_of(64);
    (0..PASSES).fold(0.0_f64, |best, _| {
        let mut offset = 0;
        let start = Instant::now();
        for _ in 0..count {
            copy(offset);
            offset += step;
            if offset + step > span {
                offset = 0;
            }
        }
        let bytes = (count * len) as f64;
        best.max(bytes / start.elapsed().as_nanos().max(1) as f64)
    })
}

fn main() {
    let mut shared = vec![1_u64; ARENA / 8];
    // SAFETY: the vector lives to the end and is not touched otherwise.
    let region = unsafe { SharedRegion::new(shared.as_mut_ptr().cast(), ARENA) };
    let mut private = vec![2_u8; ARENA];
    let other = vec![3_u8; ARENA];
    println!(
        "{:>9} {:>7} {:>9} {:>9} {:>9} {:>7}",
        "bytes", "", "memcpy", "copy_in", "copy_out", "ratio"
    );
    for len in [64, 256, 512, 1024, 1460, 2048, 4096, 16 << 10, 64 << 10, 1 << 20] {
        for (name, span) in [("hot", 0), ("moving", ARENA)] {
            let memcpy = measure(len, span, |at| {
                let (dst, src) = (&mut private[at..at + len], &other[at..at + len]);
                dst.copy_from_slice(black_box(src));
                black_box(dst);
            });
            let inwards = measure(len, span, |at| {
                region
                    .copy_in(at, black_box(&mut private[at..at + len]))
                    .expect("inside");
            });
            let outwards = measure(len, span, |at| {
                region
                    .copy_out(at, black_box(&other[at..at + len]))
                    .expect("inside");
            });
            let ratio = inwards.min(outwards) / memcpy;
            println!("{len:>9} {name:>7} {memcpy:>9.1} {inwards:>9.1} {outwards:>9.1} {ratio:>7.2}");
        }
    }
}
