//! Program headers: what is mapped where.

use super::{ElfError, header::Header, u32_at, u64_at};
use object::elf;
use std::ops::Range;

/// The largest image that is mapped: far above any module, far below what would hurt the machine.
const MAX_SPAN: u64 = 1 << 30;
/// The smallest page of both machines.
const PAGE: u64 = 4096;

/// One `PT_LOAD`. Addresses are image addresses: relative to where the image is mapped.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Memory that it takes.
    pub memory: Range<u64>,
    /// Offset in the file of the first byte.
    pub file_offset: u64,
    /// How many bytes come from the file; the rest is zero.
    pub file_len: u64,
    /// `PF_W`.
    pub writable: bool,
    /// `PF_X`.
    pub executable: bool,
}

/// All segments of an image, in ascending order, without overlap.
#[derive(Clone, Debug, Default)]
pub struct Segments {
    /// The `PT_LOAD` segments.
    pub loads: Vec<Segment>,
    /// Pages that become read-only after relocation (`PT_GNU_RELRO`); empty for none.
    pub relro: Range<u64>,
    /// The dynamic section.
    pub dynamic: Range<u64>,
}

impl Segments {
    /// The segment that holds all of `range`.
    pub fn holding(&self, range: &Range<u64>) -> Option<&Segment> {
        self.loads.iter().find(|load| {
            load.memory.start <= range.start && range.end <= load.memory.end && range.start <= range.end
        })
    }

    /// Whether `range` can be written after relocation.
    pub fn writable(&self, range: &Range<u64>) -> bool {
        let protected = range.start < self.relro.end && self.relro.start < range.end;
        !protected && self.holding(range).is_some_and(|load| load.writable)
    }

    /// Whether `address` lies in code.
    pub fn executable(&self, address: u64) -> bool {
        self.loads
            .iter()
            .any(|load| load.executable && load.memory.contains(&address))
    }

    /// Where in the file `len` bytes at `address` lie; `None` when they are not all from the file.
    pub(super) fn file_range(&self, address: u64, len: u64) -> Option<Range<usize>> {
        let end = address.checked_add(len)?;
        let load = self.holding(&(address..end))?;
        let start = address - load.memory.start;
        if start.checked_add(len)? > load.file_len {
            return None;
        }
        let start = usize::try_from(load.file_offset.checked_add(start)?).ok()?;
        Some(start..start.checked_add(usize::try_from(len).ok()?)?)
    }
}

pub(super) fn check(bytes: &[u8], header: &Header) -> Result<Segments, ElfError> {
    const ENTRY: usize = 56;
    let table = usize::try_from(header.phoff)
        .ok()
        .and_then(|start| bytes.get(start..start.checked_add(usize::from(header.phnum) * ENTRY)?))
        .ok_or_else(|| ElfError::damaged("the program headers lie outside the file"))?;
    let mut segments = Segments::default();
    for entry in table.chunks_exact(ENTRY) {
        let word = |at| u64_at(entry, at).unwrap_or(0);
        let flags = u32_at(entry, 4).unwrap_or(0);
        let (offset, address, file_len, len, align) = (word(8), word(16), word(32), word(40), word(48));
        let bad = |what: &str| ElfError::damaged(format!("segment at {address:#x}: {what}"));
        let end = address
            .checked_add(len)
            .filter(|end| *end <= MAX_SPAN)
            .ok_or_else(|| bad("ends beyond 1 GiB"))?;
        let from_file = || {
            let inside = offset
                .checked_add(file_len)
                .is_some_and(|end| end <= bytes.len() as u64);
            if inside && file_len <= len {
                Ok(())
            } else {
                Err(bad("lies outside the file"))
            }
        };
        match u32_at(entry, 0).unwrap_or(0) {
            elf::PT_LOAD if len == 0 => {}
            elf::PT_LOAD => {
                from_file()?;
                if flags & 4 == 0 {
                    return Err(bad("cannot be read"));
                }
                if align > PAGE && !align.is_power_of_two() {
                    return Err(bad("is aligned to no power of two"));
                }
                if address % PAGE != offset % PAGE {
                    return Err(bad("has another place in its page than in the file"));
                }
                // Two segments with different rights cannot share a page.
                if segments
                    .loads
                    .last()
                    .is_some_and(|last| (last.memory.end - 1) / PAGE >= address / PAGE)
                {
                    return Err(bad("starts in a page of the one before, or before it"));
                }
                segments.loads.push(Segment {
                    memory: address..end,
                    file_offset: offset,
                    file_len,
                    writable: flags & 2 != 0,
                    executable: flags & 1 != 0,
                });
            }
            elf::PT_DYNAMIC => {
                from_file()?;
                segments.dynamic = address..address + file_len;
            }
            // Whole pages are protected.
            elf::PT_GNU_RELRO => segments.relro = address - address % PAGE..end.next_multiple_of(PAGE),
            elf::PT_TLS => {
                return Err(ElfError::Refused(
                    "thread-local storage (PT_TLS); io-sock's modules have none",
                ));
            }
            elf::PT_INTERP => {
                return Err(ElfError::Refused(
                    "an interpreter (PT_INTERP): this is a program, not a module",
                ));
            }
            _ => {}
        }
    }
    whole(&segments)?;
    Ok(segments)
}

/// What can only be said when all are known.
fn whole(segments: &Segments) -> Result<(), ElfError> {
    if segments.loads.is_empty() {
        return Err(ElfError::damaged("no segment to load"));
    }
    if segments.dynamic.is_empty() || segments.holding(&segments.dynamic).is_none() {
        return Err(ElfError::damaged("no dynamic section"));
    }
    let relro = &segments.relro;
    let protects = |load: &Segment| {
        load.memory.start - load.memory.start % PAGE <= relro.start
            && relro.end <= load.memory.end.next_multiple_of(PAGE)
    };
    if !relro.is_empty() && !segments.loads.iter().any(protects) {
        return Err(ElfError::damaged("PT_GNU_RELRO lies outside the loaded segments"));
    }
    Ok(())
}
