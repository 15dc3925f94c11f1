//! `cargo xtask on-target`: the assumptions that only a QNX system can confirm, collected from `ON-TARGET:` lines in code of every
//! language and in documents.

use crate::check::Tree;
use anyhow::Result;

const MARK: &str = "ON-TARGET:";
/// These files name the mark without meaning it.
const OWN_FILES: [&str; 1] = ["qnx-toolchain/xtask/src/on_target.rs"];
/// A sentence may go on for so many lines.
const LONGEST: usize = 6;

/// Prints one line per assumption: place, then what to confirm.
pub fn main() -> Result<()> {
    let found = collect(&Tree::read()?);
    for line in &found {
        println!("{line}");
    }
    println!("{} assumptions to confirm on a QNX system", found.len());
    Ok(())
}

fn collect(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in tree.texts().filter(|(file, _)| !OWN_FILES.contains(file)) {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            if let Some((before, what)) = line.split_once(MARK) {
                let what = whole(before, what, &lines[at + 1..]);
                found.push(format!("{file}:{}: {what}", at + 1));
            }
        }
    }
    found
}

/// The sentence that begins with `first`, whose next lines may hold the rest: comment lines like its own.
fn whole(before: &str, first: &str, next: &[&str]) -> String {
    let mut what = without_end(first);
    let marker = before.trim();
    let mut closed = first.contains("*/");
    // After code or prose on the line, or after an opening mark alone, it is not said what a next line begins with.
    let marker = if marker == "/*" { "*" } else { marker };
    if !matches!(marker, "//" | "///" | "//!" | "*") {
        return what;
    }
    for line in next.iter().take(LONGEST) {
        let rest = line.trim().strip_prefix(marker);
        let Some(rest) = rest.filter(|rest| rest.starts_with(' ') && !rest.contains(MARK)) else {
            break;
        };
        if closed || what.ends_with('.') {
            break;
        }
        closed = rest.contains("*/");
        what.push(' ');
        what.push_str(&without_end(rest));
    }
    what
}

fn without_end(text: &str) -> String {
    text.trim().trim_end_matches("*/").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_and_documents_are_covered() {
        let tree = Tree::of(&[
            ("a.rs", "x\n    // ON-TARGET: the first.\n    // Not this.\n"),
            ("b.c", "int f(void); /* ON-TARGET: the second */\n"),
            (
                "c.h",
                "/*\n * ON-TARGET: the third,\n * which goes on.\n * Not this.\n */\n",
            ),
            (
                "docs/porting.md",
                "Text.\n\nON-TARGET: the fourth.\nON-TARGET: the fifth.\n",
            ),
            ("ffi/README.md", "Text. ON-TARGET: the sixth.\n"),
            ("z.S", "/* ON-TARGET: the\n * seventh */\n * not this\n"),
        ]);
        assert_eq!(
            collect(&tree),
            [
                "a.rs:2: the first.",
                "b.c:1: the second",
                "c.h:2: the third, which goes on.",
                "docs/porting.md:3: the fourth.",
                "docs/porting.md:4: the fifth.",
                "ffi/README.md:1: the sixth.",
                "z.S:1: the seventh",
            ]
        );
    }

    #[test]
    fn those_of_this_repository_say_enough_by_themselves() {
        let found = collect(&Tree::read().unwrap());
        for ending in [".rs:", ".c:", ".h:", ".md:"] {
            assert!(
                found.iter().any(|line| line.contains(ending)),
                "none in *{ending}"
            );
        }
        for line in &found {
            let what = line.splitn(3, ':').nth(2).unwrap_or_default();
            assert!(
                what.split_whitespace().count() > 3,
                "says too little by itself: {line}"
            );
        }
    }
}
