//! What the system says of another process: whether it lives, and whether it is stopped.

use std::fs;

/// Linux's letter for the state of a process (`R`, `S`, `T`, `Z`, ...); `None` if it does not exist.
pub fn process_state(pid: i32) -> Option<u8> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may contain anything, also spaces and brackets.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.trim_start().bytes().next()
}

/// It exists and answers nobody until it is continued.
pub fn is_stopped(pid: i32) -> bool {
    matches!(process_state(pid), Some(b'T' | b't'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oneself_is_there_and_runs() {
        let pid = std::process::id() as i32;
        assert!(matches!(process_state(pid), Some(b'R' | b'S')));
        assert!(!is_stopped(pid));
        assert_eq!(process_state(-1), None);
    }
}
