//! Reading the pieces of a chain.

use core::{ffi::c_int, marker::PhantomData, slice};
use iosock_sys::mbuf;

/// Bytes copied out at a time from memory that somebody else may write.
const BOUNCE: usize = 512;

/// One piece of a chain: the bytes of one mbuf.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    m: *const mbuf,
    len: usize,
    chain: PhantomData<&'a mbuf>,
}

impl<'a> Segment<'a> {
    /// How many bytes; never 0.
    ///
    /// # Context
    /// Any.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// The bytes, when nobody else can write them: inline data and the stack's own clusters. `None` for storage that some module
    /// attached. Such comes in over loopback, and a client can write it at any time: see [`Segment::copy_to`].
    ///
    /// # Context
    /// Any.
    pub fn bytes(&self) -> Option<&'a [u8]> {
        // SAFETY: an mbuf of a chain that is borrowed.
        let private = unsafe { iosock_sys::iosock_shim_mbuf_is_private(self.m) } != 0;
        // SAFETY: as above.
        let data = unsafe { iosock_sys::iosock_shim_mbuf_data(self.m) };
        // SAFETY: `len` bytes that nobody writes while the chain is borrowed.
        private.then(|| unsafe { slice::from_raw_parts(data.cast_const().cast(), self.len) })
    }

    pub(crate) const fn as_ptr(&self) -> *const mbuf {
        self.m
    }

    /// Copies bytes from `offset` on into `dst`, as many as there are and fit; returns how many. A byte that
    /// changes meanwhile is copied as it was at some moment.
    ///
    /// # Context
    /// Any.
    #[doc(alias = "m_copydata")]
    pub fn copy_to(&self, offset: usize, dst: &mut [u8]) -> usize {
        let len = self.len.saturating_sub(offset).min(dst.len());
        let (Ok(from), Ok(count)) = (c_int::try_from(offset), c_int::try_from(len)) else {
            return 0;
        };
        if count > 0 {
            // SAFETY: the segment has `count` bytes from `from` on, and `dst` has room for them. C makes the copy, so a write by another
            // process meanwhile is no data race of Rust's.
            unsafe { iosock_sys::iosock_shim_mbuf_copydata(self.m, from, count, dst.as_mut_ptr().cast()) };
        }
        len
    }
}

/// Copies a segment out, a bit at a time, and hands each bit to `f`.
pub(crate) fn bounce<E>(segment: &Segment<'_>, f: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    let mut copy = [0_u8; BOUNCE];
    let mut offset = 0_usize;
    loop {
        let len = segment.copy_to(offset, &mut copy);
        match copy.get(..len) {
            None | Some([]) => return Ok(()),
            Some(bytes) => f(bytes)?,
        }
        offset = offset.wrapping_add(len);
    }
}

/// The pieces of a chain, in order. See [`MbufChain::segments`](crate::MbufChain::segments).
#[derive(Clone, Debug)]
pub struct Segments<'a> {
    pub(crate) next: *const mbuf,
    pub(crate) chain: PhantomData<&'a mbuf>,
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        while !self.next.is_null() {
            let m = self.next;
            // SAFETY: an mbuf of a chain that is borrowed.
            self.next = unsafe { iosock_sys::iosock_shim_mbuf_next(m) };
            // SAFETY: as above.
            let len = usize::try_from(unsafe { iosock_sys::iosock_shim_mbuf_len(m) }).unwrap_or(0);
            if len > 0 {
                return Some(Segment {
                    m,
                    len,
                    chain: PhantomData,
                });
            }
        }
        None
    }
}
