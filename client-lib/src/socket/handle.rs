//! What a program holds of a socket. The last handle closes it, also while buffers in place still point to it: a buffer owns
//! memory and not the connection.

use super::Socket;
use crate::sys::System;
use alloc::sync::Arc;
use core::{
    ops::Deref,
    sync::atomic::{AtomicU32, Ordering},
};

/// A handle. Clones are handles of the same socket.
#[derive(Debug)]
pub(crate) struct Handle<S: System> {
    socket: Arc<Socket<S>>,
    /// Handles of this socket.
    count: Arc<AtomicU32>,
}

impl<S: System> Handle<S> {
    pub(crate) fn new(socket: Socket<S>) -> Self {
        Self {
            socket: Arc::new(socket),
            count: Arc::new(AtomicU32::new(1)),
        }
    }
}

impl<S: System> Clone for Handle<S> {
    fn clone(&self) -> Self {
        self.count.fetch_add(1, Ordering::Relaxed);
        Self {
            socket: Arc::clone(&self.socket),
            count: Arc::clone(&self.count),
        }
    }
}

impl<S: System> Drop for Handle<S> {
    fn drop(&mut self) {
        // AcqRel: the close comes after every other handle's last call.
        if self.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            let _ = self.socket.close();
        }
    }
}

impl<S: System> Deref for Handle<S> {
    type Target = Arc<Socket<S>>;

    fn deref(&self) -> &Arc<Socket<S>> {
        &self.socket
    }
}
