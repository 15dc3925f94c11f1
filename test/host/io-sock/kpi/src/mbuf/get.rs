//! Making and freeing mbufs.

use super::ext::{self, attach_cluster};
use super::{FREE, LIVE, M_EOR, M_EXT, M_NOFREE, M_PKTHDR, MCLBYTES, MHLEN, MLEN, MT_NOINIT, Mb};
use crate::layout::{PKTHDR_MORE, PktHdr};
use crate::panic::die;
use crate::uma::{CLUST, JUMBO9, JUMBO16, JUMBOP, MBUF, Zone};
use std::ffi::{c_int, c_short, c_void};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::Ordering;

pub(super) const EMPTY_HEADER: PktHdr = PktHdr {
    rcvif: null_mut(),
    tags: null_mut(),
    len: 0,
    flowid: 0,
    csum_flags: 0,
    fibnum: 0,
    numa_domain: 0xff,
    rsstype: 0,
    rcv_tstmp: 0,
    ph_per: 0,
    ph_loc: 0,
    more: [0; PKTHDR_MORE],
};

/// An mbuf without storage. `flags`: `M_PKTHDR` and flags to set.
pub(crate) fn get(how: c_int, mtype: c_short, flags: c_int) -> Option<Mb> {
    let m = Mb(NonNull::new(MBUF.take(how)?.cast())?);
    m.state().store(LIVE, Ordering::Relaxed);
    if mtype != MT_NOINIT {
        let flags = flags as u32 & !M_EXT;
        m.set_raw_next(null_mut());
        m.set_raw_nextpkt(null_mut());
        m.set_raw_len(0);
        m.set_mtype(mtype);
        m.set_flags(flags);
        if flags & M_PKTHDR != 0 {
            m.set_pkthdr(EMPTY_HEADER);
        }
        m.set_data(m.inline_start());
    }
    Some(m)
}

/// An mbuf with a cluster of `MCLBYTES`.
pub(crate) fn getcl(how: c_int, mtype: c_short, flags: c_int) -> Option<Mb> {
    get_with(how, mtype, flags, &CLUST)
}

fn get_with(how: c_int, mtype: c_short, flags: c_int, zone: &'static Zone) -> Option<Mb> {
    let m = get(how, mtype, flags)?;
    match zone.take(how) {
        Some(cluster) => {
            attach_cluster(m, zone, cluster);
            Some(m)
        }
        None => {
            put(m);
            None
        }
    }
}

/// Gives the mbuf itself back; its storage is gone already.
pub(crate) fn put(m: Mb) {
    m.check("free");
    super::tag::delete_all(m);
    put_unchecked(m);
}

/// As [`put`], also for an mbuf that was pinned.
pub(super) fn put_unchecked(m: Mb) {
    m.state().store(FREE, Ordering::Relaxed);
    // Whoever still looks at it should see that.
    m.set_raw_next(0xdead_c0de_dead_c0de_usize as *mut _);
    m.set_data(0xdead_c0de_dead_c0de_usize as *mut _);
    m.set_raw_len(-1);
    MBUF.give(m.as_ptr().cast());
}

/// Frees one mbuf; gives the next one of its chain.
pub(crate) fn free(m: Mb) -> Option<Mb> {
    m.check("m_free");
    let next = m.next();
    if m.has(M_EXT) {
        ext::release(m);
    } else if !m.has(M_NOFREE) {
        put(m);
    }
    next
}

/// Frees a chain.
#[unsafe(no_mangle)]
pub extern "C" fn m_freem(m: Option<Mb>) {
    let mut m = m;
    while let Some(this) = m {
        m = free(this);
    }
}

fn zone_of(size: usize) -> &'static Zone {
    match size {
        2048 => &CLUST,
        4096 => &JUMBOP,
        9216 => &JUMBO9,
        16384 => &JUMBO16,
        _ => die!("a cluster of {size} bytes: there are 2048, 4096, 9216, 16384"),
    }
}

