//! Memory handles, sealing and revoking, case by case: `docs/qnx-ipc.md` 9, beyond `memory.rs`.

mod common;
use common::*;
use core::ptr;

const SHM_ANON: *const core::ffi::c_char = ptr::without_provenance(usize::MAX);
const NOFD: u32 = SHM_CREATE_HANDLE_OPT_NOFD;

fn result(value: i32) -> Result<i32, i32> {
    if value == -1 { Err(errno()) } else { Ok(value) }
}

/// An anonymous object of one page with these `SHMCTL_*` flags.
fn object(flags: u32) -> i32 {
    // SAFETY: SHM_ANON is a value, not an address.
    let fd = unsafe { qnx_shm_open(SHM_ANON, O_RDWR | O_CREAT, 0o600) };
    assert!(fd >= 0, "shm_open {}", errno());
    assert_eq!(ctl(fd, SHMCTL_ANON | flags, 4096), Ok(0));
    fd
}

fn ctl(fd: i32, flags: u32, size: u64) -> Result<i32, i32> {
    // SAFETY: no pointers.
    result(unsafe { shm_ctl(fd, flags as i32, 0, size) })
}

fn map(fd: i32, prot: i32) -> Result<*mut u8, i32> {
    // SAFETY: a new mapping.
    pointer(unsafe { qnx_mmap(ptr::null_mut(), 4096, prot, MAP_SHARED, fd, 0) })
}

fn map_handle(handle: u64, prot: i32) -> Result<*mut u8, i32> {
    // SAFETY: a new mapping.
    pointer(unsafe { mmap_handle(ptr::null_mut(), 4096, prot, MAP_SHARED, handle, 0) })
}

fn pointer(at: *mut core::ffi::c_void) -> Result<*mut u8, i32> {
    if at.addr() == usize::MAX {
        Err(errno())
    } else {
        Ok(at.cast())
    }
}

fn create(fd: i32, pid: i32, access: i32, options: u32) -> Result<u64, i32> {
    let mut handle = 0;
    // SAFETY: a valid variable.
    result(unsafe { shm_create_handle(fd, pid, access, &mut handle, options) }).map(|_| handle)
}

fn open(handle: u64, access: i32) -> Result<i32, i32> {
    // SAFETY: no pointers.
    result(unsafe { shm_open_handle(handle, access) })
}

fn delete(handle: u64) -> Result<i32, i32> {
    // SAFETY: no pointers.
    result(unsafe { shm_delete_handle(handle) })
}

fn me() -> i32 {
    std::process::id() as i32
}

/// docs/qnx-ipc.md 9.2 (D71): exactly one access mode, O_CLOEXEC tolerated, never wider than the descriptor or the handle.
#[test]
fn access_of_a_handle() {
    init();
    let fd = object(0);
    for bad in [3, 7, O_RDWR | O_CREAT, O_RDONLY | O_NONBLOCK] {
        assert_eq!(create(fd, me(), bad, 0), Err(22), "access {bad:#x}");
    }
    assert_eq!(create(fd, me(), O_RDWR, 0x80), Err(22), "options");
    // SAFETY: null is told, not used.
    let null = unsafe { shm_create_handle(fd, me(), O_RDWR, ptr::null_mut(), 0) };
    assert_eq!(result(null), Err(14));
    let handle = create(fd, me(), O_RDONLY | O_CLOEXEC, 0).expect("create");
    for (access, refused) in [(O_RDWR, 13), (O_WRONLY, 13), (3, 22), (O_RDONLY | O_TRUNC, 22)] {
        assert_eq!(open(handle, access), Err(refused), "access {access:#x}");
    }
    let read_only = open(handle, O_RDONLY | O_CLOEXEC).expect("refusals do not use a handle up");
    assert_eq!(map(read_only, PROT_READ | PROT_WRITE), Err(13));
    assert!(map(read_only, PROT_READ).is_ok());
    for access in [O_RDWR, O_WRONLY] {
        assert_eq!(
            create(read_only, me(), access, 0),
            Err(13),
            "wider than the descriptor"
        );
    }
    let again = create(read_only, me(), O_RDONLY, 0).expect("as wide as the descriptor");
    assert!(open(again, O_RDONLY).is_ok());
    let writable = create(fd, me(), O_RDWR, 0).expect("create");
    let narrowed = open(writable, O_RDONLY).expect("narrower than the handle");
    assert_eq!(map(narrowed, PROT_READ | PROT_WRITE), Err(13));
}

