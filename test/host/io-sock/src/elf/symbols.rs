//! The dynamic symbol table: what the module needs and what it offers.

use super::{ElfError, Segments, dynamic::Dynamic, u16_at, u32_at, u64_at};
use object::elf;
use std::{collections::BTreeMap, ops::Range};

/// A symbol that somebody else must provide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Import {
    /// Its name.
    pub name: String,
    /// Whether it may be missing; then it is 0.
    pub weak: bool,
}

/// A symbol that the module provides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Export {
    /// Image address.
    pub address: u64,
    /// Length in bytes; 0 when the file does not say.
    pub len: u64,
}

pub(super) struct Symbols {
    pub imports: Vec<Import>,
    pub exports: BTreeMap<String, Export>,
    /// Entries of the table.
    pub count: u64,
}

const ENTRY: u64 = 24;

pub(super) fn read(bytes: &[u8], segments: &Segments, dynamic: &Dynamic) -> Result<Symbols, ElfError> {
    let count = count(bytes, segments, dynamic)?;
    let table = count
        .checked_mul(ENTRY)
        .and_then(|len| segments.file_range(dynamic.symtab, len))
        .and_then(|range| bytes.get(range))
        .ok_or_else(|| {
            ElfError::damaged(format!(
                "the symbol table of {count} entries lies outside the file"
            ))
        })?;
    let strings = bytes.get(dynamic.strtab.clone()).unwrap_or_default();
    let mut symbols = Symbols {
        imports: Vec::new(),
        exports: BTreeMap::new(),
        count,
    };
    for (index, entry) in table.chunks_exact(ENTRY as usize).enumerate().skip(1) {
        let name = name(strings, u32_at(entry, 0).unwrap_or(0)).ok_or_else(|| {
            ElfError::damaged(format!("symbol {index} has a name outside the string table"))
        })?;
        let info = entry[4];
        let (bind, kind, other) = (info >> 4, info & 15, entry[5]);
        let address = u64_at(entry, 8).unwrap_or(0);
        if kind == elf::STT_TLS {
            return Err(ElfError::Refused(
                "thread-local storage (a TLS symbol); io-sock's modules have none",
            ));
        }
        if kind == elf::STT_GNU_IFUNC {
            return Err(ElfError::Refused("an indirect function (STT_GNU_IFUNC)"));
        }
        if bind == elf::STB_LOCAL {
            continue;
        }
        match u16_at(entry, 6).unwrap_or(0) {
            elf::SHN_UNDEF => symbols.imports.push(Import {
                name,
                weak: bind == elf::STB_WEAK,
            }),
            elf::SHN_ABS => {}
            _ if matches!(other & 3, elf::STV_HIDDEN | elf::STV_INTERNAL) => {}
            _ => {
                symbols.exports.insert(
                    name,
                    Export {
                        address,
                        len: u64_at(entry, 16).unwrap_or(0),
                    },
                );
            }
        }
    }
    Ok(symbols)
}

fn name(strings: &[u8], at: u32) -> Option<String> {
    let rest = strings.get(usize::try_from(at).ok()?..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    Some(String::from_utf8_lossy(&rest[..end]).into_owned())
}

/// How many symbols there are: only the hash tables say so.
fn count(bytes: &[u8], segments: &Segments, dynamic: &Dynamic) -> Result<u64, ElfError> {
    let words = |address: u64, index: u64| {
        let range = segments.file_range(address.checked_add(index.checked_mul(4)?)?, 4)?;
        u32_at(bytes, range.start)
    };
    let sysv = match dynamic.hash {
        Some(table) => Some(
            sysv_count(&|index| words(table, index))
                .ok_or_else(|| ElfError::damaged("DT_HASH lies outside the file"))?,
        ),
        None => None,
    };
    let gnu = match dynamic.gnu_hash {
        Some(table) => Some(
            gnu_count(&|index| words(table, index))
                .ok_or_else(|| ElfError::damaged("DT_GNU_HASH lies outside the file"))?,
        ),
        None => None,
    };
    match (sysv, gnu) {
        (None, None) => Err(ElfError::damaged("no DT_HASH and no DT_GNU_HASH")),
        (Some(count), None) | (None, Some(count)) => Ok(count),
        (Some(sysv), Some(gnu)) => Ok(sysv.max(gnu)),
    }
}

/// `nbucket, nchain, buckets, chains`: as many chains as symbols.
fn sysv_count(word: &dyn Fn(u64) -> Option<u32>) -> Option<u64> {
    let (buckets, chains) = (u64::from(word(0)?), u64::from(word(1)?));
    let end = 2 + buckets + chains;
    word(end - 1)?;
    // Whoever walks the table must stay inside it.
    (2..end)
        .all(|index| word(index).is_some_and(|next| u64::from(next) < chains.max(1)))
        .then_some(chains)
}

/// `nbuckets, first, bloom words, shift, bloom (64 bits each), buckets, chains`: the last chain ends with the last symbol.
fn gnu_count(word: &dyn Fn(u64) -> Option<u32>) -> Option<u64> {
    let (buckets, first, bloom) = (u64::from(word(0)?), u64::from(word(1)?), u64::from(word(2)?));
    if buckets == 0 || bloom == 0 {
        return None;
    }
    let table = 4 + 2 * bloom;
    let chains = table + buckets;
    let mut last = None;
    for index in in_range(table..chains)? {
        let symbol = u64::from(word(index)?);
        if symbol != 0 && symbol < first {
            return None;
        }
        last = last.max((symbol != 0).then_some(symbol));
    }
    let Some(mut symbol) = last else {
        return Some(first);
    };
    while word(chains + symbol - first)? & 1 == 0 {
        symbol += 1;
    }
    Some(symbol + 1)
}

/// The range, unless it is longer than any table of a module can be.
fn in_range(range: Range<u64>) -> Option<Range<u64>> {
    (range.end - range.start <= 1 << 24).then_some(range)
}
