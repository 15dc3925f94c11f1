//! What happens to a socket, and who is woken by it.

use super::sockbuf::{SB_UPCALL, SB_WAIT, SBS_CANTRCVMORE, SBS_CANTSENDMORE, Sb, Side};
use super::{SS_ISCONNECTED, SS_ISCONNECTING, SS_ISDISCONNECTED, SS_ISDISCONNECTING, So};
use crate::layout::SoUpcall;
use crate::malloc::M_NOWAIT;
use crate::{sleep, thread};
use std::ffi::{c_int, c_void};

/// Runs a module's upcall. The buffer's lock, or the listener's, is held.
fn run_upcall(upcall: SoUpcall, so: So, arg: *mut c_void, kind: &'static str) -> c_int {
    let Some(upcall) = upcall else { return 0 };
    thread::current().private().in_callback(kind, || {
        // SAFETY: the module's function, its argument and a live socket.
        unsafe { upcall(so.as_ptr(), arg, M_NOWAIT) }
    })
}

impl Sb {
    /// `sowakeup`: enters with the buffer's lock held, leaves without it. Wakes who sleeps on the buffer and
    /// runs its upcall.
    pub(crate) fn wakeup_unlock(self) {
        if self.flags() & SB_WAIT != 0 {
            self.set_flags(self.flags() & !SB_WAIT);
            sleep::wakeup(self.channel());
        }
        if self.flags() & SB_UPCALL != 0 {
            let kind = match self.side {
                Side::Receive => "a so_rcv upcall",
                Side::Send => "a so_snd upcall",
            };
            const SU_ISCONNECTED: c_int = 1;
            if run_upcall(self.upcall(), self.so, self.upcall_arg(), kind) == SU_ISCONNECTED {
                // What an accept filter answers: it has seen enough.
                self.set_flags(self.flags() & !SB_UPCALL);
                self.set_upcall(None);
                self.set_upcall_arg(std::ptr::null_mut());
            }
        }
        self.unlock();
    }
}

impl So {
    fn change(self, clear: i16, set: i16) {
        self.mutex().lock();
        self.set_state(self.state() & !clear | set);
        self.mutex().unlock();
    }

    /// `soisconnecting`.
    pub(crate) fn is_connecting(self) {
        self.change(SS_ISCONNECTED | SS_ISDISCONNECTING, SS_ISCONNECTING);
    }

    /// The connection could not even be tried.
    pub(crate) fn is_idle(self) {
        self.change(SS_ISCONNECTING, 0);
    }

    /// `soisconnected`.
    pub(crate) fn is_connected(self) {
        self.change(SS_ISCONNECTING | SS_ISDISCONNECTING, SS_ISCONNECTED);
        sleep::wakeup(self.timeo_channel());
        self.wake(Side::Receive);
        self.wake(Side::Send);
    }

    /// `soisdisconnecting`.
    pub(crate) fn is_disconnecting(self) {
        self.change(SS_ISCONNECTING, SS_ISDISCONNECTING);
        self.cant_receive_more();
        self.cant_send_more();
        sleep::wakeup(self.timeo_channel());
    }

    /// `soisdisconnected`: nothing comes or goes any more; what was to be sent is dropped, under the lock.
    pub(crate) fn is_disconnected(self) {
        self.change(
            SS_ISCONNECTING | SS_ISCONNECTED | SS_ISDISCONNECTING,
            SS_ISDISCONNECTED,
        );
        self.cant_receive_more();
        self.drop_output();
        sleep::wakeup(self.timeo_channel());
    }

    /// Nothing can be sent any more and what was queued is dropped.
    pub(crate) fn drop_output(self) {
        let snd = self.snd();
        snd.lock();
        snd.flush();
        snd.set_state(snd.state() | SBS_CANTSENDMORE);
        snd.wakeup_unlock();
    }

    /// `socantrcvmore`.
    pub(crate) fn cant_receive_more(self) {
        let rcv = self.rcv();
        rcv.lock();
        rcv.set_state(rcv.state() | SBS_CANTRCVMORE);
        rcv.wakeup_unlock();
    }

    /// `socantsendmore`.
    pub(crate) fn cant_send_more(self) {
        let snd = self.snd();
        snd.lock();
        snd.set_state(snd.state() | SBS_CANTSENDMORE);
        snd.wakeup_unlock();
    }

    /// `sorwakeup`, `sowwakeup`.
    pub(crate) fn wake(self, side: Side) {
        let sb = Sb::of(self, side);
        sb.lock();
        sb.wakeup_unlock();
    }

    /// `solisten_wakeup`: enters with the listener's lock held, leaves without it.
    pub(crate) fn wake_listener_unlock(self) {
        let queue = self.queue();
        // SAFETY: the listener's lock is held.
        let (upcall, arg) = unsafe { ((*queue).sol_upcall, (*queue).sol_upcallarg) };
        run_upcall(upcall, self, arg, "a listener's upcall");
        // Nothing of the socket is read once its lock is free.
        let channel = self.accept_channel();
        self.mutex().unlock();
        sleep::wakeup_one(channel);
    }

    /// What `solisten_dequeue` sleeps on.
    pub(crate) fn accept_channel(self) -> *const c_void {
        // SAFETY: only the address is used.
        unsafe { (&raw const (*self.queue()).sol_comp).cast() }
    }
}
