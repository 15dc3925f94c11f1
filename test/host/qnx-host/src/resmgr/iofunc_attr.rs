//! Attributes of a device (`iofunc_attr_t`): making them, their times, and what counts its users.

use core::cell::Cell;
use core::sync::atomic::{AtomicU64, Ordering};

use super::layout::*;
use crate::errno::Errno;
use crate::types::ClientInfo;

/// The attributes behind a control block. `EINVAL` it has none.
///
/// The control block belongs to a handler, which holds the attributes' lock.
pub fn of(ocb: &Ocb) -> Result<&Attr, Errno> {
    // SAFETY: null, or the program's attributes, which outlive their control blocks.
    unsafe { ocb.attr.as_ref() }.ok_or(Errno::EINVAL)
}

/// iofunc_attr_init: everything zero but the mode, an owner (of `client`, else root), one link, an inode number, and times
/// that are due. Group and mount are those of the directory, if one is given.
pub fn init(mode: u32, directory: Option<&Attr>, client: Option<&ClientInfo>) -> Attr {
    static INODE: AtomicU64 = AtomicU64::new(1);
    // SAFETY: null pointers, zeroes and a free lock are a valid value.
    let attr: Attr = unsafe { core::mem::zeroed() };
    attr.mode.set(mode);
    attr.uid.set(client.map_or(0, |client| client.cred.euid));
    attr.gid.set(client.map_or(0, |client| client.cred.egid));
    if let Some(directory) = directory {
        attr.mount.set(directory.mount.get());
        attr.gid.set(directory.gid.get());
    }
    attr.flags.set(ATTR_ATIME | ATTR_MTIME | ATTR_CTIME);
    attr.nlink.set(1);
    attr.inode.set(INODE.fetch_add(1, Ordering::Relaxed));
    attr
}

/// Sets bits of `flags`.
pub fn mark(attr: &Attr, flags: u32) {
    attr.flags.set(attr.flags.get() | flags);
}

fn now() -> (i64, u32) {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is valid for writing.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &mut now) };
    (now.tv_sec, now.tv_nsec as u32)
}

/// iofunc_time_update: takes the times that are marked as due.
pub fn update_times(attr: &Attr) {
    let times = [
        (ATTR_MTIME, &attr.mtime, &attr.mtime_ns),
        (ATTR_ATIME, &attr.atime, &attr.atime_ns),
        (ATTR_CTIME, &attr.ctime, &attr.ctime_ns),
    ];
    let due = attr.flags.get() & (ATTR_MTIME | ATTR_ATIME | ATTR_CTIME);
    if due == 0 {
        return;
    }
    let (seconds, nanoseconds) = now();
    for (_, time, fraction) in times.iter().filter(|(flag, _, _)| due & flag != 0) {
        time.set(seconds);
        fraction.set(nanoseconds);
    }
    attr.flags.set((attr.flags.get() & !due) | ATTR_DIRTY_TIME);
}

/// One more open control block. `EMFILE` the counters are full.
pub fn count_open(attr: &Attr, ioflag: u32) -> Result<(), Errno> {
    if attr.count.get() == u16::MAX {
        return Err(Errno::EMFILE);
    }
    // Neither of the others is above the first.
    attr.count.set(attr.count.get() + 1);
    let add =
        |count: &Cell<u16>, flag: u32| count.set(count.get().saturating_add(u16::from(ioflag & flag != 0)));
    add(&attr.rcount, IO_FLAG_RD);
    add(&attr.wcount, IO_FLAG_WR);
    Ok(())
}

/// One less.
pub fn count_close(attr: &Attr, ioflag: u32) {
    let less = |count: &Cell<u16>, counts: bool| count.set(count.get().saturating_sub(u16::from(counts)));
    less(&attr.count, true);
    less(&attr.rcount, ioflag & IO_FLAG_RD != 0);
    less(&attr.wcount, ioflag & IO_FLAG_WR != 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_taken_when_due() {
        let attr = init(0x5000 | 0o666, None, None);
        assert_eq!((attr.uid.get(), attr.gid.get(), attr.nlink.get()), (0, 0, 1));
        update_times(&attr);
        assert!(attr.mtime.get() > 0 && attr.atime.get() > 0);
        attr.mtime.set(1);
        update_times(&attr);
        assert_eq!(attr.mtime.get(), 1, "nothing was due");
        mark(&attr, ATTR_MTIME);
        update_times(&attr);
        assert!(attr.mtime.get() > 1);
        assert_ne!(attr.flags.get() & ATTR_DIRTY_TIME, 0);
    }

    #[test]
    fn users_are_counted_by_what_they_may_do() {
        let attr = init(0, None, None);
        let counts = || (attr.count.get(), attr.rcount.get(), attr.wcount.get());
        assert_eq!(count_open(&attr, IO_FLAG_RD | IO_FLAG_WR), Ok(()));
        assert_eq!(count_open(&attr, IO_FLAG_RD), Ok(()));
        assert_eq!(counts(), (2, 2, 1));
        count_close(&attr, IO_FLAG_RD);
        assert_eq!(counts(), (1, 1, 1));
        attr.count.set(u16::MAX);
        assert_eq!(count_open(&attr, 0), Err(Errno::EMFILE));
    }
}
