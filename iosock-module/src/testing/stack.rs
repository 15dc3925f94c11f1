//! A stack that does what a test tells it.

use super::*;

/// The stack's word that it has let go of a range: comes with the last of its pieces and holds.
pub struct Loan(pub ReleaseKey);

impl Drop for Loan {
    fn drop(&mut self) {
        released(self.0);
    }
}

/// A range of a pool, lent.
pub struct FakeLent {
    pub mem: TestMem,
    pub offset: usize,
    pub len: u32,
    pub loan: Arc<Loan>,
}

impl Lent for FakeLent {
    type Chain = FakeChain;

    fn piece(&mut self, offset: u32, len: u32) -> Result<FakeChain, WireErrno> {
        assert!(
            offset.checked_add(len).is_some_and(|end| end <= self.len),
            "a piece outside its loan"
        );
        let bytes = self.mem.read(self.offset + offset as usize, len as usize);
        let loan = Some(self.loan.clone());
        Ok(FakeChain(vec![FakeMbuf { bytes, loan }]))
    }
}

/// An mbuf: its bytes, and the loan that they are a piece of, if they are one.
pub struct FakeMbuf {
    pub bytes: Vec<u8>,
    pub loan: Option<Arc<Loan>>,
}

pub struct FakeChain(pub Vec<FakeMbuf>);

impl Chain for FakeChain {
    fn append(&mut self, mut tail: Self) {
        self.0.append(&mut tail.0);
    }
}

#[derive(Default)]
pub struct StackSocket {
    /// Size of the send buffer.
    pub hiwat: u32,
    /// The most that one `sosend` takes, if less.
    pub longest_send: Option<u32>,
    /// A reset does not free what the driver still sends.
    pub driver_holds: bool,
    /// The send buffer.
    pub queue: VecDeque<FakeMbuf>,
    /// Everything ever handed over.
    pub sent: Vec<u8>,
    pub sends: u32,
    pub mores: u32,
    /// mbufs ever handed over.
    pub mbufs: u32,
    pub incoming: VecDeque<u8>,
    pub eof: bool,
    /// What arrives, with the end behind it, right after the next look at the receive buffer.
    pub last_words: Option<Vec<u8>>,
    /// What the next receives answer instead of data.
    pub odd_receives: VecDeque<Received>,
    pub send_error: Option<WireErrno>,
    /// A packet filter refuses what is sent: `sosend` queues it and says `EACCES`.
    pub filtered: bool,
    pub error: Option<WireErrno>,
    pub connected: bool,
    pub connecting: bool,
    /// `soconnect` connects at once.
    pub fast: bool,
    pub shut_write: bool,
    pub shut_read: bool,
    pub closed: bool,
    pub aborted: bool,
    pub watch: u32,
    pub backlog: VecDeque<FakeStream>,
    /// What `solisten` refuses with.
    pub listen_error: Option<WireErrno>,
    /// The length of the queue that was asked for last.
    pub queue_limit: Option<i32>,
    pub bound: Option<SockAddr>,
    pub options: HashMap<SockOptKey, OptValue>,
}

type SockOptKey = (i32, i32);

/// A socket of the stack; a test keeps a handle of it, which is not the socket.
pub struct FakeStream {
    state: Arc<Mutex<StackSocket>>,
    owner: bool,
}

pub struct FakeListener(FakeStream);

impl Default for FakeStream {
    fn default() -> Self {
        let state = StackSocket {
            hiwat: 64 * 1024,
            ..StackSocket::default()
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            owner: true,
        }
    }
}

impl FakeStream {
    pub fn clone_handle(&self) -> Self {
        Self {
            state: self.state.clone(),
            owner: false,
        }
    }

    pub fn with<R>(&self, f: impl FnOnce(&mut StackSocket) -> R) -> R {
        f(&mut self.state.lock().unwrap())
    }

    pub fn connected() -> Self {
        let stream = Self::default();
        stream.with(|s| s.connected = true);
        stream
    }

