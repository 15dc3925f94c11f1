//! `cargo xtask host`: QNX's calls on Linux as a folder that a C program is compiled against, without this repository or Rust.

use crate::{cmd, counts::Counts, target_dir::target_dir};
use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Where it goes unless `--prefix` says otherwise.
fn default_prefix() -> PathBuf {
    target_dir().join("host")
}

pub fn main(mut args: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let mut prefix = default_prefix();
    while let Some(arg) = args.next()? {
        match arg {
            Long("prefix") => prefix = args.value()?.into(),
            other => return Err(other.unexpected().into()),
        }
    }
    let prefix = install(&prefix)?;
    println!("{}:", prefix.display());
    println!("  bin/qnx-host      pidin, fd, names");
    println!(
        "  lib, include      cc server.c -o server $(PKG_CONFIG_PATH={}/lib/pkgconfig pkg-config --cflags --libs qnx-host)",
        prefix.display()
    );
    println!("  README.md         what works, what differs, and the knobs");
    Ok(())
}

/// Builds the library that C programs are linked with, and the tool.
///
/// # Errors
/// When the build fails.
pub fn build() -> Result<()> {
    cmd::run(Command::new("cargo").args(["build", "--release", "-p", "qnx-host", "--lib", "--bins"]))
}

/// Builds the library and the tool and lays them out under `prefix`; returns its absolute path.
fn install(prefix: &Path) -> Result<PathBuf> {
    build()?;
    let host = cmd::root().join("test/host/qnx-host");
    let built = target_dir().join("release");
    for folder in ["bin", "lib/pkgconfig", "include"] {
        fs::create_dir_all(prefix.join(folder))
            .with_context(|| format!("cannot make {}", prefix.display()))?;
    }
    let prefix = prefix.canonicalize()?;
    copy(&built.join("qnx-host"), &prefix.join("bin/qnx-host"))?;
    copy(&built.join("libqnx_host.so"), &prefix.join("lib/libqnx_host.so"))?;
    copy(&host.join("README.md"), &prefix.join("README.md"))?;
    headers(&host.join("include"), &prefix.join("include/qnx"))?;
    headers(
        &cmd::root().join("ffi/qnx-sys/include"),
        &prefix.join("include/qnx-sys"),
    )?;
    let lines = [
        format!("prefix={}", prefix.display()),
        "Name: qnx-host".to_owned(),
        "Description: QNX 8 kernel calls on Linux".to_owned(),
        format!("Version: {}", env!("CARGO_PKG_VERSION")),
        "Cflags: -I${prefix}/include/qnx".to_owned(),
        "Libs: -L${prefix}/lib -lqnx_host -lpthread -Wl,-rpath,${prefix}/lib".to_owned(),
    ];
    fs::write(prefix.join("lib/pkgconfig/qnx-host.pc"), lines.join("\n") + "\n")?;
    Ok(prefix)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    // A program may still run from the old file, which is unlinked and not overwritten.
    let _ = fs::remove_file(to);
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// Copies a tree of headers. Ours include QNX's by their place in the repository; in the copy they lie beside each other.
fn headers(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (path, target) = {
            let entry = entry?;
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            headers(&path, &target)?;
        } else if path.extension().is_some_and(|extension| extension == "h") {
            let text = fs::read_to_string(&path)?;
            fs::write(
                target,
                text.replace("../../../../ffi/qnx-sys/include/", "../qnx-sys/"),
            )?;
        }
    }
    Ok(())
}

/// What a user does with it: compiles a server and its client with the flags of the `.pc` file, and runs them.
pub fn check(counts: &mut Counts) {
    counts.check("a C server and client against the installed stand-in", || {
        let folder = target_dir().join("host-check");
        // What an earlier run has left must not help this one.
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let prefix = install(&folder.join("prefix"))?;
        let flags = flags(&prefix)?;
        for name in ["name_server", "name_client"] {
            let source = cmd::root().join(format!("test/host/qnx-host/programs/{name}.c"));
            let mut cc = Command::new("cc");
            cc.args(["-Wall", "-Wextra", "-Werror", "-o"])
                .arg(folder.join(name))
                .arg(source)
                .args(&flags);
            let (good, said) = cmd::capture(&mut cc)?;
            if !good {
                bail!("{name}.c does not compile:\n{said}");
            }
        }
        let start = |name: &str| {
            let mut command = Command::new(folder.join(name));
            // cargo sets it for us, and it would lead past the installed library to one built for debugging.
            command.env_remove("LD_LIBRARY_PATH");
            command
                .env("QNX_HOST_DIR", folder.join("run"))
                .stdin(Stdio::null());
            command
        };
        let mut server = start("name_server").stdout(Stdio::piped()).spawn()?;
        let result = talk(&prefix, &folder, &mut server, start("name_client"));
        // Ours, by its handle; it has ended by itself if all went well.
        let _ = server.kill();
        server.wait()?;
        result
    });
}

/// The flags that pkg-config would print.
fn flags(prefix: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(prefix.join("lib/pkgconfig/qnx-host.pc"))?;
    let shown = prefix.display().to_string();
    let words = ["Cflags: ", "Libs: "].map(|key| text.lines().find_map(|line| line.strip_prefix(key)));
    let words: Vec<&str> = words
        .into_iter()
        .flatten()
        .flat_map(str::split_whitespace)
        .collect();
    Ok(words
        .iter()
        .map(|word| word.replace("${prefix}", &shown))
        .collect())
}

fn talk(prefix: &Path, folder: &Path, server: &mut Child, mut client: Command) -> Result<()> {
    // The tool says when the server has its name: as a user would look.
    let listed = || -> Result<bool> {
        let mut tool = Command::new(prefix.join("bin/qnx-host"));
        let (_, said) = cmd::capture(tool.arg("names").env("QNX_HOST_DIR", folder.join("run")))?;
        Ok(said.contains(&server.id().to_string()))
    };
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !listed()? {
        if std::time::Instant::now() > end {
            bail!("qnx-host names does not list the server");
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let (good, said) = cmd::capture(&mut client)?;
    if !good || !said.contains("reply: you said hello") {
        bail!("the client said:\n{said}");
    }
    Ok(())
}
