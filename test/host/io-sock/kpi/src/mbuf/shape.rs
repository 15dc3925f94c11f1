//! Rearranging chains: the start in one piece, room in front, two out of one, fewer pieces.

use super::chain::{bounded, undo};
use super::copy::{m_copydata, m_dup, m_dup_pkthdr, m_move_pkthdr};
use super::ext::share;
use super::get::{free, get, m_freem, m_getm2};
use super::{M_EXT, M_PKTHDR, MHLEN, MLEN, MT_DATA, Mb};
use crate::malloc::M_NOWAIT;
use crate::panic::die;
use std::ffi::c_int;

/// Makes the first `len` bytes lie in the first mbuf. `None`, and the chain is freed, when that cannot be.
#[unsafe(no_mangle)]
pub extern "C" fn m_pullup(m: Mb, len: c_int) -> Option<Mb> {
    let Ok(len) = usize::try_from(len) else {
        die!("m_pullup of {len} bytes")
    };
    if m.len() >= len {
        return Some(m);
    }
    let rest;
    let head;
    if !m.has(M_EXT)
        && m.writable()
        && m.next().is_some()
        && m.data() as usize + len <= m.inline_start() as usize + m.size()
    {
        head = m;
        rest = m.next();
    } else {
        if len > MHLEN {
            return undo(Some(m));
        }
        let Some(n) = get(M_NOWAIT, m.mtype(), 0) else {
            return undo(Some(m));
        };
        if m.has(M_PKTHDR) {
            m_move_pkthdr(n, m);
        }
        head = n;
        rest = Some(m);
    }
    let mut rest = rest;
    while head.len() < len {
        let Some(from) = rest else {
            head.set_next(None);
            return undo(Some(head));
        };
        let take = (len - head.len()).min(from.len());
        // SAFETY: two different mbufs of the caller's chain.
        head.write_at(head.len(), &unsafe { from.bytes() }[..take]);
        head.set_len(head.len() + take);
        from.advance(take);
        if from.is_empty() {
            rest = free(from);
        }
    }
    head.set_next(rest);
    Some(head)
}

/// A new mbuf of `len` bytes in front; the packet header moves there, its length unchanged. `None`, and the
/// chain is freed, when there is no memory.
#[unsafe(no_mangle)]
pub extern "C" fn m_prepend(m: Mb, len: c_int, how: c_int) -> Option<Mb> {
    let Ok(len) = usize::try_from(len) else {
        die!("m_prepend of {len} bytes")
    };
    let Some(n) = get(how, m.mtype(), 0) else {
        return undo(Some(m));
    };
    if m.has(M_PKTHDR) {
        m_move_pkthdr(n, m);
    }
    n.set_next(Some(m));
    if len > n.size() {
        die!("m_prepend of {len} bytes: at most {} fit", n.size());
    }
    // At the end, so that more fits in front.
    n.set_data(n.start().wrapping_add((n.size() - len) & !7));
    n.set_len(len);
    Some(n)
}

/// Cuts the chain after `len` bytes; gives the rest, with a packet header of its own when the chain has one.
/// On failure the chain is whole.
#[unsafe(no_mangle)]
pub extern "C" fn m_split(m: Mb, len: c_int, how: c_int) -> Option<Mb> {
    let total: usize = m.iter().map(Mb::len).sum();
    let len = bounded(len);
    let mut at = len;
    let mut cut = Some(m);
    while let Some(this) = cut {
        if at <= this.len() {
            break;
        }
        at -= this.len();
        cut = this.next();
    }
    let cut = cut?;
    let behind = cut.len() - at;
    let with_header = m.has(M_PKTHDR);
    if behind == 0 && !with_header {
        let rest = cut.next();
        cut.set_next(None);
        return rest;
    }
    let n = get(how, cut.mtype(), if with_header { M_PKTHDR as c_int } else { 0 })?;
    if with_header {
        let rcvif = m.pkthdr().rcvif;
        let mut header = n.pkthdr();
        header.rcvif = rcvif;
        n.set_pkthdr(header);
        n.set_pkt_len(total.saturating_sub(len));
        m.set_pkt_len(len.min(total));
    }
    let mut target = n;
    if behind > 0 {
        if cut.has(M_EXT) {
            n.set_data(cut.data().wrapping_add(at));
            share(n, cut);
        } else {
            if behind > n.size() {
                // An inline rest that does not fit behind a header: one mbuf more.
                let Some(second) = get(how, cut.mtype(), 0) else {
                    free(n);
                    if with_header {
                        m.set_pkt_len(total);
                    }
                    return None;
                };
                n.set_next(Some(second));
                target = second;
            }
            // SAFETY: two different mbufs.
            target.write_at(0, &unsafe { cut.bytes() }[at..]);
        }
        target.set_len(behind);
        cut.set_len(at);
    }
    target.set_next(cut.next());
    cut.set_next(None);
    Some(n)
}

