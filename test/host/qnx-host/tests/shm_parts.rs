//! Memory objects shared in parts and taken back: subrange handles, shm_revoke of one process. `docs/qnx-ipc.md` 9.2.

mod common;
use common::*;
use core::ffi::c_void;
use std::ffi::CString;

const PAGE: usize = 4096;
const RW: i32 = PROT_READ | PROT_WRITE;

fn result(status: i32) -> Result<i32, i32> {
    if status == -1 { Err(errno()) } else { Ok(status) }
}

fn object(flags: u32, pages: usize) -> i32 {
    // SAFETY: SHM_ANON.
    unsafe {
        let fd = qnx_shm_open(usize::MAX as *const _, O_RDWR | O_CREAT, 0o600);
        assert!(fd >= 0);
        assert_eq!(
            shm_ctl(fd, (SHMCTL_ANON | flags) as i32, 0, (pages * PAGE) as u64),
            0
        );
        fd
    }
}

fn map(fd: i32, len: usize, off: usize) -> Result<*mut u8, i32> {
    // SAFETY: a new mapping.
    let at = unsafe { qnx_mmap(core::ptr::null_mut(), len, RW, MAP_SHARED, fd, off as i64) };
    if at as usize == usize::MAX {
        Err(errno())
    } else {
        Ok(at.cast())
    }
}

fn map_handle(handle: u64, len: usize) -> Result<*mut u8, i32> {
    // SAFETY: a new mapping.
    let at = unsafe { mmap_handle(core::ptr::null_mut(), len, RW, MAP_SHARED, handle, 0) };
    if at as usize == usize::MAX {
        Err(errno())
    } else {
        Ok(at.cast())
    }
}

fn whole(fd: i32, pid: i32, options: u32) -> u64 {
    let mut handle = 0;
    // SAFETY: a variable.
    let made = unsafe { shm_create_handle(fd, pid, O_RDWR, &mut handle, options) };
    assert_eq!(made, 0);
    handle
}

fn part(fd: i32, pid: i32, options: u32, size: usize, off: i64) -> Result<u64, i32> {
    let mut handle = 0;
    // SAFETY: a variable.
    result(unsafe { shm_create_subrange_handle(fd, pid, O_RDWR, &mut handle, options, size, off) })
        .map(|_| handle)
}

fn put(at: *mut u8, offset: usize, value: u8) {
    // SAFETY: the tests stay inside their mappings, or mean the fault.
    unsafe { at.add(offset).write_volatile(value) };
}

fn get(at: *const u8, offset: usize) -> u8 {
    // SAFETY: as for `put`.
    unsafe { at.add(offset).read_volatile() }
}

/// A recipient that maps its handle, says so, and after the next word either uses the memory or ends.
fn recipient() -> (Child, Tx, Rx) {
    let (to_child, mut from_parent) = pipe();
    let (mut to_parent, from_child) = pipe();
    let child = spawn(move || {
        let at = map_handle(from_parent.recv(), PAGE).expect("map");
        to_parent.send(0);
        while from_parent.recv() == 1 {
            put(at, 0, get(at, 0) + 1);
            to_parent.send(0);
        }
    });
    (child, to_child, from_child)
}

/// 9.2: shm_revoke takes the mappings of one process (SIGSEGV there); everybody else's go on working.
#[test]
fn revoke_of_one_process_leaves_the_others() {
    init();
    let fd = object(SHMCTL_REVOCABLE | SHMCTL_SEAL, 1);
    let at = map(fd, PAGE, 0).expect("map");
    let (one, mut to_one, mut from_one) = recipient();
    let (two, mut to_two, mut from_two) = recipient();
    for (child, tx, rx) in [
        (&one, &mut to_one, &mut from_one),
        (&two, &mut to_two, &mut from_two),
    ] {
        tx.send(whole(fd, child.pid, SHM_CREATE_HANDLE_OPT_NOFD));
        rx.recv();
        tx.send(1);
        rx.recv();
    }
    assert_eq!(get(at, 0), 2);
    let unused = whole(fd, one.pid, 0);
    // SAFETY: no pointers.
    assert_eq!(result(unsafe { shm_revoke(fd, one.pid) }), Ok(0));
    to_two.send(1);
    from_two.recv();
    assert_eq!(get(at, 0), 3, "the other recipient and the creator keep theirs");
    // SAFETY: no pointers.
    let deleted = result(unsafe { shm_delete_handle(unused) });
    assert_eq!(deleted, Err(3), "its unused handle is gone");
    to_one.send(1);
    one.join_killed(libc::SIGSEGV);
    to_two.send(0);
    two.join();
}

