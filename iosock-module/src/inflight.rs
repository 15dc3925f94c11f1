//! The in-flight table of one socket: which descriptors the stack still holds, and in how many pieces (S-09, S-20).

use crate::{bitmap::Bitmap, limits::IN_FLIGHT};
use core::sync::atomic::{AtomicU32, Ordering};

const WORDS: usize = IN_FLIGHT / 32;

/// The half that release callbacks touch: atomics only.
pub struct InFlight {
    /// Pieces out, plus one while the descriptor is still being handed over.
    remaining: [AtomicU32; IN_FLIGHT],
    /// Entries whose last piece came back.
    done: Bitmap<WORDS>,
    /// External mbufs out, of all entries.
    outstanding: AtomicU32,
}

impl InFlight {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            remaining: [const { AtomicU32::new(0) }; IN_FLIGHT],
            done: Bitmap::new(),
            outstanding: AtomicU32::new(0),
        }
    }

    /// Opens `entry` with a hold of our own. Turn only.
    pub fn open(&self, entry: u16) {
        if let Some(remaining) = self.remaining.get(usize::from(entry)) {
            remaining.store(1, Ordering::Relaxed);
        }
    }

    /// One more piece of `entry` goes out; before the stack sees it, for it may come back inside `sosend`.
    pub fn add_piece(&self, entry: u16) {
        if let Some(remaining) = self.remaining.get(usize::from(entry)) {
            remaining.fetch_add(1, Ordering::Relaxed);
            self.outstanding.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes back an [`InFlight::add_piece`] whose mbuf was never made. Turn only, with the hold still on.
    pub fn undo_piece(&self, entry: u16) {
        if let Some(remaining) = self.remaining.get(usize::from(entry)) {
            remaining.fetch_sub(1, Ordering::Relaxed);
            self.outstanding.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// A piece came back. From any context.
    pub fn piece_back(&self, entry: u16) {
        self.put_down(entry);
        // SYNC POINT: pairs with the Acquire in `outstanding`: who sees the count sees the done bit.
        self.outstanding.fetch_sub(1, Ordering::Release);
    }

    /// Our own hold of `entry` ends: all its pieces are with the stack. Turn only.
    pub fn end_hold(&self, entry: u16) {
        self.put_down(entry);
    }

    fn put_down(&self, entry: u16) {
        let Some(remaining) = self.remaining.get(usize::from(entry)) else {
            return;
        };
        // AcqRel: the last one down has seen what all others did with the memory.
        if remaining.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.set(usize::from(entry));
        }
    }

    /// External mbufs that are out now.
    #[must_use]
    pub fn outstanding(&self) -> u32 {
        // SYNC POINT: pairs with the Release in `piece_back`.
        self.outstanding.load(Ordering::Acquire)
    }

    /// Calls `each` with every entry that is done since the last call. Turn only.
    pub fn drain_done(&self, mut each: impl FnMut(u16)) {
        self.done.drain(|index| {
            if let Ok(entry) = u16::try_from(index) {
                each(entry);
            }
        });
    }
}

/// What one in-flight descriptor is, privately (S-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Entry {
    /// The client's word, given back in the completion.
    pub user: u64,
    /// Where the buffer is, given back in the completion.
    pub offset: u64,
    /// Bytes that the stack took so far.
    pub taken: u32,
    /// Wire errno of a failure, 0 for none.
    pub error: u16,
}

/// The half that only the turn touches: which entries are used, and by what.
pub struct Entries {
    used: [u32; WORDS],
    entries: [Entry; IN_FLIGHT],
    count: u32,
}

impl Entries {
    /// None used.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            used: [0; WORDS],
            entries: [const {
                Entry {
                    user: 0,
                    offset: 0,
                    taken: 0,
                    error: 0,
                }
            }; IN_FLIGHT],
            count: 0,
        }
    }

    /// Entries in use.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// No entry is free.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.used.iter().all(|word| *word == u32::MAX)
    }

    /// Takes a free entry for a descriptor; `None` when all are used.
    pub fn insert(&mut self, user: u64, offset: u64) -> Option<u16> {
        let mut base = 0u32;
        for word in &mut self.used {
            let bit = word.trailing_ones();
            if bit < 32 {
                *word |= 1u32.wrapping_shl(bit);
                let index = base.wrapping_add(bit);
                *self.entries.get_mut(usize::try_from(index).ok()?)? = Entry {
                    user,
                    offset,
                    taken: 0,
                    error: 0,
                };
                self.count = self.count.saturating_add(1);
                return u16::try_from(index).ok();
            }
            base = base.wrapping_add(32);
        }
        None
    }

    /// The entry, for the parts that change.
    pub fn get_mut(&mut self, entry: u16) -> Option<&mut Entry> {
        self.entries.get_mut(usize::from(entry))
    }

    /// Frees an entry; `None` when it was not used.
    pub fn remove(&mut self, entry: u16) -> Option<Entry> {
        let index = usize::from(entry);
        let mask = 1u32.wrapping_shl(u32::from(entry & 31));
        let word = self.used.get_mut(index >> 5)?;
        if *word & mask == 0 {
            return None;
        }
        *word &= !mask;
        self.count = self.count.saturating_sub(1);
        self.entries.get(index).copied()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.used = [0; WORDS];
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_run_out_and_come_back() {
        let mut entries = Entries::new();
        for i in 0..IN_FLIGHT {
            assert_eq!(entries.insert(i as u64, 0), Some(i as u16));
        }
        assert_eq!(entries.insert(1, 0), None);
        assert_eq!(entries.remove(17).map(|e| e.user), Some(17));
        assert_eq!(entries.remove(17), None);
        assert_eq!(entries.insert(99, 5), Some(17));
        assert_eq!(entries.count() as usize, IN_FLIGHT);
    }

    #[test]
    fn an_entry_is_done_once_after_hold_and_last_piece() {
        let shared = InFlight::new();
        let done = |s: &InFlight| {
            let mut v = Vec::new();
            s.drain_done(|e| v.push(e));
            v
        };
        shared.open(3);
        shared.add_piece(3);
        shared.add_piece(3);
        shared.piece_back(3);
        shared.end_hold(3);
        assert_eq!((done(&shared), shared.outstanding()), (vec![], 1));
        shared.piece_back(3);
        assert_eq!((done(&shared), shared.outstanding()), (vec![3], 0));
        // Everything back before the hold ends: the release came inside sosend.
        shared.open(4);
        shared.add_piece(4);
        shared.piece_back(4);
        assert_eq!(done(&shared), vec![]);
        shared.end_hold(4);
        assert_eq!(done(&shared), vec![4]);
    }

    #[test]
    fn pieces_return_on_many_threads() {
        let shared: &'static InFlight = Box::leak(Box::new(InFlight::new()));
        for entry in 0..8u16 {
            shared.open(entry);
            for _ in 0..1000 {
                shared.add_piece(entry);
            }
            shared.end_hold(entry);
        }
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(move || {
                    for _ in 0..250 {
                        (0..8).for_each(|entry| shared.piece_back(entry));
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        let mut done = Vec::new();
        shared.drain_done(|e| done.push(e));
        assert_eq!(done, (0..8).collect::<Vec<_>>());
        assert_eq!(shared.outstanding(), 0);
    }
}
