//! SchedGet and SchedSet: QNX's priority of a thread, which travels with its messages and pulses.
//!
//! It is a number that orders queues; by itself it changes nothing about how Linux schedules the thread.

use crate::ability::aid;
use crate::ability_record;
use crate::errno::Errno;
use crate::sys;
use crate::thread;
use crate::types::{PRIORITY_MAX, PRIORITY_UNPRIVILEGED, SchedInfoData, SchedParam};

/// SCHED_RR, what every thread here says it has.
const POLICY_RR: i32 = 2;

fn is_self(pid: i32, tid: i32) -> bool {
    (pid == 0 || pid == sys::pid()) && (tid == 0 || tid == thread::tid())
}

/// Policy and priority of the calling thread. `ESRCH` another one.
pub fn get(pid: i32, tid: i32) -> Result<(i32, SchedParam), Errno> {
    if !is_self(pid, tid) {
        return Err(Errno::ESRCH);
    }
    let priority = i32::from(thread::priority());
    Ok((
        POLICY_RR,
        SchedParam {
            priority,
            curpriority: priority,
            ..SchedParam::default()
        },
    ))
}

/// Sets the calling thread's priority. `EINVAL` out of range, `EPERM` above 63 without the ability PRIORITY, `ESRCH`.
pub fn set(pid: i32, tid: i32, policy: i32, param: &SchedParam) -> Result<(), Errno> {
    if !is_self(pid, tid) {
        return Err(Errno::ESRCH);
    }
    let Ok(priority) = u8::try_from(param.priority) else {
        return Err(Errno::EINVAL);
    };
    if priority == 0 || !(0..=9).contains(&policy) {
        return Err(Errno::EINVAL);
    }
    if !is_allowed(priority) {
        return Err(Errno::EPERM);
    }
    thread::set_priority(priority);
    Ok(())
}

/// May a thread of this process have the priority?
fn is_allowed(priority: u8) -> bool {
    let value = u64::from(priority);
    i32::from(priority) <= PRIORITY_UNPRIVILEGED
        || ability_record::own_may(aid::PRIORITY, Some((value, value)))
}

/// The priority that a thread of this process gets from a sender of priority `priority`: without the ability no privileged
/// one.
#[inline]
pub fn inherited(priority: u8) -> u8 {
    if is_allowed(priority) {
        priority
    } else {
        PRIORITY_UNPRIVILEGED as u8
    }
}

/// Range of priorities. `EINVAL` no such policy.
pub fn info(policy: i32) -> Result<SchedInfoData, Errno> {
    if !(0..=9).contains(&policy) {
        return Err(Errno::EINVAL);
    }
    Ok(SchedInfoData {
        priority_min: 1,
        priority_max: PRIORITY_MAX,
        interval: 4_000_000,
        priority_priv: PRIORITY_UNPRIVILEGED + 1,
        ..SchedInfoData::default()
    })
}

/// ThreadCtl. `data` is the mask itself for RUNMASK.
pub fn thread_control(cmd: i32, data: usize) -> Result<(), Errno> {
    const IO_PRIV: i32 = 1;
    const RUNMASK: i32 = 4;
    const IO: i32 = 14;
    match cmd {
        // SAFETY: no preconditions.
        IO_PRIV | IO if unsafe { libc::geteuid() } == 0 => Ok(()),
        IO_PRIV | IO => Err(Errno::EPERM),
        RUNMASK => {
            // SAFETY: an all-zero set is valid; the macros stay inside it.
            let set = unsafe {
                let mut set: libc::cpu_set_t = core::mem::zeroed();
                (0..usize::BITS as usize)
                    .filter(|cpu| data >> cpu & 1 != 0)
                    .for_each(|cpu| libc::CPU_SET(cpu, &mut set));
                set
            };
            // SAFETY: a valid set of the size given, for the calling thread.
            sys::check(unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) }).map(|_| ())
        }
        _ => Err(Errno::ENOTSUP),
    }
}
