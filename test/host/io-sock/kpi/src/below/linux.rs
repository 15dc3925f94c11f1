//! Linux's socket calls, with QNX's error numbers.

use crate::config;
use crate::errno::from_linux;
use crate::socket::addr::{AF_INET6, Addr};
use std::ffi::{c_int, c_void};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// How bytes are sent.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sending {
    /// More follows at once.
    pub(crate) more: bool,
    /// The acknowledgement of the last byte is to be reported: see [`Fd::report_acks`].
    pub(crate) report: bool,
}

/// Room for one control message with a number in it.
#[repr(C, align(8))]
struct Control([u8; 32]);

/// A descriptor, closed on drop or earlier.
pub(crate) struct Fd(OwnedFd);

/// Why the last call failed, in QNX's numbers.
fn last() -> c_int {
    from_linux(
        std::io::Error::last_os_error()
            .raw_os_error()
            .unwrap_or(libc::EIO),
    )
}

fn check(result: c_int) -> Result<c_int, c_int> {
    if result < 0 { Err(last()) } else { Ok(result) }
}

fn check_len(result: isize) -> Result<usize, c_int> {
    usize::try_from(result).map_err(|_| last())
}

impl Fd {
    pub(crate) fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// A non-blocking socket of the stack's family and type numbers.
    pub(crate) fn socket(family: u8, sotype: c_int, protocol: c_int) -> Result<Fd, c_int> {
        let domain = if family == AF_INET6 {
            libc::AF_INET6
        } else {
            libc::AF_INET
        };
        // SAFETY: no memory is involved.
        let fd = check(unsafe {
            libc::socket(
                domain,
                sotype | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
                protocol,
            )
        })?;
        // SAFETY: just made; nobody else has it.
        let fd = Fd(unsafe { OwnedFd::from_raw_fd(fd) });
        fd.tune();
        if family == AF_INET6 {
            // BSD's default.
            fd.set_option(libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
        }
        Ok(fd)
    }

    fn tune(&self) {
        for (name, bytes) in [
            (libc::SO_SNDBUF, config::linux_sndbuf()),
            (libc::SO_RCVBUF, config::linux_rcvbuf()),
        ] {
            if bytes != 0 {
                // A wish only.
                let _ = self.set_option(libc::SOL_SOCKET, name, bytes as c_int);
            }
        }
    }

    pub(crate) fn bind(&self, addr: Addr) -> Result<(), c_int> {
        let (sa, len) = addr.to_linux();
        // SAFETY: `sa` is a sockaddr of that length.
        check(unsafe { libc::bind(self.raw(), (&raw const sa).cast(), len) }).map(drop)
    }

    pub(crate) fn listen(&self, backlog: c_int) -> Result<(), c_int> {
        // SAFETY: no memory is involved.
        check(unsafe { libc::listen(self.raw(), backlog) }).map(drop)
    }

    /// Starts connecting; `EINPROGRESS` when it is not done at once.
    pub(crate) fn connect(&self, addr: Addr) -> Result<(), c_int> {
        let (sa, len) = addr.to_linux();
        // SAFETY: `sa` is a sockaddr of that length.
        check(unsafe { libc::connect(self.raw(), (&raw const sa).cast(), len) }).map(drop)
    }

    /// Undoes `connect` of a datagram socket.
    pub(crate) fn disconnect(&self) -> Result<(), c_int> {
        // SAFETY: all zeroes is a valid sockaddr, of family AF_UNSPEC.
        let sa: libc::sockaddr = unsafe { std::mem::zeroed() };
        // SAFETY: as above.
        check(unsafe { libc::connect(self.raw(), &raw const sa, size_of::<libc::sockaddr>() as u32) })
            .map(drop)
    }

    pub(crate) fn accept(&self) -> Result<(Fd, Option<Addr>), c_int> {
        // SAFETY: all zeroes is a valid sockaddr_storage.
        let mut sa: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        let mut len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: room for any address.
        let fd = check(unsafe { libc::accept4(self.raw(), (&raw mut sa).cast(), &raw mut len, flags) })?;
        // SAFETY: just made; nobody else has it.
        Ok((Fd(unsafe { OwnedFd::from_raw_fd(fd) }), Addr::from_linux(&sa)))
    }

    fn name(
        &self,
        call: unsafe extern "C" fn(c_int, *mut libc::sockaddr, *mut libc::socklen_t) -> c_int,
    ) -> Result<Addr, c_int> {
        // SAFETY: all zeroes is a valid sockaddr_storage.
        let mut sa: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        let mut len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        // SAFETY: room for any address.
        check(unsafe { call(self.raw(), (&raw mut sa).cast(), &raw mut len) })?;
        Addr::from_linux(&sa).ok_or(crate::errno::EAFNOSUPPORT)
    }

    pub(crate) fn local(&self) -> Result<Addr, c_int> {
        self.name(libc::getsockname)
    }

    pub(crate) fn peer(&self) -> Result<Addr, c_int> {
        self.name(libc::getpeername)
    }

    /// No more is sent.
    pub(crate) fn shutdown_write(&self) {
        // Fails only when there is no connection any more, which is as good.
        // SAFETY: no memory is involved.
        unsafe { libc::shutdown(self.raw(), libc::SHUT_WR) };
    }

    /// The next close resets the connection.
    pub(crate) fn reset_on_close(&self) {
        let linger = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        let len = size_of::<libc::linger>() as u32;
        // SAFETY: a linger of that size. It cannot fail on a socket.
        unsafe {
            libc::setsockopt(
                self.raw(),
                libc::SOL_SOCKET,
                libc::SO_LINGER,
                (&raw const linger).cast(),
                len,
            )
        };
    }

    /// Closes it now; the number stays taken until the drop, by a descriptor of nothing, so that no event
    /// meets another socket.
    pub(crate) fn close(&self) {
        // SAFETY: an eventfd replaces the socket under the same number, which is what closes the connection.
        unsafe {
            let nothing = libc::eventfd(0, libc::EFD_CLOEXEC);
            if nothing >= 0 {
                libc::dup3(nothing, self.raw(), libc::O_CLOEXEC);
                libc::close(nothing);
            } else {
                libc::shutdown(self.raw(), libc::SHUT_RDWR);
            }
        }
    }

    pub(crate) fn set_option(&self, level: c_int, name: c_int, value: c_int) -> Result<(), c_int> {
        // SAFETY: an int of that size.
        check(unsafe {
            libc::setsockopt(
                self.raw(),
                level,
                name,
                (&raw const value).cast(),
                size_of::<c_int>() as u32,
            )
        })
        .map(drop)
    }

    pub(crate) fn option(&self, level: c_int, name: c_int) -> Result<c_int, c_int> {
        let mut value: c_int = 0;
        let mut len = size_of::<c_int>() as libc::socklen_t;
        // SAFETY: room for an int.
        check(unsafe { libc::getsockopt(self.raw(), level, name, (&raw mut value).cast(), &raw mut len) })?;
        Ok(value)
    }

    /// The error that Linux keeps for the socket, which is cleared; 0: none.
    pub(crate) fn take_error(&self) -> c_int {
        self.option(libc::SOL_SOCKET, libc::SO_ERROR)
            .map_or_else(|e| e, from_linux)
    }

    /// Sends what the pieces hold, or some of it.
    pub(crate) fn send(
        &self,
        pieces: &mut [libc::iovec],
        to: Option<Addr>,
        sending: Sending,
    ) -> Result<usize, c_int> {
        let sa = to.map(Addr::to_linux);
        // SAFETY: all zeroes is a valid msghdr.
        let mut msg: libc::msghdr = unsafe { std::mem::zeroed() };
        if let Some((sa, len)) = &sa {
            msg.msg_name = std::ptr::from_ref(sa).cast_mut().cast();
            msg.msg_namelen = *len;
        }
        msg.msg_iov = pieces.as_mut_ptr();
        msg.msg_iovlen = pieces.len() as _;
        let mut control = Control([0; 32]);
        if sending.report {
            msg.msg_control = (&raw mut control).cast();
            // SAFETY: CMSG_SPACE computes; the first header lies in `control`, which has room for a number
            // behind it.
            unsafe {
                msg.msg_controllen = libc::CMSG_SPACE(size_of::<u32>() as u32) as _;
                let header = libc::CMSG_FIRSTHDR(&raw const msg);
                (*header).cmsg_level = libc::SOL_SOCKET;
                (*header).cmsg_type = libc::SO_TIMESTAMPING;
                (*header).cmsg_len = libc::CMSG_LEN(size_of::<u32>() as u32) as _;
                libc::CMSG_DATA(header)
                    .cast::<u32>()
                    .write_unaligned(libc::SOF_TIMESTAMPING_TX_ACK);
            }
        }
        let more = if sending.more { libc::MSG_MORE } else { 0 };
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL | more;
        // SAFETY: the pieces are memory that stays during the call.
        check_len(unsafe { libc::sendmsg(self.raw(), &raw const msg, flags) })
    }

    /// Bytes that were sent and that the peer has not acknowledged; the end of the stream counts as one.
    pub(crate) fn unacknowledged(&self) -> usize {
        let mut bytes: c_int = 0;
        // SAFETY: SIOCOUTQ, which is TIOCOUTQ by its other name, stores an int.
        let result = unsafe { libc::ioctl(self.raw(), libc::TIOCOUTQ, &raw mut bytes) };
        if result == 0 { bytes.max(0) as usize } else { 0 }
    }

    /// Lets Linux report, as an event and an entry in the error queue, the acknowledgement of sends that ask
    /// for it. `false`: it cannot.
    pub(crate) fn report_acks(&self) -> bool {
        self.set_option(
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPING,
            libc::SOF_TIMESTAMPING_OPT_TSONLY as c_int,
        )
        .is_ok()
    }

    /// Empties the error queue, whose entries say nothing that is not asked for anyway.
    pub(crate) fn drop_reports(&self) {
        const MOST: usize = 32;
        // SAFETY: all zeroes is a valid mmsghdr: no name, no pieces, no room for control messages.
        let mut messages: [libc::mmsghdr; MOST] = unsafe { std::mem::zeroed() };
        let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
        loop {
            // SAFETY: as many headers as are said; nothing is stored but into them.
            let n = unsafe {
                libc::recvmmsg(
                    self.raw(),
                    messages.as_mut_ptr(),
                    MOST as u32,
                    flags as _,
                    std::ptr::null_mut(),
                )
            };
            if n < MOST as c_int {
                return;
            }
        }
    }

    /// Receives into the pieces: how many bytes, who sent them (datagrams), and whether there was more.
    pub(crate) fn receive(
        &self,
        pieces: &mut [libc::iovec],
        name: bool,
    ) -> Result<(usize, Option<Addr>, bool), c_int> {
        // SAFETY: all zeroes are a valid sockaddr_storage and msghdr.
        let (mut sa, mut msg): (libc::sockaddr_storage, libc::msghdr) =
            unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        if name {
            msg.msg_name = (&raw mut sa).cast();
            msg.msg_namelen = size_of::<libc::sockaddr_storage>() as u32;
        }
        msg.msg_iov = pieces.as_mut_ptr();
        msg.msg_iovlen = pieces.len() as _;
        // SAFETY: the pieces are memory that stays during the call and is ours to write.
        let n = check_len(unsafe { libc::recvmsg(self.raw(), &raw mut msg, libc::MSG_DONTWAIT) })?;
        Ok((
            n,
            if name { Addr::from_linux(&sa) } else { None },
            msg.msg_flags & libc::MSG_TRUNC != 0,
        ))
    }

    /// Drops up to `n` received bytes of a stream.
    pub(crate) fn discard(&self, n: usize) -> Result<usize, c_int> {
        let none: *mut c_void = std::ptr::null_mut();
        // SAFETY: with MSG_TRUNC a TCP socket writes nothing to the buffer.
        check_len(unsafe { libc::recv(self.raw(), none, n, libc::MSG_DONTWAIT | libc::MSG_TRUNC) })
    }
}
