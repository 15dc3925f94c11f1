//! `cargo xtask dist`: what goes to a target, laid out as it lies there, and the gate over it.

use crate::{
    cmd, gate,
    link::{self, LinkDriver, Linker, Shared},
    setup,
    target_dir::target_dir,
    toolchain::{Arch, CDriver, RustForQnx},
};
use anyhow::{Context, Result, bail};
use iosock_build::Base;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const MODULE_FILE: &str = "mods-csock.so";
/// A function that no library defines. The module's panic handler calls it, so a binary that can panic leaves it undefined.
const PANIC_MARK: &str = "csock_panic_must_not_exist";

/// Where the files of one architecture go.
pub fn dir(arch: Arch) -> PathBuf {
    target_dir().join("dist").join(arch.name())
}

/// The QNX module of an architecture.
pub fn module_path(arch: Arch) -> PathBuf {
    dir(arch).join("lib/dll").join(MODULE_FILE)
}

/// The module over a FreeBSD base and by a linker that are not those of the packed one: for the gate and the tests, not for a target.
/// The file's name is the module's, hence the folders.
pub fn other_module_path(arch: Arch, base: Option<Base>, linker: Linker) -> PathBuf {
    let mut path = dir(arch);
    if let Some(base) = base {
        path.push(format!("base{}", base.name()));
    }
    path.join(format!("by-{}", linker.name())).join(MODULE_FILE)
}

/// Builds everything for `arch` and runs the gate over it.
///
/// # Errors
/// When a build fails or the gate finds something.
pub fn qnx(arch: Arch, linker: Linker) -> Result<()> {
    setup::for_dist()?;
    let rust = setup::rust_for_qnx()?;
    let driver = CDriver::find()?;
    let out = dir(arch);
    for sub in ["lib/dll", "usr/lib", "usr/include"] {
        fs::create_dir_all(out.join(sub))?;
    }
    let mut report = gate::Report::new(arch, &driver.describe());

    // The packed one comes last, so that what is left in cargo's directory is of its base.
    for base in driver.bases().into_iter().skip(1).rev() {
        let archive = module_archive(&rust, &driver, arch, base, &[])?;
        for linker in Linker::ALL {
            let path = other_module_path(arch, base, linker);
            fs::create_dir_all(path.parent().context("a path in a folder")?)?;
            link_module(&driver, arch, base, linker, &archive, &path)?;
            report.module(&path, &module_title(base, linker), PANIC_MARK)?;
        }
    }
    let base = driver.bases().into_iter().next().context("a module has a base")?;

    // The positive control: a module with one deliberate panic must be caught, or the gate proves nothing.
    let control = out.join("panic-control.so");
    let archive = module_archive(&rust, &driver, arch, base, &["--features", "panic-control"])?;
    link_module(&driver, arch, base, linker, &archive, &control)?;
    report.control(gate::mentions(&control, PANIC_MARK)?);
    fs::remove_file(&control)?;

    let archive = module_archive(&rust, &driver, arch, base, &[])?;
    // Both linkers must make a module that works; the one asked for is what is packed.
    if matches!(driver, CDriver::StandIn { .. }) {
        let second = other_module_path(arch, None, linker.other());
        fs::create_dir_all(second.parent().context("a path in a folder")?)?;
        link_module(&driver, arch, base, linker.other(), &archive, &second)?;
        report.module(&second, &module_title(base, linker.other()), PANIC_MARK)?;
    }
    link_module(&driver, arch, base, linker, &archive, &module_path(arch))?;
    report.module(&module_path(arch), &module_title(base, linker), PANIC_MARK)?;

    client(&rust, &driver, arch, linker, &mut report)?;
    clean(&out)?;
    report.finish(&out.join("GATE.txt"))
}

/// The module for the machine that runs the command, linked the same way: for debuggers, sanitizers and comparison.
pub fn native(linker: Linker) -> Result<PathBuf> {
    let out = target_dir().join("dist/native/lib/dll");
    fs::create_dir_all(&out)?;
    cmd::run(Command::new("cargo").args([
        "rustc",
        "-p",
        "mods-csock",
        "--lib",
        "--crate-type",
        "staticlib",
        "--profile",
        "module",
    ]))?;
    let path = out.join(MODULE_FILE);
    link::shared(
        &LinkDriver::Native,
        linker,
        &Shared {
            archive: &target_dir().join("module/libmods_csock.a"),
            output: &path,
            root_symbol: Some("iosock_module_version"),
            version_script: "module.ver",
            built: concat!(
                "csock ",
                env!("CARGO_PKG_VERSION"),
                ", csock-target=native-linux, for the stand-in only"
            ),
            libraries: &[],
        },
    )?;
    clean(&out)?;
    Ok(path)
}

