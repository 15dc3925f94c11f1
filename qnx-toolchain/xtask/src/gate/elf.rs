//! What the gate needs of an ELF file, read with the `object` crate.

use anyhow::{Context, Result, bail};
use object::{
    LittleEndian, elf,
    read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader, Sym},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

type Header = elf::FileHeader64<LittleEndian>;
const LE: LittleEndian = LittleEndian;

/// A defined dynamic symbol.
pub struct Symbol {
    pub address: u64,
    pub size: u64,
    /// Binding and visibility, for the report.
    pub binding: String,
    /// Whether a lookup by name finds it.
    pub visible: bool,
}

/// A section.
pub struct Section {
    pub address: u64,
    pub size: u64,
    pub writable: bool,
}

/// The facts of one file.
pub struct Elf {
    pub is_64: bool,
    pub little_endian: bool,
    pub shared: bool,
    pub machine: String,
    pub interpreter: bool,
    pub tls: bool,
    /// `Some(executable)` when the file has a stack mark.
    pub stack: Option<bool>,
    pub text_relocations: bool,
    pub write_execute: bool,
    /// The line in `.csock.built`.
    pub built: Option<String>,
    needed: Vec<String>,
    sections: BTreeMap<String, Section>,
    defined: BTreeMap<String, Symbol>,
    undefined: BTreeSet<String>,
}

impl Elf {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self> {
        let data = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&data)
            .with_context(|| format!("{} is not an ELF file that can be checked", path.display()))
    }

    fn parse(data: &[u8]) -> Result<Self> {
        if data.get(4) != Some(&elf::ELFCLASS64) || data.get(5) != Some(&elf::ELFDATA2LSB) {
            bail!("not 64 bit little endian");
        }
        let header = Header::parse(data)?;
        let mut out = Self {
            is_64: true,
            little_endian: true,
            shared: header.e_type(LE) == elf::ET_DYN,
            machine: match header.e_machine(LE) {
                elf::EM_X86_64 => "x86_64".into(),
                elf::EM_AARCH64 => "aarch64".into(),
                other => format!("machine {other}"),
            },
            interpreter: false,
            tls: false,
            stack: None,
            text_relocations: false,
            write_execute: false,
            built: None,
            needed: Vec::new(),
            sections: BTreeMap::new(),
            defined: BTreeMap::new(),
            undefined: BTreeSet::new(),
        };
        for segment in header.program_headers(LE, data)? {
            let flags = segment.p_flags(LE);
            match segment.p_type(LE) {
                elf::PT_INTERP => out.interpreter = true,
                elf::PT_TLS => out.tls = true,
                elf::PT_GNU_STACK => out.stack = Some(flags & elf::PF_X != 0),
                elf::PT_LOAD if flags & elf::PF_X != 0 && flags & elf::PF_W != 0 => out.write_execute = true,
                _ => {}
            }
        }
        let sections = header.sections(LE, data)?;
        for section in sections.iter() {
            let name = String::from_utf8_lossy(sections.section_name(LE, section)?).into_owned();
            if name == ".csock.built" {
                let text = String::from_utf8_lossy(section.data(LE, data)?);
                out.built = Some(text.trim_end_matches('\0').to_owned());
            }
            let writable = section.sh_flags(LE) & u64::from(elf::SHF_WRITE) != 0;
            out.sections.insert(
                name,
                Section {
                    address: section.sh_addr(LE),
                    size: section.sh_size(LE),
                    writable,
                },
            );
        }
        if let Some((entries, link)) = sections.dynamic(LE, data)? {
            let strings = sections.strings(LE, data, link)?;
            for entry in entries {
                let value = entry.d_val(LE);
                match i64::try_from(entry.d_tag(LE)).unwrap_or(-1) {
                    tag if tag == i64::from(elf::DT_NEEDED) => {
                        let name = strings
                            .get(u32::try_from(value)?)
                            .ok()
                            .context("a needed library without a name")?;
                        out.needed.push(String::from_utf8_lossy(name).into_owned());
                    }
                    tag if tag == i64::from(elf::DT_TEXTREL) => out.text_relocations = true,
                    tag if tag == i64::from(elf::DT_FLAGS) && value & u64::from(elf::DF_TEXTREL) != 0 => {
                        out.text_relocations = true;
                    }
                    _ => {}
                }
            }
        }
        let symbols = sections.symbols(LE, data, elf::SHT_DYNSYM)?;
        for symbol in symbols.iter().skip(1) {
            let name = String::from_utf8_lossy(symbols.symbol_name(LE, symbol)?).into_owned();
            if symbol.is_undefined(LE) {
                out.undefined.insert(name);
                continue;
            }
            let (bind, visibility) = (symbol.st_bind(), symbol.st_visibility());
            let binding = match bind {
                elf::STB_GLOBAL => "global",
                elf::STB_WEAK => "weak",
                _ => "local",
            };
            let seen = match visibility {
                elf::STV_DEFAULT => "default",
                elf::STV_PROTECTED => "protected",
                elf::STV_HIDDEN => "hidden",
                _ => "internal",
            };
            let visible = binding == "global" && (seen == "default" || seen == "protected");
            out.defined.insert(
                name,
                Symbol {
                    address: symbol.st_value(LE),
                    size: symbol.st_size(LE),
                    binding: format!("{binding} {seen}"),
                    visible,
                },
            );
        }
        Ok(out)
    }

    /// Class, byte order and type in words.
    pub fn kind(&self) -> String {
        format!(
            "64 bit: {}, little endian: {}, shared: {}",
            self.is_64, self.little_endian, self.shared
        )
    }

    /// The stack mark in words.
    pub fn stack_text(&self) -> &'static str {
        match self.stack {
            Some(false) => "not executable",
            Some(true) => "executable",
            None => "no mark",
        }
    }

    /// Libraries that the file asks for.
    pub fn needed(&self) -> &[String] {
        &self.needed
    }

    /// A section by name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.get(name)
    }

    /// A defined dynamic symbol by name.
    pub fn symbol(&self, name: &str) -> Option<&Symbol> {
        self.defined.get(name)
    }

    /// Names of defined dynamic symbols that a lookup finds.
    pub fn exported(&self) -> BTreeSet<String> {
        self.defined
            .iter()
            .filter(|(_, s)| s.visible)
            .map(|(n, _)| n.clone())
            .collect()
    }

    /// Names of undefined dynamic symbols.
    pub fn undefined(&self) -> BTreeSet<String> {
        self.undefined.clone()
    }
}
