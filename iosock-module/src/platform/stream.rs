//! TCP sockets of io-sock behind `machine.rs`.

use super::{IoSock, Mbufs, TABLE, wire_errno};
use crate::{
    config::Config,
    events,
    handle::Handle,
    machine::{self, How, OptValue, Received},
};
use core::convert::Infallible;
use csock_wire::{SharedRegion, SockAddr, SockOpt, WireErrno};
use iosock::{Errno, Listener, MbufChain, RecvFlags, SendFlags, Socket, SocketOption};

/// A TCP socket.
pub struct TcpStream(Socket);

/// A listening TCP socket.
pub struct TcpListener(Listener);

impl TcpStream {
    /// Makes one, non-blocking, with the configured buffers.
    pub(super) fn new(config: &Config) -> Result<Self, WireErrno> {
        let socket = Socket::tcp().map_err(wire_errno)?;
        socket.set_nonblocking(true);
        for (option, size) in [
            (SocketOption::SO_SNDBUF, config.sndbuf()),
            (SocketOption::SO_RCVBUF, config.rcvbuf()),
        ] {
            // A size that the system does not allow leaves its default.
            if let (Ok(size @ 1..), SocketOption { level, name }) = (i32::try_from(size), option) {
                let _ = socket.set_int_option(level, name, size);
            }
        }
        Ok(Self(socket))
    }
}

impl TcpStream {
    /// `soreceive`; `take` gets what came and says how much of it has found its place.
    fn receive_chain(&self, max: u32, take: impl FnOnce(MbufChain) -> u32) -> Received {
        let max = usize::try_from(max).unwrap_or(0);
        match self.0.receive(max, RecvFlags::DONTWAIT) {
            Ok(iosock::Received { bytes: 0, .. }) => Received::Nothing,
            Ok(iosock::Received { chain, bytes, .. }) => {
                let taken = take(chain);
                // The stack promised at most what there is room for: a hole in a stream must not pass for data.
                if usize::try_from(taken).is_ok_and(|taken| taken == bytes) {
                    Received::Bytes(taken)
                } else {
                    Received::Failed(WireErrno::EFAULT)
                }
            }
            Err(Errno::EWOULDBLOCK) => Received::WouldBlock,
            // A sleep for a lock was interrupted: nothing was taken.
            Err(Errno::EINTR) => Received::Interrupted,
            Err(error) => Received::Failed(wire_errno(error)),
        }
    }
}

/// An upcall: bits and a wakeup, nothing else.
fn upcall(arg: usize, bits: u32) {
    if let Some(handle) = Handle::from_arg(arg) {
        TABLE.notify(handle, bits);
    }
}

fn arg(handle: u32) -> usize {
    usize::try_from(handle).unwrap_or(0)
}

fn to_wire(addr: iosock::SockAddr) -> SockAddr {
    SockAddr::from(addr)
}

fn from_wire(addr: &SockAddr) -> Result<iosock::SockAddr, WireErrno> {
    addr.to_socket_addr().ok_or(WireErrno::EAFNOSUPPORT)
}

impl machine::Stream for TcpStream {
    type Mem = SharedRegion;
    type Chain = Mbufs;
    type Listener = TcpListener;

    fn watch(&self, handle: u32) {
        self.0
            .set_recv_upcall(|arg| upcall(arg, events::RECV), arg(handle));
        self.0
            .set_send_upcall(|arg| upcall(arg, events::SEND), arg(handle));
    }

    fn bind(&self, addr: &SockAddr) -> Result<(), WireErrno> {
        self.0.bind(&from_wire(addr)?).map_err(wire_errno)
    }

    fn listen(self, backlog: i32) -> Result<TcpListener, (Self, WireErrno)> {
        match self.0.listen(backlog) {
            Ok(listener) => {
                listener.set_nonblocking(true);
                Ok(TcpListener(listener))
            }
            Err((socket, error)) => Err((Self(socket), wire_errno(error))),
        }
    }

    fn connect(&self, addr: &SockAddr) -> Result<(), WireErrno> {
        match self.0.connect(&from_wire(addr)?) {
            Ok(()) | Err(Errno::EINPROGRESS) => Ok(()),
            Err(error) => Err(wire_errno(error)),
        }
    }

