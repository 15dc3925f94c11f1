//! socket(9): the calls, the socket buffers, and the states.
//!
//! | File | What |
//! |---|---|
//! | `mod.rs` | [`So`], a pointer to a socket with its fields; making and freeing the memory |
//! | `sockbuf.rs`, `append.rs` | socket buffers: fields, charges, waiting; what comes in and goes out |
//! | `state.rs` | transitions, and who is woken by them |
//! | `create.rs` | socreate, sobind, soconnect, sodisconnect |
//! | `listen.rs` | solisten, solisten_dequeue, soaccept, and how a child comes to be |
//! | `send.rs`, `receive.rs` | sosend, soreceive |
//! | `close.rs` | soshutdown, soclose, sofree |
//! | `option.rs`, `upcall.rs`, `poll.rs` | options, upcalls, sopoll |
//! | `addr.rs`, `proto.rs` | addresses, the protocol switch |
//!
//! What is below a socket, Linux's own, is in `../below`.

pub(crate) mod addr;
mod append;
mod close;
mod create;
mod listen;
mod option;
mod poll;
mod proto;
mod receive;
mod send;
pub(crate) mod sockbuf;
pub(crate) mod state;
mod upcall;

pub(crate) use close::finish;
pub use close::{soabort, soclose, sodisconnect, sofree, sorele_locked, soshutdown};
pub use create::{sobind, soconnect, socreate};
pub(crate) use listen::{has_room, new_connection};
pub use listen::{soaccept, solisten, solisten_dequeue};
pub use option::{so_setsockopt, sogetopt, sooptcopyin, sooptcopyout, soreserve, sosetopt};
pub use poll::sopoll;
pub use receive::soreceive;
pub use send::sosend;
pub(crate) use sockbuf::{Sb, Side};
pub use upcall::{solisten_upcall_set, soupcall_clear, soupcall_set};

use crate::below::Pcb;
use crate::layout::{Protosw, Socket, SolistenTail, Ucred};
use crate::lock::{self, Mx};
use crate::panic::die;
use crate::thread;
use std::collections::VecDeque;
use std::ffi::{c_int, c_short, c_void};
use std::mem::offset_of;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicI16, AtomicI32, AtomicI64, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// `so_state`, as in `sys/sockstate.h`.
pub const SS_NOFDREF: c_short = 0x1;
/// Connected.
pub const SS_ISCONNECTED: c_short = 0x2;
/// On the way to be.
pub const SS_ISCONNECTING: c_short = 0x4;
/// On the way not to be.
pub const SS_ISDISCONNECTING: c_short = 0x8;
/// Calls do not wait.
pub const SS_NBIO: c_short = 0x100;
/// Was connected, or tried to be.
pub const SS_ISDISCONNECTED: c_short = 0x2000;
/// The protocol still needs the socket although its owner has closed it.
const SS_PROTOREF: c_short = 0x4000;

/// `SO_ACCEPTCONN`: a listener.
const SO_ACCEPTCONN: c_int = 0x2;
const SO_LINGER: c_int = 0x80;

/// `MSG_*`, as in `sys/socket.h`.
pub mod msg {
    use std::ffi::c_int;
    /// Out of band: not supported.
    pub const OOB: c_int = 0x1;
    /// Look, do not take.
    pub const PEEK: c_int = 0x2;
    /// End of record.
    pub const EOR: c_int = 0x8;
    /// The rest of a datagram was dropped.
    pub const TRUNC: c_int = 0x10;
    /// Wait for all of it.
    pub const WAITALL: c_int = 0x40;
    /// This call does not wait.
    pub const DONTWAIT: c_int = 0x80;
    /// Shut the sending side afterwards.
    pub const EOF: c_int = 0x100;
    /// As DONTWAIT, but for the I/O lock.
    pub const NBIO: c_int = 0x4000;
    /// Called from a callback: no window update.
    pub const SOCALLBCK: c_int = 0x10000;
    /// More follows.
    pub const MORETOCOME: c_int = 0x100000;
}

/// A socket in its memory, which is used again, but never given back.
#[repr(C)]
struct Slot {
    socket: Socket,
    mark: AtomicU32,
}

const LIVE: u32 = 0x736f_636b;
const GONE: u32 = 0xdead_50c4;

/// Memory of sockets that are gone, oldest first; some of it rests, so that a stale pointer is noticed.
static SPARE: Mutex<VecDeque<So>> = Mutex::new(VecDeque::new());
const RESTING: usize = 64;
static ALIVE: AtomicI64 = AtomicI64::new(0);
static GENERATION: AtomicU64 = AtomicU64::new(1);

