//! SchedGet and SchedSet: QNX's priority of a thread, which travels with its messages and pulses.
//!
//! It is a number that orders queues; by itself it changes nothing about how Linux schedules the thread.

use crate::errno::Errno;
use crate::sys;
use crate::thread;
use crate::types::{PRIORITY_UNPRIVILEGED, SchedParam};

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
    Ok((POLICY_RR, SchedParam { priority, curpriority: priority, ..SchedParam::default() }))
}

/// Sets the calling thread's priority. `EINVAL` out of range, `EPERM` above 63 for another user than root, `ESRCH`.
pub fn set(pid: i32, tid: i32, policy: i32, param: &SchedParam) -> Result<(), Errno> {
    if !is_self(pid, tid) {
        return Err(Errno::ESRCH);
    }
    let Ok(priority) = u8::try_from(param.priority) else { return Err(Errno::EINVAL) };
    if priority == 0 || !(0..=9).contains(&policy) {
        return Err(Errno::EINVAL);
    }
    // SAFETY: no preconditions.
    let root = unsafe { libc::geteuid() } == 0;
    if param.priority > PRIORITY_UNPRIVILEGED && !root {
        return Err(Errno::EPERM);
    }
    thread::set_priority(priority);
    Ok(())
}