    /// The peer acknowledges `n` mbufs, and the upcall says so.
    pub fn ack(&self, n: usize) {
        // Their loans end outside the lock.
        drop(self.with(|s| {
            let n = n.min(s.queue.len());
            s.queue.drain(..n).collect::<Vec<_>>()
        }));
        let watched = self.with(|s| if s.closed { 0 } else { s.watch });
        if let Some(handle) = crate::handle::Handle::from_raw(watched) {
            TABLE.with(Cell::get).unwrap().notify(handle, crate::events::SEND);
        }
    }

    /// A driver lets go of the mbuf at `place` of the send buffer before those in front of it. No upcall.
    pub fn ack_out_of_order(&self, place: usize) {
        drop(self.with(|s| s.queue.remove(place)));
    }

    /// The peer resets the connection.
    pub fn reset(&self, error: WireErrno) {
        self.with(|s| {
            s.error = Some(error);
            s.eof = true;
            s.connected = false;
        });
    }

    /// Data arrives, and the upcall says so.
    pub fn arrive(&self, table: &TestTable, bytes: &[u8]) {
        self.with(|s| s.incoming.extend(bytes));
        table.notify(self.handle(), crate::events::RECV);
    }

    pub fn ack_all(&self) {
        self.ack(self.with(|s| s.queue.len()));
    }

    pub fn handle(&self) -> crate::handle::Handle {
        crate::handle::Handle::from_raw(self.with(|s| s.watch)).unwrap()
    }
}

impl Drop for FakeStream {
    fn drop(&mut self) {
        if self.owner {
            self.with(|s| s.closed = true);
        }
    }
}

impl Stream for FakeStream {
    type Mem = TestMem;
    type Chain = FakeChain;
    type Listener = FakeListener;

    fn watch(&self, handle: u32) {
        self.with(|s| s.watch = handle);
    }

    fn bind(&self, addr: &SockAddr) -> Result<(), WireErrno> {
        self.with(|s| s.bound = Some(*addr));
        Ok(())
    }

    fn listen(self, backlog: i32) -> Result<FakeListener, (Self, WireErrno)> {
        // The upcalls are cleared before the stack is asked.
        let refused = self.with(|s| {
            s.watch = 0;
            s.queue_limit = Some(backlog);
            s.listen_error
        });
        match refused {
            None => Ok(FakeListener(self)),
            Some(error) => Err((self, error)),
        }
    }

    fn connect(&self, _: &SockAddr) -> Result<(), WireErrno> {
        self.with(|s| {
            s.connected = s.fast;
            s.connecting = !s.fast;
        });
        Ok(())
    }

    fn is_connected(&self) -> bool {
        self.with(|s| s.connected)
    }

    fn is_connecting(&self) -> bool {
        self.with(|s| s.connecting)
    }

    fn take_error(&self) -> Option<WireErrno> {
        self.with(|s| s.error.take())
    }

    fn send_space(&self) -> i64 {
        self.with(|s| i64::from(s.hiwat) - s.queue.iter().map(|m| m.bytes.len() as i64).sum::<i64>())
    }

    fn send_hiwat(&self) -> u32 {
        self.with(|s| s.longest_send.unwrap_or(s.hiwat))
    }

    fn send(&self, mut chain: FakeChain, more: bool) -> Result<(), WireErrno> {
        let bytes: usize = chain.0.iter().map(|m| m.bytes.len()).sum();
        assert!(
            bytes > 0 && chain.0.len() <= crate::limits::MAX_CHAIN,
            "{bytes} bytes in {} mbufs",
            chain.0.len()
        );
        assert!(
            i64::try_from(bytes).unwrap() <= self.send_space(),
            "sosend would refuse: no space"
        );
        assert!(bytes <= self.send_hiwat() as usize, "sosend would say EMSGSIZE");
        if let Some(error) = self.with(|s| s.send_error) {
            return Err(error);
        }
        if self.with(|s| s.shut_write) {
            return Err(WireErrno::EPIPE);
        }
        self.with(|s| {
            s.sends += 1;
            s.mores += u32::from(more);
            for mbuf in chain.0.drain(..) {
                s.mbufs += 1;
                s.sent.extend(&mbuf.bytes);
                s.queue.push_back(mbuf);
            }
            if s.filtered {
                Err(WireErrno::EACCES)
            } else {
                Ok(())
            }
        })
    }

