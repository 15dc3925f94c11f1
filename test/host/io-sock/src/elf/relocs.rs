//! Each relocation, before any is applied.

use super::{ElfError, Segments, dynamic::Dynamic, header::Machine, u64_at};
use object::elf;
use std::ops::Range;

const ENTRY: usize = 24;

/// What a relocation does.
enum Action {
    Nothing,
    /// Writes base + addend.
    Relative,
    /// Writes a symbol's address.
    Symbolic,
    Refused(&'static str),
}

pub(super) fn check(
    bytes: &[u8],
    segments: &Segments,
    dynamic: &Dynamic,
    machine: Machine,
    symbols: u64,
) -> Result<(), ElfError> {
    let checker = Checker {
        bytes,
        segments,
        machine,
        symbols,
    };
    checker.table(&dynamic.rela, dynamic.rela_count)?;
    checker.table(&dynamic.plt, 0)
}

struct Checker<'a> {
    bytes: &'a [u8],
    segments: &'a Segments,
    machine: Machine,
    symbols: u64,
}

impl Checker<'_> {
    /// `relative`: how many at the start the file says are relative.
    fn table(&self, range: &Range<usize>, relative: u64) -> Result<(), ElfError> {
        let table = self.bytes.get(range.clone()).unwrap_or_default();
        let entries = (table.len() / ENTRY) as u64;
        if relative > entries {
            return Err(ElfError::damaged(format!(
                "DT_RELACOUNT is {relative}; there are {entries} relocations"
            )));
        }
        for (index, entry) in (0u64..).zip(table.chunks_exact(ENTRY)) {
            let at = u64_at(entry, 0).unwrap_or(0);
            let info = u64_at(entry, 8).unwrap_or(0);
            let (symbol, kind) = (info >> 32, info as u32);
            let refuse = |why| Err(ElfError::Relocation { kind, at, why });
            match action(self.machine, kind) {
                Action::Nothing if index >= relative => continue,
                Action::Relative => {}
                Action::Symbolic if symbol >= self.symbols => return refuse("names no symbol of the table"),
                Action::Symbolic if index >= relative => {}
                Action::Refused(why) => return refuse(why),
                Action::Nothing | Action::Symbolic => {
                    return refuse("is counted as relative (DT_RELACOUNT) and is not");
                }
            }
            let place = at..at.checked_add(8).unwrap_or(at);
            if place.is_empty() || !self.segments.holding(&place).is_some_and(|load| load.writable) {
                return refuse("applies outside the writable segments");
            }
        }
        Ok(())
    }
}

fn action(machine: Machine, kind: u32) -> Action {
    match machine {
        Machine::X86_64 => match kind {
            elf::R_X86_64_NONE => Action::Nothing,
            elf::R_X86_64_RELATIVE => Action::Relative,
            elf::R_X86_64_64 | elf::R_X86_64_GLOB_DAT | elf::R_X86_64_JUMP_SLOT => Action::Symbolic,
            elf::R_X86_64_IRELATIVE => Action::Refused("indirect functions are not supported"),
            elf::R_X86_64_COPY => Action::Refused("copy relocations belong to programs"),
            elf::R_X86_64_DTPMOD64
            | elf::R_X86_64_DTPOFF64
            | elf::R_X86_64_TPOFF64
            | elf::R_X86_64_TLSDESC => Action::Refused("thread-local storage is not supported"),
            _ => Action::Refused("not one that a shared object of this machine has"),
        },
        Machine::Aarch64 => match kind {
            elf::R_AARCH64_NONE => Action::Nothing,
            elf::R_AARCH64_RELATIVE => Action::Relative,
            elf::R_AARCH64_ABS64 | elf::R_AARCH64_GLOB_DAT | elf::R_AARCH64_JUMP_SLOT => Action::Symbolic,
            elf::R_AARCH64_IRELATIVE => Action::Refused("indirect functions are not supported"),
            elf::R_AARCH64_COPY => Action::Refused("copy relocations belong to programs"),
            elf::R_AARCH64_TLS_DTPMOD
            | elf::R_AARCH64_TLS_DTPREL
            | elf::R_AARCH64_TLS_TPREL
            | elf::R_AARCH64_TLSDESC => Action::Refused("thread-local storage is not supported"),
            _ => Action::Refused("not one that a shared object of this machine has"),
        },
    }
}
