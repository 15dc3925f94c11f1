//! The descriptor: what a slot of a ring holds, and the check that turns an allegation into something usable.

use core::fmt;

use bitflags::bitflags;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::errno::WireErrno;
use crate::layout::RingKind;
use crate::refusal::{Field, Refusal};

bitflags! {
    /// Flags of a descriptor. Bits without a name survive in the value and are refused by [`Desc::check`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct DescFlags: u32 {
        /// SQ: more follows at once, so a short segment may wait for it.
        const MORE = 1;
        /// RQ: the peer sent its FIN; no data, now or later.
        const EOF = 2;
        /// CQ, RQ: failed; `aux` is the [`WireErrno`].
        const ERROR = 4;
        /// RQ: a datagram was longer than the buffer.
        const TRUNC = 8;
        /// Keeps the bits that this build has no name for.
        const _ = !0;
    }
}

/// One slot: 32 bytes, the same for all four rings.
///
/// | ring | offset, len | flags | user | aux |
/// |---|---|---|---|---|
/// | SQ | bytes to send, in the data area | MORE | the client's own | 0 |
/// | CQ | offset of the SQ descriptor; bytes that the stack took | ERROR | user of the SQ descriptor | 0, or the error |
/// | FQ | empty buffer, in the data area | 0 | the client's own | 0 |
/// | RQ, data | offset of the FQ descriptor; bytes filled, at least 1 | TRUNC | user of the FQ descriptor | 0 |
/// | RQ, EOF or ERROR | 0, 0: uses no buffer | EOF or ERROR | 0 | 0, or the error |
///
/// As it comes out of a ring it is what the peer alleges; [`Desc::check`] makes a [`CheckedDesc`] of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Desc {
    /// Offset in the pool, bytes.
    pub offset: u64,
    /// Length, bytes.
    pub len: u32,
    /// [`DescFlags`], as it came.
    pub flags: u32,
    /// The client's own number, handed back unchanged.
    pub user: u64,
    /// See the table.
    pub aux: u64,
}

/// The limits of a pool that a descriptor must keep, from private memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescLimits {
    /// First byte of the data area.
    pub data_offset: u64,
    /// Length of the pool, bytes.
    pub pool_len: u64,
    /// Longest descriptor, bytes.
    pub max_len: u32,
}

/// A descriptor that kept every rule of its ring. Cannot be made any other way than by [`Desc::check`] (S-02):
///
/// ```compile_fail,E0451
/// use csock_wire::{CheckedDesc, DescFlags, WireErrno};
/// let forged = CheckedDesc { offset: 0, len: 1, flags: DescFlags::empty(), user: 0, error: WireErrno::OK };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckedDesc {
    offset: usize,
    len: u32,
    flags: DescFlags,
    user: u64,
    error: WireErrno,
}

/// Why a descriptor was refused. It concerns this descriptor alone; the ring is sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescError {
    /// The field at fault.
    pub field: Field,
    /// What it held.
    pub value: u64,
    /// The limit, or the mask of allowed bits.
    pub allowed: u64,
}

impl From<DescError> for Refusal {
    fn from(e: DescError) -> Refusal {
        Refusal::new(WireErrno::EINVAL, e.field, e.value, e.allowed)
    }
}

impl fmt::Display for DescError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is {:#x}, allowed {:#x}",
            self.field.name(),
            self.value,
            self.allowed
        )
    }
}

impl core::error::Error for DescError {}

impl Desc {
    /// A descriptor of a buffer: SQ (to send), FQ (empty) or RQ (filled).
    #[must_use]
    pub const fn buffer(offset: u64, len: u32, user: u64) -> Desc {
        Desc {
            offset,
            len,
            flags: 0,
            user,
            aux: 0,
        }
    }

    /// The same with flags.
    #[must_use]
    pub const fn with_flags(self, flags: DescFlags) -> Desc {
        Desc {
            flags: flags.bits(),
            ..self
        }
    }

    /// CQ: the buffer of `sent` is the client's again; the stack took `taken` bytes, and `error` says why not more.
    #[must_use]
    pub fn completion(sent: &CheckedDesc, taken: u32, error: WireErrno) -> Desc {
        Desc::completion_raw(crate::layout::widen(sent.offset), sent.user, taken, error)
    }

    /// CQ for a descriptor that was refused: echoes offset and user as the client wrote them, takes nothing.
    #[must_use]
    pub fn refused(raw: &Desc, error: WireErrno) -> Desc {
        Desc::completion_raw(raw.offset, raw.user, 0, error)
    }

    /// CQ from its parts, for a module that keeps only these.
    #[must_use]
    pub fn completion_raw(offset: u64, user: u64, taken: u32, error: WireErrno) -> Desc {
        let flags = if error.is_ok() {
            DescFlags::empty()
        } else {
            DescFlags::ERROR
        };
        Desc {
            offset,
            len: taken,
            flags: flags.bits(),
            user,
            aux: error.0.into(),
        }
    }

    /// RQ: end of file.
    #[must_use]
    pub const fn eof() -> Desc {
        Desc {
            offset: 0,
            len: 0,
            flags: DescFlags::EOF.bits(),
            user: 0,
            aux: 0,
        }
    }

