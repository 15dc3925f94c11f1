//! Who a client process is.

use qnx_sys as sys;

use crate::decode::{eok_r, minus_one};
use crate::{ClientFlags, Errno};

/// The server's id of a client **process** on a channel: one for all its connections, reused only after [`detach_scoid`].
pub type ScoId = i32;

/// Groups that the kernel gives at once.
const GROUPS: usize = 8;

/// `struct _client_info` - a client process as the kernel knows it. User and group ids are signed on QNX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// The client's process id.
    pub pid: i32,
    /// The session that the process belongs to.
    pub sid: i32,
    /// What else the kernel says of the process.
    pub flags: ClientFlags,
    /// The real user id.
    pub ruid: i32,
    /// Effective user: whose rights count.
    pub euid: i32,
    /// The saved user id.
    pub suid: i32,
    /// The real group id.
    pub rgid: i32,
    /// The effective group id.
    pub egid: i32,
    /// The saved group id.
    pub sgid: i32,
    groups: [i32; GROUPS],
    ngroups: usize,
}

impl ClientInfo {
    /// Supplementary groups, at most 8; the process may be in more.
    #[must_use]
    pub fn groups(&self) -> &[i32] {
        self.groups.get(..self.ngroups).unwrap_or(&self.groups)
    }
}

/// `ConnectClientInfo` - who the client process `scoid` is; -1 asks about this process. Does not block.
///
/// # Errors
/// `EINVAL` the client is gone.
///
/// # References
/// QNX 8.0 C Library Reference, `ConnectClientInfo()`.
pub fn client_info(scoid: ScoId) -> Result<ClientInfo, Errno> {
    let mut raw = sys::_client_info::default();
    // SAFETY: the kernel writes one `_client_info`, whose list has room for the `GROUPS` groups that are asked for.
    let result = unsafe { sys::ConnectClientInfo(scoid, &mut raw, GROUPS as i32) };
    minus_one(result)?;
    Ok(ClientInfo {
        pid: raw.pid,
        sid: raw.sid,
        flags: ClientFlags::from_bits_retain(raw.flags),
        ruid: raw.cred.ruid,
        euid: raw.cred.euid,
        suid: raw.cred.suid,
        rgid: raw.cred.rgid,
        egid: raw.cred.egid,
        sgid: raw.cred.sgid,
        groups: raw.cred.grouplist,
        // The kernel gives the true number, which may be more than the list holds.
        ngroups: usize::try_from(raw.cred.ngroups).unwrap_or(GROUPS).min(GROUPS),
    })
}

/// `ConnectDetach_r` - gives the id of a gone client back, after [`PULSE_DISCONNECT`](crate::PULSE_DISCONNECT). Does not block.
///
/// Once, and after the client's state is freed: a new client may get the same number at once. Forgotten, it is never reused.
///
/// # Errors
/// `EINVAL` no such id.
///
/// # References
/// QNX 8.0 C Library Reference, `ConnectDetach()`.
pub fn detach_scoid(scoid: ScoId) -> Result<(), Errno> {
    // SAFETY: passes a number.
    let result = unsafe { sys::ConnectDetach_r(scoid) };
    eok_r(result)
}