    fn receive_available(&self) -> u32 {
        self.with(|s| {
            let seen = s.incoming.len() as u32;
            if let Some(words) = s.last_words.take() {
                s.incoming.extend(words);
                s.eof = true;
            }
            seen
        })
    }

    fn can_receive_more(&self) -> bool {
        self.with(|s| !s.eof)
    }

    fn receive_into(&self, mem: &TestMem, offset: usize, max: u32) -> Received {
        let mut at = offset;
        self.receive(max, &mut |piece| {
            mem.write(at, piece);
            at += piece.len();
        })
    }

    fn receive(&self, max: u32, each: &mut dyn FnMut(&[u8])) -> Received {
        if let Some(odd) = self.with(|s| s.odd_receives.pop_front()) {
            return odd;
        }
        let data: Vec<u8> = self.with(|s| {
            let n = s.incoming.len().min(max as usize);
            s.incoming.drain(..n).collect()
        });
        if data.is_empty() {
            return match self.with(|s| (s.error.take(), s.eof)) {
                (Some(error), _) => Received::Failed(error),
                (None, true) => Received::Nothing,
                (None, false) => Received::WouldBlock,
            };
        }
        // As mbufs do: in pieces.
        data.chunks(100).for_each(each);
        Received::Bytes(data.len() as u32)
    }

    fn shutdown(&self, how: How) -> Result<(), WireErrno> {
        self.with(|s| {
            s.shut_write |= how != How::Read;
            s.shut_read |= how != How::Write;
            s.eof |= s.shut_read;
        });
        Ok(())
    }

    fn local_addr(&self) -> Result<SockAddr, WireErrno> {
        Ok(self
            .with(|s| s.bound)
            .unwrap_or(SockAddr::v4([127, 0, 0, 1], 4000)))
    }

    fn peer_addr(&self) -> Result<SockAddr, WireErrno> {
        if self.is_connected() {
            Ok(SockAddr::v4([127, 0, 0, 1], 5000))
        } else {
            Err(WireErrno::ENOTCONN)
        }
    }

    fn set_option(&self, option: SockOpt, value: OptValue) -> Result<(), WireErrno> {
        self.with(|s| s.options.insert(option.to_wire(), value));
        Ok(())
    }

    fn option(&self, option: SockOpt) -> Result<OptValue, WireErrno> {
        Ok(self
            .with(|s| s.options.get(&option.to_wire()).copied())
            .unwrap_or_default())
    }

    fn close(self) {}

    fn abort(self) {
        self.with(|s| s.aborted = true);
        if !self.with(|s| s.driver_holds) {
            self.ack_all();
        }
    }
}

impl Listener for FakeListener {
    type Stream = FakeStream;

    fn watch(&self, handle: u32) {
        Stream::watch(&self.0, handle);
    }

    fn set_backlog(&self, backlog: i32) -> Result<(), WireErrno> {
        self.0.with(|s| s.queue_limit = Some(backlog));
        Ok(())
    }

    fn accept(&self) -> Result<(FakeStream, SockAddr), WireErrno> {
        let stream = self
            .0
            .with(|s| s.backlog.pop_front())
            .ok_or(WireErrno::EWOULDBLOCK)?;
        Ok((stream, SockAddr::v4([127, 0, 0, 1], 6000)))
    }

    fn local_addr(&self) -> Result<SockAddr, WireErrno> {
        Stream::local_addr(&self.0)
    }
}
