//! The seam to the network stack (`iosock-kpi`): its threads, Giant, its symbols and counters.

use crate::{kenv::Kenv, symbols::Symbol, sysctl};
use iosock_kpi as kpi;
use std::{
    ffi::c_void,
    thread::{Builder, JoinHandle},
    time::Duration,
};

unsafe extern "C" {
    fn iosock_giant_lock();
    fn iosock_giant_unlock();
}

/// Runs `f` with Giant held, as event handlers and sysinits are. In a thread that the stack knows.
pub fn with_giant<R>(f: impl FnOnce() -> R) -> R {
    struct Unlock;
    impl Drop for Unlock {
        fn drop(&mut self) {
            // SAFETY: locked below, by this thread.
            unsafe { iosock_giant_unlock() };
        }
    }
    // SAFETY: the thread is one of the stack; Giant may be taken again by its owner.
    unsafe { iosock_giant_lock() };
    let _unlock = Unlock;
    f()
}

/// The calling thread as the stack knows it.
pub struct ThisThread(kpi::thread::Attached);

/// Names a thread of the stack, also for others.
#[derive(Clone, Copy)]
pub struct ThreadId(*mut kpi::layout::Thread);

// SAFETY: the memory of a `struct thread` is never given back, and `interrupt` may be called by any thread.
unsafe impl Send for ThreadId {}

impl ThisThread {
    /// Makes the calling thread one of the stack, with the rights of user 0, while this lives.
    pub fn attach(name: &str) -> Self {
        Self(kpi::thread::Attached::new(name, 0, 0))
    }

    /// Its name for others.
    pub fn id(&self) -> ThreadId {
        ThreadId(self.0.thread())
    }

    /// Runs `f` with the rights of a client.
    pub fn as_user<R>(&self, uid: i32, gid: i32, f: impl FnOnce() -> R) -> R {
        self.0.as_user(uid, gid, f)
    }
}

impl ThreadId {
    /// As if a signal came: its sleep ends with `EINTR`, or its next one does.
    pub fn interrupt(self) {
        // SAFETY: made from a thread of the stack.
        unsafe { kpi::thread::interrupt(self.0) };
    }
}

/// A thread of io-sock's own that may call the stack.
pub struct Thread(JoinHandle<()>);

impl Thread {
    /// Starts one.
    pub fn spawn(name: &'static str, f: impl FnOnce(&ThisThread) + Send + 'static) -> Result<Self, String> {
        let run = move || f(&ThisThread::attach(name));
        let handle = Builder::new().name(name.to_owned()).spawn(run);
        handle
            .map(Self)
            .map_err(|error| format!("cannot start a thread: {error}"))
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits for its end.
    pub fn join(self) {
        // A panic ends the process before it gets here.
        let _ = self.0.join();
    }
}

/// What the kernel interface and QNX's kernel calls offer modules.
///
/// A call of QNX is there under its own name, for modules built for QNX, and with `qnx_` in front, for those built for Linux: there
/// names that Linux's libc has too are taken under that prefix.
pub fn symbols() -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> = kpi::symbols()
        .into_iter()
        .map(|symbol| (symbol.name.to_owned(), symbol.address.addr()))
        .collect();
    for (name, address) in qnx_host::symbols() {
        symbols.push((name.to_owned(), address.addr()));
        symbols.push((format!("qnx_{name}"), address.addr()));
    }
    symbols
}

/// What the stack counts, by name.
pub fn counters() -> Vec<(String, u64)> {
    let counters = kpi::stat::counters().entries();
    counters
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The calling thread, as sysctl requests name it; null in one that the stack does not know.
pub fn curthread() -> *mut c_void {
    kpi::thread::__curthread().cast()
}

/// What must be gone before a module's code can be unmapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Footprint {
    threads: u64,
    external: u64,
    callouts: u64,
}

impl Footprint {
    /// Of all modules together.
    pub fn now() -> Self {
        let now = kpi::stat::counters();
        Self {
            threads: now.kthreads,
            external: now.ext_outstanding,
            callouts: now.callouts,
        }
    }

    /// What is there now and was not there then, in words; `None` for nothing.
    pub fn growth(self) -> Option<String> {
        let now = Self::now();
        let parts = [
            ("kernel threads", now.threads, self.threads),
            ("external mbufs", now.external, self.external),
            ("armed callouts", now.callouts, self.callouts),
        ];
        let grown = parts.iter().filter(|(_, now, then)| now > then);
        let texts: Vec<String> = grown
            .map(|(what, now, then)| format!("{what}: {}", now - then))
            .collect();
        (!texts.is_empty()).then(|| texts.join(", "))
    }
}

/// Lets sockets that were closed with data in them send it, and drivers give their mbufs back; at most a second.
pub fn settle() {
    if !kpi::stat::settle(Duration::from_secs(1)) {
        eprintln!("io-sock: sockets or mbufs are still busy");
    }
}

