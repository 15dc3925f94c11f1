//! What a socket's buffers hold, and upcalls: news of them.

use super::Socket;
use crate::upcall;

impl Socket {
    /// Bytes that the send buffer takes now; may be negative. While one thread alone sends it only grows.
    ///
    /// # Context
    /// Takes the send buffer's lock: not from an upcall.
    #[doc(alias = "sbspace")]
    pub fn send_space(&self) -> i64 {
        // SAFETY: a live socket that does not listen.
        unsafe { iosock_sys::iosock_shim_sockbuf_send_space(self.as_ptr()) }
    }

    /// Bytes that the send buffer can take at all (`sb_hiwat`): the longest chain that [`Socket::send`] takes.
    ///
    /// # Context
    /// Takes the send buffer's lock: not from an upcall.
    pub fn send_hiwat(&self) -> u32 {
        // SAFETY: as above.
        unsafe { iosock_sys::iosock_shim_sockbuf_send_hiwat(self.as_ptr()) }
    }

    /// Bytes in the send buffer: not sent yet, or not acknowledged.
    ///
    /// # Context
    /// Takes the send buffer's lock: not from an upcall.
    #[doc(alias = "sbused")]
    pub fn send_used(&self) -> u32 {
        // SAFETY: as above.
        unsafe { iosock_sys::iosock_shim_sockbuf_send_used(self.as_ptr()) }
    }

    /// Bytes that can be received now.
    ///
    /// # Context
    /// Takes the receive buffer's lock: not from an upcall.
    #[doc(alias = "sbavail")]
    pub fn recv_available(&self) -> u32 {
        // SAFETY: as above.
        unsafe { iosock_sys::iosock_shim_sockbuf_receive_available(self.as_ptr()) }
    }

    /// Keeps short external pieces where they lie (`SB_NOCOALESCE`): the stack would copy those of at most 512 bytes behind a
    /// writable mbuf, and release them inside [`Socket::send`].
    ///
    /// # Context
    /// Takes the send buffer's lock: not from an upcall.
    pub fn set_no_coalesce(&self) {
        // SAFETY: as above.
        unsafe { iosock_sys::iosock_shim_sockbuf_send_no_coalesce(self.as_ptr()) };
    }

    /// Has `upcall(arg)` called when there is data, its end or an error. A plain function, or a closure that captures nothing;
    /// anything else does not compile. It replaces the one before.
    ///
    /// It runs with the receive buffer's lock and others, in a thread of the stack: atomics, a leaf [`Mutex`](crate::Mutex) and
    /// [`WaitQueue::signal`](crate::WaitQueue::signal), and nothing else; no call of this socket. It may come without news, and one
    /// for several; for what came before it was set there is none, so look once afterwards. `arg` must mean something until the socket
    /// is closed or the upcall cleared.
    ///
    /// # Context
    /// Takes the receive buffer's lock: not from an upcall.
    #[doc(alias = "soupcall_set")]
    pub fn set_recv_upcall<F: Fn(usize) + Copy + Send + Sync + 'static>(&self, upcall: F, arg: usize) {
        let upcall::Registration { upcall, arg } = upcall::Registration::new(upcall, arg);
        // SAFETY: a live socket that does not listen; the trampoline takes `arg` for a word.
        unsafe { iosock_sys::iosock_shim_upcall_set_receive(self.as_ptr(), upcall, arg) };
    }

    /// Has `upcall(arg)` called when there is space, the connection was made or failed, or sending ended. Otherwise as
    /// [`Socket::set_recv_upcall`], with the send buffer's lock.
    ///
    /// # Context
    /// Takes the send buffer's lock: not from an upcall.
    #[doc(alias = "soupcall_set")]
    pub fn set_send_upcall<F: Fn(usize) + Copy + Send + Sync + 'static>(&self, upcall: F, arg: usize) {
        let upcall::Registration { upcall, arg } = upcall::Registration::new(upcall, arg);
        // SAFETY: as above.
        unsafe { iosock_sys::iosock_shim_upcall_set_send(self.as_ptr(), upcall, arg) };
    }

    /// Takes both upcalls away. When this returns none is running, and none will.
    ///
    /// # Context
    /// Takes both buffer locks, one after the other: not from an upcall.
    #[doc(alias = "soupcall_clear")]
    pub fn clear_upcalls(&self) {
        // SAFETY: a live socket that does not listen.
        unsafe { upcall::clear_socket(self.as_ptr()) };
    }
}
