//! Paths: how clients find a channel whose server answers the messages of open() itself.

use core::ffi::CStr;

use qnx_sys as sys;

use crate::decode::{minus_one, not_negative};
use crate::{Channel, Errno, NodeStatus};

/// A path that leads to one of our channels.
///
/// Dropping it takes the path away and leaves the channel and its connections alone. Outliving the channel is harmless: clients then
/// find nobody.
#[derive(Debug)]
#[must_use = "dropping it takes the path away"]
pub struct LinkedPath {
    link: i32,
}

impl LinkedPath {
    /// `pathmgr_link` - puts `channel` under the absolute `path`. **Blocks** while the path is made.
    ///
    /// No dispatch handle and no framework: who opens the path sends [`IoRequest`](crate::IoRequest) messages, which bring `handle`
    /// back and which the server answers. The path permits nothing by itself: who knows process and channel connects without it.
    /// Others may have the same path; who came last is asked first.
    ///
    /// # Errors
    /// `EPERM` without the ability PATHSPACE; `EINVAL`, `ENAMETOOLONG`, `ENOTDIR` the path; `ENOMEM`.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `pathmgr_link()`.
    pub fn link(channel: &Channel, path: &CStr, handle: u32) -> Result<Self, Errno> {
        // SAFETY: `path` is a C string and read during the call only; the rest are numbers, and the channel is ours.
        let result =
            unsafe { sys::pathmgr_link(path.as_ptr(), 0, 0, channel.id(), handle, sys::_FTYPE_ANY, 0) };
        Ok(Self {
            link: not_negative(result)?,
        })
    }

    /// `pathmgr_unlink` - takes the path away now and says how that went. **Blocks** while the path is removed.
    ///
    /// # Errors
    /// `EINVAL` when it was taken away behind our back.
    ///
    /// # References
    /// QNX C Library Reference, `pathmgr_unlink()`.
    pub fn unlink(self) -> Result<(), Errno> {
        let path = core::mem::ManuallyDrop::new(self);
        // SAFETY: passes a number, ours, for the last time.
        minus_one(unsafe { sys::pathmgr_unlink(path.link) }).map(|_| ())
    }
}

/// `stat` - permissions, owner and group of what is at `path`. **Blocks** until its server has answered.
///
/// # Errors
/// `ENOENT` nobody has the path; what the server answered.
///
/// # References
/// QNX 8.0 C Library Reference, `stat()`.
pub fn node_status(path: &CStr) -> Result<NodeStatus, Errno> {
    let mut status = sys::stat::default();
    // SAFETY: `path` is a C string and read during the call only; `status` is ours alone.
    minus_one(unsafe { sys::stat(path.as_ptr(), &mut status) })?;
    Ok(NodeStatus {
        permissions: status.st_mode & 0o7777,
        uid: status.st_uid,
        gid: status.st_gid,
    })
}

impl Drop for LinkedPath {
    fn drop(&mut self) {
        // SAFETY: passes a number, ours, for the last time.
        let _ = unsafe { sys::pathmgr_unlink(self.link) };
    }
}
