//! The administration channel's thread.
//!
//! One thread does one request after the other: loading and unloading is serial anyway, and a module's handler may need long.

use super::{
    channel_name,
    wire::{self, IO_CONNECT, Malformed, OWN_TYPES, Operation, REQUEST_MAX, Request},
};
use crate::{
    cli::{Kind, ModuleArg},
    kernel::Kernel,
    process, stack,
};
use qnx::{
    AttachedName, Channel, ChannelFlags, ConnectFlags, Connection, Errno, Message, NameFlags, Pulse, Received,
};
use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// The pulse by which [`Running::stop`] wakes the thread.
const PULSE_STOP: i8 = 1;

/// What clients of the channel can ask for beside the kernel: counters by name.
pub type Counters = Box<dyn Fn() -> Vec<(String, u64)> + Send + Sync>;

/// The channel with its name; requests wait until [`Attached::serve`].
pub struct Attached {
    channel: Channel,
    name: AttachedName,
    kernel: &'static Kernel,
    counters: Counters,
}

/// The serving thread.
pub struct Running {
    stopping: Arc<AtomicBool>,
    wake: Connection,
    thread: stack::Thread,
}

impl Attached {
    /// Makes the channel and takes the name `dev/io-sock` below `prefix`. The error is a line for the user.
    pub fn new(kernel: &'static Kernel, prefix: &str, counters: Counters) -> Result<Self, String> {
        let path =
            channel_name(prefix, "io-sock").ok_or_else(|| format!("the prefix '{prefix}' has a NUL"))?;
        let flags = ChannelFlags::DISCONNECT
            | ChannelFlags::UNBLOCK
            | ChannelFlags::SENDER_LEN
            | ChannelFlags::REPLY_LEN;
        let channel = Channel::create(flags).map_err(|error| format!("cannot make a channel: {error}"))?;
        let name = AttachedName::attach(&channel, &path, NameFlags::empty())
            .map_err(|error| format!("cannot attach the name {}: {error}", path.to_string_lossy()))?;
        Ok(Self {
            channel,
            name,
            kernel,
            counters,
        })
    }

    /// Starts the thread.
    pub fn serve(self) -> Result<Running, String> {
        let stopping = Arc::new(AtomicBool::new(false));
        let wake = Connection::attach(0, self.channel.id(), ConnectFlags::empty())
            .map_err(|error| format!("cannot connect to our own channel: {error}"))?;
        let flag = Arc::clone(&stopping);
        let thread = stack::Thread::spawn("control", move |_| self.run(&flag))?;
        Ok(Running {
            stopping,
            wake,
            thread,
        })
    }

    fn run(self, stopping: &AtomicBool) {
        let mut buffer = vec![0; REQUEST_MAX];
        while !stopping.load(Ordering::Acquire) {
            match self.channel.receive(&mut buffer) {
                Ok(Received::Pulse(pulse)) => pulse_arrived(&pulse),
                Ok(Received::Message(message)) => {
                    let len = message.info().msglen.min(buffer.len());
                    self.answer(message, &buffer[..len]);
                }
                Err(Errno::EINTR | Errno::ETIMEDOUT) => {}
                Err(error) => {
                    eprintln!("io-sock: control channel: {error}");
                    break;
                }
            }
        }
        if let Err(error) = self.name.detach() {
            eprintln!("io-sock: control name: {error}");
        }
    }

    fn answer(&self, message: Message, bytes: &[u8]) {
        // A client that is gone needs no answer: the results of these calls change nothing.
        let _ = match Request::decode(bytes) {
            Ok(request) => {
                let privileged = is_privileged(&message);
                let (error, text) = match self.perform(&request, privileged) {
                    Ok(text) => (0, text),
                    Err((error, text)) => (error.raw(), text),
                };
                let reply = wire::encode_reply(error, &text);
                let room = message.info().dstmsglen.min(reply.len());
                let result = message.reply(0, &reply[..room]);
                if request.operation == Operation::Stop && error == 0 {
                    process::stop();
                }
                result
            }
            Err(Malformed::Bad) => message.error(Errno::EBADMSG),
            Err(Malformed::UnknownType) => match wire::message_type(bytes) {
                Some(IO_CONNECT) => message.reply(0, &[]),
                Some(kind) if kind < OWN_TYPES => message.error(Errno::ENOSYS),
                _ => message.error(Errno::ENOSYS),
            },
        };
    }

