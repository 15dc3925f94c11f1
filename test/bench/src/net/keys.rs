//! The figures that decide: each with its name, its bar, and how it is made of measured cases.

use super::{
    SOCKET_BUFFER,
    case::{
        Case, Outcome,
        RoadKind::{self, CsockCopy, CsockInPlace, Kernel, Message},
        Scenario::{self, Idle, IdleByDefault, RequestResponse, Stalled, StreamIn, StreamOut},
    },
    formula::{Bar, Formula, Metric},
};

/// A figure.
pub struct Key {
    pub name: &'static str,
    pub bar: Bar,
    pub formula: Formula,
}

fn per(total: f64, outcome: &Outcome) -> f64 {
    total / outcome.operations as f64
}

/// Operations a second.
pub fn rate(_: &Case, o: &Outcome) -> f64 {
    o.operations as f64 / o.seconds
}

/// Seconds of the program's CPU time for an operation.
pub fn client_cpu(_: &Case, o: &Outcome) -> f64 {
    per(o.usage.client_cpu, o)
}

/// Seconds of CPU time for an operation, of the program and of io-sock.
pub fn cpu(_: &Case, o: &Outcome) -> f64 {
    per(o.usage.client_cpu + o.usage.server_cpu, o)
}

/// Nanoseconds; half of the operations took less.
pub fn p50(_: &Case, o: &Outcome) -> f64 {
    o.latency.map_or(f64::NAN, |l| l.p50 as f64)
}

/// Sleeps that were ended, of the program and of what serves it in io-sock, for an operation.
pub fn wakeups(_: &Case, o: &Outcome) -> f64 {
    per((o.usage.client_wakeups + o.usage.server_wakeups) as f64, o)
}

/// Doorbells for an operation.
pub fn doorbells(_: &Case, o: &Outcome) -> f64 {
    per(o.counts.doorbells as f64, o)
}

fn messages_per_million(_: &Case, o: &Outcome) -> f64 {
    per(o.counts.messages as f64 * 1e6, o)
}

/// Copies for a byte sent.
pub fn tx_copied(_: &Case, o: &Outcome) -> f64 {
    o.counts.tx_copied as f64 / o.counts.tx_bytes as f64
}

/// Copies for a byte received.
pub fn rx_copied(_: &Case, o: &Outcome) -> f64 {
    o.counts.rx_copied as f64 / o.counts.rx_bytes as f64
}

/// By Little's law: what is in the stack is what goes in during the time that it stays.
fn fill(case: &Case, o: &Outcome) -> f64 {
    let bytes_a_second = rate(case, o) * f64::from(case.size);
    bytes_a_second * f64::from(case.delay_ms) / 1000.0 / f64::from(SOCKET_BUFFER)
}

fn all_wakeups(_: &Case, o: &Outcome) -> f64 {
    (o.usage.client_wakeups + o.usage.server_wakeups + o.usage.stack_wakeups) as f64
}

/// Bytes for an idle socket on both sides together.
pub fn bytes_per_socket(_: &Case, o: &Outcome) -> f64 {
    o.memory.map_or(f64::NAN, |memory| {
        memory.iter().sum::<i64>() as f64 / f64::from(o.opened)
    })
}

fn opened(_: &Case, o: &Outcome) -> f64 {
    o.opened.into()
}

const fn of(scenario: Scenario, road: RoadKind, size: u32) -> Case {
    Case::new(scenario, road, size)
}

const fn out(road: RoadKind, size: u32) -> Case {
    of(StreamOut, road, size)
}

const fn within(road: RoadKind, size: u32) -> Case {
    of(StreamIn, road, size)
}

const fn turns(road: RoadKind, size: u32) -> Case {
    of(RequestResponse, road, size)
}

const KIB: u32 = 1024;
const MIB: u32 = 1024 * KIB;
/// Sockets of the cases with many, and a tenth more than must be served by default.
pub const MANY: u32 = 1000;
const MORE: u32 = 1100;

/// Idle sockets, and the default number of them, over a road.
pub const fn idle(road: RoadKind) -> Case {
    of(Idle, road, KIB).sockets(MANY)
}

/// As many as there can be by default.
pub const fn idle_by_default(road: RoadKind) -> Case {
    of(IdleByDefault, road, KIB).sockets(MORE)
}

/// A program that is stopped in mid-transfer.
pub const fn stalled(road: RoadKind) -> Case {
    of(Stalled, road, 16 * KIB).sockets(2)
}

