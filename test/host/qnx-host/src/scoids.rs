//! Server connection ids: one per client process and channel, kept after the client's death until the server lets go.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::server_conn::ServerConn;
use crate::types::CONNECTION_SCOID;

/// What an id stands for.
pub enum Scoid {
    /// A connected client.
    Alive(Arc<ServerConn>),
    /// The client is gone; its DISCONNECT pulse is queued or delivered. The number stays taken.
    Dead(Arc<ServerConn>),
}

/// All ids of a process.
#[derive(Default)]
pub struct Scoids {
    map: BTreeMap<i32, Scoid>,
    last: i32,
}

/// Bit 16 marks the id; the number goes around it.
fn encode(number: i32) -> i32 {
    (number & 0xFFFF) | CONNECTION_SCOID | ((number >> 16) << 17)
}

impl Scoids {
    /// Gives out a number that is not in use. Numbers go round rather than back to the lowest, so that a server which
    /// mixes up an old and a new client shows it as an unknown id rather than as the wrong client.
    pub fn allocate(&mut self, make: impl FnOnce(i32) -> Arc<ServerConn>) -> Arc<ServerConn> {
        loop {
            self.last = if self.last >= 0x0FFF_FFFF >> 4 {
                1
            } else {
                self.last + 1
            };
            let scoid = encode(self.last);
            if let Entry::Vacant(place) = self.map.entry(scoid) {
                let conn = make(scoid);
                place.insert(Scoid::Alive(Arc::clone(&conn)));
                return conn;
            }
        }
    }

    /// Looks an id up.
    pub fn get(&self, scoid: i32) -> Option<&Scoid> {
        self.map.get(&scoid)
    }

    /// The client is gone: keeps the number for the server to release.
    pub fn keep_dead(&mut self, scoid: i32) {
        if let Some(entry) = self.map.get_mut(&scoid)
            && let Scoid::Alive(conn) = entry
        {
            *entry = Scoid::Dead(Arc::clone(conn));
        }
    }

    /// Frees a number.
    pub fn release(&mut self, scoid: i32) {
        self.map.remove(&scoid);
    }

    /// A channel is gone: nobody will release what is left of its clients.
    pub fn release_channel(&mut self, chid: i32) {
        self.map.retain(|_, entry| match entry {
            Scoid::Alive(_) => true,
            Scoid::Dead(conn) => conn.channel.chid != chid,
        });
    }

    /// Live connections.
    pub fn alive(&self) -> impl Iterator<Item = &Arc<ServerConn>> {
        self.map.values().filter_map(|entry| match entry {
            Scoid::Alive(conn) => Some(conn),
            Scoid::Dead(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_the_mark_and_stay_distinct() {
        let mut seen = std::collections::HashSet::new();
        for number in [1, 2, 0xFFFF, 0x1_0000, 0x1_0001, 0x2_0000, 0xFF_FFFF] {
            let scoid = encode(number);
            assert!(scoid > 0 && scoid & CONNECTION_SCOID != 0);
            assert!(seen.insert(scoid));
        }
    }
}
