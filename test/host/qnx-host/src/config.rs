//! Knobs, read once per process from the environment.
//!
//! | Variable | Default | Meaning |
//! |---|---|---|
//! | `QNX_HOST_DIR` | `$XDG_RUNTIME_DIR/qnx-host`, else `/tmp/qnx-host-<uid>` | runtime directory: one per stand-in "machine" |
//! | `QNX_HOST_PUBLIC` | 0 | 1: other users of a shared runtime directory may connect to this process |
//! | `QNX_HOST_SPIN_US` | 40 | longest spin before a thread sleeps; 0 = never spin (read by `test/host/spin`) |
//! | `QNX_HOST_NO_VM_COPY` | 0 | 1: never copy straight between address spaces (as if the system refused) |
//! | `QNX_HOST_ALLOW_PTRACER` | 0 | 1: let any process of this user copy from and to us under Yama's ptrace scope 1 |
//! | `QNX_HOST_RT` | 0 | 1: QNX priorities above 10 are realtime priorities of Linux, inherited with messages |
//! | `QNX_HOST_TRACE` | 0 | 1 errors, 2 objects, 3 calls, 4 bytes and wake-ups; on stderr |

use std::env;
use std::path::PathBuf;
use std::sync::OnceLock;

/// Values of the knobs.
pub struct Config {
    /// Runtime directory (not yet checked or created).
    pub dir: PathBuf,
    /// Other users' processes may connect to this one.
    pub public: bool,
    /// Forces the fallback copy path.
    pub no_vm_copy: bool,
    /// Opens this process to its own user's processes under Yama.
    pub allow_ptracer: bool,
    /// QNX priorities drive Linux's scheduler.
    pub realtime: bool,
    /// Verbosity 0..=4.
    pub trace: u8,
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.trim().parse().ok()
}

fn runtime_dir() -> PathBuf {
    if let Some(dir) = env::var_os("QNX_HOST_DIR").filter(|dir| !dir.is_empty()) {
        return PathBuf::from(dir);
    }
    if let Some(dir) = env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty()) {
        return PathBuf::from(dir).join("qnx-host");
    }
    // SAFETY: geteuid has no preconditions.
    let uid = unsafe { libc::geteuid() };
    PathBuf::from(format!("/tmp/qnx-host-{uid}"))
}

/// The process' knobs. Never blocks after the first call.
pub fn config() -> &'static Config {
    static CONFIG: OnceLock<Config> = OnceLock::new();
    CONFIG.get_or_init(|| Config {
        dir: runtime_dir(),
        public: number("QNX_HOST_PUBLIC").unwrap_or(0) != 0,
        no_vm_copy: number("QNX_HOST_NO_VM_COPY").unwrap_or(0) != 0,
        allow_ptracer: number("QNX_HOST_ALLOW_PTRACER").unwrap_or(0) != 0,
        realtime: number("QNX_HOST_RT").unwrap_or(0) != 0,
        trace: number("QNX_HOST_TRACE").unwrap_or(0).min(4) as u8,
    })
}
