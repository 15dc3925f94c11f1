//! What every test starts with.

use std::path::PathBuf;
use std::sync::Once;

use qnx::{Channel, ChannelFlags, ConnectFlags, Connection, Errno, Message, Received};

static UP: Once = Once::new();

/// Gives this run a directory of its own in the stand-in, before the first call. A child process gets its parent's.
pub fn up() {
    UP.call_once(|| {
        if std::env::var_os("QNX_HOST_DIR").is_some() {
            return;
        }
        sweep();
        let dir: PathBuf = std::env::temp_dir().join(format!("qnx-ipc-test-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("the temporary directory is writable");
        // SAFETY: every test calls this before anything else, and nothing else in this program reads or writes the environment
        // at that time.
        unsafe { std::env::set_var("QNX_HOST_DIR", &dir) };
    });
}

/// Removes the directories of runs that are over: the last test of a run cannot know that it is the last.
fn sweep() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.strip_prefix("qnx-ipc-test-")) else {
            continue;
        };
        if pid.parse::<u32>().is_ok() && !std::path::Path::new("/proc").join(pid).exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The flags that csock's own channel has.
pub fn flags() -> ChannelFlags {
    ChannelFlags::DISCONNECT | ChannelFlags::UNBLOCK | ChannelFlags::SENDER_LEN | ChannelFlags::REPLY_LEN
}

/// A channel and a connection to it, both in this process.
pub fn pair() -> (Channel, Connection) {
    up();
    let channel = Channel::create(flags()).expect("a channel");
    let connection = Connection::attach(0, channel.id(), ConnectFlags::empty()).expect("a connection");
    (channel, connection)
}

/// The next message; pulses on the way fail the test.
pub fn message(channel: &Channel, buf: &mut [u8]) -> Message {
    match channel.receive(buf) {
        Ok(Received::Message(message)) => message,
        other => panic!("expected a message, got {other:?}"),
    }
}

/// The error of a result, or a failed test.
pub fn error<T: std::fmt::Debug>(result: Result<T, Errno>) -> Errno {
    result.expect_err("an error was expected")
}