/// An mbuf with a cluster of exactly one of 2048, 4096, 9216, 16384 bytes.
#[unsafe(no_mangle)]
pub extern "C" fn m_getjcl(how: c_int, mtype: c_short, flags: c_int, size: c_int) -> Option<Mb> {
    get_with(how, mtype, flags, zone_of(size as usize))
}

/// An mbuf with room for `size` bytes in one piece, at most 4096; else `None`.
#[unsafe(no_mangle)]
pub extern "C" fn m_get2(size: c_int, how: c_int, mtype: c_short, flags: c_int) -> Option<Mb> {
    let size = usize::try_from(size).ok()?;
    let inside = if flags as u32 & M_PKTHDR != 0 { MHLEN } else { MLEN };
    match size {
        _ if size <= inside => get(how, mtype, flags),
        _ if size <= MCLBYTES => getcl(how, mtype, flags),
        _ if size <= 4096 => get_with(how, mtype, flags, &JUMBOP),
        _ => None,
    }
}

/// A chain with room for `len` bytes, or `m` with such a chain behind it. On failure `m` is left alone.
#[unsafe(no_mangle)]
pub extern "C" fn m_getm2(m: Option<Mb>, len: c_int, how: c_int, mtype: c_short, flags: c_int) -> Option<Mb> {
    if len < 0 {
        die!("m_getm2 of {len} bytes");
    }
    let mut flags = flags as u32 & (M_PKTHDR | M_EOR);
    // Only the first of a packet has a header, only the last ends a record.
    if m.is_some() {
        flags &= !M_PKTHDR;
    }
    let (mut first, mut last): (Option<Mb>, Option<Mb>) = (None, None);
    let mut left = len as usize;
    loop {
        let head = (flags & M_PKTHDR) as c_int;
        let piece = if left > MCLBYTES {
            get_with(how, mtype, head, &JUMBOP)
        } else if left > if head != 0 { MHLEN } else { MLEN } {
            getcl(how, mtype, head)
        } else {
            get(how, mtype, head)
        };
        let Some(piece) = piece else {
            m_freem(first);
            return None;
        };
        flags &= !M_PKTHDR;
        match last {
            Some(last) => last.set_next(Some(piece)),
            None => first = Some(piece),
        }
        last = Some(piece);
        left = left.saturating_sub(piece.size());
        if left == 0 {
            break;
        }
    }
    if let (Some(last), true) = (last, flags & M_EOR != 0) {
        last.set_flags(last.flags() | M_EOR);
    }
    match m {
        Some(m) => {
            m.last().set_next(first);
            Some(m)
        }
        None => first,
    }
}

/// Attaches a cluster of `MCLBYTES` to an mbuf without storage: 1 = done.
#[unsafe(no_mangle)]
pub extern "C" fn m_clget(m: Mb, how: c_int) -> c_int {
    m.check("m_clget");
    if m.has(M_EXT) {
        die!("m_clget of an mbuf that has storage already");
    }
    match CLUST.take(how) {
        Some(cluster) => {
            attach_cluster(m, &CLUST, cluster);
            1
        }
        None => 0,
    }
}

/// A cluster, attached to `m` unless that is null.
#[unsafe(no_mangle)]
pub extern "C" fn m_cljget(m: Option<Mb>, how: c_int, size: c_int) -> *mut c_void {
    let zone = zone_of(size as usize);
    let Some(cluster) = zone.take(how) else {
        return null_mut();
    };
    if let Some(m) = m {
        attach_cluster(m, zone, cluster);
    }
    cluster.cast()
}

macro_rules! sizes {
    ($($name:ident $value:expr, $doc:literal;)*) => {
        $(
            #[doc = $doc]
            #[unsafe(no_mangle)]
            #[allow(non_upper_case_globals)]
            pub static $name: c_int = $value;
        )*
    };
}

sizes! {
    max_linkhdr 16, "Largest link-level header.";
    max_protohdr 60, "Largest protocol header.";
    max_hdr 76, "Both together.";
    max_datalen 92, "What is left of an mbuf with header after both.";
    nmbclusters 65_536, "Most clusters of 2048 bytes, as the system starts. `CLUST.set_limit` changes the limit.";
    nmbufs 1_048_576, "Most mbufs, as the system starts.";
}
