//! Connections: `docs/qnx-ipc.md` 3.

use core::ffi::{c_int, c_uint};

use super::calls;
use crate::errno::{EOK, Errno};
use crate::types::{ClientAble, ClientInfo, MsgInfo};
use crate::{attach, client_info};

/// # Safety
/// `able` null or an array of `nable` entries that nobody else uses meanwhile.
unsafe fn abilities<'a>(able: *mut ClientAble, nable: c_int) -> Result<&'a mut [ClientAble], Errno> {
    match usize::try_from(nable) {
        Err(_) => Err(Errno::EINVAL),
        Ok(0) => Ok(&mut []),
        Ok(_) if able.is_null() => Err(Errno::EFAULT),
        // SAFETY: as the caller promises.
        Ok(len) => Ok(unsafe { core::slice::from_raw_parts_mut(able, len) }),
    }
}

calls! {
    SYMBOLS;

    /// `ConnectAttach()`: connects to a channel; the connection id.
    fn [ConnectAttach] [ConnectAttach_r]
    (_nd: u32, pid: c_int, chid: c_int, index: c_uint, flags: c_int) -> c_int = negative {
        attach::attach(pid, chid, index, flags as u32, 0)
    }

    /// `ConnectDetach()`: ends a connection (coid), or releases a client's id after its DISCONNECT pulse (scoid).
    fn [ConnectDetach] [ConnectDetach_r] (coid: c_int) -> c_int = positive {
        attach::detach(coid).map(|()| EOK)
    }

    /// `ConnectServerInfo()`: the connection under `coid`, or the next higher one; its id.
    fn [ConnectServerInfo] [ConnectServerInfo_r]
    (pid: c_int, coid: c_int, info: *mut MsgInfo) -> c_int = negative {
        let (found, image) = attach::server_info(pid, coid, info.is_null())?;
        if !info.is_null() {
            // SAFETY: the caller's structure.
            unsafe { info.write(image) };
        }
        Ok(found)
    }

    /// `ConnectFlags()`: changes a connection's flags; the old ones.
    fn [ConnectFlags] [ConnectFlags_r]
    (pid: c_int, coid: c_int, mask: c_uint, bits: c_uint) -> c_int = negative {
        attach::flags(pid, coid, mask, bits).map(|old| old as c_int)
    }

    /// `ConnectClientInfo()`: who a client is, from the kernel.
    fn [ConnectClientInfo] [ConnectClientInfo_r]
    (scoid: c_int, info: *mut ClientInfo, ngroups: c_int) -> c_int = positive {
        if info.is_null() {
            return Err(Errno::EFAULT);
        }
        let image = client_info::lookup(scoid)?.short(ngroups);
        // SAFETY: the caller's structure.
        unsafe { info.write(image) };
        Ok(EOK)
    }

    /// `ConnectClientInfoExt()`: the same with all groups, in memory for `ClientInfoExtFree`.
    fn [ConnectClientInfoExt] []
    (scoid: c_int, info: *mut *mut ClientInfo, flags: c_int) -> c_int = positive {
        if info.is_null() {
            return Err(Errno::EFAULT);
        }
        let image = client_info::lookup(scoid)?.long(flags, None)?;
        // SAFETY: the caller's pointer.
        unsafe { info.write(image) };
        Ok(EOK)
    }

    /// `ConnectClientInfoAble()`: the same with a check of abilities.
    fn [ConnectClientInfoAble] []
    (scoid: c_int, info: *mut *mut ClientInfo, flags: c_int, able: *mut ClientAble, nable: c_int) -> c_int = positive {
        if info.is_null() {
            return Err(Errno::EFAULT);
        }
        // SAFETY: the caller's array.
        let abilities = unsafe { abilities(able, nable)? };
        let image = client_info::lookup(scoid)?.long(flags, Some(abilities))?;
        // SAFETY: the caller's pointer.
        unsafe { info.write(image) };
        Ok(EOK)
    }

    /// `ConnectClientInfoExtraArgs()`: credentials, a check of abilities, and the security type, which is always 0 here.
    fn [ConnectClientInfoExtraArgs] [ConnectClientInfoExtraArgs_r]
    (scoid: c_int, info: *mut ClientInfo, ngroups: c_int, able: *mut ClientAble, nable: c_int, type_id: *mut c_uint)
        -> c_int = positive {
        if info.is_null() {
            return Err(Errno::EFAULT);
        }
        let client = client_info::lookup(scoid)?;
        // SAFETY: the caller's array.
        let abilities = unsafe { abilities(able, nable)? };
        let image = client.with_abilities(client.short(ngroups), abilities)?;
        // SAFETY: the caller's structure and variable.
        unsafe {
            info.write(image);
            if !type_id.is_null() {
                type_id.write(0);
            }
        }
        Ok(EOK)
    }

    /// `ClientInfoExtFree()`: frees what the two calls above made and nulls the pointer.
    fn [ClientInfoExtFree] [] (info: *mut *mut ClientInfo) -> c_int = positive {
        // SAFETY: the caller's pointer, which came from the calls above.
        unsafe { client_info::free(info) };
        Ok(EOK)
    }
}
