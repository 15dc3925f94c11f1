//! What can be wrong with a file.

use std::fmt;

/// Why a file cannot be mapped here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ElfError {
    /// It does not start as an ELF file does.
    NotElf {
        /// Its length in bytes.
        len: usize,
    },
    /// Another class, machine, byte order or file type.
    Wrong {
        /// What is wrong: "class", "architecture", "byte order", "file type".
        what: &'static str,
        /// What the file says.
        found: String,
        /// What is allowed.
        expected: String,
    },
    /// A segment that a module must not have.
    Refused(&'static str),
    /// A header or table points outside the file, or contradicts another.
    Damaged(String),
    /// A relocation that is not allowed.
    Relocation {
        /// Its type, as the architecture numbers it.
        kind: u32,
        /// Where it applies, an image address.
        at: u64,
        /// Why it is refused.
        why: &'static str,
    },
}

impl fmt::Display for ElfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotElf { len } => write!(f, "not an ELF file ({len} bytes)"),
            Self::Wrong {
                what,
                found,
                expected,
            } => write!(f, "wrong {what}: found {found}, expected {expected}"),
            Self::Refused(what) => write!(f, "refused: {what}"),
            Self::Damaged(what) => write!(f, "damaged ELF file: {what}"),
            Self::Relocation { kind, at, why } => write!(f, "relocation of type {kind} at {at:#x}: {why}"),
        }
    }
}

impl std::error::Error for ElfError {}

impl ElfError {
    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }
}
