//! Names: `docs/qnx-ipc.md` 8.

use core::ffi::{c_char, c_int, c_uint, c_void};
use core::ptr;

use super::{calls, text};
use crate::channels;
use crate::errno::{EOK, Errno};
use crate::process::lock;
use crate::resmgr::Dispatch;
use crate::types::*;
use crate::{attach, names};

calls! {
    SYMBOLS;

    /// `name_attach()`: gives a name to a new channel, or to that of `dpp`. Null and errno on failure.
    ["name_attach"]
    fn name_attach(dpp: *mut c_void, path: *const c_char, flags: c_uint) -> *mut NameAttach = value {
        // SAFETY: the caller's string; `dpp` came from dispatch_create_channel or is null.
        match unsafe { attach_name(dpp.cast(), path, flags) } {
            Ok(attached) => attached,
            Err(error) => {
                crate::errno::set_errno(error);
                ptr::null_mut()
            }
        }
    }

    /// `name_detach()`: removes the name, and the channel unless SAVEDPP is given. Frees `attach` even on failure.
    ["name_detach"] fn name_detach(attach: *mut NameAttach, flags: c_uint) -> c_int = errno {
        if attach.is_null() {
            return Err(Errno::EINVAL);
        }
        // SAFETY: came from name_attach and is given back here.
        let attached = unsafe { Box::from_raw(attach) };
        let dispatch = attached.dpp.cast::<Dispatch>();
        // SAFETY: the dispatch handle lives until dispatch_destroy or the end of this function.
        let name = lock(unsafe { &(*dispatch).name }).take();
        let removed = name.ok_or(Errno::EINVAL).and_then(|name| names::detach(&name, attached.chid));
        if flags & NAME_FLAG_DETACH_SAVEDPP == 0 {
            // SAFETY: nobody else has the handle.
            let dispatch = unsafe { Box::from_raw(dispatch) };
            let (chid, own) = (dispatch.chid, dispatch.own_channel);
            let _ = dispatch.destroy();
            if !own {
                let _ = channels::destroy(chid);
            }
        }
        removed.map(|()| EOK)
    }

    /// `name_open()`: connects to the channel behind a name; a connection id.
    ["name_open"] fn name_open(name: *const c_char, flags: c_int) -> c_int = errno {
        // SAFETY: the caller's string.
        let name = unsafe { text(name)? };
        let known = NAME_FLAG_COF_CLOEXEC | NAME_FLAG_COF_NOEVENT | NAME_FLAG_ATTACH_GLOBAL;
        if flags as u32 & !known != 0 {
            return Err(Errno::EINVAL);
        }
        let record = names::lookup(name)?;
        let flags = (flags as u32 & (NAME_FLAG_COF_CLOEXEC | NAME_FLAG_COF_NOEVENT)) >> 4;
        match attach::attach(record.pid, record.chid, SIDE_CHANNEL as u32, flags, record.nonce) {
            // The name outlived its server.
            Err(Errno::ESRCH) => Err(Errno::ENOENT),
            other => other,
        }
    }

    /// `name_close()`: detaches.
    ["name_close"] fn name_close(coid: c_int) -> c_int = errno {
        attach::detach(coid).map(|()| EOK)
    }
}

/// # Safety
/// `path` a C string; `dpp` null or a live handle.
unsafe fn attach_name(dpp: *mut Dispatch, path: *const c_char, flags: u32) -> Result<*mut NameAttach, Errno> {
    // SAFETY: as the caller promises.
    let name = unsafe { text(path)? };
    let made = if dpp.is_null() {
        Some(Box::into_raw(Dispatch::create(-1)?))
    } else {
        None
    };
    let dispatch = made.unwrap_or(dpp);
    // SAFETY: just made, or the caller's live handle.
    let handle = unsafe { &*dispatch };
    if let Err(error) = handle.attach_name(name, flags) {
        if let Some(made) = made {
            // SAFETY: just made and not published.
            let _ = unsafe { Box::from_raw(made) }.destroy();
        }
        return Err(error);
    }
    Ok(Box::into_raw(Box::new(NameAttach {
        dpp: dispatch.cast(),
        chid: handle.chid,
        mntid: 0,
        zero: [0; 2],
    })))
}