/// docs/qnx-ipc.md 9.2: the first open or map uses a handle up, whichever it is.
#[test]
fn one_use_whichever_it_is() {
    init();
    let fd = object(0);
    let new = || create(fd, me(), O_RDWR, 0).expect("create");
    let uses: [&dyn Fn(u64) -> bool; 2] = [&|handle| open(handle, O_RDWR).is_ok(), &|handle| {
        map_handle(handle, PROT_READ | PROT_WRITE).is_ok()
    }];
    for first in uses {
        for second in uses {
            let handle = new();
            assert!(first(handle));
            assert!(!second(handle));
            assert_eq!(delete(handle), Err(3), "nothing is left to delete");
        }
    }
}

/// docs/qnx-ipc.md 9.2: a NOFD handle is good for mmap_handle alone, with the handle's access, and maps the same memory.
#[test]
fn a_nofd_handle_only_maps() {
    init();
    let fd = object(SHMCTL_SEAL);
    let at = map(fd, PROT_READ | PROT_WRITE).expect("map");
    let handle = create(fd, me(), O_RDONLY, NOFD).expect("create");
    assert_eq!(open(handle, O_RDONLY), Err(13));
    assert_eq!(map_handle(handle, PROT_READ | PROT_WRITE), Err(13));
    let seen = map_handle(handle, PROT_READ).expect("map");
    // SAFETY: two mappings of the same page.
    unsafe {
        at.write_volatile(77);
        assert_eq!(seen.read_volatile(), 77);
    }
    // The creator's pid is checked before the handle is used.
    let handle = create(fd, me(), O_RDWR, NOFD).expect("create");
    // SAFETY: new mappings.
    let by = |pid| unsafe { mmap_handle_pid(ptr::null_mut(), 4096, PROT_READ, MAP_SHARED, handle, pid, 0) };
    assert!(pointer(by(me() + 1)).is_err());
    assert!(pointer(by(me())).is_ok());
}

/// docs/qnx-ipc.md 9.2: creator and recipient may delete, a third process may not; what is deleted opens nothing.
#[test]
fn who_may_delete() {
    init();
    let fd = object(0);
    let (mut to_recipient, mut recipient_from) = pipe();
    let (mut to_third, mut third_from) = pipe();
    let (mut done, mut wait) = pipe();
    let (mut done_too, mut wait_too) = pipe();
    let recipient = spawn(move || {
        let (mine, deleted) = (recipient_from.recv(), recipient_from.recv());
        assert_eq!(open(deleted, O_RDWR), Err(2), "its creator has deleted it");
        assert_eq!(delete(mine), Ok(0), "the recipient may");
        assert_eq!(open(mine, O_RDWR), Err(2));
        done.send(0);
    });
    let third = spawn(move || {
        let other = third_from.recv();
        assert_eq!(delete(other), Err(3));
        assert_eq!(open(other, O_RDWR), Err(2));
        done_too.send(0);
    });
    let [first, second] = [(); 2].map(|()| create(fd, recipient.pid, O_RDWR, 0).expect("create"));
    to_third.send(first);
    wait_too.recv();
    assert_eq!(delete(second), Ok(0), "the creator may");
    to_recipient.send(first);
    to_recipient.send(second);
    wait.recv();
    assert_eq!(delete(first), Err(3), "gone already");
    assert_eq!(delete(0x1234_5678_9ABC), Err(3), "never existed");
    recipient.join();
    third.join();
}

/// docs/qnx-ipc.md 9.2: the recipient is one process: its forked child cannot use the handle.
#[test]
fn a_child_does_not_inherit_its_parents_handles() {
    init();
    let fd = object(0);
    let (mut tx, mut rx) = pipe();
    let recipient = spawn(move || {
        let handle = rx.recv();
        let child = spawn(move || assert_eq!(open(handle, O_RDWR), Err(2)));
        child.join();
        assert!(open(handle, O_RDWR).is_ok());
    });
    tx.send(create(fd, recipient.pid, O_RDWR, 0).expect("create"));
    recipient.join();
}

/// docs/qnx-ipc.md 9.2: no handle for a process that does not exist; a handle whose recipient has died is forgotten.
#[test]
fn recipients_that_are_gone() {
    init();
    let fd = object(0);
    let recipient = spawn(|| sleep_ms(20_000));
    let pid = recipient.pid;
    let handle = create(fd, pid, O_RDWR, 0).expect("create");
    recipient.kill9();
    assert_eq!(create(fd, pid, O_RDWR, 0), Err(3));
    assert_eq!(create(fd, -1, O_RDWR, 0), Err(3));
    assert_eq!(open(handle, O_RDWR), Err(2), "not for us");
    // The next handle of this process, by whichever test, clears away what the dead have left.
    let next = create(fd, me(), O_RDWR, 0).expect("create");
    assert_eq!(delete(handle), Err(3), "forgotten");
    assert_eq!(delete(next), Ok(0));
}

