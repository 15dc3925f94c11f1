//! What is measured: one scenario over one way into the stack under named conditions, and what came of it.

use serde::{Deserialize, Serialize};

/// A way into the stack.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoadKind {
    /// csock by its copying calls: what a ported program does.
    CsockCopy,
    /// csock in place: the program writes and reads where the bytes lie.
    CsockInPlace,
    /// One message per call with the data in it: what libsocket does.
    Message,
    /// Linux's own sockets: a limit that no microkernel's path has reached.
    Kernel,
}

impl RoadKind {
    /// All, in the order of the tables.
    pub const ALL: [Self; 4] = [Self::CsockCopy, Self::CsockInPlace, Self::Message, Self::Kernel];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::CsockCopy => "csock, copying",
            Self::CsockInPlace => "csock, in place",
            Self::Message => "message path",
            Self::Kernel => "kernel sockets",
        }
    }
}

/// What the measured program does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// Sends messages of a size one after the other, round robin over its sockets.
    StreamOut,
    /// Takes what an ordinary peer sends as fast as it can, with buffers of a size.
    StreamIn,
    /// Sends a request of a size, waits for an answer of the same size, round robin over its sockets.
    RequestResponse,
    /// Accepts connections and does nothing.
    Idle,
    /// Connects with default settings until it is refused, and does nothing.
    IdleByDefault,
    /// Sends on one socket and receives on another until it is stopped in mid-transfer.
    Stalled,
}

/// Who runs the program.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum User {
    /// Another user than io-sock's, who may not send pulses to it: the normal case on QNX.
    Ordinary,
    /// The user of io-sock.
    Root,
}

/// One cell of the tables.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Case {
    pub scenario: Scenario,
    /// Bytes of a message, a request or a receive buffer.
    pub size: u32,
    pub sockets: u32,
    /// The stack keeps what was sent until the peer has acknowledged it, with Nagle and delayed acknowledgements, as over a network.
    /// Otherwise it lets go at once, as this machine's loopback does.
    pub acks: bool,
    /// With `acks`: how long after it was sent a byte's acknowledgement counts, milliseconds.
    pub delay_ms: u32,
    /// The delay is the round trip of a line that all packets take, the kernel's road's too.
    pub line: bool,
    pub user: User,
    /// Cores for everybody in the run: 1 or 2.
    pub cores: u32,
    /// Two busy loops beside.
    pub busy: bool,
    /// Without the stand-in's spinning: each wait is seen as a switch, as it is on QNX. For counts, not for times.
    pub counting: bool,
    pub road: RoadKind,
}

impl Case {
    /// One socket of an ordinary user on two cores, no delay, nobody beside.
    pub const fn new(scenario: Scenario, road: RoadKind, size: u32) -> Self {
        Self {
            scenario,
            size,
            sockets: 1,
            acks: false,
            delay_ms: 0,
            line: false,
            user: User::Ordinary,
            cores: 2,
            busy: false,
            counting: false,
            road,
        }
    }

    pub const fn sockets(self, sockets: u32) -> Self {
        Self { sockets, ..self }
    }

    /// Over what behaves as a network with this round trip.
    pub const fn network(self, delay_ms: u32) -> Self {
        Self {
            acks: true,
            delay_ms,
            ..self
        }
    }

    /// Over a line with this round trip.
    pub const fn line(self, delay_ms: u32) -> Self {
        Self {
            line: true,
            ..self.network(delay_ms)
        }
    }

    pub const fn root(self) -> Self {
        Self {
            user: User::Root,
            ..self
        }
    }

    pub const fn one_core(self) -> Self {
        Self { cores: 1, ..self }
    }

    pub const fn busy(self) -> Self {
        Self { busy: true, ..self }
    }

    pub const fn counting(self) -> Self {
        Self {
            counting: true,
            ..self
        }
    }

    /// A line for whoever watches.
    pub fn describe(&self) -> String {
        let mut text = format!("{:?} {} B, {}", self.scenario, self.size, self.road.name());
        for (holds, what) in [
            (self.sockets != 1, format!(", {} sockets", self.sockets)),
            (
                self.acks && !self.line,
                format!(", acknowledged after {} ms", self.delay_ms),
            ),
            (self.line, format!(", line of {} ms", self.delay_ms)),
            (self.user == User::Root, ", root".to_owned()),
            (self.cores == 1, ", one core".to_owned()),
            (self.busy, ", busy".to_owned()),
            (self.counting, ", counting".to_owned()),
        ] {
            if holds {
                text.push_str(&what);
            }
        }
        text
    }
}

/// What both sides of a road counted.
#[derive(Clone, Copy, Default, Debug, Serialize, Deserialize)]
pub struct Counts {
    pub tx_bytes: u64,
    /// Copies of bytes sent, by the library and by io-sock.
    pub tx_copied: u64,
    pub rx_bytes: u64,
    /// Copies of bytes received, by io-sock and by the library.
    pub rx_copied: u64,
    /// Messages to io-sock other than doorbells.
    pub messages: u64,
    /// Doorbells, by pulse and by message.
    pub doorbells: u64,
}

impl Counts {
    /// What was counted since `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            tx_bytes: self.tx_bytes.saturating_sub(before.tx_bytes),
            tx_copied: self.tx_copied.saturating_sub(before.tx_copied),
            rx_bytes: self.rx_bytes.saturating_sub(before.rx_bytes),
            rx_copied: self.rx_copied.saturating_sub(before.rx_copied),
            messages: self.messages.saturating_sub(before.messages),
            doorbells: self.doorbells.saturating_sub(before.doorbells),
        }
    }
}

/// Percentiles of single operations, nanoseconds.
#[derive(Clone, Copy, Default, Debug, Serialize, Deserialize)]
pub struct Latency {
    pub p50: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
}

/// What the processes used between two looks.
#[derive(Clone, Copy, Default, Debug, Serialize, Deserialize)]
pub struct Usage {
    /// CPU time of the program, seconds.
    pub client_cpu: f64,
    /// CPU time of io-sock.
    pub server_cpu: f64,
    /// Times that a thread of the program slept and was woken.
    pub client_wakeups: u64,
    /// The same of io-sock's threads that serve the road: the module's, or the message path's.
    pub server_wakeups: u64,
    /// The same of io-sock's other threads: what plays the interface and its interrupts here.
    pub stack_wakeups: u64,
}

/// One run of one case.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Sockets that could be opened.
    pub opened: u32,
    /// Why it were not more.
    pub refused: Option<String>,
    pub operations: u64,
    pub seconds: f64,
    /// Bytes moved from the first to the last, warm-up included: what the peer must have seen.
    pub all_bytes: u64,
    pub usage: Usage,
    pub counts: Counts,
    pub latency: Option<Latency>,
    /// Bytes of memory that all idle sockets took: the pool's, the program's private, io-sock's private.
    pub memory: Option<[i64; 3]>,
}
