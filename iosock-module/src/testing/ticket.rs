//! Requests as a client sees them: parked, answered, refused.

use super::*;

#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    Reply(Vec<u8>),
    Error(WireErrno),
    Kernel,
}

/// What a client sees of its request.
#[derive(Clone)]
pub struct Pending {
    outcome: Arc<Mutex<Option<Outcome>>>,
    pub parked: Arc<Mutex<Parked>>,
}

impl Pending {
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome.lock().unwrap().clone()
    }

    pub fn is_parked(&self) -> bool {
        self.outcome().is_none()
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
    answered: bool,
}

impl FakeTicket {
    pub fn new(room: usize) -> (Self, Pending) {
        let pending = Pending {
            outcome: Arc::default(),
            parked: Arc::new(Mutex::new(Parked::Waiting)),
        };
        (
            Self {
                pending: pending.clone(),
                room,
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
