//! Installs what the commands need, where the machine allows it; else prints the exact command and fails. Nothing is skipped.

use crate::{cmd, toolchain::RustForQnx};
use anyhow::{Result, bail};
use std::{path::Path, process::Command};

/// Something that a command needs.
struct Need {
    /// What it is for, in a few words.
    purpose: &'static str,
    present: fn() -> bool,
    /// Debian packages that bring it.
    packages: &'static [&'static str],
}

const CLANG: Need = Need {
    purpose: "C for the module and the stand-in",
    present: || cmd::have("clang") && cmd::have("ld.lld"),
    packages: &["clang", "lld"],
};
const GNU_LD: Need = Need {
    purpose: "GNU ld and cc",
    present: || cmd::have("cc") && cmd::have("ld.bfd"),
    packages: &["gcc", "binutils", "libc6-dev"],
};
const CPP: Need = Need {
    purpose: "C++ against the stand-in's headers",
    present: || cmd::have("c++"),
    packages: &["g++"],
};
const AARCH64: Need = Need {
    purpose: "linking for aarch64",
    present: || {
        cmd::have("aarch64-linux-gnu-gcc") && Path::new("/usr/aarch64-linux-gnu/lib/crt1.o").is_file()
    },
    packages: &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
};
const QEMU: Need = Need {
    purpose: "running aarch64 here",
    present: || cmd::have("qemu-aarch64"),
    packages: &["qemu-user"],
};
const IP: Need = Need {
    purpose: "networks with a round-trip time",
    present: || cmd::have("ip"),
    packages: &["iproute2"],
};
const LIBCLANG: Need = Need {
    purpose: "bindgen",
    present: || has_libclang(),
    packages: &["libclang-dev"],
};
const CURL: Need = Need {
    purpose: "the demo's peer",
    present: || cmd::have("curl"),
    packages: &["curl"],
};
const PYTHON: Need = Need {
    purpose: "the demo's peer",
    present: || cmd::have("python3"),
    packages: &["python3"],
};

const THRIFT: Need = Need {
    purpose: "Thrift to compare with",
    present: || {
        let header = |name: &str| Path::new("/usr/include").join(name).is_file();
        cmd::have("thrift") && header("thrift/Thrift.h") && header("boost/version.hpp")
    },
    // Thrift's headers include Boost's and their package does not depend on it.
    packages: &["thrift-compiler", "libthrift-dev", "libboost-dev"],
};
const DBUS: Need = Need {
    purpose: "D-Bus to compare with",
    present: || {
        let library = || cmd::capture(Command::new("pkg-config").args(["--exists", "dbus-1"]));
        cmd::have("dbus-daemon") && cmd::have("pkg-config") && matches!(library(), Ok((true, _)))
    },
    packages: &["dbus", "libdbus-1-dev", "pkg-config"],
};

/// What `dist` needs.
pub fn for_dist() -> Result<()> {
    ensure(&[CLANG, GNU_LD, AARCH64])?;
    rust_for_qnx().map(drop)
}

/// What `demo` needs.
pub fn for_demo() -> Result<()> {
    // A missing peer is not fatal: the demo then uses one of its own and says so.
    for peer in [CURL, PYTHON] {
        if let Err(e) = ensure(&[peer]) {
            println!("setup: {e:#}");
        }
    }
    for_dist()
}

/// What `test` needs.
pub fn for_test() -> Result<()> {
    for_demo()?;
    ensure(&[CPP, QEMU, IP, LIBCLANG])?;
    rust_target("aarch64-unknown-linux-gnu")
}

/// What `bench net` needs.
pub fn for_bench_net() -> Result<()> {
    for_dist()?;
    ensure(&[IP])
}

/// What the other benches need.
pub fn for_bench() -> Result<()> {
    for_demo()?;
    ensure(&[CPP, IP, THRIFT, DBUS])
}

/// What `bindgen` needs.
pub fn for_bindgen() -> Result<()> {
    ensure(&[LIBCLANG])
}

/// Everything.
pub fn all() -> Result<()> {
    for_test()?;
    println!("setup: complete");
    Ok(())
}

