//! One request of a client, from its message to its answer.

use super::{
    calls::{Calls, Reason, Running},
    counters::{self, Counters},
    socket::Socket,
    sockets::Sockets,
};
use crate::stack;
use io_sock_msgpath::wire::{
    self, ADDRESS_LEN, Address, HEADER_LEN, Header, IO_CONNECT, MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL,
    Malformed, OPTION_MAX, Operation,
};
use qnx::{Errno, Message};
use std::{
    ffi::c_int,
    sync::{Arc, atomic::Ordering},
};

/// Bytes of a thread's buffer: how much of a request or an answer is moved at once.
pub const BUFFER_LEN: usize = 64 * 1024;

/// What the threads of the pool share.
#[derive(Default)]
pub struct Shared {
    pub sockets: Sockets,
    pub calls: Calls,
    pub counters: Arc<Counters>,
}

/// How a request ended.
enum Answer {
    /// Status alone.
    Status(u64),
    /// Status, and so many bytes of the thread's buffer.
    Bytes(u64, usize),
}

/// A thread at work on a request.
pub struct Work<'a> {
    pub shared: &'a Shared,
    pub thread: &'a stack::ThisThread,
    /// What the message brought after its header; what the answer takes along.
    pub buffer: &'a mut [u8],
}

impl Work<'_> {
    /// Answers `message`, whose first bytes are `head` and whose next ones lie in the buffer. May sleep.
    pub fn answer(mut self, message: Message, head: &[u8]) {
        counters::add(&self.shared.counters.messages, 1);
        let header = match Header::decode(head) {
            Ok(header) => header,
            Err(malformed) => {
                // A client that is gone needs no answer.
                let _ = match malformed {
                    Malformed::UnknownType(IO_CONNECT) => message.reply(0, &[]),
                    Malformed::UnknownType(_) => message.error(Errno::ENOSYS),
                    Malformed::Bad => message.error(Errno::EBADMSG),
                };
                return;
            }
        };
        let result = self.perform(&message, &header);
        let _ = match result {
            Ok(Answer::Status(status)) => message.reply(status.cast_signed(), &[]),
            Ok(Answer::Bytes(status, len)) => message.reply(status.cast_signed(), &self.buffer[..len]),
            Err(End::Error(error)) => message.error(error),
            Err(End::Unblocked) => {
                counters::add(&self.shared.counters.unblocked, 1);
                message.into_rcvid().error_from_kernel()
            }
        };
    }

    fn perform(&mut self, message: &Message, header: &Header) -> Result<Answer, End> {
        let client = message.info().scoid;
        let body_len = message
            .info()
            .msglen
            .saturating_sub(HEADER_LEN)
            .min(self.buffer.len());
        let [first, second, third] = header.numbers;
        if header.flags & !(MSG_DONTWAIT | MSG_PEEK | MSG_WAITALL) != 0 {
            return Err(Errno::EOPNOTSUPP.into());
        }
        if header.operation == Operation::Socket {
            let (uid, gid) = rights(message)?;
            let socket = self
                .thread
                .as_user(uid, gid, || Socket::create(first, second, third))?;
            return self.give(message, socket);
        }
        if header.operation == Operation::Close {
            let socket = self.shared.sockets.remove(client, header.socket)?;
            self.shared.calls.close_socket(header.socket);
            self.shared
                .counters
                .sockets
                .store(self.shared.sockets.len() as u64, Ordering::Relaxed);
            drop(socket);
            return Ok(Answer::Status(0));
        }
        let socket = self.shared.sockets.get(client, header.socket)?;
        let done = |()| Answer::Status(0);
        match header.operation {
            Operation::Socket | Operation::Close => Err(Errno::ENOSYS.into()),
            Operation::Bind => {
                let addr = Address::decode(&self.buffer[..body_len]).ok_or(Errno::EBADMSG)?;
                let (uid, gid) = rights(message)?;
                Ok(self.thread.as_user(uid, gid, || socket.bind(&addr)).map(done)?)
            }
            Operation::Connect => {
                let addr = Address::decode(&self.buffer[..body_len]).ok_or(Errno::EBADMSG)?;
                let (uid, gid) = rights(message)?;
                let flags = (header.flags & MSG_DONTWAIT).cast_signed();
                self.thread.as_user(uid, gid, || socket.connect(&addr))?;
                let call = self.enter(message, header.socket);
                call.retry(|| socket.connected(flags)).map(done)
            }
            Operation::Listen => Ok(socket.listen(first).map(done)?),
            Operation::Shutdown => Ok(socket.shutdown(first).map(done)?),
            Operation::Accept => {
                let call = self.enter(message, header.socket);
                let flags = (header.flags & MSG_DONTWAIT).cast_signed();
                let (socket, peer) = call.retry(|| socket.accept(flags))?;
                drop(call);
                let Answer::Status(number) = self.give(message, socket)? else {
                    return Err(Errno::EIO.into());
                };
                Ok(self.bytes(number, &peer.encode()))
            }
            Operation::Send => self.send(message, header, &socket, body_len),
            Operation::Receive => self.receive(message, header, &socket),
            Operation::SockName => Ok(self.bytes(0, &socket.name(false)?.encode())),
            Operation::PeerName => Ok(self.bytes(0, &socket.name(true)?.encode())),
            Operation::SetOption => {
                let len = usize::try_from(header.len)
                    .ok()
                    .filter(|len| *len <= body_len.min(OPTION_MAX))
                    .ok_or(Errno::EBADMSG)?;
                Ok(socket.set_option(first, second, &self.buffer[..len]).map(done)?)
            }
            Operation::GetOption => {
                let value =
                    socket.option(first, second, usize::try_from(header.len).unwrap_or(OPTION_MAX))?;
                Ok(self.bytes(value.len() as u64, &value))
            }
        }
    }

    /// Gives the client a new socket.
    fn give(&self, message: &Message, socket: Socket) -> Result<Answer, End> {
        let number = self.shared.sockets.add(message.info().scoid, socket)?;
        self.shared
            .counters
            .sockets
            .store(self.shared.sockets.len() as u64, Ordering::Relaxed);
        Ok(Answer::Status(number.into()))
    }

    fn bytes(&mut self, status: u64, bytes: &[u8]) -> Answer {
        const { assert!(ADDRESS_LEN <= BUFFER_LEN && OPTION_MAX <= BUFFER_LEN) };
        self.buffer[..bytes.len()].copy_from_slice(bytes);
        Answer::Bytes(status, bytes.len())
    }

    fn enter(&self, message: &Message, socket: u32) -> Running<'_> {
        self.shared
            .calls
            .enter(message.rcvid(), self.thread.id(), message.info().scoid, socket)
    }

    fn send(
        &mut self,
        message: &Message,
        header: &Header,
        socket: &Socket,
        body_len: usize,
    ) -> Result<Answer, End> {
        let total = usize::try_from(header.len).map_err(|_| Errno::EMSGSIZE)?;
        let flags = (header.flags & MSG_DONTWAIT).cast_signed();
        let call = self.shared.calls.enter(
            message.rcvid(),
            self.thread.id(),
            message.info().scoid,
            header.socket,
        );
        let mut sent = 0;
        // What came with the message is in the buffer already.
        let mut there = body_len.min(total);
        let result = loop {
            let (moved, result) =
                call.retry_moving(|from| socket.send(&self.buffer[from..there], flags), there);
            sent += moved;
            counters::add(&self.shared.counters.tx_bytes, moved);
            counters::add(&self.shared.counters.tx_bytes_copied, 2 * moved);
            if result.is_err() || moved < there || sent == total {
                break result;
            }
            let room = self.buffer.len().min(total - sent);
            there = match message.read(HEADER_LEN + sent, &mut self.buffer[..room]) {
                // The client promised more than it sent.
                Ok(0) => break Err(Errno::EBADMSG.into()),
                Ok(len) => len,
                Err(error) => break Err(error.into()),
            };
        };
        // As send(2): bytes that were taken hide the error behind them.
        if sent > 0 {
            Ok(Answer::Status(sent as u64))
        } else {
            result.map(|()| Answer::Status(0))
        }
    }

    fn receive(&mut self, message: &Message, header: &Header, socket: &Socket) -> Result<Answer, End> {
        // The client's room for the answer counts, not what its header says.
        let room = message.info().dstmsglen.min(self.buffer.len());
        let wanted = usize::try_from(header.len).unwrap_or(room).min(room);
        let call = self.shared.calls.enter(
            message.rcvid(),
            self.thread.id(),
            message.info().scoid,
            header.socket,
        );
        let buffer = &mut self.buffer[..wanted];
        let (received, result) = call.retry_moving(
            |from| socket.receive(&mut buffer[from..], header.flags.cast_signed()),
            wanted,
        );
        if received == 0 {
            result?;
        }
        counters::add(&self.shared.counters.rx_bytes, received);
        counters::add(&self.shared.counters.rx_bytes_copied, 2 * received);
        Ok(Answer::Bytes(received as u64, received))
    }
}

