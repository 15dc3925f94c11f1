//! The runtime directory: one socket per process that others can reach, and the registry of names.
//!
//! `<dir>/p/<pid>` sockets, `<dir>/n/<name>` names, `<dir>/r` attached paths,
//! `<dir>/a` abilities, `<dir>/m/<name>` named memory, `<dir>/lock` taken (flock) by whoever
//! changes them. A crash releases the lock, and files of dead processes are recognised and replaced, never trusted.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::config;
use crate::dir_access;
use crate::errno::Errno;
use crate::fds::{Fd, Making};
use crate::proc_state;
use crate::sys::{self, check};
use crate::wire::{self, Packet, op};

/// Sub-directories of the runtime directory.
const PARTS: [&str; 5] = ["p", "n", "m", "r", "a"];

/// The runtime directory, made if need be. `EACCES` if another user could interfere with what is in it.
pub fn open() -> Result<PathBuf, Errno> {
    let dir = config().dir.clone();
    dir_access::prepare(&dir, &PARTS)?;
    Ok(dir)
}

/// Holds the directory's lock until dropped.
pub struct Lock {
    /// Of the kind that forked children close: the lock belongs to the open file, and a child that inherited it would
    /// hold it for as long as it lives.
    _file: Fd,
}

/// Takes the directory's lock; blocks while another process changes the directory.
pub fn lock(dir: &Path) -> Result<Lock, Errno> {
    let file = lock_file(&dir.join("lock"))?;
    loop {
        // SAFETY: plain call on an open descriptor.
        match check(unsafe { libc::flock(file.raw(), libc::LOCK_EX) }) {
            Ok(_) => return Ok(Lock { _file: file }),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Opened for reading where it exists: in a shared directory it is another user's.
fn lock_file(path: &Path) -> Result<Fd, Errno> {
    let (mut old, mut new) = (OpenOptions::new(), OpenOptions::new());
    old.read(true).custom_flags(libc::O_NOFOLLOW);
    new.write(true).create_new(true).mode(0o600);
    loop {
        match open_fd(&old, path) {
            Err(Errno::ENOENT) => {}
            other => return other,
        }
        match open_fd(&new, path) {
            Ok(file) => {
                // Whatever the umask: every user of the directory must be able to lock it.
                // SAFETY: plain call on an open descriptor.
                check(unsafe { libc::fchmod(file.raw(), 0o644) })?;
                return Ok(file);
            }
            Err(Errno::EEXIST) => {}
            Err(error) => return Err(error),
        }
    }
}

fn socket_path(dir: &Path, pid: i32) -> PathBuf {
    dir.join("p").join(pid.to_string())
}

/// Socket addresses hold 108 bytes, and directories of tests are long: the parent is opened and named by descriptor.
fn address(path: &Path) -> Result<(libc::sockaddr_un, libc::socklen_t, File), Errno> {
    let (parent, name) = path.parent().zip(path.file_name()).ok_or(Errno::EINVAL)?;
    let parent = File::open(parent)?;
    let short = format!("/proc/self/fd/{}/{}", parent.as_raw_fd(), name.to_string_lossy());
    let bytes = CString::new(short).map_err(|_| Errno::EINVAL)?;
    let bytes = bytes.as_bytes_with_nul();
    // SAFETY: an all-zero sockaddr_un is valid.
    let mut address: libc::sockaddr_un = unsafe { core::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as _;
    if bytes.len() > address.sun_path.len() {
        return Err(Errno::ENAMETOOLONG);
    }
    for (to, from) in address.sun_path.iter_mut().zip(bytes) {
        *to = *from as _;
    }
    Ok((address, size_of::<libc::sockaddr_un>() as libc::socklen_t, parent))
}

fn new_socket(flags: i32) -> Result<Fd, Errno> {
    // SAFETY: plain call.
    Fd::make(|| unsafe {
        libc::socket(
            libc::AF_UNIX,
            libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC | flags,
            0,
        )
    })
}

/// Makes this process reachable: binds its socket and listens. Sweeps away sockets of dead processes on the way.
pub fn listen() -> Result<Fd, Errno> {
    let dir = open()?;
    let _lock = lock(&dir)?;
    sweep(&dir);
    let path = socket_path(&dir, sys::pid());
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let (address, len, _parent) = address(&path)?;
    // Non-blocking, so that a visitor who left again cannot hold up the kernel thread in accept.
    let socket = new_socket(libc::SOCK_NONBLOCK)?;
    // SAFETY: `address` is a valid sockaddr_un of `len` bytes.
    check(unsafe { libc::bind(socket.raw(), (&raw const address).cast(), len) })?;
    // Before it listens nobody can connect.
    fs::set_permissions(&path, Permissions::from_mode(dir_access::socket_mode()))?;
    // SAFETY: plain call.
    check(unsafe { libc::listen(socket.raw(), 1024) })?;
    Ok(socket)
}

/// Removes our socket at a normal exit.
pub fn unlink_own_socket(pid: i32) {
    let _ = fs::remove_file(socket_path(&config().dir, pid));
}

fn exists(pid: i32) -> bool {
    // SAFETY: signal 0 only asks whether the process exists.
    (unsafe { libc::kill(pid, 0) }) == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Removes what processes that do not exist any more have left behind. Files of one whose pid lives on are recognised by
/// those who need to know.
fn sweep(dir: &Path) {
    for entry in fs::read_dir(dir.join("n")).into_iter().flatten().flatten() {
        let record = fs::read_to_string(entry.path()).unwrap_or_default();
        let pid = record.split(' ').next().and_then(|word| word.parse().ok());
        if pid.is_some_and(|pid| !exists(pid)) {
            let _ = fs::remove_file(entry.path());
        }
    }
    for entry in fs::read_dir(dir.join("a")).into_iter().flatten().flatten() {
        // Abilities of a process: `.<pid>-<uid>`.
        let name = entry.file_name();
        let record = name
            .to_str()
            .and_then(|name| name.strip_prefix('.')?.split_once('-'));
        let pid = record.and_then(|(pid, _)| pid.parse().ok());
        if pid.is_some_and(|pid| !exists(pid)) {
            let _ = fs::remove_file(entry.path());
        }
    }
    for entry in fs::read_dir(dir.join("p")).into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<i32>().ok())
        else {
            continue;
        };
        if !exists(pid) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Pids that have a socket, dead ones included.
pub fn reachable_pids() -> Result<Vec<i32>, Errno> {
    let dir = open()?;
    let names = fs::read_dir(dir.join("p"))?
        .flatten()
        .map(|entry| entry.file_name());
    let mut pids: Vec<i32> = names.filter_map(|name| name.to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    Ok(pids)
}

/// How long a connect may wait for room in the queue of a process that is stopped.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Connects to another process. `ESRCH` if it does not exist, has never been reachable, or is not who its file says;
/// `EAGAIN` if it is stopped and a thousand others wait for it already.
pub fn connect(pid: i32) -> Result<Fd, Errno> {
    let dir = open()?;
    let (address, len, _parent) = address(&socket_path(&dir, pid)).map_err(|_| Errno::ESRCH)?;
    let socket = new_socket(0)?;
    sys::limit_sending(&socket, CONNECT_TIMEOUT)?;
    // SAFETY: `address` is a valid sockaddr_un of `len` bytes.
    while let Err(error) = check(unsafe { libc::connect(socket.raw(), (&raw const address).cast(), len) }) {
        match error {
            Errno::EINTR => {}
            Errno::ENOENT | Errno::ECONNREFUSED => return Err(Errno::ESRCH),
            Errno::EACCES => return Err(Errno::EPERM),
            other => return Err(other),
        }
    }
    if sys::peer_credentials(&socket)?.pid != pid {
        return Err(Errno::ESRCH);
    }
    sys::limit_sending(&socket, Duration::ZERO)?;
    Ok(socket)
}

/// True if process `pid` is alive, is the very one that called itself `nonce`, and still has channel `chid`.
pub fn is_alive(pid: i32, nonce: u64, chid: i32) -> bool {
    let identify = || -> Result<bool, Errno> {
        let socket = connect(pid)?;
        if proc_state::is_stopped(pid) {
            return Err(Errno::EAGAIN);
        }
        let request = Packet {
            number: chid,
            ..Packet::new(op::IDENTIFY)
        };
        let answer = wire::ask(&socket, &request, &[], &mut Vec::new())?;
        Ok(answer.a == nonce)
    };
    match identify() {
        Ok(same) => same,
        // It exists but does not answer: stopped, not dead.
        Err(errno) => errno == Errno::EAGAIN,
    }
}

/// Opens a file as a descriptor of ours.
pub fn open_fd(options: &OpenOptions, path: &Path) -> Result<Fd, Errno> {
    let _no_fork = Making::begin();
    Fd::adopt(options.open(path)?.into_raw_fd())
}
