//! What comes into a socket buffer and what goes out of it.

use super::sockbuf::{SB_NOCOALESCE, Sb};
use crate::malloc::M_NOWAIT;
use crate::mbuf::{self, M_EOR, MCLBYTES, MT_DATA, MT_SONAME, Mb, m_demote, m_freem};
use crate::panic::die;
use std::ptr::null_mut;

impl Sb {
    /// `sbappendstream`: packet headers go, empty mbufs too, and small pieces are copied behind a writable
    /// one.
    pub(crate) fn append_stream(self, m: Option<Mb>) {
        self.mutex().must_own("sbappendstream");
        m_demote(m, 1, 0);
        self.compress(m);
        self.set_raw_last_record(self.raw_mb());
    }

    fn compress(self, m: Option<Mb>) {
        // SAFETY: a buffer's own mbufs.
        let mut tail = unsafe { Mb::from_raw(self.raw_tail()) };
        let mut m = m;
        while let Some(this) = m {
            this.check("sbappend");
            if this.is_empty() {
                m = mbuf_free(this);
                continue;
            }
            let fits = |tail: &Mb| {
                !tail.has(M_EOR)
                    && self.flags() & SB_NOCOALESCE == 0
                    && tail.mtype() == this.mtype()
                    && this.len() <= MCLBYTES / 4
                    && tail.trailing() >= this.len()
            };
            if let Some(tail) = tail.filter(fits) {
                // SAFETY: two different mbufs, both the buffer's.
                tail.write_at(tail.len(), unsafe { this.bytes() });
                tail.set_len(tail.len() + this.len());
                self.set_used(self.used() + this.len() as u32);
                self.set_acc(self.acc() + this.len() as u32);
                if this.mtype() != MT_DATA {
                    self.set_ctl(self.ctl() + this.len() as u32);
                }
                m = mbuf_free(this);
                continue;
            }
            match tail {
                Some(tail) => tail.set_next(Some(this)),
                None => self.set_raw_mb(this.as_ptr()),
            }
            self.set_raw_tail(this.as_ptr());
            self.charge(this);
            tail = Some(this);
            m = this.next();
            this.set_next(None);
        }
    }

    /// `sbappendaddr`: one datagram with its sender. `false`: no room or no memory, and the chain is the
    /// caller's still.
    pub(crate) fn append_address(self, from: &[u8], m: Mb) -> bool {
        self.mutex().must_own("sbappendaddr");
        let len: usize = m.iter().map(Mb::len).sum();
        if (len + from.len()) as i64 > self.space() {
            return false;
        }
        let Some(name) = mbuf::get(M_NOWAIT, MT_SONAME, 0) else {
            return false;
        };
        name.write_at(0, from);
        name.set_len(from.len());
        m_demote(Some(m), 1, 0);
        name.set_next(Some(m));
        // SAFETY: the last record of the buffer.
        match unsafe { Mb::from_raw(self.raw_last_record()) } {
            Some(last) => last.set_nextpkt(Some(name)),
            None => self.set_raw_mb(name.as_ptr()),
        }
        self.set_raw_last_record(name.as_ptr());
        let mut tail = name;
        for piece in name.iter() {
            self.charge(piece);
            tail = piece;
        }
        self.set_raw_tail(tail.as_ptr());
        true
    }

    /// `sbcut`: takes `n` bytes off the front; gives the mbufs that are empty now, with their data as it was,
    /// for the caller to free. A last partial one stays.
    pub(crate) fn cut(self, n: usize) -> Option<Mb> {
        self.mutex().must_own("sbcut");
        let mut left = n;
        let mut first: Option<Mb> = None;
        let mut last: Option<Mb> = None;
        while let Some(m) = self.first() {
            if m.len() > left {
                if left > 0 {
                    self.shrink(m, left);
                    m.advance(left);
                    if m.as_ptr() == self.sndptr() {
                        self.set_sndptroff(self.sndptroff() - left as u32);
                    }
                    left = 0;
                }
                break;
            }
            left -= m.len();
            if m.as_ptr() == self.sndptr() {
                self.send_from_first();
            }
            self.discharge(m);
            self.set_raw_mb(m.raw_next());
            m.set_next(None);
            match last {
                Some(last) => last.set_next(Some(m)),
                None => first = Some(m),
            }
            last = Some(m);
            if left == 0 {
                break;
            }
        }
        if left != 0 {
            die!("{n} bytes are taken from a socket buffer that has {}", n - left);
        }
        if self.raw_mb().is_null() {
            self.set_raw_tail(null_mut());
            self.set_raw_last_record(null_mut());
        } else {
            self.set_raw_last_record(self.raw_mb());
        }
        first
    }

    /// `sbsndptr`: the first byte that was not sent yet, as an mbuf and an offset into it.
    pub(crate) fn unsent(self) -> Option<(Mb, usize)> {
        // SAFETY: an mbuf of the buffer.
        match unsafe { Mb::from_raw(self.sndptr()) } {
            Some(m) => Some((m, self.sndptroff() as usize)),
            None => self.first().map(|m| (m, 0)),
        }
    }

    /// `sbsndptr_adv`: `n` more bytes were sent; they stay until they are [`Self::cut`].
    pub(crate) fn mark_sent(self, n: usize) {
        self.mutex().must_own("sbsndptr_adv");
        let Some((mut m, mut offset)) = self.unsent() else {
            return;
        };
        let mut left = n;
        while left > m.len() - offset {
            left -= m.len() - offset;
            let Some(next) = m.next() else {
                die!("{n} bytes are sent of a socket buffer that has {left} less");
            };
            (m, offset) = (next, 0);
        }
        self.set_sndptr(m.as_ptr());
        self.set_sndptroff((offset + left) as u32);
    }

    fn send_from_first(self) {
        self.set_sndptr(null_mut());
        self.set_sndptroff(0);
    }

    /// `sbdroprecord`: unlinks the first datagram and gives it to the caller.
    pub(crate) fn take_record(self) -> Option<Mb> {
        self.mutex().must_own("sbdroprecord");
        let m = self.first()?;
        let next = m.nextpkt();
        self.set_first_record(next);
        m.set_nextpkt(None);
        for piece in m.iter() {
            self.discharge(piece);
        }
        Some(m)
    }

    /// Makes `next` the first record.
    pub(crate) fn set_first_record(self, next: Option<Mb>) {
        self.set_raw_mb(next.map_or(null_mut(), Mb::as_ptr));
        match next {
            None => {
                self.set_raw_tail(null_mut());
                self.set_raw_last_record(null_mut());
            }
            Some(next) if next.nextpkt().is_none() => {
                self.set_raw_last_record(next.as_ptr());
                self.set_raw_tail(next.last().as_ptr());
            }
            Some(_) => {}
        }
    }

    /// `sbflush`: everything goes, freed under the lock.
    pub(crate) fn flush(self) {
        self.mutex().must_own("sbflush");
        self.send_from_first();
        while let Some(record) = self.take_record() {
            m_freem(Some(record));
        }
        self.set_raw_tail(null_mut());
        self.set_raw_last_record(null_mut());
        if self.used() != 0 || self.mbcnt() != 0 {
            die!(
                "an empty socket buffer is charged {} bytes, {} of storage",
                self.used(),
                self.mbcnt()
            );
        }
    }
}

fn mbuf_free(m: Mb) -> Option<Mb> {
    let next = m.next();
    m.set_next(None);
    m_freem(Some(m));
    next
}
