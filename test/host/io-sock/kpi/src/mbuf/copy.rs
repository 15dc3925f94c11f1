//! Copying bytes, and copying chains by sharing their storage.

use super::chain::{bounded, undo};
use super::ext::share;
use super::get::{EMPTY_HEADER, get, m_freem, m_getm2};
use super::{M_COPYALL, M_COPYFLAGS, M_EXT, M_PKTHDR, M_RDONLY, Mb, tag};
use crate::malloc::M_NOWAIT;
use crate::panic::die;
use std::ffi::{c_int, c_void};

/// The mbuf with byte `off` and where it is in it. Ends the process when the chain is shorter.
fn seek(m: Option<Mb>, off: usize, what: &str) -> (Option<Mb>, usize) {
    let mut left = off;
    let mut m = m;
    while let Some(this) = m {
        if left < this.len() {
            break;
        }
        left -= this.len();
        m = this.next();
    }
    if m.is_none() && left > 0 {
        die!("{what}: offset {off} is beyond the chain");
    }
    (m, left)
}

/// New mbufs for bytes `off..off+len`, which share external storage. With a packet header when `off` is 0 and
/// `m` has one.
#[unsafe(no_mangle)]
pub extern "C" fn m_copym(m: Option<Mb>, off: c_int, len: c_int, how: c_int) -> Option<Mb> {
    let (Ok(off), mut left) = (usize::try_from(off), bounded(len)) else {
        die!("m_copym from offset {off}")
    };
    let header = m.filter(|m| off == 0 && m.has(M_PKTHDR));
    let (mut from, mut at) = seek(m, off, "m_copym");
    let (mut first, mut last): (Option<Mb>, Option<Mb>) = (None, None);
    while left > 0 {
        let Some(m) = from else {
            if len != M_COPYALL {
                die!("m_copym of {len} bytes: the chain is shorter");
            }
            break;
        };
        let Some(n) = get(how, m.mtype(), 0) else {
            return undo(first);
        };
        match last {
            Some(last) => last.set_next(Some(n)),
            None => first = Some(n),
        }
        last = Some(n);
        if let (Some(header), None) = (header, n_before(first, n)) {
            if m_dup_pkthdr(n, header, how) == 0 {
                return undo(first);
            }
            let total = if len == M_COPYALL { header.pkt_len() } else { len };
            n.set_raw_pkt_len(total);
        }
        let take = left.min(m.len() - at);
        n.set_len(take);
        if m.has(M_EXT) {
            n.set_data(m.data().wrapping_add(at));
            share(n, m);
        } else {
            // SAFETY: nobody writes an mbuf that is being copied.
            n.write_at(0, &unsafe { m.bytes() }[at..at + take]);
        }
        left = if len == M_COPYALL { left } else { left - take };
        at = 0;
        from = m.next();
    }
    first
}

/// What is before `n` in the chain that begins with `first`: nothing when `n` is the first.
fn n_before(first: Option<Mb>, n: Mb) -> Option<Mb> {
    first.filter(|first| *first != n)
}

/// A whole packet, sharing storage.
#[unsafe(no_mangle)]
pub extern "C" fn m_copypacket(m: Mb, how: c_int) -> Option<Mb> {
    m_copym(Some(m), 0, M_COPYALL, how)
}

