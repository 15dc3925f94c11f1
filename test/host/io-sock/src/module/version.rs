//! `iosock_module_version`: does the module fit this io-sock?

use crate::elf::Image;
use std::fmt;

/// The newest interface that this io-sock offers: QNX 8.0.5's, which the stand-in's headers name `IOSOCK_VERSION_CUR`.
pub const PROVIDED: u32 = 0x1_0004;
/// The oldest interface that it still offers.
// ON-TARGET: in SDP 8.0.5 current and minimum were read to be the same number.
pub const MINIMUM: u32 = 0x1_0004;
/// The version of the kernel interface that `DECLARE_MODULE` depends on: `__FreeBSD_version` of the stand-in's headers.
pub const KERNEL: i32 = iosock_kpi::layout::FREEBSD_VERSION;

const SYMBOL: &str = "iosock_module_version";
const FLAG_DIAG: u32 = 1;

/// Why a module does not fit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum VersionError {
    /// The symbol is not exported.
    Absent,
    /// The symbol is not 16 bytes of initialised data.
    NoData,
    /// The version ranges do not meet.
    Mismatch {
        /// What the module was built for.
        provided: u32,
        /// The oldest that it accepts.
        minimum: u32,
    },
    /// A diagnostic module in a normal io-sock, or the reverse.
    Diag {
        /// Whether the module is the diagnostic one.
        module: bool,
    },
}

impl fmt::Display for VersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let build = |diag| {
            if diag {
                "a diagnostic build (flag 1)"
            } else {
                "a normal build (flag 0)"
            }
        };
        match self {
            Self::Absent => write!(
                f,
                "no {SYMBOL} in .dynsym: not an io-sock module, or the linker made it local"
            ),
            Self::NoData => write!(f, "{SYMBOL} is not 16 bytes of initialised data"),
            Self::Mismatch { provided, minimum } => write!(
                f,
                "wrong version: the module provides {provided:#x} and needs at least {minimum:#x}; \
                 this io-sock provides {PROVIDED:#x} and needs at least {MINIMUM:#x}"
            ),
            Self::Diag { module } => write!(
                f,
                "the module is {}, this io-sock is {}",
                build(*module),
                build(!*module)
            ),
        }
    }
}

impl std::error::Error for VersionError {}

/// Checks the module's words against ours. `diag`: this is io-sock-diag.
pub fn check(image: &Image, diag: bool) -> Result<(), VersionError> {
    let symbol = image.export(SYMBOL).ok_or(VersionError::Absent)?;
    // Four words: provided, minimum, type, flags. Any type is taken: only 0, generic, is known.
    let [provided, minimum, _kind, flags] = image.words(symbol.address).ok_or(VersionError::NoData)?;
    if minimum > PROVIDED || provided < MINIMUM {
        return Err(VersionError::Mismatch { provided, minimum });
    }
    let module = flags & FLAG_DIAG != 0;
    if module == diag {
        Ok(())
    } else {
        Err(VersionError::Diag { module })
    }
}
