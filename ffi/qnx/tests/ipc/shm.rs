//! Shared memory: sealing, handles, mappings.

use qnx::*;

use crate::stand::{error, up};

#[test]
fn a_sealed_object_keeps_its_size() {
    up();
    let page = page_size().expect("a page size");
    let object = ShmObject::anonymous_sealed(3 * page as u64).expect("an object");
    assert_eq!(object.len(), Ok(3 * page as u64));
    assert_eq!(object.is_empty(), Ok(false));
    let flags = object.flags().expect("known");
    assert!(flags.contains(ShmFlags::ANON | ShmFlags::SEAL), "{flags:?}");
    assert!(
        !flags.intersects(ShmFlags::REVOCABLE | ShmFlags::LAZY | ShmFlags::PHYS),
        "{flags:?}"
    );
    assert_eq!(error(object.seal()), Errno::EPERM);
}

#[test]
fn sealing_later_keeps_size_and_contents() {
    up();
    let object = ShmObject::anonymous(4096).expect("an object");
    assert!(!object.flags().expect("known").contains(ShmFlags::SEAL));
    let mapping = object.map(4096, Prot::READ | Prot::WRITE).expect("mapped");
    // SAFETY: inside the mapping; nobody else has it.
    unsafe { mapping.ptr().add(100).write_volatile(42) };
    object.seal().expect("sealed");
    assert_eq!(object.len(), Ok(4096));
    // SAFETY: as above.
    assert_eq!(unsafe { mapping.ptr().add(100).read_volatile() }, 42);
    // SAFETY: as above; contents are not sealed.
    unsafe { mapping.ptr().add(101).write_volatile(43) };
}

#[test]
fn a_handle_opens_the_same_memory_once() {
    up();
    let object = ShmObject::anonymous_sealed(8192).expect("an object");
    let ours = object.map(8192, Prot::READ | Prot::WRITE).expect("mapped");
    let handle = object.create_handle(pid(), Access::ReadWrite).expect("a handle");
    let handle = ShmHandle::from_raw(handle.raw());
    let opened = ShmObject::open_handle(handle, Access::ReadWrite, pid()).expect("opened");
    assert!(ShmObject::open_handle(handle, Access::ReadWrite, pid()).is_err());
    assert_eq!(opened.len(), Ok(8192));
    assert!(opened.flags().expect("known").contains(ShmFlags::SEAL));
    let theirs = opened.map(8192, Prot::READ | Prot::WRITE).expect("mapped");
    drop((object, opened));
    // Mappings outlive their descriptors.
    // SAFETY: inside both mappings; only this thread has them.
    unsafe { ours.ptr().add(8191).write_volatile(7) };
    // SAFETY: as above.
    assert_eq!(unsafe { theirs.ptr().add(8191).read_volatile() }, 7);
    assert_eq!((theirs.len(), theirs.is_empty()), (8192, false));
}

#[test]
fn a_handle_gives_no_more_than_it_has() {
    up();
    let object = ShmObject::anonymous_sealed(4096).expect("an object");
    let handle = object.create_handle(pid(), Access::ReadOnly).expect("a handle");
    assert_eq!(
        error(ShmObject::open_handle(handle, Access::ReadWrite, pid())),
        Errno::EACCES
    );
    let handle = object.create_handle(pid(), Access::ReadOnly).expect("a handle");
    let opened = ShmObject::open_handle(handle, Access::ReadOnly, pid()).expect("opened");
    assert_eq!(error(opened.map(4096, Prot::READ | Prot::WRITE)), Errno::EACCES);
    opened.map(4096, Prot::READ).expect("mapped");
}

#[test]
fn a_handle_of_another_creator_or_a_deleted_one_opens_nothing() {
    up();
    let object = ShmObject::anonymous_sealed(4096).expect("an object");
    let handle = object.create_handle(pid(), Access::ReadWrite).expect("a handle");
    assert!(ShmObject::open_handle(handle, Access::ReadWrite, 1).is_err());
    let handle = object.create_handle(pid(), Access::ReadWrite).expect("a handle");
    handle.delete().expect("deleted");
    assert_eq!(error(handle.delete()), Errno::ESRCH);
    assert!(ShmObject::open_handle(handle, Access::ReadWrite, pid()).is_err());
}

#[test]
fn a_map_only_handle_never_becomes_a_descriptor() {
    up();
    let object = ShmObject::anonymous_sealed(4096).expect("an object");
    let handle = object
        .create_map_only_handle(pid(), Access::ReadWrite)
        .expect("a handle");
    assert!(ShmObject::open_handle(handle, Access::ReadWrite, pid()).is_err());
    let handle = object
        .create_map_only_handle(pid(), Access::ReadWrite)
        .expect("a handle");
    let mapping = Mapping::of_handle(handle, 4096, Prot::READ | Prot::WRITE, pid()).expect("mapped");
    // SAFETY: inside the mapping; nobody else has it.
    unsafe { mapping.ptr().write_volatile(1) };
}

#[test]
fn an_impossible_length_is_an_error() {
    up();
    let object = ShmObject::anonymous_sealed(4096).expect("an object");
    assert!(object.map(0, Prot::READ).is_err());
    assert!(ShmObject::anonymous(u64::MAX).is_err());
}
