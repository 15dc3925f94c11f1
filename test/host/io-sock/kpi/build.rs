//! Compiles the variadic functions, checks the headers' layouts, and builds what the tests use of the
//! headers' inlines.

use iosock_build::{Base, compiler::KERNEL_DEFINES};
use std::path::Path;

fn main() {
    let base = Base::chosen();
    base.emit_cfg();
    println!("cargo::rerun-if-changed=src/c");
    println!("cargo::rerun-if-changed=tests/c");
    for include in base.includes() {
        println!("cargo::rerun-if-changed={}", include.display());
    }

    cc::Build::new()
        .file("src/c/variadic.c")
        .std("gnu11")
        .warnings(true)
        .extra_warnings(true)
        .compile("iosock_kpi_c");

    for diag in [false, true] {
        let mut layout = kernel(base, diag);
        layout.file("src/c/layout.c").cargo_metadata(false);
        layout.compile(if diag {
            "iosock_kpi_layout_diag"
        } else {
            "iosock_kpi_layout"
        });
    }

    // A module in miniature over the headers' macros and inlines, for the tests alone.
    let shim = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../ffi/iosock-sys/shim");
    println!("cargo::rerun-if-changed={}", shim.display());
    kernel(base, true)
        .file("tests/c/inlines.c")
        // The product's shims that have more in them than a call.
        .include(&shim)
        .files(["addr.c", "mbuf.c", "sockbuf.c", "socket.c"].map(|file| shim.join(file)))
        .cargo_metadata(false)
        .compile("iosock_kpi_inlines");
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    println!("cargo::rustc-link-arg-tests={out}/libiosock_kpi_inlines.a");
}

/// As a module is compiled natively: the kernel's headers only.
fn kernel(base: Base, diag: bool) -> cc::Build {
    let mut build = cc::Build::new();
    build.std("gnu11").warnings(true).extra_warnings(true);
    build
        .flag("-ffreestanding")
        .flag("-nostdinc")
        .flag("-isystem")
        .flag(compiler_headers())
        .includes(base.includes())
        .define("IOSOCK_NATIVE_LINUX", "1");
    for name in KERNEL_DEFINES {
        build.define(name, "1");
    }
    if diag {
        build.define("INVARIANTS", "1").define("INVARIANT_SUPPORT", "1");
    }
    build
}

/// Where the compiler keeps `stddef.h`, `stdint.h` and the like.
fn compiler_headers() -> String {
    let tool = cc::Build::new().get_compiler();
    let flag = if tool.is_like_clang() {
        "-print-resource-dir"
    } else {
        "-print-file-name=include"
    };
    let output = tool.to_command().arg(flag).output().expect("the C compiler runs");
    let dir = String::from_utf8(output.stdout).expect("a path in UTF-8");
    if tool.is_like_clang() {
        format!("{}/include", dir.trim())
    } else {
        dir.trim().to_owned()
    }
}
