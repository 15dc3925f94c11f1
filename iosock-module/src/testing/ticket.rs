//! Requests as a client sees them: parked, answered, refused.

use super::*;

#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    Reply(Vec<u8>),
    Error(WireErrno),
    Kernel,
}

/// Where in the client's buffer, and which bytes.
type Written = (usize, Vec<u8>);

/// What a client sees of its request.
#[derive(Clone)]
pub struct Pending {
    outcome: Arc<Mutex<Option<Outcome>>>,
    pub parked: Arc<Mutex<Parked>>,
    /// What was written behind the reply, and where in the client's buffer.
    written: Arc<Mutex<Vec<Written>>>,
}

impl Pending {
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome.lock().unwrap().clone()
    }

    pub fn is_parked(&self) -> bool {
        self.outcome().is_none()
    }

    /// The bytes behind the reply of kind `B`, which came without a hole.
    pub fn data<B: Body>(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for (at, piece) in self.written.lock().unwrap().iter() {
            assert_eq!(*at, B::KIND.reply_len() + all.len());
            all.extend(piece);
        }
        all
    }

    pub fn reply<B: Body>(&self) -> Result<B::Reply, Refusal> {
        match self.outcome() {
            Some(Outcome::Reply(bytes)) => msg::parse_reply::<B>(&bytes),
            other => panic!("no reply but {other:?}"),
        }
    }
}

pub struct FakeTicket {
    pub pending: Pending,
    pub room: usize,
    /// The whole message.
    pub brought: Vec<u8>,
    answered: bool,
}

impl FakeTicket {
    pub fn new(brought: &[u8], room: usize) -> (Self, Pending) {
        let pending = Pending {
            outcome: Arc::default(),
            written: Arc::default(),
            parked: Arc::new(Mutex::new(Parked::Waiting)),
        };
        (
            Self {
                pending: pending.clone(),
                room,
                brought: brought.to_vec(),
                answered: false,
            },
            pending,
        )
    }

    fn end(mut self, outcome: Outcome) {
        self.answered = true;
        assert!(
            self.pending.outcome.lock().unwrap().replace(outcome).is_none(),
            "answered twice"
        );
    }
}

impl Drop for FakeTicket {
    fn drop(&mut self) {
        assert!(
            self.answered || std::thread::panicking(),
            "a request was never answered"
        );
    }
}

impl Ticket for FakeTicket {
    fn room(&self) -> usize {
        self.room
    }

    fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), WireErrno> {
        assert!(
            offset + bytes.len() <= self.room,
            "written behind the client's buffer"
        );
        let written = &self.pending.written;
        written.lock().unwrap().push((offset, bytes.to_vec()));
        Ok(())
    }

    fn reply(self, bytes: &[u8]) {
        assert!(bytes.len() <= self.room, "reply longer than its room");
        self.end(Outcome::Reply(bytes.to_vec()));
    }

    fn error(self, error: WireErrno) {
        self.end(Outcome::Error(error));
    }

    fn error_from_kernel(self) {
        self.end(Outcome::Kernel);
    }

    fn parked(&self) -> Parked {
        *self.pending.parked.lock().unwrap()
    }
}
