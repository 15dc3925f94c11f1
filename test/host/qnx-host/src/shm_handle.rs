//! Shared-memory handles: numbers that let one other process open one object once.
//!
//! The creator's kernel thread keeps the objects. A handle is random in its upper 42 bits and names its creator in the
//! lower 22, so that the recipient knows whom to ask; who the recipient is, the kernel says.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::dir;
use crate::errno::Errno;
use crate::fds::{Fd, duplicate_raw};
use crate::process::{lock, process};
use crate::shm_range::Range;
use crate::sys;
use crate::thread;
use crate::trace::trace;
use crate::types::{O_ACCMODE, O_CLOEXEC, O_RDONLY, O_RDWR, O_WRONLY, SHM_CREATE_HANDLE_OPT_NOFD};
use crate::wire::{self, Packet, op};

/// Process ids fit in this many bits on Linux.
const PID_BITS: u32 = 22;

struct Entry {
    object: Fd,
    recipient: i32,
    access: i32,
    mapping_only: bool,
    /// Part of the object that the handle is for; `None` = all of it.
    range: Option<Range>,
}

/// What opening a handle gives.
pub struct Opened {
    /// The object.
    pub object: Fd,
    /// Part of it that the handle was for; `None` = all of it.
    pub range: Option<Range>,
}

/// Handles made by this process and not used yet.
#[derive(Default)]
pub struct Handles {
    map: Mutex<HashMap<u64, Entry>>,
}

/// The access mode alone; `EINVAL` if it is not one of the three, or other bits than O_CLOEXEC are set.
fn access_of(flags: i32) -> Result<i32, Errno> {
    if flags & !(O_ACCMODE | O_CLOEXEC) != 0 {
        return Err(Errno::EINVAL);
    }
    match flags & O_ACCMODE {
        access @ (O_RDONLY | O_WRONLY | O_RDWR) => Ok(access),
        _ => Err(Errno::EINVAL),
    }
}

fn covers(have: i32, want: i32) -> bool {
    have == O_RDWR || have == want
}

/// A descriptor of the same object with no more than `access`.
fn narrowed(object: &Fd, access: i32) -> Result<Fd, Errno> {
    let path = PathBuf::from(format!("/proc/self/fd/{}", object.raw()));
    let mut options = std::fs::OpenOptions::new();
    // Linux maps nothing for writing that it may not read, so O_WRONLY is opened for both.
    options.read(true).write(access != O_RDONLY);
    dir::open_fd(&options, &path)
}

impl Handles {
    /// Makes a handle. The object stays alive until the handle is used or deleted.
    fn create(&self, entry: Entry, pid: i32) -> u64 {
        let mut map = lock(&self.map);
        // Recipients that died without using theirs.
        map.retain(|_, entry| sys::exists(entry.recipient));
        loop {
            let handle = (sys::random_u64() << PID_BITS) | pid as u64;
            if handle >> PID_BITS != 0 && !map.contains_key(&handle) {
                map.insert(handle, entry);
                return handle;
            }
        }
    }

    /// A recipient opens a handle. Only success uses it up. `ENOENT` unknown or not for `pid`, `EACCES` more access than
    /// the handle has, or a descriptor where only a mapping is allowed.
    pub fn open(&self, handle: u64, pid: i32, access: i32, for_mapping: bool) -> Result<Opened, Errno> {
        let mut map = lock(&self.map);
        let entry = map
            .get(&handle)
            .filter(|entry| entry.recipient == pid)
            .ok_or(Errno::ENOENT)?;
        let wanted = access_of(access)?;
        if !covers(entry.access, wanted) || (entry.mapping_only && !for_mapping) {
            return Err(Errno::EACCES);
        }
        let opened = Opened {
            object: narrowed(&entry.object, wanted)?,
            range: entry.range,
        };
        map.remove(&handle);
        Ok(opened)
    }

