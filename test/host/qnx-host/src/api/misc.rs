//! Threads, scheduling and process numbers: `qnx-ipc.md` sections 12 and 13.

use core::ffi::{c_char, c_int, c_uint};

use super::calls;
use crate::errno::{EOK, Errno};
use crate::types::*;
use crate::{sched, sys, thread};

calls! {
    SYMBOLS;

    /// `getpid()`.
    ["getpid"] fn qnx_getpid() -> c_int = value {
        sys::pid()
    }

    /// `gettid()`: QNX's small thread id, 1 for the main thread.
    ["gettid"] fn qnx_gettid() -> c_int = value {
        thread::tid()
    }

    /// `SchedGet()`: the policy of a thread of this process; fills its priority.
    fn [SchedGet] [SchedGet_r] (pid: c_int, tid: c_int, param: *mut SchedParam) -> c_int = negative {
        let (policy, image) = sched::get(pid, tid)?;
        if !param.is_null() {
            // SAFETY: the caller's structure.
            unsafe { param.write(image) };
        }
        Ok(policy)
    }

    /// `SchedSet()`: sets the calling thread's priority.
    fn [SchedSet] [SchedSet_r]
    (pid: c_int, tid: c_int, policy: c_int, param: *const SchedParam) -> c_int = negative {
        // SAFETY: the caller's structure or null.
        let param = unsafe { param.as_ref() }.ok_or(Errno::EFAULT)?;
        sched::set(pid, tid, policy, param).map(|()| EOK)
    }

    /// `sched_yield()` under QNX's rules is Linux's.
    ["sched_yield"] fn qnx_sched_yield() -> c_int = errno {
        // SAFETY: no preconditions.
        sys::check(unsafe { libc::sched_yield() })
    }

    /// `sysconf()`: page size (11) only; `EINVAL` for the rest.
    ["sysconf"] fn qnx_sysconf(name: c_int) -> i64 = errno {
        const SC_PAGESIZE: c_int = 11;
        match name {
            // SAFETY: no preconditions.
            SC_PAGESIZE => Ok(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }),
            _ => Err(Errno::EINVAL),
        }
    }

    /// `procmgr_ability()`: abilities do not exist here; every request is granted. Variadic arguments are not read.
    ["procmgr_ability"] fn procmgr_ability(_pid: c_int, _ability: c_uint) -> c_int = value {
        EOK
    }

    /// `strerror()` for QNX's numbers: the number's name.
    ["strerror"] fn qnx_strerror(number: c_int) -> *const c_char = value {
        crate::errno::c_name(number)
    }
}
