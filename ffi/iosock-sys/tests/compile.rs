//! The shims compile without a warning: over both bases, for both processors, plain and with INVARIANTS, by clang and by gcc.

mod common;

use common::{Compiler, Way, ways};
use iosock_build::{KERNEL_SHIMS, LIBC_SHIMS, shim_dir};

#[test]
fn kernel_shims_compile_everywhere() {
    for way in ways(true) {
        for file in KERNEL_SHIMS {
            way.compile(file);
        }
    }
}

/// QNX's compiler is gcc, whose warnings are others.
#[test]
fn kernel_shims_compile_with_gcc() {
    for way in ways(true).into_iter().filter(|way| !way.diag) {
        let way = Way {
            compiler: Compiler::Gcc,
            ..way
        };
        for file in KERNEL_SHIMS {
            way.compile(file);
        }
    }
}

#[test]
fn libc_shims_compile_everywhere() {
    for way in ways(false) {
        for file in LIBC_SHIMS {
            way.compile(file);
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
