//! Reading a module's file before anything of it is mapped.
//!
//! [`Image::read`] checks all that the mapping and the relocation rely on, so that a damaged file ends in one line and not in a
//! fault: `header.rs` class, machine and type; `segments.rs` program headers; `dynamic.rs` the tables of the dynamic section;
//! `relocs.rs` each relocation; `symbols.rs` imports and exports.

mod dynamic;
mod error;
mod header;
mod relocs;
mod segments;
mod symbols;

pub use error::ElfError;
pub use header::Machine;
pub use segments::{Segment, Segments};
pub use symbols::{Export, Import};

use std::collections::{BTreeMap, BTreeSet};

/// A file that can be mapped and relocated on this machine.
#[derive(Debug)]
pub struct Image {
    bytes: Vec<u8>,
    segments: Segments,
    imports: Vec<Import>,
    exports: BTreeMap<String, Export>,
    sections: BTreeSet<String>,
}

impl Image {
    /// Checks `bytes` as a shared object for `machine`.
    pub fn read(bytes: Vec<u8>, machine: Machine) -> Result<Self, ElfError> {
        let header = header::check(&bytes, machine)?;
        let segments = segments::check(&bytes, &header)?;
        let dynamic = dynamic::read(&bytes, &segments)?;
        let symbols = symbols::read(&bytes, &segments, &dynamic)?;
        relocs::check(&bytes, &segments, &dynamic, machine, symbols.count)?;
        let sections = header::section_names(&bytes, &header);
        Ok(Self {
            bytes,
            segments,
            imports: symbols.imports,
            exports: symbols.exports,
            sections,
        })
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where its segments go.
    pub fn segments(&self) -> &Segments {
        &self.segments
    }

    /// Symbols that it needs from others.
    pub fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// A symbol of its dynamic symbol table.
    pub fn export(&self, name: &str) -> Option<Export> {
        self.exports.get(name).copied()
    }

    /// Whether the section header table names this section. Sections do not matter to a loader; this serves messages.
    pub fn has_section(&self, name: &str) -> bool {
        self.sections.contains(name)
    }

    /// Four words of the file's initialised data.
    pub fn words(&self, address: u64) -> Option<[u32; 4]> {
        let range = self.segments.file_range(address, 16)?;
        let word = |index: usize| u32_at(&self.bytes, range.start + 4 * index);
        Some([word(0)?, word(1)?, word(2)?, word(3)?])
    }

    /// The imports that `provided` does not have and cannot do without, sorted.
    pub fn missing(&self, provided: impl Fn(&str) -> bool) -> Vec<String> {
        let needed = self
            .imports
            .iter()
            .filter(|import| !import.weak && !provided(&import.name));
        let mut names: Vec<String> = needed.map(|import| import.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// `bytes[at..at + N]`; `None` beyond the end.
fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}
