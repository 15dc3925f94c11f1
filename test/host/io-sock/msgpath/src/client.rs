//! Sockets of a client. Every call is one message; calls without `MSG_DONTWAIT` block like the calls they are named after.

use crate::wire::{
    ADDRESS_LEN, AF_INET, AF_INET6, Address, Header, MSG_DONTWAIT, OPTION_MAX, Operation, SOCK_STREAM,
};
use qnx::{Connection, Errno, IoSlice, IoSliceMut};
use std::{ffi::CString, io, net::SocketAddr, sync::Arc};

/// A connection to io-sock's message path.
#[derive(Clone, Debug)]
pub struct MessagePath {
    connection: Arc<Connection>,
}

/// Which direction is shut down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// `SHUT_RD`.
    Read = 0,
    /// `SHUT_WR`.
    Write = 1,
    /// `SHUT_RDWR`.
    Both = 2,
}

/// A socket; dropping it closes it.
#[derive(Debug)]
struct Socket {
    path: MessagePath,
    number: u32,
}

/// A connected TCP socket.
#[derive(Debug)]
pub struct Stream {
    socket: Socket,
}

/// A listening TCP socket.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
}

impl MessagePath {
    /// Connects to the io-sock that was started with `prefix`; empty for the default one. `ENOENT` when none runs.
    pub fn open(prefix: &str) -> Result<Self, Errno> {
        let name = format!("{prefix}/dev/socket");
        let name = CString::new(name.trim_start_matches('/')).map_err(|_| Errno::EINVAL)?;
        Ok(Self {
            connection: Arc::new(Connection::open_name(&name)?),
        })
    }

    fn call(&self, header: &Header, body: &[u8], answer: &mut [u8]) -> Result<u64, Errno> {
        let header = header.encode();
        let status = self.connection.sendv(
            &[IoSlice::new(&header), IoSlice::new(body)],
            &mut [IoSliceMut::new(answer)],
        )?;
        u64::try_from(status).map_err(|_| Errno::EBADMSG)
    }

    fn socket(&self, addr: &SocketAddr) -> Result<Socket, Errno> {
        let domain = if addr.is_ipv4() { AF_INET } else { AF_INET6 };
        let header = Header {
            numbers: [domain, SOCK_STREAM, 0],
            ..Header::new(Operation::Socket, 0)
        };
        self.adopt(self.call(&header, &[], &mut [])?)
    }

    fn adopt(&self, number: u64) -> Result<Socket, Errno> {
        let number = u32::try_from(number).map_err(|_| Errno::EBADMSG)?;
        Ok(Socket {
            path: self.clone(),
            number,
        })
    }

    /// A listener on `addr`; port 0 lets the stack choose.
    pub fn listen(&self, addr: SocketAddr, backlog: i32) -> Result<Listener, Errno> {
        let socket = self.socket(&addr)?;
        socket.simple(Operation::Bind, &Address::from(addr).encode())?;
        socket.call(
            &Header {
                numbers: [backlog, 0, 0],
                ..socket.header(Operation::Listen)
            },
            &[],
            &mut [],
        )?;
        Ok(Listener { socket })
    }

    /// A connection to `addr`. Blocks until it stands.
    pub fn connect(&self, addr: SocketAddr) -> Result<Stream, Errno> {
        let socket = self.socket(&addr)?;
        socket.simple(Operation::Connect, &Address::from(addr).encode())?;
        Ok(Stream { socket })
    }
}

impl Socket {
    fn header(&self, operation: Operation) -> Header {
        Header::new(operation, self.number)
    }

    fn call(&self, header: &Header, body: &[u8], answer: &mut [u8]) -> Result<u64, Errno> {
        self.path.call(header, body, answer)
    }

    /// A request whose header says nothing but the length of what follows.
    fn simple(&self, operation: Operation, body: &[u8]) -> Result<u64, Errno> {
        self.call(
            &Header {
                len: body.len() as u64,
                ..self.header(operation)
            },
            body,
            &mut [],
        )
    }

    fn name(&self, operation: Operation) -> Result<SocketAddr, Errno> {
        let mut answer = [0; ADDRESS_LEN];
        self.call(&self.header(operation), &[], &mut answer)?;
        Address::decode(&answer)
            .and_then(Address::to_std)
            .ok_or(Errno::EAFNOSUPPORT)
    }

    fn set_option(&self, level: i32, name: i32, value: &[u8]) -> Result<(), Errno> {
        let header = Header {
            numbers: [level, name, 0],
            len: value.len() as u64,
            ..self.header(Operation::SetOption)
        };
        self.call(&header, value, &mut []).map(drop)
    }

