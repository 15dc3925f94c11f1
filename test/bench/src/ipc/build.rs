//! Builds the C and C++ programs of the comparison with the machine's own compilers.

use anyhow::{Context, Result, bail};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Where the sources lie.
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ipc")
}

/// The built programs.
pub struct Built {
    pub thrift_server: PathBuf,
    pub thrift_client: PathBuf,
    pub dbus: PathBuf,
    pub native: PathBuf,
}

/// Builds everything into `out`; `host` is the directory of `libqnx_host.so`, `include` that of QNX's headers on Linux.
pub fn build(out: &Path, host: &Path, include: &Path) -> Result<Built> {
    std::fs::create_dir_all(out)?;
    let host = &host
        .canonicalize()
        .with_context(|| format!("no such directory: {}", host.display()))?;
    let built = Built {
        thrift_server: out.join("thrift-server"),
        thrift_client: out.join("thrift-client"),
        dbus: out.join("dbus"),
        native: out.join("native"),
    };
    let against_host = |command: &mut Command| {
        command
            .arg("-I")
            .arg(include)
            .arg("-L")
            .arg(host)
            .arg("-lqnx_host");
        // The old kind of rpath: cargo sets LD_LIBRARY_PATH for what it starts, which would come before the new kind and may lead to a
        // library built for debugging.
        command.arg(format!("-Wl,--disable-new-dtags,-rpath,{}", host.display()));
    };

    let generated = out.join("gen");
    std::fs::create_dir_all(&generated)?;
    let idl = sources().join("thrift/example.thrift");
    run(Command::new("thrift")
        .args(["--gen", "cpp:no_skeleton", "-out"])
        .arg(&generated)
        .arg(idl))?;
    for (program, source) in [
        (&built.thrift_server, "server.cpp"),
        (&built.thrift_client, "client.cpp"),
    ] {
        let mut cpp = Command::new("g++");
        cpp.args(["-O2", "-Wall", "-Wextra", "-std=c++17", "-I"])
            .arg(&generated)
            .arg("-o")
            .arg(program);
        cpp.arg(sources().join("thrift").join(source));
        for part in ["ping", "calculator", "timer", "example", "example_types"] {
            cpp.arg(generated.join(format!("{part}.cpp")));
        }
        cpp.args(["-lthrift", "-lpthread"]);
        against_host(&mut cpp);
        run(&mut cpp)?;
    }

    let flags = Command::new("pkg-config")
        .args(["--cflags", "--libs", "dbus-1"])
        .output()
        .context("cannot run pkg-config")?;
    let flags = String::from_utf8(flags.stdout)?;
    let mut c = Command::new("cc");
    c.args(["-O2", "-Wall", "-Wextra", "-o"])
        .arg(&built.dbus)
        .arg(sources().join("dbus/bench.c"))
        .args(flags.split_whitespace());
    run(&mut c)?;

    let mut c = Command::new("cc");
    c.args(["-O2", "-Wall", "-Wextra", "-o"])
        .arg(&built.native)
        .arg(sources().join("native/bench.c"));
    against_host(&mut c);
    run(&mut c)?;
    Ok(built)
}

fn run(command: &mut Command) -> Result<()> {
    let out = command
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    if !out.status.success() {
        bail!(
            "{command:?}: {}\n{}",
            out.status,
            String::from_utf8_lossy(&out.stderr)
        );
    }
    Ok(())
}
