//! ConnectClientInfo: a client's credentials as the system has them now, not as the message claims.

use std::fs;
use std::sync::Arc;

use crate::ability::aid;
use crate::ability_names;
use crate::ability_record;
use crate::errno::Errno;
use crate::process::{lock, process};
use crate::scoids::Scoid;
use crate::server_conn::ServerConn;
use crate::sys;
use crate::thread;
use crate::types::{CI_FULL_GROUPS, CI_UNABLE, ClientAble, ClientInfo, CredInfo};

/// `_NTO_CLIENTINFO_GETGROUPS`.
const GET_GROUPS: i32 = 1;
/// Abilities that may be asked about at once.
const MAX_ABILITIES: usize = 100;

/// What is known of a client.
pub struct Client {
    pid: i32,
    sid: i32,
    /// Real, effective and saved user and group ids.
    users: [i32; 3],
    groups: [i32; 3],
    list: Vec<i32>,
}

/// The client behind `scoid`, -1 = this process. `EINVAL` no such client, or a gone one.
pub fn lookup(scoid: i32) -> Result<Client, Errno> {
    let _ = thread::take_timeout();
    if scoid == -1 {
        return Ok(read_status(sys::pid()).unwrap_or_else(own));
    }
    let conn: Arc<ServerConn> = match lock(&process().scoids).get(scoid) {
        Some(Scoid::Alive(conn)) => Arc::clone(conn),
        // The number of a gone client stays taken until ConnectDetach, but names nobody: that is how a server tells a
        // DISCONNECT pulse of the kernel from a forged one (docs/qnx-ipc.md 5).
        Some(Scoid::Dead(_)) | None => return Err(Errno::EINVAL),
    };
    // While connected the pid is its own. The socket has the effective ids of the time it connected.
    Ok(read_status(conn.pid).unwrap_or_else(|| at_connect(&conn)))
}

fn at_connect(conn: &ServerConn) -> Client {
    Client {
        pid: conn.pid,
        sid: 0,
        users: [conn.uid as i32; 3],
        groups: [conn.gid as i32; 3],
        list: Vec::new(),
    }
}

fn own() -> Client {
    // SAFETY: no preconditions.
    let (users, groups) = unsafe {
        (
            [libc::getuid(), libc::geteuid()],
            [libc::getgid(), libc::getegid()],
        )
    };
    Client {
        pid: sys::pid(),
        sid: 0,
        users: [users[0] as i32, users[1] as i32, users[1] as i32],
        groups: [groups[0] as i32, groups[1] as i32, groups[1] as i32],
        list: Vec::new(),
    }
}

fn numbers(line: &str) -> Vec<i32> {
    line.split_ascii_whitespace()
        .skip(1)
        .filter_map(|word| word.parse::<u32>().ok())
        .map(|id| id as i32)
        .collect()
}

fn read_status(pid: i32) -> Option<Client> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| text.lines().find(|line| line.starts_with(name)).map(numbers);
    let three = |name| {
        field(name)
            .filter(|ids| ids.len() >= 3)
            .map(|ids| [ids[0], ids[1], ids[2]])
    };
    // SAFETY: no preconditions.
    let sid = unsafe { libc::getsid(pid) };
    Some(Client {
        pid,
        sid: sid.max(0),
        users: three("Uid:")?,
        groups: three("Gid:")?,
        list: field("Groups:").unwrap_or_default(),
    })
}

impl Client {
    fn base(&self) -> ClientInfo {
        let [ruid, euid, suid] = self.users;
        let [rgid, egid, sgid] = self.groups;
        let cred = CredInfo {
            ruid,
            euid,
            suid,
            rgid,
            egid,
            sgid,
            ..CredInfo::default()
        };
        ClientInfo {
            nd: 0,
            pid: self.pid,
            sid: self.sid,
            flags: 0,
            cred,
        }
    }

    /// The fixed-size form: at most `wanted` (and 8) groups, `ngroups` tells how many there are.
    pub fn short(&self, wanted: i32) -> ClientInfo {
        let mut info = self.base();
        info.cred.ngroups = self.list.len() as u32;
        let room = wanted.clamp(0, info.cred.grouplist.len() as i32) as usize;
        for (to, from) in info.cred.grouplist.iter_mut().take(room).zip(&self.list) {
            *to = *from;
        }
        info
    }

    /// Marks the client as unable unless it has all of `abilities`. Temporary numbers become permanent ones where the
    /// ability has been created since; one that has not been, nobody has. `EINVAL` more than QNX takes.
    pub fn with_abilities(
        &self,
        mut info: ClientInfo,
        abilities: &mut [ClientAble],
    ) -> Result<ClientInfo, Errno> {
        if abilities.len() > MAX_ABILITIES {
            return Err(Errno::EINVAL);
        }
        for able in abilities {
            if able.ability & aid::UNCREATED != 0
                && let Some(number) = ability_names::created(able.ability)
            {
                able.ability = number;
            }
            let range = Some((able.range_lo, able.range_hi));
            if !ability_record::client_may(self.pid, self.users[1] as u32, able.ability, range) {
                info.flags |= CI_UNABLE;
            }
        }
        Ok(info)
    }

    /// The allocated form with all groups. `abilities`: see [`Client::with_abilities`].
    pub fn long(&self, flags: i32, abilities: Option<&mut [ClientAble]>) -> Result<*mut ClientInfo, Errno> {
        let mut info = self.base();
        let groups: &[i32] = if flags & GET_GROUPS != 0 { &self.list } else { &[] };
        info.cred.ngroups = groups.len() as u32;
        info.flags |= CI_FULL_GROUPS;
        let info = self.with_abilities(info, abilities.unwrap_or(&mut []))?;
        let extra = groups.len().saturating_sub(info.cred.grouplist.len()) * size_of::<i32>();
        // SAFETY: a size that is not 0; malloc so that `free` below needs no length.
        let memory = unsafe { libc::malloc(size_of::<ClientInfo>() + extra) }.cast::<ClientInfo>();
        if memory.is_null() {
            return Err(Errno::ENOMEM);
        }
        // SAFETY: the block has room for the structure, whose last field is the group list, and for the groups beyond.
        unsafe {
            memory.write(info);
            let list = (&raw mut (*memory).cred.grouplist).cast::<i32>();
            core::ptr::copy_nonoverlapping(groups.as_ptr(), list, groups.len());
        }
        Ok(memory)
    }
}

/// Frees the allocated form and nulls the pointer.
///
/// # Safety
/// `info` null, or a pointer to what [`Client::long`] returned (or to null).
pub unsafe fn free(info: *mut *mut ClientInfo) {
    if !info.is_null() {
        // SAFETY: as the caller promises.
        unsafe {
            libc::free((*info).cast());
            *info = core::ptr::null_mut();
        }
    }
}
