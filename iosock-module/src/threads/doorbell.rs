//! The doorbell threads, each with a channel of its own. A bell costs a bit and a wake-up, whoever rings: no data moves here, and
//! nothing is looked up but the session's slot.
//!
//! One channel is for clients that may send pulses, the other for all others. A pulse does not block who sends it, so a flood of
//! them can fill its channel's queue for ever; a message behind them would wait as long, and its sender with it. So nobody who has
//! to ring by message waits on the channel of those who need not.
// ON-TARGET: who may send pulses may send them to the other channel, or to that for requests, whose numbers can be guessed; to
// detach the scoid of a living client (ConnectDetach) might stop that, if QNX lets a server do so.

use crate::{
    losses::Losses,
    platform::TABLE,
    unasked::{PAUSE_MS, Unasked},
};
use core::sync::atomic::Ordering;
use csock_wire::{
    Kind, MsgHeader, Request,
    msg::{self, Empty, MAX_REPLY_LEN, PULSE_DOORBELL, WIRE_VERSION},
};
use iosock::{StopFlag, WaitQueue};
use qnx::{Channel, Errno, Message, Received, Semaphore};
use spin::Mutex;
use zerocopy::FromBytes;

/// What [`crate::lifecycle`] made for the thread.
pub struct Post {
    /// The channel.
    pub channel: Channel,
    /// For a short sleep when receiving fails.
    pub pause: WaitQueue,
}

/// The channel of clients that may send pulses, and that of all others.
pub const CHANNELS: usize = 2;
/// The first of them.
pub const PULSES: usize = 0;
/// The second one.
pub const MESSAGES: usize = 1;

/// One for each thread, until it takes it.
pub static POSTS: [Mutex<Option<Post>>; CHANNELS] = [const { Mutex::new(None) }; CHANNELS];
/// Each posted by the kernel when its channel's pulses run out, instead of killing io-sock (S-34).
pub static EXHAUSTED: [Semaphore; CHANNELS] = [const { Semaphore::new() }; CHANNELS];

/// Room for a doorbell and more, so that a message that is too long shows.
const BUFFER: usize = 64;

/// Runs until the stop flag is set. `index` is the channel's.
pub fn run(stop: &StopFlag, index: usize) {
    let post = POSTS.get(index).and_then(|post| post.try_lock()?.take());
    let (Some(Post { channel, pause }), Some(exhausted)) = (post, EXHAUSTED.get(index)) else {
        return;
    };
    let mut buffer = [0; BUFFER];
    let (mut losses, mut unasked) = (Losses::new(), Unasked::new());
    while !stop.is_set() {
        match channel.receive(&mut buffer) {
            Ok(Received::Pulse(pulse)) => {
                let asked = pulse.code == PULSE_DOORBELL
                    && TABLE.ring(u32::try_from(pulse.value).unwrap_or(0), false);
                // Where messages are waited for, a pause would hold up their senders.
                if unasked.pulse(asked) && index == PULSES {
                    TABLE.refusals.bells.fetch_add(1, Ordering::Relaxed);
                    pause.wait(Some(PAUSE_MS));
                    TABLE.look_for_bells();
                }
                let exhausted = exhausted.try_wait() == Ok(true);
                if losses.pulse(exhausted) {
                    TABLE
                        .refusals
                        .pulses
                        .fetch_add(u64::from(exhausted), Ordering::Relaxed);
                    // Which bells were dropped nobody knows: every session gets a look.
                    TABLE.ring_all();
                }
            }
            Ok(Received::Message(message)) => answer(&buffer, message),
            Err(Errno::EINTR) => {}
            // Never a busy loop.
            Err(_) => {
                pause.wait(Some(10));
            }
        }
        TABLE.totals.doorbell_wakeups.fetch_add(1, Ordering::Relaxed);
    }
}

/// A bell by message, answered at once: the client goes on while the worker wakes.
fn answer(buffer: &[u8], message: Message) {
    let info = *message.info();
    let bytes = buffer.get(..info.msglen.min(buffer.len())).unwrap_or_default();
    let header = MsgHeader::read_from_bytes(bytes).ok();
    let Some(header) = header.filter(|h| h.kind == Kind::Doorbell.to_wire() && h.version == WIRE_VERSION)
    else {
        // Another kind of request, or none at all: this channel has no answer for it.
        let error = match Request::parse(bytes) {
            Err(msg::ParseError::Short { .. }) => Errno::EBADMSG,
            _ => Errno::ENOSYS,
        };
        let _ = message.error(error);
        return;
    };
    let mut reply = [0; MAX_REPLY_LEN];
    let result = match msg::encode_reply::<msg::Doorbell>(&Empty {}, &mut reply) {
        Some(bytes) => {
            let room = bytes.len().min(info.dstmsglen);
            message.reply(0, bytes.get(..room).unwrap_or_default())
        }
        None => message.error(Errno::EIO),
    };
    // ESRCH: the client is gone, and its bell counts all the same.
    let _ = result;
    TABLE.ring(header.session, true);
}
