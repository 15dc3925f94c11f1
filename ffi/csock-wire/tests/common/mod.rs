//! Shared by the test binaries; each uses a part of it.
#![allow(dead_code)]

/// A small generator (xorshift64*): the same numbers in every run.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Rng {
        Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// Page-aligned private memory that plays the shared region.
pub struct Pool {
    words: Vec<u64>,
    len: usize,
}

impl Pool {
    pub fn new(len: usize) -> Pool {
        Pool {
            words: vec![0; len.div_ceil(8) + 8],
            len,
        }
    }

    /// The accessor. The pool must outlive every copy of it.
    pub fn region(&mut self) -> csock_wire::SharedRegion {
        let base = self.words.as_mut_ptr().cast::<u8>();
        // 64-aligned, as a mapping would be.
        let base = base.wrapping_add(base.align_offset(64));
        // SAFETY: the vector has 64 bytes more than `len`, and no test touches it otherwise while a copy is in use.
        unsafe { csock_wire::SharedRegion::new(base, self.len) }
    }
}
