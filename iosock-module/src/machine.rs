//! What the module's logic needs from the machine under it, as traits. The product side is `platform/`, the other one
//! is the unit tests'. Nothing above this file makes a system call.

use csock_wire::{SharedMem, SockAddr, SockOpt, WireErrno};

/// Everything that differs between io-sock and a unit test.
pub trait Platform: Sized + Send + 'static {
    /// A cheap handle to a pool's memory.
    type Mem: SharedMem + Send;
    /// A mapped pool; dropping it unmaps.
    type Mapping: Mapping<Mem = Self::Mem>;
    /// A TCP socket.
    type Stream: Stream<Mem = Self::Mem, Chain = Self::Chain, Listener = Self::Listener>;
    /// A listening TCP socket.
    type Listener: Listener<Stream = Self::Stream>;
    /// Data on its way to the stack.
    type Chain: Chain;
    /// A range of a pool that the stack may hold pieces of.
    type Lent: Lent<Chain = Self::Chain> + Send;
    /// A request that waits for its answer.
    type Ticket: Ticket;
    /// A client's thread that sleeps without a message.
    type Waiter: Waiter;

    /// A new TCP socket over IPv4, never blocking, with the configured buffer sizes.
    ///
    /// # Errors
    /// Whatever `socreate` says.
    fn socket() -> Result<Self::Stream, WireErrno>;

    /// Lends `len` bytes of the pool at `offset` to the stack. When the value is dropped and the stack has let go of every
    /// piece, [`crate::table::Table::released`] is called with `key`: once, from any thread, under any lock.
    ///
    /// # Errors
    /// `ENOBUFS`, and then the release is not called.
    fn lend(mem: &Self::Mem, offset: usize, len: u32, key: ReleaseKey) -> Result<Self::Lent, WireErrno>;

    /// A chain of no bytes with room for `len`, a cluster at most, to be filled by [`Platform::copy_behind`].
    ///
    /// # Errors
    /// `ENOBUFS`.
    fn chain_with_room(len: u32) -> Result<Self::Chain, WireErrno>;

    /// Copies `len` bytes of the pool at `offset` behind `chain`, into the stack's own memory.
    ///
    /// # Errors
    /// `ENOBUFS`; the chain is as it was.
    fn copy_behind(
        chain: &mut Self::Chain,
        mem: &Self::Mem,
        offset: usize,
        len: u32,
    ) -> Result<(), WireErrno>;

    /// Copies `len` bytes that a request brought, `offset` bytes from its start, into mbufs of the stack's own.
    ///
    /// # Errors
    /// `ENOBUFS`; the kernel's, when the client is gone or has lied about its length.
    fn brought(ticket: &Self::Ticket, offset: usize, len: u32) -> Result<Self::Chain, WireErrno>;

    /// Milliseconds of a clock that never goes back.
    fn now_ms() -> u64;

    /// Wakes worker number `worker`. From any context.
    fn wake_worker(worker: usize);

    /// Tells the control thread that a dying session has lost its last socket. Thread context.
    fn session_drained();

    /// Writes one line to the system log. Thread context.
    fn log(line: &[u8]);
}

/// Most supplementary groups of a client that are known: what `struct _client_info` has room for.
pub const GROUPS: usize = 8;

/// Whose rights a client has, as the kernel says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Credentials {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    groups: [u32; GROUPS],
    count: usize,
}

impl Credentials {
    /// In the place of a scoid: the process that asks.
    pub const OWN: i32 = -1;

    /// Of this user and group, and a member of the first [`GROUPS`] of `groups` besides.
    #[must_use]
    pub fn new(uid: u32, gid: u32, groups: &[u32]) -> Self {
        let mut known = [0; GROUPS];
        for (to, from) in known.iter_mut().zip(groups) {
            *to = *from;
        }
        Self {
            uid,
            gid,
            groups: known,
            count: groups.len().min(GROUPS),
        }
    }

    /// Supplementary groups.
    #[must_use]
    pub fn groups(&self) -> &[u32] {
        self.groups.get(..self.count).unwrap_or_default()
    }
}

/// What the control thread needs from the machine besides.
pub trait Host: Platform {
    /// A shared-memory object that a client offers as its pool.
    type Object: PoolObject<Mapping = Self::Mapping>;

    /// Whose rights the client behind `scoid` has now (`ConnectClientInfo`); [`Credentials::OWN`]: we ourselves.
    ///
    /// # Errors
    /// The kernel's: the client is gone.
    fn credentials(scoid: i32) -> Result<Credentials, WireErrno>;

    /// Opens the object behind `handle`, which process `pid` must have made (`shm_open_handle_pid`).
    ///
    /// # Errors
    /// The kernel's.
    fn open_object(handle: u64, pid: i32) -> Result<Self::Object, WireErrno>;

    /// What wakes the thread that sent `ticket`, which stays to be answered: the event that it registered.
    fn waiter(ticket: &Self::Ticket, event: [u64; 4]) -> Option<Self::Waiter>;

