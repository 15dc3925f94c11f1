//! Damaged files: whatever bytes are wrong, reading and mapping end in an error or in a module, never in a fault.
//!
//! No code of the damaged modules is run: what a file that passes as a module does then is its own affair, as on the target.

mod common;

use common::compile::{self, Linker};
use io_sock::{
    elf::{Image, Machine},
    loader::{HostSymbols, MappedModule},
    module::{Metadata, Sets, version},
};
use std::{collections::BTreeSet, fs};

/// Rounds of damage for each file.
const ROUNDS: u32 = 6_000;

/// Goes as far as loading goes before the module's own code would run.
fn try_load(bytes: Vec<u8>, host: &HostSymbols) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let image = Image::read(bytes, Machine::HOST).map_err(|error| text(&error))?;
    version::check(&image, false).map_err(|error| text(&error))?;
    let sets = Sets::find(&image).map_err(|error| text(&error))?;
    let mapped = MappedModule::map("damaged", image, host).map_err(|error| text(&error))?;
    Metadata::read(mapped.memory(), &sets.metadata, host).map_err(|error| text(&error))?;
    Ok(())
}

/// A host that has every import of `bytes`, at an address that is never called.
fn host_for(bytes: &[u8]) -> HostSymbols {
    let image = Image::read(bytes.to_vec(), Machine::HOST).expect("an undamaged module");
    HostSymbols::new(image.imports().iter().map(|import| (import.name.clone(), 0x1000)))
}

/// xorshift: the same damage on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("below a usize")
    }
}

fn modules() -> Vec<Vec<u8>> {
    let dir = compile::scratch("damaged");
    // Without debug information most bytes matter.
    let file = |linker| compile::module(&dir, "echo.c", "mods-echo.so", linker, &["-g0", "-Wl,-s"]);
    compile::LINKERS
        .iter()
        .map(|linker: &Linker| fs::read(file(*linker)).expect("just built"))
        .collect()
}

#[test]
fn every_length() {
    for bytes in modules() {
        let host = host_for(&bytes);
        assert_eq!(try_load(bytes.clone(), &host), Ok(()));
        for len in 0..bytes.len() {
            // The section headers at the end are not needed.
            if let Err(error) = try_load(bytes[..len].to_vec(), &host) {
                assert!(!error.is_empty() && !error.contains('\n'), "{error}");
            }
        }
    }
}

#[test]
fn random_damage() {
    for bytes in modules() {
        let host = host_for(&bytes);
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut errors = BTreeSet::new();
        for _ in 0..ROUNDS {
            let mut damaged = bytes.clone();
            for _ in 0..=random.below(4) {
                // Headers, symbols and relocations lie at the start; that is what loading depends on.
                let len = if random.below(4) == 0 {
                    damaged.len()
                } else {
                    0x1600
                };
                let at = random.below(len);
                // Sizes and addresses break best with extreme bytes.
                damaged[at] = match random.below(4) {
                    0 => 0xff,
                    1 => 0,
                    2 => damaged[at] ^ 1 << random.below(8),
                    _ => u8::try_from(random.below(256)).expect("below 256"),
                };
            }
            if let Err(error) = try_load(damaged, &host) {
                assert!(!error.is_empty() && !error.contains('\n'), "{error}");
                // The kinds of errors, without their numbers.
                errors.insert(
                    error
                        .split(|c: char| c.is_ascii_digit())
                        .next()
                        .unwrap_or_default()
                        .to_owned(),
                );
            }
        }
        assert!(errors.len() > 20, "the damage reaches few checks: {errors:#?}");
    }
}
