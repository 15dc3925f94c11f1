//! Which file a path leads to, re-exports followed.

use super::{
    circles::Graph,
    modules::Crate,
    names::{Name, Use},
};

/// A name may be passed on from module to module this often; more would be a circle of re-exports.
const HOPS: usize = 16;

/// Where a path ends.
enum End {
    /// At a module itself, which is not yet an import of anything in it.
    Module(usize),
    /// At something that this module defines.
    Item(usize),
}

/// Every file of the crate, and which others it imports from.
pub fn imports(read: &Crate) -> Graph {
    let mut graph = Graph::default();
    for (own, module) in read.modules.iter().enumerate() {
        graph.node(&module.file);
        let mut add = |end: Option<End>, line| {
            if let Some(End::Item(target)) = end {
                let target = &read.modules[target].file;
                if *target != module.file {
                    graph.add(&module.file, target, &module.file, line);
                }
            }
        };
        // What a module only shows is no import: its own code leans on it where it names it, and that is found below.
        for Use { name, called, .. } in module.uses.iter().filter(|used| !used.shown) {
            let end = read.follow_use(own, name, HOPS);
            match (called, end) {
                // What `*` brings may be anything of the module.
                (None, Some(End::Module(target))) => add(Some(End::Item(target)), name.line),
                (_, end) => add(end, name.line),
            }
        }
        for name in &module.paths {
            add(read.follow(own, &name.segments, HOPS), name.line);
        }
    }
    graph
}

impl Crate {
    /// The path of a `use`, whose first word is never a name that another `use` brought under the same name.
    fn follow_use(&self, module: usize, name: &Name, hops: usize) -> Option<End> {
        let (first, rest) = name.segments.split_first()?;
        let start = self.first_word(module, first)?;
        self.descend(start, rest, hops)
    }

    /// A path as it stands in the code of `module`.
    fn follow(&self, module: usize, segments: &[String], hops: usize) -> Option<End> {
        let hops = hops.checked_sub(1)?;
        let (first, rest) = segments.split_first()?;
        if let Some(start) = self.first_word(module, first) {
            return self.descend(start, rest, hops);
        }
        let used = self.modules[module]
            .uses
            .iter()
            .find(|used| used.called.as_deref() == Some(first));
        match self.follow_use(module, &used?.name, hops)? {
            End::Module(start) => self.descend(start, rest, hops),
            item @ End::Item(_) => Some(item),
        }
    }

    fn first_word(&self, module: usize, word: &str) -> Option<usize> {
        match word {
            "crate" => Some(0),
            "self" => Some(module),
            "super" => self.modules[module].parent,
            name => self.modules[module].children.get(name).copied(),
        }
    }

    fn descend(&self, mut module: usize, segments: &[String], hops: usize) -> Option<End> {
        let hops = hops.checked_sub(1)?;
        for (at, word) in segments.iter().enumerate() {
            if word == "super" {
                module = self.modules[module].parent?;
            } else if word == "self" {
            } else if let Some(&child) = self.modules[module].children.get(word) {
                module = child;
            } else if self.modules[module].items.contains(word) {
                return Some(End::Item(module));
            } else {
                return Some(
                    self.passed_on(module, &segments[at..], hops)
                        .unwrap_or(End::Item(module)),
                );
            }
        }
        Some(End::Module(module))
    }

    /// A name that `module` has from elsewhere.
    fn passed_on(&self, module: usize, segments: &[String], hops: usize) -> Option<End> {
        let (word, rest) = segments.split_first()?;
        let uses = &self.modules[module].uses;
        if let Some(used) = uses
            .iter()
            .find(|used| used.called.as_deref() == Some(word.as_str()))
        {
            return match self.follow_use(module, &used.name, hops)? {
                End::Module(next) => self.descend(next, rest, hops),
                item @ End::Item(_) => Some(item),
            };
        }
        uses.iter().filter(|used| used.called.is_none()).find_map(|used| {
            match self.follow_use(module, &used.name, hops)? {
                End::Module(next) if self.has(next, word) => self.descend(next, segments, hops),
                _ => None,
            }
        })
    }

    fn has(&self, module: usize, word: &str) -> bool {
        let module = &self.modules[module];
        module.items.contains(word)
            || module.children.contains_key(word)
            || module
                .uses
                .iter()
                .any(|used| used.called.as_deref() == Some(word))
    }
}
