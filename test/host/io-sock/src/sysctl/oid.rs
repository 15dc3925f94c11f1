//! `struct sysctl_oid` as C lays it out, and what its `kind` word says.

use crate::memory::Plain;
use iosock_kpi::layout::SYSCTL_LINK;
use std::ffi::c_int;

/// `struct sysctl_oid`. Written by the kernel: it lies in a module's writable data.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct SysctlOid {
    pub children: usize,
    /// Address of the parent's `children`, which is the parent's own address.
    pub parent: usize,
    pub link: [usize; SYSCTL_LINK],
    pub number: c_int,
    pub kind: u32,
    pub arg1: usize,
    pub arg2: i64,
    pub name: usize,
    pub handler: usize,
    pub format: usize,
    pub refcnt: u32,
    pub running: u32,
    pub description: usize,
    pub label: usize,
}

/// Offset of `number`.
pub const NUMBER_AT: usize = 16 + 8 * SYSCTL_LINK;

// SAFETY: a C structure of integers, any bit pattern is a value; addresses are checked before use.
unsafe impl Plain for SysctlOid {}

const _: () = {
    assert!(size_of::<SysctlOid>() == 88 + 8 * SYSCTL_LINK);
    assert!(std::mem::offset_of!(SysctlOid, number) == NUMBER_AT);
    assert!(std::mem::offset_of!(SysctlOid, handler) == 48 + 8 * SYSCTL_LINK);
    assert!(std::mem::offset_of!(SysctlOid, description) == 72 + 8 * SYSCTL_LINK);
};

/// `OID_AUTO`: the kernel chooses the number.
pub const OID_AUTO: c_int = -1;
/// First number that is chosen (`CTL_AUTO_START`).
pub const AUTO_START: c_int = 0x100;

/// `CTLFLAG_RD`.
pub const RD: u32 = 0x8000_0000;
/// `CTLFLAG_WR`.
pub const WR: u32 = 0x4000_0000;
/// `CTLFLAG_ANYBODY`: writing needs no privilege.
pub const ANYBODY: u32 = 0x1000_0000;
/// `CTLFLAG_SKIP`: not listed.
pub const SKIP: u32 = 0x0100_0000;
/// `CTLFLAG_TUN`: the kernel environment has the first value.
pub const TUN: u32 = 0x0008_0000;
/// `CTLFLAG_MPSAFE`: the handler is called without Giant.
pub const MPSAFE: u32 = 0x0004_0000;
/// `CTLFLAG_NOFETCH`: the environment is not asked although `TUN` is set.
pub const NOFETCH: u32 = 0x0000_1000;

/// `CTLTYPE_*`, the low bits of `kind`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// Has children.
    Node,
    /// Text that ends with NUL.
    String,
    /// A structure that nobody else knows.
    Opaque,
    /// Signed integers of so many bytes.
    Signed(usize),
    /// Unsigned integers of so many bytes.
    Unsigned(usize),
}

impl Type {
    /// The type of a `kind` word; `None` when it is none.
    pub fn of(kind: u32) -> Option<Self> {
        Some(match kind & 0xf {
            1 => Self::Node,
            2 | 14 => Self::Signed(4),
            3 => Self::String,
            4 | 7 => Self::Signed(8),
            5 => Self::Opaque,
            6 | 15 => Self::Unsigned(4),
            8 | 9 => Self::Unsigned(8),
            10 => Self::Unsigned(1),
            11 => Self::Unsigned(2),
            12 => Self::Signed(1),
            13 => Self::Signed(2),
            _ => return None,
        })
    }
}
