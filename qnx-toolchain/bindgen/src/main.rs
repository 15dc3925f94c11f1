//! Regenerates the bindings that are checked in. `--check` writes nothing and fails where a file differs from what its headers say.
//!
//! One module per `-sys` crate; each returns the files it wants on disk.

mod iosock_sys;
mod output;
mod qnx_sys;

use std::path::Path;
use std::process::ExitCode;

use output::{Mode, Output};

const USAGE: &str = "usage: csock-bindgen [--check]\n";

fn main() -> ExitCode {
    let mut mode = Mode::Write;
    for arg in std::env::args().skip(1) {
        match arg.as_str() {
            "--check" => mode = Mode::Check,
            "-h" | "--help" => {
                print!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            other => {
                eprint!("csock-bindgen: unknown argument {other}\n{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    match run(mode) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("csock-bindgen: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Generates every file and writes or compares it. All differences are named before it fails.
fn run(mode: Mode) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut outputs: Vec<Output> = qnx_sys::outputs(&root.join("ffi/qnx-sys"))?;
    outputs.extend(iosock_sys::outputs(&root.join("ffi/iosock-sys"))?);
    let mut stale = 0;
    for output in &outputs {
        stale += usize::from(!output.settle(&root, mode)?);
    }
    if stale > 0 {
        return Err(format!(
            "{stale} of {} files are not what the headers say: run `cargo xtask bindgen`",
            outputs.len()
        ));
    }
    println!("csock-bindgen: {} files match their headers", outputs.len());
    Ok(())
}
