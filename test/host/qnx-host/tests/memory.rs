//! Shared memory: `docs/qnx-ipc.md` 9.

mod common;
use common::*;
use core::ptr;
use std::ffi::CString;

const SHM_ANON: *const core::ffi::c_char = usize::MAX as *const _;

fn anonymous() -> i32 {
    // SAFETY: SHM_ANON is a value, not an address.
    let fd = unsafe { qnx_shm_open(SHM_ANON, O_RDWR | O_CREAT, 0o600) };
    assert!(fd >= 0, "shm_open {}", errno());
    fd
}

fn ctl(fd: i32, flags: u32, size: u64) -> Result<i32, i32> {
    // SAFETY: no pointers.
    match unsafe { shm_ctl(fd, flags as i32, 0, size) } {
        -1 => Err(errno()),
        value => Ok(value),
    }
}

fn flags(fd: i32) -> u32 {
    ctl(fd, SHMCTL_GET_FLAGS, 0).expect("GET_FLAGS") as u32
}

fn size(fd: i32) -> i64 {
    let mut status = Stat::default();
    // SAFETY: a valid structure.
    assert_eq!(unsafe { qnx_fstat(fd, &mut status) }, 0);
    assert_eq!(status.mode & 0o170000, 0o100000);
    assert_eq!(status.mode & 0o7777, 0o600, "flag bits are not shown");
    status.size
}

fn resize(fd: i32, size: i64) -> Result<(), i32> {
    // SAFETY: no pointers.
    if unsafe { qnx_ftruncate(fd, size) } == 0 {
        Ok(())
    } else {
        Err(errno())
    }
}

fn map(fd: i32, len: usize, prot: i32) -> Result<*mut u8, i32> {
    // SAFETY: a new mapping.
    let at = unsafe { qnx_mmap(ptr::null_mut(), len, prot, MAP_SHARED, fd, 0) };
    if at as usize == usize::MAX {
        Err(errno())
    } else {
        Ok(at.cast())
    }
}

fn handle(fd: i32, pid: i32, access: i32, options: u32) -> Result<u64, i32> {
    let mut handle = 0;
    // SAFETY: a valid variable.
    if unsafe { shm_create_handle(fd, pid, access, &mut handle, options) } == 0 {
        Ok(handle)
    } else {
        Err(errno())
    }
}

fn open_pid(handle: u64, access: i32, pid: i32) -> Result<i32, i32> {
    // SAFETY: no pointers.
    match unsafe { shm_open_handle_pid(handle, access, pid) } {
        -1 => Err(errno()),
        fd => Ok(fd),
    }
}

#[test]
fn sealed_object_keeps_size_and_flags() {
    init();
    let fd = anonymous();
    assert_eq!(flags(fd), 0);
    assert_eq!(ctl(fd, SHMCTL_ANON | SHMCTL_SEAL, 5000), Ok(0));
    assert_eq!(flags(fd), SHMCTL_ANON | SHMCTL_SEAL);
    assert_eq!(size(fd), 8192, "rounded to pages");
    assert_eq!(ctl(fd, SHMCTL_ANON, 100), Err(1));
    assert_eq!(ctl(fd, SHMCTL_REVOCABLE, 0), Err(1));
    assert_eq!(resize(fd, 0), Err(1));
    assert_eq!(resize(fd, 100_000), Err(1));
    let at = map(fd, 8192, PROT_READ | PROT_WRITE).expect("map");
    // SAFETY: mapped for both.
    unsafe {
        assert_eq!(at.add(8191).read_volatile(), 0, "zero filled");
        at.add(8191).write_volatile(9);
        assert_eq!(at.add(8191).read_volatile(), 9, "contents stay writable");
    }
}

#[test]
fn flags_of_every_kind() {
    init();
    let fd = anonymous();
    assert_eq!(resize(fd, 4096), Ok(()));
    assert_eq!((flags(fd), size(fd)), (0, 4096));
    assert_eq!(ctl(fd, SHMCTL_ANON | SHMCTL_LAZY, 8192), Ok(0));
    assert_eq!(flags(fd), SHMCTL_ANON | SHMCTL_LAZY);
    assert_eq!(ctl(fd, SHMCTL_REVOCABLE | SHMCTL_SEAL, 0), Ok(0));
    assert_eq!(
        flags(fd),
        SHMCTL_ANON | SHMCTL_LAZY | SHMCTL_REVOCABLE | SHMCTL_SEAL
    );
    assert_eq!(ctl(fd, SHMCTL_ANON, 4096), Err(1));
    assert_eq!(resize(fd, 0), Err(1));
    assert_eq!(ctl(anonymous(), SHMCTL_PHYS, 4096), Err(1));
    assert_eq!(ctl(anonymous(), 0x10_0000, 4096), Err(22));
    assert_eq!(ctl(-1, SHMCTL_GET_FLAGS, 0), Err(9));
}

