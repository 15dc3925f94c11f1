//! One message and its answer.

use csock_wire::{
    Refusal, WireErrno,
    msg::{self, Body, MAX_REPLY_LEN, MAX_REQUEST_LEN},
    stream::StreamFault,
};
use qnx::{ClockId, ConnectFlags, Connection, Errno, IoSlice, IoSliceMut, TimeoutFlags};
use std::{ffi::CString, fmt, thread, time::Duration};

/// No answer of the module that does not wait for the network may take longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why something was not done.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// The module said no.
    Refused(Refusal),
    /// A kernel call failed.
    System(Errno),
    /// The module wrote something into shared memory that no honest one can.
    Fault(StreamFault),
    /// The module did something that it must not do.
    Wrong(&'static str),
}

impl Trouble {
    /// The wire's number of a refusal.
    #[must_use]
    pub fn errno(&self) -> Option<WireErrno> {
        match self {
            Trouble::Refused(refusal) => Some(refusal.error),
            _ => None,
        }
    }

    /// Whether the module refused with `error`.
    #[must_use]
    pub fn is(&self, error: WireErrno) -> bool {
        self.errno() == Some(error)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Refused(refusal) => write!(f, "refused: {refusal}"),
            Trouble::System(errno) => write!(f, "system: {errno:?}"),
            Trouble::Fault(fault) => write!(f, "the module lies: {fault}"),
            Trouble::Wrong(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Trouble::Refused(refusal)
    }
}

impl From<Errno> for Trouble {
    fn from(errno: Errno) -> Self {
        Trouble::System(errno)
    }
}

impl From<StreamFault> for Trouble {
    fn from(fault: StreamFault) -> Self {
        Trouble::Fault(fault)
    }
}

impl From<csock_wire::OutOfBounds> for Trouble {
    fn from(_: csock_wire::OutOfBounds) -> Self {
        Trouble::Wrong("an access outside of the pool")
    }
}

/// A connection to the module that knows nothing but the form of messages.
#[derive(Debug)]
pub struct Wire {
    connection: Connection,
    pid: i32,
}

impl Wire {
    /// To the server of `path`.
    pub fn open(path: &str) -> Result<Self, Trouble> {
        let path = CString::new(path).map_err(|_| Trouble::Wrong("a path with a zero byte"))?;
        let server = Connection::open_path(&path)?.server_info()?;
        Self::attach(server.pid, server.chid)
    }

    /// To a channel.
    pub fn attach(pid: i32, chid: i32) -> Result<Self, Trouble> {
        let connection = Connection::attach(pid, chid, ConnectFlags::CLOEXEC)?;
        Ok(Self { connection, pid })
    }

    /// The server's process.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The connection below.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Any bytes, and any room for the answer; `limit` ends the wait.
    pub fn send(&self, bytes: &[u8], reply: &mut [u8], limit: Duration) -> Result<(), Errno> {
        self.send_parts([bytes, &[]], [reply, &mut []], limit)
    }

    fn send_parts(
        &self,
        [head, data]: [&[u8]; 2],
        [reply, room]: [&mut [u8]; 2],
        limit: Duration,
    ) -> Result<(), Errno> {
        let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        let parts = [IoSlice::new(head), IoSlice::new(data)];
        let mut rooms = [IoSliceMut::new(reply), IoSliceMut::new(room)];
        qnx::timeout(ClockId::Monotonic, TimeoutFlags::SEND_REPLY, nanos)?;
        self.connection.sendv(&parts, &mut rooms).map(|_| ())
    }

    /// One request; "repeat" is a refusal like any other.
    pub fn once<B: Body>(&self, session: u32, socket: u32, body: &B) -> Result<B::Reply, Trouble> {
        self.with_data(session, socket, body, &[], &mut [], PATIENCE)
    }

    /// One request with bytes behind it and room behind its answer.
    pub fn with_data<B: Body>(
        &self,
        session: u32,
        socket: u32,
        body: &B,
        data: &[u8],
        room: &mut [u8],
        limit: Duration,
    ) -> Result<B::Reply, Trouble> {
        let mut request = [0; MAX_REQUEST_LEN];
        let request = msg::encode_request(session, socket, body, &mut request)
            .ok_or(Trouble::Wrong("a request that is too long"))?;
        // What the module leaves out must not look like success.
        let mut reply = [0xFF; MAX_REPLY_LEN];
        let reply = &mut reply[..B::KIND.reply_len()];
        self.send_parts([request, data], [&mut *reply, room], limit)?;
        Ok(msg::parse_reply::<B>(reply)?)
    }

    /// One request, asked again for as long as the module says "repeat".
    pub fn ask<B: Body>(&self, session: u32, socket: u32, body: &B) -> Result<B::Reply, Trouble> {
        for _ in 0..20_000 {
            match self.once(session, socket, body) {
                Err(trouble) if trouble.is(WireErrno::EREPEAT) => thread::sleep(Duration::from_micros(200)),
                other => return other,
            }
        }
        Err(Trouble::Wrong("the module said 'repeat' for four seconds"))
    }
}
