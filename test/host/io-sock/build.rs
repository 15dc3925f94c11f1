//! Compiles io-sock's own C, which is written against the kernel headers as a module's is.

use iosock_build::{Base, compiler::KERNEL_DEFINES};
use std::env;

fn main() {
    let base = Base::chosen();
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo names the architecture");
    let triple = format!("{arch}-unknown-linux-gnu");
    let mut build = cc::Build::new();
    build
        .compiler("clang")
        .no_default_flags(true)
        .cargo_metadata(true)
        .target(&triple);
    // The build machine's own archiver may not take objects of another machine.
    if env::var("HOST").is_ok_and(|host| !host.starts_with(&arch)) {
        build.archiver("llvm-ar");
    }
    build
        .flag("-c")
        .flag(format!("--target={triple}"))
        .flag("-std=gnu11")
        .flag("-O2")
        .flag("-g")
        .flag("-fPIC")
        .flag("-ffreestanding")
        .flag("-nostdlibinc")
        .flag("-Wall")
        .flag("-Wextra")
        .flag("-Werror")
        // Nothing of the build machine leaks in.
        .flag("-U__linux__")
        .flag("-U__linux")
        .flag("-U__gnu_linux__")
        .flag("-U__unix__")
        .define("__QNX__", "800")
        // Linked by Linux's linker: names that libc has too are taken under a prefix.
        .define("IOSOCK_NATIVE_LINUX", "1");
    for name in KERNEL_DEFINES {
        build.define(name, "1");
    }
    for headers in base.includes() {
        println!("cargo::rerun-if-changed={}", headers.display());
        build
            .flag("-isystem")
            .flag(headers.to_str().expect("a path in UTF-8"));
    }
    build
        .file("src/giant.c")
        .file("src/msgpath/stack.c")
        .compile("io_sock_stack");
    println!("cargo::rerun-if-changed=src/giant.c");
    println!("cargo::rerun-if-changed=src/msgpath/stack.c");
}
