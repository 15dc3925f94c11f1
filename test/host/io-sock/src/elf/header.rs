//! The ELF header: is this a shared object for this machine?

use super::{ElfError, array, u16_at, u32_at, u64_at};
use object::elf;
use std::collections::BTreeSet;

/// Length of an ELF64 header.
const HEADER_LEN: usize = 64;

/// A machine that io-sock runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Machine {
    /// x86_64.
    X86_64,
    /// 64-bit Arm.
    Aarch64,
}

impl Machine {
    /// The machine that this process was built for.
    pub const HOST: Self = if cfg!(target_arch = "aarch64") {
        Self::Aarch64
    } else {
        Self::X86_64
    };

    fn number(self) -> u16 {
        match self {
            Self::X86_64 => elf::EM_X86_64,
            Self::Aarch64 => elf::EM_AARCH64,
        }
    }
}

/// What the rest of the check needs from the header.
#[derive(Debug)]
pub(super) struct Header {
    pub phoff: u64,
    pub phnum: u16,
    shoff: u64,
    shnum: u16,
    shstrndx: u16,
}

pub(super) fn check(bytes: &[u8], machine: Machine) -> Result<Header, ElfError> {
    if array(bytes, 0) != Some(elf::ELFMAG) {
        return Err(ElfError::NotElf { len: bytes.len() });
    }
    let ident: [u8; 16] = array(bytes, 0).ok_or_else(|| ElfError::damaged("the header is cut off"))?;
    wrong("class", ident[4].into(), elf::ELFCLASS64.into(), class_name)?;
    wrong("byte order", ident[5].into(), elf::ELFDATA2LSB.into(), order_name)?;
    if bytes.len() < HEADER_LEN {
        return Err(ElfError::damaged(format!(
            "{} bytes; the header alone has {HEADER_LEN}",
            bytes.len()
        )));
    }
    // The length was checked: the reads below cannot miss.
    let half = |at| u16_at(bytes, at).unwrap_or(0);
    wrong("architecture", half(18), machine.number(), machine_name)?;
    wrong("file type", half(16), elf::ET_DYN, type_name)?;
    if u32_at(bytes, 20) != Some(elf::EV_CURRENT.into()) {
        return Err(ElfError::damaged("the version of the format is not 1"));
    }
    if half(54) != 56 {
        return Err(ElfError::damaged(format!(
            "program headers of {} bytes; 56 is allowed",
            half(54)
        )));
    }
    Ok(Header {
        phoff: u64_at(bytes, 32).unwrap_or(0),
        phnum: half(56),
        shoff: u64_at(bytes, 40).unwrap_or(0),
        shnum: half(60),
        shstrndx: half(62),
    })
}

fn wrong(
    what: &'static str,
    found: u16,
    expected: u16,
    name: fn(u16) -> &'static str,
) -> Result<(), ElfError> {
    if found == expected {
        return Ok(());
    }
    let text = |number| format!("{} ({number})", name(number));
    Err(ElfError::Wrong {
        what,
        found: text(found),
        expected: text(expected),
    })
}

fn class_name(class: u16) -> &'static str {
    match class {
        1 => "32 bits",
        2 => "64 bits",
        _ => "unknown",
    }
}

fn order_name(order: u16) -> &'static str {
    match order {
        1 => "little endian",
        2 => "big endian",
        _ => "unknown",
    }
}

fn machine_name(machine: u16) -> &'static str {
    match machine {
        3 => "x86",
        8 => "MIPS",
        20 => "PowerPC",
        21 => "PowerPC64",
        40 => "arm",
        62 => "x86_64",
        183 => "aarch64",
        243 => "RISC-V",
        _ => "unknown",
    }
}

fn type_name(kind: u16) -> &'static str {
    match kind {
        1 => "relocatable object",
        2 => "executable",
        3 => "shared object",
        4 => "core dump",
        _ => "unknown",
    }
}

/// The names of all sections; empty when the table is stripped or damaged, since no loader depends on it.
pub(super) fn section_names(bytes: &[u8], header: &Header) -> BTreeSet<String> {
    names(bytes, header).unwrap_or_default()
}

fn names(bytes: &[u8], header: &Header) -> Option<BTreeSet<String>> {
    const ENTRY: usize = 64;
    let entry = |index: u16| {
        usize::try_from(header.shoff)
            .ok()?
            .checked_add(usize::from(index) * ENTRY)
    };
    let strings = entry(header.shstrndx)?;
    let start = usize::try_from(u64_at(bytes, strings.checked_add(24)?)?).ok()?;
    let len = usize::try_from(u64_at(bytes, strings.checked_add(32)?)?).ok()?;
    let table = bytes.get(start..start.checked_add(len)?)?;
    let name = |index| {
        let at = usize::try_from(u32_at(bytes, entry(index)?)?).ok()?;
        let text = table.get(at..)?.split(|byte| *byte == 0).next()?;
        Some(String::from_utf8_lossy(text).into_owned())
    };
    Some((0..header.shnum).filter_map(name).collect())
}