    /// RQ: the connection failed. An `error` of [`WireErrno::OK`] would be refused by the reader.
    #[must_use]
    pub fn error(error: WireErrno) -> Desc {
        Desc {
            offset: 0,
            len: 0,
            flags: DescFlags::ERROR.bits(),
            user: 0,
            aux: error.0.into(),
        }
    }

    /// Checks the descriptor against the rules of the ring that it came from.
    ///
    /// `limits` are those of the pool. For RQ and CQ the caller still compares offset, length and user with its own
    /// record of what it posted: this check proves only that nothing lies outside the data area.
    ///
    /// # Errors
    /// [`DescError`] with the first wrong field: flags, aux, length, offset, end.
    pub fn check(&self, ring: RingKind, limits: &DescLimits) -> Result<CheckedDesc, DescError> {
        let flags = DescFlags::from_bits_retain(self.flags);
        let known = match ring {
            RingKind::Submission => DescFlags::MORE,
            RingKind::Completion => DescFlags::ERROR,
            RingKind::Fill => DescFlags::empty(),
            RingKind::Ready => DescFlags::EOF.union(DescFlags::ERROR).union(DescFlags::TRUNC),
        };
        if !known.contains(flags) {
            return Err(refuse(Field::DescFlags, self.flags.into(), known.bits().into()));
        }
        let error = self.check_aux(flags)?;
        if matches!(ring, RingKind::Ready) && flags.intersects(DescFlags::EOF.union(DescFlags::ERROR)) {
            return self.check_bare(flags, error);
        }
        let shortest = if matches!(ring, RingKind::Completion) {
            0
        } else {
            1
        };
        if self.len < shortest {
            return Err(refuse(Field::DescLen, self.len.into(), shortest.into()));
        }
        // A completion echoes the offset even of a descriptor that was refused for it, so it is not measured.
        if matches!(ring, RingKind::Completion) && flags.contains(DescFlags::ERROR) && self.len == 0 {
            return Ok(CheckedDesc {
                offset: 0,
                len: 0,
                flags,
                user: self.user,
                error,
            });
        }
        self.check_range(limits)?;
        let offset = usize::try_from(self.offset)
            .map_err(|_| refuse(Field::DescOffset, self.offset, limits.pool_len))?;
        Ok(CheckedDesc {
            offset,
            len: self.len,
            flags,
            user: self.user,
            error,
        })
    }

    /// `aux` is an error number exactly when ERROR is set.
    fn check_aux(&self, flags: DescFlags) -> Result<WireErrno, DescError> {
        let refused = |allowed| refuse(Field::DescAux, self.aux, allowed);
        if !flags.contains(DescFlags::ERROR) {
            return if self.aux == 0 {
                Ok(WireErrno::OK)
            } else {
                Err(refused(0))
            };
        }
        match u16::try_from(self.aux) {
            Ok(number) if number != 0 => Ok(WireErrno(number)),
            _ => Err(refused(u16::MAX.into())),
        }
    }

    /// EOF and ERROR of RQ use no buffer, and exclude each other and everything else.
    fn check_bare(&self, flags: DescFlags, error: WireErrno) -> Result<CheckedDesc, DescError> {
        if flags != DescFlags::EOF && flags != DescFlags::ERROR {
            return Err(refuse(
                Field::DescFlags,
                self.flags.into(),
                DescFlags::ERROR.bits().into(),
            ));
        }
        for (field, value) in [
            (Field::DescLen, u64::from(self.len)),
            (Field::DescOffset, self.offset),
            (Field::DescUser, self.user),
        ] {
            if value != 0 {
                return Err(refuse(field, value, 0));
            }
        }
        Ok(CheckedDesc {
            offset: 0,
            len: 0,
            flags,
            user: 0,
            error,
        })
    }

    /// Length within the limit, and the whole range inside the data area, without overflow (S-06).
    fn check_range(&self, limits: &DescLimits) -> Result<(), DescError> {
        if self.len > limits.max_len {
            return Err(refuse(Field::DescLen, self.len.into(), limits.max_len.into()));
        }
        if self.offset < limits.data_offset {
            return Err(refuse(Field::DescOffset, self.offset, limits.data_offset));
        }
        match self.offset.checked_add(self.len.into()) {
            Some(end) if end <= limits.pool_len => Ok(()),
            Some(end) => Err(refuse(Field::DescEnd, end, limits.pool_len)),
            None => Err(refuse(Field::DescEnd, u64::MAX, limits.pool_len)),
        }
    }
}

impl CheckedDesc {
    /// Offset in the pool, bytes; 0 when the descriptor uses no buffer.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Length in bytes.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// True when the length is 0.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The flags, all of them known.
    #[must_use]
    pub const fn flags(&self) -> DescFlags {
        self.flags
    }

    /// The client's own number.
    #[must_use]
    pub const fn user(&self) -> u64 {
        self.user
    }

    /// The error of CQ or RQ, [`WireErrno::OK`] when there is none.
    #[must_use]
    pub const fn error(&self) -> WireErrno {
        self.error
    }

    /// True for RQ's end of file.
    #[must_use]
    pub const fn is_eof(&self) -> bool {
        self.flags.contains(DescFlags::EOF)
    }
}

#[cold]
const fn refuse(field: Field, value: u64, allowed: u64) -> DescError {
    DescError {
        field,
        value,
        allowed,
    }
}
