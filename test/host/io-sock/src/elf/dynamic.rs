//! The dynamic section: where the tables of symbols and relocations are.

use super::{ElfError, Segments, u64_at};
use object::elf;
use std::ops::Range;

/// File ranges of the tables; empty for none.
#[derive(Debug, Default)]
pub(super) struct Dynamic {
    pub symtab: u64,
    pub strtab: Range<usize>,
    pub hash: Option<u64>,
    pub gnu_hash: Option<u64>,
    pub rela: Range<usize>,
    /// How many entries at the start of `rela` are said to be relative.
    pub rela_count: u64,
    pub plt: Range<usize>,
}

const SYMBOL_LEN: u64 = 24;
const RELA_LEN: u64 = 24;
/// Compact relative relocations.
const DT_RELR: u32 = 36;
/// Android's packed relocations, which no QNX linker writes.
const DT_ANDROID: Range<u64> = 0x6000_000f..0x6000_0013;

pub(super) fn read(bytes: &[u8], segments: &Segments) -> Result<Dynamic, ElfError> {
    let section = &segments.dynamic;
    let range = segments.file_range(section.start, section.end - section.start);
    let table = range
        .and_then(|range| bytes.get(range))
        .ok_or_else(|| ElfError::damaged("the dynamic section lies outside the file"))?;
    let mut tags = Tags::default();
    let mut ended = false;
    for entry in table.chunks_exact(16) {
        let (tag, value) = (u64_at(entry, 0).unwrap_or(0), u64_at(entry, 8).unwrap_or(0));
        if tag == u64::from(elf::DT_NULL) {
            ended = true;
            break;
        }
        tags.take(tag, value)?;
    }
    if !ended || table.len() % 16 != 0 {
        return Err(ElfError::damaged("the dynamic section has no end"));
    }
    tags.resolve(segments)
}

/// The tags as they stand in the file.
#[derive(Default)]
struct Tags {
    symtab: Option<u64>,
    strtab: Option<u64>,
    strsz: u64,
    hash: Option<u64>,
    gnu_hash: Option<u64>,
    rela: u64,
    relasz: u64,
    rela_count: u64,
    jmprel: u64,
    pltrelsz: u64,
    /// (address, length) of DT_INIT_ARRAY and DT_FINI_ARRAY.
    arrays: [(u64, u64); 2],
    /// DT_INIT and DT_FINI.
    functions: [u64; 2],
}

impl Tags {
    fn take(&mut self, tag: u64, value: u64) -> Result<(), ElfError> {
        let expect = |what: &str, allowed: u64| {
            if value == allowed {
                Ok(())
            } else {
                Err(ElfError::damaged(format!(
                    "{what} is {value}; {allowed} is allowed"
                )))
            }
        };
        // Every tag used here fits 32 bits.
        match u32::try_from(tag).unwrap_or(0) {
            elf::DT_SYMTAB => self.symtab = Some(value),
            elf::DT_STRTAB => self.strtab = Some(value),
            elf::DT_STRSZ => self.strsz = value,
            elf::DT_SYMENT => expect("DT_SYMENT", SYMBOL_LEN)?,
            elf::DT_HASH => self.hash = Some(value),
            elf::DT_GNU_HASH => self.gnu_hash = Some(value),
            elf::DT_RELA => self.rela = value,
            elf::DT_RELASZ => self.relasz = value,
            elf::DT_RELAENT => expect("DT_RELAENT", RELA_LEN)?,
            elf::DT_RELACOUNT => self.rela_count = value,
            elf::DT_JMPREL => self.jmprel = value,
            elf::DT_PLTRELSZ => self.pltrelsz = value,
            elf::DT_PLTREL => expect("DT_PLTREL", elf::DT_RELA.into())?,
            elf::DT_INIT => self.functions[0] = value,
            elf::DT_FINI => self.functions[1] = value,
            elf::DT_INIT_ARRAY => self.arrays[0].0 = value,
            elf::DT_INIT_ARRAYSZ => self.arrays[0].1 = value,
            elf::DT_FINI_ARRAY => self.arrays[1].0 = value,
            elf::DT_FINI_ARRAYSZ => self.arrays[1].1 = value,
            elf::DT_TEXTREL => {
                return Err(ElfError::Refused(
                    "relocations in code (DT_TEXTREL); compile with -fPIC",
                ));
            }
            elf::DT_FLAGS if value & u64::from(elf::DF_TEXTREL) != 0 => {
                return Err(ElfError::Refused(
                    "relocations in code (DF_TEXTREL); compile with -fPIC",
                ));
            }
            elf::DT_REL | DT_RELR | elf::DT_PREINIT_ARRAY => {
                return Err(ElfError::damaged(format!(
                    "dynamic tag {tag} is not one of x86_64 or aarch64 modules; link with RELA"
                )));
            }
            _ if DT_ANDROID.contains(&tag) => {
                return Err(ElfError::Refused("packed relocations; link with RELA"));
            }
            _ => {}
        }
        Ok(())
    }

    fn resolve(self, segments: &Segments) -> Result<Dynamic, ElfError> {
        let range = |what: &str, address: u64, len: u64, entry: u64| {
            if len == 0 {
                return Ok(0..0);
            }
            segments
                .file_range(address, len)
                .filter(|_| len.is_multiple_of(entry))
                .ok_or_else(|| {
                    ElfError::damaged(format!(
                        "{what} at {address:#x}, {len} bytes: outside the file or cut off"
                    ))
                })
        };
        let need =
            |what: &str, value: Option<u64>| value.ok_or_else(|| ElfError::damaged(format!("no {what}")));
        for (what, (address, len)) in ["DT_INIT_ARRAY", "DT_FINI_ARRAY"].into_iter().zip(self.arrays) {
            range(what, address, len, 8)?;
        }
        for (what, address) in ["DT_INIT", "DT_FINI"].into_iter().zip(self.functions) {
            if address != 0 && !segments.executable(address) {
                return Err(ElfError::damaged(format!(
                    "{what} at {address:#x} is not in code"
                )));
            }
        }
        Ok(Dynamic {
            symtab: need("DT_SYMTAB", self.symtab)?,
            strtab: range("the string table", need("DT_STRTAB", self.strtab)?, self.strsz, 1)?,
            hash: self.hash,
            gnu_hash: self.gnu_hash,
            rela: range("DT_RELA", self.rela, self.relasz, RELA_LEN)?,
            rela_count: self.rela_count,
            plt: range("DT_JMPREL", self.jmprel, self.pltrelsz, RELA_LEN)?,
        })
    }
}
