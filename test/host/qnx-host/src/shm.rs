//! Shared-memory objects: shm_open, shm_ctl, ftruncate, shm_revoke, and what fstat says about them.
//!
//! An anonymous object is a memfd. Its QNX flags must be seen by every holder of a descriptor, in any process, so they
//! live in mode bits of the memfd that mean nothing on memory; a sealed object also carries Linux's seals.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::os::fd::IntoRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::dir;
use crate::errno::Errno;
use crate::mappings::{self, Identity};
use crate::open_flags;
use crate::process::{lock, process};
use crate::sys::{self, check};
use crate::thread;
use crate::trace::trace;
use crate::types::*;
use crate::wire::{self, Packet, op};

/// Mode bits used as flags.
mod bit {
    pub const ANON: u32 = 0o1000;
    pub const REVOCABLE: u32 = 0o100;
    pub const LAZY: u32 = 0o010;
    /// Sealed, on an object that must stay revocable and so cannot carry Linux's seals.
    pub const SEALED: u32 = 0o001;
    pub const ALL: u32 = ANON | REVOCABLE | LAZY | SEALED;
}

const LINUX_SEALS: i32 = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;

/// An object as its descriptor shows it.
struct Object {
    mode: u32,
    seals: i32,
    identity: Identity,
    size: u64,
}

fn inspect(fd: i32) -> Result<Object, Errno> {
    let status = sys::file_status(fd)?;
    // SAFETY: plain call. Fails on what is not a memory file.
    let seals = unsafe { libc::fcntl(fd, libc::F_GET_SEALS) };
    if seals < 0 && status.st_mode & libc::S_IFMT != libc::S_IFREG {
        return Err(Errno::EINVAL);
    }
    Ok(Object {
        mode: status.st_mode,
        seals: seals.max(0),
        identity: (status.st_dev, status.st_ino),
        size: status.st_size as u64,
    })
}

impl Object {
    fn is_sealed(&self) -> bool {
        self.mode & bit::SEALED != 0 || self.seals & libc::F_SEAL_SHRINK != 0
    }

    fn flags(&self) -> u32 {
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        flag(self.mode & bit::ANON != 0, SHMCTL_ANON)
            | flag(self.mode & bit::REVOCABLE != 0, SHMCTL_REVOCABLE)
            | flag(self.mode & bit::LAZY != 0, SHMCTL_LAZY)
            | flag(self.is_sealed(), SHMCTL_SEAL)
    }
}

/// The object behind `fd`, if it is marked as revocable.
pub fn revocable(fd: i32) -> Option<Identity> {
    let object = inspect(fd).ok()?;
    (object.mode & bit::ANON != 0 && object.mode & bit::REVOCABLE != 0).then_some(object.identity)
}

/// Mode that fstat shows: without our flag bits on memory objects.
pub fn visible_mode(fd: i32, mode: u32) -> u32 {
    // SAFETY: plain call. Fails on what is not a memory file.
    if unsafe { libc::fcntl(fd, libc::F_GET_SEALS) } >= 0 {
        mode & !bit::ALL
    } else {
        mode
    }
}

fn set_mode(fd: i32, mode: u32) -> Result<(), Errno> {
    // SAFETY: plain call.
    check(unsafe { libc::fchmod(fd, mode & 0o7777) }).map(|_| ())
}

fn page_up(size: u64) -> Result<u64, Errno> {
    // SAFETY: no preconditions.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64;
    size.checked_next_multiple_of(page)
        .filter(|size| *size <= i64::MAX as u64)
        .ok_or(Errno::EINVAL)
}

/// `shm_open(SHM_ANON, ...)`: a new object of size 0 with no name. Close-on-exec, as all of these.
pub fn open_anonymous(oflag: i32, mode: u32) -> Result<i32, Errno> {
    let _ = thread::take_timeout();
    if oflag & O_ACCMODE != O_RDWR {
        return Err(Errno::EINVAL);
    }
    let fd = sys::memfd(&mappings::object_name(process().pid), 0)?;
    set_mode(fd.raw(), mode & 0o666)?;
    process().created_objects.add(inspect(fd.raw())?.identity);
    Ok(fd.into_raw())
}

