//! The zones that mbufs and clusters come from: fixed sizes, limits, memory that is never given back to the
//! system.

use crate::layout::{MbArgs, Mbuf};
use crate::malloc::{M_NOWAIT, M_WAITOK};
use crate::panic::die;
use crate::{fault, mbuf, sleep, thread};
use std::alloc::Layout;
use std::ffi::{c_int, c_void};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};

/// What the items of a zone are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mbuf,
    /// An mbuf with a cluster: made of an item of two other zones.
    Packet,
    Cluster,
}

/// `struct uma_zone`.
pub struct Zone {
    name: &'static str,
    size: usize,
    kind: Kind,
    /// Items never used or given back; addresses.
    free: Mutex<Vec<usize>>,
    in_use: AtomicI64,
    limit: AtomicI64,
    waiting: AtomicI64,
    allocations: AtomicU64,
    failures: AtomicU64,
}

/// Memory is taken from the system in pieces of about this size.
const SLAB: usize = 256 * 1024;
const PAGE: usize = 4096;

/// A slab of mbufs begins with a mark for each of its items. The items that the marks lie in need none: a
/// sign is there.
const MARKS: usize = SLAB / 256 / 256;
const SIGN: u32 = 0x4d42_5546;

/// The mark of an mbuf; `None` when it lies in no slab of mbufs.
pub(crate) fn mark(m: *const u8) -> Option<&'static AtomicU8> {
    let at = m as usize % SLAB;
    let base = m.wrapping_sub(at);
    if base.is_null() || !at.is_multiple_of(256) || at / 256 < MARKS {
        return None;
    }
    // SAFETY: the slab of any mbuf begins with the sign; a wild pointer may fault here, as it would anywhere.
    if unsafe { base.cast::<u32>().read() } != SIGN {
        return None;
    }
    // SAFETY: one byte for each item; slabs are never unmapped.
    Some(unsafe { &*base.add(at / 256).cast::<AtomicU8>() })
}

impl Zone {
    const fn new(name: &'static str, size: usize, kind: Kind, limit: i64) -> Zone {
        Zone {
            name,
            size,
            kind,
            free: Mutex::new(Vec::new()),
            in_use: AtomicI64::new(0),
            limit: AtomicI64::new(limit),
            waiting: AtomicI64::new(0),
            allocations: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// Bytes of one item.
    pub(crate) fn item_size(&self) -> usize {
        self.size
    }

    /// Items in use.
    pub(crate) fn in_use(&self) -> i64 {
        self.in_use.load(Ordering::Relaxed)
    }

    /// Requests that failed.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Requests that were served.
    pub(crate) fn allocations(&self) -> u64 {
        self.allocations.load(Ordering::Relaxed)
    }

    /// Sets how many items may be in use at once. For [`zone_clust`], `nmbclusters`.
    pub fn set_limit(&self, items: i64) {
        self.limit.store(items, Ordering::Relaxed);
        sleep::wakeup(std::ptr::from_ref(self).cast());
    }

    /// Reserves one item within the limit.
    fn reserve(&self) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        self.in_use
            .fetch_update(Ordering::SeqCst, Ordering::Relaxed, |n| {
                (n < limit).then_some(n + 1)
            })
            .is_ok()
    }

    /// One item, not initialised. `None`: the limit is reached, or a failure was asked for, and `how` says
    /// not to wait.
    pub(crate) fn take(&self, how: c_int) -> Option<*mut u8> {
        let wait = how & M_WAITOK != 0;
        if how & (M_NOWAIT | M_WAITOK) == 0 || how & (M_NOWAIT | M_WAITOK) == M_NOWAIT | M_WAITOK {
            die!(
                "allocation from zone {} with wait flags {how:#x}: one of M_NOWAIT 1, M_WAITOK 2 is required",
                self.name
            );
        }
        if wait {
            if let Some(td) = thread::try_current() {
                td.private().may_sleep("mbuf allocation with M_WAITOK");
            }
        } else if fault::strikes() {
            self.failures.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        while !self.reserve() {
            if !wait {
                self.failures.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            self.wait();
        }
        self.allocations.fetch_add(1, Ordering::Relaxed);
        let mut free = self.free.lock().unwrap_or_else(|e| e.into_inner());
        if free.is_empty() {
            self.grow(&mut free);
        }
        free.pop().map(|item| item as *mut u8)
    }

    fn wait(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        sleep::block(std::ptr::from_ref(self).cast(), c"zonelimit", false, None, || {
            self.in_use.load(Ordering::SeqCst) >= self.limit.load(Ordering::Relaxed)
        });
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }

    fn grow(&self, free: &mut Vec<usize>) {
        let slab = SLAB.next_multiple_of(self.size.max(PAGE));
        let align = if self.kind == Kind::Mbuf { SLAB } else { PAGE };
        let Ok(layout) = Layout::from_size_align(slab, align) else {
            die!("zone {}: slab of {slab} bytes", self.name)
        };
        // SAFETY: the layout is not empty.
        let base = unsafe { std::alloc::alloc_zeroed(layout) };
        if base.is_null() {
            die!("out of memory: zone {}", self.name);
        }
        let mut first = 0;
        if self.kind == Kind::Mbuf {
            first = MARKS;
            // SAFETY: the slab begins with the marks, which begin with the sign.
            unsafe { base.cast::<u32>().write(SIGN) };
        }
        // Sizes up to a page divide it, so every item is aligned to its size, as mbufs must be.
        free.extend(
            (first..slab / self.size)
                .rev()
                .map(|i| base as usize + i * self.size),
        );
    }

    /// Gives one item back.
    pub(crate) fn give(&self, item: *mut u8) {
        self.free
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .push(item as usize);
        let before = self.in_use.fetch_sub(1, Ordering::SeqCst);
        if before <= 0 {
            die!("zone {}: more items were freed than allocated", self.name);
        }
        if self.waiting.load(Ordering::SeqCst) != 0 {
            sleep::wakeup(std::ptr::from_ref(self).cast());
        }
    }
}

/// mbufs.
pub static MBUF: Zone = Zone::new("mbuf", 256, Kind::Mbuf, 1 << 20);
/// Clusters of 2048 bytes.
pub static CLUST: Zone = Zone::new("mbuf_cluster", 2048, Kind::Cluster, 1 << 16);
/// Clusters of one page.
pub static JUMBOP: Zone = Zone::new("mbuf_jumbo_page", 4096, Kind::Cluster, 1 << 15);
/// Clusters of 9216 bytes.
pub static JUMBO9: Zone = Zone::new("mbuf_jumbo_9k", 9216, Kind::Cluster, 1 << 14);
/// Clusters of 16384 bytes.
pub static JUMBO16: Zone = Zone::new("mbuf_jumbo_16k", 16384, Kind::Cluster, 1 << 13);
static PACKET: Zone = Zone::new("mbuf_packet", 256, Kind::Packet, i64::MAX);

macro_rules! zone_pointers {
    ($($name:ident $zone:ident;)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "`: what the headers' inlines allocate from.")]
            #[unsafe(no_mangle)]
            #[allow(non_upper_case_globals)]
            pub static $name: &Zone = &$zone;
        )*
    };
}

