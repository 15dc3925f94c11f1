//! Names and the dispatch handle under them: `qnx-ipc.md` section 8.

use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::ptr;
use std::sync::Mutex;

use super::calls;
use crate::channels;
use crate::errno::{EOK, Errno};
use crate::process::lock;
use crate::types::*;
use crate::{attach, names};

/// What `dispatch_t*` points at.
pub struct Dispatch {
    chid: i32,
    /// Made by name_attach, and so destroyed by name_detach.
    own_channel: bool,
    name: Mutex<Option<String>>,
}

/// # Safety
/// `name` null or a C string.
unsafe fn text<'a>(name: *const c_char) -> Result<&'a str, Errno> {
    if name.is_null() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(name) }
        .to_str()
        .map_err(|_| Errno::EINVAL)
}

/// A channel with the flags that name_attach sets. Only one channel of a process may have COID_DISCONNECT: later ones
/// do without.
fn named_channel() -> Result<i32, Errno> {
    let flags = CHF_DISCONNECT | CHF_UNBLOCK;
    match channels::create(flags | CHF_COID_DISCONNECT, None) {
        Err(Errno::EBUSY) => channels::create(flags, None),
        other => other,
    }
}

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
            let _ = channels::destroy(dispatch.chid);
        }
        removed.map(|()| EOK)
    }

    /// `name_open()`: connects to the channel behind a name; a connection id.
    ["name_open"] fn name_open(name: *const c_char, flags: c_int) -> c_int = errno {
        // SAFETY: the caller's string.
        let name = unsafe { text(name)? };
        let record = names::lookup(name)?;
        let known = NAME_FLAG_COF_CLOEXEC | NAME_FLAG_COF_NOEVENT | NAME_FLAG_ATTACH_GLOBAL;
        if flags as u32 & !known != 0 {
            return Err(Errno::EINVAL);
        }
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

    /// `dispatch_create_channel()`: a dispatch handle on our own channel, or on a new one for `chid` -1. Null on failure.
    ["dispatch_create_channel"] fn dispatch_create_channel(chid: c_int, _flags: c_uint) -> *mut c_void = value {
        let made = if chid == -1 { named_channel().map(|chid| (chid, true)) } else { Ok((chid, false)) };
        match made {
            Ok((chid, own_channel)) => {
                Box::into_raw(Box::new(Dispatch { chid, own_channel, name: Mutex::new(None) })).cast()
            }
            Err(error) => {
                crate::errno::set_errno(error);
                ptr::null_mut()
            }
        }
    }

    /// `dispatch_create()`: a dispatch handle whose channel is made at once.
    ["dispatch_create"] fn dispatch_create() -> *mut c_void = value {
        // SAFETY: no pointers.
        unsafe { dispatch_create_channel(-1, 0) }
    }

    /// `dispatch_destroy()`: frees a handle, and the channel if the handle made it.
    ["dispatch_destroy"] fn dispatch_destroy(dpp: *mut c_void) -> c_int = errno {
        if dpp.is_null() {
            return Err(Errno::EINVAL);
        }
        // SAFETY: came from dispatch_create_channel and is given back here.
        let dispatch = unsafe { Box::from_raw(dpp.cast::<Dispatch>()) };
        if let Some(name) = lock(&dispatch.name).take() {
            let _ = names::detach(&name, dispatch.chid);
        }
        if dispatch.own_channel {
            channels::destroy(dispatch.chid)?;
        }
        Ok(EOK)
    }
}

/// # Safety
/// `path` a C string; `dpp` null or a live handle.
unsafe fn attach_name(dpp: *mut Dispatch, path: *const c_char, flags: u32) -> Result<*mut NameAttach, Errno> {
    // SAFETY: as the caller promises.
    let name = unsafe { text(path)? };
    if flags & !NAME_FLAG_ATTACH_GLOBAL != 0 {
        return Err(Errno::EINVAL);
    }
    let made = if dpp.is_null() {
        let chid = named_channel()?;
        Some(Box::into_raw(Box::new(Dispatch {
            chid,
            own_channel: true,
            name: Mutex::new(None),
        })))
    } else {
        None
    };
    let dispatch = made.unwrap_or(dpp);
    // SAFETY: just made, or the caller's live handle.
    let handle = unsafe { &*dispatch };
    if let Err(error) = names::attach(name, handle.chid) {
        if let Some(made) = made {
            let _ = channels::destroy(handle.chid);
            // SAFETY: just made and not published.
            drop(unsafe { Box::from_raw(made) });
        }
        return Err(error);
    }
    *lock(&handle.name) = Some(name.to_string());
    Ok(Box::into_raw(Box::new(NameAttach {
        dpp: dispatch.cast(),
        chid: handle.chid,
        mntid: 0,
        zero: [0; 2],
    })))
}
