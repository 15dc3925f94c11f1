//! When mbufs whose bytes were sent are freed: at once, or later and perhaps in another order, by a thread
//! that plays the driver.

use crate::config;
use crate::mbuf::{Mb, m_freem};
use crate::panic::die;
use crate::thread::{self, Attached};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, Once};
use std::time::{Duration, Instant};

struct Held {
    due: Instant,
    m: Mb,
}

#[derive(Default)]
struct Driver {
    queue: VecDeque<Held>,
    /// Pieces that the thread is freeing right now.
    busy: usize,
    /// State of the shuffling.
    seed: u64,
}

static DRIVER: Mutex<Driver> = Mutex::new(Driver {
    queue: VecDeque::new(),
    busy: 0,
    seed: 0x9e37_79b9_7f4a_7c15,
});
static CHANGED: Condvar = Condvar::new();

/// mbufs that the driver still holds.
pub(crate) fn pending() -> usize {
    let driver = DRIVER.lock().unwrap_or_else(|e| e.into_inner());
    driver.queue.len() + driver.busy
}

/// Frees a chain of sent mbufs, now or later. Called with the so_snd lock held, as TCP's ACK path does.
pub(crate) fn sent(chain: Option<Mb>) {
    let Some(chain) = chain else { return };
    let (delay, reorder) = (config::release_delay_ms(), config::release_reorder());
    if delay == 0 && !reorder {
        m_freem(Some(chain));
        return;
    }
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        if let Err(error) = std::thread::Builder::new().name("driver".to_owned()).spawn(run) {
            die!("no thread for the driver: {error}");
        }
    });
    let mut driver = DRIVER.lock().unwrap_or_else(|e| e.into_inner());
    let mut next = Some(chain);
    while let Some(m) = next {
        next = m.next();
        m.set_next(None);
        // A little even without a delay, so that there is something to reorder.
        let span = if reorder {
            u64::from(delay) * 1000 + 2000
        } else {
            0
        };
        let extra = if span == 0 {
            0
        } else {
            random(&mut driver.seed) % span
        };
        let due = Instant::now() + Duration::from_millis(delay.into()) + Duration::from_micros(extra);
        driver.queue.push_back(Held { due, m });
    }
    CHANGED.notify_one();
}

fn random(seed: &mut u64) -> u64 {
    // xorshift: any order will do.
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

fn run() {
    let _attached = Attached::of_stack("driver");
    let mut driver = DRIVER.lock().unwrap_or_else(|e| e.into_inner());
    loop {
        let now = Instant::now();
        let (mut ripe, rest): (Vec<Held>, Vec<Held>) =
            driver.queue.drain(..).partition(|held| held.due <= now);
        driver.queue = rest.into();
        if ripe.is_empty() {
            driver = match driver.queue.iter().map(|held| held.due).min() {
                Some(due) => {
                    CHANGED
                        .wait_timeout(driver, due.saturating_duration_since(now))
                        .unwrap_or_else(|e| e.into_inner())
                        .0
                }
                None => CHANGED.wait(driver).unwrap_or_else(|e| e.into_inner()),
            };
            continue;
        }
        driver.busy = ripe.len();
        drop(driver);
        if config::release_reorder() {
            ripe.sort_by_key(|held| held.due);
        }
        thread::current()
            .private()
            .in_callback("a driver's transmit completion", || {
                for held in ripe {
                    m_freem(Some(held.m));
                }
            });
        driver = DRIVER.lock().unwrap_or_else(|e| e.into_inner());
        driver.busy = 0;
    }
}
