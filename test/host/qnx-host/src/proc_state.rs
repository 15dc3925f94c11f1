//! What the system says of a process: whether another one lives, whether it is stopped, and whose our memory is.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

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

/// The memory at this address, which must have been written to, belongs to this process alone. False when the system does
/// not say.
pub fn is_private_memory(address: usize) -> bool {
    const PRESENT_OR_SWAPPED: u64 = 3 << 62;
    const FILE_OR_SHARED: u64 = 1 << 61;
    // SAFETY: no preconditions.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.max(1) as usize;
    let mut entry = [0; 8];
    let read = File::open("/proc/self/pagemap")
        .and_then(|pages| pages.read_exact_at(&mut entry, (address / page * 8) as u64));
    let entry = u64::from_ne_bytes(entry);
    read.is_ok() && entry & PRESENT_OR_SWAPPED != 0 && entry & FILE_OR_SHARED == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_one_process_and_of_several() {
        let map = |flags: i32| {
            let both = libc::PROT_READ | libc::PROT_WRITE;
            // SAFETY: a new mapping, written to inside; the test leaves it.
            unsafe {
                let page = libc::mmap(
                    core::ptr::null_mut(),
                    4096,
                    both,
                    flags | libc::MAP_ANONYMOUS,
                    -1,
                    0,
                );
                page.cast::<u64>().write(1);
                page as usize
            }
        };
        let on_stack = core::hint::black_box(5u64);
        assert!(is_private_memory(&raw const on_stack as usize));
        assert!(is_private_memory(map(libc::MAP_PRIVATE)));
        assert!(!is_private_memory(map(libc::MAP_SHARED)));
        assert!(!is_private_memory(0), "not there");
    }

    #[test]
    fn oneself_is_there_and_runs() {
        let pid = std::process::id() as i32;
        assert!(matches!(process_state(pid), Some(b'R' | b'S')));
        assert!(!is_stopped(pid));
        assert_eq!(process_state(-1), None);
    }
}
