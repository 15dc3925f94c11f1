//! Socket buffers: a chain of mbufs, what it is charged, and the lock around it.

use super::So;
use crate::layout::{LOCKS_STAY, Mbuf, Mtx, SoUpcall, SockBuf, Sx, locks};
use crate::lock::{self, Interlock, Mx, Sxl};
use crate::mbuf::{M_EXT, MCLBYTES, MSIZE, MT_DATA, Mb};
use crate::panic::die;
use crate::sleep;
use std::ffi::{c_int, c_short, c_void};
use std::ptr::NonNull;

/// `sb_flags`, as in `sys/sockbuf.h`.
pub(crate) const SB_WAIT: c_short = 0x4;
pub(crate) const SB_UPCALL: c_short = 0x20;
pub(crate) const SB_NOINTR: c_short = 0x40;
pub(super) const SB_NOCOALESCE: c_short = 0x200;
pub(crate) const SB_AUTOSIZE: c_short = 0x800;
const SB_STOP: c_short = 0x1000;

/// `sb_state`, as in `sys/sockstate.h`.
pub(crate) const SBS_CANTSENDMORE: c_short = 0x10;
pub(crate) const SBS_CANTRCVMORE: c_short = 0x20;

/// Most bytes of storage that a buffer may be charged (`kern.ipc.maxsockbuf`).
pub(crate) const SB_MAX: u32 = 2 * 1024 * 1024;
/// Most bytes of data: what is left of that when every cluster is charged with its mbuf.
pub(crate) const SB_MAX_ADJ: u32 = (SB_MAX as u64 * MCLBYTES as u64 / (MSIZE + MCLBYTES) as u64) as u32;
/// Storage that a buffer may be charged, in multiples of its data (`kern.ipc.sockbuf_waste_factor`).
const WASTE: u32 = 8;

const PSOCK: c_int = 104;
const PCATCH: c_int = 0x100;

/// Which buffer of a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Send,
    Receive,
}

/// A socket buffer.
///
/// # Invariants
/// Points to a buffer of `so`, which is no listener. Fields are read and written with the buffer's lock held,
/// but where said otherwise.
#[derive(Clone, Copy)]
pub(crate) struct Sb {
    sb: NonNull<SockBuf>,
    pub(crate) so: So,
    pub(crate) side: Side,
}

macro_rules! fields {
    ($($get:ident $set:ident: $type:ty = $field:ident;)*) => {
        $(
            pub(crate) fn $get(self) -> $type {
                // SAFETY: the invariants.
                unsafe { (*self.sb.as_ptr()).$field }
            }
            pub(crate) fn $set(self, value: $type) {
                // SAFETY: the invariants.
                unsafe { (*self.sb.as_ptr()).$field = value };
            }
        )*
    };
}

impl Sb {
    pub(super) fn of(so: So, side: Side) -> Sb {
        if so.is_listener() {
            die!(
                "the buffers of a listener are touched: it has none ({:p})",
                so.as_ptr()
            );
        }
        // SAFETY: a socket that is no listener has this part.
        let sb = unsafe {
            let data = &raw mut (*so.as_ptr()).tail.data;
            let data: *mut crate::layout::Buffers = data.cast();
            match side {
                Side::Send => &raw mut (*data).so_snd,
                Side::Receive => &raw mut (*data).so_rcv,
            }
        };
        // SAFETY: the address of a field.
        let sb = unsafe { NonNull::new_unchecked(sb) };
        Sb { sb, so, side }
    }

    fields! {
        state set_state: c_short = sb_state;
        flags set_flags: c_short = sb_flags;
        acc set_acc: u32 = sb_acc;
        used set_used: u32 = sb_ccc;
        hiwat set_hiwat: u32 = sb_hiwat;
        mbcnt set_mbcnt: u32 = sb_mbcnt;
        mbmax set_mbmax: u32 = sb_mbmax;
        ctl set_ctl: u32 = sb_ctl;
        lowat set_lowat: c_int = sb_lowat;
        timeo set_timeo: i64 = sb_timeo;
        upcall set_upcall: SoUpcall = sb_upcall;
        upcall_arg set_upcall_arg: *mut c_void = sb_upcallarg;
        raw_mb set_raw_mb: *mut Mbuf = sb_mb;
        raw_tail set_raw_tail: *mut Mbuf = sb_mbtail;
        raw_last_record set_raw_last_record: *mut Mbuf = sb_lastrecord;
        sndptr set_sndptr: *mut Mbuf = sb_sndptr;
        sndptroff set_sndptroff: u32 = sb_sndptroff;
    }

    /// The mutex, and the lock that serialises senders or receivers.
    fn locks(self) -> (NonNull<Mtx>, NonNull<Sx>) {
        // SAFETY: the invariants.
        let (mtx, sx) = unsafe { locks(self.so.as_ptr(), self.sb.as_ptr(), self.side == Side::Send) };
        // SAFETY: the addresses of fields.
        unsafe { (NonNull::new_unchecked(mtx), NonNull::new_unchecked(sx)) }
    }

    fn count_mbufs(self, mbufs: i32, clusters: i32) {
        // SAFETY: the invariants; the buffer's lock is held.
        unsafe { (*self.sb.as_ptr()).count_mbufs(mbufs, clusters) };
    }

    fn destroy_locks(self) {
        let (mutex, sx) = self.locks();
        destroy(mutex.as_ptr(), sx.as_ptr());
    }

    /// `SOCKBUF_MTX`.
    pub(crate) fn mutex(self) -> Mx {
        // SAFETY: the invariants.
        unsafe { Mx::from_raw(self.locks().0) }
    }

