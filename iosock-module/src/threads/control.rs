//! The control thread: owns the channel and its path, receives, and hands everything to [`crate::control`].

use crate::{
    control::Sender,
    losses::Losses,
    platform::{CONTROL, KernelTicket, PULSE_LOOK, TABLE, node},
};
use core::sync::atomic::Ordering;
use csock_wire::msg::MAX_REQUEST_LEN;
use iosock::{Level, StopFlag, WaitQueue};
use qnx::{Channel, Errno, IoRequest, LinkedPath, Message, PULSE_DISCONNECT, Pulse, Received, Semaphore};
use spin::Mutex;

/// What [`crate::lifecycle`] made for the thread: the channel, under its path.
pub struct Post {
    /// Removed first.
    pub path: LinkedPath,
    /// Destroyed last: who is still blocked on it is let go.
    pub channel: Channel,
    /// For short sleeps while stopping.
    pub pause: WaitQueue,
}

/// There until the thread takes it.
pub static POST: Mutex<Option<Post>> = Mutex::new(None);
/// Posted by the kernel when the channel's pulses run out, instead of killing io-sock (S-34).
pub static EXHAUSTED: Semaphore = Semaphore::new();

/// Room for the longest request and more, so that a message that is too long shows.
const BUFFER: usize = MAX_REQUEST_LEN + 64;
/// How long the end waits for a worker to finish with a socket of a dying session.
const LEAVE_STEPS: u32 = 2_000;

/// Runs until the stop flag is set.
pub fn run(stop: &StopFlag, _: usize) {
    let Some(Post { path, channel, pause }) = POST.try_lock().and_then(|mut post| post.take()) else {
        return;
    };
    let Some(mut control) = CONTROL.try_lock() else {
        return;
    };
    let mut buffer = [0; BUFFER];
    let mut failures = 0u32;
    let mut losses = Losses::new();
    while !stop.is_set() {
        match channel.receive(&mut buffer) {
            Ok(received) => {
                failures = 0;
                match received {
                    Received::Pulse(pulse) => serve_pulse(&mut control, &mut losses, &pulse),
                    Received::Message(message) => serve_message(&mut control, &buffer, message),
                }
            }
            Err(Errno::EINTR) => {}
            Err(error) => {
                // ESRCH: the channel was destroyed behind our back. Never a busy loop.
                failures = failures.saturating_add(1);
                if failures == 1 {
                    let mut line = iosock::LineBuf::<96>::new();
                    line.text("csock: receive failed, errno ")
                        .signed(i64::from(error.raw()));
                    iosock::log(Level::Error, line.as_bytes());
                }
                pause.wait(Some(10));
            }
        }
    }
    // First nobody new finds us, then everybody is let go, then the channel goes.
    drop(path);
    control.stop(&TABLE);
    for _ in 0..LEAVE_STEPS {
        if control.sessions() == 0 {
            break;
        }
        // A worker has the turn of a socket that must leave its session; it never keeps it long.
        pause.wait(Some(1));
        control.finish(&TABLE);
    }
    drop(channel);
}

fn serve_message(
    control: &mut crate::control::Control<crate::platform::IoSock>,
    buffer: &[u8],
    message: Message,
) {
    let info = *message.info();
    let bytes = buffer.get(..info.msglen.min(buffer.len())).unwrap_or_default();
    if let Some(request) = IoRequest::parse(bytes) {
        return node::answer(message, request);
    }
    control.message(
        &TABLE,
        Sender {
            pid: info.pid,
            scoid: info.scoid,
        },
        bytes,
        KernelTicket::new(message),
    );
}

fn serve_pulse(
    control: &mut crate::control::Control<crate::platform::IoSock>,
    losses: &mut Losses,
    pulse: &Pulse,
) {
    match pulse.code {
        PULSE_LOOK => control.finish(&TABLE),
        PULSE_DISCONNECT => control.disconnect(&TABLE, pulse.scoid),
        _ => {
            // A stale unblock pulse names a request that was answered: MsgInfo knows it no more, or wants nothing.
            if let Some(Ok(info)) = pulse.unblock_rcvid().map(qnx::RcvId::info)
                && info.wants_out()
            {
                control.unblock(&TABLE, info.scoid);
            }
        }
    }
    let exhausted = EXHAUSTED.try_wait() == Ok(true);
    if losses.pulse(exhausted) {
        TABLE
            .refusals
            .pulses
            .fetch_add(u64::from(exhausted), Ordering::Relaxed);
        control.recover(&TABLE);
    }
}
