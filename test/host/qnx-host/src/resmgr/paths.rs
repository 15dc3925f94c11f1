//! Which attached paths an opened path leads to, and in which order they are tried. Nothing here touches the system.

use super::layout::{FLAG_AFTER, FLAG_BEFORE, FLAG_DIR};

/// `PATH_MAX` of QNX, with the ending 0.
pub const PATH_MAX: usize = 1024;

/// An absolute path in its plain form, and whether it was written as a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plain {
    /// `/a/b`; `/` for the root.
    pub path: String,
    /// It ended in a slash, `.` or `..`.
    pub directory: bool,
}

/// Takes out empty components, `.` and `..`, by the letters alone. A relative path lies in `current`.
pub fn plain(path: &str, current: &str) -> Plain {
    let whole = if path.starts_with('/') {
        path.to_string()
    } else {
        format!("{current}/{path}")
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Plain {
        path: format!("/{}", parts.join("/")),
        directory: matches!(path.rsplit('/').next(), Some("" | "." | "..")),
    }
}

/// What is left of `path` behind the attached one: empty for the same path. `None` if it does not lead there, which a
/// longer path does only with `_RESMGR_FLAG_DIR`.
pub fn rest<'a>(attached: &str, flags: u32, path: &'a str) -> Option<&'a str> {
    if attached == path {
        return Some("");
    }
    if flags & FLAG_DIR == 0 {
        return None;
    }
    if attached == "/" {
        return path.strip_prefix('/');
    }
    path.strip_prefix(attached)?.strip_prefix('/')
}

/// An attached path, as far as the order goes.
pub struct Place<'a> {
    /// Plain form.
    pub path: &'a str,
    /// `_RESMGR_FLAG_*`.
    pub flags: u32,
    /// Higher = attached later.
    pub sequence: u64,
}

impl Place<'_> {
    /// Those with a smaller key are tried first: the longest path; then those attached as BEFORE, those attached as
    /// neither, those attached as AFTER; of these the one that was attached last, of AFTER the one that was first.
    pub fn order(&self) -> (usize, u8, u64) {
        let length = usize::MAX - self.path.len();
        match self.flags & (FLAG_BEFORE | FLAG_AFTER) {
            FLAG_BEFORE => (length, 0, u64::MAX - self.sequence),
            FLAG_AFTER => (length, 2, self.sequence),
            _ => (length, 1, u64::MAX - self.sequence),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_forms() {
        let cases = [
            ("/dev/sound", "/dev/sound", false),
            ("//dev/./sound/", "/dev/sound", true),
            ("/dev/../dev/x/..", "/dev", true),
            ("../../..", "/", true),
            ("sound", "/dev/sound", false),
            ("/", "/", true),
        ];
        for (path, expected, directory) in cases {
            let found = plain(path, "/dev");
            assert_eq!(
                (found.path.as_str(), found.directory),
                (expected, directory),
                "{path}"
            );
        }
    }

    #[test]
    fn longer_paths_only_below_a_directory() {
        assert_eq!(rest("/dev/sound", 0, "/dev/sound"), Some(""));
        assert_eq!(rest("/dev/sound", 0, "/dev/sound/a"), None);
        assert_eq!(rest("/dev/sound", FLAG_DIR, "/dev/sound/a/b"), Some("a/b"));
        // A prefix by letters is no prefix by components.
        assert_eq!(rest("/dev/sound", FLAG_DIR, "/dev/soundx"), None);
        assert_eq!(rest("/", FLAG_DIR, "/etc"), Some("etc"));
        assert_eq!(rest("/dev/sound", FLAG_DIR, "/dev"), None);
    }

    #[test]
    fn longest_first_then_before_newest_after() {
        let place = |path, flags, sequence| Place {
            path,
            flags,
            sequence,
        };
        let mut places = [
            place("/d", 0, 9),
            place("/d/e", FLAG_AFTER, 1),
            place("/d/e", FLAG_AFTER, 2),
            place("/d/e", 0, 3),
            place("/d/e", 0, 4),
            place("/d/e", FLAG_BEFORE, 0),
        ];
        places.sort_by_key(Place::order);
        let order: Vec<u64> = places.iter().map(|place| place.sequence).collect();
        assert_eq!(order, [0, 4, 3, 1, 2, 9]);
    }
}
