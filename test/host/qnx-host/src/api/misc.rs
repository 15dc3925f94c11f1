//! Threads, scheduling and process numbers: `docs/qnx-ipc.md` 12.

use core::ffi::{c_char, c_int, c_void};

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

    /// `SchedInfo()`: range of priorities; 63 is the highest without privilege.
    fn [SchedInfo] [SchedInfo_r] (_pid: c_int, policy: c_int, info: *mut SchedInfoData) -> c_int = negative {
        if info.is_null() {
            return Err(Errno::EFAULT);
        }
        let image = sched::info(policy)?;
        // SAFETY: the caller's structure.
        unsafe { info.write(image) };
        Ok(EOK)
    }

    /// `ThreadCtl()`: the CPU mask (4) works; I/O privilege (1, 14) is granted to root; the rest is `ENOTSUP`.
    fn [ThreadCtl] [ThreadCtl_r] (cmd: c_int, data: *mut c_void) -> c_int = negative {
        sched::thread_control(cmd, data as usize).map(|()| EOK)
    }

    /// `getuid()`; ids are signed on QNX.
    ["getuid"] fn qnx_getuid() -> c_int = value {
        // SAFETY: no preconditions.
        unsafe { libc::getuid() as c_int }
    }

    /// `geteuid()`.
    ["geteuid"] fn qnx_geteuid() -> c_int = value {
        // SAFETY: no preconditions.
        unsafe { libc::geteuid() as c_int }
    }

    /// `getgid()`.
    ["getgid"] fn qnx_getgid() -> c_int = value {
        // SAFETY: no preconditions.
        unsafe { libc::getgid() as c_int }
    }

    /// `getegid()`.
    ["getegid"] fn qnx_getegid() -> c_int = value {
        // SAFETY: no preconditions.
        unsafe { libc::getegid() as c_int }
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

    /// `strerror()` for QNX's numbers: the number's name.
    ["strerror"] fn qnx_strerror(number: c_int) -> *const c_char = value {
        crate::errno::c_name(number)
    }
}
