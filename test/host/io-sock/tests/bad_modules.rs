//! Each way a module can be wrong ends in one line that says what, and io-sock goes on.

mod common;

use common::{
    compile::{self, Linker},
    process::{IoSock, log_of},
};
use iosock_build::Base;
use std::{fs, path::Path};

/// Loads `name` and answers the line about it.
fn refusal(dir: &Path, name: &str) -> String {
    let log = log_of(dir, &["-m", name]);
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.starts_with("io-sock: cannot load"))
        .collect();
    assert_eq!(lines.len(), 1, "one line for one failure:\n{log}");
    let prefix = format!("io-sock: cannot load {name}: ");
    lines[0]
        .strip_prefix(&prefix)
        .unwrap_or_else(|| panic!("{}", lines[0]))
        .to_owned()
}

fn refusal_of_fault(fault: &str) -> String {
    let dir = compile::scratch("bad");
    compile::bad(&dir, "bad", fault);
    refusal(&dir, "bad")
}

#[test]
fn no_such_module() {
    let dir = compile::scratch("bad");
    assert_eq!(
        refusal(&dir, "bad"),
        format!("no such module 'bad'; looked for {}/mods-bad.so", dir.display())
    );
}

#[test]
fn missing_symbols_are_all_named() {
    assert_eq!(
        refusal_of_fault("BAD_SYMBOLS"),
        "2 missing symbols: no_such_function, no_such_variable"
    );
}

/// Layouts differ between the bases: FreeBSD's own range of kernel versions keeps the module out, before any of it is read.
#[test]
fn a_module_of_the_other_base() {
    let dir = compile::scratch("bad");
    let (other, needs, ours) = match compile::BASE {
        Base::Freebsd13 => (Base::Freebsd14, "1403000 to 1499999", "1300139"),
        Base::Freebsd14 => (Base::Freebsd13, "1300139 to 1399999", "1403000"),
    };
    compile::module_over(other, &dir, "sample.c", "mods-bad.so", Linker::Lld, &[]);
    assert_eq!(
        refusal(&dir, "bad"),
        format!("module sample needs kernel in version {needs}; this one has {ours}")
    );
}

#[test]
fn versions() {
    let ours = "this io-sock provides 0x10004 and needs at least 0x10004";
    assert_eq!(
        refusal_of_fault("BAD_VERSION"),
        format!("wrong version: the module provides 0x10002 and needs at least 0x10001; {ours}")
    );
    assert_eq!(
        refusal_of_fault("BAD_FUTURE"),
        format!("wrong version: the module provides 0x20000 and needs at least 0x20000; {ours}")
    );
    assert!(refusal_of_fault("BAD_NOVERSION").starts_with("no iosock_module_version in .dynsym"));
}

#[test]
fn diagnostic_builds_do_not_mix() {
    assert_eq!(
        refusal_of_fault("BAD_DIAG"),
        "the module is a diagnostic build (flag 1), this io-sock is a normal build (flag 0)"
    );
    let dir = compile::scratch("bad");
    compile::module(
        &dir,
        "sample.c",
        "mods-sample-diag.so",
        Linker::Lld,
        &["-DINVARIANTS"],
    );
    compile::module(&dir, "sample.c", "mods-plain.so", Linker::Lld, &[]);
    let diag = env!("CARGO_BIN_EXE_io-sock-diag");
    let io_sock = IoSock::start_program(diag, &dir, &["-m", "sample", "-m", "mods-plain.so"]);
    let (status, log) = io_sock.stop();
    assert_eq!(status, Some(0));
    let refused = "io-sock: cannot load mods-plain.so: the module is a normal build (flag 0), this io-sock is a diagnostic build";
    assert!(log.contains(refused), "{log}");
    assert!(!log.contains("cannot load sample"), "{log}");
}

#[test]
fn missing_sets_are_named() {
    let text = refusal_of_fault("BAD_NOSETS");
    assert_eq!(
        text,
        "linker sets: set_modmetadata_set is missing; set_sysinit_set is missing; set_sysuninit_set is missing"
    );
    assert_eq!(
        refusal_of_fault("BAD_NOUNINIT"),
        "linker sets: set_sysuninit_set is missing"
    );
}

