//! Which semaphores of this process have a cell (`event_cell.rs`) where a server posts them, and the move of a semaphore
//! from one way of waiting to the other.
//!
//! A semaphore with a cell has a bit set in its count word ([`HAS_CELL`]); its threads sleep on the cell instead of the
//! count. The bit is set and cleared with the list locked. It is cleared late, by whoever uses the semaphore next, so that
//! forgetting an event touches no memory that its owner may have given away.

use core::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::event_cell::Cell;
use crate::layout::lane as layout;
use crate::proc_state::is_private_memory;
use crate::process::lock;
use crate::region::Region;
use crate::sem::{HAS_CELL, Sem};
use crate::sys::futex_wake;

/// One semaphore's cell.
pub struct SemCell {
    handle: u32,
    region: Arc<Region>,
}

impl SemCell {
    /// The cell itself.
    pub fn cell(&self) -> Cell<'_> {
        Cell::new(self.region.u64(layout::cell(self.handle)), self.handle)
    }
}

impl Drop for SemCell {
    /// Threads that sleep on a cell hold it, so nobody does now.
    fn drop(&mut self) {
        self.cell().free();
    }
}

#[derive(Default)]
struct Listed {
    by_sem: HashMap<usize, Arc<SemCell>>,
    sem_of: HashMap<u32, usize>,
}

/// All cells of a process. A forked child begins with none: its copies of the semaphores are its own.
#[derive(Default)]
pub struct SemCells {
    listed: Mutex<Listed>,
    /// How many there are, so that processes without any pay nothing.
    count: AtomicUsize,
}

/// How often an event that is being forgotten looks whether its sleepers have left.
const LEAVING: usize = 200;

impl SemCells {
    /// Gives the event `handle` a cell in `region`, shared with the server that may deliver it. Nothing happens when the
    /// semaphore has one already, lies in memory of several processes (the others would not see its posts), or the place is
    /// in use: the event is then delivered by packet.
    ///
    /// # Safety
    /// `sem` must be a semaphore that lives as long as the event is registered.
    pub unsafe fn add(&self, handle: u32, sem: *const Sem, region: &Arc<Region>) {
        // SAFETY: as the caller promises.
        let semaphore = unsafe { &*sem };
        // Static memory that has not been written to is still the program file's.
        semaphore.touch();
        if !is_private_memory(sem as usize) || !is_private_memory(sem as usize + size_of::<Sem>() - 1) {
            return;
        }
        let mut listed = lock(&self.listed);
        if listed.by_sem.contains_key(&(sem as usize)) {
            return;
        }
        let word = region.u64(layout::cell(handle));
        if !Cell::new(word, handle).open() {
            return;
        }
        let made = Arc::new(SemCell {
            handle,
            region: Arc::clone(region),
        });
        listed.by_sem.insert(sem as usize, made);
        listed.sem_of.insert(handle, sem as usize);
        self.count.fetch_add(1, SeqCst);
        semaphore.mark();
    }

    /// The cell of a semaphore whose mark was seen; without one the mark is taken away.
    pub fn of(&self, sem: &Sem) -> Option<Arc<SemCell>> {
        let listed = lock(&self.listed);
        let found = listed.by_sem.get(&(&raw const *sem as usize)).cloned();
        if found.is_none() {
            sem.unmark();
        }
        found
    }

    /// A semaphore is made at this address: the mark for its count word, and no posts.
    pub fn renew(&self, sem: *const Sem) -> u32 {
        if self.count.load(SeqCst) == 0 {
            return 0;
        }
        let listed = lock(&self.listed);
        listed.by_sem.get(&(sem as usize)).map_or(0, |cell| {
            cell.cell().take_all();
            HAS_CELL
        })
    }

    fn take(&self, sem: &Sem, which: impl Fn(&Arc<SemCell>) -> bool) -> Option<Arc<SemCell>> {
        let address = &raw const *sem as usize;
        let mut listed = lock(&self.listed);
        listed.by_sem.get(&address).filter(|cell| which(cell))?;
        let gone = listed.by_sem.remove(&address)?;
        listed.sem_of.remove(&gone.handle);
        Some(gone)
    }

    /// The semaphore is at its end: what is delivered from now on goes by packet.
    pub fn forget_sem(&self, sem: &Sem) {
        if let Some(gone) = self.take(sem, |_| true) {
            self.end(gone, sem);
        }
    }

    /// A thread that slept on `cell` has found it not to be the event's any more. If that is the server's doing, what it
    /// delivers from now on goes by packet.
    pub fn forget_spoiled(&self, sem: &Sem, cell: &Arc<SemCell>) {
        if self.take(sem, |listed| Arc::ptr_eq(listed, cell)).is_some() {
            self.count.fetch_sub(1, SeqCst);
            cell.cell().end();
        }
    }

    /// The event is registered no more; the posts that came before stay.
    pub fn forget_event(&self, handle: u32) {
        let gone = {
            let mut listed = lock(&self.listed);
            let sem = listed.sem_of.remove(&handle);
            sem.and_then(|sem| Some((sem, listed.by_sem.remove(&sem)?)))
        };
        if let Some((sem, gone)) = gone {
            // SAFETY: registered until now, and its owner is still in the call that ends this.
            self.end(gone, unsafe { &*(sem as *const Sem) });
        }
    }

    fn end(&self, gone: Arc<SemCell>, sem: &Sem) {
        self.count.fetch_sub(1, SeqCst);
        let posts = gone.cell().end();
        if posts > 0 {
            sem.add(posts);
        }
        // The cell is the next event's once the sleepers have left. A server could have hidden the call from one that was
        // about to sleep: it is repeated.
        for _ in 0..LEAVING {
            if Arc::strong_count(&gone) == 1 {
                return;
            }
            thread::yield_now();
            futex_wake(gone.cell().futex(), i32::MAX);
        }
    }

    /// The server behind `region` is gone, perhaps after it had posted and before it woke anybody.
    pub fn server_gone(&self, region: &Arc<Region>) {
        for cell in lock(&self.listed).by_sem.values() {
            if Arc::ptr_eq(&cell.region, region) {
                cell.cell().call();
                futex_wake(cell.cell().futex(), i32::MAX);
            }
        }
    }

    /// Before a fork: the child gets a copy of the semaphores and not of the cells, so the posts go into the counts.
    pub fn before_fork(&self) {
        for (sem, cell) in &lock(&self.listed).by_sem {
            let posts = cell.cell().take_all();
            if posts > 0 {
                // SAFETY: registered, so it lives.
                unsafe { &*(*sem as *const Sem) }.add(posts);
                cell.cell().call();
                futex_wake(cell.cell().futex(), i32::MAX);
            }
        }
    }
}
