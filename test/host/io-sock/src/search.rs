//! From a name on the command line to a file.
//!
//! As on QNX: a short name gets its prefix and `.so`, and is looked up in `LD_LIBRARY_PATH` of the io-sock process, not of the
//! one that asks for the mount. A name with a slash is a path and is taken as it is.

use crate::{cli::Kind, error::LoadError};
use std::{ffi::OsString, fs, path::PathBuf};

/// How this io-sock looks for files.
#[derive(Clone, Debug, Default)]
pub struct SearchPath {
    /// The directories of `LD_LIBRARY_PATH`, in order.
    pub directories: Vec<PathBuf>,
    /// io-sock-diag: short names end in `-diag.so`.
    pub diag: bool,
}

/// A file found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// Its name, which is the name of its node below `/dev/io-sock`.
    pub node: String,
    /// The name its options go by: no prefix, no `.so`, no `-diag`.
    pub short: String,
}

impl SearchPath {
    /// Takes `LD_LIBRARY_PATH` apart. Empty parts are left out: io-sock never loads from its working directory.
    pub fn new(ld_library_path: Option<OsString>, diag: bool) -> Self {
        let directories = ld_library_path
            .iter()
            .flat_map(std::env::split_paths)
            .filter(|directory| !directory.as_os_str().is_empty())
            .collect();
        Self { directories, diag }
    }

    /// Finds the file that `name` means.
    pub fn find(&self, kind: Kind, name: &str) -> Result<Found, LoadError> {
        let mut searched = Vec::new();
        for candidate in self.candidates(kind, name) {
            if fs::metadata(&candidate).is_ok_and(|data| data.is_file()) {
                let node = candidate
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let short = short_name(&node).to_owned();
                return Ok(Found {
                    path: candidate,
                    node,
                    short,
                });
            }
            searched.push(candidate);
        }
        Err(LoadError::NotFound {
            name: name.to_owned(),
            searched,
        })
    }

    fn candidates(&self, kind: Kind, name: &str) -> Vec<PathBuf> {
        if name.contains('/') {
            return vec![name.into()];
        }
        let names = self.file_names(kind, name);
        self.directories
            .iter()
            .flat_map(|directory| names.iter().map(|name| directory.join(name)))
            .collect()
    }

    fn file_names(&self, kind: Kind, name: &str) -> Vec<String> {
        if name.ends_with(".so") {
            return vec![name.to_owned()];
        }
        let suffix = if self.diag && !name.ends_with("-diag") {
            "-diag.so"
        } else {
            ".so"
        };
        let prefixes: &[&str] = match kind {
            _ if name.starts_with("mods-") || name.starts_with("devs-") => &[""],
            Kind::Driver => &["devs-"],
            Kind::Module => &["mods-"],
            Kind::Either => &["devs-", "mods-"],
        };
        prefixes
            .iter()
            .map(|prefix| format!("{prefix}{name}{suffix}"))
            .collect()
    }
}

/// `csock` for `mods-csock.so`, `devs-csock-diag.so` and `libmods_csock.so` alike.
fn short_name(file: &str) -> &str {
    let name = file.strip_suffix(".so").unwrap_or(file);
    let name = name.strip_suffix("-diag").unwrap_or(name);
    let name = name
        .strip_prefix("lib")
        .filter(|name| name.starts_with("mods_"))
        .unwrap_or(name);
    ["mods-", "devs-", "mods_"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::{Kind, SearchPath, short_name};

    #[test]
    fn names() {
        for file in [
            "mods-x.so",
            "devs-x.so",
            "mods-x-diag.so",
            "x.so",
            "libmods_x.so",
            "x",
        ] {
            assert_eq!(short_name(file), "x", "{file}");
        }
        assert_eq!(short_name("libx.so"), "libx");
    }

    #[test]
    fn candidates() {
        let path = SearchPath::new(Some("/a::/b".into()), false);
        let list = |kind, name| {
            let list = path.candidates(kind, name);
            list.iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(list(Kind::Module, "x"), ["/a/mods-x.so", "/b/mods-x.so"]);
        assert_eq!(list(Kind::Driver, "x"), ["/a/devs-x.so", "/b/devs-x.so"]);
        assert_eq!(
            list(Kind::Either, "x"),
            ["/a/devs-x.so", "/a/mods-x.so", "/b/devs-x.so", "/b/mods-x.so"]
        );
        assert_eq!(list(Kind::Module, "devs-x"), ["/a/devs-x.so", "/b/devs-x.so"]);
        assert_eq!(list(Kind::Module, "any.so"), ["/a/any.so", "/b/any.so"]);
        assert_eq!(list(Kind::Module, "./any.so"), ["./any.so"]);
    }

    #[test]
    fn diag_names() {
        let path = SearchPath::new(Some("/a".into()), true);
        assert_eq!(path.file_names(Kind::Module, "x"), ["mods-x-diag.so"]);
        assert_eq!(path.file_names(Kind::Module, "x-diag"), ["mods-x-diag.so"]);
        assert_eq!(path.file_names(Kind::Module, "mods-x.so"), ["mods-x.so"]);
    }

    #[test]
    fn nothing_found_says_where() {
        let error = SearchPath::new(Some("/nowhere".into()), false)
            .find(Kind::Either, "x")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "no such module 'x'; looked for /nowhere/devs-x.so, /nowhere/mods-x.so"
        );
        let error = SearchPath::default()
            .find(Kind::Either, "x")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "no such module 'x'; LD_LIBRARY_PATH of io-sock names no directory"
        );
    }
}