/// All but the victim's, in the order.
pub fn all() -> Vec<Key> {
    use Bar::{About, AtLeast, AtMost};
    let key = |name, bar, formula| Key { name, bar, formula };
    let versus = |name, bar, a: Case, b: Case, metric: Metric| {
        key(name, bar, Formula::Ratio((a, metric), (b, metric)))
    };
    let one = |name, bar, case: Case, metric: Metric| key(name, bar, Formula::One((case, metric)));
    let slow = |road, size| out(road, size).network(20);
    let count = |case: Case| case.counting();
    let sixteen = |road| out(road, 16 * KIB);
    vec![
        versus(
            "tx_100b_vs_message_path",
            AtLeast(50.0),
            out(CsockCopy, 100),
            out(Message, 100),
            rate,
        ),
        versus(
            "tx_100b_vs_kernel",
            AtLeast(4.0),
            out(CsockCopy, 100),
            out(Kernel, 100),
            rate,
        ),
        versus(
            "tx_1k_vs_kernel",
            AtLeast(2.0),
            out(CsockCopy, KIB),
            out(Kernel, KIB),
            rate,
        ),
        versus(
            "tx_1mib_inplace_vs_kernel",
            AtLeast(0.95),
            out(CsockInPlace, MIB),
            out(Kernel, MIB),
            rate,
        ),
        versus(
            "tx_1mib_copy_vs_kernel",
            AtLeast(0.8),
            out(CsockCopy, MIB),
            out(Kernel, MIB),
            rate,
        ),
        versus(
            "tx_100b_inplace_vs_copy",
            AtLeast(1.0),
            out(CsockInPlace, 100),
            out(CsockCopy, 100),
            rate,
        ),
        versus(
            "client_cpu_100b_vs_kernel_send",
            AtMost(0.15),
            out(CsockCopy, 100),
            out(Kernel, 100),
            client_cpu,
        ),
        one(
            "tx_100b_inflight_fill_20ms",
            AtLeast(0.9),
            slow(CsockCopy, 100),
            fill,
        ),
        versus(
            "tx_100b_20ms_vs_message_path",
            AtLeast(0.9),
            slow(CsockCopy, 100),
            slow(Message, 100),
            rate,
        ),
        versus(
            "tx_1b_nagle_vs_message_path",
            AtLeast(5.0),
            out(CsockCopy, 1).network(0),
            out(Message, 1).network(0),
            rate,
        ),
        versus(
            "rx_1mib_inplace_vs_message_path",
            AtLeast(1.3),
            within(CsockInPlace, MIB),
            within(Message, MIB),
            rate,
        ),
        versus(
            "rx_1mib_inplace_vs_kernel",
            AtLeast(0.5),
            within(CsockInPlace, MIB),
            within(Kernel, MIB),
            rate,
        ),
        versus(
            "rx_100b_vs_kernel",
            AtLeast(2.0),
            within(CsockCopy, 100),
            within(Kernel, 100),
            rate,
        ),
        versus(
            "rr_1k_p50_vs_message_path",
            AtMost(0.7),
            turns(CsockCopy, KIB),
            turns(Message, KIB),
            p50,
        ),
        versus(
            "rr_1k_p50_vs_kernel",
            AtMost(1.1),
            turns(CsockCopy, KIB),
            turns(Kernel, KIB),
            p50,
        ),
        one(
            "rr_wakeups_per_op",
            AtMost(5.0),
            count(turns(CsockCopy, KIB)),
            wakeups,
        ),
        one(
            "rr_wakeups_per_op_root",
            AtMost(4.0),
            count(turns(CsockCopy, KIB)).root(),
            wakeups,
        ),
        one(
            "rr_doorbells_per_op",
            AtMost(1.0),
            count(turns(CsockCopy, KIB)),
            doorbells,
        ),
        versus(
            "rr_cpu_per_op_vs_message_path",
            AtMost(1.0),
            turns(CsockCopy, KIB),
            turns(Message, KIB),
            cpu,
        ),
        versus(
            "rr_1k_p50_busy_vs_message_path",
            AtMost(1.0),
            turns(CsockCopy, KIB).busy(),
            turns(Message, KIB).busy(),
            p50,
        ),
        versus(
            "tx_100b_busy_vs_kernel",
            AtLeast(2.0),
            out(CsockCopy, 100).busy(),
            out(Kernel, 100).busy(),
            rate,
        ),
        key(
            "control_msgs_per_million_ops",
            AtMost(10.0),
            Formula::Largest(vec![
                (out(CsockCopy, 100), messages_per_million),
                (count(turns(CsockCopy, KIB)), messages_per_million),
            ]),
        ),
        one(
            "doorbells_per_op_streaming",
            AtMost(0.02),
            out(CsockCopy, 100),
            doorbells,
        ),
        one(
            "tx_copied_per_byte",
            AtMost(0.0),
            out(CsockInPlace, MIB),
            tx_copied,
        ),
        one(
            "rx_copied_per_byte",
            About(1.0),
            within(CsockInPlace, MIB),
            rx_copied,
        ),
        one(
            "idle_wakeups_1000_sockets_5s",
            AtMost(0.0),
            idle(CsockCopy),
            all_wakeups,
        ),
        one(
            "stalled_client_wakeups_5s",
            AtMost(0.0),
            stalled(CsockCopy),
            all_wakeups,
        ),
        one(
            "bytes_per_idle_socket",
            AtMost(16384.0),
            idle_by_default(CsockCopy),
            bytes_per_socket,
        ),
        one(
            "idle_connections_by_default",
            AtLeast(1000.0),
            idle_by_default(CsockCopy),
            opened,
        ),
        key(
            "cost_per_op_1000_sockets_vs_1",
            AtMost(1.2),
            Formula::RatioOfRatios([
                (sixteen(CsockCopy).sockets(MANY), cpu),
                (sixteen(CsockCopy), cpu),
                (sixteen(Kernel).sockets(MANY), cpu),
                (sixteen(Kernel), cpu),
            ]),
        ),
    ]
}
