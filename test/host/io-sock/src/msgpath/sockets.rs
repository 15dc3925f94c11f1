//! Which client has which sockets.

use super::socket::Socket;
use crate::errno::Errno;
use qnx::ScoId;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

/// Most sockets of one client.
const PER_CLIENT: usize = 1024;

/// All sockets of clients, by number. A number is used once.
#[derive(Default)]
pub struct Sockets {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    sockets: HashMap<u32, (ScoId, Arc<Socket>)>,
    clients: HashMap<ScoId, usize>,
    last: u32,
}

impl Sockets {
    fn lock(&self) -> MutexGuard<'_, Table> {
        // Whole after every operation.
        self.table.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Gives a socket to a client: its number. `EMFILE` when the client has too many; then the socket is closed.
    pub fn add(&self, client: ScoId, socket: Socket) -> Result<u32, Errno> {
        let mut table = self.lock();
        let count = table.clients.get(&client).copied().unwrap_or(0);
        if count >= PER_CLIENT {
            drop(table);
            return Err(Errno::EMFILE);
        }
        let mut number = table.last;
        loop {
            number = number.checked_add(1).unwrap_or(1);
            if !table.sockets.contains_key(&number) {
                break;
            }
        }
        table.last = number;
        table.clients.insert(client, count + 1);
        table.sockets.insert(number, (client, Arc::new(socket)));
        Ok(number)
    }

    /// A client's socket. `EBADF` for one that it does not have.
    pub fn get(&self, client: ScoId, number: u32) -> Result<Arc<Socket>, Errno> {
        match self.lock().sockets.get(&number) {
            Some((owner, socket)) if *owner == client => Ok(Arc::clone(socket)),
            _ => Err(Errno::EBADF),
        }
    }

    /// Takes a socket from its client. It is closed when the last call on it has ended.
    pub fn remove(&self, client: ScoId, number: u32) -> Result<Arc<Socket>, Errno> {
        let mut table = self.lock();
        match table.sockets.remove(&number) {
            Some((owner, socket)) if owner == client => {
                if let Some(count) = table.clients.get_mut(&client) {
                    *count -= 1;
                }
                Ok(socket)
            }
            Some(other) => {
                table.sockets.insert(number, other);
                Err(Errno::EBADF)
            }
            None => Err(Errno::EBADF),
        }
    }

    /// Takes all sockets of a client that is gone; of all clients for `None`.
    pub fn remove_client(&self, client: Option<ScoId>) -> Vec<Arc<Socket>> {
        let mut table = self.lock();
        let theirs = |owner: ScoId| client.is_none_or(|client| owner == client);
        let numbers: Vec<u32> = table
            .sockets
            .iter()
            .filter(|(_, entry)| theirs(entry.0))
            .map(|(number, _)| *number)
            .collect();
        table.clients.retain(|owner, _| !theirs(*owner));
        numbers
            .iter()
            .filter_map(|number| table.sockets.remove(number))
            .map(|(_, socket)| socket)
            .collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().sockets.len()
    }
}
