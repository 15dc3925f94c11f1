//! A socket of the stack, through `stack.c`. Every call needs a thread that the stack knows, with no lock held.

use crate::errno::{self, Errno};
use io_sock_msgpath::wire::{Address, OPTION_MAX};
use std::ffi::{c_int, c_void};
use std::ptr::NonNull;

/// `struct socket`.
#[repr(C)]
struct RawSocket {
    _opaque: [u8; 0],
}

unsafe extern "C" {
    fn msgpath_socket(domain: c_int, kind: c_int, protocol: c_int, out: *mut *mut RawSocket) -> c_int;
    fn msgpath_close(so: *mut RawSocket) -> c_int;
    fn msgpath_bind(so: *mut RawSocket, addr: *const Address) -> c_int;
    fn msgpath_listen(so: *mut RawSocket, backlog: c_int) -> c_int;
    fn msgpath_accept(
        so: *mut RawSocket,
        flags: c_int,
        out: *mut *mut RawSocket,
        peer: *mut Address,
    ) -> c_int;
    fn msgpath_connect(so: *mut RawSocket, addr: *const Address) -> c_int;
    fn msgpath_connected(so: *mut RawSocket, flags: c_int) -> c_int;
    fn msgpath_send(
        so: *mut RawSocket,
        bytes: *const c_void,
        len: usize,
        flags: c_int,
        sent: *mut usize,
    ) -> c_int;
    fn msgpath_receive(
        so: *mut RawSocket,
        bytes: *mut c_void,
        len: usize,
        flags: c_int,
        received: *mut usize,
    ) -> c_int;
    fn msgpath_shutdown(so: *mut RawSocket, how: c_int) -> c_int;
    fn msgpath_name(so: *mut RawSocket, peer: c_int, addr: *mut Address) -> c_int;
    fn msgpath_option(
        so: *mut RawSocket,
        set: c_int,
        level: c_int,
        name: c_int,
        value: *mut c_void,
        len: *mut usize,
    ) -> c_int;
}

/// A socket of our own. Dropping it closes it.
#[derive(Debug)]
pub struct Socket(NonNull<RawSocket>);

// SAFETY: the stack locks its sockets; any of its threads may use one.
unsafe impl Send for Socket {}
// SAFETY: as above.
unsafe impl Sync for Socket {}

/// A call that moved bytes may end with an error all the same.
pub type Moved = (usize, Result<(), Errno>);

impl Socket {
    /// Takes over what a successful call stored.
    fn adopt(answer: c_int, raw: *mut RawSocket) -> Result<Self, Errno> {
        errno::check(answer)?;
        NonNull::new(raw).map(Self).ok_or(Errno::ENOBUFS)
    }

    /// `socreate`.
    pub fn create(domain: c_int, kind: c_int, protocol: c_int) -> Result<Self, Errno> {
        let mut raw = std::ptr::null_mut();
        // SAFETY: a place for the socket, which is ours on success.
        let answer = unsafe { msgpath_socket(domain, kind, protocol, &mut raw) };
        Self::adopt(answer, raw)
    }

    /// `sobind`.
    pub fn bind(&self, addr: &Address) -> Result<(), Errno> {
        // SAFETY: our socket, and an address that is read during the call.
        errno::check(unsafe { msgpath_bind(self.0.as_ptr(), addr) })
    }

    /// `solisten`.
    pub fn listen(&self, backlog: c_int) -> Result<(), Errno> {
        // SAFETY: our socket.
        errno::check(unsafe { msgpath_listen(self.0.as_ptr(), backlog) })
    }

    /// `solisten_dequeue` and `soaccept`. Blocks without `MSG_DONTWAIT`; can be interrupted.
    pub fn accept(&self, flags: c_int) -> Result<(Self, Address), Errno> {
        let mut raw = std::ptr::null_mut();
        let mut peer = Address::default();
        // SAFETY: our socket; places for the new one, which is ours on success, and its peer.
        let answer = unsafe { msgpath_accept(self.0.as_ptr(), flags, &mut raw, &mut peer) };
        Ok((Self::adopt(answer, raw)?, peer))
    }

    /// `soconnect`: begins to connect.
    pub fn connect(&self, addr: &Address) -> Result<(), Errno> {
        // SAFETY: our socket, and an address that is read during the call.
        errno::check(unsafe { msgpath_connect(self.0.as_ptr(), addr) })
    }

    /// Waits for the connection; `EINPROGRESS` with `MSG_DONTWAIT`. Can be interrupted, and then called again.
    pub fn connected(&self, flags: c_int) -> Result<(), Errno> {
        // SAFETY: our socket.
        errno::check(unsafe { msgpath_connected(self.0.as_ptr(), flags) })
    }

    /// `sosend` of a uio. Blocks without `MSG_DONTWAIT`; can be interrupted.
    pub fn send(&self, bytes: &[u8], flags: c_int) -> Moved {
        let mut sent = 0;
        // SAFETY: our socket, bytes that are read during the call, and a place for their count.
        let answer = unsafe {
            msgpath_send(
                self.0.as_ptr(),
                bytes.as_ptr().cast(),
                bytes.len(),
                flags,
                &mut sent,
            )
        };
        (sent, errno::check(answer))
    }

    /// `soreceive` into a uio. Blocks without `MSG_DONTWAIT`; can be interrupted.
    pub fn receive(&self, buffer: &mut [u8], flags: c_int) -> Moved {
        let mut received = 0;
        // SAFETY: our socket, a buffer that is ours alone, and a place for the count.
        let answer = unsafe {
            msgpath_receive(
                self.0.as_ptr(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                flags,
                &mut received,
            )
        };
        (received, errno::check(answer))
    }

    /// `soshutdown`.
    pub fn shutdown(&self, how: c_int) -> Result<(), Errno> {
        // SAFETY: our socket.
        errno::check(unsafe { msgpath_shutdown(self.0.as_ptr(), how) })
    }

    /// Our address, or the peer's.
    pub fn name(&self, peer: bool) -> Result<Address, Errno> {
        let mut addr = Address::default();
        // SAFETY: our socket and a place for the address.
        errno::check(unsafe { msgpath_name(self.0.as_ptr(), peer.into(), &mut addr) })?;
        Ok(addr)
    }

    /// `sosetopt`.
    pub fn set_option(&self, level: c_int, name: c_int, value: &[u8]) -> Result<(), Errno> {
        let mut copy = value.to_vec();
        let mut len = copy.len();
        // SAFETY: our socket, and a value of that length.
        errno::check(unsafe {
            msgpath_option(
                self.0.as_ptr(),
                1,
                level,
                name,
                copy.as_mut_ptr().cast(),
                &mut len,
            )
        })
    }

    /// `sogetopt`: at most `wanted` bytes of the value.
    pub fn option(&self, level: c_int, name: c_int, wanted: usize) -> Result<Vec<u8>, Errno> {
        let mut value = vec![0; wanted.min(OPTION_MAX)];
        let mut len = value.len();
        // SAFETY: our socket, and room of that length.
        errno::check(unsafe {
            msgpath_option(
                self.0.as_ptr(),
                0,
                level,
                name,
                value.as_mut_ptr().cast(),
                &mut len,
            )
        })?;
        value.truncate(len);
        Ok(value)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: our socket; this is its last use.
        if let Err(error) = errno::check(unsafe { msgpath_close(self.0.as_ptr()) }) {
            eprintln!("io-sock: message path: soclose: {error}");
        }
    }
}
