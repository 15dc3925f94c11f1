//! Mappings of revocable memory objects in this process, so that the creator of an object can have them taken away.
//!
//! Linux cannot take a mapping from another process; the process does it itself, when the creator asks its kernel thread.
//! The creator looks into `/proc` afterwards and takes the memory away from everybody if a mapping is left.

use core::ffi::c_void;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use crate::errno::Errno;
use crate::process::lock;
use crate::sys;
use crate::trace::trace;

/// Device and inode of a memory object.
pub type Identity = (u64, u64);

/// How the descriptor of an object names its creator; any process that holds it can read that.
const NAME: &str = "qnx-shm-";

/// Name of an object that this process makes.
pub fn object_name(creator: i32) -> std::ffi::CString {
    std::ffi::CString::new(format!("{NAME}{creator}")).unwrap_or_default()
}

/// The process that made the object behind `fd`; `None` if it is not an anonymous object.
fn creator_of(fd: i32) -> Option<i32> {
    let link = std::fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
    let name = link.to_str()?.strip_prefix("/memfd:")?.strip_prefix(NAME)?;
    name.split(' ').next()?.parse().ok()
}

struct Mapping {
    addr: usize,
    len: usize,
    object: Identity,
    creator: i32,
}

impl Mapping {
    fn end(&self) -> usize {
        self.addr + self.len
    }
}

/// How many revocations are remembered, see [`Mappings::before_opening`].
const REMEMBERED: usize = 64;

#[derive(Default)]
struct State {
    mappings: Vec<Mapping>,
    /// Revocations that came last, with their numbers.
    revoked: Vec<(u64, Identity)>,
}

/// What this process has mapped of revocable objects.
#[derive(Default)]
pub struct Mappings {
    state: Mutex<State>,
    revocations: AtomicU64,
}

/// Held while memory is mapped or unmapped, so that what is revoked is not something else by then.
pub struct Changing<'a>(MutexGuard<'a, State>);

impl Mappings {
    /// Number of revocations so far: taken before an object is opened, it tells later whether the object has been revoked
    /// between opening and mapping it.
    pub fn before_opening(&self) -> u64 {
        self.revocations.load(Ordering::SeqCst)
    }

    /// To be held across the system call that maps or unmaps.
    pub fn change(&self) -> Changing<'_> {
        Changing(lock(&self.state))
    }

    /// Takes away every mapping of `object` that `creator` may revoke: access to it is a SIGSEGV from now on.
    pub fn revoke(&self, object: Identity, creator: i32) {
        let mut state = lock(&self.state);
        let number = self.revocations.fetch_add(1, Ordering::SeqCst) + 1;
        if state.revoked.len() == REMEMBERED {
            state.revoked.remove(0);
        }
        state.revoked.push((number, object));
        state.mappings.retain(|mapping| {
            let meant = mapping.object == object && mapping.creator == creator;
            if meant {
                take_away(mapping.addr, mapping.len);
            }
            !meant
        });
    }
}

impl Changing<'_> {
    /// `len` bytes of the revocable object behind `fd` have just been mapped at `addr`. `since`: see
    /// [`Mappings::before_opening`].
    pub fn added(&mut self, fd: i32, object: Identity, addr: *mut c_void, len: usize, since: u64) {
        let Some(creator) = creator_of(fd) else { return };
        let (addr, len) = (addr as usize, page_up(len));
        let mut revoked = self.0.revoked.iter();
        if revoked.any(|(number, of)| *number > since && *of == object) {
            take_away(addr, len);
            return;
        }
        self.0.mappings.push(Mapping {
            addr,
            len,
            object,
            creator,
        });
    }

    /// Whatever was mapped in this range is there no longer.
    pub fn removed(&mut self, addr: *mut c_void, len: usize) {
        let (from, to) = (addr as usize, addr as usize + page_up(len));
        let touched = |mapping: &Mapping| mapping.addr < to && from < mapping.end();
        if !self.0.mappings.iter().any(touched) {
            return;
        }
        let old = core::mem::take(&mut self.0.mappings);
        for mapping in old {
            if !touched(&mapping) {
                self.0.mappings.push(mapping);
                continue;
            }
            let pieces = [(mapping.addr, from), (to, mapping.end())];
            for (start, end) in pieces.into_iter().filter(|(start, end)| start < end) {
                self.0.mappings.push(Mapping {
                    addr: start,
                    len: end - start,
                    ..mapping
                });
            }
        }
    }
}

