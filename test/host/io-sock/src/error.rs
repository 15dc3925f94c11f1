//! Why a module was not loaded or not unloaded. Each prints as one line.

use crate::{
    elf::ElfError,
    errno::{ENOEXEC, Errno},
    module::version::VersionError,
};
use std::{fmt, path::PathBuf};

/// Why a file was not loaded.
#[derive(Debug)]
pub enum LoadError {
    /// No file by that name.
    NotFound {
        /// As it was asked for.
        name: String,
        /// The paths that were tried.
        searched: Vec<PathBuf>,
    },
    /// The file could not be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is no file that could be loaded on this machine.
    Elf(ElfError),
    /// Symbols that nobody provides; all of them.
    MissingSymbols(Vec<String>),
    /// It does not fit this io-sock.
    Version(VersionError),
    /// Linker sets that cannot be found or used.
    Sets(Vec<SetFault>),
    /// Something in a linker set that cannot be what it should be.
    Registration(String),
    /// A file or module of that name is there already.
    AlreadyLoaded(String),
    /// A module needs another that is not there, or not in that version.
    Dependency {
        /// The module.
        module: String,
        /// What it needs.
        needs: String,
        /// Lowest and highest version that would do.
        range: (i32, i32),
        /// The version that is there.
        found: Option<i32>,
    },
    /// The event handler answered `MOD_LOAD` with an error.
    Handler {
        /// The module.
        module: String,
        /// Its answer.
        error: Errno,
    },
    /// A sysinit registered a module of which no metadata speaks.
    NotRegistered(String),
    /// The mapping failed.
    Map(String),
}

/// What is wrong with a linker set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetFault {
    /// Neither bound is exported and there is no such section.
    Absent(&'static str),
    /// The section is there, its bounds are not in `.dynsym`: a linker made them local.
    Hidden(&'static str),
    /// Only one bound is exported.
    Half {
        /// The set.
        set: &'static str,
        /// The bound that is missing.
        missing: String,
    },
    /// The bounds do not enclose whole pointers inside the image.
    Bounds {
        /// The set.
        set: &'static str,
        /// Image addresses of start and stop.
        bounds: (u64, u64),
    },
    /// The loader sorts the array in place and cannot.
    ReadOnly(&'static str),
}

impl fmt::Display for SetFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(set) => write!(f, "{set} is missing"),
            Self::Hidden(set) => {
                write!(
                    f,
                    "{set} is missing: the section is there, but __start_{set} and __stop_{set} are not in .dynsym"
                )
            }
            Self::Half { set, missing } => write!(f, "{set} is missing: {missing} is not in .dynsym"),
            Self::Bounds { set, bounds } => {
                write!(
                    f,
                    "{set} has bad bounds {:#x}..{:#x}: whole 8-byte pointers inside the image are allowed",
                    bounds.0, bounds.1
                )
            }
            Self::ReadOnly(set) => write!(
                f,
                "{set} lies in memory that is not writable; it is sorted in place"
            ),
        }
    }
}

impl LoadError {
    /// The error number that `mount` reports.
    pub fn errno(&self) -> Errno {
        match self {
            Self::NotFound { .. } => Errno::ENOENT,
            Self::Read { error, .. } if error.kind() == std::io::ErrorKind::PermissionDenied => Errno::EACCES,
            Self::Read { .. } => Errno::EIO,
            Self::AlreadyLoaded(_) => Errno::EEXIST,
            Self::Dependency { .. } => Errno::ENODEV,
            Self::Handler { error, .. } => *error,
            Self::Map(_) => Errno::ENOMEM,
            Self::Elf(_)
            | Self::MissingSymbols(_)
            | Self::Version(_)
            | Self::Sets(_)
            | Self::Registration(_)
            | Self::NotRegistered(_) => ENOEXEC,
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { name, searched } => {
                write!(f, "no such module '{name}'; ")?;
                match searched.split_first() {
                    None => write!(f, "LD_LIBRARY_PATH of io-sock names no directory"),
                    Some((first, rest)) => {
                        write!(f, "looked for {}", first.display())?;
                        rest.iter().try_for_each(|path| write!(f, ", {}", path.display()))
                    }
                }
            }
            Self::Read { path, error } => write!(f, "cannot read {}: {error}", path.display()),
            Self::Elf(error) => error.fmt(f),
            Self::MissingSymbols(names) => {
                let s = if names.len() == 1 { "" } else { "s" };
                // A damaged file has any bytes for names.
                let names: Vec<String> = names.iter().map(|name| name.escape_debug().to_string()).collect();
                write!(f, "{} missing symbol{s}: {}", names.len(), names.join(", "))
            }
            Self::Version(error) => error.fmt(f),
            Self::Sets(faults) => {
                write!(f, "linker sets: ")?;
                for (n, fault) in faults.iter().enumerate() {
                    write!(f, "{}{fault}", if n == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
            Self::Registration(text) => write!(f, "bad registration: {text}"),
            Self::AlreadyLoaded(name) => write!(f, "{name} is already loaded: {}", Errno::EEXIST),
            Self::Dependency {
                module,
                needs,
                range: (low, high),
                found,
            } => {
                write!(f, "module {module} needs {needs} in version {low} to {high}; ")?;
                match found {
                    Some(version) => write!(f, "this one has {version}"),
                    None => write!(f, "{needs} is not loaded"),
                }
            }
            Self::Handler { module, error } => write!(f, "module {module} answered MOD_LOAD with {error}"),
            Self::NotRegistered(name) => write!(
                f,
                "sysinit of module {name} runs, but set_modmetadata_set does not name it"
            ),
            Self::Map(text) => write!(f, "cannot map: {text}"),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<ElfError> for LoadError {
    fn from(error: ElfError) -> Self {
        Self::Elf(error)
    }
}

impl From<VersionError> for LoadError {
    fn from(error: VersionError) -> Self {
        Self::Version(error)
    }
}

/// Why a file was not unloaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UnloadError {
    /// No such node.
    NotLoaded(String),
    /// A handler said no.
    Refused {
        /// The module.
        module: String,
        /// `MOD_QUIESCE` or `MOD_UNLOAD`.
        event: &'static str,
        /// Its answer.
        error: Errno,
    },
    /// Another loaded module needs one of this file's.
    Needed {
        /// The module that is needed.
        module: String,
        /// The node of the file that needs it.
        by: String,
    },
}

impl UnloadError {
    /// The error number that `umount` reports.
    pub fn errno(&self) -> Errno {
        match self {
            Self::NotLoaded(_) => Errno::ENOENT,
            Self::Refused { error, .. } => *error,
            Self::Needed { .. } => Errno::EBUSY,
        }
    }
}

impl fmt::Display for UnloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoaded(node) => write!(f, "{node} is not loaded"),
            Self::Refused { module, event, error } => {
                write!(f, "module {module} answered {event} with {error}")
            }
            Self::Needed { module, by } => write!(f, "module {module} is needed by {by}: {}", Errno::EBUSY),
        }
    }
}

impl std::error::Error for UnloadError {}
