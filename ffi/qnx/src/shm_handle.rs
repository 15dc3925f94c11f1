//! Handles that give another process access to shared memory.

use qnx_sys as sys;

use crate::Errno;
use crate::decode::minus_one;

/// `shm_handle_t` - the right of **one** process to open or map an object **once**. Plain bytes: send it in a message.
///
/// Not used, it stays until [`delete`](ShmHandle::delete) or until the object is revoked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct ShmHandle(u64);

/// `O_RDONLY`, `O_WRONLY`, `O_RDWR` - what a handle allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Reading.
    ReadOnly,
    /// Writing. Mapping for writing needs reading too.
    WriteOnly,
    /// Both.
    ReadWrite,
}

impl Access {
    pub(crate) const fn raw(self) -> i32 {
        match self {
            Access::ReadOnly => sys::O_RDONLY,
            Access::WriteOnly => sys::O_WRONLY,
            Access::ReadWrite => sys::O_RDWR,
        }
    }
}

impl ShmHandle {
    /// From the bytes of a message.
    #[must_use]
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// As it travels in a message.
    #[must_use]
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// `shm_delete_handle` - takes a handle back that was not used. The creator and the recipient may. Does not block.
    ///
    /// # Errors
    /// `ESRCH` used, deleted, or not ours.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `shm_delete_handle()`.
    pub fn delete(self) -> Result<(), Errno> {
        // SAFETY: passes a number.
        let result = unsafe { sys::shm_delete_handle(self.0) };
        minus_one(result).map(|_| ())
    }
}
