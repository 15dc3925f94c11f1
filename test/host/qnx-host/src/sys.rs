//! The Linux calls that this crate makes, each wrapped once: futexes, clocks, packets with descriptors, memfds and
//! copies between address spaces. Errors are QNX numbers except where a caller must tell Linux's apart.

use core::sync::atomic::AtomicU32;
use core::time::Duration;
use std::ffi::CStr;
use std::io;
use std::mem;
use std::ptr;

use crate::api::guard::Uncancellable;
use crate::counters::add;
use crate::errno::Errno;
use crate::fds::{Fd, Making};

/// Why [`futex_wait`] returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wake {
    /// Woken, or the word had another value already.
    Woken,
    /// A signal handler ran.
    Signal,
    /// The deadline passed.
    Timeout,
}

/// "Never" for [`futex_wait`]: about 126 years. A wait with a deadline ends with EINTR after a signal handler even if
/// that handler asked for SA_RESTART, which is what QNX's calls do.
pub const FOREVER: u64 = 4_000_000_000 * 1_000_000_000;

/// CLOCK_MONOTONIC in nanoseconds.
#[inline]
pub fn now_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

/// A Linux clock in nanoseconds; 0 if there is no such clock.
#[inline]
pub fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut ts = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `ts` is a valid timespec to write to.
    unsafe { libc::clock_gettime(clock, &mut ts) };
    ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64
}

/// Sleeps while `*word == expected`, until `deadline` (CLOCK_MONOTONIC, ns). Works across processes.
pub fn futex_wait(word: &AtomicU32, expected: u32, deadline: u64) -> Wake {
    futex_wait_as(word, expected, deadline, ANY_KIND)
}

/// Every kind of sleeper.
const ANY_KIND: u32 = libc::FUTEX_BITSET_MATCH_ANY as u32;

/// [`futex_wait`] of one kind of sleeper, a bit: who wakes another kind leaves it alone.
pub fn futex_wait_as(word: &AtomicU32, expected: u32, deadline: u64, kind: u32) -> Wake {
    add(|c| &c.futex_waits, 1);
    let ts = libc::timespec {
        tv_sec: (deadline / 1_000_000_000) as libc::time_t,
        tv_nsec: (deadline % 1_000_000_000) as libc::c_long,
    };
    // SAFETY: the word is a live, aligned u32 and `ts` a valid absolute time; the kernel only reads both.
    let result = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT_BITSET,
            expected,
            &ts,
            ptr::null::<u32>(),
            kind,
        )
    };
    if result == 0 {
        return Wake::Woken;
    }
    match io::Error::last_os_error().raw_os_error() {
        Some(libc::ETIMEDOUT) => Wake::Timeout,
        Some(libc::EINTR) => Wake::Signal,
        _ => Wake::Woken,
    }
}

/// Wakes up to `count` threads that sleep on `word`; how many there were.
pub fn futex_wake(word: &AtomicU32, count: i32) -> usize {
    futex_wake_kind(word, count, ANY_KIND)
}

/// [`futex_wake`] of sleepers of the kinds whose bits are set.
pub fn futex_wake_kind(word: &AtomicU32, count: i32, kinds: u32) -> usize {
    add(|c| &c.futex_wakes, 1);
    // SAFETY: the word is a live, aligned u32; waking does not touch memory, and there is neither a time nor a second word.
    let woken = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAKE_BITSET,
            count,
            ptr::null::<libc::timespec>(),
            ptr::null::<u32>(),
            kinds,
        )
    };
    usize::try_from(woken).unwrap_or(0)
}

/// Process id of the caller.
pub fn pid() -> i32 {
    std::process::id() as i32
}

/// Makes an anonymous memory file that can be sealed.
pub fn memfd(name: &CStr, len: u64) -> Result<Fd, Errno> {
    // SAFETY: `name` is a valid C string.
    let fd = Fd::make(|| unsafe {
        libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING)
    })?;
    if len > 0 {
        // SAFETY: plain call on a descriptor that we own.
        check(unsafe { libc::ftruncate(fd.raw(), len as libc::off_t) })?;
    }
    Ok(fd)
}

/// Decodes the libc convention "-1 and errno".
pub fn check(result: i32) -> Result<i32, Errno> {
    if result == -1 {
        Err(Errno::last_linux())
    } else {
        Ok(result)
    }
}

/// True if there is a process `pid`, whoever owns it.
pub fn exists(pid: i32) -> bool {
    // SAFETY: signal 0 only asks whether the process exists.
    pid > 0 && (unsafe { libc::kill(pid, 0) } == 0 || Errno::last_linux() == Errno::EPERM)
}