    /// The answer's text, or an error and a line about it.
    fn perform(&self, request: &Request, privileged: bool) -> Result<String, (Errno, String)> {
        let args: Vec<&str> = request.args.iter().map(String::as_str).collect();
        let administrator = || match privileged {
            true => Ok(()),
            false => Err((
                Errno::EPERM,
                "only io-sock's own user and root may do that".to_owned(),
            )),
        };
        match (request.operation, args.as_slice()) {
            (Operation::Mount, [module]) => {
                administrator()?;
                let arg = ModuleArg::parse(Kind::Either, module)
                    .map_err(|error| (Errno::EINVAL, error.to_string()))?;
                self.kernel
                    .mount(&arg)
                    .map_err(|error| (error.errno(), error.to_string()))
            }
            (Operation::Umount, [node]) => {
                administrator()?;
                self.kernel
                    .umount(node)
                    .map_err(|error| (error.errno(), error.to_string()))?;
                Ok(String::new())
            }
            (Operation::List, []) => Ok(self
                .kernel
                .nodes()
                .iter()
                .fold(String::new(), |text, node| text + node + "\n")),
            (Operation::Sysctl, [name, value]) => {
                let written = self.kernel.sysctl_write(name, value, privileged);
                let (old, new) = written.map_err(|error| (error.errno(), error.to_string()))?;
                Ok(format!("{name}: {old} -> {new}\n"))
            }
            (Operation::Sysctl, names @ ([] | [_])) => {
                let values = self.kernel.sysctl_read(names.first().copied());
                let values = values.map_err(|error| (error.errno(), error.to_string()))?;
                Ok(lines(values))
            }
            (Operation::Describe, names @ ([] | [_])) => {
                let texts = self.kernel.sysctl_describe(names.first().copied());
                Ok(lines(texts.map_err(|error| (error.errno(), error.to_string()))?))
            }
            (Operation::Stat, []) => Ok(lines((self.counters)())),
            (Operation::Stop, []) => administrator().map(|()| String::new()),
            (operation, args) => Err((
                Errno::EINVAL,
                format!("{operation:?} does not take {} arguments", args.len()),
            )),
        }
    }
}

fn lines<V: std::fmt::Display>(pairs: impl IntoIterator<Item = (String, V)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}: {value}");
    }
    text
}

/// Whether the client may change things: root, or io-sock's own user.
fn is_privileged(message: &Message) -> bool {
    qnx::client_info(message.info().scoid).is_ok_and(|client| client.euid == 0 || client.euid == qnx::euid())
}

fn pulse_arrived(pulse: &Pulse) {
    match pulse.code {
        // Nothing is kept for clients. The id may be gone already when the pulse is forged: no harm.
        qnx::PULSE_DISCONNECT => {
            let _ = qnx::detach_scoid(pulse.scoid);
        }
        // A request is answered before the next pulse is taken: this one is stale, unless the reply failed.
        qnx::PULSE_UNBLOCK => {
            if let Some(rcvid) = pulse.unblock_rcvid()
                && rcvid.info().is_ok_and(|info| info.wants_out())
            {
                let _ = rcvid.error_from_kernel();
            }
        }
        _ => {}
    }
}

impl Running {
    /// Ends the thread after its current request and waits for it. The name is gone then.
    pub fn stop(self) {
        self.stopping.store(true, Ordering::Release);
        if let Err(error) = self.wake.send_pulse(None, PULSE_STOP, 0) {
            eprintln!("io-sock: cannot wake the control thread: {error}");
            return;
        }
        self.thread.join();
    }
}
