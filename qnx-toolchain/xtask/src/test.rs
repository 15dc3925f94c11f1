//! `cargo xtask test`: everything that must hold, in one command. A stage that cannot run fails; nothing is skipped in silence.

use crate::{
    check, cmd, counts::Counts, dist, host, link::Linker, run, setup, target_dir::target_dir, toolchain::Arch,
};
use anyhow::{Context, Result, bail};
use iosock_build::Base;
use lexopt::prelude::*;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Crates whose tests need processes that this command builds first.
const NEEDS_PROGRAMS: [&str; 2] = ["csock-e2e", "csock-hostile"];

/// Processes killed at random by [`reliability`], unless `--kills` says otherwise.
const KILLS: u64 = 10_000;

/// Seconds that 64 clients load one server in [`reliability`].
const LOAD_SECONDS: u64 = 60;

pub fn main(mut args: lexopt::Parser) -> Result<()> {
    let mut quick = false;
    let mut kills = None;
    while let Some(arg) = args.next()? {
        match arg {
            Long("quick") => quick = true,
            Long("kills") => kills = Some(args.value()?.parse()?),
            other => return Err(other.unexpected().into()),
        }
    }
    setup::for_test()?;
    let mut counts = Counts::default();
    source(&mut counts)?;
    unit(&mut counts)?;
    if !quick {
        models(&mut counts)?;
    }
    // A quick run has the few kills of the crate's own tests, unless more are asked for.
    if !quick || kills.is_some() {
        reliability(&mut counts, kills.unwrap_or(KILLS))?;
    }
    host::check(&mut counts);
    layout(&mut counts)?;
    let mut built = true;
    for arch in [Arch::X86_64, Arch::Aarch64] {
        counts.check(&format!("dist and gate, {}", arch.name()), || {
            dist::qnx(arch, Linker::default()).inspect_err(|_| built = false)
        });
    }
    if built {
        end_to_end(&mut counts, quick)?;
    }
    if counts.finish() {
        Ok(())
    } else {
        bail!("the tests failed")
    }
}

/// Citations, imports, formatting and lints: what a reader would stumble over.
fn source(counts: &mut Counts) -> Result<()> {
    check::each(|name, check| counts.check(name, check))?;
    counts.command("format", Command::new("cargo").args(["fmt", "--all", "--check"]));
    counts.command(
        "clippy",
        Command::new("cargo").args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]),
    );
    counts.command(
        "bindings are what the headers say",
        Command::new("cargo").args(["run", "-q", "-p", "csock-bindgen", "--", "--check"]),
    );
    Ok(())
}

/// Unit and integration tests of every crate on this machine.
fn unit(counts: &mut Counts) -> Result<()> {
    let mut command = Command::new("cargo");
    command.args(["test", "--workspace", "--no-fail-fast"]);
    for name in NEEDS_PROGRAMS {
        command.args(["--exclude", name]);
    }
    counts.tests("unit and crate tests", &mut command)
}

/// QNX's calls on this machine for as long as it takes to believe them: deaths at random points, and one server under load.
/// One after the other, since each wants all CPUs.
fn reliability(counts: &mut Counts, kills: u64) -> Result<()> {
    let stages = [
        (
            format!("{kills} random kills"),
            "kills",
            "random_kills_leave_nothing_behind",
        ),
        (
            format!("64 clients on one server, {LOAD_SECONDS} s"),
            "load",
            "every_reply_matches_its_request",
        ),
    ];
    for (name, file, test) in stages {
        let mut command = Command::new("cargo");
        command.args([
            "test",
            "--release",
            "-p",
            "qnx-host",
            "--test",
            file,
            "--",
            "--exact",
            test,
        ]);
        // The output shows the seed that repeats the kills, and how many messages there were.
        command.arg("--nocapture");
        command
            .env("QNX_TEST_KILLS", kills.to_string())
            .env("QNX_TEST_SECONDS", LOAD_SECONDS.to_string());
        // The tests' library unwinds and the tool's would not: both are the same file, so they must be built alike. That is
        // another build of everything: its own directory keeps the others valid.
        command
            .env("CARGO_PROFILE_RELEASE_PANIC", "unwind")
            .env("CARGO_TARGET_DIR", target_dir().join("reliability"));
        counts.tests(&name, &mut command)?;
    }
    Ok(())
}

