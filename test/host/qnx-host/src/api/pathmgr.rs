//! `sys/pathmgr.h`: a path for a channel.

use core::ffi::{c_char, c_int, c_uint};

use super::{calls, text};
use crate::errno::{EOK, Errno};
use crate::resmgr::{pathmgr, registry};

calls! {
    SYMBOLS;

    /// `pathmgr_link()`: puts a channel of this process under a path; the link's number. `handle` comes back in each
    /// connect message.
    ["pathmgr_link"]
    fn pathmgr_link(path: *const c_char, reserved: c_uint, pid: c_int, chid: c_int, handle: c_uint, file_type: c_int,
        flags: c_uint) -> c_int = errno {
        // SAFETY: the caller's string.
        let path = unsafe { text(path)? };
        if reserved != 0 {
            return Err(Errno::EINVAL);
        }
        pathmgr::link(path, pid, chid, handle, file_type, flags)
    }

    /// `pathmgr_unlink()`: takes a link away. The channel and its connections stay.
    ["pathmgr_unlink"] fn pathmgr_unlink(link: c_int) -> c_int = errno {
        // On QNX the number is a connection to the process manager, and this detaches it.
        if registry::detach(link)? { Ok(EOK) } else { Err(Errno::EINVAL) }
    }
}
