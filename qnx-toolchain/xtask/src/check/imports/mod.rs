//! A folder is a storey: files import sideways or down. So no two files, and no two folders beside each other, import each other
//! in a circle. Tests may look anywhere and are left out.
//!
//! cargo-modules has such a check (`--acyclic`), over rust-analyzer: too long to build for every machine that runs the tests, and
//! without a list of circles that are still allowed. This one parses the files with syn and follows paths and re-exports, not
//! types: a method that is called without its type being named is no import.
//!
//! | File | What |
//! |---|---|
//! | `modules.rs` | the modules of a crate: files, names, uses |
//! | `names.rs` | the paths that a file mentions |
//! | `resolve.rs` | which file a path leads to |
//! | `circles.rs` | circles of a graph |

mod circles;
mod modules;
mod names;
mod resolve;

use super::{
    Finding,
    tree::{Tree, folder_of},
};
use circles::{Graph, circles, shortest};
use modules::Crate;
use std::collections::BTreeSet;

/// The product's crates.
const CRATES: [&str; 5] = [
    "ffi/csock-wire",
    "ffi/iosock",
    "ffi/qnx",
    "iosock-module",
    "client-lib",
];

/// Files that are in a circle still. The list only gets shorter: a file that has left every circle has to leave the list.
const KNOWN: &str = "qnx-toolchain/xtask/src/check/imports/known.txt";

const GONE: &str =
    "is in no circle any more: take it from the list of known ones (cargo xtask check --shrink)";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let known: Vec<&str> = tree.text(KNOWN).unwrap_or_default().lines().collect();
    CRATES
        .iter()
        .flat_map(|folder| check_crate(tree, folder, &known))
        .collect()
}

/// The list of known ones as it should be: without files that are in no circle any more.
pub fn shrunk(tree: &Tree) -> (&'static str, String) {
    let gone: Vec<String> = check(tree)
        .into_iter()
        .filter(|finding| finding.what == GONE)
        .map(|finding| finding.file)
        .collect();
    let kept = tree.text(KNOWN).unwrap_or_default().lines();
    let kept: Vec<&str> = kept
        .filter(|file| !gone.iter().any(|gone| gone == file))
        .collect();
    (KNOWN, kept.iter().map(|file| format!("{file}\n")).collect())
}

fn check_crate(tree: &Tree, folder: &str, known: &[&str]) -> Vec<Finding> {
    let source = format!("{folder}/src");
    let mut found = Vec::new();
    let files = match Crate::read(tree, &format!("{source}/lib.rs")) {
        Ok(read) => resolve::imports(&read),
        Err(finding) => return vec![finding],
    };
    let mut circling = BTreeSet::new();
    for circle in circles(&files) {
        circling.extend(circle.iter().cloned());
        if circle.iter().all(|file| known.contains(&file.as_str())) {
            continue;
        }
        let way = shortest(&files, &circle);
        found.push(Finding::new(
            &way[0].0,
            way[0].1,
            format!(
                "imports in a circle of {} files: {}",
                circle.len(),
                shown(&way, &source)
            ),
        ));
    }
    let in_crate = known
        .iter()
        .filter(|file| file.starts_with(&format!("{source}/")));
    for file in in_crate.filter(|file| !circling.contains(**file)) {
        found.push(Finding::new(file, 0, GONE));
    }
    found.extend(folders(&files, &source, &circling));
    found
}

/// Circles of what lies beside each other in one folder, each subfolder taken as one. What a circle of files shows already is left out.
fn folders(files: &Graph, source: &str, circling: &BTreeSet<String>) -> Vec<Finding> {
    let mut found = Vec::new();
    let all: BTreeSet<&str> = files.nodes().map(folder_of).collect();
    for folder in all {
        let mut graph = Graph::default();
        for (from, to, line) in files.edges() {
            if circling.contains(from) && circling.contains(to) {
                continue;
            }
            if let (Some(a), Some(b)) = (part(from, folder), part(to, folder))
                && a != b
            {
                graph.add(&a, &b, from, line);
            }
        }
        for circle in circles(&graph) {
            let way = shortest(&graph, &circle);
            let (file, line) = graph.place(&way[0].0, &way[(1) % way.len()].0);
            found.push(Finding::new(
                file,
                line,
                format!("imports upward: {}", shown(&way, source)),
            ));
        }
    }
    found
}