/// Random 64 bits from the system.
pub fn random_u64() -> u64 {
    let mut bytes = [0u8; 8];
    // SAFETY: the buffer is valid for 8 bytes.
    let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), 8, 0) };
    if got == 8 {
        u64::from_ne_bytes(bytes)
    } else {
        now_ns() ^ ((pid() as u64) << 32)
    }
}

/// Blocks every signal for the calling thread, runs `body`, restores the mask. Threads made inside inherit the block.
pub fn with_signals_blocked<R>(body: impl FnOnce() -> R) -> R {
    // SAFETY: both sets are local and initialised by the calls before they are read.
    unsafe {
        let mut all: libc::sigset_t = mem::zeroed();
        let mut old: libc::sigset_t = mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut old);
        let result = body();
        libc::pthread_sigmask(libc::SIG_SETMASK, &old, ptr::null_mut());
        result
    }
}

/// Credentials of the process at the other end of a connected Unix socket, from the kernel.
pub fn peer_credentials(fd: &Fd) -> Result<libc::ucred, Errno> {
    let mut cred = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut len = mem::size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: `cred` and `len` are valid for the sizes given.
    check(unsafe {
        libc::getsockopt(
            fd.raw(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut cred).cast(),
            &mut len,
        )
    })?;
    Ok(cred)
}

/// Bounds how long connecting through a socket and sending on it may wait (`EAGAIN`); zero is no bound.
pub fn limit_sending(fd: &Fd, limit: Duration) -> Result<(), Errno> {
    let time = libc::timeval {
        tv_sec: limit.as_secs() as libc::time_t,
        tv_usec: libc::suseconds_t::from(limit.subsec_micros() as i32),
    };
    // SAFETY: `time` is valid for the size given.
    check(unsafe {
        libc::setsockopt(
            fd.raw(),
            libc::SOL_SOCKET,
            libc::SO_SNDTIMEO,
            (&raw const time).cast(),
            mem::size_of::<libc::timeval>() as libc::socklen_t,
        )
    })
    .map(|_| ())
}

/// Room for the descriptors of one packet.
const MAX_FDS: usize = 4;

#[repr(C, align(8))]
struct ControlBuffer([u8; 64]);

/// Sends one packet with descriptors. `EAGAIN` if the socket is full and `wait` is false.
pub fn send_packet(fd: &Fd, bytes: &[u8], fds: &[i32], wait: bool) -> Result<(), Errno> {
    let fds = &fds[..fds.len().min(MAX_FDS)];
    let mut iov = libc::iovec {
        iov_base: bytes.as_ptr() as *mut _,
        iov_len: bytes.len(),
    };
    let mut control = ControlBuffer([0; 64]);
    // SAFETY: an all-zero msghdr is valid.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_iov = &mut iov;
    header.msg_iovlen = 1;
    if !fds.is_empty() {
        let len = mem::size_of_val(fds) as u32;
        header.msg_control = control.0.as_mut_ptr().cast();
        // SAFETY: the control buffer has room for MAX_FDS descriptors; the macros compute offsets inside it.
        unsafe {
            header.msg_controllen = libc::CMSG_SPACE(len) as _;
            let first = libc::CMSG_FIRSTHDR(&header);
            (*first).cmsg_level = libc::SOL_SOCKET;
            (*first).cmsg_type = libc::SCM_RIGHTS;
            (*first).cmsg_len = libc::CMSG_LEN(len) as _;
            ptr::copy_nonoverlapping(fds.as_ptr().cast::<u8>(), libc::CMSG_DATA(first), len as usize);
        }
    }
    let _off = Uncancellable::begin();
    let flags = libc::MSG_NOSIGNAL | if wait { 0 } else { libc::MSG_DONTWAIT };
    loop {
        // SAFETY: `header` points at live buffers of the stated lengths.
        let sent = unsafe { libc::sendmsg(fd.raw(), &header, flags) };
        if sent >= 0 {
            return Ok(());
        }
        let error = Errno::last_linux();
        if error != Errno::EINTR {
            return Err(error);
        }
    }
}