    /// Nothing refers to `scoid` any more: the kernel may use it again (`ConnectDetach`).
    fn forget_client(scoid: i32);
}

/// What a shared-memory object is, as the kernel says (S-15).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ObjectFlags {
    /// All flags, in QNX's numbers.
    pub raw: u32,
    /// `SHMCTL_ANON`: plain memory.
    pub anonymous: bool,
    /// `SHMCTL_SEAL`: neither size nor flags can change any more.
    pub sealed: bool,
    /// One of `SHMCTL_REVOCABLE`, `LAZY`, `PHYS`, `TYMEM`: memory that can vanish, or that is not plain.
    pub can_vanish: bool,
}

/// A shared-memory object, open.
pub trait PoolObject: Sized {
    /// What mapping it gives.
    type Mapping;
    /// `shm_ctl` with `SHMCTL_GET_FLAGS`.
    ///
    /// # Errors
    /// The kernel's.
    fn flags(&self) -> Result<ObjectFlags, WireErrno>;
    /// `fstat`: bytes.
    ///
    /// # Errors
    /// The kernel's.
    fn len(&self) -> Result<u64, WireErrno>;
    /// Maps `len` bytes, readable and writable, and closes the object.
    ///
    /// # Errors
    /// The kernel's.
    fn map(self, len: u64) -> Result<Self::Mapping, WireErrno>;
}

/// Names one range that is lent to the stack: of which socket, which of its range entries, in which pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReleaseKey {
    /// Raw handle of the socket.
    pub socket: u32,
    /// The range's entry.
    pub entry: u16,
    /// Slot of the pool.
    pub pool: u16,
}

impl ReleaseKey {
    /// As the two words that an external mbuf carries.
    #[must_use]
    pub fn to_args(self) -> (usize, usize) {
        let [e0, e1] = self.entry.to_le_bytes();
        let [p0, p1] = self.pool.to_le_bytes();
        let word = |n: u32| usize::try_from(n).unwrap_or(0);
        (word(self.socket), word(u32::from_le_bytes([e0, e1, p0, p1])))
    }

    /// Back from the two words.
    #[must_use]
    pub fn from_args(arg1: usize, arg2: usize) -> Self {
        let word = |n: usize| u32::try_from(n).unwrap_or(0);
        let [e0, e1, p0, p1] = word(arg2).to_le_bytes();
        Self {
            socket: word(arg1),
            entry: u16::from_le_bytes([e0, e1]),
            pool: u16::from_le_bytes([p0, p1]),
        }
    }
}

/// A mapped pool.
pub trait Mapping: Send {
    /// The handle type to its memory.
    type Mem;
    /// The memory.
    fn mem(&self) -> &Self::Mem;
    /// Bytes.
    fn len(&self) -> u64;
}

/// A chain of mbufs under construction. Dropping it frees the mbufs.
pub trait Chain: Sized {
    /// Puts `tail` behind `self`.
    fn append(&mut self, tail: Self);
}

/// A range of a pool that is lent to the stack. Dropping it gives up the module's own hold of it.
pub trait Lent: Sized {
    /// What its pieces are.
    type Chain;
    /// A chain of one mbuf over `len` bytes, `offset` bytes from the range's start. It is charged for `len` bytes.
    ///
    /// # Errors
    /// `ENOBUFS`.
    fn piece(&mut self, offset: u32, len: u32) -> Result<Self::Chain, WireErrno>;
}

/// What came of waking a client's thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// It will wake.
    Done,
    /// Not now: its process has not taken earlier events.
    Later,
    /// There is no such thread any more.
    Gone,
}

/// A client's thread that sleeps without a message, and the event that wakes it.
pub trait Waiter: Send + Sized {
    /// `MsgDeliverEvent`. Never blocks.
    fn deliver(&self) -> Delivery;
}

/// What `soreceive` said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received {
    /// This many bytes were handed over, at least one.
    Bytes(u32),
    /// The stack has nothing now, and an upcall will tell of more.
    WouldBlock,
    /// Success without a byte: either the stream has ended, or the stack found no mbuf for its copy. It uses the same
    /// answer for both; who needs to know asks [`Stream::can_receive_more`].
    Nothing,
    /// The sleep for a lock was interrupted, and nothing was taken. No upcall follows.
    Interrupted,
    /// The connection is gone.
    Failed(WireErrno),
}

/// Which directions a shutdown closes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// No more receiving.
    Read,
    /// No more sending: FIN after what is queued.
    Write,
    /// Both.
    Both,
}

/// Value of a socket option: one or two integers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OptValue {
    /// The value, or on/off.
    pub first: i32,
    /// Seconds of `SO_LINGER`.
    pub second: i32,
}

/// A TCP socket that never blocks. All calls are for thread context without locks held. Dropping it is [`Stream::close`].
pub trait Stream: Send + Sized {
    /// The memory that it receives into.
    type Mem;
    /// What it sends.
    type Chain;
    /// What it becomes by listening.
    type Listener;

