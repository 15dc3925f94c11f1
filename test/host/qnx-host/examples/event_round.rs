//! How long a registered semaphore event takes: MsgSendPulse to a server, which answers with MsgDeliverEvent of SIGEV_SEM,
//! and sem_wait, in two processes.
//!
//! Usage: `event_round [ROUNDS] [one|two|free]`: both processes on one CPU, one CPU each, or wherever Linux puts them.

use qnx_host::api::channel::*;
use qnx_host::api::connect::*;
use qnx_host::api::event::*;
use qnx_host::api::message::*;
use qnx_host::counters;
use qnx_host::sem::{Sem, qnx_sem_init, qnx_sem_wait};
use qnx_host::types::*;
use std::io::{Read, Write};
use std::mem;
use std::os::unix::net::UnixStream;
use std::time::Instant;

fn pin(cpu: usize) {
    // SAFETY: a zeroed set that CPU_SET writes to.
    unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        assert_eq!(libc::sched_setaffinity(0, size_of_val(&set), &set), 0);
    }
}

fn server(mut to_client: UnixStream) -> ! {
    // SAFETY: valid buffers, and an event that the client sent whole.
    unsafe {
        let chid = ChannelCreate_r(0);
        to_client.write_all(&chid.to_ne_bytes()).expect("pipe");
        let mut event = SigEvent::default();
        let mut info = MsgInfo::default();
        let size = size_of::<SigEvent>();
        let client = MsgReceive_r(chid, (&raw mut event).cast(), size, &mut info);
        assert!(client > 0, "MsgReceive {client}");
        assert_eq!(MsgReply_r(client, 0, core::ptr::null(), 0), 0);
        let mut pulse = [0u64; 8];
        loop {
            let got = MsgReceive_r(chid, pulse.as_mut_ptr().cast(), 64, &mut info);
            if got != 0 || MsgDeliverEvent_r(client, &event) != 0 {
                libc::_exit(0);
            }
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let rounds: u64 = arguments
        .get(1)
        .map_or(10_000, |text| text.parse().expect("a number"));
    let place = arguments.get(2).map_or("free", String::as_str);
    let (mut from_server, to_client) = UnixStream::pair().expect("pipe");
    // SAFETY: one thread so far.
    let child = unsafe { libc::fork() };
    if place != "free" {
        pin(usize::from(place == "two" && child == 0));
    }
    if child == 0 {
        server(to_client);
    }
    let mut chid = [0; 4];
    from_server.read_exact(&mut chid).expect("pipe");
    // SAFETY: valid structures; the semaphore lives until the end of the process.
    unsafe {
        let coid = ConnectAttach_r(0, child, i32::from_ne_bytes(chid), SIDE_CHANNEL as u32, 0);
        assert!(coid > 0, "ConnectAttach {coid}");
        let sem: *mut Sem = Box::leak(Box::new(0u64)) as *mut u64 as *mut Sem;
        qnx_sem_init(sem, 0, 0);
        let mut event = SigEvent {
            notify: SIGEV_SEM,
            target: sem as u64,
            ..SigEvent::default()
        };
        assert_eq!(MsgRegisterEvent_r(&mut event, coid), 0);
        let size = size_of::<SigEvent>();
        let sent = MsgSend_r(coid, (&raw const event).cast(), size, core::ptr::null_mut(), 0);
        assert_eq!(sent, 0);
        let round = || {
            assert_eq!(MsgSendPulse_r(coid, -1, 5, 1), 0);
            assert_eq!(qnx_sem_wait(sem), 0);
        };
        (0..rounds / 10).for_each(|_| round());
        let (before, start) = (counters(), Instant::now());
        (0..rounds).for_each(|_| round());
        let spent = start.elapsed().as_secs_f64();
        let counted = counters().since(&before);
        println!(
            "{:.3} us a round; kernel thread woke {}, this process slept {}",
            spent / rounds as f64 * 1e6,
            counted.kthread_wakeups,
            counted.futex_waits
        );
        libc::kill(child, libc::SIGKILL);
        libc::waitpid(child, core::ptr::null_mut(), 0);
    }
}
