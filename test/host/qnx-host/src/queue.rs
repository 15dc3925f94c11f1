//! The order in which a channel hands out what waits on it: by priority, then by time (tickets), messages and
//! pulses alike.
//!
//! Identical pulses are one entry with a count, each still delivered. Pure data, no locks: the channel guards it.

use std::collections::{BTreeMap, HashMap};

/// What makes two pulses identical. The priority is part of it: another priority is another place in the queue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PulseItem {
    /// Pulse code, negative for the kernel's own.
    pub code: i8,
    /// 1..=255.
    pub priority: u8,
    /// All 64 bits.
    pub value: u64,
    /// Who sent it; the server connection id.
    pub scoid: i32,
}

/// One thing taken from the queue.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<M> {
    /// A message, as the caller identified it.
    Message(M),
    /// A pulse.
    Pulse(PulseItem),
}

/// Highest priority first, then the lowest ticket, then first put.
type Key = (u8, u64, u64);

#[derive(Debug)]
enum Entry<M> {
    Message(M),
    Pulse(PulseItem, u32),
}

/// The queue of one channel.
#[derive(Debug)]
pub struct Queue<M> {
    /// The first entry is kept out of the tree, so that a queue of one never allocates.
    first: Option<(Key, Entry<M>)>,
    rest: BTreeMap<Key, Entry<M>>,
    pulses: HashMap<PulseItem, Key>,
    sequence: u64,
}

impl<M> Default for Queue<M> {
    fn default() -> Self {
        Queue {
            first: None,
            rest: BTreeMap::new(),
            pulses: HashMap::new(),
            sequence: 0,
        }
    }
}

impl<M> Queue<M> {
    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Entries that pulses take: what a pulse pool counts.
    pub fn pulse_entries(&self) -> usize {
        self.pulses.len()
    }

    /// An identical pulse waits already.
    pub fn has_pulse(&self, pulse: &PulseItem) -> bool {
        self.pulses.contains_key(pulse)
    }

    fn key(&mut self, priority: u8, ticket: u64) -> Key {
        self.sequence += 1;
        (u8::MAX - priority, ticket, self.sequence)
    }

    fn insert(&mut self, key: Key, entry: Entry<M>) {
        match &self.first {
            None => self.first = Some((key, entry)),
            Some((first, _)) if key < *first => {
                if let Some((old, displaced)) = self.first.replace((key, entry)) {
                    self.rest.insert(old, displaced);
                }
            }
            Some(_) => {
                self.rest.insert(key, entry);
            }
        }
    }

    /// Adds a message.
    pub fn push_message(&mut self, priority: u8, ticket: u64, message: M) {
        let key = self.key(priority, ticket);
        self.insert(key, Entry::Message(message));
    }

    /// Adds `count` identical pulses. True if that took a new entry.
    pub fn push_pulse(&mut self, pulse: PulseItem, ticket: u64, count: u32) -> bool {
        if let Some(key) = self.pulses.get(&pulse) {
            let entry = match &mut self.first {
                Some((first, entry)) if first == key => Some(entry),
                _ => self.rest.get_mut(key),
            };
            if let Some(Entry::Pulse(_, have)) = entry {
                *have = have.saturating_add(count);
                return false;
            }
        }
        let key = self.key(pulse.priority, ticket);
        self.pulses.insert(pulse, key);
        self.insert(key, Entry::Pulse(pulse, count.max(1)));
        true
    }

    /// Takes what comes first.
    pub fn pop(&mut self) -> Option<Item<M>> {
        if let Some((_, Entry::Pulse(pulse, count))) = &mut self.first
            && *count > 1
        {
            *count -= 1;
            return Some(Item::Pulse(*pulse));
        }
        let (_, entry) = self.first.take()?;
        self.first = self.rest.pop_first();
        Some(self.finish(entry))
    }