    fn option(&self, level: i32, name: i32) -> Result<i32, Errno> {
        let mut answer = [0; OPTION_MAX];
        let header = Header {
            numbers: [level, name, 0],
            len: 4,
            ..self.header(Operation::GetOption)
        };
        let len = self.call(&header, &[], &mut answer)?;
        if len < 4 {
            return Err(Errno::EBADMSG);
        }
        Ok(i32::from_le_bytes([answer[0], answer[1], answer[2], answer[3]]))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Nobody is left to hear of an error, and io-sock closes it with the connection at the latest.
        let _ = self.simple(Operation::Close, &[]);
    }
}

impl Listener {
    /// Waits for a connection.
    pub fn accept(&self) -> Result<(Stream, SocketAddr), Errno> {
        self.accept_flags(0)
    }

    /// Takes a connection that is there; `EAGAIN` when none is.
    pub fn try_accept(&self) -> Result<(Stream, SocketAddr), Errno> {
        self.accept_flags(MSG_DONTWAIT)
    }

    fn accept_flags(&self, flags: u32) -> Result<(Stream, SocketAddr), Errno> {
        let mut answer = [0; ADDRESS_LEN];
        let header = Header {
            flags,
            ..self.socket.header(Operation::Accept)
        };
        let socket = self
            .socket
            .path
            .adopt(self.socket.call(&header, &[], &mut answer)?)?;
        let peer = Address::decode(&answer)
            .and_then(Address::to_std)
            .ok_or(Errno::EAFNOSUPPORT)?;
        Ok((Stream { socket }, peer))
    }

    /// The address that it listens on.
    pub fn local_addr(&self) -> Result<SocketAddr, Errno> {
        self.socket.name(Operation::SockName)
    }
}

impl Stream {
    /// Sends bytes: how many were taken. Without flags, all; with `MSG_DONTWAIT`, what fits, or `EAGAIN`.
    pub fn send(&self, bytes: &[u8], flags: u32) -> Result<usize, Errno> {
        let header = Header {
            flags,
            len: bytes.len() as u64,
            ..self.socket.header(Operation::Send)
        };
        let sent = self.socket.call(&header, bytes, &mut [])?;
        usize::try_from(sent)
            .ok()
            .filter(|sent| *sent <= bytes.len())
            .ok_or(Errno::EBADMSG)
    }

    /// Receives bytes: how many; 0 at the end of the stream. Without flags it waits for the first.
    pub fn receive(&self, buffer: &mut [u8], flags: u32) -> Result<usize, Errno> {
        let header = Header {
            flags,
            len: buffer.len() as u64,
            ..self.socket.header(Operation::Receive)
        };
        let received = self.socket.call(&header, &[], buffer)?;
        usize::try_from(received)
            .ok()
            .filter(|received| *received <= buffer.len())
            .ok_or(Errno::EBADMSG)
    }

    /// Shuts a direction down.
    pub fn shutdown(&self, how: How) -> Result<(), Errno> {
        let header = Header {
            numbers: [how as i32, 0, 0],
            ..self.socket.header(Operation::Shutdown)
        };
        self.socket.call(&header, &[], &mut []).map(drop)
    }

    /// Our address.
    pub fn local_addr(&self) -> Result<SocketAddr, Errno> {
        self.socket.name(Operation::SockName)
    }

    /// The peer's.
    pub fn peer_addr(&self) -> Result<SocketAddr, Errno> {
        self.socket.name(Operation::PeerName)
    }

    /// Sets an option whose value is an int; levels and names are io-sock's.
    pub fn set_option(&self, level: i32, name: i32, value: i32) -> Result<(), Errno> {
        self.socket.set_option(level, name, &value.to_le_bytes())
    }

    /// Reads an option whose value is an int.
    pub fn option(&self, level: i32, name: i32) -> Result<i32, Errno> {
        self.socket.option(level, name)
    }
}

impl io::Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive(buffer, 0).map_err(to_io)
    }
}

impl io::Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes, 0).map_err(to_io)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// QNX's numbers are not Linux's: the text tells them apart.
fn to_io(error: Errno) -> io::Error {
    let kind = match error {
        Errno::EAGAIN => io::ErrorKind::WouldBlock,
        Errno::EINTR => io::ErrorKind::Interrupted,
        Errno::EPIPE => io::ErrorKind::BrokenPipe,
        Errno::ECONNRESET => io::ErrorKind::ConnectionReset,
        Errno::ENOTCONN => io::ErrorKind::NotConnected,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
