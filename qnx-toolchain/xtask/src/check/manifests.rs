//! Every dependency that a manifest names is used: one of the workspace by a crate, one of a crate by its source.
//!
//! cargo-machete does the second half; it would be one more program to install on every machine, for forty lines.

use super::{
    Finding,
    tree::{Tree, folder_of, is_below},
};
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

const ROOT: &str = "Cargo.toml";

/// Named by the workspace and used by no crate yet; an entry whose day has come has to go.
const TO_COME: [&str; 0] = [];

pub fn check(tree: &Tree) -> Vec<Finding> {
    check_with(tree, &TO_COME)
}

fn check_with(tree: &Tree, to_come: &[&str]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut manifests = BTreeMap::new();
    for (file, text) in tree
        .texts()
        .filter(|(file, _)| *file == ROOT || file.ends_with("/Cargo.toml"))
    {
        match text.parse::<Table>() {
            Ok(table) => {
                manifests.insert(file, table);
            }
            Err(e) => found.push(Finding::new(file, 0, e.to_string())),
        }
    }
    let libraries: BTreeMap<&str, &str> = manifests.values().filter_map(library).collect();
    let mut of_workspace = BTreeSet::new();
    for (&file, manifest) in manifests.iter().filter(|(file, _)| **file != ROOT) {
        let sources = sources(tree, file, &manifests);
        for (name, value) in dependencies(manifest) {
            if value.get("workspace").is_some() {
                of_workspace.insert(name.as_str());
            }
            let package = value.get("package").and_then(Value::as_str).unwrap_or(name);
            let ident = libraries.get(package).copied().unwrap_or(name).replace('-', "_");
            if !mentions(&sources, &ident) {
                let line = line_of(tree, file, name);
                found.push(Finding::new(file, line, format!("{name} is named and not used")));
            }
        }
    }
    let named = manifests
        .get(ROOT)
        .and_then(|root| root.get("workspace")?.get("dependencies")?.as_table());
    for name in named.into_iter().flat_map(Table::keys) {
        match (
            of_workspace.contains(name.as_str()),
            to_come.contains(&name.as_str()),
        ) {
            (false, false) => found.push(Finding::new(
                ROOT,
                line_of(tree, ROOT, name),
                format!("{name} is used by no crate"),
            )),
            (true, true) => found.push(Finding::new(
                ROOT,
                line_of(tree, ROOT, name),
                format!("{name} is used now: take it from the list of those to come"),
            )),
            _ => {}
        }
    }
    found
}

/// Name of a package, and of its library where that is another.
fn library(manifest: &Table) -> Option<(&str, &str)> {
    let package = manifest.get("package")?.get("name")?.as_str()?;
    let library = manifest.get("lib")?.get("name")?.as_str()?;
    Some((package, library))
}

fn dependencies(manifest: &Table) -> Vec<(&String, &Value)> {
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = manifest.get("target").and_then(Value::as_table);
    let tables = targets
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table)
        .chain([manifest]);
    tables
        .flat_map(|table| kinds.map(|kind| table.get(kind).and_then(Value::as_table)))
        .flatten()
        .flatten()
        .collect()
}

/// Rust files of a package, without those of a package inside its folder.
fn sources<'a>(tree: &'a Tree, manifest: &str, manifests: &BTreeMap<&str, Table>) -> Vec<&'a str> {
    let folder = folder_of(manifest);
    let inner: Vec<&str> = manifests
        .keys()
        .map(|other| folder_of(other))
        .filter(|other| is_below(other, folder))
        .collect();
    tree.texts()
        .filter(|(file, _)| file.ends_with(".rs") && is_below(file, folder))
        .filter(|(file, _)| !inner.iter().any(|inner| is_below(file, inner)))
        .map(|(_, text)| text)
        .collect()
}

/// Whether code, not a comment, names the crate: `x::`, `use x`, `extern crate x`.
fn mentions(sources: &[&str], ident: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let in_line = |line: &str| {
        let code = line.split("//").next().unwrap_or_default();
        code.match_indices(ident).any(|(at, _)| {
            let (before, after) = (&code[..at], &code[at + ident.len()..]);
            let whole = !before.ends_with(is_word) && !after.starts_with(is_word);
            let imported = before.ends_with("use ") || before.ends_with("extern crate ");
            whole && (imported || after.starts_with("::"))
        })
    };
    sources
        .iter()
        .any(|text| text.contains(ident) && text.lines().any(in_line))
}

fn line_of(tree: &Tree, file: &str, name: &str) -> usize {
    let text = tree.text(file).unwrap_or_default();
    let begins = |line: &str| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with([' ', '.', '=']))
    };
    text.lines().position(begins).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(root: &str, member: &str, source: &str, to_come: &[&str]) -> Vec<String> {
        let tree = Tree::of(&[
            ("Cargo.toml", root),
            ("a/Cargo.toml", member),
            ("a/src/lib.rs", source),
            (
                "a/b/Cargo.toml",
                "[package]\nname = \"b-c\"\n[lib]\nname = \"other\"",
            ),
            ("a/b/src/lib.rs", "use spin::Mutex;"),
        ]);
        check_with(&tree, to_come)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn used_ones_pass() {
        let member = "[dependencies]\nspin.workspace = true\nb-c = { path = \"b\" }\n[target.'cfg(unix)'.dev-dependencies]\nlibc = \"1\"";
        let source = "use spin::Once; fn f() { libc::f() } extern crate other as _;";
        assert_eq!(
            found("[workspace.dependencies]\nspin = \"1\"", member, source, &[]),
            [""; 0]
        );
    }

    #[test]
    fn unused_ones_are_found() {
        let root = "[workspace.dependencies]\nspin = \"1\"\nheapless = \"1\"";
        let member = "[package]\nname = \"a\"\n[dependencies]\nspin.workspace = true";
        assert_eq!(
            found(root, member, "// use spin::Once;\nlet spin = 1;", &[]),
            [
                "a/Cargo.toml:4: spin is named and not used",
                "Cargo.toml:3: heapless is used by no crate"
            ]
        );
        assert_eq!(found(root, member, "use spin::Once;", &["heapless"]), [""; 0]);
        assert_eq!(
            found(root, member, "use spin::Once;", &["heapless", "spin"]),
            ["Cargo.toml:2: spin is used now: take it from the list of those to come"]
        );
    }
}
