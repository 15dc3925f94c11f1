//! The files of the repository as the checks see them: read once, or made up by a test.

use crate::cmd;
use anyhow::{Context, Result};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

/// Every file that is, or may become, part of the repository, by its path from the root.
#[derive(Default)]
pub struct Tree {
    texts: BTreeMap<String, String>,
    /// All paths, also of files that are no text, and of every folder above a file.
    paths: BTreeSet<String>,
}

impl Tree {
    /// Reads the work tree: what git tracks and what it would add, without what is deleted.
    pub fn read() -> Result<Self> {
        let list = Command::new("git")
            .current_dir(cmd::root())
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
                "--deduplicate",
            ])
            .output()
            .context("git lists the files of the repository")?;
        let mut tree = Self::default();
        for path in String::from_utf8(list.stdout)?
            .split('\0')
            .filter(|path| !path.is_empty())
        {
            let Ok(bytes) = fs::read(cmd::root().join(path)) else {
                continue;
            };
            tree.add_path(path);
            if let Ok(text) = String::from_utf8(bytes) {
                tree.texts.insert(path.to_owned(), text);
            }
        }
        Ok(tree)
    }

    /// A tree of these files.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.add_path(path);
            tree.texts.insert((*path).to_owned(), (*text).to_owned());
        }
        tree
    }

    fn add_path(&mut self, path: &str) {
        let mut rest = path;
        self.paths.insert(path.to_owned());
        while let Some((folder, _)) = rest.rsplit_once('/') {
            self.paths.insert(folder.to_owned());
            rest = folder;
        }
    }

    /// Path and text of every text file.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The text of one file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// Whether there is such a file or folder.
    pub fn has(&self, path: &str) -> bool {
        self.paths.contains(path.trim_end_matches('/'))
    }

    /// All files and folders below `folder` (`""`: everything).
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a str> {
        self.paths
            .iter()
            .map(String::as_str)
            .filter(move |path| is_below(path, folder))
    }
}

/// Whether `path` lies in `folder`, at any depth.
pub fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// The folder of a file; `""` for one at the root.
pub fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `path` as seen from `folder`, with `.` and `..` resolved. `None` when it leads out of the repository.
pub fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{Tree, join};

    #[test]
    fn folders_count_as_paths() {
        let tree = Tree::of(&[("a/b/c.rs", "")]);
        assert!(tree.has("a/b/") && tree.has("a") && !tree.has("b"));
        assert_eq!(tree.below("a").collect::<Vec<_>>(), ["a/b", "a/b/c.rs"]);
    }

    #[test]
    fn paths_are_resolved_within_the_repository() {
        assert_eq!(join("a/b", "../c.md").as_deref(), Some("a/c.md"));
        assert_eq!(join("a", "../../c.md"), None);
    }
}