zone_pointers! {
    zone_mbuf MBUF; zone_clust CLUST; zone_pack PACKET; zone_jumbop JUMBOP; zone_jumbo9 JUMBO9; zone_jumbo16 JUMBO16;
}

/// An item of a zone: of the mbuf zones an initialised mbuf, as `arg` says; of a cluster zone a cluster,
/// which is attached to the mbuf `arg`, if any.
///
/// # Safety
/// `arg` is what the zone takes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uma_zalloc_arg(zone: &'static Zone, arg: *mut c_void, how: c_int) -> *mut c_void {
    match zone.kind {
        Kind::Mbuf | Kind::Packet => {
            // SAFETY: the caller's contract.
            let args = unsafe { &*arg.cast::<MbArgs>() };
            let m = if zone.kind == Kind::Mbuf {
                mbuf::get(how, args.type_, args.flags)
            } else {
                mbuf::getcl(how, args.type_, args.flags)
            };
            m.map_or(std::ptr::null_mut(), |m| m.as_ptr().cast())
        }
        Kind::Cluster => {
            let Some(cluster) = zone.take(how) else {
                return std::ptr::null_mut();
            };
            // SAFETY: the caller's contract: an mbuf, or null.
            if let Some(m) = unsafe { mbuf::Mb::from_raw(arg.cast::<Mbuf>()) } {
                mbuf::attach_cluster(m, zone, cluster);
            }
            cluster.cast()
        }
    }
}

/// Gives an item back to its zone.
///
/// # Safety
/// `item` came from the zone and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uma_zfree_arg(zone: &'static Zone, item: *mut c_void, _arg: *mut c_void) {
    match zone.kind {
        Kind::Mbuf => {
            // SAFETY: the caller's contract.
            if let Some(m) = unsafe { mbuf::Mb::from_raw(item.cast()) } {
                mbuf::put(m);
            }
        }
        Kind::Packet => die!("an item of the packet zone goes back through m_free"),
        Kind::Cluster => zone.give(item.cast()),
    }
}

/// Sets the most items in use at once.
#[unsafe(no_mangle)]
pub extern "C" fn uma_zone_set_max(zone: &'static Zone, items: c_int) -> c_int {
    zone.set_limit(items.into());
    items
}

/// The most items in use at once.
#[unsafe(no_mangle)]
pub extern "C" fn uma_zone_get_max(zone: &'static Zone) -> c_int {
    c_int::try_from(zone.limit.load(Ordering::Relaxed)).unwrap_or(c_int::MAX)
}

/// Items in use.
#[unsafe(no_mangle)]
pub extern "C" fn uma_zone_get_cur(zone: &'static Zone) -> c_int {
    c_int::try_from(zone.in_use()).unwrap_or(c_int::MAX)
}