/// How the gate names a module.
fn module_title(base: Option<Base>, linker: Linker) -> String {
    let over = base.map_or_else(String::new, |base| format!("over FreeBSD {}, ", base.name()));
    format!("{over}linked by {}", linker.name())
}

/// The module as a static library.
fn module_archive(
    rust: &RustForQnx,
    driver: &CDriver,
    arch: Arch,
    base: Option<Base>,
    more: &[&str],
) -> Result<PathBuf> {
    let args: Vec<&str> = ["-p", "mods-csock"]
        .into_iter()
        .chain(more.iter().copied())
        .collect();
    build(rust, driver, arch, base, &args, "core", "libmods_csock.a")
}

fn link_module(
    driver: &CDriver,
    arch: Arch,
    base: Option<Base>,
    linker: Linker,
    archive: &Path,
    output: &Path,
) -> Result<()> {
    link::shared(
        &LinkDriver::Qnx(driver, arch),
        linker,
        &Shared {
            archive,
            output,
            root_symbol: Some("iosock_module_version"),
            version_script: "module.ver",
            built: &built(driver, arch, base),
            libraries: &[],
        },
    )
}

/// The line inside the file; `csock-target=` is what the demo reads back.
fn built(driver: &CDriver, arch: Arch, base: Option<Base>) -> String {
    let over = base.map_or_else(String::new, |base| format!(", over FreeBSD {}", base.name()));
    format!(
        "csock {}, csock-target={}, {}{over}",
        env!("CARGO_PKG_VERSION"),
        arch.qnx_triple(),
        driver.describe()
    )
}

fn client(
    rust: &RustForQnx,
    driver: &CDriver,
    arch: Arch,
    linker: Linker,
    report: &mut gate::Report,
) -> Result<()> {
    let parts = [
        "-p",
        "custom-socket",
        "--no-default-features",
        "--features",
        "capi",
    ];
    let archive = build(
        rust,
        driver,
        arch,
        None,
        &parts,
        "core,alloc",
        "libcustom_socket.a",
    )?;
    let out = dir(arch);
    let shared = out.join("usr/lib/libcustom_socket.so");
    // With the SDP the C library is named as needed; without one there is none to name.
    let libraries: &[&str] = if matches!(driver, CDriver::Sdp { .. }) {
        &["-lc"]
    } else {
        &[]
    };
    link::shared(
        &LinkDriver::Qnx(driver, arch),
        linker,
        &Shared {
            archive: &archive,
            output: &shared,
            root_symbol: None,
            version_script: "client.ver",
            built: &built(driver, arch, None),
            libraries,
        },
    )?;
    fs::copy(&archive, out.join("usr/lib/libcustom_socket.a"))?;
    let header = cmd::root().join("client-lib/include/custom_socket.h");
    fs::copy(&header, out.join("usr/include/custom_socket.h"))
        .with_context(|| format!("no {}", header.display()))?;
    report.client(&shared)
}

fn build(
    rust: &RustForQnx,
    driver: &CDriver,
    arch: Arch,
    base: Option<Base>,
    args: &[&str],
    parts: &str,
    archive: &str,
) -> Result<PathBuf> {
    let mut command = rust.rustc(arch, parts);
    // A library that C can link is wanted here alone; in other builds a staticlib without std would not even compile.
    command
        .args(["--lib", "--crate-type", "staticlib", "--profile", "module"])
        .args(args);
    // The `cc` crate's way to name a compiler for one target.
    let target = arch.qnx_triple();
    command.env(format!("CC_{}", target.replace('-', "_")), driver.qcc());
    command.env(format!("CFLAGS_{}", target.replace('-', "_")), arch.qcc_variant());
    if let Some(base) = base {
        command.env(Base::VARIABLE, base.name());
        // Over 14 the assembler matters: QNX's is GNU's, which drops weak symbols that nothing refers to.
        if base == Base::Freebsd14 {
            command.env("CSOCK_AS", "gnu");
        }
    }
    cmd::run(&mut command)?;
    let path = target_dir().join(target).join("module").join(archive);
    if !path.is_file() {
        bail!("the build ended well and left no {}", path.display());
    }
    Ok(path)
}

/// Removes what the links left beside their results.
fn clean(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            clean(&path)?;
        } else if path.to_string_lossy().ends_with(".built.o") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
