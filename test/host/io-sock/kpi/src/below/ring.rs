//! Receive storage of a driver: with `standin.rx_foreign` received bytes lie in external mbufs over memory that the
//! driver owns and takes back, as with a receive ring (`EXT_NET_DRV`), not in clusters of the stack.

use crate::layout::Mbuf;
use crate::mbuf::{self, MT_DATA, Mb};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

/// Bytes of one buffer of the ring.
pub(super) const BUFFER: usize = 4096;
/// Buffers that are kept for the next packet.
const KEPT: usize = 256;

type Buffer = Box<[u8; BUFFER]>;

static SPARE: Mutex<Vec<Buffer>> = Mutex::new(Vec::new());
static OUT: AtomicI64 = AtomicI64::new(0);

/// Buffers that the stack or a module holds.
pub(crate) fn outstanding() -> i64 {
    OUT.load(Ordering::Relaxed)
}

/// An empty mbuf over a buffer of the ring. `flags`: `M_PKTHDR` or nothing. `None`: no mbuf.
pub(super) fn get(how: i32, flags: i32) -> Option<Mb> {
    let m = mbuf::get(how, MT_DATA, flags)?;
    let spare = SPARE.lock().unwrap_or_else(|e| e.into_inner()).pop();
    let buffer: Buffer = spare.unwrap_or_else(|| Box::new([0; BUFFER]));
    OUT.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the buffer stays until `give_back` gets it; the mbuf is fresh.
    unsafe { mbuf::attach_of_driver(m, Box::into_raw(buffer).cast(), BUFFER as u32, give_back) };
    Some(m)
}

/// The driver's ext_free.
unsafe extern "C" fn give_back(m: *mut Mbuf) {
    // SAFETY: called with the mbuf that `get` attached the buffer to, for its last reference.
    let buffer = unsafe { Buffer::from_raw((*m).m_ext.ext_buf.cast()) };
    OUT.fetch_sub(1, Ordering::Relaxed);
    let mut spare = SPARE.lock().unwrap_or_else(|e| e.into_inner());
    if spare.len() < KEPT {
        spare.push(buffer);
    }
}

/// A packet of the ring that holds `bytes`. `None`: no mbufs.
pub(super) fn packet(how: i32, bytes: &[u8]) -> Option<Mb> {
    let first = get(how, mbuf::M_PKTHDR as i32)?;
    first.set_pkt_len(bytes.len());
    let mut last = first;
    for (at, piece) in bytes.chunks(BUFFER).enumerate() {
        if at > 0 {
            let Some(next) = get(how, 0) else {
                mbuf::m_freem(Some(first));
                return None;
            };
            last.set_next(Some(next));
            last = next;
        }
        last.write_at(0, piece);
        last.set_len(piece.len());
    }
    Some(first)
}
