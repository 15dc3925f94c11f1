//! The gate: what must hold of every file that goes to a target, checked on the file itself (`docs/iosock-kpi.md` 1.3 to 1.5, S-48).

mod elf;

use crate::{cmd, toolchain::Arch};
use anyhow::{Context, Result, bail};
use elf::Elf;
use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

/// The linker sets that io-sock reads from a module.
const SETS: [&str; 4] = [
    "set_modmetadata_set",
    "set_sysinit_set",
    "set_sysuninit_set",
    "set_sysctl_set",
];

/// What was checked, with the values that were seen.
pub struct Report {
    arch: Arch,
    text: String,
    failures: usize,
    checks: usize,
}

/// Whether the dynamic symbols of the file at `path` name `symbol` as undefined.
pub fn mentions(path: &Path, symbol: &str) -> Result<bool> {
    Ok(Elf::read(path)?.undefined().contains(symbol))
}

impl Report {
    /// An empty report; `built` is how the files are made.
    pub fn new(arch: Arch, built: &str) -> Self {
        let text = format!(
            "gate for {} ({}), built by {built}\n",
            arch.name(),
            arch.qnx_triple()
        );
        Self {
            arch,
            text,
            failures: 0,
            checks: 0,
        }
    }

    fn check(&mut self, holds: bool, what: &str, seen: &dyn std::fmt::Display) {
        self.checks += 1;
        if !holds {
            self.failures += 1;
        }
        let verdict = if holds { "ok  " } else { "FAIL" };
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "  {verdict} {what}: {seen}");
    }

    /// The positive control of the panic check: a module with a panic in it must be caught.
    pub fn control(&mut self, caught: bool) {
        let _ = writeln!(self.text, "positive control");
        self.check(caught, "a deliberate panic is seen in the binary", &caught);
    }

    /// Checks a module.
    pub fn module(&mut self, path: &Path, how: &str, panic_mark: &str) -> Result<()> {
        let elf = Elf::read(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let _ = writeln!(self.text, "{name}, {how}, {} bytes", fs::metadata(path)?.len());
        self.common(&elf);
        self.check(
            elf.needed().is_empty(),
            "no library needed",
            &format!("{:?}", elf.needed()),
        );
        match elf.symbol("iosock_module_version") {
            Some(symbol) => {
                let seen = format!("{} bytes, {}", symbol.size, symbol.binding);
                self.check(
                    symbol.size == 16 && symbol.visible,
                    "iosock_module_version in .dynsym",
                    &seen,
                );
            }
            None => self.check(false, "iosock_module_version in .dynsym", &"absent"),
        }
        for set in SETS {
            self.set(&elf, set);
        }
        let undefined = elf.undefined();
        self.check(
            !undefined.contains(panic_mark),
            "no panic path",
            &format!("{panic_mark} undefined: {}", undefined.contains(panic_mark)),
        );
        self.imports(&undefined, "module-imports.txt")?;
        let exported = elf.exported();
        let expected: BTreeSet<String> = SETS
            .iter()
            .flat_map(|s| [format!("__start_{s}"), format!("__stop_{s}")])
            .chain(["iosock_module_version".to_owned()])
            .collect();
        let surplus: Vec<&String> = exported.iter().filter(|s| !expected.contains(*s)).collect();
        self.check(
            surplus.is_empty(),
            "exports nothing else",
            &format!("{surplus:?}"),
        );
        Ok(())
    }

    /// Checks the client library.
    pub fn client(&mut self, path: &Path) -> Result<()> {
        let elf = Elf::read(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let _ = writeln!(self.text, "{name}, {} bytes", fs::metadata(path)?.len());
        self.common(&elf);
        let exported = elf.exported();
        let foreign: Vec<&String> = exported.iter().filter(|s| !s.starts_with("csock_")).collect();
        self.check(
            foreign.is_empty() && !exported.is_empty(),
            "exports csock_* only",
            &format!("{} symbols, foreign {foreign:?}", exported.len()),
        );
        let header = fs::read_to_string(cmd::root().join("client-lib/include/custom_socket.h"))?;
        let undeclared: Vec<&String> = exported.iter().filter(|s| !header.contains(s.as_str())).collect();
        self.check(
            undeclared.is_empty(),
            "every export is declared in custom_socket.h",
            &format!("undeclared {undeclared:?}"),
        );
        self.imports(&elf.undefined(), "client-imports.txt")
    }

    fn common(&mut self, elf: &Elf) {
        self.check(
            elf.is_64 && elf.little_endian && elf.shared,
            "64 bit, little endian, shared object",
            &elf.kind(),
        );
        self.check(elf.machine == self.arch.name(), "machine", &elf.machine);
        self.check(!elf.interpreter, "no interpreter", &elf.interpreter);
        self.check(!elf.tls, "no thread-local storage", &elf.tls);
        self.check(
            elf.stack == Some(false),
            "stack marked not executable",
            &elf.stack_text(),
        );
        self.check(
            !elf.text_relocations,
            "no relocation of text",
            &elf.text_relocations,
        );
        self.check(
            !elf.write_execute,
            "no segment both writable and executable",
            &elf.write_execute,
        );
        self.check(
            elf.built.is_some(),
            "says how it was built",
            &elf.built.as_deref().unwrap_or("silent"),
        );
    }

    fn set(&mut self, elf: &Elf, set: &str) {
        let Some(section) = elf.section(set) else {
            self.check(false, &format!("section {set}"), &"absent");
            return;
        };
        let entries = section.size / 8;
        let seen = format!("{entries} entries, writable: {}", section.writable);
        self.check(
            section.size > 0 && section.size % 8 == 0 && section.writable,
            &format!("section {set}"),
            &seen,
        );
        let bounds = [
            ("__start_", section.address),
            ("__stop_", section.address + section.size),
        ];
        for (prefix, address) in bounds {
            let name = format!("{prefix}{set}");
            match elf.symbol(&name) {
                Some(symbol) => {
                    let seen = format!("{:#x}, {}", symbol.address, symbol.binding);
                    self.check(
                        symbol.visible && symbol.address == address,
                        &format!("{name} in .dynsym"),
                        &seen,
                    );
                }
                None => self.check(false, &format!("{name} in .dynsym"), &"absent"),
            }
        }
    }

    /// Undefined symbols must be on a checked-in list: a new need of the target is a decision, not an accident.
    fn imports(&mut self, undefined: &BTreeSet<String>, list: &str) -> Result<()> {
        let path = cmd::root().join("qnx-toolchain").join(list);
        let text = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
        let known: BTreeSet<&str> = text
            .lines()
            .map(|l| l.split('#').next().unwrap_or_default().trim())
            .filter(|l| !l.is_empty())
            .collect();
        let unknown: Vec<&String> = undefined.iter().filter(|s| !known.contains(s.as_str())).collect();
        let seen = format!(
            "{} of {} listed, not listed {unknown:?}",
            undefined.len() - unknown.len(),
            known.len()
        );
        self.check(
            unknown.is_empty(),
            &format!("undefined symbols are all in {list}"),
            &seen,
        );
        Ok(())
    }

    /// Prints the report, writes it to `path` and fails when a check failed.
    pub fn finish(mut self, path: &Path) -> Result<()> {
        let _ = writeln!(self.text, "{} checks, {} failed", self.checks, self.failures);
        print!("{}", self.text);
        fs::write(path, &self.text)?;
        if self.failures > 0 {
            bail!(
                "the gate failed for {}: {} of {} checks",
                self.arch.name(),
                self.failures,
                self.checks
            );
        }
        Ok(())
    }
}
