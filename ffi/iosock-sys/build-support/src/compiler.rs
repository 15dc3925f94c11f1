//! Which compiler, which headers, which flags.
//!
//! | Target | SDP (`QNX_TARGET`) | Compiler | Headers |
//! |---|---|---|---|
//! | QNX | set | `CC_<target>`, else `qcc` | `$QNX_TARGET/usr/include/devs`, then the SDP's own |
//! | QNX | not set | `CC_<target>`, else clang | the stand-in's of [`Base::chosen`], nothing else |
//! | Linux | ignored | `CC_<target>`, else clang | the same |

use crate::{Base, shim_dir};
use std::{env, path::Path, path::PathBuf};

/// Flags for every compiler.
pub const FLAGS: &[&str] = &[
    "-c",
    "-std=gnu11",
    "-O2",
    "-g",
    "-fPIC",
    "-ffreestanding",
    "-ffunction-sections",
    "-fdata-sections",
    "-Wall",
    "-Wextra",
];

/// Flags for clang in `qcc`'s place. The target is an ELF system that does not call itself Linux.
pub const CLANG_FLAGS: &[&str] = &[
    "-U__linux__",
    "-U__linux",
    "-U__gnu_linux__",
    "-U__unix__",
    "-D__QNX__=800",
    "-D__QNXNTO__=1",
];

/// What io-sock-diag is built with; the headers' inlines and `iosock_module_version` follow.
pub const DIAG_DEFINES: &[&str] = &["INVARIANTS", "INVARIANT_SUPPORT"];

/// What every file that sees the kernel's headers is compiled with. A module is no part of the kernel's own build (`KLD_MODULE`).
pub const KERNEL_DEFINES: &[&str] = &["_KERNEL", "KLD_MODULE"];

/// A compiler for files that include io-sock's kernel headers.
pub fn kernel(diag: bool) -> cc::Build {
    let target = Target::from_env();
    let mut build = base(&target);
    for name in KERNEL_DEFINES {
        build.define(name, "1");
    }
    if diag {
        for name in DIAG_DEFINES {
            build.define(name, "1");
        }
    }
    // They are given as system headers, since their warnings are not ours to fix.
    for devs in target.devs_includes() {
        println!("cargo::rerun-if-changed={}", devs.display());
        if !devs.is_dir() {
            panic!("no io-sock kernel headers at {}", devs.display());
        }
        build.flag("-isystem").flag(path(&devs));
    }
    build
}

/// A compiler for files that include libc's headers and no kernel header.
pub fn libc() -> cc::Build {
    base(&Target::from_env())
}

/// The ELF target for clang. QNX's C ABI is that of any System V ELF system; clang knows no QNX.
///
/// # Panics
/// When io-sock does not run on `arch`.
pub fn clang_triple(arch: &str) -> &'static str {
    match arch {
        "x86_64" => "x86_64-unknown-linux-gnu",
        "aarch64" => "aarch64-unknown-linux-gnu",
        other => panic!("no io-sock for processor {other}; known: x86_64, aarch64"),
    }
}

/// The target that cargo builds for.
struct Target {
    triple: String,
    arch: String,
    qnx: bool,
    /// `QNX_TARGET`, on QNX targets only.
    sdp: Option<PathBuf>,
}

impl Target {
    fn from_env() -> Self {
        for name in ["QNX_HOST", "QNX_TARGET", "IOSOCK_DEVS_INCLUDE"] {
            println!("cargo::rerun-if-env-changed={name}");
        }
        let triple = var("TARGET");
        // Newer compilers call "nto" "qnx".
        let qnx = matches!(var("CARGO_CFG_TARGET_OS").as_str(), "nto" | "qnx");
        let sdp = if qnx {
            env::var_os("QNX_TARGET").map(PathBuf::from)
        } else {
            None
        };
        Self {
            arch: var("CARGO_CFG_TARGET_ARCH"),
            triple,
            qnx,
            sdp,
        }
    }

    /// The roots of io-sock's kernel headers. `IOSOCK_DEVS_INCLUDE` names another.
    fn devs_includes(&self) -> Vec<PathBuf> {
        if let Some(path) = env::var_os("IOSOCK_DEVS_INCLUDE") {
            return vec![path.into()];
        }
        match &self.sdp {
            Some(sdp) => vec![sdp.join("usr/include/devs")],
            None => Base::chosen().includes(),
        }
    }

    fn clang_triple(&self) -> &'static str {
        clang_triple(&self.arch)
    }

    /// `qcc`'s name of the target.
    fn qcc_variant(&self) -> &'static str {
        match self.arch.as_str() {
            "x86_64" => "-Vgcc_ntox86_64",
            "aarch64" => "-Vgcc_ntoaarch64le",
            other => panic!("no io-sock for processor {other}; known: x86_64, aarch64"),
        }
    }

    /// The value of `<name>_<target>`, the `cc` crate's way to say something for one target.
    fn env(&self, name: &str) -> Option<String> {
        let name = format!("{name}_{}", self.triple.replace('-', "_"));
        println!("cargo::rerun-if-env-changed={name}");
        env::var(name).ok().filter(|value| !value.is_empty())
    }
}

fn base(target: &Target) -> cc::Build {
    let default = if target.sdp.is_some() { "qcc" } else { "clang" };
    let compiler = target.env("CC").unwrap_or_else(|| default.to_owned());
    let is_qcc = Path::new(&compiler).file_stem().is_some_and(|stem| stem == "qcc");
    let mut build = cc::Build::new();
    build.compiler(&compiler);
    // What follows is the whole command line: `cc` would otherwise ask the compiler about a target that clang does not know.
    build
        .no_default_flags(true)
        .cargo_metadata(true)
        .target(target.clang_triple());
    build.archiver(archiver(target));
    build.flags(FLAGS);
    if is_qcc {
        build.flag(target.qcc_variant());
    } else {
        build
            .flag(format!("--target={}", target.clang_triple()))
            .flags(CLANG_FLAGS);
    }
    if target.sdp.is_none() {
        build.flag("-nostdlibinc");
    }
    if !target.qnx {
        // A native module resolves names that clash with Linux's libc under a prefix.
        build.define("IOSOCK_NATIVE_LINUX", "1");
    }
    for flag in target
        .env("CFLAGS")
        .iter()
        .flat_map(|flags| flags.split_whitespace())
    {
        // `qcc` refuses a second -V.
        if !(is_qcc && flag.starts_with("-V")) {
            build.flag(flag);
        }
    }
    build.include(shim_dir());
    build
}

/// An archiver that takes objects of any machine where the build machine's own may not.
fn archiver(target: &Target) -> String {
    if let Some(ar) = target.env("AR") {
        return ar;
    }
    match (&target.sdp, target.arch.as_str()) {
        (Some(_), "x86_64") => "ntox86_64-ar".to_owned(),
        (Some(_), _) => "ntoaarch64-ar".to_owned(),
        (None, arch) if env::var("HOST").is_ok_and(|host| host.starts_with(arch)) => "ar".to_owned(),
        (None, _) => "llvm-ar".to_owned(),
    }
}

fn var(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: this runs in a build script"))
}

fn path(path: &Path) -> &str {
    path.to_str().expect("the path of the headers is UTF-8")
}