#[test]
fn hidden_sets_are_told_from_missing_ones() {
    // What rustc does to a cdylib. GNU ld makes the bounds local then; lld exports them all the same.
    let dir = compile::scratch("bad");
    let script = dir.join("hide.ver");
    fs::write(&script, "{ global: iosock_module_version; local: *; };").unwrap();
    let flag = format!("-Wl,--version-script={}", script.display());
    compile::module(&dir, "sample.c", "mods-bad.so", Linker::Gnu, &[&flag]);
    let text = refusal(&dir, "bad");
    let hint = "set_sysinit_set is missing: the section is there, but __start_set_sysinit_set and __stop_set_sysinit_set \
                are not in .dynsym";
    assert!(text.contains(hint), "{text}");
}

#[test]
fn a_handler_that_fails() {
    let dir = compile::scratch("bad");
    compile::bad(&dir, "bad", "BAD_HANDLER");
    let log = log_of(&dir, &["-m", "bad"]);
    assert!(
        log.contains("io-sock: cannot load bad: module bad answered MOD_LOAD with ENOMEM (12)"),
        "{log}"
    );
}

#[test]
fn already_loaded() {
    let dir = compile::scratch("bad");
    compile::module(&dir, "sample.c", "mods-sample.so", Linker::Lld, &[]);
    fs::copy(dir.join("mods-sample.so"), dir.join("mods-other.so")).unwrap();
    let log = log_of(&dir, &["-m", "sample", "-m", "sample", "-m", "other"]);
    assert!(
        log.contains("cannot load sample: mods-sample.so is already loaded: EEXIST (17)"),
        "{log}"
    );
    assert!(
        log.contains("cannot load other: module sample (of mods-sample.so) is already loaded: EEXIST (17)"),
        "{log}"
    );
}

#[test]
fn a_dependency_that_is_not_there() {
    assert_eq!(
        refusal_of_fault("BAD_DEPEND"),
        "module bad needs nowhere in version 2 to 4; nowhere is not loaded"
    );
}

#[test]
fn thread_local_storage() {
    assert!(refusal_of_fault("BAD_TLS").starts_with("refused: thread-local storage"));
}

#[test]
fn a_sysctl_below_nothing() {
    assert!(refusal_of_fault("BAD_ORPHAN").starts_with("bad registration: sysctl orphan hangs below"));
}

#[test]
fn files_that_are_no_modules() {
    let dir = compile::scratch("bad");
    let file = dir.join("mods-bad.so");
    for (content, text) in [
        (&b""[..], "not an ELF file (0 bytes)"),
        (b"#!/bin/sh\n", "not an ELF file (10 bytes)"),
        (b"\x7fELF", "damaged ELF file: the header is cut off"),
        (
            b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0",
            "wrong class: found 32 bits (1), expected 64 bits (2)",
        ),
        (
            b"\x7fELF\x02\x02\x01\0\0\0\0\0\0\0\0\0",
            "wrong byte order: found big endian (2), expected little endian (1)",
        ),
    ] {
        fs::write(&file, content).unwrap();
        assert_eq!(refusal(&dir, "bad"), text);
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(refusal(&dir, "bad").starts_with("no such module"));
}

#[test]
fn another_machine() {
    let (other, names) = match std::env::consts::ARCH {
        "x86_64" => ("aarch64", "found aarch64 (183), expected x86_64 (62)"),
        _ => ("x86_64", "found x86_64 (62), expected aarch64 (183)"),
    };
    let dir = compile::scratch("bad");
    let flag = format!("--target={other}-unknown-linux-gnu");
    compile::module(&dir, "sample.c", "mods-bad.so", Linker::Lld, &[&flag]);
    assert_eq!(refusal(&dir, "bad"), format!("wrong architecture: {names}"));
}

#[test]
fn programs_and_objects() {
    let dir = compile::scratch("bad");
    fs::copy("/proc/self/exe", dir.join("mods-bad.so")).unwrap();
    assert!(
        refusal(&dir, "bad").starts_with("refused: "),
        "a test program has PT_INTERP and PT_TLS"
    );
    compile::module(
        &dir,
        "sample.c",
        "mods-bad.so",
        Linker::Lld,
        &["-c", "-Wno-unused-command-line-argument"],
    );
    assert_eq!(
        refusal(&dir, "bad"),
        "wrong file type: found relocatable object (1), expected shared object (3)"
    );
}
