//! Why a sysctl was not read or written.

use crate::errno::Errno;
use std::fmt;

/// Why a sysctl was not read or written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Error {
    /// No such name.
    Unknown(String),
    /// It cannot be written, or not by this caller.
    Denied(String),
    /// The text is no value of its type.
    BadValue {
        /// The sysctl.
        name: String,
        /// What was given.
        value: String,
    },
    /// The handler's answer.
    Handler {
        /// The sysctl.
        name: String,
        /// The answer.
        error: Errno,
    },
}

impl Error {
    /// The error number for the client.
    pub fn errno(&self) -> Errno {
        match self {
            Self::Unknown(_) => Errno::ENOENT,
            Self::Denied(_) => Errno::EPERM,
            Self::BadValue { .. } => Errno::EINVAL,
            Self::Handler { error, .. } => *error,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "unknown sysctl '{name}'"),
            Self::Denied(name) => write!(f, "sysctl {name} cannot be written: {}", Errno::EPERM),
            Self::BadValue { name, value } => write!(f, "'{value}' is no value of sysctl {name}"),
            Self::Handler { name, error } => write!(f, "sysctl {name}: {error}"),
        }
    }
}

impl std::error::Error for Error {}