    /// Takes the first pulse, passing over messages.
    pub fn pop_pulse(&mut self) -> Option<Item<M>> {
        match &self.first {
            None => return None,
            Some((_, Entry::Pulse(..))) => return self.pop(),
            Some((_, Entry::Message(_))) => {}
        }
        let key = *self
            .rest
            .iter()
            .find(|(_, entry)| matches!(entry, Entry::Pulse(..)))?
            .0;
        if let Some(Entry::Pulse(pulse, count)) = self.rest.get_mut(&key)
            && *count > 1
        {
            *count -= 1;
            return Some(Item::Pulse(*pulse));
        }
        let entry = self.rest.remove(&key)?;
        Some(self.finish(entry))
    }

    fn finish(&mut self, entry: Entry<M>) -> Item<M> {
        match entry {
            Entry::Message(message) => Item::Message(message),
            Entry::Pulse(pulse, _) => {
                self.pulses.remove(&pulse);
                Item::Pulse(pulse)
            }
        }
    }

    /// Drops every message for which `keep` says no; pulses stay.
    pub fn retain_messages(&mut self, mut keep: impl FnMut(&M) -> bool) {
        let mut wanted = |entry: &Entry<M>| match entry {
            Entry::Message(message) => keep(message),
            Entry::Pulse(..) => true,
        };
        self.rest.retain(|_, entry| wanted(entry));
        if self.first.as_ref().is_some_and(|(_, entry)| !wanted(entry)) {
            self.first = self.rest.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulse(priority: u8, value: u64) -> PulseItem {
        PulseItem {
            code: 1,
            priority,
            value,
            scoid: 1,
        }
    }

    #[test]
    fn priority_then_time_messages_and_pulses_alike() {
        let mut queue = Queue::default();
        queue.push_message(10, 5, "early");
        queue.push_pulse(pulse(10, 7), 6, 1);
        queue.push_message(10, 7, "late");
        queue.push_message(20, 9, "urgent");
        queue.push_pulse(pulse(20, 8), 8, 1);
        assert_eq!(queue.pop(), Some(Item::Pulse(pulse(20, 8))));
        assert_eq!(queue.pop(), Some(Item::Message("urgent")));
        assert_eq!(queue.pop(), Some(Item::Message("early")));
        assert_eq!(queue.pop(), Some(Item::Pulse(pulse(10, 7))));
        assert_eq!(queue.pop(), Some(Item::Message("late")));
        assert_eq!(queue.pop(), None);
        assert_eq!(queue.pulse_entries(), 0);
    }

    #[test]
    fn identical_pulses_are_one_entry_and_each_is_delivered() {
        let mut queue: Queue<()> = Queue::default();
        assert!(queue.push_pulse(pulse(10, 1), 1, 1));
        assert!(queue.push_pulse(pulse(10, 2), 2, 1));
        assert!(!queue.push_pulse(pulse(10, 1), 3, 2));
        assert!(!queue.push_pulse(pulse(10, 2), 3, 1));
        assert_eq!(queue.pulse_entries(), 2);
        let got: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        let values: Vec<u64> = got
            .iter()
            .map(|i| if let Item::Pulse(p) = i { p.value } else { 99 })
            .collect();
        assert_eq!(values, [1, 1, 1, 2, 2]);
        assert!(queue.is_empty());
    }

    #[test]
    fn pulse_only_receiver_passes_over_messages() {
        let mut queue = Queue::default();
        queue.push_message(30, 1, "m1");
        queue.push_message(20, 1, "m2");
        queue.push_pulse(pulse(10, 1), 2, 2);
        assert_eq!(queue.pop_pulse(), Some(Item::Pulse(pulse(10, 1))));
        assert_eq!(queue.pop_pulse(), Some(Item::Pulse(pulse(10, 1))));
        assert_eq!(queue.pop_pulse(), None);
        queue.retain_messages(|m| *m == "m2");
        assert_eq!(queue.pop(), Some(Item::Message("m2")));
        assert!(queue.is_empty());
    }
}