    pub(crate) fn lock(self) {
        self.mutex().lock();
    }

    pub(crate) fn unlock(self) {
        self.mutex().unlock();
    }

    /// The lock that serialises senders, or receivers.
    pub(crate) fn io_lock(self) -> Sxl {
        // SAFETY: the invariants.
        unsafe { Sxl::from_raw(self.locks().1) }
    }

    /// First mbuf.
    pub(crate) fn first(self) -> Option<Mb> {
        // SAFETY: a buffer's own mbufs.
        unsafe { Mb::from_raw(self.raw_mb()) }
    }

    pub(crate) fn is(self, state: c_short) -> bool {
        self.state() & state != 0
    }

    /// `sbspace`: may be negative.
    pub(crate) fn space(self) -> i64 {
        if self.flags() & SB_STOP != 0 {
            return 0;
        }
        let data = i64::from(self.hiwat()) - i64::from(self.used());
        let storage = i64::from(self.mbmax()) - i64::from(self.mbcnt());
        data.min(storage)
    }

    /// `sbreserve`: room for `bytes`; `false`: too many.
    pub(crate) fn reserve(self, bytes: u64) -> bool {
        if bytes > u64::from(SB_MAX_ADJ) {
            return false;
        }
        let bytes = bytes as u32;
        self.set_hiwat(bytes);
        self.set_mbmax(bytes.saturating_mul(WASTE).min(SB_MAX));
        if self.lowat() > bytes as c_int {
            self.set_lowat(bytes as c_int);
        }
        true
    }

    /// `sballoc`: an mbuf came in.
    pub(super) fn charge(self, m: Mb) {
        self.set_used(self.used() + m.len() as u32);
        self.set_acc(self.acc() + m.len() as u32);
        if m.mtype() != MT_DATA {
            self.set_ctl(self.ctl() + m.len() as u32);
        }
        self.set_mbcnt(self.mbcnt() + MSIZE as u32);
        self.count_mbufs(1, m.has(M_EXT).into());
        if m.has(M_EXT) {
            self.set_mbcnt(self.mbcnt() + m.ext_size());
        }
    }

    /// `sbfree`: an mbuf goes out.
    pub(crate) fn discharge(self, m: Mb) {
        self.shrink(m, m.len());
        self.set_mbcnt(self.mbcnt() - MSIZE as u32);
        self.count_mbufs(-1, -i32::from(m.has(M_EXT)));
        if m.has(M_EXT) {
            self.set_mbcnt(self.mbcnt() - m.ext_size());
        }
    }

    /// `n` bytes of `m` go out, the mbuf stays.
    pub(crate) fn shrink(self, m: Mb, n: usize) {
        self.set_used(self.used() - n as u32);
        self.set_acc(self.acc() - n as u32);
        if m.mtype() != MT_DATA {
            self.set_ctl(self.ctl() - n as u32);
        }
    }

    /// What `sbwait` sleeps on.
    pub(crate) fn channel(self) -> *const c_void {
        // SAFETY: the invariants; only the address is used.
        unsafe { (&raw const (*self.sb.as_ptr()).sb_acc).cast() }
    }

    /// `sbwait`: until something happens, with the lock given up meanwhile.
    pub(crate) fn wait(self) -> c_int {
        self.set_flags(self.flags() | SB_WAIT);
        let pri = if self.flags() & SB_NOINTR != 0 {
            PSOCK
        } else {
            PSOCK | PCATCH
        };
        sleep::sleep(
            self.channel(),
            Some(Interlock::Mutex(self.mutex())),
            pri,
            c"sbwait",
            self.timeo(),
            0,
        )
    }
}

impl So {
    /// Locks for two empty buffers, in zeroed memory.
    pub(super) fn init_buffers(self) {
        for sb in [self.rcv(), self.snd()] {
            let (mtx, sx) = match sb.side {
                Side::Receive => (c"so_rcv", c"so_rcv_sx"),
                Side::Send => (c"so_snd", c"so_snd_sx"),
            };
            let (mutex, sx_lock) = sb.locks();
            // SAFETY: nobody else uses the buffer or its locks yet.
            let (buf, mutex, sx_lock) =
                unsafe { (&mut *sb.sb.as_ptr(), &mut *mutex.as_ptr(), &mut *sx_lock.as_ptr()) };
            lock::init(mutex, mtx);
            lock::init_sx(sx_lock, sx);
            buf.name_mutex(mutex);
            buf.sb_lowat = 1;
        }
    }

    /// The buffers go: with `solisten`, or with the socket. Their locks go too, unless the base keeps them for
    /// the listener.
    pub(super) fn destroy_buffers(self, for_good: bool) {
        for sb in [self.rcv(), self.snd()] {
            sb.lock();
            sb.flush();
            sb.unlock();
            if for_good || !LOCKS_STAY {
                sb.destroy_locks();
            }
        }
    }

    /// The locks of the buffers that a listener does not have any more.
    pub(super) fn destroy_kept_locks(self) {
        if LOCKS_STAY {
            for side in [Side::Receive, Side::Send] {
                // SAFETY: in this base the locks are the socket's, and only their addresses are taken.
                let (mutex, sx) = unsafe { locks(self.as_ptr(), std::ptr::null_mut(), side == Side::Send) };
                destroy(mutex, sx);
            }
        }
    }
}

/// Nobody uses the locks any more.
fn destroy(mutex: *mut Mtx, sx: *mut Sx) {
    // SAFETY: the word of a mutex.
    lock::_mtx_destroy(unsafe { &raw mut (*mutex).mtx_lock });
    lock::sx_destroy(sx);
}
