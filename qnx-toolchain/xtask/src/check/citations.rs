//! Every citation resolves: `S-15`, `docs/qnx-ipc.md 4.3`, the name of any other document, a source's tag such as `[D71 H]`.

use super::{
    Finding, OWN_FOLDER,
    markdown::Markdown,
    tree::{Tree, folder_of, is_below, join},
};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

const REQUIREMENTS: &str = "docs/security.md";
/// Where the tags of sources are explained, in the table of its section 0.
const TAGS: &str = "docs/qnx-ipc.md";

/// Patterns, compiled once.
struct Patterns {
    requirement: Regex,
    /// A document and the sections that follow its name.
    cited: Regex,
    number: Regex,
    /// "section 4.3" within a document: its own.
    own_section: Regex,
    document: Regex,
    tags: Regex,
    tag_row: Regex,
}

#[expect(clippy::unwrap_used, reason = "constant patterns, compiled by every test")]
fn patterns() -> Patterns {
    let new = |pattern| Regex::new(pattern).unwrap();
    Patterns {
        requirement: new(r"\bS-[0-9]+\b"),
        cited: new(
            r"(?:^|[^\w./-])(docs/[a-z0-9-]+\.md)`?((?:(?:,| and| to|, and)? [0-9]+(?:\.[0-9]+)*\b)*)",
        ),
        number: new(r"[0-9]+(?:\.[0-9]+)*"),
        own_section: new(r"\bsections? ((?:(?:,? and |, | to )?[0-9]+(?:\.[0-9]+)*\b)+)"),
        document: new(r"[\w./-]*[\w-]\.md\b"),
        tags: new(r"\[((?:[A-Z][0-9]{0,2})(?: [A-Z][0-9]{0,2})*)\]"),
        tag_row: new(r"(?m)^\| ([A-Z][0-9]{0,2}) \|"),
    }
}

pub fn check(tree: &Tree) -> Vec<Finding> {
    let patterns = patterns();
    let known = Known::read(tree, &patterns);
    let mut found = Vec::new();
    for (file, text) in tree.texts().filter(|(file, _)| !is_below(file, OWN_FOLDER)) {
        for (at, line) in text.lines().enumerate() {
            if !may_cite(line) {
                continue;
            }
            let mut say = |what: String| found.push(Finding::new(file, at + 1, what));
            for cited in matches(&patterns.requirement, line, "S-") {
                if !known.requirements.contains(cited.as_str()) {
                    say(format!("{} is not in {REQUIREMENTS}", cited.as_str()));
                }
            }
            if line.contains("docs/") {
                known.sections_of_documents(line, &patterns, &mut say);
            }
            if is_below(file, "docs") {
                known.own_sections(file, line, &patterns, &mut say);
            }
            for name in matches(&patterns.document, line, ".md") {
                if !resolves(tree, file, name.as_str()) {
                    say(format!("no document {}", name.as_str()));
                }
            }
            if file.ends_with(".h") {
                for tags in patterns.tags.captures_iter(comment(line)) {
                    for tag in tags[1].split(' ').filter(|tag| !known.tags.contains(*tag)) {
                        say(format!("the tag {tag} is not explained in {TAGS} 0"));
                    }
                }
            }
        }
    }
    found
}

fn matches<'a>(pattern: &'a Regex, line: &'a str, part: &str) -> impl Iterator<Item = regex::Match<'a>> {
    line.contains(part)
        .then(|| pattern.find_iter(line))
        .into_iter()
        .flatten()
}

/// A look before the patterns, which are slow where nothing is optimised.
fn may_cite(line: &str) -> bool {
    ["S-", ".md", "section", "["]
        .iter()
        .any(|part| line.contains(part))
}

/// What of a header's line is comment.
fn comment(line: &str) -> &str {
    if line.trim_start().starts_with('*') {
        return line;
    }
    line.find("/*").map_or("", |at| &line[at..])
}

/// A document is named from the root, from the folder of the file, or from a folder above it within the same crate.
fn resolves(tree: &Tree, file: &str, name: &str) -> bool {
    let mut folder = folder_of(file);
    loop {
        if join(folder, name).is_some_and(|path| tree.has(&path)) {
            return true;
        }
        if folder.is_empty() {
            return false;
        }
        folder = folder_of(folder);
    }
}

