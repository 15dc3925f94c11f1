//! The paths that a file mentions: in `use`, in code, and in the arguments of macros.

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::{
    Attribute, Macro, Path, UseTree, VisRestricted, Visibility,
    spanned::Spanned,
    visit::{self, Visit},
};

/// `a::b::C`, and the line that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub segments: Vec<String>,
    pub line: usize,
}

/// A name that `use` brings into a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    pub name: Name,
    /// What it is called here; `None` for `*`.
    pub called: Option<String>,
    /// Passed on to others (`pub use`).
    pub shown: bool,
}

/// Every path of the items that are visited.
#[derive(Default)]
pub struct Names {
    pub paths: Vec<Name>,
    pub uses: Vec<Use>,
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !only_for_tests(&item.attrs) {
            let shown = !matches!(item.vis, Visibility::Inherited);
            flatten(&item.tree, shown, &mut Vec::new(), &mut self.uses);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let segments = path.segments.iter().map(|s| s.ident.to_string()).collect();
        let line = path.span().start().line;
        self.paths.push(Name { segments, line });
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        visit::visit_macro(self, item);
        in_tokens(item.tokens.clone(), &mut self.paths);
    }

    /// `pub(in crate::x)` says who may look, and imports nothing.
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}

    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    /// Modules within a file are visited as modules of their own.
    fn visit_item_mod(&mut self, _: &'ast syn::ItemMod) {}

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !only_for_tests(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !only_for_tests(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !only_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }
}

/// Whether `#[cfg(...)]` asks for `test`, and not for its absence.
pub fn only_for_tests(attributes: &[Attribute]) -> bool {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .any(|attribute| {
            let said = attribute
                .meta
                .require_list()
                .map(|list| list.tokens.to_string())
                .unwrap_or_default();
            let words: Vec<&str> = said
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .filter(|word| !word.is_empty())
                .collect();
            words.contains(&"test") && !words.contains(&"not") && !words.contains(&"any")
        })
}

fn flatten(tree: &UseTree, shown: bool, before: &mut Vec<String>, uses: &mut Vec<Use>) {
    let line = tree.span().start().line;
    let mut end = |before: &[String], last: Option<String>, called: Option<String>| {
        let segments = before.iter().cloned().chain(last).collect();
        uses.push(Use {
            name: Name { segments, line },
            called,
            shown,
        });
    };
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, shown, before, uses);
            before.pop();
        }
        UseTree::Name(name) if name.ident == "self" => end(before, None, before.last().cloned()),
        UseTree::Name(name) => end(before, Some(name.ident.to_string()), Some(name.ident.to_string())),
        UseTree::Rename(name) => {
            let last = (name.ident != "self").then(|| name.ident.to_string());
            end(before, last, Some(name.rename.to_string()));
        }
        UseTree::Glob(_) => end(before, None, None),
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, shown, before, uses);
            }
        }
    }
}

/// Words joined by `::` in the arguments of a macro, which no parser of ours understands.
fn in_tokens(tokens: TokenStream, paths: &mut Vec<Name>) {
    let mut tokens = tokens.into_iter().peekable();
    let mut name: Option<Name> = None;
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(word) => {
                let line = word.span().start().line;
                let segments = vec![word.to_string()];
                match &mut name {
                    Some(open) => open.segments.extend(segments),
                    None => name = Some(Name { segments, line }),
                }
                if !joins(tokens.peek()) {
                    paths.extend(name.take());
                }
            }
            TokenTree::Punct(colon) if colon.as_char() == ':' => {}
            TokenTree::Group(group) => {
                paths.extend(name.take());
                in_tokens(group.stream(), paths);
            }
            _ => paths.extend(name.take()),
        }
    }
    paths.extend(name);
}

fn joins(next: Option<&TokenTree>) -> bool {
    matches!(next, Some(TokenTree::Punct(colon)) if colon.as_char() == ':' && colon.spacing() == Spacing::Joint)
}
