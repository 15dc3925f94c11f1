//! Documents lead somewhere, and something leads to each of them: links, and names of files in code type.

use super::{
    Finding,
    markdown::Markdown,
    tree::{Tree, folder_of, join},
};
use std::collections::{BTreeMap, BTreeSet};

/// Where a reader begins.
const FIRST: &str = "README.md";

/// Names that look like files of ours and are somebody else's: of the SDP, of Linux, of what a command makes.
/// A name that no document uses any more has to go from here.
const ELSEWHERE: [&str; 2] = ["err.h", "sys/domain.h"];

/// Headers are named as a C program includes them.
const HEADER_ROOTS: [&str; 4] = [
    "ffi/qnx-sys/include",
    "ffi/qnx-sys/include/libc",
    "test/host/io-sock/include/devs",
    "test/host/qnx-host/include",
];

/// What a name of a file ends with.
const ENDINGS: [&str; 10] = [
    ".rs", ".c", ".h", ".md", ".toml", ".ver", ".txt", ".py", ".sh", ".json",
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    check_with(tree, &ELSEWHERE)
}

fn check_with(tree: &Tree, excepted: &[&str]) -> Vec<Finding> {
    let documents: BTreeMap<&str, Markdown> = tree
        .texts()
        .filter(|(file, _)| file.ends_with(".md"))
        .map(|(file, text)| (file, Markdown::parse(text)))
        .collect();
    let mut found = Vec::new();
    let mut elsewhere: BTreeSet<&str> = BTreeSet::new();
    let mut edges: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (&file, document) in &documents {
        let targets = edges.entry(file).or_default();
        for (line, link) in &document.links {
            match follow(tree, &documents, file, link) {
                Ok(target) => targets.extend(target),
                Err(what) => found.push(Finding::new(file, *line, what)),
            }
        }
        for (line, code) in &document.code {
            if let Some(&name) = excepted.iter().find(|&&name| name == code) {
                elsewhere.insert(name);
            } else if let Some(name) = file_name(code) {
                match named(tree, file, name) {
                    Some(target) => targets.push(target),
                    None => found.push(Finding::new(file, *line, format!("no file {code}"))),
                }
            }
        }
    }
    for (&file, document) in &documents {
        for (line, text) in &document.blocks {
            for name in listed(text) {
                if named(tree, file, name).is_none() {
                    found.push(Finding::new(file, *line, format!("no file {name}")));
                }
            }
        }
    }
    for name in excepted.iter().filter(|name| !elsewhere.contains(*name)) {
        found.push(Finding::new(
            FIRST,
            0,
            format!("{name} is excepted and named nowhere"),
        ));
    }
    let reached = reach(&edges);
    for file in documents.keys().filter(|file| !reached.contains(**file)) {
        found.push(Finding::new(file, 0, format!("nothing leads here from {FIRST}")));
    }
    found
}

/// The file that a link leads to; `None` for one that leaves the repository.
fn follow(
    tree: &Tree,
    documents: &BTreeMap<&str, Markdown>,
    file: &str,
    link: &str,
) -> Result<Option<String>, String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return Ok(None);
    }
    let (path, anchor) = link
        .split_once('#')
        .map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let target = if path.is_empty() {
        Some(file.to_owned())
    } else {
        join(folder_of(file), path)
    };
    let target = target
        .filter(|target| tree.has(target))
        .ok_or_else(|| format!("the link {link} leads nowhere"))?;
    if let Some(anchor) = anchor {
        let known = documents
            .get(target.as_str())
            .is_some_and(|to| to.headings.iter().any(|heading| heading.anchor() == anchor));
        if !known {
            return Err(format!("{target} has no heading #{anchor}"));
        }
    }
    Ok(Some(target))
}

/// Whether text in code type names a file or folder of ours.
fn file_name(code: &str) -> Option<&str> {
    let plain = !code.is_empty()
        && code
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c));
    let named = code.ends_with('/') || ENDINGS.iter().any(|ending| code.ends_with(ending));
    let own = !code.starts_with('/') && !code.starts_with("target/") && !code.starts_with('.');
    (plain && named && (own || code.starts_with("../"))).then_some(code)
}

/// Files that a line of a listing names: sources by their plain name, not what a command line reads or makes.
fn listed(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| c.is_whitespace() || ",;:()".contains(c))
        .filter_map(file_name)
        .filter(|name| name.ends_with(".rs") || name.ends_with(".md"))
}

/// The file that a document means: beside it, below it, from the root, or a header as it is included.
fn named(tree: &Tree, file: &str, name: &str) -> Option<String> {
    let folder = folder_of(file);
    let direct = [folder, ""].into_iter().chain(HEADER_ROOTS);
    for root in direct {
        if let Some(path) = join(root, name).filter(|path| tree.has(path)) {
            return Some(path);
        }
    }
    // Within a crate `round.rs` is wherever the crate has it.
    let mut home = folder;
    while !home.is_empty() && tree.text(&format!("{home}/Cargo.toml")).is_none() {
        home = folder_of(home);
    }
    let home = if home.is_empty() { folder } else { home };
    let tail = format!("/{}", name.trim_end_matches('/'));
    tree.below(home)
        .find(|path| path.ends_with(&tail))
        .map(str::to_owned)
}

/// Every file that can be reached from [`FIRST`]. Whoever names a folder leads to its README.
fn reach<'a>(edges: &BTreeMap<&'a str, Vec<String>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![FIRST.to_owned()];
    while let Some(target) = open.pop() {
        let readme = join(&target, "README.md").unwrap_or_default();
        for (&file, next) in edges {
            if (file == target || file == readme) && reached.insert(file) {
                open.extend(next.iter().cloned());
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        check_with(&Tree::of(files), &[])
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn links_names_and_folders_lead_on() {
        let files = [
            ("README.md", "[d](docs/a.md#2-b), `x/`, `sys/neutrino.h`"),
            ("docs/a.md", "## 2 B\n[up](../README.md)"),
            (
                "x/README.md",
                "`deep.rs`, `more/`, `docs/a.md`, `/etc/x.h`, `a b.rs`, `target/x.txt`",
            ),
            ("x/src/deep.rs", ""),
            ("x/Cargo.toml", ""),
            ("x/more/README.md", "`deep.rs`"),
            ("ffi/qnx-sys/include/sys/neutrino.h", ""),
        ];
        assert_eq!(found(&files), [""; 0]);
    }

    #[test]
    fn what_leads_nowhere_is_found() {
        let files = [
            (
                "README.md",
                "[d](docs/b.md)\n\n[a](docs/a.md#c) `gone.rs`\n\n[o](../../out.md)\n\n    docs/   a.md, lost.rs",
            ),
            ("docs/a.md", "## 2 B"),
        ];
        assert_eq!(
            found(&files),
            [
                "README.md:1: the link docs/b.md leads nowhere",
                "README.md:3: docs/a.md has no heading #c",
                "README.md:5: the link ../../out.md leads nowhere",
                "README.md:3: no file gone.rs",
                "README.md:7: no file lost.rs",
                "docs/a.md: nothing leads here from README.md",
            ]
        );
    }

    #[test]
    fn an_exception_must_be_needed() {
        let tree = Tree::of(&[("README.md", "`err.h`")]);
        assert_eq!(check_with(&tree, &["err.h"]), []);
        assert_eq!(check_with(&tree, &["err.h", "other.h"]).len(), 1);
    }

    #[test]
    fn documents_that_only_name_each_other_are_orphans() {
        let files = [("README.md", ""), ("a.md", "[b](b.md)"), ("b.md", "[a](a.md)")];
        assert_eq!(found(&files).len(), 2);
    }
}