fn named_path(name: &str) -> Result<PathBuf, Errno> {
    // ON-TARGET: what a name without a leading slash means; Berkeley DB's port says that QNX wants the slash.
    let rest = name.strip_prefix('/').ok_or(Errno::EINVAL)?;
    if rest.is_empty() || rest.contains('/') || rest == "." || rest == ".." {
        return Err(Errno::EINVAL);
    }
    if rest.len() > 255 {
        return Err(Errno::ENAMETOOLONG);
    }
    Ok(dir::open()?.join("m").join(rest))
}

/// `shm_open("/name", ...)`.
pub fn open_named(name: &str, oflag: i32, mode: u32) -> Result<i32, Errno> {
    let _ = thread::take_timeout();
    let path = named_path(name)?;
    let access = oflag & O_ACCMODE;
    let flags = open_flags::to_linux(oflag)? & !libc::O_ACCMODE;
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(access != O_RDONLY)
        .mode(mode & 0o666)
        .custom_flags(flags | libc::O_NOFOLLOW);
    options
        .create(oflag & O_CREAT != 0 && access != O_RDONLY)
        .create_new(oflag & (O_CREAT | O_EXCL) == (O_CREAT | O_EXCL));
    if oflag & O_CREAT != 0 && access == O_RDONLY {
        // Rust wants write access to create; make it first, then open it as asked.
        let _ = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(mode & 0o666)
            .open(&path)?;
        options.create_new(false);
    }
    Ok(options.open(path)?.into_raw_fd())
}

/// `shm_unlink()`.
pub fn unlink(name: &str) -> Result<(), Errno> {
    let _ = thread::take_timeout();
    fs::remove_file(named_path(name)?).map_err(Errno::from)
}

/// `ftruncate()`: memory objects grow in pages and only while they are not sealed (`EPERM`).
pub fn truncate(fd: i32, size: i64) -> Result<(), Errno> {
    let _ = thread::take_timeout();
    let size = u64::try_from(size).map_err(|_| Errno::EINVAL)?;
    if process().ranges.of(fd).is_some() {
        return Err(Errno::EPERM);
    }
    // SAFETY: plain call. Fails on what is not a memory file.
    let size = if unsafe { libc::fcntl(fd, libc::F_GET_SEALS) } >= 0 {
        if inspect(fd)?.is_sealed() {
            return Err(Errno::EPERM);
        }
        page_up(size)?
    } else {
        size
    };
    // SAFETY: plain call.
    check(unsafe { libc::ftruncate(fd, size as libc::off_t) }).map(|_| ())
}

/// `shm_ctl()`. 0, or the flags for GET_FLAGS. `EINVAL` unknown flags, `EPERM` sealed, or physical memory.
pub fn control(fd: i32, flags: u32, size: u64) -> Result<u32, Errno> {
    let _ = thread::take_timeout();
    let object = inspect(fd)?;
    if flags == SHMCTL_GET_FLAGS {
        return Ok(object.flags());
    }
    let flags = flags & !SHMCTL_HINTS;
    if flags & SHMCTL_PHYS != 0 {
        return Err(Errno::EPERM);
    }
    if flags & !(SHMCTL_ANON | SHMCTL_SEAL | SHMCTL_REVOCABLE | SHMCTL_LAZY) != 0 {
        return Err(Errno::EINVAL);
    }
    if flags & SHMCTL_LAZY != 0 && flags & SHMCTL_ANON == 0 {
        return Err(Errno::EINVAL);
    }
    if object.is_sealed() || process().ranges.of(fd).is_some() {
        return Err(Errno::EPERM);
    }
    let mut mode = object.mode;
    if flags & SHMCTL_ANON != 0 {
        back_with_memory(fd, size, flags & SHMCTL_LAZY != 0)?;
        mode = (mode & !bit::LAZY) | bit::ANON | if flags & SHMCTL_LAZY != 0 { bit::LAZY } else { 0 };
    }
    if flags & SHMCTL_REVOCABLE != 0 {
        mode |= bit::REVOCABLE;
    }
    let seal = flags & SHMCTL_SEAL != 0;
    if seal && mode & bit::REVOCABLE != 0 {
        mode |= bit::SEALED;
    }
    if mode != object.mode {
        set_mode(fd, mode)?;
    }
    if seal && mode & bit::REVOCABLE == 0 {
        // SAFETY: plain call.
        check(unsafe { libc::fcntl(fd, libc::F_ADD_SEALS, LINUX_SEALS) })?;
    }
    Ok(0)
}

