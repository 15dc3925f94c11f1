//! The parts that an open handler of a resource manager is made of. `sys/iofunc.h`.

use core::ffi::{c_int, c_void};

use super::calls;
use super::iofunc::{look, number};
use crate::client_info;
use crate::errno::{EOK, Errno};
use crate::resmgr::layout::*;
use crate::resmgr::{iofunc_open, open_check};
use crate::types::ClientInfo;

calls! {
    SYMBOLS;

    /// `iofunc_open()`: the checks alone; null `info` asks the kernel. With `dattr` the file is made in that directory.
    ["iofunc_open"]
    fn iofunc_open(ctp: *mut Context, msg: *mut c_void, attr: *mut c_void, dattr: *mut c_void, info: *const ClientInfo)
        -> c_int = value {
        // SAFETY: the library's arguments, the caller's structures.
        let opened = unsafe {
            look::<Context>(ctp.cast()).and_then(|ctp| {
                let client = info.as_ref().copied().map_or_else(|| iofunc_open::client_info(ctp), Ok)?;
                iofunc_open::open(look(msg)?, look(attr)?, look(dattr).ok(), &client)
            })
        };
        number(opened)
    }

    /// `iofunc_client_info()`: credentials of the client whose message the context holds.
    ["iofunc_client_info"]
    fn iofunc_client_info(ctp: *mut Context, _ioflag: c_int, info: *mut ClientInfo) -> c_int = value {
        if info.is_null() {
            return Errno::EINVAL.0;
        }
        // SAFETY: the library's context, the caller's structure.
        number(unsafe {
            look(ctp.cast()).and_then(iofunc_open::client_info).map(|image| info.write(image))
        })
    }

    /// `iofunc_client_info_ext()`: the same with all groups, for `iofunc_client_info_ext_free`.
    ["iofunc_client_info_ext"]
    fn iofunc_client_info_ext(ctp: *mut Context, _ioflag: c_int, info: *mut *mut ClientInfo, flags: c_int)
        -> c_int = value {
        if info.is_null() {
            return Errno::EINVAL.0;
        }
        // SAFETY: the library's context, the caller's pointer.
        number(unsafe {
            look::<Context>(ctp.cast())
                .and_then(|ctp| client_info::lookup(ctp.info.scoid)?.long(flags, None))
                .map(|image| info.write(image))
        })
    }

    /// `iofunc_client_info_ext_free()`.
    ["iofunc_client_info_ext_free"] fn iofunc_client_info_ext_free(info: *mut *mut ClientInfo) -> c_int = value {
        // SAFETY: from the call above.
        unsafe { client_info::free(info) };
        EOK
    }

    /// `iofunc_check_access()`: may the client do `checkmode` (owner's permission bits, `S_ISUID`: be owner or root)?
    ["iofunc_check_access"]
    fn iofunc_check_access(_ctp: *mut Context, attr: *const c_void, checkmode: u32, info: *const ClientInfo)
        -> c_int = value {
        // SAFETY: the caller's structures.
        number(unsafe {
            look::<Attr>(attr).and_then(|attr| {
                let client = info.as_ref().ok_or(Errno::ENOSYS)?;
                open_check::check_access(attr.mode.get(), attr.uid.get(), attr.gid.get(), client, checkmode)
            })
        })
    }

    /// `iofunc_ocb_calloc()`: an empty control block; null without memory.
    ["iofunc_ocb_calloc"] fn iofunc_ocb_calloc(_ctp: *mut Context, _attr: *mut c_void) -> *mut Ocb = value {
        iofunc_open::plain_ocb()
    }

    /// `iofunc_ocb_free()`: frees one of `iofunc_ocb_calloc`.
    ["iofunc_ocb_free"] fn iofunc_ocb_free(ocb: *mut c_void) -> () = value {
        // SAFETY: the caller's control block.
        unsafe { iofunc_open::ocb_free(ocb.cast(), None) };
    }

    /// `iofunc_ocb_attach()`: in an open handler, fills a control block and binds it to the client.
    ["iofunc_ocb_attach"]
    fn iofunc_ocb_attach(ctp: *mut Context, msg: *mut c_void, ocb: *mut c_void, attr: *mut c_void,
        io_funcs: *const IoFuncs) -> c_int = value {
        // SAFETY: the library's arguments, the program's structures.
        number(unsafe {
            look(ctp.cast()).and_then(|ctp| {
                iofunc_open::ocb_attach(ctp, look(msg)?, ocb.cast(), look(attr)?, io_funcs)
            })
        })
    }

    /// `iofunc_ocb_detach()`: takes a control block out of the attributes' counts.
    ["iofunc_ocb_detach"] fn iofunc_ocb_detach(_ctp: *mut Context, ocb: *mut c_void) -> c_int = value {
        // SAFETY: the program's control block.
        number(unsafe { look(ocb) }.and_then(iofunc_open::ocb_detach))
    }
}