/// Loom over the rings, Miri over the contract and over the wrappers of the kernel interface.
fn models(counts: &mut Counts) -> Result<()> {
    let mut loom = Command::new("cargo");
    loom.args(["test", "-p", "csock-wire", "--release", "--test", "loom"]);
    // Another cfg makes another build of every dependency: its own directory keeps the others valid.
    loom.env("RUSTFLAGS", "--cfg loom")
        .env("CARGO_TARGET_DIR", target_dir().join("loom"));
    counts.tests("loom models", &mut loom)?;
    let has_miri = matches!(
        cmd::capture(Command::new("cargo").args(["+nightly", "miri", "--version"])),
        Ok((true, _))
    );
    if !has_miri {
        let _ = cmd::capture(Command::new("rustup").args([
            "component",
            "add",
            "--toolchain",
            "nightly",
            "miri",
            "rust-src",
        ]));
    }
    if has_miri
        || matches!(
            cmd::capture(Command::new("cargo").args(["+nightly", "miri", "--version"])),
            Ok((true, _))
        )
    {
        let mut miri = Command::new("cargo");
        miri.args(["+nightly", "miri", "test", "-p", "csock-wire"]);
        miri.env("CARGO_TARGET_DIR", target_dir().join("miri"));
        counts.tests("miri over csock-wire", &mut miri)?;
        let mut wrappers = Command::new("cargo");
        wrappers.args(["+nightly", "miri", "test", "-p", "iosock", "--tests"]);
        // Callbacks get words and make pointers of them; a test's threads may outlive it; its waits need the clock.
        wrappers
            .env(
                "MIRIFLAGS",
                "-Zmiri-permissive-provenance -Zmiri-ignore-leaks -Zmiri-disable-isolation",
            )
            .env("CARGO_TARGET_DIR", target_dir().join("miri"));
        counts.tests("miri over iosock", &mut wrappers)?;
    } else {
        counts.check("miri over csock-wire", || {
            bail!("no toolchain here has Miri, and rustup brings none: rustup toolchain install nightly -c miri -c rust-src")
        });
    }
    Ok(())
}

/// QNX layouts against the `libc` crate, at compile time, on both targets.
fn layout(counts: &mut Counts) -> Result<()> {
    let rust = setup::rust_for_qnx()?;
    for arch in [Arch::X86_64, Arch::Aarch64] {
        let mut command = rust.build(arch, "core");
        command.args(["-p", "qnx-sys", "--features", "check-libc"]);
        counts.command(&format!("layouts against libc, {}", arch.name()), &mut command);
    }
    Ok(())
}

/// Real processes: the native module, the QNX-built one, the aarch64 one under qemu.
fn end_to_end(counts: &mut Counts, quick: bool) -> Result<()> {
    let programs = run::build_programs()?;
    let native = dist::native(Linker::default())?;
    hostile(counts, &native, &programs)?;
    // An ordinary user is the normal client, root the second.
    e2e(
        counts,
        "end to end, native module, clients of root",
        &native,
        &programs,
        ROOT,
        quick,
    )?;
    e2e(
        counts,
        "end to end, QNX-built module, ordinary clients",
        &dist::module_path(Arch::X86_64),
        &programs,
        ORDINARY,
        quick,
    )?;
    let by_gnu_ld = dist::other_module_path(Arch::X86_64, None, Linker::Bfd);
    if by_gnu_ld.is_file() {
        e2e(
            counts,
            "end to end, QNX-built, GNU ld",
            &by_gnu_ld,
            &programs,
            ORDINARY,
            true,
        )?;
    }
    other_base(counts, &programs)?;
    aarch64(counts)
}

/// Clients that speak the protocol by hand, honest and not.
fn hostile(counts: &mut Counts, module: &Path, programs: &Path) -> Result<()> {
    let mut command = Command::new("cargo");
    command
        .args(["test", "-p", "csock-hostile", "--no-fail-fast", "--"])
        // Latencies are measured: one test at a time. And the output shows how many scenarios were survived.
        .args(["--test-threads=1", "--nocapture"])
        .env("CSOCK_MODULE", module)
        .env("CSOCK_PROGRAMS", programs);
    counts.tests("hostile", &mut command)
}

