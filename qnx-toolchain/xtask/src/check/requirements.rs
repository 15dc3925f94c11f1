//! `docs/security.md`: S-01 to S-50, each once, in order, with a state; tests that exist; what is not met says what is missing.

use super::{
    Finding,
    markdown::Markdown,
    tree::{Tree, is_below},
};
use regex::Regex;
use std::collections::BTreeMap;

const FILE: &str = "docs/security.md";
const LAST: usize = 50;
/// Stands for no package: the text explains the form of a test's name with it.
const EXAMPLE: &str = "package";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(FILE) else {
        return vec![Finding::new(FILE, 0, "is not there")];
    };
    let headings: Vec<_> = Markdown::parse(text)
        .headings
        .into_iter()
        .filter(|heading| heading.text.starts_with("S-"))
        .collect();
    let mut found = Vec::new();
    let mut expected = 1;
    for (at, heading) in headings.iter().enumerate() {
        let mut say = |what: String| found.push(Finding::new(FILE, heading.line, what));
        if !heading.text.starts_with(&format!("S-{expected:02} ")) {
            say(format!("S-{expected:02} was expected here"));
        }
        expected += 1;
        let next = headings.get(at + 1).map_or(usize::MAX, |next| next.line);
        let body: String = text
            .lines()
            .skip(heading.line)
            .take(next.saturating_sub(heading.line + 1))
            .collect::<Vec<_>>()
            .join("\n");
        match heading.text.rsplit_once(": ").map(|(_, state)| state) {
            Some("met") if !body.contains("Test:") => say("is met by no test".to_owned()),
            Some("partly") if !body.contains("Missing:") => say("does not say what is missing".to_owned()),
            Some("met" | "partly" | "absent") => {}
            _ => say("has no state: met, partly or absent".to_owned()),
        }
        for test in missing_tests(tree, &body) {
            say(format!("no test {test}"));
        }
    }
    if expected != LAST + 1 {
        found.push(Finding::new(FILE, 0, format!("ends before S-{LAST}")));
    }
    found
}

/// The tests that `body` names, as `package::function` in code type, and that are not in the folder of that package.
pub fn missing_tests(tree: &Tree, body: &str) -> Vec<String> {
    let packages = packages(tree);
    let there = |package: &str, test: &str| {
        let function = format!("fn {test}(");
        packages.get(package).is_some_and(|folder| {
            tree.texts()
                .any(|(file, text)| is_below(file, folder) && text.contains(&function))
        })
    };
    tests(body)
        .into_iter()
        .filter(|(package, test)| !there(package, test))
        .map(|(package, test)| format!("{package}::{test}"))
        .collect()
}

/// `package::function` in code type.
#[expect(clippy::unwrap_used, reason = "a constant pattern, compiled by every test")]
fn tests(body: &str) -> Vec<(String, String)> {
    let name = Regex::new(r"`([a-z0-9-]+)::([a-z0-9_]+)`").unwrap();
    name.captures_iter(body)
        .map(|name| (name[1].to_owned(), name[2].to_owned()))
        .filter(|(package, _)| package != EXAMPLE)
        .collect()
}

/// Folder of each package by its name.
fn packages(tree: &Tree) -> BTreeMap<&str, &str> {
    let mut packages = BTreeMap::new();
    for (file, text) in tree.texts() {
        let Some(folder) = file.strip_suffix("/Cargo.toml") else {
            continue;
        };
        let name = text
            .lines()
            .find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
        if let Some(name) = name {
            packages.insert(name, folder);
        }
    }
    packages
}

#[cfg(test)]
mod tests_of_the_check {
    use super::*;

    fn found(first: &str) -> Vec<String> {
        let mut text = format!("# Requirements\n\n{first}\n");
        for number in 2..=LAST {
            text.push_str(&format!("### S-{number:02} X: absent\n"));
        }
        let tree = Tree::of(&[
            (FILE, &text),
            ("a/Cargo.toml", "[package]\nname = \"a\"\n"),
            ("a/tests/t.rs", "fn holds() {}"),
        ]);
        check(&tree).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_complete_list_passes() {
        assert_eq!(found("### S-01 X: met\nTest: `a::holds`."), [""; 0]);
        assert_eq!(found("### S-01 X: partly\nMissing: y."), [""; 0]);
    }

    #[test]
    fn what_is_wrong_is_found() {
        assert_eq!(found("### S-01 X: met\n"), ["is met by no test"]);
        assert_eq!(found("### S-01 X: partly\n"), ["does not say what is missing"]);
        assert_eq!(found("### S-01 X\n"), ["has no state: met, partly or absent"]);
        assert_eq!(found("### S-01 X: met\nTest: `a::gone`"), ["no test a::gone"]);
        assert_eq!(found("### S-01 X: met\nTest: `b::holds`"), ["no test b::holds"]);
        assert!(found("").contains(&"S-01 was expected here".to_owned()));
        assert!(found("").contains(&"ends before S-50".to_owned()));
    }
}