/// Sockets whose memory is in use: open ones, and closed ones with data still to send.
pub(crate) fn alive() -> i64 {
    ALIVE.load(Ordering::Relaxed)
}

/// A pointer to a socket, with its fields.
///
/// # Invariants
/// Points into a slot that `So::alloc` made, whose memory is never unmapped. Fields are read and written
/// under the locks of socket(9).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct So(NonNull<Socket>);

// SAFETY: the fields are guarded by the socket's own locks.
unsafe impl Send for So {}
// SAFETY: as above.
unsafe impl Sync for So {}

macro_rules! fields {
    ($($get:ident $set:ident: $type:ty = $field:ident;)*) => {
        $(
            pub(crate) fn $get(self) -> $type {
                // SAFETY: the invariants. Volatile: some are looked at without the lock that they change
                // under.
                unsafe { (&raw const (*self.0.as_ptr()).$field).read_volatile() }
            }
            pub(crate) fn $set(self, value: $type) {
                // SAFETY: the invariants.
                unsafe { (*self.0.as_ptr()).$field = value };
            }
        )*
    };
}

impl So {
    /// A socket with buffers, one reference, and the credential `cred`, which gets one more reference.
    pub(crate) fn alloc(cred: *mut Ucred) -> So {
        let spare = {
            let mut spare = SPARE.lock().unwrap_or_else(|e| e.into_inner());
            if spare.len() > RESTING {
                spare.pop_front()
            } else {
                None
            }
        };
        let so = spare.unwrap_or_else(|| {
            let slot = Box::leak(Box::new(std::mem::MaybeUninit::<Slot>::zeroed()));
            So(NonNull::from(slot).cast())
        });
        // SAFETY: nobody else uses the slot; all zeroes is a valid socket.
        unsafe { std::ptr::write_bytes(so.0.as_ptr(), 0, 1) };
        // SAFETY: as above.
        lock::init(unsafe { &mut (*so.0.as_ptr()).so_lock }, c"socket");
        so.init_buffers();
        so.count().store(1, Ordering::Relaxed);
        so.set_cred(thread::hold(cred));
        // SAFETY: as above.
        unsafe { (*so.0.as_ptr()).so_gencnt = GENERATION.fetch_add(1, Ordering::Relaxed) };
        so.mark().store(LIVE, Ordering::Release);
        ALIVE.fetch_add(1, Ordering::Relaxed);
        so
    }

    /// Gives the memory back. No lock of the socket is held, its buffers are empty or a listener's queue is.
    pub(crate) fn dealloc(self) {
        // SAFETY: the invariants.
        if let Some(dtor) = unsafe { (*self.0.as_ptr()).so_dtor } {
            // SAFETY: the module's own function.
            unsafe { dtor(self.0.as_ptr()) };
        }
        if self.is_listener() {
            self.destroy_kept_locks();
        } else {
            self.destroy_buffers(true);
        }
        // SAFETY: the word of the socket's own mutex.
        lock::_mtx_destroy(unsafe { &raw mut (*self.0.as_ptr()).so_lock.mtx_lock });
        thread::release(self.cred());
        self.mark().store(GONE, Ordering::Release);
        ALIVE.fetch_sub(1, Ordering::Relaxed);
        SPARE.lock().unwrap_or_else(|e| e.into_inner()).push_back(self);
    }

    /// # Safety
    /// `so` is null or a socket of this crate.
    pub unsafe fn from_raw(so: *mut Socket) -> Option<So> {
        NonNull::new(so).map(So)
    }

    /// The `struct socket`.
    pub fn as_ptr(self) -> *mut Socket {
        self.0.as_ptr()
    }

    fields! {
        linger set_linger: c_short = so_linger;
        sotype set_sotype: c_short = so_type;
        proto set_proto: *mut Protosw = so_proto;
        cred set_cred: *mut Ucred = so_cred;
        raw_pcb set_raw_pcb: *mut c_void = so_pcb;
    }

