//! Recipes of CONTRIBUTING.md: each has an example that is already there, and its steps are exactly the files that name the example.
//! So a place that is added, moved or removed shows.

use super::{
    Finding,
    markdown::Markdown,
    requirements::missing_tests,
    tree::{Tree, is_below},
};
use std::collections::BTreeSet;

const FILE: &str = "CONTRIBUTING.md";
/// Begins the line that names the example's words, and the folders that are searched for them.
const EXAMPLE: &str = "Example: ";
/// Written by programs, or tests.
const LEFT_OUT: [&str; 4] = ["/tests/", "/tests.rs", "/generated/", "/bindings.rs"];

/// One recipe, as written.
#[derive(Default)]
struct Recipe<'a> {
    line: usize,
    title: &'a str,
    words: Vec<&'a str>,
    folders: Vec<&'a str>,
    steps: Vec<(usize, &'a str)>,
    body: String,
}

pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(FILE) else {
        return vec![Finding::new(FILE, 0, "is not there")];
    };
    let recipes = recipes(text);
    let mut found = Vec::new();
    if recipes.is_empty() {
        found.push(Finding::new(FILE, 0, "has no recipe"));
    }
    for recipe in &recipes {
        found.extend(check_one(tree, recipe));
    }
    found
}

fn check_one(tree: &Tree, recipe: &Recipe) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut say = |line, what: String| found.push(Finding::new(FILE, line, what));
    let example = recipe.words.join(", ");
    let mut named = BTreeSet::new();
    for &(line, step) in &recipe.steps {
        named.insert(step);
        match tree.text(step) {
            None => say(line, format!("there is no file {step}")),
            Some(text) if !mentions(text, &recipe.words) => {
                say(line, format!("{step} does not name the example {example}"));
            }
            Some(_) => {}
        }
    }
    for (file, text) in tree.texts() {
        let searched = recipe.folders.iter().any(|folder| is_below(file, folder))
            && !LEFT_OUT.iter().any(|part| file.contains(part));
        if searched && !named.contains(file) && mentions(text, &recipe.words) {
            say(
                recipe.line,
                format!(
                    "\"{}\" has no step for {file}, which names {example}",
                    recipe.title
                ),
            );
        }
    }
    for test in missing_tests(tree, &recipe.body) {
        say(recipe.line, format!("no test {test}"));
    }
    found
}

/// Every section that has an example is a recipe; its steps are the numbered lines that begin with a file.
fn recipes(text: &str) -> Vec<Recipe<'_>> {
    let headings: BTreeSet<usize> = Markdown::parse(text)
        .headings
        .iter()
        .map(|heading| heading.line)
        .collect();
    let mut recipes: Vec<Recipe> = Vec::new();
    let mut title = "";
    for (at, line) in text.lines().enumerate() {
        let number = at + 1;
        if headings.contains(&number) {
            title = line.trim_start_matches('#').trim();
        } else if let Some(rest) = line.strip_prefix(EXAMPLE) {
            let (folders, words) = in_code(rest).partition(|code| code.ends_with('/'));
            recipes.push(Recipe {
                line: number,
                title,
                words,
                folders,
                ..Recipe::default()
            });
        } else if let Some(recipe) = recipes.last_mut().filter(|recipe| recipe.title == title) {
            recipe.body.push_str(line);
            recipe.body.push('\n');
            let step = line
                .split_once(". ")
                .filter(|(digits, _)| digits.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|(_, step)| step.strip_prefix('`')?.split_once('`'));
            recipe.steps.extend(step.map(|(file, _)| (number, file)));
        }
    }
    for recipe in &mut recipes {
        for folder in &mut recipe.folders {
            *folder = folder.trim_end_matches('/');
        }
    }
    recipes
}

fn in_code(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Whether one of `words` stands in `text` as a whole word.
fn mentions(text: &str, words: &[&str]) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    words.iter().any(|word| {
        text.match_indices(word)
            .any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPE: &str = "# How\n\n1. `not/a/step.rs`: before any recipe\n\n## A thing\n\nExample: `Thing`, `THING` in `a/`, `b/`.\n\n1. `a/x.rs`: here\n2. `b/y.h`: there\n\nProof: `a::holds`.\n";

    fn found(recipe: &str, more: (&str, &str)) -> Vec<String> {
        let tree = Tree::of(&[
            (FILE, recipe),
            ("a/Cargo.toml", "name = \"a\""),
            ("a/x.rs", "enum E { Thing }"),
            ("b/y.h", "#define THING 1"),
            ("a/tests/t.rs", "fn holds() { Thing }"),
            ("c/z.rs", "Thing"),
            more,
        ]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_recipe_that_names_every_place_passes() {
        assert_eq!(found(RECIPE, ("a/w.rs", "Things")), [""; 0]);
    }

    #[test]
    fn what_is_wrong_is_found() {
        assert_eq!(
            found(RECIPE, ("b/w.rs", "x.THING")),
            ["CONTRIBUTING.md:7: \"A thing\" has no step for b/w.rs, which names Thing, THING"]
        );
        assert_eq!(
            found(RECIPE, ("b/y.h", "")),
            ["CONTRIBUTING.md:10: b/y.h does not name the example Thing, THING"]
        );
        let gone = RECIPE
            .replace("2. `b/y.h`", "2. `b/gone.h`")
            .replace("`a/`, `b/`", "`a/`");
        assert_eq!(
            found(&gone, ("b/w.rs", "")),
            ["CONTRIBUTING.md:10: there is no file b/gone.h"]
        );
        let untested = RECIPE.replace("a::holds", "a::gone");
        assert_eq!(
            found(&untested, ("b/w.rs", "")),
            ["CONTRIBUTING.md:7: no test a::gone"]
        );
        assert_eq!(
            found("# How\n", ("b/w.rs", "")),
            ["CONTRIBUTING.md: has no recipe"]
        );
    }
}
