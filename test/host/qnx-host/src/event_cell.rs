//! A registered semaphore's cell: one word in the lane that the client and one server share. The server adds posts to it
//! and wakes the client's thread, as MsgDeliverEvent does on QNX; no other thread has a part in it.
//!
//! The upper half is the event's handle, which keeps a delivery under way out of a cell that has changed hands. The lower
//! half, which is a futex, counts posts not taken yet, and has one bit for "look around": set by whoever posts the
//! semaphore in the client itself, cleared by who is about to sleep, before it looks.
//!
//! | who | does | if it lies |
//! |---|---|---|
//! | client | gives the cell to a handle, takes posts, takes the cell back | it loses its own events |
//! | server | adds a post | it posts what it may post; a foreign handle ends the cell (the event then goes by packet) |

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

use crate::sys::futex_wake;

/// The bit that is no post.
const LOOK: u64 = 1 << 31;
/// Posts in a word, and the most there can be: as many as a semaphore counts to.
const POSTS: u64 = LOOK - 1;
const HANDLE_SHIFT: u32 = 32;
/// What a cell is that waits for its last sleeper to leave.
const ENDED: u64 = LOOK;

/// How often a server tries to add: only a client that changes its word all the time could need more.
const TRIES: usize = 64;

/// What became of a post.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Posted {
    /// It is there, and this many sleepers have been woken.
    Woke(usize),
    /// The word holds as many as it can.
    Full,
    /// The handle has no cell here.
    NoCell,
}

/// A cell, wherever it lies.
#[derive(Clone, Copy)]
pub struct Cell<'a> {
    word: &'a AtomicU64,
    handle: u32,
}

impl<'a> Cell<'a> {
    /// The cell in `word`, as far as it is `handle`'s.
    pub fn new(word: &'a AtomicU64, handle: u32) -> Cell<'a> {
        Cell { word, handle }
    }

    /// The lower half, for sleeping on and waking. It is never read through this.
    pub fn futex(&self) -> &'a AtomicU32 {
        const { assert!(cfg!(target_endian = "little"), "the lower half lies first") };
        // SAFETY: the first half of a live, aligned 8-byte word; used as an address only, so there are no accesses of two sizes.
        unsafe { AtomicU32::from_ptr(self.word.as_ptr().cast()) }
    }

    fn owns(&self, word: u64) -> bool {
        word >> HANDLE_SHIFT == u64::from(self.handle)
    }

    fn change(&self, change: impl Fn(u64) -> Option<u64>) -> Result<u64, u64> {
        let owned = |word: u64| if self.owns(word) { change(word) } else { None };
        self.word.fetch_update(SeqCst, SeqCst, owned)
    }

    /// Server: adds a post and wakes a sleeper. Bounded, whatever the client does.
    pub fn post(&self) -> Posted {
        let mut word = self.word.load(SeqCst);
        for _ in 0..TRIES {
            if self.handle == 0 || !self.owns(word) {
                return Posted::NoCell;
            }
            if word & POSTS == POSTS {
                return Posted::Full;
            }
            match self.word.compare_exchange(word, word + 1, SeqCst, SeqCst) {
                Ok(_) => return Posted::Woke(futex_wake(self.futex(), 1)),
                Err(changed) => word = changed,
            }
        }
        Posted::NoCell
    }

    /// Client: gives the cell to the handle. False if it is in use.
    pub fn open(&self) -> bool {
        let fresh = u64::from(self.handle) << HANDLE_SHIFT;
        self.word.compare_exchange(0, fresh, SeqCst, SeqCst).is_ok()
    }

    /// Client: takes one post.
    pub fn take(&self) -> bool {
        self.change(|word| (word & POSTS != 0).then(|| word - 1)).is_ok()
    }

    /// Client: posts that nobody has taken.
    pub fn posts(&self) -> u32 {
        let word = self.word.load(SeqCst);
        if self.owns(word) { (word & POSTS) as u32 } else { 0 }
    }

    /// Client: takes all posts.
    pub fn take_all(&self) -> u32 {
        let before = self.change(|word| Some(word & !POSTS));
        before.map_or(0, |word| (word & POSTS) as u32)
    }

    /// Client: the cell is still the handle's. A server can end that.
    pub fn is_intact(&self) -> bool {
        self.owns(self.word.load(SeqCst))
    }

    /// Client: who is about to sleep will look around first.
    pub fn call(&self) {
        let _ = self.change(|word| Some(word | LOOK));
    }

    /// Client: about to look around.
    pub fn heed(&self) {
        let _ = self.change(|word| Some(word & !LOOK));
    }

    /// Client: ends the handle's part in the cell and makes every sleeper leave. The posts that nobody has taken.
    pub fn end(&self) -> u32 {
        let word = self.word.swap(ENDED, SeqCst);
        futex_wake(self.futex(), i32::MAX);
        if self.owns(word) { (word & POSTS) as u32 } else { 0 }
    }

    /// Client: nobody sleeps on it any more; another handle may have it.
    pub fn free(&self) {
        self.word.store(0, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_go_to_the_handle_that_has_the_cell() {
        let word = AtomicU64::new(0);
        let (mine, other) = (Cell::new(&word, 7), Cell::new(&word, 7 + 4096));
        assert_eq!(mine.post(), Posted::NoCell, "not open yet");
        assert!(mine.open() && !other.open(), "one at a time");
        assert_eq!((mine.post(), mine.post()), (Posted::Woke(0), Posted::Woke(0)));
        assert_eq!(
            (other.post(), other.posts(), other.take()),
            (Posted::NoCell, 0, false)
        );
        assert!(mine.take());
        assert_eq!(mine.end(), 1, "the other post");
        assert_eq!((mine.post(), mine.take()), (Posted::NoCell, false));
        assert!(!other.open(), "sleepers may still be there");
        mine.free();
        assert!(other.open());
        assert_eq!(
            (mine.post(), other.posts()),
            (Posted::NoCell, 0),
            "the old handle"
        );
        assert_eq!(
            Cell::new(&AtomicU64::new(0), 0).post(),
            Posted::NoCell,
            "no handle"
        );
    }

    #[test]
    fn looking_around_and_posts_do_not_mix() {
        let word = AtomicU64::new(0);
        let cell = Cell::new(&word, 1);
        assert!(cell.open());
        cell.call();
        assert!(!cell.take(), "that was no post");
        assert_eq!(cell.post(), Posted::Woke(0));
        cell.heed();
        assert_eq!(cell.posts(), 1);
        cell.call();
        assert_eq!((cell.take_all(), cell.posts(), cell.take()), (1, 0, false));
    }

    /// A server that writes what it likes: a foreign handle is no post, and a full word stays full.
    #[test]
    fn a_lying_server() {
        let word = AtomicU64::new(0);
        let cell = Cell::new(&word, 3);
        assert!(cell.open());
        word.store(9 << HANDLE_SHIFT | 5, SeqCst);
        assert_eq!((cell.take(), cell.posts(), cell.is_intact()), (false, 0, false));
        assert_eq!(cell.end(), 0);
        word.store(3 << HANDLE_SHIFT | POSTS, SeqCst);
        assert_eq!((cell.post(), cell.posts()), (Posted::Full, 0x7FFF_FFFF));
    }
}
