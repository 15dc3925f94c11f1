//! What is bound and how: shared by `csock-bindgen` (our own headers, output checked in) and by this crate's build script
//! (an SDP's headers, feature `sdp`), so that both give the same names and types.

use bindgen::callbacks::{IntKind, ParseCallbacks};

/// Functions, by name or pattern.
const FUNCTIONS: &[&str] = &[
    "Channel(Create|Destroy)(_r)?",
    "ChannelCreatePulsePool",
    "Connect(Attach|Detach|ServerInfo|ClientInfo|ClientInfoExtraArgs|Flags)(_r)?",
    "ConnectClientInfo(Ext|Able)",
    "ClientInfoExtFree",
    "MsgSend(sv|vs|v)?(nc)?(_r)?",
    "MsgSendPulse(Ptr)?(_r)?",
    "MsgReceive(v|Pulse)?(_r)?",
    "Msg(Reply|Read|Write)v?(_r)?",
    "Msg(Error|Info|Current|Pause)(_r)?",
    "Msg(Register|Unregister|Verify|Deliver)Event(_r)?",
    "TimerTimeout(_r)?",
    "Sched(Get|Set|Info)(_r)?",
    "ThreadCtl(_r)?",
    "name_(attach|detach|open|close)",
    "dispatch_(create_channel|destroy)",
    "pathmgr_(link|unlink)",
    "procmgr_ability(_create|_lookup)?",
    "shm_(open|unlink|ctl|revoke)",
    "shm_(create|create_subrange|open|delete)_handle",
    "shm_open_handle_pid",
    "mmap(_handle|_handle_pid)?",
    "munmap|mprotect|msync",
    "open|fcntl|close|read|write|ftruncate|fstat|stat",
    "getpid|getuid|geteuid|getgid|getegid|sysconf|sched_yield",
    "clock_gettime|nanosleep",
    "sem_(init|destroy|post|wait|trywait|timedwait)",
    "pthread_mutex_(init|destroy|lock|trylock|timedlock|unlock|consistent)",
    "pthread_mutexattr_(init|destroy|settype|setpshared|setrobust|setprotocol)",
    "__get_errno_ptr",
];

/// Types that no function's signature brings in by itself.
const TYPES: &[&str] = &[
    "_pulse|sigevent|sigval|_msg_info64|_client_info|_cred_info|_client_able|nto_channel_config|_sched_info",
    "iovec|iov_t|rcvid_t|shm_handle_t|name_attach_t|_name_attach|dispatch_t|_dispatch",
    "_file_type|sched_param|stat|timespec|timeval|sem_t|sync_t|_sync|_sync_attr|pthread_mutex(attr)?_t",
    "sockaddr(_in|_in6|_un|_dl|_storage)?|in6?_addr|in_(port|addr)_t|socklen_t|sa_family_t",
    "m?msghdr|cmsghdr|linger|addrinfo",
    "(s?size|pid|uid|gid|mode|ino|dev|nlink|blksize|blkcnt|off|time|suseconds|clockid|timer|pthread)_t",
];

/// Numbers.
const VARS: &[&str] = &[
    "E[0-9A-Z]+",
    "_NTO_(CHF|CHO|MI|COF|CI|CLIENTINFO|TIMEOUT|TCTL|REGEVENT|PULSE)_[0-9A-Z_]+",
    "_NTO_(SIDE_CHANNEL|GLOBAL_CHANNEL|CONNECTION_SCOID)",
    "SYSMGR_(PID|CHID|COID)|ND_LOCAL_NODE",
    "_PULSE_[A-Z_]+|SIGEV_[A-Z_]+|STATE_[A-Z]+",
    "_IO_(BASE|MAX|CONNECT|READ|WRITE|STAT|NOTIFY|DEVCTL|MSG|DUP|CLOSE)|PATHMGR_FLAG_[A-Z]+",
    "_?NAME_FLAG_[A-Z_]+|PROCMGR_(AID|AOP|ADN)_[A-Z_]+",
    "(PROT|MAP|MS|MCL|SHMCTL)_[A-Z_]+|SHM_CREATE_HANDLE_OPT_[A-Z]+",
    "O_[A-Z]+|F_(DUPFD|GETFD|SETFD|GETFL|SETFL|DUPFD_CLOEXEC)|FD_CLOEXEC",
    "PTHREAD_(MUTEX_(DEFAULT|ERRORCHECK|RECURSIVE|NORMAL|STALLED|ROBUST)|PROCESS_[A-Z]+|PRIO_[A-Z]+)",
    "(AF|SOCK|SO|MSG|SCM|SHUT|IPPROTO|IP|IPV6|TCP|AI|NI|EAI)_[0-9A-Z_]+|SOL_SOCKET|SOMAXCONN|POLL[A-Z]+|SIG[A-Z]+[12]?",
    "CLOCK_(REALTIME|MONOTONIC|PROCESS_CPUTIME_ID|THREAD_CPUTIME_ID)|TIMER_ABSTIME|SCHED_[A-Z]+|UIO_MAXIOV|_SC_PAGESIZE",
];

/// Flag words that the calls take as unsigned; every other number is an `int`.
const UNSIGNED: &[&str] = &[
    "_NTO_CHF_",
    "_NTO_CHO_",
    "_NTO_COF_",
    "_NTO_CI_",
    "_NTO_TIMEOUT_",
    "_NTO_SIDE_CHANNEL",
    "_NTO_GLOBAL_CHANNEL",
    "NAME_FLAG_",
    "PROCMGR_",
    "PATHMGR_",
    "SHM_CREATE_HANDLE_OPT_",
    "SIGEV_INVALID_HANDLE",
    "TIMER_ABSTIME",
    "ND_LOCAL_NODE",
    "STATE_",
];

/// Gives each number the type that the calls take it as.
#[derive(Debug)]
struct Numbers;

impl ParseCallbacks for Numbers {
    fn int_macro(&self, name: &str, _value: i64) -> Option<IntKind> {
        let unsigned = UNSIGNED.iter().any(|prefix| name.starts_with(prefix));
        Some(if unsigned { IntKind::UInt } else { IntKind::Int })
    }
}

/// Everything but where the headers are and which part of the output is wanted.
pub fn builder() -> bindgen::Builder {
    let mut builder = bindgen::Builder::default()
        .use_core()
        .rust_edition(bindgen::RustEdition::Edition2024)
        .rust_target(bindgen::RustTarget::stable(85, 0).expect("bindgen knows Rust 1.85"))
        .formatter(bindgen::Formatter::Prettyplease)
        .default_macro_constant_type(bindgen::MacroTypeVariation::Signed)
        .parse_callbacks(Box::new(Numbers))
        .derive_default(true)
        .layout_tests(true)
        .generate_comments(false)
        .prepend_enum_name(false)
        .allowlist_recursively(true);
    for name in FUNCTIONS {
        builder = builder.allowlist_function(name);
    }
    for name in TYPES {
        builder = builder.allowlist_type(name);
    }
    for name in VARS {
        builder = builder.allowlist_var(name);
    }
    builder
}
