//! The doorbell thread: owns the second channel. A bell costs it a bit and a wake-up, whoever rings: no data moves here, and
//! nothing is looked up but the session's slot.

use crate::{losses::Losses, platform::TABLE};
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

/// Where the thread finds its post.
pub static POST: Mutex<Option<Post>> = Mutex::new(None);
/// Posted by the kernel when the channel's pulses run out, instead of killing io-sock (S-34).
pub static EXHAUSTED: Semaphore = Semaphore::new();

/// Room for a doorbell and more, so that a message that is too long shows.
const BUFFER: usize = 64;

/// Runs until the stop flag is set.
pub fn run(stop: &StopFlag, _: usize) {
    let Some(Post { channel, pause }) = POST.try_lock().and_then(|mut post| post.take()) else {
        return;
    };
    let mut buffer = [0; BUFFER];
    let mut losses = Losses::new();
    while !stop.is_set() {
        match channel.receive(&mut buffer) {
            Ok(Received::Pulse(pulse)) => {
                if pulse.code == PULSE_DOORBELL {
                    TABLE.ring(u32::try_from(pulse.value).unwrap_or(0), false);
                }
                let exhausted = EXHAUSTED.try_wait() == Ok(true);
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
