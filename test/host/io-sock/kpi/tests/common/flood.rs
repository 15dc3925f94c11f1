//! Many small messages: what they make of segments, and how many of them are in flight.

use super::{Bench, Buffer, EXT_MOD_TYPE, RDONLY, Signal, WAITOK, t_get, t_space, wait_until};
use iosock_kpi::socket::{So, msg};
use iosock_kpi::stat;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What came of [`Flood::run`]. How fast it was says something only as an upper bound: the machine may have been
/// busy with something else. The rest are counts.
#[derive(Debug)]
pub struct Flood {
    pub messages: u64,
    pub segments: u64,
    pub most_in_flight: u64,
    pub elapsed: Duration,
}

static RELEASED: AtomicU64 = AtomicU64::new(0);

unsafe extern "C" fn freed(_: *mut iosock_kpi::layout::Mbuf) {
    RELEASED.fetch_add(1, Ordering::AcqRel);
}

impl Flood {
    /// Sends messages of `len` bytes for a while, each an external mbuf of its own, as many in flight as `fits` allows
    /// and so_snd takes. An upcall tells of acknowledgements.
    pub fn run(bench: &Bench, so: So, len: usize, mut fits: impl FnMut(u64) -> bool) -> Flood {
        let mut bytes = vec![7_u8; len];
        let signal = Signal::new();
        signal.set(so, Buffer::Send);
        let before = RELEASED.load(Ordering::Acquire);
        let segments = stat::counters().tcp_segments;
        let (start, mut sent, mut seen, mut most) = (Instant::now(), 0_u64, 0, 0);
        while start.elapsed() < Duration::from_millis(800) {
            let in_flight = sent - (RELEASED.load(Ordering::Acquire) - before);
            // SAFETY: a live socket.
            if !fits(in_flight) || unsafe { t_space(so) } < len as i64 {
                seen = signal.wait_beyond(seen);
                continue;
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
            sent += 1;
            most = most.max(in_flight + 1);
        }
        let elapsed = start.elapsed();
        wait_until("released", || RELEASED.load(Ordering::Acquire) - before == sent);
        Signal::clear(so, Buffer::Send);
        Flood {
            messages: sent,
            segments: stat::counters().tcp_segments - segments,
            most_in_flight: most,
            elapsed,
        }
    }

    pub fn a_second(&self) -> f64 {
        self.messages as f64 / self.elapsed.as_secs_f64()
    }

    pub fn messages_of_a_segment(&self) -> f64 {
        self.messages as f64 / self.segments as f64
    }
}