    /// Deletes a handle on behalf of `pid`: its creator or its recipient. `ESRCH` unknown or a third party.
    pub fn delete(&self, handle: u64, pid: i32, creator: i32) -> Result<(), Errno> {
        let mut map = lock(&self.map);
        match map.get(&handle) {
            Some(entry) if pid == creator || pid == entry.recipient => {
                map.remove(&handle);
                Ok(())
            }
            _ => Err(Errno::ESRCH),
        }
    }

    /// Forgets all handles for one object, or those for one recipient of it.
    pub fn forget_object(&self, object: (u64, u64), recipient: i32) {
        lock(&self.map).retain(|_, entry| {
            let same = sys::file_status(entry.object.raw()).is_ok_and(|s| (s.st_dev, s.st_ino) == object);
            !(same && (recipient == -1 || recipient == entry.recipient))
        });
    }

    /// Handles not used yet.
    pub fn len(&self) -> usize {
        lock(&self.map).len()
    }

    /// No handle is outstanding.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// shm_create_handle, and with `part` (offset and size) shm_create_subrange_handle.
///
/// `EBADF`, `EINVAL` access, options or part, `ESRCH` no such recipient, `EACCES` more than `fd` has.
pub fn create(
    fd: i32,
    recipient: i32,
    access: i32,
    options: u32,
    part: Option<(u64, u64)>,
) -> Result<u64, Errno> {
    let _ = thread::take_timeout();
    let access = access_of(access)?;
    if options & !SHM_CREATE_HANDLE_OPT_NOFD != 0 {
        return Err(Errno::EINVAL);
    }
    // SAFETY: plain call; a bad number gives EBADF.
    let mode = sys::check(unsafe { libc::fcntl(fd, libc::F_GETFL) })? & libc::O_ACCMODE;
    let have = if mode == libc::O_RDWR {
        O_RDWR
    } else if mode == libc::O_RDONLY {
        O_RDONLY
    } else {
        O_WRONLY
    };
    if !covers(have, access) {
        return Err(Errno::EACCES);
    }
    if !sys::exists(recipient) {
        return Err(Errno::ESRCH);
    }
    let process = process();
    let range = range_of(fd, part)?;
    process.be_reachable()?;
    let object = duplicate_raw(fd)?;
    let status = sys::file_status(fd)?;
    process
        .created_objects
        .given_to((status.st_dev, status.st_ino), recipient);
    let entry = Entry {
        object,
        recipient,
        access,
        mapping_only: options & SHM_CREATE_HANDLE_OPT_NOFD != 0,
        range,
    };
    let handle = process.handles.create(entry, process.pid);
    trace!(2, "handle {handle:#x} for pid {recipient}");
    Ok(handle)
}

/// The part of the object that a handle made from `fd` is for. A part of a part counts from where the latter begins.
fn range_of(fd: i32, part: Option<(u64, u64)>) -> Result<Option<Range>, Errno> {
    let whole = process().ranges.of(fd);
    let Some((offset, size)) = part else {
        return Ok(whole);
    };
    // SAFETY: no preconditions.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64;
    if size == 0 || !size.is_multiple_of(page) || !offset.is_multiple_of(page) {
        return Err(Errno::EINVAL);
    }
    let all = Range {
        offset: 0,
        size: sys::file_size(fd)?,
    };
    whole.unwrap_or(all).inner(offset, size).map(Some)
}

/// Opens a handle; `creator` must have made it, -1 = anybody. `for_mapping`: the descriptor will be closed after mmap.
///
/// Waits for the creator's kernel thread. `ENOENT` unknown, used, or not for us; `EACCES`; `EINVAL`; `EAGAIN`.
pub fn open(handle: u64, access: i32, creator: i32, for_mapping: bool) -> Result<Opened, Errno> {
    let _ = thread::take_timeout();
    access_of(access)?;
    let process = process();
    let pid = (handle & ((1 << PID_BITS) - 1)) as i32;
    if pid == 0 || (creator != -1 && creator != pid) {
        return Err(Errno::ENOENT);
    }
    if pid == process.pid {
        return process.handles.open(handle, pid, access, for_mapping);
    }
    let sock = dir::connect(pid).map_err(gone)?;
    let request = Packet {
        number: access,
        a: handle,
        b: u64::from(for_mapping),
        ..Packet::new(op::OPEN_HANDLE)
    };
    let mut fds = Vec::new();
    let answer = wire::ask(&sock, &request, &[], &mut fds).map_err(gone)?;
    let range = Range {
        offset: answer.a,
        size: answer.b,
    };
    Ok(Opened {
        object: fds.pop().ok_or(Errno::ENOENT)?,
        range: (range.size != 0).then_some(range),
    })
}

/// [`open`] for shm_open_handle: a descriptor that belongs to the caller.
pub fn open_descriptor(handle: u64, access: i32, creator: i32) -> Result<i32, Errno> {
    let Opened { object, range } = open(handle, access, creator, false)?;
    if let Some(range) = range {
        process().ranges.set(object.raw(), range)?;
    }
    Ok(object.into_raw())
}

fn gone(errno: Errno) -> Errno {
    if errno == Errno::ESRCH {
        Errno::ENOENT
    } else {
        errno
    }
}

/// shm_delete_handle. `ESRCH` unknown, or neither creator nor recipient.
pub fn delete(handle: u64) -> Result<(), Errno> {
    let _ = thread::take_timeout();
    let process = process();
    let pid = (handle & ((1 << PID_BITS) - 1)) as i32;
    if pid == process.pid {
        return process.handles.delete(handle, pid, pid);
    }
    let sock = dir::connect(pid).map_err(|_| Errno::ESRCH)?;
    let request = Packet {
        a: handle,
        ..Packet::new(op::DELETE_HANDLE)
    };
    wire::ask(&sock, &request, &[], &mut Vec::new()).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(recipient: i32, access: i32, mapping_only: bool) -> Entry {
        Entry {
            object: sys::memfd(c"test", 4096).expect("memfd"),
            recipient,
            access,
            mapping_only,
            range: None,
        }
    }

    #[test]
    fn handles_are_for_one_process_and_one_use() {
        let handles = Handles::default();
        let me = sys::pid();
        let handle = handles.create(entry(me, O_RDONLY, false), me);
        assert_eq!(
            handles.open(handle, me + 1, O_RDONLY, false).map(|_| ()),
            Err(Errno::ENOENT)
        );
        assert_eq!(
            handles.open(handle, me, O_RDWR, false).map(|_| ()),
            Err(Errno::EACCES)
        );
        assert_eq!(
            handles.open(handle ^ (1 << 40), me, O_RDONLY, false).map(|_| ()),
            Err(Errno::ENOENT)
        );
        let opened = handles.open(handle, me, O_RDONLY, false).expect("first open");
        // SAFETY: plain call.
        let mode = unsafe { libc::fcntl(opened.object.raw(), libc::F_GETFL) } & libc::O_ACCMODE;
        assert_eq!(mode, libc::O_RDONLY);
        assert_eq!(
            handles.open(handle, me, O_RDONLY, false).map(|_| ()),
            Err(Errno::ENOENT)
        );
    }

    #[test]
    fn mapping_only_and_delete() {
        let handles = Handles::default();
        let me = sys::pid();
        let handle = handles.create(entry(me, O_RDWR, true), me);
        assert_eq!(
            handles.open(handle, me, O_RDWR, false).map(|_| ()),
            Err(Errno::EACCES)
        );
        assert!(handles.open(handle, me, O_RDWR, true).is_ok());
        let handle = handles.create(entry(me, O_RDWR, false), me);
        assert_eq!(handles.delete(handle, me + 1, me), Err(Errno::ESRCH));
        assert_eq!(handles.delete(handle, me, me), Ok(()));
        assert!(handles.is_empty());
    }
}
