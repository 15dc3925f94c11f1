//! Chains of mbufs (mbuf(9)).

use crate::{
    Errno, ExternalBuf,
    segment::{self, Segments},
};
use core::{
    ffi::{c_int, c_uint},
    fmt,
    marker::PhantomData,
    ptr::{self, NonNull},
    slice,
};
use iosock_sys::mbuf;

/// Whether an allocation may wait for memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// `M_NOWAIT`: fails at once.
    No,
    /// `M_WAITOK`: sleeps until there is memory.
    Yes,
}

impl Wait {
    pub(crate) const fn raw(self) -> c_int {
        match self {
            Self::No => 0,
            Self::Yes => 1,
        }
    }
}

/// A chain of mbufs, owned: dropping it frees it (`m_freem`), and with that calls the release callback of external storage that
/// nobody else refers to.
///
/// # Invariants
/// `head` is a whole chain that nobody else owns, or null for a chain without any mbuf; `tail` is its last mbuf. `len` is the sum of
/// its lengths, at most `i32::MAX`; a packet header says the same.
#[must_use = "dropping it frees the bytes"]
pub struct MbufChain {
    head: *mut mbuf,
    tail: *mut mbuf,
    len: usize,
}

// SAFETY: mbufs belong to no thread.
unsafe impl Send for MbufChain {}
// SAFETY: a shared reference only reads.
unsafe impl Sync for MbufChain {}

impl MbufChain {
    /// A chain without any mbuf.
    ///
    /// # Context
    /// Any.
    pub const fn empty() -> Self {
        Self {
            head: ptr::null_mut(),
            tail: ptr::null_mut(),
            len: 0,
        }
    }

    /// A chain of `len` zero bytes in clusters of the stack, with a packet header. Fill it with [`MbufChain::segments_mut`].
    ///
    /// # Errors
    /// `ENOBUFS` when there is no memory (never with [`Wait::Yes`]); `EINVAL` above `i32::MAX` bytes.
    ///
    /// # Context
    /// Sleeps with [`Wait::Yes`]; else any.
    #[doc(alias = "m_getm2")]
    pub fn alloc(len: usize, wait: Wait) -> Result<Self, Errno> {
        let want = c_int::try_from(len).map_err(|_| Errno::EINVAL)?;
        let head = match want {
            // SAFETY: allocates.
            0 => unsafe { iosock_sys::iosock_shim_mbuf_gethdr(wait.raw()) },
            // SAFETY: allocates; the length is above 0.
            _ => unsafe { iosock_sys::iosock_shim_mbuf_getm(want, wait.raw()) },
        };
        let head = NonNull::new(head).ok_or(Errno::ENOBUFS)?;
        // SAFETY: a fresh chain, ours. Its lengths are 0 still.
        let mut chain = unsafe { Self::from_raw(head.as_ptr()) };
        if chain.extend_to(want) == 0 {
            Ok(chain)
        } else {
            Err(Errno::ENOBUFS)
        }
    }

    /// Gives each mbuf of a fresh chain its share of `left` zero bytes; returns what did not fit.
    fn extend_to(&mut self, mut left: c_int) -> c_int {
        let mut m = self.head;
        while left > 0 && !m.is_null() {
            // SAFETY: an mbuf of this chain.
            let space = unsafe { iosock_sys::iosock_shim_mbuf_trailing_space(m) };
            let take = space.clamp(0, left);
            let bytes = usize::try_from(take).unwrap_or(0);
            // SAFETY: an mbuf of this chain.
            let data = unsafe { iosock_sys::iosock_shim_mbuf_data(m) };
            // SAFETY: `take` bytes behind the data, which is empty, may be written.
            unsafe { data.cast::<u8>().write_bytes(0, bytes) };
            // SAFETY: so many bytes are there, and initialised.
            unsafe { iosock_sys::iosock_shim_mbuf_set_len(m, take) };
            self.len = self.len.wrapping_add(bytes);
            left = left.wrapping_sub(take);
            // SAFETY: an mbuf of this chain.
            m = unsafe { iosock_sys::iosock_shim_mbuf_next(m) };
        }
        if !self.head.is_null() {
            // SAFETY: this chain.
            unsafe { iosock_sys::iosock_shim_mbuf_fix_header(self.head) };
        }
        left
    }

    /// One read-only mbuf over `buf`, with a packet header. The stack sends the bytes where they lie, and calls `buf`'s release
    /// callback when it has let go of them.
    ///
    /// # Errors
    /// `buf` comes back unchanged, with `ENOBUFS` when there is no mbuf, `EINVAL` when it has no byte or more than `i32::MAX`.
    ///
    /// # Context
    /// Any; does not sleep.
    #[doc(alias = "m_extadd")]
    pub fn external(buf: ExternalBuf) -> Result<Self, (Errno, ExternalBuf)> {
        if buf.is_empty() || c_int::try_from(buf.len()).is_err() {
            return Err((Errno::EINVAL, buf));
        }
        let Some(m) = buf.attach(Wait::No.raw()) else {
            return Err((Errno::ENOBUFS, buf));
        };
        let len = usize::try_from(buf.len()).unwrap_or(0);
        // The callback is the stack's to call from here on.
        buf.cancel();
        Ok(Self {
            head: m,
            tail: m,
            len,
        })
    }

    /// Links `other` behind this chain. Nothing is copied, and nothing freed.
    ///
    /// # Errors
    /// Gives `other` back when the sum is above `i32::MAX` bytes.
    ///
    /// # Context
    /// Any.
    pub fn append(&mut self, other: Self) -> Result<(), Self> {
        let (Ok(more), Some(sum)) = (c_int::try_from(other.len), self.len.checked_add(other.len)) else {
            return Err(other);
        };
        if c_int::try_from(sum).is_err() {
            return Err(other);
        }
        if other.head.is_null() {
            return Ok(());
        }
        if self.head.is_null() {
            *self = other;
            return Ok(());
        }
        let tail = other.tail;
        // SAFETY: two whole chains, ours; the second becomes part of the first.
        unsafe { iosock_sys::iosock_shim_mbuf_link(self.head, self.tail, other.into_raw(), more) };
        self.tail = tail;
        self.len = sum;
        Ok(())
    }

