//! The files of the repository as the checks see them: read once, or made up by a test.

use crate::cmd;
use anyhow::{Context, Result};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
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
    /// Reads the work tree: what git tracks and what it would add, without what is deleted. Without git, as in an unpacked
    /// archive, every file but what builds make.
    pub fn read() -> Result<Self> {
        let root = cmd::root();
        let paths = match from_git(&root) {
            Some(paths) => paths,
            None => walk(&root)?,
        };
        let mut tree = Self::default();
        for path in paths {
            let Ok(bytes) = fs::read(root.join(&path)) else {
                continue;
            };
            tree.add_path(&path);
            if let Ok(text) = String::from_utf8(bytes) {
                tree.texts.insert(path, text);
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

/// `None` where there is no git, or no repository of it.
fn from_git(root: &Path) -> Option<Vec<String>> {
    let list = Command::new("git")
        .current_dir(root)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .ok()
        .filter(|list| list.status.success())?;
    let text = String::from_utf8(list.stdout).ok()?;
    let paths = text.split('\0').filter(|path| !path.is_empty());
    Some(paths.map(str::to_owned).collect())
}

/// Every file below `root`, but `target` there and hidden ones.
fn walk(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut open = vec![String::new()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(root.join(&folder)).with_context(|| format!("cannot list {folder}"))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = join(&folder, &name).unwrap_or_default();
            if name.starts_with('.') || path == "target" {
                continue;
            }
            if entry.file_type()?.is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    Ok(found)
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
    use super::{Tree, from_git, join, walk};
    use crate::cmd;
    use std::collections::BTreeSet;

    #[test]
    fn without_git_the_same_documents_are_found() {
        let of = |paths: Vec<String>| -> BTreeSet<String> {
            paths.into_iter().filter(|path| path.ends_with(".md")).collect()
        };
        let root = cmd::root();
        let walked = of(walk(&root).unwrap());
        assert!(walked.contains("docs/security.md"));
        if let Some(listed) = from_git(&root) {
            assert_eq!(of(listed), walked);
        }
    }

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