/// What can be cited.
struct Known {
    requirements: BTreeSet<String>,
    sections: BTreeMap<String, BTreeSet<String>>,
    tags: BTreeSet<String>,
}

impl Known {
    fn read(tree: &Tree, patterns: &Patterns) -> Self {
        let mut known = Self {
            requirements: BTreeSet::new(),
            sections: BTreeMap::new(),
            tags: BTreeSet::new(),
        };
        for (file, text) in tree.texts().filter(|(file, _)| is_below(file, "docs")) {
            let headings = Markdown::parse(text).headings;
            if file == REQUIREMENTS {
                for heading in &headings {
                    let number = heading.text.split_whitespace().next().unwrap_or_default();
                    known.requirements.insert(number.to_owned());
                }
            }
            if file == TAGS {
                known
                    .tags
                    .extend(patterns.tag_row.captures_iter(text).map(|tag| tag[1].to_owned()));
            }
            let numbers = headings.iter().filter_map(|h| h.number()).map(str::to_owned);
            known.sections.insert(file.to_owned(), numbers.collect());
        }
        known
    }

    fn sections_of_documents(&self, line: &str, patterns: &Patterns, say: &mut impl FnMut(String)) {
        for cited in patterns.cited.captures_iter(line) {
            let document = &cited[1];
            // A document that is not there is told by its name.
            let Some(sections) = self.sections.get(document) else {
                continue;
            };
            for number in patterns.number.find_iter(&cited[2]) {
                if !sections.contains(number.as_str()) {
                    say(format!("{document} has no section {}", number.as_str()));
                }
            }
        }
    }

    fn own_sections(&self, file: &str, line: &str, patterns: &Patterns, say: &mut impl FnMut(String)) {
        let Some(sections) = self.sections.get(file) else {
            return;
        };
        for cited in patterns.own_section.captures_iter(line) {
            for number in patterns.number.find_iter(&cited[1]) {
                if !sections.contains(number.as_str()) {
                    say(format!("there is no section {} here", number.as_str()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, text: &str) -> Vec<String> {
        let tree = Tree::of(&[
            ("docs/security.md", "# S\n### S-01 Single fetch: met\n"),
            (
                "docs/qnx-ipc.md",
                "# I\n## 0 Tags\n| H | x |\n| D71 | y |\n## 4 M\n### 4.3 R\n",
            ),
            ("a/README.md", ""),
            (file, text),
        ]);
        check(&tree).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn what_exists_may_be_cited() {
        let text = "/// S-01, `docs/qnx-ipc.md` 4 and 4.3; docs/qnx-ipc.md 4 to 4.3: x. See README.md.";
        assert_eq!(found("a/src/b.rs", text), [""; 0]);
        assert_eq!(found("a/x.h", "int n[N]; /* x [D71 H] */"), [""; 0]);
        assert_eq!(
            found("docs/x.md", "## 1 X\nsee section 1 and docs/qnx-ipc.md 4.3"),
            [""; 0]
        );
    }

    #[test]
    fn what_does_not_exist_is_found() {
        assert_eq!(found("a.rs", "// S-51"), ["S-51 is not in docs/security.md"]);
        assert_eq!(
            found("a.rs", "// `docs/qnx-ipc.md` 4, 4.4 and 9"),
            [
                "docs/qnx-ipc.md has no section 4.4",
                "docs/qnx-ipc.md has no section 9"
            ]
        );
        assert_eq!(found("a.rs", "// docs/none.md 4"), ["no document docs/none.md"]);
        assert_eq!(found("a/b.rs", "// none.md"), ["no document none.md"]);
        // Without its folder the name says nothing to a reader elsewhere.
        assert_eq!(found("a/b.rs", "// qnx-ipc.md 4"), ["no document qnx-ipc.md"]);
        assert_eq!(
            found("docs/x.md", "## 1 X\nsee section 2"),
            ["there is no section 2 here"]
        );
        assert_eq!(
            found("a/x.h", " * x [D9 H]"),
            ["the tag D9 is not explained in docs/qnx-ipc.md 0"]
        );
    }
}