/// docs/qnx-ipc.md 9.1: an object lives as long as a descriptor, a mapping or (here) an unused handle refers to it.
#[test]
fn an_object_outlives_its_descriptors() {
    init();
    let fd = object(SHMCTL_SEAL);
    let at = map(fd, PROT_READ | PROT_WRITE).expect("map");
    let handle = create(fd, me(), O_RDWR, 0).expect("create");
    // SAFETY: our descriptor; the mapping stays.
    unsafe {
        assert_eq!(qnx_close(fd), 0);
        at.write_volatile(5);
        assert_eq!(qnx_munmap(at.cast(), 4096), 0);
    }
    let again = open(handle, O_RDWR).expect("the handle holds the object");
    assert_eq!(
        ctl(again, SHMCTL_GET_FLAGS, 0),
        Ok((SHMCTL_ANON | SHMCTL_SEAL) as i32)
    );
    let seen = map(again, PROT_READ).expect("map");
    // SAFETY: mapped for reading.
    assert_eq!(unsafe { seen.read_volatile() }, 5);
}

/// docs/qnx-ipc.md 9.1 (D71): sealed: any shm_ctl change is EPERM, also through a handle and for its creator; the size is fixed;
/// contents stay writable.
#[test]
fn sealed_for_everybody() {
    init();
    let fd = object(0);
    assert_eq!(ctl(fd, SHMCTL_ANON, 8192), Ok(0), "not sealed yet");
    assert_eq!(ctl(fd, SHMCTL_SEAL, 0), Ok(0));
    let other = open(create(fd, me(), O_RDWR, 0).expect("create"), O_RDWR).expect("open");
    for fd in [fd, other] {
        for change in [
            SHMCTL_ANON,
            SHMCTL_SEAL,
            SHMCTL_REVOCABLE,
            SHMCTL_ANON | SHMCTL_LAZY,
        ] {
            assert_eq!(ctl(fd, change, 4096), Err(1), "change {change:#x}");
        }
        for size in [0, 4096, 1 << 20] {
            // SAFETY: no pointers.
            assert_eq!(result(unsafe { qnx_ftruncate(fd, size) }), Err(1));
        }
        let mut status = Stat::default();
        // SAFETY: a valid structure.
        assert_eq!(unsafe { qnx_fstat(fd, &mut status) }, 0);
        assert_eq!(status.size, 8192);
    }
    let at = map(other, PROT_READ | PROT_WRITE).expect("map");
    // SAFETY: mapped for both.
    unsafe { at.write_volatile(1) };
}

/// docs/qnx-ipc.md 9.2: shm_revoke takes unused handles along; revoking needs the creator and a revocable object, also when a
/// forked child of the creator asks.
#[test]
fn revoking_takes_the_handles_along() {
    init();
    let fd = object(SHMCTL_REVOCABLE | SHMCTL_SEAL);
    let plain = object(SHMCTL_SEAL);
    let handle = create(fd, me(), O_RDWR, 0).expect("create");
    // SAFETY: no pointers.
    let revoke = |fd, pid| result(unsafe { shm_revoke(fd, pid) });
    assert_eq!(revoke(plain, -1), Err(22), "not revocable");
    let child = spawn(move || assert_eq!(revoke(fd, -1), Err(1), "a child is not the creator"));
    child.join();
    assert_eq!(revoke(fd, -1), Ok(0));
    assert_eq!(open(handle, O_RDWR), Err(2));
    assert_eq!(delete(handle), Err(3));
    assert_eq!(revoke(-1, -1), Err(9));
}

/// docs/qnx-ipc.md 9.4: exactly one of MAP_SHARED and MAP_PRIVATE; a private mapping of a shared object is a copy.
#[test]
fn kinds_of_mapping() {
    init();
    let fd = object(0);
    // SAFETY: new mappings.
    let with =
        |flags| pointer(unsafe { qnx_mmap(ptr::null_mut(), 4096, PROT_READ | PROT_WRITE, flags, fd, 0) });
    for flags in [0, MAP_SHARED | MAP_PRIVATE, MAP_SHARED | 0x40_0000] {
        assert_eq!(with(flags), Err(22), "flags {flags:#x}");
    }
    let (shared, private) = (with(MAP_SHARED).expect("map"), with(MAP_PRIVATE).expect("map"));
    // SAFETY: mapped for both.
    unsafe {
        private.write_volatile(1);
        assert_eq!(shared.read_volatile(), 0);
        assert_eq!(qnx_mprotect(shared.cast(), 4096, PROT_READ), 0);
        assert_eq!(
            result(qnx_mprotect(shared.cast(), 4096, 1)),
            Err(22),
            "Linux's number"
        );
        assert_eq!(qnx_msync(shared.cast(), 4096, 2), 0);
        assert_eq!(result(qnx_msync(shared.cast(), 4096, 8)), Err(22));
    }
}
