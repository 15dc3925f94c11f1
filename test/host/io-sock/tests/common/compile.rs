//! Compiles the C modules in `modules/` as a module author would: against the stand-in's headers alone, without libc.

use iosock_build::Base;
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

/// The base that the `io-sock` under test was built with.
pub const BASE: Base = if iosock_kpi::layout::FREEBSD_VERSION >= 1_400_000 {
    Base::Freebsd14
} else {
    Base::Freebsd13
};

/// A linker that modules are linked with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Linker {
    /// LLVM's.
    Lld,
    /// GNU's, which QNX's qcc uses.
    Gnu,
}

/// Both.
pub const LINKERS: [Linker; 2] = [Linker::Lld, Linker::Gnu];

/// A new directory below the test's target directory.
pub fn scratch(purpose: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let unique = NEXT.fetch_add(1, Ordering::Relaxed);
    let dir =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{purpose}-{}-{unique}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("the target directory is writable");
    dir
}

/// Compiles `modules/SOURCE` to `DIR/FILE`; answers the path.
pub fn module(dir: &Path, source: &str, file: &str, linker: Linker, flags: &[&str]) -> PathBuf {
    module_over(BASE, dir, source, file, linker, flags)
}

/// The same, with the headers of `base`.
pub fn module_over(
    base: Base,
    dir: &Path,
    source: &str,
    file: &str,
    linker: Linker,
    flags: &[&str],
) -> PathBuf {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = dir.join(file);
    let mut clang = Command::new("clang");
    clang
        .args([
            "-shared",
            "-fPIC",
            "-nostdlib",
            "-std=gnu11",
            "-O2",
            "-g",
            "-ffreestanding",
            "-nostdlibinc",
        ])
        .args([
            "-Wall",
            "-Wextra",
            "-Werror",
            "-D_KERNEL",
            "-DKLD_MODULE",
            "-D__QNX__=800",
            "-D__QNXNTO__=1",
        ])
        .args(["-U__linux__", "-U__linux", "-U__gnu_linux__", "-U__unix__"])
        .arg(format!("--target={}-unknown-linux-gnu", std::env::consts::ARCH))
        .arg(match linker {
            Linker::Lld => "-fuse-ld=lld",
            Linker::Gnu => "-fuse-ld=bfd",
        })
        .args(
            base.includes()
                .iter()
                .flat_map(|include| ["-isystem".as_ref(), include.as_os_str()]),
        )
        .args(flags)
        .arg(crate_dir.join("modules").join(source))
        .arg("-o")
        .arg(&output);
    let result = clang.output().expect("clang is installed");
    assert!(
        result.status.success(),
        "{clang:?}\n{}",
        String::from_utf8_lossy(&result.stderr)
    );
    output
}

/// Compiles `modules/bad/bad.c` with one of its faults to `DIR/mods-NAME.so`.
pub fn bad(dir: &Path, name: &str, fault: &str) -> PathBuf {
    module(
        dir,
        "bad/bad.c",
        &format!("mods-{name}.so"),
        Linker::Lld,
        &[&format!("-D{fault}")],
    )
}