    /// Sends upcalls of this socket to the socket slot `handle` (raw), until the socket is dropped.
    fn watch(&self, handle: u32);
    /// `sobind`.
    ///
    /// # Errors
    /// The stack's.
    fn bind(&self, addr: &SockAddr) -> Result<(), WireErrno>;
    /// `solisten`. Success turns the socket into a listener; failure gives it back, to be watched again.
    ///
    /// # Errors
    /// The socket, without upcalls, and the stack's reason.
    fn listen(self, backlog: i32) -> Result<Self::Listener, (Self, WireErrno)>;
    /// `soconnect`: starts only.
    ///
    /// # Errors
    /// The stack's.
    fn connect(&self, addr: &SockAddr) -> Result<(), WireErrno>;
    /// Connected now.
    fn is_connected(&self) -> bool;
    /// Still connecting.
    fn is_connecting(&self) -> bool;
    /// Takes the pending error.
    fn take_error(&self) -> Option<WireErrno>;
    /// Room in the send buffer; may be negative.
    fn send_space(&self) -> i64;
    /// High-water mark of the send buffer: the most that one `sosend` takes.
    fn send_hiwat(&self) -> u32;
    /// `sosend`, not blocking. The chain is gone whatever the result. `more`: a short last segment may wait.
    ///
    /// # Errors
    /// The stack's. Nothing of the chain may be sent again.
    fn send(&self, chain: Self::Chain, more: bool) -> Result<(), WireErrno>;
    /// Bytes that can be received now.
    fn receive_available(&self) -> u32;
    /// False after the peer's FIN or an error.
    fn can_receive_more(&self) -> bool;
    /// `soreceive`, not blocking, at most `max` bytes, copied once to `offset` in `mem`.
    fn receive_into(&self, mem: &Self::Mem, offset: usize, max: u32) -> Received;
    /// `soreceive`, not blocking, at most `max` bytes, given to `each` in order and in pieces.
    fn receive(&self, max: u32, each: &mut dyn FnMut(&[u8])) -> Received;
    /// `soshutdown`.
    ///
    /// # Errors
    /// The stack's.
    fn shutdown(&self, how: How) -> Result<(), WireErrno>;
    /// Own address.
    ///
    /// # Errors
    /// The stack's.
    fn local_addr(&self) -> Result<SockAddr, WireErrno>;
    /// The peer's address.
    ///
    /// # Errors
    /// `ENOTCONN`.
    fn peer_addr(&self) -> Result<SockAddr, WireErrno>;
    /// `sosetopt`.
    ///
    /// # Errors
    /// The stack's.
    fn set_option(&self, option: SockOpt, value: OptValue) -> Result<(), WireErrno>;
    /// `sogetopt`.
    ///
    /// # Errors
    /// The stack's.
    fn option(&self, option: SockOpt) -> Result<OptValue, WireErrno>;
    /// `soclose`, graceful, without waiting.
    fn close(self);
    /// Linger 0, then `soclose`: the peer gets RST and the send buffer is dropped.
    fn abort(self);
}

/// A listening TCP socket that never blocks.
pub trait Listener: Send + Sized {
    /// What it accepts.
    type Stream;
    /// Sends upcalls to the socket slot `handle` (raw), until the listener is dropped.
    fn watch(&self, handle: u32);
    /// `solisten` once more: another limit for the queue.
    ///
    /// # Errors
    /// The stack's.
    fn set_backlog(&self, backlog: i32) -> Result<(), WireErrno>;
    /// Takes one connection from the queue.
    ///
    /// # Errors
    /// `EWOULDBLOCK` when there is none; a pending error of the listener.
    fn accept(&self) -> Result<(Self::Stream, SockAddr), WireErrno>;
    /// Own address.
    ///
    /// # Errors
    /// The stack's.
    fn local_addr(&self) -> Result<SockAddr, WireErrno>;
}

/// What the kernel says of a parked request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parked {
    /// The client still waits.
    Waiting,
    /// The client wants out (signal, timeout, death).
    UnblockRequested,
    /// There is nobody to answer.
    Gone,
}

/// A request that must be answered exactly once. Dropping it unanswered is a bug; the product answers `EIO` then.
pub trait Ticket: Send {
    /// Room for the reply in the client's buffer, bytes.
    fn room(&self) -> usize;
    /// Writes `bytes` into the client's reply buffer, `offset` bytes from its start; [`Ticket::reply`] still follows.
    fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), WireErrno>;
    /// Answers with `bytes` (`MsgReply`, status 0).
    fn reply(self, bytes: &[u8]);
    /// Answers with an error number and no bytes (`MsgError`).
    fn error(self, error: WireErrno);
    /// Answers an unblock request: the client gets the kernel's reason (`MsgError` -1).
    fn error_from_kernel(self);
    /// Asks the kernel how it stands (`MsgInfo`).
    fn parked(&self) -> Parked;
}
