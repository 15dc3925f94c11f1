//! The module's node: its path, and who may use it.

use crate::machine::Credentials;
use core::ffi::CStr;
use qnx::{Errno, Opening};

/// Longest path, bytes: io-sock's kernel environment holds no longer value.
pub const PATH_MAX: usize = 127;

/// The path of the node, absolute and plain.
pub struct NodePath {
    /// Zero behind the path.
    bytes: [u8; PATH_MAX + 1],
    len: usize,
}

impl NodePath {
    /// `prefix` and `rest` in one. `None`: too long, relative, or with an empty component, `.`, `..`, or a byte that is no
    /// visible ASCII character.
    #[must_use]
    pub fn new(prefix: &[u8], rest: &[u8]) -> Option<Self> {
        let len = prefix
            .len()
            .checked_add(rest.len())
            .filter(|len| *len <= PATH_MAX)?;
        let mut bytes = [0; PATH_MAX + 1];
        for (to, from) in bytes.iter_mut().zip(prefix.iter().chain(rest)) {
            *to = *from;
        }
        let mut parts = bytes.get(..len)?.split(|byte| *byte == b'/');
        let plain =
            |part: &[u8]| !matches!(part, b"" | b"." | b"..") && part.iter().all(u8::is_ascii_graphic);
        // What is before the first slash: nothing, for an absolute path.
        let absolute = parts.next()?.is_empty();
        (absolute && len > 1 && parts.all(plain)).then_some(Self { bytes, len })
    }

    /// The bytes, without the zero.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// As C wants it.
    #[must_use]
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

/// To read, to write: the bits that one digit of a mode has.
pub const READ: u32 = 0o4;
/// See [`READ`].
pub const WRITE: u32 = 0o2;

/// Who may use the module: permission bits, owner and group, as a file has them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// Permission bits, three digits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

impl Access {
    /// Whether `client` may do `wanted`. One digit of the mode decides, the first that fits: owner's, group's, others'. User 0 may
    /// always.
    #[must_use]
    pub fn permits(&self, client: &Credentials, wanted: u32) -> bool {
        let digit = if client.uid == self.uid {
            self.mode >> 6
        } else if client.gid == self.gid || client.groups().contains(&self.gid) {
            self.mode >> 3
        } else {
            self.mode
        };
        client.uid == 0 || wanted & !digit & 0o7 == 0
    }
}

/// Whether the node's path may be opened so.
///
/// # Errors
/// What open() fails with: the node is there, is no directory, and has nothing below; `EACCES` for `client`.
pub fn may_open(access: Access, opening: &Opening, client: &Credentials) -> Result<(), Errno> {
    let read = if opening.read { READ } else { 0 };
    let write = if opening.write { WRITE } else { 0 };
    match opening {
        Opening { below: true, .. } => Err(Errno::ENOENT),
        Opening {
            as_directory: true, ..
        } => Err(Errno::ENOTDIR),
        Opening { exclusive: true, .. } => Err(Errno::EEXIST),
        _ if access.permits(client, read | write) => Ok(()),
        _ => Err(Errno::EACCES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_open_is_told() {
        let plain = Opening {
            handle: 0,
            read: true,
            write: true,
            exclusive: false,
            below: false,
            as_directory: false,
        };
        let looks = Opening {
            read: false,
            write: false,
            ..plain
        };
        let access = Access {
            mode: 0o600,
            uid: 0,
            gid: 0,
        };
        let (root, other) = (Credentials::new(0, 0, &[]), Credentials::new(9, 9, &[]));
        assert_eq!(may_open(access, &plain, &root), Ok(()));
        assert_eq!(may_open(access, &plain, &other), Err(Errno::EACCES));
        assert_eq!(may_open(access, &looks, &other), Ok(()));
        let set = |change: fn(&mut Opening)| {
            let mut opening = plain;
            change(&mut opening);
            may_open(access, &opening, &root)
        };
        assert_eq!(set(|o| o.below = true), Err(Errno::ENOENT));
        assert_eq!(set(|o| o.as_directory = true), Err(Errno::ENOTDIR));
        assert_eq!(set(|o| o.exclusive = true), Err(Errno::EEXIST));
    }

    #[test]
    fn paths_are_absolute_and_plain() {
        let path = |prefix: &str, rest: &str| {
            let path = NodePath::new(prefix.as_bytes(), rest.as_bytes())?;
            assert_eq!(path.as_c_str().to_bytes(), path.as_bytes());
            Some(String::from_utf8(path.as_bytes().to_vec()).unwrap())
        };
        for (prefix, rest, whole) in [
            ("", "/dev/csock", "/dev/csock"),
            ("/alt", "/dev/csock", "/alt/dev/csock"),
            ("/a/b.c-d_e", "/x", "/a/b.c-d_e/x"),
        ] {
            assert_eq!(path(prefix, rest).as_deref(), Some(whole));
        }
        let long = "x".repeat(PATH_MAX);
        assert!(path("", &format!("/{}", &long[1..])).is_some());
        for (prefix, rest) in [
            ("", ""),
            ("", "/"),
            ("", "dev/csock"),
            ("alt", "/dev/csock"),
            ("/alt/", "/dev/csock"),
            ("/alt", "/dev/../csock"),
            ("/.", "/csock"),
            ("/a b", "/csock"),
            ("/a\0", "/csock"),
            ("/", "/csock"),
            ("", &format!("/{long}")),
            ("/dev", &format!("/{}", &long[..PATH_MAX - 4])),
        ] {
            assert_eq!(path(prefix, rest), None, "{prefix} {rest}");
        }
    }

    #[test]
    fn one_digit_of_the_mode_decides() {
        let node = |mode| Access {
            mode,
            uid: 5,
            gid: 50,
        };
        let (owner, member) = (Credentials::new(5, 1, &[]), Credentials::new(6, 50, &[]));
        let listed = Credentials::new(6, 1, &[9, 50]);
        let (other, root) = (Credentials::new(6, 1, &[9]), Credentials::new(0, 0, &[]));
        for (mode, client, wanted, may) in [
            (0o666, &other, READ | WRITE, true),
            (0o660, &other, READ, false),
            (0o660, &member, READ | WRITE, true),
            (0o660, &listed, READ | WRITE, true),
            (0o640, &listed, WRITE, false),
            (0o600, &owner, READ | WRITE, true),
            (0o600, &member, READ, false),
            // The owner's digit counts for the owner, also where others have more.
            (0o066, &owner, READ, false),
            (0o606, &member, READ, false),
            (0o000, &root, READ | WRITE, true),
            // Looking at the node takes neither.
            (0o000, &other, 0, true),
        ] {
            assert_eq!(
                node(mode).permits(client, wanted),
                may,
                "{mode:o} {client:?} {wanted}"
            );
        }
    }
}