/// A copy of the packet in as few mbufs as it takes; the old chain is freed. On failure `None`, and the chain
/// is left alone.
#[unsafe(no_mangle)]
pub extern "C" fn m_defrag(m: Mb, how: c_int) -> Option<Mb> {
    if !m.has(M_PKTHDR) {
        return Some(m);
    }
    let n = m_dup(Some(m), how)?;
    m_freem(Some(m));
    Some(n)
}

/// As `m_defrag`, when the chain has more than `max` mbufs; `None` also when even that is too many.
#[unsafe(no_mangle)]
pub extern "C" fn m_collapse(m: Mb, how: c_int, max: c_int) -> Option<Mb> {
    let max = max.max(1) as usize;
    if m.iter().count() <= max {
        return Some(m);
    }
    let total: usize = m.iter().map(Mb::len).sum();
    if total.div_ceil(4096) > max {
        return None;
    }
    let n = m_getm2(
        None,
        total as c_int,
        how,
        MT_DATA,
        (m.flags() & M_PKTHDR) as c_int,
    )?;
    if m.has(M_PKTHDR) && m_dup_pkthdr(n, m, how) == 0 {
        return undo(Some(n));
    }
    let mut at = 0;
    for to in n.iter() {
        let take = to.trailing().min(total - at);
        // SAFETY: `take` bytes fit behind the data, and the chain has them.
        unsafe { m_copydata(Some(m), at as c_int, take as c_int, to.data()) };
        to.set_len(take);
        at += take;
    }
    m_freem(Some(m));
    Some(n)
}

/// A chain whose storage may be written: pieces that are shared or read-only are copied. `None`, and the
/// chain is freed, when there is no memory.
#[unsafe(no_mangle)]
pub extern "C" fn m_unshare(m: Mb, how: c_int) -> Option<Mb> {
    let mut head = m;
    let mut before: Option<Mb> = None;
    let mut this = Some(m);
    while let Some(piece) = this {
        if piece.writable() {
            before = Some(piece);
            this = piece.next();
            continue;
        }
        let with_header = piece.has(M_PKTHDR);
        let room = if with_header { MHLEN } else { MLEN };
        let copy = if piece.len() <= room {
            get(how, piece.mtype(), (piece.flags() & M_PKTHDR) as c_int)
        } else {
            m_getm2(
                None,
                piece.len() as c_int,
                how,
                piece.mtype(),
                (piece.flags() & M_PKTHDR) as c_int,
            )
        };
        let Some(copy) = copy else { return undo(Some(head)) };
        if with_header {
            m_move_pkthdr(copy, piece);
        }
        let mut at = 0;
        for to in copy.iter() {
            let take = to.trailing().min(piece.len() - at);
            // SAFETY: two different mbufs.
            to.write_at(0, &unsafe { piece.bytes() }[at..at + take]);
            to.set_len(take);
            at += take;
        }
        let last = copy.last();
        last.set_next(free(piece));
        match before {
            Some(before) => before.set_next(Some(copy)),
            None => head = copy,
        }
        before = Some(last);
        this = last.next();
    }
    Some(head)
}
