//! Upcalls: how a module learns that something happened to a socket.

use super::So;
use super::sockbuf::{SB_UPCALL, Sb, Side};
use crate::layout::{SO_RCV, SO_SND, SoUpcall};
use crate::panic::die;
use std::ffi::{c_int, c_void};

/// Which buffer, by the numbers of the base.
fn side(which: c_int) -> Side {
    match which {
        SO_RCV => Side::Receive,
        SO_SND => Side::Send,
        other => die!(
            "soupcall: which {other}: SO_RCV {SO_RCV}, SO_SND {SO_SND} are allowed (FreeBSD 13 counts from 1, 14 from 0: wrong headers?)"
        ),
    }
}

fn buffer(so: So, which: c_int, what: &str) -> Sb {
    so.check(what);
    let sb = Sb::of(so, side(which));
    sb.mutex().must_own(what);
    sb
}

/// Sets the upcall of a buffer, whose lock is held.
#[unsafe(no_mangle)]
pub extern "C" fn soupcall_set(so: So, which: c_int, func: SoUpcall, arg: *mut c_void) {
    let sb = buffer(so, which, "soupcall_set");
    sb.set_upcall(func);
    sb.set_upcall_arg(arg);
    sb.set_flags(sb.flags() | SB_UPCALL);
}

/// Removes the upcall of a buffer, whose lock is held. There must be one.
#[unsafe(no_mangle)]
pub extern "C" fn soupcall_clear(so: So, which: c_int) {
    let sb = buffer(so, which, "soupcall_clear");
    if sb.upcall().is_none() {
        die!("soupcall_clear: there is no upcall to clear");
    }
    sb.set_upcall(None);
    sb.set_upcall_arg(std::ptr::null_mut());
    sb.set_flags(sb.flags() & !SB_UPCALL);
}

/// Sets the upcall of a listener, whose lock is held; `None` removes it.
#[unsafe(no_mangle)]
pub extern "C" fn solisten_upcall_set(so: So, func: SoUpcall, arg: *mut c_void) {
    so.check("solisten_upcall_set");
    so.mutex().must_own("solisten_upcall_set");
    let queue = so.queue();
    // SAFETY: the listener's lock is held.
    unsafe {
        (*queue).sol_upcall = func;
        (*queue).sol_upcallarg = arg;
    }
}