/// The other FreeBSD base: the stand-in's own tests, and the module as QNX's tools would make it (GNU as, GNU ld) in such an io-sock.
fn other_base(counts: &mut Counts, programs: &Path) -> Result<()> {
    let base = Base::from_env().other();
    let module = dist::other_module_path(Arch::X86_64, Some(base), Linker::Bfd);
    if !module.is_file() {
        // With an SDP there is one base.
        return Ok(());
    }
    // What depends on the base is built apart, so that neither build undoes the other's.
    let built = target_dir().join(format!("base{}", base.name()));
    let cargo = |subcommand: &str| {
        let mut command = Command::new("cargo");
        command
            .args([subcommand, "-p", "io-sock", "-p", "iosock-kpi"])
            .env(Base::VARIABLE, base.name())
            .env("CARGO_TARGET_DIR", &built);
        command
    };
    let name = |what: &str| format!("{what} over FreeBSD {}", base.name());
    counts.tests(&name("the stand-in"), cargo("test").arg("--no-fail-fast"))?;
    counts.command(&name("build the stand-in"), cargo("build").arg("--bins"));
    // The other programs are the same over every base.
    let all = built.join("programs");
    fs::create_dir_all(&all)?;
    for entry in fs::read_dir(programs)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            link(&entry.path(), &all)?;
        }
    }
    for entry in fs::read_dir(built.join("debug"))? {
        let path = entry?.path();
        if path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("io-sock"))
            && path.is_file()
        {
            link(&path, &all)?;
        }
    }
    e2e(counts, &name("end to end"), &module, &all, ORDINARY, true)
}

/// Puts a link to `file` into `folder`, in the place of what was there.
fn link(file: &Path, folder: &Path) -> Result<()> {
    let place = folder.join(file.file_name().context("a path to a file")?);
    let _ = fs::remove_file(&place);
    std::os::unix::fs::symlink(file, place)?;
    Ok(())
}

/// `CSOCK_USER` of the tests.
const ROOT: &str = "root";
/// See [`ROOT`].
const ORDINARY: &str = "ordinary";

fn e2e(
    counts: &mut Counts,
    name: &str,
    module: &Path,
    programs: &Path,
    user: &str,
    quick: bool,
) -> Result<()> {
    let mut command = Command::new("cargo");
    command.args(["test", "-p", "csock-e2e", "--no-fail-fast"]);
    if quick {
        command.args(["--test", "transfer"]);
    }
    command
        .env("CSOCK_MODULE", module)
        .env("CSOCK_PROGRAMS", programs)
        .env("CSOCK_USER", user);
    // Each test starts processes of its own; two cores hold two of them.
    command.env("RUST_TEST_THREADS", "2");
    counts.tests(name, &mut command)
}

/// The aarch64 module in an aarch64 io-sock, both under qemu-user: load, transfer, unload.
fn aarch64(counts: &mut Counts) -> Result<()> {
    let arch = Arch::Aarch64;
    let target = arch.linux_triple();
    let mut build = Command::new("cargo");
    build.args([
        "build",
        "--release",
        "--target",
        target,
        "-p",
        "io-sock",
        "-p",
        "csock-apps",
        "-p",
        "csock-e2e",
        "--bins",
    ]);
    build.env(
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
        "aarch64-linux-gnu-gcc",
    );
    counts.command("build the stand-in for aarch64", &mut build);
    let programs: PathBuf = target_dir().join(target).join("release");
    let mut command = Command::new("cargo");
    command.args(["test", "-p", "csock-e2e", "--no-fail-fast", "--test", "transfer"]);
    command
        .env("CSOCK_MODULE", dist::module_path(arch))
        .env("CSOCK_PROGRAMS", programs);
    command
        .env("CSOCK_RUNNER", "qemu-aarch64 -L /usr/aarch64-linux-gnu")
        .env("RUST_TEST_THREADS", "1");
    counts.tests("end to end, aarch64 under qemu", &mut command)
}
