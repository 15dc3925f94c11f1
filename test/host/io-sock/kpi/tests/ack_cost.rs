//! What `standin.tcp_acks` costs beside the plain mode: CPU, wake-ups and questions to Linux for a byte sent. A
//! measurement, with one bound that holds on any machine.

mod common;
use common::*;
use iosock_kpi::socket::{self, msg};
use iosock_kpi::{config, stat};
use std::time::{Duration, Instant};

unsafe extern "C" fn freed(_: *mut iosock_kpi::layout::Mbuf) {}

/// Of the whole process, and of this thread.
fn cpu(who: i32) -> Duration {
    // SAFETY: all zeroes is a valid rusage, which the call fills.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(who, &raw mut usage);
        usage
    };
    let span = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
    span(usage.ru_utime) + span(usage.ru_stime)
}

/// A mode by name, as (tcp_acks, delack_ms, ack_delay_ms).
const MODES: &[(&str, bool, u32, u32)] = &[
    ("plain", false, 40, 0),
    ("acks", true, 40, 0),
    ("acks, each at once", true, 0, 0),
    ("acks, 20 ms", true, 40, 20),
];

/// Sends `count` messages of `len` bytes: microseconds of CPU for a message (without the peer's), and wake-ups of
/// netisr for a thousand.
fn stream(mode: &(&str, bool, u32, u32), len: usize, count: usize) -> (f64, f64) {
    let bench = bench();
    let (name, acks, delack, delay) = *mode;
    config::set_tcp_acks(acks);
    config::set_delack_ms(delack);
    config::set_ack_delay_ms(delay);
    let (so, mut peer) = bench.pair();
    config::set_tcp_acks(false);
    config::set_delack_ms(40);
    config::set_ack_delay_ms(0);
    assert_eq!(set_option(so, 6, 1, &[1_i32]), 0);
    assert_eq!(set_option(so, 0xffff, 0x1001, &[1 << 20]), 0);
    let drain = std::thread::spawn(move || {
        std::io::copy(&mut peer, &mut std::io::sink()).unwrap();
        cpu(libc::RUSAGE_THREAD)
    });
    let signal = Signal::new();
    signal.set(so, Buffer::Send);
    let mut bytes = vec![7_u8; len];
    let (before, start, used) = (stat::counters(), Instant::now(), cpu(libc::RUSAGE_SELF));
    let mut seen = 0;
    for _ in 0..count {
        // SAFETY: a live socket.
        while unsafe { t_space(so) } < len as i64 {
            seen = signal.wait_beyond(seen);
        }
        // SAFETY: the bytes are never changed, and outlive the stack's references: see below.
        let m = unsafe {
            let m = t_get(WAITOK, 1).unwrap();
            let (buf, null) = (bytes.as_mut_ptr(), std::ptr::null_mut());
            iosock_kpi::mbuf::m_extadd(m, buf, len as u32, Some(freed), null, null, RDONLY, EXT_MOD_TYPE);
            m.set_len(len);
            m.set_pkt_len(len);
            m
        };
        assert_eq!(bench.send(so, m, msg::DONTWAIT), 0);
    }
    // SAFETY: a live socket.
    wait_until("acknowledged", || unsafe { t_used(so) } == 0);
    let (took, all, after) = (start.elapsed(), cpu(libc::RUSAGE_SELF) - used, stat::counters());
    Signal::clear(so, Buffer::Send);
    assert_eq!(socket::soclose(so), 0);
    let ours = all.saturating_sub(drain.join().unwrap());
    bench.clean();
    let each = |n: u64| n as f64 * 1000.0 / count as f64;
    let wakeups = each(after.netisr_wakeups - before.netisr_wakeups);
    let micros = ours.as_secs_f64() * 1e6 / count as f64;
    println!(
        "{len:6} B, {name:18}: {:9.0} a second, {micros:6.2} us of CPU each, for 1000: {wakeups:6.1} wake-ups, {:6.1} questions, {:6.1} acknowledgements",
        count as f64 / took.as_secs_f64(),
        each(after.tcp_ack_looks - before.tcp_ack_looks),
        each(after.tcp_acks - before.tcp_acks),
    );
    (micros, wakeups)
}

#[test]
fn netisr_wakes_at_most_about_once_for_an_acknowledgement() {
    let (_, wakeups) = stream(&MODES[1], 16_384, 2000);
    assert!(wakeups < 2500.0, "{wakeups} wake-ups for 1000 sends");
    let (_, wakeups) = stream(&MODES[3], 100, 20_000);
    // A timer bundles what comes together: the number of sends does not matter.
    assert!(wakeups < 250.0, "{wakeups} wake-ups for 1000 sends");
}

#[test]
#[ignore = "a measurement: run it alone, in a release build, with --nocapture"]
fn what_the_mode_costs() {
    for (len, count) in [(100, 300_000), (1024, 200_000), (16_384, 30_000), (262_144, 4000)] {
        for mode in MODES {
            stream(mode, len, count);
        }
    }
}
