//! Round trip of a message between two processes, beside the floor: two processes taking turns on shared memory with
//! the same wait policy.
//!
//! `ping [--count N] [--bytes N] [--cpus A,B]`: one line per measurement. CPUs: client's and server's.

use core::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use qnx_host::api::channel::ChannelCreate_r;
use qnx_host::api::connect::ConnectAttach_r;
use qnx_host::api::message::{MsgReceive_r, MsgReply_r, MsgSend_r, MsgSendPulse_r};
use qnx_host::counters;
use qnx_host::types::SIDE_CHANNEL;

fn pin(cpu: Option<usize>) {
    let Some(cpu) = cpu else { return };
    // SAFETY: a local set, for the calling thread.
    unsafe {
        let mut set: libc::cpu_set_t = core::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
}

fn fork(body: impl FnOnce()) -> i32 {
    // SAFETY: one thread so far.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        body();
        // SAFETY: ends the child.
        unsafe { libc::_exit(0) };
    }
    pid
}

fn end(pid: i32) {
    // SAFETY: our own child.
    unsafe {
        libc::kill(pid, libc::SIGKILL);
        libc::waitpid(pid, core::ptr::null_mut(), 0);
    }
}

fn report(what: &str, samples: &mut [u64]) {
    samples.sort_unstable();
    let at = |part: f64| samples[((samples.len() - 1) as f64 * part) as usize];
    let mean = samples.iter().sum::<u64>() / samples.len() as u64;
    println!(
        "{what:34} mean {mean:>7} ns  p50 {:>7}  p90 {:>7}  p99 {:>7}",
        at(0.5),
        at(0.9),
        at(0.99)
    );
}

fn sample(count: usize, mut once: impl FnMut()) -> Vec<u64> {
    (0..count / 10).for_each(|_| once());
    (0..count)
        .map(|_| {
            let start = Instant::now();
            once();
            start.elapsed().as_nanos() as u64
        })
        .collect()
}

fn message(count: usize, bytes: usize, cpus: [Option<usize>; 2]) {
    let mut fds = [0; 2];
    // SAFETY: room for two descriptors.
    unsafe { libc::pipe(fds.as_mut_ptr()) };
    let server = fork(|| {
        pin(cpus[1]);
        let mut buffer = vec![0u8; bytes.max(24)];
        // SAFETY: valid buffers throughout.
        unsafe {
            let chid = ChannelCreate_r(0);
            libc::write(fds[1], (&raw const chid).cast(), 4);
            loop {
                let rcvid = MsgReceive_r(
                    chid,
                    buffer.as_mut_ptr().cast(),
                    buffer.len(),
                    core::ptr::null_mut(),
                );
                if rcvid > 0 {
                    MsgReply_r(rcvid, 0, buffer.as_ptr().cast(), bytes);
                }
            }
        }
    });
    pin(cpus[0]);
    let mut chid = 0i32;
    let (message, mut answer) = (vec![1u8; bytes], vec![0u8; bytes]);
    // SAFETY: valid buffers throughout.
    unsafe {
        libc::read(fds[0], (&raw mut chid).cast(), 4);
        let coid = ConnectAttach_r(0, server, chid, SIDE_CHANNEL as u32, 0);
        let before = counters();
        let mut samples = sample(count, || {
            let status = MsgSend_r(
                coid,
                message.as_ptr().cast(),
                bytes,
                answer.as_mut_ptr().cast(),
                bytes,
            );
            assert_eq!(status, 0);
        });
        let used = counters().since(&before);
        report(&format!("message {bytes} B"), &mut samples);
        println!(
            "    client: {} sends, {} futex waits, {} wakes, {} spin hits",
            used.sends, used.futex_waits, used.futex_wakes, used.spin_hits
        );
        let mut samples = sample(count, || {
            assert_eq!(MsgSendPulse_r(coid, 10, 1, 1), 0);
        });
        report("pulse (one way)", &mut samples);
    }
    end(server);
}