    fn mark(self) -> &'static AtomicU32 {
        // SAFETY: the invariants: the mark lies in the slot, whose memory is never unmapped.
        unsafe {
            &*self
                .0
                .as_ptr()
                .byte_add(offset_of!(Slot, mark))
                .cast::<AtomicU32>()
        }
    }

    /// Ends the process when the socket is gone, or when the thread is inside a callback that must not call
    /// `what`, or holds a mutex.
    pub(crate) fn enter(self, what: &str) {
        self.check(what);
        thread::current().private().may_sleep(what);
    }

    /// Ends the process when the socket is gone.
    pub(crate) fn check(self, what: &str) {
        match self.mark().load(Ordering::Acquire) {
            LIVE => {}
            GONE => die!("{what} of a socket that is closed and gone: {:p}", self.0),
            _ => die!("{what} of {:p}, which is no socket", self.0),
        }
    }

    pub(crate) fn count(self) -> &'static AtomicU32 {
        // SAFETY: the invariants: an atomic in memory that is never unmapped.
        unsafe { &(*self.0.as_ptr()).so_count }
    }

    /// `SOCK_LOCK`, of a listener `SOLISTEN_LOCK`.
    pub(crate) fn mutex(self) -> Mx {
        // SAFETY: the invariants.
        unsafe { Mx::from_raw(NonNull::new_unchecked(&raw mut (*self.0.as_ptr()).so_lock)) }
    }

    /// What connect sleeps on.
    pub(crate) fn timeo_channel(self) -> *const c_void {
        // SAFETY: the invariants; only the address is used.
        unsafe { (&raw const (*self.0.as_ptr()).so_timeo).cast() }
    }

    pub(crate) fn is(self, state: c_short) -> bool {
        self.state() & state != 0
    }

    pub(crate) fn is_listener(self) -> bool {
        self.options() & SO_ACCEPTCONN != 0
    }

    pub(crate) fn is_stream(self) -> bool {
        self.sotype() == 1
    }

    pub(crate) fn snd(self) -> Sb {
        Sb::of(self, Side::Send)
    }

    pub(crate) fn rcv(self) -> Sb {
        Sb::of(self, Side::Receive)
    }

    /// The listener's part. Only of a listener.
    pub(crate) fn queue(self) -> *mut SolistenTail {
        if !self.is_listener() {
            die!("{:p} is no listener", self.0);
        }
        // SAFETY: the invariants; a listener has this part.
        unsafe { (&raw mut (*self.0.as_ptr()).tail.listen).cast() }
    }

    /// `so_state`: changes under [`Self::mutex`], and is looked at without it too.
    pub(crate) fn state(self) -> c_short {
        // SAFETY: the invariants; the field is aligned.
        unsafe { AtomicI16::from_ptr(&raw mut (*self.0.as_ptr()).so_state) }.load(Ordering::Relaxed)
    }

    pub(crate) fn set_state(self, state: c_short) {
        // SAFETY: as above.
        unsafe { AtomicI16::from_ptr(&raw mut (*self.0.as_ptr()).so_state) }.store(state, Ordering::Relaxed);
    }

    /// `so_options`: as `so_state`.
    pub(crate) fn options(self) -> c_int {
        // SAFETY: as above.
        unsafe { AtomicI32::from_ptr(&raw mut (*self.0.as_ptr()).so_options) }.load(Ordering::Relaxed)
    }

    pub(crate) fn set_options(self, options: c_int) {
        // SAFETY: as above.
        unsafe { AtomicI32::from_ptr(&raw mut (*self.0.as_ptr()).so_options) }
            .store(options, Ordering::Relaxed);
    }

    /// `so_error`, which netisr sets while others take it.
    fn error_word(self) -> &'static AtomicU16 {
        // SAFETY: the invariants; the field is aligned, and touched by atomic operations only, but for
        // modules' own.
        unsafe { AtomicU16::from_ptr(&raw mut (*self.0.as_ptr()).so_error) }
    }

    /// The error that waits; 0: none.
    pub(crate) fn error(self) -> c_int {
        self.error_word().load(Ordering::Acquire).into()
    }

    /// The error that waits, which is cleared.
    pub(crate) fn take_error(self) -> c_int {
        self.error_word().swap(0, Ordering::AcqRel).into()
    }

    pub(crate) fn set_error(self, error: c_int) {
        self.error_word().store(error as u16, Ordering::Release);
    }

    /// Links the part below.
    pub(crate) fn attach(self, pcb: Arc<Pcb>) {
        self.set_raw_pcb(Arc::into_raw(pcb) as *mut c_void);
    }

    /// The part below. Every socket that its owner has not closed has one.
    pub(crate) fn pcb(self) -> Arc<Pcb> {
        let raw: *const Pcb = self.raw_pcb().cast_const().cast();
        if raw.is_null() {
            die!("socket {:p} has no protocol part", self.0);
        }
        // SAFETY: `attach` put it there with a reference, which stays until `detach`.
        unsafe {
            Arc::increment_strong_count(raw);
            Arc::from_raw(raw)
        }
    }

    /// Unlinks the part below.
    pub(crate) fn detach(self) {
        let raw: *const Pcb = self.raw_pcb().cast_const().cast();
        self.set_raw_pcb(null_mut());
        if !raw.is_null() {
            // SAFETY: the reference of `attach`.
            drop(unsafe { Arc::from_raw(raw) });
        }
    }
}
