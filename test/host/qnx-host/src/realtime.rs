//! `QNX_HOST_RT`: QNX's priorities as Linux's realtime priorities, so that inheritance does what it is for.
//!
//! Up to 10, the default, a thread stays in the normal class. Above, QNX's 11..=63 become SCHED_RR 1..=53, and what only
//! privileged threads have on QNX becomes 54..=98. It needs CAP_SYS_NICE or RLIMIT_RTPRIO; refused once, it is left alone
//! for good, and priorities order queues and nothing else. A server that is busy is not boosted when a message arrives,
//! only when it receives it.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::types::{PRIORITY_DEFAULT, PRIORITY_UNPRIVILEGED};

static REFUSED: AtomicBool = AtomicBool::new(false);

/// Linux's realtime priority for a QNX one; 0 = the normal class.
fn linux_priority(qnx: u8) -> i32 {
    let qnx = i32::from(qnx);
    let default = i32::from(PRIORITY_DEFAULT);
    match qnx {
        _ if qnx <= default => 0,
        _ if qnx <= PRIORITY_UNPRIVILEGED => qnx - default,
        // 64..=255 share the rest.
        _ => PRIORITY_UNPRIVILEGED - default + 1 + (qnx - PRIORITY_UNPRIVILEGED - 1) * 44 / 191,
    }
}

/// The calling thread's QNX priority changes: so does Linux's.
pub fn follow(before: u8, after: u8) {
    let (from, to) = (linux_priority(before), linux_priority(after));
    if from == to || REFUSED.load(Ordering::Relaxed) {
        return;
    }
    let policy = if to == 0 {
        libc::SCHED_OTHER
    } else {
        libc::SCHED_RR
    };
    let param = libc::sched_param { sched_priority: to };
    // SAFETY: a valid structure; 0 is the calling thread.
    if unsafe { libc::sched_setscheduler(0, policy, &param) } != 0 && !REFUSED.swap(true, Ordering::Relaxed) {
        crate::trace::line(format_args!(
            "realtime priority {to} is refused here (CAP_SYS_NICE or RLIMIT_RTPRIO is needed): QNX priorities order queues only"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_keep_their_order_and_fit() {
        let all: Vec<i32> = (1..=255).map(linux_priority).collect();
        assert!(all.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!((all[9], all[10], all[62], all[63], all[254]), (0, 1, 53, 54, 98));
    }
}