/// A deep copy.
#[unsafe(no_mangle)]
pub extern "C" fn m_dup(m: Option<Mb>, how: c_int) -> Option<Mb> {
    let m = m?;
    let total: usize = m.iter().map(Mb::len).sum();
    let flags = (m.flags() & M_PKTHDR) as c_int;
    let n = m_getm2(None, total as c_int, how, m.mtype(), flags)?;
    if flags != 0 && m_dup_pkthdr(n, m, how) == 0 {
        return undo(Some(n));
    }
    let mut to = n;
    for from in m.iter() {
        // SAFETY: nobody writes an mbuf that is being copied.
        let mut bytes = unsafe { from.bytes() };
        while !bytes.is_empty() {
            let room = to.trailing();
            if room == 0 {
                let Some(next) = to.next() else {
                    die!("m_dup: the copy is too short")
                };
                to = next;
                continue;
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            to.write_at(to.len(), now);
            to.set_len(to.len() + now.len());
            bytes = later;
        }
    }
    Some(n)
}

/// Copies bytes `off..off+len` out. Ends the process when the chain is shorter.
///
/// # Safety
/// `dst` has room for `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn m_copydata(m: Option<Mb>, off: c_int, len: c_int, dst: *mut u8) {
    let (Ok(start), Ok(mut left)) = (usize::try_from(off), usize::try_from(len)) else {
        die!("m_copydata of {len} bytes at {off}")
    };
    let (mut m, mut at) = seek(m, start, "m_copydata");
    let mut dst = dst;
    while left > 0 {
        let Some(this) = m else {
            die!("m_copydata of {len} bytes at {off}: the chain is shorter")
        };
        let take = left.min(this.len() - at);
        // SAFETY: within the mbuf's data; the caller's contract for `dst`.
        unsafe {
            std::ptr::copy_nonoverlapping(this.data().add(at), dst, take);
            dst = dst.add(take);
        }
        left -= take;
        at = 0;
        m = this.next();
    }
}

/// Writes `len` bytes at `off`, with zeroed mbufs behind the chain as needed; stops silently when there are
/// none.
///
/// # Safety
/// `src` has `len` bytes; the chain's storage may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn m_copyback(m: Option<Mb>, off: c_int, len: c_int, src: *const u8) {
    let Some(head) = m else { return };
    let (Ok(off), Ok(len)) = (usize::try_from(off), usize::try_from(len)) else {
        die!("m_copyback of {len} bytes at {off}")
    };
    // SAFETY: the caller's contract.
    let mut bytes = unsafe { std::slice::from_raw_parts(src, len) };
    let total: usize = head.iter().map(Mb::len).sum();
    let mut end = total;
    if off + len > total {
        end = extend(head, off + len - total) + total;
    }
    let mut at = off;
    for this in head.iter() {
        if at >= this.len() {
            at -= this.len();
            continue;
        }
        let take = bytes.len().min(this.len() - at);
        this.write_at(at, &bytes[..take]);
        bytes = &bytes[take..];
        at = 0;
        if bytes.is_empty() {
            break;
        }
    }
    if head.has(M_PKTHDR) && (head.pkt_len() as usize) < end {
        head.set_pkt_len(end);
    }
}

/// Makes a chain `more` zeroed bytes longer; gives how many it became.
fn extend(head: Mb, more: usize) -> usize {
    let mut done = 0;
    let mut last = head.last();
    while done < more {
        let mut room = last.trailing();
        if room == 0 {
            let Some(n) = m_getm2(None, (more - done) as c_int, M_NOWAIT, head.mtype(), 0) else {
                break;
            };
            last.set_next(Some(n));
            last = n;
            room = n.trailing();
        }
        let take = room.min(more - done);
        // SAFETY: `trailing` bytes behind the data may be written.
        unsafe { std::ptr::write_bytes(last.data().add(last.len()), 0, take) };
        last.set_len(last.len() + take);
        done += take;
        if let Some(next) = last.next() {
            last = next;
        }
    }
    // Room that was allocated and not needed.
    m_freem(last.next().filter(|next| next.is_empty()));
    if last.next().is_some() {
        last.set_next(None);
    }
    done
}