/// 9.2: pid -1 means every process, the creator too; the object stays, and its contents, for whoever may map it again.
#[test]
fn revoke_of_everybody_includes_the_creator() {
    init();
    let creator = spawn(|| {
        let fd = object(SHMCTL_REVOCABLE, 1);
        let at = map(fd, PAGE, 0).expect("map");
        let (child, mut to, mut from) = recipient();
        to.send(whole(fd, child.pid, SHM_CREATE_HANDLE_OPT_NOFD));
        from.recv();
        to.send(1);
        from.recv();
        // SAFETY: no pointers.
        assert_eq!(result(unsafe { shm_revoke(fd, -1) }), Ok(0));
        to.send(1);
        child.join_killed(libc::SIGSEGV);
        assert_eq!(get(map(fd, PAGE, 0).expect("again"), 0), 1);
        put(at, 0, 9);
    });
    creator.join_killed(libc::SIGSEGV);
}

/// 9.2: only mappings made after REVOCABLE was set are revoked.
#[test]
fn earlier_mappings_are_not_revoked() {
    init();
    let fd = object(0, 1);
    let early = map(fd, PAGE, 0).expect("map");
    // SAFETY: no pointers.
    unsafe {
        assert_eq!(shm_ctl(fd, SHMCTL_REVOCABLE as i32, 0, 0), 0);
        assert_eq!(shm_revoke(fd, std::process::id() as i32), 0);
    }
    put(early, 0, 1);
    assert_eq!(get(early, 0), 1);
}

/// A recipient that has mapped the object behind the library's back cannot keep it: then nobody can.
#[test]
fn a_mapping_that_the_library_does_not_know_is_taken_by_force() {
    init();
    let fd = object(SHMCTL_REVOCABLE, 1);
    let (mut to_child, mut from_parent) = pipe();
    let (mut to_parent, mut from_child) = pipe();
    let child = spawn(move || {
        // SAFETY: a handle for us; a new mapping.
        let at = unsafe {
            let own = shm_open_handle(from_parent.recv(), O_RDWR);
            libc::mmap(
                core::ptr::null_mut(),
                PAGE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                own,
                0,
            )
        };
        put(at.cast(), 0, 1);
        to_parent.send(0);
        from_parent.recv();
        put(at.cast(), 0, 2);
    });
    to_child.send(whole(fd, child.pid, 0));
    from_child.recv();
    // SAFETY: no pointers.
    assert_eq!(result(unsafe { shm_revoke(fd, child.pid) }), Ok(0));
    to_child.send(0);
    child.join_killed(libc::SIGBUS);
}

