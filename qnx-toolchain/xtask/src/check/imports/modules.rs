//! The modules of a crate: which file each is in, what it defines, what it uses.

use super::{
    Finding,
    names::{Name, Names, Use, only_for_tests},
};
use crate::check::tree::{Tree, folder_of, join};
use std::collections::{BTreeMap, BTreeSet};
use syn::{Item, ItemMod, spanned::Spanned, visit::Visit};

/// A module; several may be in one file.
pub struct Module {
    pub file: String,
    pub parent: Option<usize>,
    /// Modules in it, by name: numbers into [`Crate::modules`].
    pub children: BTreeMap<String, usize>,
    pub items: BTreeSet<String>,
    pub uses: Vec<Use>,
    pub paths: Vec<Name>,
}

/// All modules of a crate, the root first.
pub struct Crate {
    pub modules: Vec<Module>,
}

impl Crate {
    /// Reads the crate whose root is `file`. Modules for tests alone are left out.
    ///
    /// # Errors
    /// A file that is not there or is no Rust.
    pub fn read(tree: &Tree, file: &str) -> Result<Self, Finding> {
        let mut read = Self { modules: Vec::new() };
        let items = parse(tree, file)?;
        read.module(tree, file, folder_of(file), None, items)?;
        Ok(read)
    }

    /// Adds a module with everything below it; `folder` is where its `mod x;` look for files.
    fn module(
        &mut self,
        tree: &Tree,
        file: &str,
        folder: &str,
        parent: Option<usize>,
        items: Vec<Item>,
    ) -> Result<usize, Finding> {
        let mut names = Names::default();
        let mut defined = BTreeSet::new();
        let mut inner = Vec::new();
        for item in items {
            names.visit_item(&item);
            match item {
                Item::Mod(item) if !only_for_tests(&item.attrs) => inner.push(item),
                Item::Mod(_) => {}
                other => defined.extend(defined_by(&other)),
            }
        }
        let own = self.modules.len();
        self.modules.push(Module {
            file: file.to_owned(),
            parent,
            children: BTreeMap::new(),
            items: defined,
            uses: names.uses,
            paths: names.paths,
        });
        for item in inner {
            let name = item.ident.to_string();
            let below = format!("{folder}/{name}");
            let child = match item.content {
                Some((_, items)) => self.module(tree, file, &below, Some(own), items)?,
                None => {
                    let place = find(tree, file, folder, &item)?;
                    let items = parse(tree, &place)?;
                    self.module(tree, &place, &below, Some(own), items)?
                }
            };
            self.modules[own].children.insert(name, child);
        }
        Ok(own)
    }
}

fn parse(tree: &Tree, file: &str) -> Result<Vec<Item>, Finding> {
    let text = tree
        .text(file)
        .ok_or_else(|| Finding::new(file, 0, "is not there"))?;
    syn::parse_file(text)
        .map(|parsed| parsed.items)
        .map_err(|e| Finding::new(file, e.span().start().line, e.to_string()))
}

/// The file of `mod x;`: what `#[path]` says, else `x.rs` or `x/mod.rs`.
fn find(tree: &Tree, file: &str, folder: &str, item: &ItemMod) -> Result<String, Finding> {
    let name = item.ident.to_string();
    let told = item.attrs.iter().find_map(|attribute| {
        let value = &attribute.meta.require_name_value().ok()?.value;
        let syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(path),
            ..
        }) = value
        else {
            return None;
        };
        attribute
            .path()
            .is_ident("path")
            .then(|| join(folder_of(file), &path.value()))?
    });
    let usual = [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")];
    told.into_iter()
        .chain(usual)
        .find(|place| tree.text(place).is_some())
        .ok_or_else(|| {
            Finding::new(
                file,
                item.span().start().line,
                format!("no file of module {name}"),
            )
        })
}

fn defined_by(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(ident.to_string())
}
