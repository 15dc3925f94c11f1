//! Names: how clients find a channel.

use core::ffi::CStr;
use core::fmt;
use core::ptr::NonNull;

use qnx_sys as sys;

use crate::{Channel, Errno, NameFlags, decode};

/// A name of one of our channels, `/dev/name/local/<name>`.
///
/// Dropping it removes the name and leaves the channel alone. Outliving the channel is harmless: clients then find nobody.
pub struct AttachedName {
    attach: NonNull<sys::name_attach_t>,
}

impl AttachedName {
    /// `name_attach` on a handle of `dispatch_create_channel` - registers `name` for `channel`. **Blocks** while the path is made;
    /// several kernel calls.
    ///
    /// The channel keeps its own flags, where `name_attach` alone would make one with COID_DISCONNECT, of which a process may have
    /// one. `name` has no leading slash and no `..`. In old releases, and with the service gns, clients send `_IO_CONNECT` (0x100)
    /// first: answer it with status 0.
    ///
    /// # Errors
    /// `EINVAL` the name; `ENOMEM`; `EPERM` without the abilities PATHSPACE and PUBLIC_CHANNEL; `EEXIST`, `EBUSY` taken; `ENOTDIR`.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `name_attach()`, `dispatch_create_channel()`.
    pub fn attach(channel: &Channel, name: &CStr, flags: NameFlags) -> Result<Self, Errno> {
        // SAFETY: passes numbers; the channel is ours.
        let dispatch = unsafe { sys::dispatch_create_channel(channel.id(), 0) };
        if dispatch.is_null() {
            return Err(decode::last());
        }
        // SAFETY: `dispatch` is the handle just made, `name` a C string; both are read during the call, `dispatch` also by name_detach.
        let attach = unsafe { sys::name_attach(dispatch, name.as_ptr(), flags.bits()) };
        // The handle itself is never destroyed: whether dispatch_destroy also destroys a channel that was made by others is not
        // documented, and destroying ours under its clients is worse than a few bytes for each name ever attached.
        // ON-TARGET: whether dispatch_destroy leaves the channel of dispatch_create_channel alone; then call it here and in drop.
        NonNull::new(attach)
            .map(|attach| Self { attach })
            .ok_or_else(decode::last)
    }

    /// `name_detach` - removes the name now and says how that went. **Blocks** while the path is removed.
    ///
    /// # Errors
    /// `EINVAL` when it was removed behind our back.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `name_detach()`.
    pub fn detach(self) -> Result<(), Errno> {
        let name = core::mem::ManuallyDrop::new(self);
        // SAFETY: as in `drop`, which does not run.
        let result = unsafe { sys::name_detach(name.attach.as_ptr(), sys::NAME_FLAG_DETACH_SAVEDPP) };
        decode::minus_one(result).map(|_| ())
    }
}

impl Drop for AttachedName {
    fn drop(&mut self) {
        // SAFETY: `attach` came from name_attach and was not detached; it is freed here whatever the result, and not used again.
        let _ = unsafe { sys::name_detach(self.attach.as_ptr(), sys::NAME_FLAG_DETACH_SAVEDPP) };
    }
}

impl fmt::Debug for AttachedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttachedName")
    }
}

// SAFETY: `attach` is only passed to name_detach, once, by the owner; libc takes it from any thread.
unsafe impl Send for AttachedName {}
// SAFETY: a shared reference does nothing.
unsafe impl Sync for AttachedName {}
