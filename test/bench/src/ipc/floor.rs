//! The floor: two processes that take turns on shared memory, with the wait policy of `qnx-host`.
//!
//! Twice: with a bare word, and with ping's argument structure, which each side copies in and out as a call by message must. Nothing is
//! queued, looked up or checked, so no call to another process costs less on this machine.

use anyhow::{Context, Result, bail};
use host_spin::{SpinBudget, current_cpu, spin_until};
use std::{
    cell::UnsafeCell,
    fs::File,
    os::fd::{AsRawFd, FromRawFd},
    path::Path,
    process::{Command, Stdio},
    ptr,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// Bytes of ping's argument structure in `ipc/native/bench.c`; the answer has the same.
const STRUCTURE: usize = 88;

/// What the two share: whose turn it is, whether each side sleeps, and the structure.
#[repr(C)]
struct Shared {
    turn: AtomicU32,
    _line1: [u32; 15],
    sleeping: [AtomicU32; 2],
    /// Where each side last ran: it cannot answer while we spin on the same CPU.
    cpu: [AtomicU32; 2],
    _line2: [u32; 12],
    structure: UnsafeCell<[u8; STRUCTURE]>,
}

impl Shared {
    /// Copies our structure in. Only the side whose turn it is may call this.
    fn put(&self, from: &[u8]) {
        // SAFETY: at most STRUCTURE bytes (both callers slice an array of that length); the turn word orders the two sides' accesses.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr(), self.structure.get().cast(), from.len()) };
    }

    /// Copies the structure out. Only the side whose turn it is may call this.
    fn take(&self, to: &mut [u8]) {
        // SAFETY: as in `put`.
        unsafe { ptr::copy_nonoverlapping(self.structure.get().cast(), to.as_mut_ptr(), to.len()) };
    }
}

/// Turn values: even for the first side, odd for the second; `STOP` ends both.
const STOP: u32 = u32::MAX;

/// How long turns are taken before the clock starts, as in the programs of the comparison.
const WARM_UP: Duration = Duration::from_millis(50);

/// Nanoseconds per round trip, over some number of them.
pub struct Floor {
    /// Bare word.
    pub word: f64,
    /// With ping's structure there and back.
    pub structure: f64,
}

/// Measures both over `rounds`.
pub fn measure(rounds: u32) -> Result<Floor> {
    Ok(Floor {
        word: one(rounds, 0)?,
        structure: one(rounds, STRUCTURE)?,
    })
}

fn one(rounds: u32, bytes: usize) -> Result<f64> {
    let file = memory()?;
    let shared = map(&file)?;
    let me = std::env::current_exe()?;
    // The child opens the object through our descriptor table.
    let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
    let mut child = Command::new(&me)
        .args(["floor-peer", &path, &bytes.to_string()])
        .stdin(Stdio::null())
        .spawn()
        .context("cannot start the second process")?;
    let mut policy = Policy::new(0);
    let mut turn = 0u32;
    let mut block = [0u8; STRUCTURE];
    let mut round = |count: u32| {
        block[..4].copy_from_slice(&count.to_ne_bytes());
        shared.put(&block[..bytes]);
        policy.hand_over(shared, turn + 1);
        policy.wait_for(shared, |now| now == turn + 2);
        shared.take(&mut block[..bytes]);
        assert!(
            bytes == 0 || block[..4] == count.to_ne_bytes(),
            "another turn's structure"
        );
        turn += 2;
    };
    let begin = Instant::now();
    while begin.elapsed() < WARM_UP {
        round(0);
    }
    let start = Instant::now();
    (0..rounds).for_each(&mut round);
    let elapsed = start.elapsed();
    policy.hand_over(shared, STOP);
    let status = child.wait()?;
    if !status.success() {
        bail!("the second process ended with {status}");
    }
    Ok(elapsed.as_nanos() as f64 / f64::from(rounds))
}

/// The same with both processes on one core.
pub fn on_one_core(rounds: u32) -> Result<Floor> {
    let output = Command::new("taskset")
        .args(["-c", "0"])
        .arg(std::env::current_exe()?)
        .args(["floor-first", &rounds.to_string()])
        .output()?;
    if !output.status.success() {
        bail!("the first process ended with {}", output.status);
    }
    let text = String::from_utf8(output.stdout)?;
    let (word, structure) = text.trim().split_once(' ').context("two figures were expected")?;
    Ok(Floor {
        word: word.parse()?,
        structure: structure.parse()?,
    })
}

/// The first process of [`on_one_core`].
pub fn print(rounds: u32) -> Result<()> {
    let floor = measure(rounds)?;
    println!("{} {}", floor.word, floor.structure);
    Ok(())
}

/// The second process, with so many bytes of the structure.
pub fn peer(path: &Path, bytes: usize) -> Result<()> {
    if bytes > STRUCTURE {
        bail!("{bytes} bytes; at most {STRUCTURE}");
    }
    let file = File::options()
        .read(true)
        .write(true)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let shared = map(&file)?;
    let mut policy = Policy::new(1);
    let mut block = [0u8; STRUCTURE];
    loop {
        let turn = policy.wait_for(shared, |turn| turn % 2 == 1);
        if turn == STOP {
            return Ok(());
        }
        shared.take(&mut block[..bytes]);
        shared.put(&block[..bytes]);
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
    // SAFETY: mapped, aligned to a page, only atomics and bytes in an UnsafeCell in it, zero is a valid state, never unmapped.
    Ok(unsafe { &*address.cast::<Shared>() })
}
