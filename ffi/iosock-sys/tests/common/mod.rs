//! Compiling the files of `shim/` in every way that they are compiled in.
#![allow(dead_code, reason = "each test uses a part")]

use iosock_build::{Base, compiler, shim_dir};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

pub const ARCHS: [&str; 2] = ["x86_64", "aarch64"];

/// Who compiles. QNX's `qcc` is gcc with GNU as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compiler {
    Clang,
    ClangWithGnuAs,
    Gcc,
}

/// How one file is compiled.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    pub compiler: Compiler,
    pub base: Base,
    pub arch: &'a str,
    /// Whether the file sees the kernel's headers.
    pub kernel: bool,
    pub diag: bool,
    pub flags: &'a [&'a str],
}

impl Way<'_> {
    /// Compiles one file of `shim/` with warnings as errors.
    pub fn compile(&self, file: &str) -> PathBuf {
        let object = self.output(file, "o");
        self.compile_to(&shim_dir().join(file), &object);
        object
    }

    /// A file that no other way of compiling or linking writes.
    pub fn output(&self, name: &str, extension: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!(
            "{name}-{}-{}-{}-{:?}.{extension}",
            self.arch,
            if self.diag { "diag" } else { "plain" },
            self.base.name(),
            self.compiler,
        ))
    }

    /// Compiles `source` with warnings as errors.
    pub fn compile_to(&self, source: &Path, object: &Path) {
        let mut command = self.driver();
        if self.compiler == Compiler::Gcc {
            // gcc's own headers, and no libc's.
            let own = run(
                self.driver().arg("-print-file-name=include"),
                "gcc says where its headers are",
            );
            command.args(["-nostdinc", "-isystem", own.trim()]);
        } else {
            command.arg("-nostdlibinc");
        }
        command
            .args(compiler::FLAGS)
            .args(compiler::CLANG_FLAGS)
            .arg("-Werror");
        if self.kernel {
            command.args(compiler::KERNEL_DEFINES.iter().map(|name| format!("-D{name}=1")));
            for include in self.base.includes() {
                command.arg("-isystem").arg(include);
            }
        }
        if self.diag {
            command.args(compiler::DIAG_DEFINES.iter().map(|name| format!("-D{name}=1")));
        }
        command
            .args(self.flags)
            .arg("-I")
            .arg(shim_dir())
            .arg(source)
            .arg("-o")
            .arg(object);
        run(&mut command, &format!("{}: {self:?}", source.display()));
    }

    /// The C driver, for compiling and linking.
    pub fn driver(&self) -> Command {
        if self.compiler == Compiler::Gcc {
            return Command::new(gnu(self.arch, "gcc"));
        }
        let mut clang = Command::new("clang");
        if self.compiler == Compiler::ClangWithGnuAs {
            // Under this name of the target clang finds the assembler for it.
            clang.args([&format!("--target={}-linux-gnu", self.arch), "-fno-integrated-as"]);
        } else {
            clang.arg(format!("--target={}", compiler::clang_triple(self.arch)));
        }
        clang
    }
}

/// A tool of GNU's for `arch`.
pub fn gnu(arch: &str, tool: &str) -> String {
    if arch == std::env::consts::ARCH {
        tool.to_owned()
    } else {
        format!("{arch}-linux-gnu-{tool}")
    }
}

pub fn run(command: &mut Command, what: &str) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{what}\n{command:?}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Every base, processor and kind of build.
pub fn ways(kernel: bool) -> Vec<Way<'static>> {
    let mut all = Vec::new();
    for base in Base::ALL {
        for arch in ARCHS {
            for diag in [false, true] {
                all.push(Way {
                    compiler: Compiler::Clang,
                    base,
                    arch,
                    kernel,
                    diag,
                    flags: &[],
                });
            }
        }
    }
    all
}