/// One setting of the stand-in: its name, how it is read and written.
struct Setting {
    name: &'static str,
    read: fn() -> u32,
    write: fn(u32),
}

/// Settings that QNX does not have, for tests; and those of QNX that matter here.
const SETTINGS: &[Setting] = &[
    Setting {
        name: "standin.release_delay_ms",
        read: kpi::config::release_delay_ms,
        write: kpi::config::set_release_delay_ms,
    },
    Setting {
        name: "standin.release_reorder",
        read: || kpi::config::release_reorder().into(),
        write: |on| kpi::config::set_release_reorder(on != 0),
    },
    Setting {
        name: "standin.tcp_acks",
        read: || kpi::config::tcp_acks().into(),
        write: |on| kpi::config::set_tcp_acks(on != 0),
    },
    Setting {
        name: "standin.ack_delay_ms",
        read: kpi::config::ack_delay_ms,
        write: kpi::config::set_ack_delay_ms,
    },
    Setting {
        name: "standin.delack_ms",
        read: kpi::config::delack_ms,
        write: kpi::config::set_delack_ms,
    },
    Setting {
        name: "standin.mss",
        read: kpi::config::mss,
        write: kpi::config::set_mss,
    },
    Setting {
        name: "standin.sendbuf_auto",
        read: || kpi::config::sendbuf_auto().into(),
        write: |on| kpi::config::set_sendbuf_auto(on != 0),
    },
    Setting {
        name: "standin.rx_foreign",
        read: || kpi::config::rx_foreign().into(),
        write: |on| kpi::config::set_rx_foreign(on != 0),
    },
    Setting {
        name: "standin.linux_sndbuf",
        read: kpi::config::linux_sndbuf,
        write: kpi::config::set_linux_sndbuf,
    },
    Setting {
        name: "standin.linux_rcvbuf",
        read: kpi::config::linux_rcvbuf,
        write: kpi::config::set_linux_rcvbuf,
    },
    // Reading answers how many failed so far.
    Setting {
        name: "standin.fail_nth",
        read: || u32::try_from(kpi::fault::failed()).unwrap_or(u32::MAX),
        write: kpi::fault::fail_nth,
    },
    Setting {
        name: "standin.fail_every",
        read: || u32::try_from(kpi::fault::failed()).unwrap_or(u32::MAX),
        write: kpi::fault::fail_every,
    },
    Setting {
        name: "standin.filter_nth",
        read: || u32::try_from(kpi::fault::filtered()).unwrap_or(u32::MAX),
        write: kpi::fault::filter_nth,
    },
    Setting {
        name: "standin.filter_every",
        read: || u32::try_from(kpi::fault::filtered()).unwrap_or(u32::MAX),
        write: kpi::fault::filter_every,
    },
    // Only none (0) and FreeBSD's 1023 are imitated.
    Setting {
        name: "net.inet.ip.portrange.reservedhigh",
        read: || if kpi::config::low_ports_open() { 0 } else { 1023 },
        write: |port| kpi::config::set_low_ports_open(port == 0),
    },
];

/// Settings for every io-sock that a test run starts, whatever starts it: `name=value`, separated by commas. The kernel environment
/// of one io-sock overrides them.
const SETTINGS_OF_ALL: &str = "IO_SOCK_SETTINGS";

/// Starts the stack with what the environment says, and then the kernel environment.
pub fn start(kenv: &Kenv) {
    kpi::init();
    let of_all = std::env::var(SETTINGS_OF_ALL).unwrap_or_default();
    for text in of_all.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        if !set(text) {
            // A run that believes to be in a mode and is not would prove nothing.
            eprintln!("io-sock: {SETTINGS_OF_ALL}: no such setting or value: {text}");
            std::process::exit(1);
        }
    }
    for setting in SETTINGS {
        if let Some(value) = kenv
            .number(setting.name)
            .and_then(|value| u32::try_from(value).ok())
        {
            (setting.write)(value);
        }
    }
}

/// Applies one `name=value`.
fn set(text: &str) -> bool {
    let Some((name, value)) = text.split_once('=') else {
        return false;
    };
    let setting = SETTINGS.iter().find(|setting| setting.name == name);
    let value = crate::kenv::parse_number(value).and_then(|value| u32::try_from(value).ok());
    match (setting, value) {
        (Some(setting), Some(value)) => {
            (setting.write)(value);
            true
        }
        _ => false,
    }
}

/// Publishes the settings as sysctls.
pub fn publish(sysctl: &sysctl::Tree) {
    for setting in SETTINGS {
        sysctl.publish_setting(
            setting.name,
            || (setting.read)().to_string(),
            |text| {
                let value = crate::kenv::parse_number(text).and_then(|value| u32::try_from(value).ok());
                value.map(setting.write).is_some()
            },
        );
    }
}
