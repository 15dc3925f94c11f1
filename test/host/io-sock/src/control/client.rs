//! Asking a running io-sock.

use super::{
    channel_name,
    wire::{Operation, REPLY_HEADER, Request, decode_reply},
};
use qnx::{Connection, Errno};
use std::fmt;

/// A connection to an io-sock. Calls block until it answers.
pub struct Control {
    connection: Connection,
}

/// Why a request failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Error {
    /// io-sock could not be reached, or broke off.
    Transport(Errno),
    /// io-sock's answer.
    Refused {
        /// The error number.
        error: Errno,
        /// One line about it.
        text: String,
    },
    /// An argument with a NUL, or too long.
    BadArgument,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(Errno::ENOENT) => write!(f, "io-sock is not running"),
            Self::Transport(error) => write!(f, "io-sock cannot be asked: {error}"),
            Self::Refused { text, .. } => f.write_str(text),
            Self::BadArgument => write!(f, "an argument has a NUL or is too long"),
        }
    }
}

impl std::error::Error for Error {}

impl Control {
    /// Connects to the io-sock of `prefix`; empty for the default one.
    pub fn open(prefix: &str) -> Result<Self, Error> {
        let name = channel_name(prefix, "io-sock").ok_or(Error::BadArgument)?;
        let connection = Connection::open_name(&name).map_err(Error::Transport)?;
        Ok(Self { connection })
    }

    fn ask(&self, operation: Operation, args: &[&str]) -> Result<String, Error> {
        let request = Request::encode(operation, args).ok_or(Error::BadArgument)?;
        let mut room = 64 * 1024;
        loop {
            let mut reply = vec![0; room];
            self.connection
                .send(&request, &mut reply)
                .map_err(Error::Transport)?;
            let header = reply
                .first_chunk::<REPLY_HEADER>()
                .ok_or(Error::Transport(Errno::EBADMSG))?;
            let (error, len) = decode_reply(header);
            // Asking again is right only for what changes nothing: the answers of the others fit.
            if len > room - REPLY_HEADER
                && matches!(
                    operation,
                    Operation::List | Operation::Sysctl | Operation::Describe | Operation::Stat
                )
            {
                room = len.saturating_add(REPLY_HEADER + 4096).min(16 << 20);
                if room - REPLY_HEADER >= len {
                    continue;
                }
                return Err(Error::Transport(Errno::EOVERFLOW));
            }
            let text = reply.get(REPLY_HEADER..).unwrap_or_default();
            let text = String::from_utf8_lossy(text.get(..len).unwrap_or(text)).into_owned();
            return match Errno::from_raw(error) {
                None => Ok(text),
                Some(error) => Err(Error::Refused { error, text }),
            };
        }
    }

    /// Loads a module: `NAME[,opt=val...]`. Answers its node's name.
    pub fn mount(&self, module: &str) -> Result<String, Error> {
        self.ask(Operation::Mount, &[module])
    }

    /// Unloads a module by its node's name or path.
    pub fn umount(&self, node: &str) -> Result<(), Error> {
        self.ask(Operation::Umount, &[node]).map(drop)
    }

    /// The nodes below `/dev/io-sock`, in the order of loading.
    pub fn nodes(&self) -> Result<Vec<String>, Error> {
        Ok(self
            .ask(Operation::List, &[])?
            .lines()
            .map(str::to_owned)
            .collect())
    }

    /// Lines `name: value` of one sysctl, all below a node, or all.
    pub fn sysctl(&self, name: Option<&str>) -> Result<String, Error> {
        self.ask(Operation::Sysctl, &name.into_iter().collect::<Vec<_>>())
    }

    /// Lines `name: description` of one sysctl or node, all below a node, or all.
    pub fn describe(&self, name: Option<&str>) -> Result<String, Error> {
        self.ask(Operation::Describe, &name.into_iter().collect::<Vec<_>>())
    }

    /// Writes one sysctl; answers a line `name: old -> new`.
    pub fn set_sysctl(&self, name: &str, value: &str) -> Result<String, Error> {
        self.ask(Operation::Sysctl, &[name, value])
    }

    /// Lines `name: value` of all counters.
    pub fn stat(&self) -> Result<String, Error> {
        self.ask(Operation::Stat, &[])
    }

    /// Tells io-sock to end. It has begun to when this returns.
    pub fn stop(&self) -> Result<(), Error> {
        self.ask(Operation::Stop, &[]).map(drop)
    }
}