fn has_libclang() -> bool {
    let dirs = [
        "/usr/lib",
        "/usr/lib64",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
    ];
    let mut places: Vec<std::path::PathBuf> = dirs.iter().map(Into::into).collect();
    if let Ok(entries) = std::fs::read_dir("/usr/lib") {
        places.extend(
            entries
                .flatten()
                .filter(|e| e.file_name().to_string_lossy().starts_with("llvm-"))
                .map(|e| e.path().join("lib")),
        );
    }
    places
        .iter()
        .filter_map(|dir| std::fs::read_dir(dir).ok())
        .flat_map(|d| d.flatten())
        .any(|e| {
            let name = e.file_name().to_string_lossy().into_owned();
            name.starts_with("libclang.so") || name.starts_with("libclang-")
        })
}

fn ensure(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|n| !(n.present)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|n| n.packages.iter().copied()).collect();
    let purposes: Vec<&str> = missing.iter().map(|n| n.purpose).collect();
    let line = format!(
        "apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    );
    if !(cmd::have("apt-get") && is_root()) {
        bail!(
            "missing: {}. Run this and call again:\n    sudo {line}",
            purposes.join(", ")
        );
    }
    println!(
        "setup: installing {} ({})",
        packages.join(" "),
        purposes.join(", ")
    );
    apt(&packages)?;
    match missing.iter().find(|n| !(n.present)()) {
        Some(need) => bail!(
            "'{line}' ran, and what is needed for {} is still not there",
            need.purpose
        ),
        None => Ok(()),
    }
}

fn apt(packages: &[&str]) -> Result<()> {
    let install = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
            .args(["install", "-y", "-q", "--no-install-recommends"])
            .args(packages);
        cmd::capture(&mut command)
    };
    // The package lists may be missing or old: refresh them only when the first try fails.
    if install()?.0 {
        return Ok(());
    }
    cmd::capture(Command::new("apt-get").args(["update", "-q"]))?;
    let (ok, said) = install()?;
    if !ok {
        bail!("apt-get could not install {}:\n{said}", packages.join(" "));
    }
    Ok(())
}

fn is_root() -> bool {
    matches!(cmd::capture(Command::new("id").arg("-u")), Ok((true, id)) if id.trim() == "0")
}

/// A toolchain that can build `core`: installs `rust-src` by rustup, or Debian's Rust with its sources.
pub fn rust_for_qnx() -> Result<RustForQnx> {
    if let Some(found) = RustForQnx::find() {
        return Ok(found);
    }
    if cmd::have("rustup") {
        println!("setup: rustup component add rust-src (core for QNX is built from source)");
        cmd::capture(Command::new("rustup").args(["component", "add", "rust-src"]))?;
    }
    if let Some(found) = RustForQnx::find() {
        return Ok(found);
    }
    let packages = ["rustc-web", "cargo-web", "rust-web-src"];
    if !(cmd::have("apt-get") && is_root()) {
        bail!(
            "no source of core. Run one of these and call again:\n    rustup component add rust-src\n    sudo apt-get install -y {}",
            packages.join(" ")
        );
    }
    println!(
        "setup: rustup cannot bring rust-src; installing {}",
        packages.join(" ")
    );
    apt(&packages)?;
    match RustForQnx::find() {
        Some(found) => Ok(found),
        None => bail!("{} are installed and bring no source of core", packages.join(" ")),
    }
}

/// The standard library of a Linux target, by rustup.
fn rust_target(triple: &str) -> Result<()> {
    let present = || {
        let Ok((true, sysroot)) = cmd::capture(Command::new("rustc").args(["--print", "sysroot"])) else {
            return false;
        };
        Path::new(sysroot.trim())
            .join("lib/rustlib")
            .join(triple)
            .join("lib")
            .is_dir()
    };
    if present() {
        return Ok(());
    }
    println!("setup: rustup target add {triple}");
    let said = match cmd::capture(Command::new("rustup").args(["target", "add", triple])) {
        Ok((_, said)) => said,
        Err(e) => format!("{e:#}"),
    };
    if !present() {
        bail!(
            "the standard library for {triple} is missing and could not be installed. Run this and call again:\n    rustup target add {triple}\n{said}"
        );
    }
    Ok(())
}
