//! Mapping a checked [`Image`] and binding it to io-sock's symbols.
//!
//! The `elf_loader` crate maps and relocates; this file decides what a module sees: [`HostSymbols`] and nothing else. `DT_NEEDED`
//! is not followed: a module's libc is io-sock's.

use crate::{
    elf::{Export, Image},
    error::LoadError,
    memory::ModuleMemory,
    symbols::Symbol,
};
use elf_loader::{
    AddressSpaceId, Domain, Loader, Relocator,
    image::{LoadedCore, ModuleHandle, SyntheticModule, SyntheticSymbol},
    input::ElfBinary,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::CString,
};

/// The symbols that a module can import.
pub struct HostSymbols {
    domain: Domain,
    handle: ModuleHandle,
    addresses: BTreeMap<String, usize>,
    values: BTreeSet<usize>,
}

impl HostSymbols {
    /// Gathers tables of (name, address). The first table that has a name wins: io-sock's own before libc's.
    pub fn new(tables: impl IntoIterator<Item = Symbol>) -> Self {
        let mut addresses = BTreeMap::new();
        for (name, address) in tables {
            addresses.entry(name).or_insert(address);
        }
        let domain = Domain::native(AddressSpaceId::PROCESS);
        let symbols = addresses.iter().filter_map(|(name, address)| {
            // A name with a NUL could be no symbol's.
            let name = CString::new(name.as_str()).ok()?;
            Some(SyntheticSymbol::function(
                name,
                std::ptr::without_provenance(*address),
            ))
        });
        let handle = SyntheticModule::new(&domain, "io-sock", symbols).into();
        let values = addresses.values().copied().collect();
        Self {
            domain,
            handle,
            addresses,
            values,
        }
    }

    /// Whether a module may import `name`.
    pub fn has(&self, name: &str) -> bool {
        self.addresses.contains_key(name)
    }

    /// Whether `address` is that of a symbol.
    pub fn is_symbol(&self, address: usize) -> bool {
        self.values.contains(&address)
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.addresses.keys().map(String::as_str)
    }
}

/// A module in memory. Dropping it runs its destructors and unmaps it: nothing may run in it any more.
pub struct MappedModule {
    core: LoadedCore<()>,
    memory: ModuleMemory,
    image: Image,
}

impl MappedModule {
    /// Maps and relocates `image`. Names all missing symbols. No code of the module has run when this returns.
    pub fn map(name: &str, image: Image, host: &HostSymbols) -> Result<Self, LoadError> {
        let missing = image.missing(|name| host.has(name));
        if !missing.is_empty() {
            return Err(LoadError::MissingSymbols(missing));
        }
        let failed = |error: elf_loader::Error| LoadError::Map(one_line(&error.to_string()));
        let loader = Loader::new();
        let raw = loader
            .run(host.domain.clone())
            .load_dylib(ElfBinary::new(name, image.bytes()))
            .map_err(failed)?;
        let relocator = Relocator::new().defer_init();
        let run = relocator
            .run(raw)
            .with_modules([host.handle.clone()])
            .map_err(failed)?;
        let core: LoadedCore<()> = run.relocate().map_err(failed)?;
        let base = core.segments().base().get();
        let memory = ModuleMemory::new(base, image.segments().clone());
        Ok(Self { core, memory, image })
    }

    /// Runs the constructors (`DT_INIT_ARRAY`), once.
    pub fn construct(&self) -> Result<(), LoadError> {
        self.core
            .initialize()
            .map_err(|error| LoadError::Map(one_line(&error.to_string())))
    }

    /// Access to its memory.
    pub fn memory(&self) -> &ModuleMemory {
        &self.memory
    }

    /// A symbol of its dynamic symbol table.
    pub fn export(&self, name: &str) -> Option<Export> {
        self.image.export(name)
    }

    /// What was read from the file.
    pub fn image(&self) -> &Image {
        &self.image
    }
}

/// Errors are printed as one line whatever the crate below says.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
