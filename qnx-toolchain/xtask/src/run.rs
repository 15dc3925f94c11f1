//! Commands that live in crates of their own, started from here: the demo, the benches and bindgen.

use crate::{cmd, dist, host, link::Linker, setup, target_dir::target_dir, toolchain::Arch};
use anyhow::{Context, Result, bail};
use std::{ffi::OsString, path::PathBuf, process::Command};

/// Builds what the demo and the tests start (release), and says where.
pub fn build_programs() -> Result<PathBuf> {
    cmd::run(Command::new("cargo").args([
        "build",
        "--release",
        "-p",
        "io-sock",
        "-p",
        "csock-apps",
        "-p",
        "csock-bench",
        "-p",
        "csock-e2e",
        "-p",
        "csock-hostile",
        "--bins",
    ]))?;
    // The C library for this machine: C programs of the tests are linked with it.
    cmd::run(Command::new("cargo").args([
        "rustc",
        "--release",
        "-p",
        "custom-socket",
        "--lib",
        "--crate-type",
        "staticlib",
        "--features",
        "capi,host",
    ]))?;
    Ok(target_dir().join("release"))
}

/// `cargo xtask demo`: the module that QNX would load serves and fetches a file; `--native` takes the native build instead.
pub fn demo(args: lexopt::Parser) -> Result<()> {
    setup::for_demo()?;
    let mut rest = rest(args);
    let native = rest
        .iter()
        .position(|a| a == "--native")
        .map(|at| rest.remove(at))
        .is_some();
    let module = if native {
        dist::native(Linker::default())?
    } else {
        dist::qnx(Arch::X86_64, Linker::default())?;
        dist::module_path(Arch::X86_64)
    };
    let programs = build_programs()?;
    cmd::run(
        Command::new(programs.join("csock-demo"))
            .arg("--module")
            .arg(module)
            .arg("--programs")
            .arg(&programs)
            .args(rest),
    )
}

/// `cargo xtask bench`: starts one of the benches of `test/bench`.
pub fn bench(args: lexopt::Parser) -> Result<()> {
    let rest = rest(args);
    // Only `ipc` compares with other systems and compiles programs in C.
    let only_net = rest.first().is_some_and(|name| name == "net");
    if only_net {
        setup::for_bench_net()?;
    } else {
        setup::for_bench()?;
    }
    dist::qnx(Arch::X86_64, Linker::default())?;
    let programs = build_programs()?;
    if !only_net {
        host::build()?;
    }
    let mut command = Command::new(programs.join("csock-bench"));
    command
        .arg("--module")
        .arg(dist::module_path(Arch::X86_64))
        .arg("--programs")
        .arg(&programs)
        .args(rest);
    cmd::run(&mut command)
}

/// `cargo xtask bindgen`: regenerates the checked-in bindings; with `--check` fails when they differ.
pub fn bindgen(args: lexopt::Parser) -> Result<()> {
    setup::for_bindgen()?;
    let rest = rest(args);
    if let Some(other) = rest.iter().find(|a| *a != "--check") {
        bail!("unknown option {}; known: --check", other.to_string_lossy());
    }
    cmd::run(
        Command::new("cargo")
            .args(["run", "--quiet", "-p", "csock-bindgen", "--"])
            .args(rest),
    )
    .context("the bindings could not be made, or differ from the checked-in ones")
}

fn rest(mut args: lexopt::Parser) -> Vec<OsString> {
    args.raw_args().map(|raw| raw.collect()).unwrap_or_default()
}