fn back_with_memory(fd: i32, size: u64, lazy: bool) -> Result<(), Errno> {
    let size = page_up(size)?;
    if size == 0 {
        return Err(Errno::EINVAL);
    }
    // SAFETY: plain call.
    check(unsafe { libc::ftruncate(fd, size as libc::off_t) })?;
    if !lazy {
        // All of it now: a first touch that fails later would be a SIGBUS in whoever touches it.
        // SAFETY: plain call.
        check(unsafe { libc::fallocate(fd, 0, 0, size as libc::off_t) }).map_err(|error| match error {
            Errno::ENOSPC => Errno::ENOMEM,
            other => other,
        })?;
    }
    Ok(())
}

/// `shm_revoke()`: mappings of the object in process `pid` (-1: in every process, ours too) become inaccessible (SIGSEGV),
/// and the unused handles for `pid` die. The object stays, and whoever has a descriptor may map it again.
///
/// The other processes do it themselves when asked. Where one does not (it is stopped, belongs to another user, or has
/// mapped the object behind our back), the memory goes away under every mapping in every process (SIGBUS).
/// `EPERM` not the creator, `EINVAL` not revocable. Waits for the other processes' kernel threads.
pub fn revoke(fd: i32, pid: i32) -> Result<(), Errno> {
    let _ = thread::take_timeout();
    let object = inspect(fd)?;
    let process = process();
    if !process.created_objects.contains(object.identity) {
        return Err(Errno::EPERM);
    }
    if object.mode & bit::REVOCABLE == 0 {
        return Err(Errno::EINVAL);
    }
    process.handles.forget_object(object.identity, pid);
    let everybody = pid == -1;
    if everybody || pid == process.pid {
        process.mappings.revoke(object.identity, process.pid);
    }
    let others = match pid {
        -1 => mappings::mappers(object.identity, process.pid)?,
        pid if pid == process.pid => Vec::new(),
        pid => vec![pid],
    };
    for other in &others {
        ask_to_revoke(*other, object.identity);
    }
    let mut others = others.iter();
    let hidden = everybody && process.created_objects.has_hidden_recipients(object.identity);
    if object.size != 0
        && (hidden || others.any(|pid| mappings::is_mapped(*pid, object.identity) != Some(false)))
    {
        trace!(
            1,
            "memory object still mapped after shm_revoke: taken from everybody"
        );
        // SAFETY: plain call.
        check(unsafe { libc::ftruncate(fd, 0) })?;
    }
    Ok(())
}

fn ask_to_revoke(pid: i32, object: Identity) {
    let request = Packet {
        a: object.0,
        b: object.1,
        ..Packet::new(op::REVOKE)
    };
    // Whether it has done so is seen afterwards.
    let _ = dir::connect(pid).and_then(|sock| wire::ask(&sock, &request, &[], &mut Vec::new()));
}

/// Objects that this process has created: who may revoke them. Survives in no child.
#[derive(Default)]
pub struct Created(Mutex<HashMap<Identity, bool>>);

impl Created {
    fn add(&self, identity: Identity) {
        lock(&self.0).insert(identity, false);
    }

    fn contains(&self, identity: Identity) -> bool {
        lock(&self.0).contains_key(&identity)
    }

    /// A handle for process `pid` has been made.
    pub fn given_to(&self, identity: Identity, pid: i32) {
        if let Some(hidden) = lock(&self.0).get_mut(&identity)
            && !mappings::is_visible(pid)
        {
            *hidden = true;
        }
    }

    /// Some process got a handle whose mappings we cannot see.
    fn has_hidden_recipients(&self, identity: Identity) -> bool {
        lock(&self.0).get(&identity).copied().unwrap_or(false)
    }
}
