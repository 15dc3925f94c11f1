//! Bindings of an SDP's headers, at build time. Only with feature `sdp`: it needs libclang.
//!
//! ON-TARGET: confirm with an SDP that the selection finds every name, and that `src/layout.rs` and `ffi/qnx` compile against it.

use std::path::{Path, PathBuf};

#[path = "selection.rs"]
mod selection;

/// Reads `$QNX_TARGET/usr/include` for the target that cargo builds and leaves `sdp.rs` in `OUT_DIR`. Stops the build with the
/// reason when a header cannot be read.
pub fn generate(sdp: &Path) {
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets CARGO_CFG_TARGET_ARCH");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("sdp.rs");
    let wrapper = Path::new("build-support/wrapper.h");
    println!("cargo::rerun-if-changed=build-support");
    let include = sdp.join("usr/include");
    assert!(
        include.is_dir(),
        "QNX_TARGET is {}: it has no usr/include",
        sdp.display()
    );
    let bindings = selection::builder()
        .header(wrapper.display().to_string())
        // clang knows no QNX; an ELF machine of the same data model, told what qcc predefines, reads the headers alike.
        .clang_arg(format!("--target={arch}-unknown-none-elf"))
        .clang_args(["-ffreestanding", "-nostdlibinc", "-std=gnu11"])
        .clang_args([
            "-D__QNX__=800",
            "-D__QNXNTO__=1",
            "-D__LITTLEENDIAN__=1",
            "-D_QNX_SOURCE",
        ])
        .clang_arg(match arch.as_str() {
            "x86_64" => "-D__X86_64__=1",
            _ => "-D__AARCH64EL__=1",
        })
        .clang_arg("-isystem")
        .clang_arg(include.display().to_string())
        .generate()
        .unwrap_or_else(|error| panic!("bindgen over {}: {error}", include.display()));
    bindings
        .write_to_file(&out)
        .unwrap_or_else(|error| panic!("{}: {error}", out.display()));
}