/// Two processes, two lines of shared memory, the same spin and the same futexes.
fn floor(count: usize, bytes: usize, cpus: [Option<usize>; 2]) {
    // SAFETY: a new shared mapping.
    let base = unsafe {
        libc::mmap(
            core::ptr::null_mut(),
            1 << 20,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    }
    .cast::<u8>();
    let word = |at: usize| {
        // SAFETY: aligned words inside the mapping.
        unsafe { AtomicU32::from_ptr(base.add(at).cast()) }
    };
    let (ask, answer) = (0usize, 65_536usize);
    let copy = |from: usize, local: &mut [u8], out: bool| {
        // SAFETY: `bytes` fit behind each line.
        unsafe {
            if out {
                core::ptr::copy_nonoverlapping(local.as_ptr(), base.add(from + 64), local.len());
            } else {
                core::ptr::copy_nonoverlapping(base.add(from + 64), local.as_mut_ptr(), local.len());
            }
        }
    };
    let spin = if std::thread::available_parallelism().map_or(1, usize::from) > 1 && cpus[0] != cpus[1]
        || cpus[0].is_none()
    {
        std::env::var("QNX_HOST_SPIN_US")
            .ok()
            .and_then(|us| us.parse().ok())
            .unwrap_or(40u128)
            * 1000
    } else {
        0
    };
    let wait = |at: usize, want: u32| {
        let start = Instant::now();
        loop {
            for _ in 0..32 {
                if word(at).load(Ordering::Acquire) == want {
                    return;
                }
                core::hint::spin_loop();
            }
            if start.elapsed().as_nanos() >= spin {
                break;
            }
        }
        while word(at).load(Ordering::Acquire) != want {
            word(at + 4).store(1, Ordering::SeqCst);
            let now = word(at).load(Ordering::SeqCst);
            if now != want {
                // SAFETY: a live word.
                unsafe {
                    libc::syscall(
                        libc::SYS_futex,
                        base.add(at),
                        libc::FUTEX_WAIT,
                        now,
                        core::ptr::null::<u8>(),
                    )
                };
            }
        }
    };
    let post = |at: usize, value: u32| {
        word(at).store(value, Ordering::SeqCst);
        if word(at + 4).load(Ordering::SeqCst) != 0 {
            word(at + 4).store(0, Ordering::SeqCst);
            // SAFETY: a live word.
            unsafe { libc::syscall(libc::SYS_futex, base.add(at), libc::FUTEX_WAKE, 1) };
        }
    };
    let server = fork(|| {
        pin(cpus[1]);
        let mut buffer = vec![0u8; bytes];
        for turn in 1.. {
            wait(ask, turn);
            copy(ask, &mut buffer, false);
            copy(answer, &mut buffer, true);
            post(answer, turn);
        }
    });
    pin(cpus[0]);
    let mut buffer = vec![1u8; bytes];
    let mut turn = 0;
    let mut samples = sample(count, || {
        turn += 1;
        copy(ask, &mut buffer, true);
        post(ask, turn);
        wait(answer, turn);
        copy(answer, &mut buffer, false);
    });
    report(&format!("floor {bytes} B"), &mut samples);
    end(server);
}

fn main() {
    let (mut count, mut bytes, mut cpus) = (200_000usize, 64usize, [None, None]);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next().unwrap_or_default();
        match arg.as_str() {
            "--count" => count = value.parse().expect("--count N"),
            "--bytes" => bytes = value.parse().expect("--bytes N"),
            "--cpus" => {
                let (a, b) = value.split_once(',').expect("--cpus A,B");
                cpus = [a.parse().ok(), b.parse().ok()];
            }
            other => panic!("{other}: allowed are --count, --bytes, --cpus"),
        }
    }
    if bytes <= 60_000 {
        fork_and_wait(|| floor(count, bytes, cpus));
    }
    fork_and_wait(|| message(count, bytes, cpus));
}

/// Each measurement in a process of its own.
fn fork_and_wait(body: impl FnOnce()) {
    let pid = fork(body);
    // SAFETY: our own child.
    unsafe { libc::waitpid(pid, core::ptr::null_mut(), 0) };
}