/// A handle: one object, one recipient, one use, access no wider; flags and size are seen by the recipient.
#[test]
fn handle_between_processes() {
    init();
    let (mut to_child, mut from_parent) = pipe();
    let (mut to_parent, mut from_child) = pipe();
    let parent = std::process::id() as i32;
    let recipient = spawn(move || {
        let good = from_parent.recv();
        let foreign = from_parent.recv();
        assert_eq!(open_pid(good, O_RDONLY, parent + 1), Err(2), "wrong creator");
        assert_eq!(open_pid(good ^ (1 << 50), O_RDONLY, parent), Err(2), "forged");
        assert_eq!(
            open_pid(foreign, O_RDONLY, parent),
            Err(2),
            "made for another process"
        );
        assert_eq!(open_pid(good, O_RDWR, parent), Err(13), "wider than the handle");
        let fd = open_pid(good, O_RDONLY, parent).expect("open");
        assert_eq!(open_pid(good, O_RDONLY, parent), Err(2), "single use");
        assert_eq!(flags(fd), SHMCTL_ANON | SHMCTL_SEAL);
        assert_eq!(size(fd), 4096);
        // SAFETY: plain call.
        assert_eq!(unsafe { libc::fcntl(fd, libc::F_GETFD) }, libc::FD_CLOEXEC);
        assert_eq!(map(fd, 4096, PROT_READ | PROT_WRITE), Err(13));
        let at = map(fd, 4096, PROT_READ).expect("map");
        // SAFETY: mapped for reading.
        assert_eq!(unsafe { at.read_volatile() }, 0x5A);
        assert_eq!(
            handle(fd, parent, O_RDWR, 0),
            Err(13),
            "cannot give what it does not have"
        );
        to_parent.send(0);
        let writable = from_parent.recv();
        // SAFETY: no pointers.
        let fd = unsafe { shm_open_handle(writable, O_RDWR) };
        let at = map(fd, 4096, PROT_READ | PROT_WRITE).expect("map");
        // SAFETY: mapped for both.
        unsafe { at.add(1).write_volatile(0xA5) };
        let only_map = from_parent.recv();
        assert_eq!(open_pid(only_map, O_RDONLY, parent), Err(13), "NOFD");
        // SAFETY: a new mapping.
        let at =
            unsafe { mmap_handle_pid(ptr::null_mut(), 4096, PROT_READ, MAP_SHARED, only_map, parent, 0) };
        // SAFETY: mapped for reading.
        assert_eq!(unsafe { at.cast::<u8>().read_volatile() }, 0x5A);
        to_parent.send(0);
    });
    let fd = anonymous();
    assert_eq!(ctl(fd, SHMCTL_ANON | SHMCTL_SEAL, 4096), Ok(0));
    let at = map(fd, 4096, PROT_READ | PROT_WRITE).expect("map");
    // SAFETY: mapped for both.
    unsafe { at.write_volatile(0x5A) };
    to_child.send(handle(fd, recipient.pid, O_RDONLY, 0).expect("handle"));
    let foreign = handle(fd, parent, O_RDONLY, 0).expect("handle");
    to_child.send(foreign);
    from_child.recv();
    to_child.send(handle(fd, recipient.pid, O_RDWR, 0).expect("handle"));
    to_child.send(handle(fd, recipient.pid, O_RDONLY, SHM_CREATE_HANDLE_OPT_NOFD).expect("handle"));
    from_child.recv();
    // SAFETY: mapped for both.
    assert_eq!(unsafe { at.add(1).read_volatile() }, 0xA5);
    recipient.join();
    // SAFETY: no pointers.
    unsafe {
        assert_eq!(shm_delete_handle(foreign), 0);
        assert_eq!((shm_delete_handle(foreign), errno()), (-1, 3));
    }
    assert_eq!(handle(fd, 0x3F_FFFF, O_RDONLY, 0), Err(3), "no such recipient");
    assert_eq!(handle(fd, parent, 3, 0), Err(22));
    assert_eq!(handle(-1, parent, O_RDONLY, 0), Err(9));
}