/// Puts `len` bytes behind the chain: 1 = all of them.
///
/// # Safety
/// `src` has `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn m_append(m: Mb, len: c_int, src: *const u8) -> c_int {
    let Ok(len) = usize::try_from(len) else {
        die!("m_append of {len} bytes")
    };
    // SAFETY: the caller's contract.
    let mut bytes = unsafe { std::slice::from_raw_parts(src, len) };
    let mut last = m.last();
    let mut done = 0;
    while !bytes.is_empty() {
        let mut room = last.trailing();
        if room == 0 {
            let Some(n) = get(M_NOWAIT, m.mtype(), 0) else {
                break;
            };
            last.set_next(Some(n));
            last = n;
            room = n.trailing();
        }
        let (now, later) = bytes.split_at(room.min(bytes.len()));
        last.write_at(last.len(), now);
        last.set_len(last.len() + now.len());
        done += now.len();
        bytes = later;
    }
    m.add_pkt_len(done as isize);
    bytes.is_empty().into()
}

/// Copies a packet header, tags and all, to an mbuf that has none and no data. 1 = done.
#[unsafe(no_mangle)]
pub extern "C" fn m_dup_pkthdr(to: Mb, from: Mb, how: c_int) -> c_int {
    to.set_flags(from.flags() & M_COPYFLAGS & !M_RDONLY | to.flags() & (M_EXT | M_RDONLY));
    if !to.has(M_EXT) {
        to.set_data(to.inline_start());
    }
    let mut header = from.pkthdr();
    header.tags = std::ptr::null_mut();
    to.set_pkthdr(header);
    tag::m_tag_copy_chain(to, from, how)
}

/// Moves a packet header to an mbuf that has none and no data.
#[unsafe(no_mangle)]
pub extern "C" fn m_move_pkthdr(to: Mb, from: Mb) {
    // Whether the bytes may be written is a matter of the storage, which stays.
    to.set_flags(from.flags() & M_COPYFLAGS & !M_RDONLY | to.flags() & (M_EXT | M_RDONLY));
    if !to.has(M_EXT) {
        to.set_data(to.inline_start());
    }
    to.set_pkthdr(from.pkthdr());
    from.set_tags(std::ptr::null_mut());
    from.set_flags(from.flags() & !M_PKTHDR);
}

/// Clears a packet header.
#[unsafe(no_mangle)]
pub extern "C" fn m_pkthdr_init(m: Mb, _how: c_int) -> c_int {
    m.set_pkthdr(EMPTY_HEADER);
    m.set_data(m.inline_start());
    0
}

/// Calls `f` with each run of bytes in `off..off+len`; ends with the first answer that is not 0.
///
/// # Safety
/// `f` takes `arg` and so many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn m_apply(
    m: Option<Mb>,
    off: c_int,
    len: c_int,
    f: unsafe extern "C" fn(*mut c_void, *mut c_void, u32) -> c_int,
    arg: *mut c_void,
) -> c_int {
    let (Ok(start), Ok(mut left)) = (usize::try_from(off), usize::try_from(len)) else {
        die!("m_apply to {len} bytes at {off}")
    };
    let (mut m, mut at) = seek(m, start, "m_apply");
    while left > 0 {
        let Some(this) = m else {
            die!("m_apply to {len} bytes at {off}: the chain is shorter")
        };
        let take = left.min(this.len() - at);
        // SAFETY: within the mbuf's data; the caller's contract.
        let answer = unsafe { f(arg, this.data().add(at).cast(), take as u32) };
        if answer != 0 {
            return answer;
        }
        left -= take;
        at = 0;
        m = this.next();
    }
    0
}

/// Whether lengths, storage and packet header of a chain agree: 1 = yes. Repairs nothing.
#[unsafe(no_mangle)]
pub extern "C" fn m_sanity(m: Option<Mb>, _sanitize: c_int) -> c_int {
    let Some(head) = m else { return 1 };
    let mut total = 0;
    for (i, m) in head.iter().enumerate() {
        m.check("m_sanity");
        let (start, at) = (m.start() as usize, m.data() as usize);
        if at < start || at + m.len() > start + m.size() || i > 0 && m.has(M_PKTHDR) {
            return 0;
        }
        total += m.len();
    }
    (!head.has(M_PKTHDR) || head.pkt_len() as usize == total).into()
}
