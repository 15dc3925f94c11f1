//! The shims and a module's registration compile without a warning, for both processors, plain and with INVARIANTS, against the
//! stand-in's headers; and what the registration leaves in its object is what io-sock looks for.

use iosock_build::{KERNEL_SHIMS, LIBC_SHIMS, compiler, shim_dir};
use std::{path::PathBuf, process::Command};

const ARCHS: [&str; 2] = ["x86_64", "aarch64"];

/// Compiles one file of `shim/` with warnings as errors.
fn compile(file: &str, arch: &str, kernel: bool, diag: bool, defines: &[&str]) -> PathBuf {
    compile_over(None, file, arch, kernel, diag, defines)
}

/// The same, with headers that come before the others.
fn compile_over(
    overlay: Option<&str>,
    file: &str,
    arch: &str,
    kernel: bool,
    diag: bool,
    defines: &[&str],
) -> PathBuf {
    let kind = if diag { "diag" } else { "plain" };
    let base = if overlay.is_some() { "14" } else { "13" };
    let object = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{file}-{arch}-{kind}-{base}.o"));
    let mut clang = Command::new("clang");
    clang.arg(format!("--target={}", compiler::clang_triple(arch)));
    clang
        .args(compiler::FLAGS)
        .args(compiler::CLANG_FLAGS)
        .args(["-nostdlibinc", "-Werror"]);
    clang.args(overlay);
    if kernel {
        clang
            .arg("-D_KERNEL=1")
            .arg("-isystem")
            .arg(compiler::standin_include());
    }
    if diag {
        clang.args(compiler::DIAG_DEFINES.iter().map(|name| format!("-D{name}=1")));
    }
    clang
        .args(defines)
        .arg("-I")
        .arg(shim_dir())
        .arg(shim_dir().join(file))
        .arg("-o")
        .arg(&object);
    let output = clang.output().expect("clang runs");
    assert!(
        output.status.success(),
        "{file} {arch} {kind}:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    object
}

#[test]
fn kernel_shims_compile_everywhere() {
    for arch in ARCHS {
        for diag in [false, true] {
            for file in KERNEL_SHIMS {
                compile(file, arch, true, diag, &[]);
            }
        }
    }
}

/// No headers of 14 are at hand: its names over those of 13 show at least that the branches for it compile.
#[test]
fn branches_for_14_compile() {
    let overlay = concat!("-isystem", env!("CARGO_MANIFEST_DIR"), "/tests/base14");
    for arch in ARCHS {
        for file in KERNEL_SHIMS {
            compile_over(Some(overlay), file, arch, true, false, &["-include", "is14.h"]);
        }
    }
}

#[test]
fn libc_shims_compile_everywhere() {
    for arch in ARCHS {
        for file in LIBC_SHIMS {
            compile(file, arch, false, false, &[]);
        }
    }
}

#[test]
fn every_shim_is_compiled() {
    let mut files: Vec<_> = std::fs::read_dir(shim_dir())
        .expect("shim/ is there")
        .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
        .filter(|name| name.ends_with(".c"))
        .collect();
    files.sort();
    let mut known: Vec<_> = KERNEL_SHIMS
        .iter()
        .chain(LIBC_SHIMS)
        .chain(&["registration.c"])
        .collect();
    known.sort();
    assert!(files.iter().eq(known), "{files:?}");
}

#[test]
fn registration_fills_the_sets() {
    for arch in ARCHS {
        for diag in [false, true] {
            let object = compile(
                "registration.c",
                arch,
                true,
                diag,
                &["-DIOSOCK_MODULE_NAME=csock", "-DIOSOCK_MODULE_VERSION=1"],
            );
            let dump = Command::new("readelf")
                .args(["-SsW"])
                .arg(&object)
                .output()
                .expect("readelf runs");
            let dump = String::from_utf8_lossy(&dump.stdout);
            for set in ["modmetadata", "sysinit", "sysuninit", "sysctl"] {
                let section = dump
                    .lines()
                    .find(|line| line.contains(&format!(" set_{set}_set ")));
                let section =
                    section.unwrap_or_else(|| panic!("no section of set {set} for {arch}:\n{dump}"));
                assert!(section.contains(" WA"), "set {set} is not writable: {section}");
                for bound in ["start", "stop"] {
                    assert!(
                        dump.contains(&format!("GLOBAL DEFAULT  UND __{bound}_set_{set}_set")),
                        "{bound} of {set}:\n{dump}"
                    );
                }
            }
            let version = dump.lines().find(|line| line.ends_with(" iosock_module_version"));
            assert!(
                version.is_some_and(|line| line.contains(" 16 OBJECT  GLOBAL ")),
                "{version:?}"
            );
            for callback in [
                "iosock_module_event",
                "iosock_module_uninit",
                "iosock_module_counters",
            ] {
                assert!(
                    dump.contains(&format!("GLOBAL DEFAULT  UND {callback}")),
                    "{callback} is not called"
                );
            }
        }
    }
}
