//! One generated file: written, or compared with what is on disk.

use std::path::{Path, PathBuf};

/// What to do with a generated file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Write it where it differs.
    Write,
    /// Only say whether it differs.
    Check,
}

/// A generated file.
pub struct Output {
    /// Where it belongs.
    pub path: PathBuf,
    /// What belongs in it.
    pub text: String,
}

impl Output {
    /// Writes or compares; false when the file on disk differs and was not written. Errors name the file.
    pub fn settle(&self, root: &Path, mode: Mode) -> Result<bool, String> {
        let shown = self.path.strip_prefix(root).unwrap_or(&self.path).display();
        let on_disk = std::fs::read_to_string(&self.path).unwrap_or_default();
        if on_disk == self.text {
            return Ok(true);
        }
        if mode == Mode::Check {
            let line = first_difference(&on_disk, &self.text);
            eprintln!("csock-bindgen: {shown} differs from line {line} on");
            return Ok(false);
        }
        std::fs::write(&self.path, &self.text).map_err(|error| format!("{shown}: {error}"))?;
        println!("csock-bindgen: wrote {shown}");
        Ok(true)
    }
}

/// The first line, counted from 1, in which two texts differ.
fn first_difference(left: &str, right: &str) -> usize {
    let same = left
        .lines()
        .zip(right.lines())
        .take_while(|(left, right)| left == right)
        .count();
    same + 1
}
