//! The final link of the module and of the client library: a Rust static library into a shared object, by the C driver.
//!
//! rustc does not link these itself: for a cdylib it hides the bounds of the linker sets, and the module would load and do nothing.

use crate::{
    cmd,
    toolchain::{Arch, CDriver},
};
use anyhow::{Context, Result, bail};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A linker that the C driver calls. QNX's `qcc` always calls GNU ld.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Linker {
    /// LLVM's lld.
    #[default]
    Lld,
    /// GNU ld.
    Bfd,
}

impl Linker {
    /// Reads the name used on the command line.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "lld" => Ok(Self::Lld),
            "bfd" => Ok(Self::Bfd),
            other => bail!("unknown linker '{other}'; known: lld, bfd (GNU ld)"),
        }
    }

    /// Both.
    pub const ALL: [Self; 2] = [Self::Lld, Self::Bfd];

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Lld => Self::Bfd,
            Self::Bfd => Self::Lld,
        }
    }

    /// The name that the C driver takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lld => "lld",
            Self::Bfd => "bfd",
        }
    }
}

/// What is linked.
pub struct Shared<'a> {
    /// rustc's static library.
    pub archive: &'a Path,
    /// The result.
    pub output: &'a Path,
    /// A symbol to pull in from the archive, and all that hangs on it. `None`: the whole archive.
    pub root_symbol: Option<&'a str>,
    /// Which symbols stay visible.
    pub version_script: &'a str,
    /// Written into the file: how it was built.
    pub built: &'a str,
    /// Libraries that the result names as needed.
    pub libraries: &'a [&'a str],
}

/// The C driver for the final link.
pub enum LinkDriver<'a> {
    /// `qcc`, real or stand-in.
    Qnx(&'a CDriver, Arch),
    /// The machine's own clang: the native build of the module.
    Native,
}

impl LinkDriver<'_> {
    fn command(&self, linker: Linker) -> Command {
        match self {
            LinkDriver::Qnx(driver, arch) => {
                let mut command = Command::new(driver.qcc());
                command.arg(arch.qcc_variant());
                if matches!(driver, CDriver::StandIn { .. }) {
                    command.env("CSOCK_LD", linker.name());
                }
                command
            }
            LinkDriver::Native => {
                let mut command = Command::new("clang");
                command.args(["-fPIC", "-nostdlib", &format!("-fuse-ld={}", linker.name())]);
                command
            }
        }
    }
}

/// Links `what`.
pub fn shared(driver: &LinkDriver, linker: Linker, what: &Shared) -> Result<()> {
    let note = build_note(driver, linker, what)?;
    let soname = what
        .output
        .file_name()
        .context("an output path ends in a file name")?
        .to_string_lossy();
    let mut command = driver.command(linker);
    command.arg("-shared").arg("-o").arg(what.output).arg(&note);
    match what.root_symbol {
        Some(symbol) => command.arg(format!("-Wl,-u,{symbol}")).arg(what.archive),
        None => command
            .arg("-Wl,--whole-archive")
            .arg(what.archive)
            .arg("-Wl,--no-whole-archive"),
    };
    if linker == Linker::Lld {
        // A reference to a set's bounds keeps the set, as with GNU ld, also where the assembler knows no SHF_GNU_RETAIN.
        command.arg("-Wl,-z,nostart-stop-gc");
    }
    command.args(what.libraries);
    command.args([
        &format!(
            "-Wl,--version-script={}",
            cmd::root()
                .join("qnx-toolchain")
                .join(what.version_script)
                .display()
        ),
        &format!("-Wl,-soname,{soname}"),
        "-Wl,--gc-sections",
        "-Wl,--build-id",
        "-Wl,-z,noexecstack",
        "-Wl,-z,relro",
        "-Wl,-z,now",
        // The dynamic linker of QNX reads the classic table.
        "-Wl,--hash-style=both",
        "-Wl,--strip-debug",
    ]);
    cmd::run(&mut command)
}

/// Compiles the line that says how the file was built into a section of its own (`.csock.built`).
fn build_note(driver: &LinkDriver, linker: Linker, what: &Shared) -> Result<PathBuf> {
    let source = what.output.with_extension("built.c");
    let object = what.output.with_extension("built.o");
    let text = what.built.replace(['"', '\\'], "'");
    std::fs::write(
        &source,
        format!(
            "__attribute__((used, retain, section(\".csock.built\"))) static const char csock_built[] = \"{text}, linked by {}\";\n",
            linker.name()
        ),
    )?;
    cmd::run(
        driver
            .command(linker)
            .arg("-c")
            .arg(&source)
            .arg("-o")
            .arg(&object),
    )?;
    std::fs::remove_file(source)?;
    Ok(object)
}