/// Which part of `folder` a file belongs to: the file without its ending, or the subfolder, which its face `x.rs` belongs to.
fn part(file: &str, folder: &str) -> Option<String> {
    let rest = file.strip_prefix(folder)?.strip_prefix('/')?;
    let name = rest.split('/').next()?;
    Some(format!("{folder}/{}", name.trim_end_matches(".rs")))
}

fn shown(way: &[(String, usize)], source: &str) -> String {
    let mut names: Vec<&str> = way
        .iter()
        .map(|(file, _)| file.strip_prefix(source).unwrap_or(file).trim_start_matches('/'))
        .collect();
    names.push(names[0]);
    names.join(" -> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)], known: &[&str]) -> Vec<String> {
        let files: Vec<(String, &str)> = files
            .iter()
            .map(|(file, text)| (format!("c/src/{file}"), *text))
            .collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(file, text)| (file.as_str(), *text)).collect();
        check_crate(&Tree::of(&files), "c", known)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn sideways_and_down_is_allowed() {
        let files = [
            ("lib.rs", "mod a; mod b; mod low;"),
            ("a/mod.rs", "mod x; mod y; pub use x::X; fn f() { y::g() }"),
            ("a/x.rs", "use super::y::g; use crate::low::L; pub struct X;"),
            (
                "a/y.rs",
                "pub fn g() {} #[cfg(test)] mod tests { use crate::b::B; }",
            ),
            ("b.rs", "use crate::{a::X, low::{self, L}}; pub struct B;"),
            ("low.rs", "pub struct L;"),
        ];
        assert_eq!(found(&files, &[]), [""; 0]);
    }

    #[test]
    fn a_circle_of_files_is_found_through_uses_paths_macros_and_re_exports() {
        for back in [
            "use crate::a::A;",
            "use super::a::A as Other;",
            "fn f(_: crate::a::A) {}",
            "fn f() { println!(\"{}\", crate::a::N); }",
            "use crate::A;",
            "use crate::a; fn f() { a::g() }",
            "fn f() { use crate::a::*; }",
        ] {
            let files = [
                ("lib.rs", "mod a; mod b; pub use a::A;"),
                (
                    "a.rs",
                    "use crate::b::B; pub struct A; pub const N: u8 = 1; pub fn g() {}",
                ),
                ("b.rs", &format!("pub struct B; {back}")),
            ];
            assert_eq!(
                found(&files, &[]),
                ["c/src/a.rs:1: imports in a circle of 2 files: a.rs -> b.rs -> a.rs"],
                "{back}"
            );
        }
    }

    #[test]
    fn what_a_face_shows_is_an_import_only_where_its_code_names_it() {
        let files = |code| {
            vec![
                ("lib.rs", "mod a;"),
                ("a/mod.rs", code),
                ("a/x.rs", "use super::Fault; pub struct X;"),
            ]
        };
        assert_eq!(
            found(&files("mod x; pub use x::X; pub struct Fault;"), &[]),
            [""; 0]
        );
        let said = found(&files("mod x; pub use x::X; pub struct Fault(X);"), &[]);
        assert_eq!(
            said,
            ["c/src/a/mod.rs:1: imports in a circle of 2 files: a/mod.rs -> a/x.rs -> a/mod.rs"]
        );
    }

    #[test]
    fn a_known_circle_is_allowed_until_it_is_gone() {
        let circle = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B; pub struct A;"),
            ("b.rs", "use crate::a::A; pub struct B;"),
        ];
        assert_eq!(found(&circle, &["c/src/a.rs", "c/src/b.rs"]), [""; 0]);
        assert_eq!(found(&circle, &["c/src/a.rs"]).len(), 1, "half of it is known");
        let gone = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "pub struct B;"),
        ];
        let said = found(&gone, &["c/src/a.rs"]);
        assert_eq!(said, [format!("c/src/a.rs: {GONE}")]);
    }

    #[test]
    fn folders_that_import_each_other_are_found_though_no_files_do() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "mod x; pub mod y;"),
            ("a/x.rs", "use crate::b::B;"),
            ("a/y.rs", "pub struct Y;"),
            ("b.rs", "use crate::a::y::Y; pub struct B;"),
        ];
        assert_eq!(
            found(&files, &[]),
            ["c/src/a/x.rs:1: imports upward: a -> b -> a"]
        );
    }

    #[test]
    fn a_module_without_its_file_is_told() {
        assert_eq!(
            found(&[("lib.rs", "mod gone;")], &[]),
            ["c/src/lib.rs:1: no file of module gone"]
        );
    }
}