/// 9.1: a subrange handle opens a part: size, mappings and handles made from it are the part's.
#[test]
fn a_subrange_handle_opens_a_part() {
    init();
    let fd = object(SHMCTL_SEAL, 4);
    let at = map(fd, 4 * PAGE, 0).expect("map");
    for page in 0..4 {
        put(at, page * PAGE, 10 + page as u8);
    }
    let me = std::process::id() as i32;
    let (mut to_child, mut from_parent) = pipe();
    let child = spawn(move || {
        // SAFETY: a handle for us; local structures.
        unsafe {
            let own = shm_open_handle_pid(from_parent.recv(), O_RDWR, me);
            assert!(own >= 0, "errno {}", errno());
            let mut status = core::mem::zeroed();
            assert_eq!(qnx_fstat(own, &mut status), 0);
            assert_eq!(status.size, 2 * PAGE as i64);
            let part = map(own, 2 * PAGE, 0).expect("all of the part");
            assert_eq!((get(part, 0), get(part, PAGE)), (11, 12));
            assert_eq!(get(map(own, PAGE, PAGE).expect("its second page"), 0), 12);
            assert_eq!(map(own, 3 * PAGE, 0), Err(6), "ENXIO: longer than the part");
            assert_eq!(map(own, PAGE, 2 * PAGE), Err(6));
            assert_eq!(result(qnx_ftruncate(own, PAGE as i64)), Err(1));
            assert_eq!(result(shm_ctl(own, SHMCTL_ANON as i32, 0, 65536)), Err(1));
            // A duplicate and a forked child's copy are for the same part.
            let copy = qnx_fcntl(own, 0, 0);
            assert_eq!(map(copy, 3 * PAGE, 0), Err(6));
            spawn(move || {
                assert_eq!(map(own, 3 * PAGE, 0), Err(6));
                assert_eq!(get(map(own, PAGE, 0).expect("part"), 0), 11);
            })
            .join();
            // Closed, the number means whatever it is given to next.
            assert_eq!(qnx_close(copy), 0);
            let plain = qnx_shm_open(usize::MAX as *const _, O_RDWR | O_CREAT, 0o600);
            assert_eq!(plain, copy);
            assert_eq!(shm_ctl(plain, SHMCTL_ANON as i32, 0, 4 * PAGE as u64), 0);
            map(plain, 4 * PAGE, 0).expect("a whole object");
            // A part of the part, counted from its beginning, mapped straight from the handle.
            let pid = std::process::id() as i32;
            let inner = self::part(own, pid, SHM_CREATE_HANDLE_OPT_NOFD, PAGE, PAGE as i64).expect("inner");
            assert_eq!(get(map_handle(inner, PAGE).expect("map"), 0), 12);
            assert_eq!(self::part(own, pid, 0, 2 * PAGE, PAGE as i64), Err(22));
        }
    });
    to_child.send(part(fd, child.pid, 0, 2 * PAGE, PAGE as i64).expect("handle"));
    child.join();
}

/// 9.1: size and offset are multiples of the page size and lie inside the object.
#[test]
fn subranges_are_pages_of_the_object() {
    init();
    let fd = object(0, 2);
    let me = std::process::id() as i32;
    for (size, off) in [
        (0, 0),
        (100, 0),
        (PAGE, 100),
        (PAGE, -4096),
        (3 * PAGE, 0),
        (PAGE, 2 * PAGE as i64),
    ] {
        assert_eq!(part(fd, me, 0, size, off), Err(22), "size {size} offset {off}");
    }
    assert_eq!(part(fd, me, 0x4, PAGE, 0), Err(22), "unknown option");
    assert_eq!(part(-1, me, 0, PAGE, 0), Err(9));
    let handle = part(fd, me, SHM_CREATE_HANDLE_OPT_NOFD, PAGE, PAGE as i64).expect("handle");
    assert_eq!(
        map_handle(handle, 2 * PAGE).map(|at| at.cast::<c_void>()),
        Err(6),
        "one page only"
    );
}

/// 9.1: `/name` lives at `/dev/shmem/name`; a name without the slash is no name of an object.
#[test]
fn names_begin_with_a_slash() {
    init();
    for name in ["noslash", "", "/", "/a/b", "/.."] {
        let name = CString::new(name).expect("no NUL");
        // SAFETY: a C string.
        let fd = unsafe { qnx_shm_open(name.as_ptr(), O_RDWR | O_CREAT, 0o600) };
        assert_eq!(result(fd), Err(22), "{name:?}");
    }
}