    /// Bytes in the chain.
    ///
    /// # Context
    /// Any.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no byte in it.
    ///
    /// # Context
    /// Any.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes `n` bytes, or all there are, off the front. Their mbufs stay until the chain goes.
    ///
    /// # Context
    /// Any.
    #[doc(alias = "m_adj")]
    pub fn advance(&mut self, n: usize) {
        let n = n.min(self.len);
        let Ok(trim) = c_int::try_from(n) else { return };
        if trim > 0 {
            // SAFETY: this chain, which has so many bytes.
            unsafe { iosock_sys::iosock_shim_mbuf_adj(self.head, trim) };
            self.len = self.len.saturating_sub(n);
        }
    }

    /// The pieces of the chain, in order, without the empty ones.
    ///
    /// # Context
    /// Any.
    pub fn segments(&self) -> Segments<'_> {
        Segments {
            next: self.head,
            chain: PhantomData,
        }
    }

    /// Calls `f` with every byte of the chain, in order, some at a time, until it fails. Private bytes are lent where they lie; bytes
    /// that somebody else may write meanwhile (storage of another module or client, over loopback) are copied out first.
    ///
    /// # Errors
    /// That of `f`.
    ///
    /// # Context
    /// That of `f`; else any.
    pub fn for_each_slice<E>(&self, mut f: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        for segment in self.segments() {
            match segment.bytes() {
                Some(bytes) => f(bytes)?,
                None => segment::bounce(&segment, &mut f)?,
            }
        }
        Ok(())
    }

    /// Calls `f` with the bytes of each piece, in order, to be written, until it fails. Pieces that others refer to (external
    /// storage, duplicates) are left out; a chain of [`MbufChain::alloc`] has none.
    ///
    /// # Errors
    /// That of `f`.
    ///
    /// # Context
    /// That of `f`; else any.
    pub fn segments_mut<E>(&mut self, mut f: impl FnMut(&mut [u8]) -> Result<(), E>) -> Result<(), E> {
        let mut m = self.head;
        while !m.is_null() {
            // SAFETY: an mbuf of this chain.
            let writable = unsafe { iosock_sys::iosock_shim_mbuf_is_writable(m) } != 0;
            // SAFETY: as above.
            let len = usize::try_from(unsafe { iosock_sys::iosock_shim_mbuf_len(m) }).unwrap_or(0);
            // SAFETY: as above.
            let data = unsafe { iosock_sys::iosock_shim_mbuf_data(m) };
            if writable && len > 0 {
                // SAFETY: `len` initialised bytes that this chain alone refers to, and it is borrowed mutably.
                f(unsafe { slice::from_raw_parts_mut(data.cast(), len) })?;
            }
            // SAFETY: as above.
            m = unsafe { iosock_sys::iosock_shim_mbuf_next(m) };
        }
        Ok(())
    }

    pub(crate) const fn as_ptr(&self) -> *const mbuf {
        self.head
    }

    /// Bytes that the last mbuf has room for.
    pub(crate) fn room_in_tail(&self) -> usize {
        if self.tail.is_null() {
            return 0;
        }
        // SAFETY: an mbuf of this chain. The answer is 0 where the storage may not be written.
        usize::try_from(unsafe { iosock_sys::iosock_shim_mbuf_trailing_space(self.tail) }).unwrap_or(0)
    }

    /// Copies `len` bytes behind the data of the last mbuf, as many as fit.
    ///
    /// # Safety
    /// `src` has `len` bytes that may be read.
    pub(crate) unsafe fn fill_tail(&mut self, src: *const u8, len: usize) {
        let Ok(want) = c_int::try_from(len) else { return };
        if want == 0 || self.tail.is_null() {
            return;
        }
        // SAFETY: an mbuf of this chain, which alone refers to its trailing room; the bytes are there, by the caller.
        let took = unsafe { iosock_sys::iosock_shim_mbuf_fill(self.tail, src.cast(), want) };
        self.len = self.len.wrapping_add(usize::try_from(took).unwrap_or(0));
        // SAFETY: this chain.
        unsafe { iosock_sys::iosock_shim_mbuf_grow_header(self.head, took) };
    }

    /// Gives the chain away; null for one without any mbuf.
    ///
    /// # Context
    /// Any.
    pub fn into_raw(self) -> *mut mbuf {
        let head = self.head;
        core::mem::forget(self);
        head
    }

    /// Takes a chain over.
    ///
    /// # Safety
    /// `head` is null, or a whole chain of initialised bytes, at most `i32::MAX`, that nobody else owns.
    ///
    /// # Context
    /// Any.
    pub unsafe fn from_raw(head: *mut mbuf) -> Self {
        if head.is_null() {
            return Self::empty();
        }
        let mut tail = head;
        // SAFETY: by the caller.
        let len: c_uint = unsafe { iosock_sys::iosock_shim_mbuf_length(head, &mut tail) };
        Self {
            head,
            tail,
            len: usize::try_from(len).unwrap_or(0),
        }
    }
}

impl Drop for MbufChain {
    fn drop(&mut self) {
        if !self.head.is_null() {
            // SAFETY: ours, by the type's invariant.
            unsafe { iosock_sys::iosock_shim_mbuf_freem(self.head) };
        }
    }
}

impl fmt::Debug for MbufChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MbufChain")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
