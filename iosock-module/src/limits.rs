//! Sizes of the static tables. All memory of the module is in these tables: nothing is allocated once it runs. The quotas
//! of clients are tunables (`config.rs`), and these sizes their upper bounds (S-31).

/// Sessions in all.
pub const MAX_SESSIONS: usize = if cfg!(test) { 4 } else { 256 };
/// Sockets in all, closing ones and orphans included. Every one costs about 4 KB.
pub const MAX_SOCKETS: usize = if cfg!(test) { 8 } else { 2048 };
/// Pools mapped in all: those of sessions and those that a dead client's last packets still hold.
pub const MAX_POOLS: usize = if cfg!(test) { 4 } else { 512 };
/// A socket buffer of the stack that everybody gets, bytes: two segments of the largest size that TCP has.
pub const LEAST_BUFFER: u32 = 64 * 1024;
/// Requests that may be parked at one socket (say, one reader, one writer and two that poll).
pub const PARKED_PER_SOCKET: usize = 4;
/// Control requests that may queue at one socket while somebody else works on it.
pub const MAILBOX: usize = 4;
/// Largest piece that becomes one mbuf, and the most that one message brings or takes away.
pub const MAX_PIECE: u32 = 64 * 1024;
/// External mbufs chained into one `sosend`.
pub const MAX_CHAIN: usize = 64;
/// Bytes per direction that one round of a turn moves (S-36).
pub const ROUND_BYTES: u32 = 512 * 1024;
/// Rounds of one socket's turn before a worker looks at the next socket (S-36).
pub const WORKER_ROUNDS: u32 = 2;
/// Pools of one session.
pub const POOLS_PER_SESSION: usize = 4;
/// Blocks of one session's area.
pub const BLOCKS: usize = if cfg!(test) { 8 } else { 2048 };
/// Receive buffers of one session's area.
pub const BUFFERS: usize = if cfg!(test) { 16 } else { 2048 };
/// Wait slots of one session: threads of its client that may sleep at the same time without a message.
pub const WAITERS: usize = if cfg!(test) { 4 } else { 128 };
/// Turns of one session's sockets that a worker serves before it looks at the next session (S-36).
pub const QUANTUM: u32 = 8;
/// Bytes that such a quantum moves before it ends, whatever the number of turns.
pub const QUANTUM_BYTES: u32 = 512 * 1024;
/// What a round may move all the same, per direction, when its quantum is nearly used up: not a packet at a time.
pub const LEAST_ROUND_BYTES: u32 = 64 * 1024;
/// Ready entries and pieces that one round of a turn handles per direction (S-36).
pub const ROUND_PIECES: u32 = 64;
/// Pulses that may wait at one of the channels: one doorbell of each session (equal ones share an entry), and the kernel's own.
pub const PULSES: u32 = 1024;
/// Lines of the log about one session, a minute (S-35).
pub const SESSION_LINES: u32 = 3;
/// Lines about everything else, a minute.
pub const LINES: u32 = 10;
/// Worker threads at most.
pub const MAX_WORKERS: usize = 4;

const _: () = assert!(MAX_SOCKETS <= 0x1_0000 && MAX_SESSIONS <= 0x1_0000 && MAX_POOLS <= 0x1_0000);

/// The size of a table as a number that a tunable can have.
#[cfg_attr(
    not(test),
    expect(clippy::as_conversions, reason = "a constant below 65536, as asserted above")
)]
pub const fn places(size: usize) -> u32 {
    size as u32
}
