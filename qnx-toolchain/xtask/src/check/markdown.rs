//! What the checks need of a Markdown file: its headings, links, and names in code type, each with its line.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// A heading.
pub struct Heading {
    pub line: usize,
    pub text: String,
}

impl Heading {
    /// The number that it begins with: `4.3` of `### 4.3 Answering`.
    pub fn number(&self) -> Option<&str> {
        let word = self.text.split_whitespace().next()?;
        word.split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
            .then_some(word)
    }

    /// The anchor that a forge makes of it.
    pub fn anchor(&self) -> String {
        self.text
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    }
}

/// One file, taken apart.
#[derive(Default)]
pub struct Markdown {
    pub headings: Vec<Heading>,
    /// Destinations of links, as written.
    pub links: Vec<(usize, String)>,
    /// Text between backquotes.
    pub code: Vec<(usize, String)>,
    /// Lines of code blocks: also listings of files.
    pub blocks: Vec<(usize, String)>,
}

impl Markdown {
    pub fn parse(text: &str) -> Self {
        let mut found = Self::default();
        let mut heading: Option<Heading> = None;
        let mut in_block = false;
        let starts: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            let line = starts.partition_point(|start| *start <= range.start) + 1;
            match event {
                Event::Start(Tag::Heading { .. }) => {
                    heading = Some(Heading {
                        line,
                        text: String::new(),
                    });
                }
                Event::End(TagEnd::Heading(_)) => found.headings.extend(heading.take()),
                Event::Start(Tag::Link { dest_url, .. }) => found.links.push((line, dest_url.into_string())),
                Event::Code(code) => {
                    if let Some(heading) = &mut heading {
                        heading.text.push_str(&code);
                    }
                    found.code.push((line, code.into_string()));
                }
                Event::Start(Tag::CodeBlock(_)) => in_block = true,
                Event::End(TagEnd::CodeBlock) => in_block = false,
                Event::Text(part) if in_block => {
                    let lines = part.lines().enumerate();
                    found
                        .blocks
                        .extend(lines.map(|(at, text)| (line + at, text.to_owned())));
                }
                Event::Text(part) => {
                    if let Some(heading) = &mut heading {
                        heading.text.push_str(&part);
                    }
                }
                _ => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::Markdown;

    #[test]
    fn headings_links_and_code_have_their_lines() {
        let md = Markdown::parse(
            "# A\n\n## 4.3 Of `x`, and y\n\n[t](u.md#v) and `w.rs`\n\n```\n`not`\n[n](o)\n```\n",
        );
        assert_eq!(md.headings[1].number(), Some("4.3"));
        assert_eq!(md.headings[1].anchor(), "43-of-x-and-y");
        assert_eq!(md.headings[1].line, 3);
        assert_eq!(md.headings[0].number(), None);
        assert_eq!(md.links, [(5, "u.md#v".to_owned())]);
        assert_eq!(md.code.last(), Some(&(5, "w.rs".to_owned())));
        let blocks = [(8, "`not`".to_owned()), (9, "[n](o)".to_owned())];
        assert_eq!(md.blocks, blocks);
    }
}
