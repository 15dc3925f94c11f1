//! Lengths, joining and trimming of chains.

use super::get::{free, m_freem};
use super::{M_COPYALL, M_EOR, M_EXT, M_NOFREE, M_PKTHDR, M_RDONLY, Mb, tag};
use crate::panic::die;
use std::ffi::c_int;

/// Bytes in the chain; `*last` becomes its last mbuf.
#[unsafe(no_mangle)]
pub extern "C" fn m_length(m: Option<Mb>, last: Option<&mut Option<Mb>>) -> u32 {
    let Some(m) = m else {
        if let Some(last) = last {
            *last = None;
        }
        return 0;
    };
    let mut len = 0;
    let mut end = m;
    for piece in m.iter() {
        len += piece.len();
        end = piece;
    }
    if let Some(last) = last {
        *last = Some(end);
    }
    len as u32
}

/// Sets the packet header's length from the chain, and returns it.
#[unsafe(no_mangle)]
pub extern "C" fn m_fixhdr(m: Mb) -> u32 {
    if !m.has(M_PKTHDR) {
        die!("m_fixhdr of an mbuf without packet header");
    }
    let len = m_length(Some(m), None);
    m.set_pkt_len(len as usize);
    len
}

/// Makes a packet header go: the mbuf becomes one of the middle of a chain.
#[unsafe(no_mangle)]
pub extern "C" fn m_demote_pkthdr(m: Mb) {
    tag::delete_all(m);
    m.set_flags(m.flags() & !M_PKTHDR);
    // The header's bytes are not data, even when there is no storage outside: m_data points behind them and
    // stays there.
}

/// Makes all packet headers of the chain go (all but the first one's, unless `all`), and flags that mean a
/// packet, but for `flags`.
#[unsafe(no_mangle)]
pub extern "C" fn m_demote(m: Option<Mb>, all: c_int, flags: c_int) {
    let mut m = if all != 0 { m } else { m.and_then(Mb::next) };
    while let Some(this) = m {
        if this.has(M_PKTHDR) {
            m_demote_pkthdr(this);
        }
        this.set_flags(this.flags() & (M_EXT | M_RDONLY | M_NOFREE | M_EOR | flags as u32));
        m = this.next();
    }
}

/// Joins `n` to `m`, copying it behind `m`'s data where it fits. The packet header's length is left alone.
#[unsafe(no_mangle)]
pub extern "C" fn m_cat(m: Mb, n: Option<Mb>) {
    let mut m = m.last();
    let mut n = n;
    while let Some(piece) = n {
        if piece.len() > m.trailing() {
            m.set_next(Some(piece));
            return;
        }
        // SAFETY: the two pieces are different mbufs, both the caller's.
        m.write_at(m.len(), unsafe { piece.bytes() });
        m.set_len(m.len() + piece.len());
        n = free(piece);
    }
    m = m.last();
    m.set_next(None);
}

/// Joins two packets: lengths are added, `n`'s header goes.
#[unsafe(no_mangle)]
pub extern "C" fn m_catpkt(m: Mb, n: Mb) {
    if !m.has(M_PKTHDR) || !n.has(M_PKTHDR) {
        die!("m_catpkt of an mbuf without packet header");
    }
    m.add_pkt_len(n.pkt_len() as isize);
    m_demote(Some(n), 1, 0);
    m_cat(m, Some(n));
}

/// Trims `len` bytes in front, or `-len` at the end.
#[unsafe(no_mangle)]
pub extern "C" fn m_adj(m: Option<Mb>, len: c_int) {
    let Some(head) = m else { return };
    let n = len.unsigned_abs() as usize;
    let trimmed = if len >= 0 {
        trim_front(head, n)
    } else {
        trim_end(head, n)
    };
    head.add_pkt_len(-(trimmed as isize));
}

fn trim_front(head: Mb, n: usize) -> usize {
    let mut left = n;
    for m in head.iter() {
        let take = m.len().min(left);
        m.advance(take);
        left -= take;
        if left == 0 {
            break;
        }
    }
    n - left
}

fn trim_end(head: Mb, n: usize) -> usize {
    let total: usize = head.iter().map(Mb::len).sum();
    let mut keep = total.saturating_sub(n);
    let mut m = Some(head);
    while let Some(this) = m {
        let stay = this.len().min(keep);
        this.set_len(stay);
        keep -= stay;
        if keep == 0 {
            // Those behind hold nothing now; FreeBSD leaves them in the chain, empty.
            for behind in this.iter().skip(1) {
                behind.set_len(0);
            }
            break;
        }
        m = this.next();
    }
    total.min(n)
}

/// The mbuf that holds byte `loc`, and where in it; at the very end, the last mbuf and its length.
#[unsafe(no_mangle)]
pub extern "C" fn m_getptr(m: Option<Mb>, loc: c_int, off: Option<&mut c_int>) -> Option<Mb> {
    let mut left = usize::try_from(loc).ok()?;
    let mut m = m;
    let mut found = None;
    while let Some(this) = m {
        if left < this.len() {
            found = Some((this, left));
            break;
        }
        left -= this.len();
        m = this.next();
        if m.is_none() && left == 0 {
            found = Some((this, this.len()));
        }
    }
    let (m, at) = found?;
    if let Some(off) = off {
        *off = at as c_int;
    }
    Some(m)
}

/// `len` of a copy: all of it, or that much.
pub(super) fn bounded(len: c_int) -> usize {
    if len == M_COPYALL {
        return usize::MAX;
    }
    usize::try_from(len).unwrap_or_else(|_| die!("an mbuf copy of {len} bytes"))
}

/// Frees a chain that a failed step leaves behind.
pub(super) fn undo<T>(chain: Option<Mb>) -> Option<T> {
    m_freem(chain);
    None
}
