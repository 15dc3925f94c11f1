//! What sockets and listeners have in common.

use crate::{Errno, SockAddr, SocketOption, addr};
use core::{ffi::c_int, ptr::NonNull};
use iosock_sys::{iosock_addr, socket};

/// A socket of io-sock that lives. Closes nothing by itself.
///
/// # Invariants
/// The socket was neither closed nor given away. All calls through it are safe in any thread that io-sock knows: the stack locks.
#[derive(Debug)]
pub(crate) struct RawSocket(NonNull<socket>);

// SAFETY: the stack locks each socket, and knows no thread as its owner.
unsafe impl Send for RawSocket {}
// SAFETY: as above.
unsafe impl Sync for RawSocket {}

impl RawSocket {
    pub(crate) const fn new(so: NonNull<socket>) -> Self {
        Self(so)
    }

    pub(crate) const fn as_ptr(&self) -> *mut socket {
        self.0.as_ptr()
    }

    pub(crate) const fn as_non_null(&self) -> NonNull<socket> {
        self.0
    }

    pub(crate) fn local_addr(&self) -> Result<SockAddr, Errno> {
        let mut found = addr::NONE;
        // SAFETY: a live socket, and a place for the address.
        known(
            unsafe { iosock_sys::iosock_shim_socket_local(self.as_ptr(), &mut found) },
            &found,
        )
    }

    pub(crate) fn peer_addr(&self) -> Result<SockAddr, Errno> {
        let mut found = addr::NONE;
        // SAFETY: as above.
        known(
            unsafe { iosock_sys::iosock_shim_socket_peer(self.as_ptr(), &mut found) },
            &found,
        )
    }

    pub(crate) fn set_nonblocking(&self, on: bool) {
        // SAFETY: a live socket.
        unsafe { iosock_sys::iosock_shim_socket_set_nonblocking(self.as_ptr(), c_int::from(on)) };
    }

    pub(crate) fn take_error(&self) -> Option<Errno> {
        // SAFETY: a live socket.
        Errno::from_raw(unsafe { iosock_sys::iosock_shim_socket_take_error(self.as_ptr()) })
    }

    pub(crate) fn set_int_option(&self, option: SocketOption, value: i32) -> Result<(), Errno> {
        let SocketOption { level, name } = option;
        let (place, len) = ((&raw const value).cast(), size_of::<c_int>());
        // SAFETY: a live socket, and an int to read.
        Errno::check(unsafe {
            iosock_sys::iosock_shim_socket_set_option(self.as_ptr(), level, name, place, len)
        })
    }

    pub(crate) fn int_option(&self, option: SocketOption) -> Result<i32, Errno> {
        let SocketOption { level, name } = option;
        let (mut value, mut len): (c_int, usize) = (0, size_of::<c_int>());
        // SAFETY: a live socket, and an int to write.
        let error = unsafe {
            iosock_sys::iosock_shim_socket_get_option(
                self.as_ptr(),
                level,
                name,
                (&raw mut value).cast(),
                &mut len,
            )
        };
        Errno::check(error)?;
        if len == size_of::<c_int>() {
            Ok(value)
        } else {
            Err(Errno::EINVAL)
        }
    }

    /// # Safety
    /// The last use of the socket; no upcall is set any more.
    pub(crate) unsafe fn close(&self) -> Result<(), Errno> {
        // SAFETY: by the caller this is the socket's last use.
        Errno::check(unsafe { iosock_sys::iosock_shim_soclose(self.as_ptr()) })
    }
}

/// An address that a call filled in.
pub(crate) fn known(error: c_int, found: &iosock_addr) -> Result<SockAddr, Errno> {
    Errno::check(error)?;
    addr::from_shim(found).ok_or(Errno::EAFNOSUPPORT)
}