    fn is_connected(&self) -> bool {
        self.0.is_connected()
    }

    fn is_connecting(&self) -> bool {
        self.0.is_connecting()
    }

    fn take_error(&self) -> Option<WireErrno> {
        self.0.take_error().map(wire_errno)
    }

    fn send_space(&self) -> i64 {
        self.0.send_space()
    }

    fn send_hiwat(&self) -> u32 {
        self.0.send_hiwat()
    }

    fn send(&self, chain: Mbufs, more: bool) -> Result<(), WireErrno> {
        let more = if more {
            SendFlags::MORETOCOME
        } else {
            SendFlags::empty()
        };
        self.0
            .send(chain.0, SendFlags::DONTWAIT | more)
            .map_err(wire_errno)
    }

    fn receive_available(&self) -> u32 {
        self.0.recv_available()
    }

    fn can_receive_more(&self) -> bool {
        self.0.can_recv_more()
    }

    fn receive_into(&self, mem: &SharedRegion, offset: usize, max: u32) -> Received {
        self.receive_chain(max, |chain| {
            super::pool_memory::copy_out(&chain, mem, offset, max)
        })
    }

    fn receive(&self, max: u32, each: &mut dyn FnMut(&[u8])) -> Received {
        self.receive_chain(max, |chain| {
            let bytes = u32::try_from(chain.len()).unwrap_or(u32::MAX);
            let copied: Result<(), Infallible> = chain.for_each_slice(|piece| {
                each(piece);
                Ok(())
            });
            match copied {
                Ok(()) => bytes,
            }
        })
    }

    fn shutdown(&self, how: How) -> Result<(), WireErrno> {
        let how = match how {
            How::Read => iosock::How::Read,
            How::Write => iosock::How::Write,
            How::Both => iosock::How::Both,
        };
        self.0.shutdown(how).map_err(wire_errno)
    }

    fn local_addr(&self) -> Result<SockAddr, WireErrno> {
        self.0.local_addr().map(to_wire).map_err(wire_errno)
    }

    fn peer_addr(&self) -> Result<SockAddr, WireErrno> {
        self.0.peer_addr().map(to_wire).map_err(wire_errno)
    }

    fn set_option(&self, option: SockOpt, value: OptValue) -> Result<(), WireErrno> {
        if option == SockOpt::Linger {
            let seconds = u16::try_from(value.second).map_err(|_| WireErrno::EINVAL)?;
            return self
                .0
                .set_linger((value.first != 0).then_some(seconds))
                .map_err(wire_errno);
        }
        let (level, name) = option.to_wire();
        self.0
            .set_int_option(level, name, value.first)
            .map_err(wire_errno)
    }

    fn option(&self, option: SockOpt) -> Result<OptValue, WireErrno> {
        let (level, name) = option.to_wire();
        let first = self.0.get_int_option(level, name).map_err(wire_errno)?;
        Ok(OptValue { first, second: 0 })
    }

    fn close(self) {
        // What went wrong while closing concerns nobody any more.
        let _ = self.0.close();
    }

    fn abort(self) {
        // Fails on a socket that has no connection left: then there is nothing to reset.
        let _ = self.0.set_linger(Some(0));
        let _ = self.0.close();
    }
}

impl machine::Listener for TcpListener {
    type Stream = TcpStream;

    fn watch(&self, handle: u32) {
        self.0.set_upcall(|arg| upcall(arg, events::ACCEPT), arg(handle));
    }

    fn set_backlog(&self, backlog: i32) -> Result<(), WireErrno> {
        self.0.set_backlog(backlog).map_err(wire_errno)
    }

    fn accept(&self) -> Result<(TcpStream, SockAddr), WireErrno> {
        let (socket, peer) = self.0.accept().map_err(wire_errno)?;
        socket.set_nonblocking(true);
        Ok((TcpStream(socket), to_wire(peer)))
    }

    fn local_addr(&self) -> Result<SockAddr, WireErrno> {
        self.0.local_addr().map(to_wire).map_err(wire_errno)
    }
}

/// The associated types fit each other.
const fn _fits<P: machine::Platform>() {}
const _: () = _fits::<IoSock>();
