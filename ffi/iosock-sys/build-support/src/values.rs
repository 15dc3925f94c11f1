//! The values that a module publishes as sysctls, taken from the lists in its Rust source: there is no second list to keep.
//!
//! A list is a macro call that starts a line, and ends with a `}` that does. Each row has its description as doc comment, begins
//! with its name and ends with a semicolon; what stands between is the macro's own:
//!
//! ```text
//! counters! {
//!     /// Calls of `sosend`.
//!     sends;
//! }
//! ```

use std::fmt::Write as _;

/// A node below the module's own, and what hangs there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its description.
    pub text: String,
    /// Its values, in order.
    pub values: Vec<Value>,
}

/// A number of 64 bits that is read from the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value {
    /// Its name.
    pub name: String,
    /// Its description.
    pub text: String,
}

impl Group {
    /// The node `name`, with the rows of the list `list!` in `source`.
    ///
    /// # Panics
    /// Where the source has no such list, or a row that is not understood: a build script's way to fail.
    pub fn from_list(name: &str, text: &str, source: &str, list: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: text.to_owned(),
            values: rows(source, list),
        }
    }
}

fn rows(source: &str, list: &str) -> Vec<Value> {
    let head = format!("{list}! {{");
    let mut lines = source.lines().skip_while(|line| *line != head);
    assert!(lines.next().is_some(), "no line '{head}' in the source");
    let mut values = Vec::new();
    let (mut text, mut row) = (String::new(), String::new());
    for line in lines {
        if line == "}" {
            assert!(
                text.is_empty() && row.is_empty(),
                "{head} ends within a row: {text}{row}"
            );
            assert!(!values.is_empty(), "{head} is empty");
            return values;
        }
        let line = line.trim();
        if let Some(doc) = line.strip_prefix("///") {
            assert!(row.is_empty(), "{head} {row}: a description within the row");
            text.push_str(doc);
            continue;
        }
        row.push_str(line);
        if row.ends_with(';') {
            values.push(value(&text, &row));
            text.clear();
            row.clear();
        }
    }
    panic!("{head} has no end")
}

fn value(text: &str, row: &str) -> Value {
    let (name, _) = row
        .split_once(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .expect("a row ends with a semicolon");
    assert!(
        name.starts_with(|c: char| c.is_ascii_lowercase()),
        "no name: {row}"
    );
    let text = text.trim().trim_end_matches('.').replace('`', "");
    assert!(!text.is_empty(), "{name} has no description");
    Value {
        name: name.to_owned(),
        text,
    }
}

/// The list for C, that calls `GROUP(name, text)` and `VALUE(group, name, index, text)`. Values count from 0 through all groups.
pub fn header(groups: &[Group]) -> String {
    let mut out = String::from("/* Made by iosock-build from the lists in the module's Rust source. */\n");
    out.push_str("#define IOSOCK_VALUES(GROUP, VALUE)");
    let mut index = 0;
    for group in groups {
        let _ = write!(out, " \\\n\tGROUP({}, {})", group.name, quoted(&group.text));
        for value in &group.values {
            let text = quoted(&value.text);
            let _ = write!(
                out,
                " \\\n\tVALUE({}, {}, {index}, {text})",
                group.name, value.name
            );
            index += 1;
        }
    }
    out.push('\n');
    out
}

/// The same list for Rust: a `&[(&str, &[&str])]` of groups and their names, which the module compares with its own.
pub fn names(groups: &[Group]) -> String {
    let mut out = String::from("&[");
    for group in groups {
        let names: Vec<&str> = group.values.iter().map(|value| value.name.as_str()).collect();
        let _ = write!(out, "({:?}, &{names:?}), ", group.name);
    }
    out.push_str("]\n");
    out
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::{Group, header, names};

    const SOURCE: &str = r#"
macro_rules! numbers {
    ($($name:ident;)*) => {};
}

numbers! {
    /// Bytes, of a "new" socket;
    /// two lines.
    sndbuf, c"x.sndbuf", 512 * 1024,
        0..=64 << 20;

    /// Calls of `sosend`.
    sends;
}
"#;

    #[test]
    fn a_row_is_a_name_and_a_description() {
        let group = Group::from_list("stats", "What happened", SOURCE, "numbers");
        let groups = [
            group.clone(),
            Group {
                name: "more".to_owned(),
                ..group
            },
        ];
        assert_eq!(
            header(&groups[..1]),
            "/* Made by iosock-build from the lists in the module's Rust source. */\n\
             #define IOSOCK_VALUES(GROUP, VALUE) \\\n\tGROUP(stats, \"What happened\") \\\n\
             \tVALUE(stats, sndbuf, 0, \"Bytes, of a \\\"new\\\" socket; two lines\") \\\n\
             \tVALUE(stats, sends, 1, \"Calls of sosend\")\n"
        );
        assert!(header(&groups).contains("VALUE(more, sends, 3, "));
        assert_eq!(
            names(&groups),
            "&[(\"stats\", &[\"sndbuf\", \"sends\"]), (\"more\", &[\"sndbuf\", \"sends\"]), ]\n"
        );
    }

    #[test]
    fn what_is_not_understood_ends_the_build() {
        for (source, why) in [
            ("", "no line 'numbers! {' in the source"),
            ("numbers! {\n    /// A.\n    a;\n", "numbers! { has no end"),
            ("numbers! {\n}\n", "numbers! { is empty"),
            ("numbers! {\n    a;\n}\n", "a has no description"),
            (
                "numbers! {\n    /// A.\n    a\n}\n",
                "numbers! { ends within a row:  A.a",
            ),
            ("numbers! {\n    /// A.\n    ,a;\n}\n", "no name: ,a;"),
        ] {
            let parsed = std::panic::catch_unwind(|| Group::from_list("g", "", source, "numbers"));
            let error = parsed.expect_err(source);
            assert_eq!(error.downcast_ref::<String>().map(String::as_str), Some(why));
        }
    }
}