/// Whose rights a call is made with.
fn rights(message: &Message) -> Result<(i32, i32), Errno> {
    let client = qnx::client_info(message.info().scoid)?;
    Ok((client.euid, client.egid))
}

/// Why a request has no answer.
enum End {
    Error(Errno),
    Unblocked,
}

impl From<Errno> for End {
    fn from(error: Errno) -> Self {
        Self::Error(error)
    }
}

fn interrupted(error: Errno) -> bool {
    matches!(error, Errno::EINTR | Errno::ERESTART)
}

impl Running<'_> {
    /// What an interrupted call's error means to the client.
    fn outcome<T>(&self, result: Result<T, Errno>) -> Result<T, End> {
        result.map_err(|error| match self.reason() {
            Some(Reason::Unblock) if interrupted(error) => End::Unblocked,
            // As on the target: EINTR when the socket is closed locally meanwhile.
            Some(Reason::Closed) if interrupted(error) => End::Error(Errno::EINTR),
            _ => End::Error(error),
        })
    }

    /// Makes a call again that was interrupted by what was meant for an earlier one.
    fn retry<T>(&self, mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, End> {
        loop {
            match call() {
                Err(error) if interrupted(error) && self.reason().is_none() => {}
                result => return self.outcome(result),
            }
        }
    }

    /// As [`Running::retry`], for a call that moves up to `all` bytes and is told from which on.
    fn retry_moving(
        &self,
        mut call: impl FnMut(usize) -> (usize, Result<(), Errno>),
        all: usize,
    ) -> (usize, Result<(), End>) {
        let mut done = 0;
        loop {
            let (moved, result) = call(done);
            done += moved;
            match result {
                Err(error) if interrupted(error) && self.reason().is_none() && done < all => {}
                result => return (done, self.outcome(result)),
            }
        }
    }
}

const _: () = assert!(wire::MSG_DONTWAIT as c_int == 0x80);