fn page_up(len: usize) -> usize {
    // SAFETY: no preconditions.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    len.checked_next_multiple_of(page).unwrap_or(len)
}

/// Puts inaccessible memory in the place of a mapping.
fn take_away(addr: usize, len: usize) {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE;
    // SAFETY: the range is a mapping that was made through us and has not been unmapped through us. Whoever accesses it gets
    // a signal, which is what revoking means.
    let done = unsafe { libc::mmap(addr as *mut c_void, len, libc::PROT_NONE, flags, -1, 0) };
    trace!(
        2,
        "{len} bytes at {addr:#x} revoked: {}",
        done != libc::MAP_FAILED
    );
}

/// True if process `pid` has the object mapped; `None` if the system does not let us see.
pub fn is_mapped(pid: i32, object: Identity) -> Option<bool> {
    let text = match std::fs::read_to_string(format!("/proc/{pid}/maps")) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Some(false),
        // The process has just ended.
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Some(false),
        Err(_) => return None,
    };
    let (dev, inode) = object;
    let device = format!("{:02x}:{:02x}", libc::major(dev), libc::minor(dev));
    let inode = inode.to_string();
    Some(text.lines().any(|line| {
        let mut words = line.split_ascii_whitespace().skip(3);
        words.next() == Some(&device) && words.next() == Some(&inode)
    }))
}

/// Processes other than `but` that have the object mapped, as far as the system lets us see.
pub fn mappers(object: Identity, but: i32) -> Result<Vec<i32>, Errno> {
    let entries = std::fs::read_dir("/proc")?.flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    Ok(pids
        .filter(|pid| *pid != but && is_mapped(*pid, object) == Some(true))
        .collect())
}

/// True if process `pid` runs under our own user id, so that we can see what it has mapped.
pub fn is_visible(pid: i32) -> bool {
    is_mapped(pid, (0, 0)).is_some() || !sys::exists(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(mappings: &Mappings) -> Vec<(usize, usize)> {
        let mut all: Vec<_> = lock(&mappings.state)
            .mappings
            .iter()
            .map(|m| (m.addr, m.len))
            .collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn unmapping_a_part_leaves_the_rest() {
        let mappings = Mappings::default();
        lock(&mappings.state).mappings.push(Mapping {
            addr: 0x10000,
            len: 0x4000,
            object: (1, 2),
            creator: 3,
        });
        mappings.change().removed(0x11000 as *mut c_void, 0x1000);
        assert_eq!(ranges(&mappings), [(0x10000, 0x1000), (0x12000, 0x2000)]);
        mappings.change().removed(0x13000 as *mut c_void, 1);
        assert_eq!(ranges(&mappings), [(0x10000, 0x1000), (0x12000, 0x1000)]);
        mappings.change().removed(core::ptr::null_mut(), 0x20000);
        assert_eq!(ranges(&mappings), []);
    }

    #[test]
    fn an_objects_descriptor_names_its_creator() {
        let fd = sys::memfd(&object_name(4711), 4096).expect("memfd");
        assert_eq!(creator_of(fd.raw()), Some(4711));
        let other = sys::memfd(c"other", 4096).expect("memfd");
        assert_eq!(creator_of(other.raw()), None);
    }

    #[test]
    fn own_mappings_show_in_proc() {
        let fd = sys::memfd(c"qnx-test", 4096).expect("memfd");
        let status = sys::file_status(fd.raw()).expect("fstat");
        let object = (status.st_dev, status.st_ino);
        assert_eq!(is_mapped(sys::pid(), object), Some(false));
        let region = crate::region::Region::map(&fd, 4096).expect("map");
        assert_eq!(is_mapped(sys::pid(), object), Some(true));
        assert!(mappers(object, 0).expect("proc").contains(&sys::pid()));
        drop(region);
        assert_eq!(is_mapped(sys::pid(), object), Some(false));
    }
}
