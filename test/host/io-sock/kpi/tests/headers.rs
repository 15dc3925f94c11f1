//! The headers of both bases compile for both processors, with and without INVARIANTS, each alone, and have the layouts that they
//! must have.

use iosock_build::{Base, compiler::KERNEL_DEFINES};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every way that a module is compiled, over one base.
fn variants(base: Base) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for target in [
        "--target=x86_64-unknown-linux-gnu",
        "--target=aarch64-unknown-linux-gnu",
    ] {
        for diag in [false, true] {
            for native in [false, true] {
                let mut flags = vec![target, "-std=gnu11", "-ffreestanding", "-nostdlibinc"];
                flags.extend(["-Wall", "-Wextra", "-Werror", "-fsyntax-only"]);
                if diag {
                    flags.extend(["-DINVARIANTS", "-DINVARIANT_SUPPORT"]);
                }
                if native {
                    flags.push("-DIOSOCK_NATIVE_LINUX=1");
                }
                let defines = KERNEL_DEFINES.iter().map(|name| format!("-D{name}=1"));
                let includes = base.includes().into_iter();
                all.push(
                    flags
                        .into_iter()
                        .map(str::to_owned)
                        .chain(defines)
                        .chain(includes.map(|include| format!("-I{}", include.display())))
                        .collect(),
                );
            }
        }
    }
    all
}

fn compile(flags: &[String], file: &Path) {
    let mut clang = Command::new("clang");
    clang.args(flags).arg(file);
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

fn headers(root: &Path, dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            headers(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "h") {
            found.push(path.strip_prefix(root).unwrap().to_owned());
        }
    }
}

fn compile_over_both(file: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    for flags in Base::ALL.into_iter().flat_map(variants) {
        compile(&flags, &file);
    }
}

#[test]
fn layouts() {
    compile_over_both("src/c/layout.c");
}

#[test]
fn inlines() {
    compile_over_both("tests/c/inlines.c");
}

#[test]
fn each_alone() {
    for base in Base::ALL {
        let mut found = Vec::new();
        for root in base.includes() {
            headers(&root, &root, &mut found);
        }
        found.sort();
        found.dedup();
        assert!(found.len() > 50, "{} headers", found.len());
        let variants = variants(base);
        for (i, header) in found.iter().enumerate() {
            let name = format!("iosock-kpi-{}-{}-{i}.c", std::process::id(), base.name());
            let file = std::env::temp_dir().join(name);
            std::fs::write(&file, format!("#include <{}>\n", header.display())).unwrap();
            // One variant each is enough: they differ in a few macros.
            compile(&variants[i % variants.len()], &file);
            std::fs::remove_file(&file).unwrap();
        }
    }
}
