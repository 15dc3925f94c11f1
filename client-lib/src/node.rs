//! Where the module is, which io-sock is meant, and which server is believed.

use crate::{config::Config, error::Error};
use alloc::string::String;
use core::fmt;
use csock_wire::msg::NODE_PATH;

/// Why no session could be opened, and at which path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectError {
    path: String,
    error: Error,
}

impl ConnectError {
    pub(crate) fn new(path: String, error: Error) -> Self {
        Self { path, error }
    }

    /// The path of the module that was asked for.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What went wrong there.
    #[must_use]
    pub const fn error(&self) -> Error {
        self.error
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.error)
    }
}

impl core::error::Error for ConnectError {}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        error.error
    }
}

#[cfg(feature = "std")]
impl From<ConnectError> for std::io::Error {
    fn from(error: ConnectError) -> Self {
        let kind = std::io::Error::from(error.error).kind();
        std::io::Error::new(kind, error)
    }
}

/// The path of the module in the io-sock that `SOCK` names, as libsocket understands it: a prefix, and none for the first io-sock.
pub(crate) fn default_path(sock: Option<String>) -> Result<String, ConnectError> {
    let mut path = sock.unwrap_or_default();
    path.truncate(path.trim_end_matches('/').len());
    if !path.is_empty() && !path.starts_with('/') {
        let error = Error::Invalid {
            what: "first byte of SOCK, which is to begin with a slash",
            value: path.bytes().next().unwrap_or(0).into(),
            allowed: b'/'.into(),
        };
        return Err(ConnectError::new(path, error));
    }
    path.push_str(NODE_PATH);
    Ok(path)
}

/// Whether a server of user `uid` is given our data. Nobody proves that a path leads to io-sock: whoever may link paths may have been
/// first. An io-sock is root's; one that drops root, or a stand-in, is named in the settings or is our own.
pub(crate) fn trusts(config: &Config, own: i32, uid: i32) -> bool {
    let named = config.server_uid.map(i32::try_from) == Some(Ok(uid));
    uid == 0 || uid == own || named
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn sock_is_a_prefix() {
        let path = |sock: Option<&str>| default_path(sock.map(ToString::to_string));
        for (sock, expected) in [
            (None, "/dev/csock"),
            (Some(""), "/dev/csock"),
            (Some("/"), "/dev/csock"),
            (Some("/alt"), "/alt/dev/csock"),
            (Some("/alt/b//"), "/alt/b/dev/csock"),
        ] {
            assert_eq!(path(sock).as_deref(), Ok(expected), "{sock:?}");
        }
        let relative = path(Some("alt")).unwrap_err();
        assert_eq!(relative.path(), "alt");
        assert!(matches!(relative.error(), Error::Invalid { value: 97, .. }));
    }

    #[test]
    fn whose_server_is_trusted() {
        let named = Config {
            server_uid: Some(33),
            ..Config::DEFAULT
        };
        for (config, own, uid, trusted) in [
            (Config::DEFAULT, 1000, 0, true),
            (Config::DEFAULT, 1000, 1000, true),
            (Config::DEFAULT, 1000, 1001, false),
            (Config::DEFAULT, 0, 1001, false),
            (Config::DEFAULT, 1000, -1, false),
            (named, 1000, 33, true),
            (named, 1000, 0, true),
            (named, 1000, 34, false),
        ] {
            assert_eq!(trusts(&config, own, uid), trusted, "{own} {uid}");
        }
    }

    #[test]
    fn the_path_is_in_the_text() {
        let error = ConnectError::new("/alt/dev/csock".to_string(), Error::NotRunning);
        assert!(error.to_string().starts_with("/alt/dev/csock: "), "{error}");
        assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::NotFound);
    }
}
