//! The headers compile for both processors, with and without INVARIANTS, each alone, and have the layouts that they must have.

use std::path::{Path, PathBuf};
use std::process::Command;

fn devs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../include/devs")
}

/// Every way that a module is compiled.
fn variants() -> Vec<Vec<&'static str>> {
    let mut all = Vec::new();
    for target in [
        "--target=x86_64-unknown-linux-gnu",
        "--target=aarch64-unknown-linux-gnu",
    ] {
        for diag in [false, true] {
            for native in [false, true] {
                let mut flags = vec![
                    target,
                    "-std=gnu11",
                    "-ffreestanding",
                    "-nostdlibinc",
                    "-D_KERNEL",
                ];
                flags.extend(["-Wall", "-Wextra", "-Werror", "-fsyntax-only"]);
                if diag {
                    flags.extend(["-DINVARIANTS", "-DINVARIANT_SUPPORT"]);
                }
                if native {
                    flags.push("-DIOSOCK_NATIVE_LINUX=1");
                }
                all.push(flags);
            }
        }
    }
    all
}

fn compile(flags: &[&str], file: &Path) {
    let mut clang = Command::new("clang");
    clang.args(flags).arg("-I").arg(devs()).arg(file);
    let output = clang
        .output()
        .unwrap_or_else(|e| panic!("clang: {e}; this test needs it"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{} with {flags:?}:\n{text}",
        file.display()
    );
}

fn headers(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            headers(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "h") {
            found.push(path.strip_prefix(devs()).unwrap().to_owned());
        }
    }
}

#[test]
fn layouts() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/c/layout.c");
    for flags in variants() {
        compile(&flags, &file);
    }
}

#[test]
fn inlines() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/inlines.c");
    for flags in variants() {
        compile(&flags, &file);
    }
}

#[test]
fn each_alone() {
    let mut found = Vec::new();
    headers(&devs(), &mut found);
    assert!(found.len() > 50, "{} headers", found.len());
    let variants = variants();
    for (i, header) in found.iter().enumerate() {
        let file = std::env::temp_dir().join(format!("iosock-kpi-{}-{i}.c", std::process::id()));
        std::fs::write(&file, format!("#include <{}>\n", header.display())).unwrap();
        // One variant each is enough: they differ in a few macros.
        compile(&variants[i % variants.len()], &file);
        std::fs::remove_file(&file).unwrap();
    }
}
