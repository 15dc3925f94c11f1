//! Events: `docs/qnx-ipc.md` 7.

use core::ffi::c_int;

use super::calls;
use crate::errno::{EOK, Errno};
use crate::event;
use crate::types::{RcvId, SigEvent};

calls! {
    SYMBOLS;

    /// `MsgRegisterEvent()`: makes the event deliverable by one server and rewrites it into a handle.
    fn [MsgRegisterEvent] [MsgRegisterEvent_r] (ev: *mut SigEvent, coid: c_int) -> c_int = positive {
        // SAFETY: the caller's structure or null.
        let ev = unsafe { ev.as_mut() }.ok_or(Errno::EFAULT)?;
        event::register(ev, coid).map(|()| EOK)
    }

    /// `MsgUnregisterEvent()`: forgets the handle.
    fn [MsgUnregisterEvent] [MsgUnregisterEvent_r] (ev: *const SigEvent) -> c_int = positive {
        // SAFETY: the caller's structure or null.
        let ev = unsafe { ev.as_ref() }.ok_or(Errno::EFAULT)?;
        event::unregister(ev).map(|()| EOK)
    }

    /// `MsgVerifyEvent()`: could this event be delivered to the client?
    fn [MsgVerifyEvent] [MsgVerifyEvent_r] (rcvid: RcvId, ev: *const SigEvent) -> c_int = positive {
        // SAFETY: the caller's structure or null.
        let ev = unsafe { ev.as_ref() }.ok_or(Errno::EFAULT)?;
        event::verify(rcvid, ev).map(|()| EOK)
    }

    /// `MsgDeliverEvent()`: delivers it.
    fn [MsgDeliverEvent] [MsgDeliverEvent_r] (rcvid: RcvId, ev: *const SigEvent) -> c_int = positive {
        // SAFETY: the caller's structure or null.
        let ev = unsafe { ev.as_ref() }.ok_or(Errno::EFAULT)?;
        event::deliver(rcvid, ev).map(|()| EOK)
    }
}
