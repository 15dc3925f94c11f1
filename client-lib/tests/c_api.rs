//! The C API: the header against the library that was built, and C programs of ours run against it.
//!
//! Needs `cc` and `nm`. Without a server here: the programs that need one are run by `test/e2e`.

use std::{
    collections::BTreeSet,
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// What a Rust static library needs of Linux (`rustc --print native-static-libs`).
const SYSTEM: [&str; 6] = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{command:?} failed: {}\n{out}\n{err}",
        output.status
    );
    out.into_owned()
}

/// The static library with the C API, built by this test's own cargo into this test's own target directory.
fn library() -> PathBuf {
    let exe = env::current_exe().unwrap();
    // target/PROFILE/deps/this-test
    let target = exe.ancestors().nth(3).unwrap();
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run(Command::new(cargo)
        .args([
            "rustc",
            "--quiet",
            "--package",
            "custom-socket",
            "--lib",
            "--crate-type",
            "staticlib",
        ])
        .args(["--features", "capi,host", "--target-dir"])
        .arg(target)
        .current_dir(here()));
    target.join("debug/libcustom_socket.a")
}

/// Compiles a program of `tests/c`.
fn compile(name: &str, library: &Path) -> PathBuf {
    let output = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    run(Command::new("cc")
        .args([
            "-std=c11",
            "-O1",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-D_DEFAULT_SOURCE",
            "-I",
        ])
        .arg(here().join("include"))
        .arg(here().join("tests/c").join(name).with_extension("c"))
        .arg(library)
        .args(SYSTEM)
        .arg("-o")
        .arg(&output));
    output
}

/// The functions that the header declares.
fn declared() -> BTreeSet<String> {
    let header = std::fs::read_to_string(here().join("include/custom_socket.h")).unwrap();
    let mut code = String::new();
    let mut rest = header.as_str();
    while let Some((before, after)) = rest.split_once("/*") {
        code.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    code.push_str(rest);
    code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '('))
        .filter_map(|word| word.split_once('(').map(|(name, _)| name))
        .filter(|name| name.starts_with("csock_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_header_declares_what_the_library_exports() {
    let symbols = run(Command::new("nm")
        .args(["--defined-only", "--extern-only"])
        .arg(library()));
    let exported: BTreeSet<String> = symbols
        .lines()
        .filter_map(|line| line.rsplit_once(' '))
        .filter(|(kind, name)| kind.ends_with('T') && name.starts_with("csock_"))
        .map(|(_, name)| name.to_owned())
        .collect();
    assert!(exported.len() > 20, "{exported:?}");
    assert_eq!(declared(), exported);
}

/// Every name of the wire's table, as the platform's `errno.h` numbers it.
#[test]
fn error_numbers_are_the_platform_s() {
    let names: Vec<&str> = custom_socket::WireErrno::NAMED
        .iter()
        .map(|error| error.name().unwrap())
        .collect();
    let lines: String = names
        .iter()
        .map(|name| format!("    printf(\"{name} %d\\n\", {name});\n"))
        .collect();
    let source = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("numbers.c");
    std::fs::write(
        &source,
        format!("#include <errno.h>\n#include <stdio.h>\nint main(void)\n{{\n{lines}}}\n"),
    )
    .unwrap();
    let program = source.with_extension("exe");
    run(Command::new("cc").arg(&source).arg("-o").arg(&program));
    let ours: String = custom_socket::WireErrno::NAMED
        .iter()
        .map(|error| {
            let refused = custom_socket::Error::Refused(custom_socket::Refusal::bare(*error));
            format!("{} {}\n", error.name().unwrap(), refused.raw_os_error())
        })
        .collect();
    assert_eq!(run(&mut Command::new(program)), ours);
}

#[test]
fn every_verb_refuses_what_it_must() {
    let program = compile("alone", &library());
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("nobody-here");
    assert_eq!(run(Command::new(program).env("QNX_HOST_DIR", dir)), "ok\n");
}

#[test]
fn the_programs_that_need_a_server_compile() {
    let library = library();
    for name in [
        "buffers",
        "cancelled",
        "echo_client",
        "echo_server",
        "forked",
        "signals",
    ] {
        compile(name, &library);
    }
}

/// C++ reads the header too.
#[test]
fn the_header_is_also_c_plus_plus() {
    let source = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("header.cpp");
    std::fs::write(
        &source,
        "#include \"custom_socket.h\"\nint main() { return csock_close(0) == 0; }\n",
    )
    .unwrap();
    run(Command::new("c++")
        .args(["-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I"])
        .arg(here().join("include"))
        .arg(source));
}