/// Receives one packet and the descriptors that came with it, waiting up to `wait` for it (`EAGAIN`). `Ok(0)` = the peer
/// is gone.
pub fn receive_packet(fd: &Fd, bytes: &mut [u8], fds: &mut Vec<Fd>, wait: Duration) -> Result<usize, Errno> {
    let _off = Uncancellable::begin();
    let end = now_ns() + wait.as_nanos() as u64;
    loop {
        match try_receive_packet(fd, bytes, fds) {
            Err(Errno::EAGAIN) if now_ns() < end => {
                let mut poll = libc::pollfd {
                    fd: fd.raw(),
                    events: libc::POLLIN,
                    revents: 0,
                };
                let left = (end - now_ns().min(end)).div_ceil(1_000_000);
                // SAFETY: one valid pollfd.
                unsafe { libc::poll(&mut poll, 1, left as i32) };
            }
            other => return other,
        }
    }
}

fn try_receive_packet(fd: &Fd, bytes: &mut [u8], fds: &mut Vec<Fd>) -> Result<usize, Errno> {
    let mut iov = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    let mut control = ControlBuffer([0; 64]);
    // SAFETY: an all-zero msghdr is valid.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_iov = &mut iov;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = control.0.len() as _;
    let _no_fork = Making::begin();
    let got = loop {
        // SAFETY: `header` points at live buffers of the stated lengths.
        let got =
            unsafe { libc::recvmsg(fd.raw(), &mut header, libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT) };
        if got >= 0 {
            break got as usize;
        }
        let error = Errno::last_linux();
        if error != Errno::EINTR {
            return Err(error);
        }
    };
    // SAFETY: the kernel filled `header` and the control buffer; the CMSG macros stay inside msg_controllen.
    unsafe {
        let mut part = libc::CMSG_FIRSTHDR(&header);
        while !part.is_null() {
            if (*part).cmsg_level == libc::SOL_SOCKET && (*part).cmsg_type == libc::SCM_RIGHTS {
                let count = ((*part).cmsg_len as usize - libc::CMSG_LEN(0) as usize) / mem::size_of::<i32>();
                for index in 0..count {
                    let raw = ptr::read_unaligned(libc::CMSG_DATA(part).cast::<i32>().add(index));
                    fds.push(Fd::adopt(raw)?);
                }
            }
            part = libc::CMSG_NXTHDR(&header, part);
        }
    }
    Ok(got)
}

/// Copies from `remote` (addresses in process `pid`) to `local`. The error is Linux's number.
///
/// # Safety
/// `local` must name memory of ours that may be overwritten and that nobody else uses during the call.
pub unsafe fn vm_read(pid: i32, local: &[libc::iovec], remote: &[libc::iovec]) -> Result<usize, i32> {
    // SAFETY: the caller vouches for `local`; the kernel checks `remote`.
    let done = unsafe {
        libc::process_vm_readv(
            pid,
            local.as_ptr(),
            local.len() as _,
            remote.as_ptr(),
            remote.len() as _,
            0,
        )
    };
    if done < 0 {
        Err(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO))
    } else {
        Ok(done as usize)
    }
}

/// Copies from `local` to `remote` (addresses in process `pid`). The error is Linux's number.
pub fn vm_write(pid: i32, local: &[libc::iovec], remote: &[libc::iovec]) -> Result<usize, i32> {
    // SAFETY: the kernel only reads `local`, checks both sides, and writes to the other process alone.
    let done = unsafe {
        libc::process_vm_writev(
            pid,
            local.as_ptr(),
            local.len() as _,
            remote.as_ptr(),
            remote.len() as _,
            0,
        )
    };
    if done < 0 {
        Err(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO))
    } else {
        Ok(done as usize)
    }
}

/// Ends both directions of a connected socket: the peer sees it at once, whoever else holds the descriptor.
pub fn shutdown(fd: &Fd) {
    // SAFETY: plain call on an open descriptor.
    unsafe { libc::shutdown(fd.raw(), libc::SHUT_RDWR) };
}

/// Size of an open file.
pub fn file_size(raw: i32) -> Result<u64, Errno> {
    Ok(file_status(raw)?.st_size as u64)
}

/// Linux's view of an open file.
pub fn file_status(raw: i32) -> Result<libc::stat, Errno> {
    // SAFETY: an all-zero stat is valid.
    let mut status: libc::stat = unsafe { mem::zeroed() };
    // SAFETY: `status` is valid for writing; a bad descriptor gives EBADF.
    check(unsafe { libc::fstat(raw, &mut status) })?;
    Ok(status)
}

/// The other end of a connected socket is closed.
pub fn peer_has_left(fd: &Fd) -> bool {
    let mut poll = libc::pollfd {
        fd: fd.raw(),
        events: 0,
        revents: 0,
    };
    // SAFETY: one valid pollfd; does not block.
    unsafe { libc::poll(&mut poll, 1, 0) == 1 && poll.revents & (libc::POLLHUP | libc::POLLERR) != 0 }
}
