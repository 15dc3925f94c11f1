//! Open files of a resource manager: which connection stands for which open control block.
//!
//! A file is known by (scoid, coid), which the kernel vouches for. Several coids of a client may share one open file, after
//! dup. The control block is closed when the last coid is gone and no handler is at work in it.

use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::HashMap;
use std::sync::Arc;

use super::layout::{ConnectFuncs, IoFuncs, OtherFunction};

/// An attached path of this process.
pub struct Link {
    /// What resmgr_attach returned.
    pub id: i32,
    /// The program's table, which it keeps as long as the path is attached.
    pub connect: *const ConnectFuncs,
    /// See `connect`.
    pub io: *const IoFuncs,
    /// The program's own.
    pub handle: *mut c_void,
    /// Takes what nobody else does.
    pub other: Option<OtherFunction>,
}

// SAFETY: the pointers are the program's, which promised them for all threads of the dispatch handle; we only pass them on
// and read the tables.
unsafe impl Send for Link {}
// SAFETY: as above.
unsafe impl Sync for Link {}

/// An open file.
pub struct OpenFile {
    /// The path it was opened by.
    pub link: Arc<Link>,
    /// The program's control block.
    pub ocb: *mut c_void,
    /// The table given to resmgr_open_bind, else that of the link.
    pub io: *const IoFuncs,
    /// Coids, and handlers at work.
    users: AtomicUsize,
}

// SAFETY: as for `Link`; the control block is closed by the one that drops the last use.
unsafe impl Send for OpenFile {}
// SAFETY: as above.
unsafe impl Sync for OpenFile {}

impl OpenFile {
    /// One more user. Only while there is one already.
    fn hold(&self) {
        self.users.fetch_add(1, Ordering::Relaxed);
    }

    /// One user less. True for the last one, which must close the control block.
    #[must_use]
    pub fn release(&self) -> bool {
        self.users.fetch_sub(1, Ordering::AcqRel) == 1
    }
}

/// A client's descriptor: server connection id and the client's coid.
pub type Key = (i32, i32);

/// All open files of a dispatch handle. The caller locks it.
#[derive(Default)]
pub struct Bindings {
    map: HashMap<Key, Arc<OpenFile>>,
}

impl Bindings {
    /// A new open file under `key`. What was there before (a client that reused the number without closing) is returned;
    /// the caller releases it.
    pub fn bind(
        &mut self,
        key: Key,
        link: &Arc<Link>,
        ocb: *mut c_void,
        io: *const IoFuncs,
    ) -> Option<Arc<OpenFile>> {
        let file = OpenFile {
            link: Arc::clone(link),
            ocb,
            io,
            users: AtomicUsize::new(1),
        };
        self.map.insert(key, Arc::new(file))
    }

    /// A second descriptor for the file under `from`. Gives what was there before.
    pub fn bind_same(&mut self, from: Key, to: Key) -> Option<Option<Arc<OpenFile>>> {
        let file = Arc::clone(self.map.get(&from)?);
        file.hold();
        Some(self.map.insert(to, file))
    }

    /// Takes a descriptor away; the caller releases the file.
    pub fn unbind(&mut self, key: Key) -> Option<Arc<OpenFile>> {
        self.map.remove(&key)
    }

    /// Takes every descriptor that `gone` is true for away; the caller releases each.
    pub fn unbind_all(&mut self, gone: impl Fn(Key, &OpenFile) -> bool) -> Vec<Arc<OpenFile>> {
        self.map
            .extract_if(|key, file| gone(*key, file))
            .map(|(_, file)| file)
            .collect()
    }

    /// The file under `key`, held for a handler: release it afterwards.
    pub fn hold(&self, key: Key) -> Option<Arc<OpenFile>> {
        let file = Arc::clone(self.map.get(&key)?);
        file.hold();
        Some(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr;

    #[test]
    fn the_last_user_closes() {
        let link = Arc::new(Link {
            id: 1,
            connect: ptr::null(),
            io: ptr::null(),
            handle: ptr::null_mut(),
            other: None,
        });
        let mut bindings = Bindings::default();
        assert!(
            bindings
                .bind((1, 3), &link, ptr::null_mut(), ptr::null())
                .is_none()
        );
        assert!(matches!(bindings.bind_same((1, 3), (1, 4)), Some(None)));
        assert!(
            bindings.bind_same((2, 3), (2, 4)).is_none(),
            "another client's file"
        );
        let at_work = bindings.hold((1, 4)).expect("bound");
        assert!(!bindings.unbind((1, 3)).expect("bound").release());
        let gone = bindings.unbind_all(|(scoid, _), _| scoid == 1);
        assert_eq!(gone.len(), 1);
        assert!(!gone[0].release(), "a handler is at work");
        assert!(at_work.release());
        assert!(bindings.hold((1, 4)).is_none());
    }
}
