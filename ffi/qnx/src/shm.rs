//! Shared memory: objects, by their descriptors.

use core::mem::ManuallyDrop;
use core::ptr;

use qnx_sys as sys;

use crate::decode::{minus_one, not_negative};
use crate::{Access, Errno, Mapping, Prot, ShmFlags, ShmHandle};

/// A shared-memory object, by a file descriptor of this process.
///
/// Dropping it closes the descriptor. The memory lives on while a mapping or another descriptor of it does.
#[derive(Debug)]
pub struct ShmObject {
    fd: i32,
}

impl ShmObject {
    /// `shm_open(SHM_ANON)`, `shm_ctl(SHMCTL_ANON)` - a new object without a name, of `len` bytes of zeroed RAM, rounded up to
    /// pages. **Blocks** while memory is found; two kernel calls.
    ///
    /// # Errors
    /// `ENOMEM`; `EMFILE`, `ENFILE` no more descriptors; `EINVAL` the length.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `shm_open()`, `shm_ctl()`.
    pub fn anonymous(len: u64) -> Result<Self, Errno> {
        Self::with_flags(ShmFlags::ANON, len)
    }

    /// As [`anonymous`](ShmObject::anonymous), sealed by the same call: its size can never change. **Blocks** while memory is found.
    ///
    /// # Errors
    /// Those of [`anonymous`](ShmObject::anonymous).
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `shm_ctl()`.
    pub fn anonymous_sealed(len: u64) -> Result<Self, Errno> {
        Self::with_flags(ShmFlags::ANON | ShmFlags::SEAL, len)
    }

    /// As [`anonymous`](ShmObject::anonymous), with any flags. **Blocks** while memory is found.
    ///
    /// # Errors
    /// Those of [`anonymous`](ShmObject::anonymous); `EPERM` a flag that needs an ability.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `shm_ctl()`.
    pub fn with_flags(flags: ShmFlags, len: u64) -> Result<Self, Errno> {
        // SAFETY: SHM_ANON stands for no name; nothing is read through it.
        let fd = unsafe { sys::shm_open(sys::SHM_ANON, sys::O_RDWR | sys::O_CREAT, 0o600) };
        // Owned from here on: closed when the next call fails.
        let object = Self {
            fd: not_negative(fd)?,
        };
        object.control(flags, len)?;
        Ok(object)
    }

    /// `shm_ctl(SHMCTL_SEAL)` - freezes size and flags, for us too. Contents stay writable by everybody who may write. Does not block.
    ///
    /// # Errors
    /// `EPERM` sealed already.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `shm_ctl()`.
    // ON-TARGET: that sealing by a call of its own keeps size and contents; `anonymous_sealed` does not depend on it.
    pub fn seal(&self) -> Result<(), Errno> {
        self.control(ShmFlags::SEAL, 0)
    }

    /// `shm_ctl(SHMCTL_GET_FLAGS)` - what the object is. Any holder of a descriptor may ask. Does not block.
    ///
    /// # Errors
    /// `EBADF`, `EINVAL` the descriptor is no shared-memory object.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `shm_ctl()`.
    pub fn flags(&self) -> Result<ShmFlags, Errno> {
        // SAFETY: passes numbers.
        let result = unsafe { sys::shm_ctl(self.fd, sys::SHMCTL_GET_FLAGS, 0, 0) };
        not_negative(result).map(ShmFlags::from_bits_retain)
    }

    /// `fstat` - bytes of the object. Does not block on shared memory.
    ///
    /// # Errors
    /// `EBADF`; `EIO` when the system claims a negative size.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `fstat()`.
    pub fn len(&self) -> Result<u64, Errno> {
        let mut stat = sys::stat::default();
        // SAFETY: libc writes one `stat` to `stat`.
        let result = unsafe { sys::fstat(self.fd, &mut stat) };
        minus_one(result)?;
        u64::try_from(stat.st_size).map_err(|_| Errno::EIO)
    }

    /// True when it has no bytes: see [`len`](ShmObject::len).
    ///
    /// # Errors
    /// Those of [`len`](ShmObject::len).
    pub fn is_empty(&self) -> Result<bool, Errno> {
        self.len().map(|len| len == 0)
    }

    /// `shm_create_handle` - makes a handle for process `recipient`, which can open it once, with at most `access`. Does not block.
    ///
    /// # Errors
    /// `EACCES` more than our own descriptor allows; `ESRCH` no such process; `EINVAL`; `ENOMEM`; `EPERM`.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `shm_create_handle()`.
    pub fn create_handle(&self, recipient: i32, access: Access) -> Result<ShmHandle, Errno> {
        self.handle(recipient, access, 0)
    }

