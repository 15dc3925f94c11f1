//! The floor: two processes that hand a word back and forth through shared memory, with the wait policy of `qnx-host`.
//!
//! What any call to another process costs at least on this machine: nothing is parsed, copied, queued or looked up.

use anyhow::{Context, Result, bail};
use qnx_host::spin::{SpinBudget, current_cpu, spin_until};
use std::{
    fs::File,
    os::fd::{AsRawFd, FromRawFd},
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};

/// The shared words: whose turn it is, and whether each side sleeps.
#[repr(C)]
struct Shared {
    turn: AtomicU32,
    _line1: [u32; 15],
    sleeping: [AtomicU32; 2],
    /// Where each side last ran: it cannot answer while we spin on the same CPU.
    cpu: [AtomicU32; 2],
    _line2: [u32; 12],
}

/// Turn values: even for the first side, odd for the second; `STOP` ends both.
const STOP: u32 = u32::MAX;

/// Round trips before the clock starts, as in the programs of the comparison.
const WARM_UP: u32 = 500;

/// Nanoseconds per round trip over `rounds`.
pub fn measure(rounds: u32) -> Result<f64> {
    let file = memory()?;
    let shared = map(&file)?;
    let me = std::env::current_exe()?;
    // The child opens the object through our descriptor table.
    let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
    let mut child = Command::new(&me)
        .args(["floor-peer", &path])
        .stdin(Stdio::null())
        .spawn()
        .context("cannot start the second process")?;
    let mut policy = Policy::new(0);
    let mut start = Instant::now();
    let mut turn = 0u32;
    for round in 0..WARM_UP + rounds {
        if round == WARM_UP {
            start = Instant::now();
        }
        policy.hand_over(shared, turn + 1);
        policy.wait_for(shared, |now| now == turn + 2);
        turn += 2;
    }
    let elapsed = start.elapsed();
    policy.hand_over(shared, STOP);
    let status = child.wait()?;
    if !status.success() {
        bail!("the second process ended with {status}");
    }
    Ok(elapsed.as_nanos() as f64 / f64::from(rounds))
}

/// The same with both processes on one core.
pub fn on_one_core(rounds: u32) -> Result<f64> {
    let output = Command::new("taskset")
        .args(["-c", "0"])
        .arg(std::env::current_exe()?)
        .args(["floor-first", &rounds.to_string()])
        .output()?;
    if !output.status.success() {
        bail!("the first process ended with {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// The second process.
pub fn peer(path: &Path) -> Result<()> {
    let file = File::options()
        .read(true)
        .write(true)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let shared = map(&file)?;
    let mut policy = Policy::new(1);
    loop {
        let turn = policy.wait_for(shared, |turn| turn % 2 == 1);
        if turn == STOP {
            return Ok(());
        }
        policy.hand_over(shared, turn + 1);
    }
}

struct Policy {
    side: usize,
    budget: SpinBudget,
}

impl Policy {
    fn new(side: usize) -> Self {
        Self {
            side,
            budget: SpinBudget::default(),
        }
    }

    fn hand_over(&mut self, shared: &Shared, turn: u32) {
        shared.cpu[self.side].store(u32::from(current_cpu()), Ordering::Relaxed);
        shared.turn.store(turn, Ordering::SeqCst);
        if shared.sleeping[1 - self.side].load(Ordering::SeqCst) != 0 {
            futex(&shared.turn, libc::FUTEX_WAKE, 1);
        }
    }

    fn wait_for(&mut self, shared: &Shared, ready: impl Fn(u32) -> bool) -> u32 {
        loop {
            let peer = shared.cpu[1 - self.side].load(Ordering::Relaxed);
            let budget = self.budget.now(peer as u16);
            if spin_until(budget, || ready(shared.turn.load(Ordering::Acquire))) {
                self.budget.hit();
                return shared.turn.load(Ordering::Acquire);
            }
            let start = Instant::now();
            shared.sleeping[self.side].store(1, Ordering::SeqCst);
            let now = shared.turn.load(Ordering::SeqCst);
            if !ready(now) {
                futex(&shared.turn, libc::FUTEX_WAIT, now);
            }
            shared.sleeping[self.side].store(0, Ordering::SeqCst);
            self.budget.missed(start.elapsed().as_nanos() as u64);
        }
    }
}

fn futex(word: &AtomicU32, operation: i32, value: u32) {
    // SAFETY: the word lives as long as the mapping, which is never unmapped; a spurious return is handled by the callers' loops.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            operation,
            value,
            std::ptr::null::<libc::timespec>(),
        )
    };
}

fn memory() -> Result<File> {
    // SAFETY: the name is a C string; the result is checked.
    let fd = unsafe { libc::memfd_create(c"floor".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(std::io::Error::last_os_error()).context("memfd_create");
    }
    // SAFETY: the descriptor is new and ours.
    let file = unsafe { File::from_raw_fd(fd) };
    file.set_len(size_of::<Shared>() as u64)?;
    Ok(file)
}

fn map(file: &File) -> Result<&'static Shared> {
    // SAFETY: a new mapping of an object that is as long; it stays mapped to the end of the process.
    let address = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size_of::<Shared>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        )
    };
    if address == libc::MAP_FAILED {
        return Err(std::io::Error::last_os_error()).context("mmap");
    }
    // SAFETY: mapped, aligned to a page, only atomics in it, zero is a valid state, never unmapped.
    Ok(unsafe { &*address.cast::<Shared>() })
}