/// Handles of a killed creator are just unknown.
#[test]
fn handle_of_a_dead_creator() {
    init();
    let (mut tx, mut rx) = pipe();
    let me = std::process::id() as i32;
    let creator = spawn(move || {
        let fd = anonymous();
        assert_eq!(ctl(fd, SHMCTL_ANON, 4096), Ok(0));
        tx.send(handle(fd, me, O_RDWR, 0).expect("handle"));
        sleep_ms(20_000);
    });
    let handle = rx.recv();
    let pid = creator.pid;
    creator.kill9();
    assert_eq!(open_pid(handle, O_RDWR, pid), Err(2));
}

/// Revoke: by the creator only, revocable objects only; the recipient's access faults afterwards.
#[test]
fn revoked_memory_faults() {
    init();
    let (mut to_child, mut from_parent) = pipe();
    let (mut to_parent, mut from_child) = pipe();
    let parent = std::process::id() as i32;
    let recipient = spawn(move || {
        let fd = open_pid(from_parent.recv(), O_RDWR, parent).expect("open");
        assert_eq!(flags(fd), SHMCTL_ANON | SHMCTL_REVOCABLE | SHMCTL_SEAL);
        let at = map(fd, 4096, PROT_READ | PROT_WRITE).expect("map");
        // SAFETY: no pointers.
        let revoked = unsafe { shm_revoke(fd, -1) };
        assert_eq!((revoked, errno()), (-1, 1), "not the creator");
        to_parent.send(0);
        from_parent.recv();
        // SAFETY: not safe: this is the fault under test.
        unsafe { at.write_volatile(1) };
    });
    let fd = anonymous();
    assert_eq!(ctl(fd, SHMCTL_ANON | SHMCTL_REVOCABLE | SHMCTL_SEAL, 4096), Ok(0));
    to_child.send(handle(fd, recipient.pid, O_RDWR, 0).expect("handle"));
    from_child.recv();
    let plain = anonymous();
    // SAFETY: no pointers.
    unsafe {
        assert_eq!((shm_revoke(plain, -1), errno()), (-1, 22));
        assert_eq!(shm_revoke(fd, recipient.pid), 0);
    }
    to_child.send(0);
    recipient.join_killed(libc::SIGSEGV);
}

#[test]
fn named_objects() {
    init();
    let name = CString::new("/named").expect("name");
    // SAFETY: C strings.
    unsafe {
        assert_eq!((qnx_shm_open(name.as_ptr(), O_RDWR, 0), errno()), (-1, 2));
        let fd = qnx_shm_open(name.as_ptr(), O_RDWR | O_CREAT | O_EXCL, 0o600);
        assert!(fd >= 0);
        assert_eq!(
            (
                qnx_shm_open(name.as_ptr(), O_RDWR | O_CREAT | O_EXCL, 0o600),
                errno()
            ),
            (-1, 17)
        );
        assert_eq!(resize(fd, 4096), Ok(()));
        map(fd, 4096, PROT_READ | PROT_WRITE)
            .expect("map")
            .write_volatile(3);
        let again = qnx_shm_open(name.as_ptr(), O_RDONLY, 0);
        assert_eq!(map(again, 4096, PROT_READ).expect("map").read_volatile(), 3);
        assert_eq!(map(again, 4096, PROT_READ | PROT_WRITE), Err(13));
        assert_eq!(qnx_shm_unlink(name.as_ptr()), 0);
        assert_eq!((qnx_shm_unlink(name.as_ptr()), errno()), (-1, 2));
        let bad = CString::new("/a/b").expect("name");
        assert_eq!(
            (qnx_shm_open(bad.as_ptr(), O_RDWR | O_CREAT, 0o600), errno()),
            (-1, 22)
        );
    }
}

/// Linux's numbers given to QNX's calls are refused, not misunderstood.
#[test]
fn numbers_are_qnxs() {
    init();
    let fd = anonymous();
    assert_eq!(resize(fd, 4096), Ok(()));
    assert_eq!(map(fd, 4096, libc::PROT_READ), Err(22));
    // SAFETY: new mappings.
    unsafe {
        let both = qnx_mmap(ptr::null_mut(), 4096, PROT_READ, MAP_SHARED | MAP_PRIVATE, fd, 0);
        assert_eq!((both as usize, errno()), (usize::MAX, 22));
        let anon = qnx_mmap(ptr::null_mut(), 4096, PROT_READ, MAP_PRIVATE | MAP_ANON, -1, 0);
        assert_ne!(anon as usize, usize::MAX);
        assert_eq!(qnx_munmap(anon, 4096), 0);
        let mut time: libc::timespec = core::mem::zeroed();
        assert_eq!(qnx_clock_gettime(CLOCK_MONOTONIC, &mut time), 0);
        assert!(time.tv_sec > 0);
        assert_eq!((qnx_clock_gettime(9, &mut time), errno()), (-1, 22));
    }
}