    /// `shm_create_handle(SHM_CREATE_HANDLE_OPT_NOFD)` - as [`create_handle`](ShmObject::create_handle), but the recipient can only map
    /// it and never holds a descriptor: it cannot check size or flags either. Does not block.
    ///
    /// # Errors
    /// Those of [`create_handle`](ShmObject::create_handle).
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `shm_create_handle()`.
    pub fn create_map_only_handle(&self, recipient: i32, access: Access) -> Result<ShmHandle, Errno> {
        self.handle(recipient, access, sys::SHM_CREATE_HANDLE_OPT_NOFD)
    }

    fn handle(&self, recipient: i32, access: Access, options: u32) -> Result<ShmHandle, Errno> {
        let mut handle: sys::shm_handle_t = 0;
        // SAFETY: libc writes one handle to `handle`.
        let result =
            unsafe { sys::shm_create_handle(self.fd, recipient, access.raw(), &mut handle, options) };
        minus_one(result)?;
        Ok(ShmHandle::from_raw(handle))
    }

    /// `shm_open_handle_pid` - opens the object of a handle that `creator` made for us. The handle is used up, also by most failures.
    /// Does not block.
    ///
    /// Before mapping memory that another process made, check [`flags`](ShmObject::flags) (sealed, not revocable, not lazy, no special
    /// memory) and [`len`](ShmObject::len): else an access can fault.
    ///
    /// # Errors
    /// `EACCES` more access than the handle has; `ENOENT`, `ESRCH`, `EINVAL` no such handle, not for us, or not by `creator`; `EMFILE`,
    /// `ENFILE` no more descriptors; `EAGAIN`.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `shm_open_handle_pid()`.
    pub fn open_handle(handle: ShmHandle, access: Access, creator: i32) -> Result<Self, Errno> {
        // SAFETY: passes numbers.
        let fd = unsafe { sys::shm_open_handle_pid(handle.raw(), access.raw(), creator) };
        Ok(Self {
            fd: not_negative(fd)?,
        })
    }

    /// `shm_revoke` - takes the object away from process `recipient` (`None`: from everybody, us too): its handles die, and its mappings
    /// made while the object was [revocable](ShmFlags::REVOCABLE) fault. Only the process that made the object may. Does not block.
    ///
    /// # Errors
    /// `EPERM` not ours; `EBADF`; `EINVAL`; `ESRCH`.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `shm_revoke()`.
    pub fn revoke(&self, recipient: Option<i32>) -> Result<(), Errno> {
        // SAFETY: passes numbers.
        let result = unsafe { sys::shm_revoke(self.fd, recipient.unwrap_or(-1)) };
        minus_one(result).map(|_| ())
    }

    /// `mmap(MAP_SHARED)` - maps the first `len` bytes. **Blocks** while page tables are made.
    ///
    /// # Errors
    /// `EACCES` more than the descriptor allows; `EINVAL` the length; `ENXIO` beyond the object; `ENOMEM`.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `mmap()`.
    pub fn map(&self, len: usize, prot: Prot) -> Result<Mapping, Errno> {
        self.map_with(len, prot, 0)
    }

    /// As [`map`](ShmObject::map) with `MAP_NOINHERIT` - a child made by fork() does not have the mapping. **Blocks** while page
    /// tables are made.
    ///
    /// # Errors
    /// Those of [`map`](ShmObject::map).
    ///
    /// # References
    /// `MAP_NOINHERIT` stands in QNX 8's `sys/mman.h` alone.
    // ON-TARGET: that MAP_NOINHERIT is accepted for MAP_SHARED and keeps the mapping out of a child of fork().
    pub fn map_not_inherited(&self, len: usize, prot: Prot) -> Result<Mapping, Errno> {
        self.map_with(len, prot, sys::MAP_NOINHERIT)
    }

    fn map_with(&self, len: usize, prot: Prot, more: i32) -> Result<Mapping, Errno> {
        let flags = sys::MAP_SHARED | more;
        // SAFETY: without MAP_FIXED the system picks an address where nothing is: no memory of ours changes.
        let address = unsafe { sys::mmap(ptr::null_mut(), len, prot.bits(), flags, self.fd, 0) };
        Mapping::from_address(address, len)
    }

    /// The descriptor, without the ownership: nobody closes it then but [`from_raw`](ShmObject::from_raw) or the process's end.
    #[must_use]
    pub fn into_raw(self) -> i32 {
        ManuallyDrop::new(self).fd
    }

    /// Takes a descriptor over.
    ///
    /// # Safety
    /// `fd` is a descriptor of this process that nobody else closes or will take over.
    #[must_use]
    pub unsafe fn from_raw(fd: i32) -> Self {
        Self { fd }
    }

    /// `shm_ctl` - sets flags and size.
    fn control(&self, flags: ShmFlags, len: u64) -> Result<(), Errno> {
        // SAFETY: passes numbers; no physical address is given.
        let result = unsafe { sys::shm_ctl(self.fd, flags.bits(), 0, len) };
        minus_one(result).map(|_| ())
    }
}

impl Drop for ShmObject {
    fn drop(&mut self) {
        // SAFETY: `fd` is ours; this is its last use.
        let _ = unsafe { sys::close(self.fd) };
    }
}
