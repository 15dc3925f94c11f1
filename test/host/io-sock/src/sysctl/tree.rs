//! Which sysctls there are.

use super::{
    error::Error,
    oid::{self, Type},
    request::Target,
    roots,
    set::FileOid,
    value,
};
use crate::{error::LoadError, kernel::Kernel, module::File};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

/// Names an oid: its address.
pub type OidId = usize;

/// Answers a value's text.
type Read = Box<dyn Fn() -> String + Send + Sync>;
/// Takes a text, or answers `false`: not a value of it.
type Write = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// A sysctl that io-sock itself publishes.
struct HostValue {
    read: Read,
    /// `None`: read-only.
    write: Option<Write>,
}

enum Source {
    Node,
    Oid { kind: u32, value: Type, target: Target },
    Host(HostValue),
}

struct Entry {
    source: Source,
    /// The oid's address; 0 for one that io-sock publishes.
    oid: OidId,
    /// Empty: it has none.
    description: String,
    enabled: bool,
}

/// All sysctls by full name.
pub struct Tree {
    entries: Mutex<BTreeMap<String, Entry>>,
}

impl Default for Tree {
    fn default() -> Self {
        let node = |root: &roots::Root| {
            (
                root.path.to_owned(),
                Entry {
                    source: Source::Node,
                    oid: root.oid,
                    description: String::new(),
                    enabled: true,
                },
            )
        };
        Self {
            entries: Mutex::new(roots::all().iter().map(node).collect()),
        }
    }
}

/// What a call needs, copied out so that nothing is locked while a handler runs.
struct Found {
    name: String,
    kind: u32,
    value: Type,
    target: Target,
}

impl Tree {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        // The map is whole after every operation.
        self.entries
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Publishes a value of io-sock's own, read-only.
    pub fn publish(&self, name: &str, read: impl Fn() -> String + Send + Sync + 'static) {
        self.insert_host(
            name,
            HostValue {
                read: Box::new(read),
                write: None,
            },
        );
    }

    /// Publishes a value of io-sock's own that privileged clients can write. `write` answers whether it took the text.
    pub fn publish_setting(
        &self,
        name: &str,
        read: impl Fn() -> String + Send + Sync + 'static,
        write: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) {
        self.insert_host(
            name,
            HostValue {
                read: Box::new(read),
                write: Some(Box::new(write)),
            },
        );
    }

    fn insert_host(&self, name: &str, value: HostValue) {
        self.lock().insert(
            name.to_owned(),
            Entry {
                source: Source::Host(value),
                oid: 0,
                description: String::new(),
                enabled: true,
            },
        );
    }

    /// Registers the sysctls of a file, disabled; those with a tunable take their value from the kernel environment.
    pub(crate) fn register(&self, file: &File, kernel: &Kernel) -> Result<(), LoadError> {
        let mut waiting = file.sysctl_oids(kernel)?;
        let mut added = Vec::new();
        // A child may stand before its parent in the set.
        loop {
            let before = waiting.len();
            let mut entries = self.lock();
            let mut names: BTreeMap<OidId, String> = entries
                .iter()
                .map(|(name, entry)| (entry.oid, name.clone()))
                .collect();
            names.insert(roots::head(), String::new());
            waiting.retain(|found| {
                let (address, name) = (&found.address, &found.name);
                let Some(parent) = names.get(&found.oid.parent) else {
                    return true;
                };
                let path = if parent.is_empty() {
                    name.clone()
                } else {
                    format!("{parent}.{name}")
                };
                names.insert(*address, path.clone());
                if let Some(old) = entries.get(&path) {
                    // FreeBSD shares nodes and refuses leaves; neither ends the load.
                    if !matches!(old.source, Source::Node) {
                        eprintln!(
                            "io-sock: {}: sysctl {path} is already there and stays",
                            file.found.node
                        );
                    }
                    return false;
                }
                if let Some(entry) = entry(found) {
                    entries.insert(path, entry);
                    added.push(*address);
                }
                false
            });
            if waiting.len() == before || waiting.is_empty() {
                break;
            }
        }
        *file
            .sysctls
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()) = added;
        if let Some(FileOid { name, oid, .. }) = waiting.first() {
            self.unregister(file);
            let what = format!(
                "sysctl {name} hangs below {:#x}, which is no node of io-sock or of the file",
                oid.parent
            );
            return Err(LoadError::Registration(what));
        }
        self.fetch_tunables(file, kernel);
        Ok(())
    }

    /// `CTLFLAG_TUN`: the first value comes from the kernel environment.
    fn fetch_tunables(&self, file: &File, kernel: &Kernel) {
        for found in self.of_file(file) {
            if found.kind & oid::TUN == 0 || found.kind & oid::NOFETCH != 0 {
                continue;
            }
            let Some(text) = kernel.kenv.get(&found.name) else {
                continue;
            };
            let written = match value::parse(found.value, &text) {
                // SAFETY: registered from a mapped file's checked set; nothing is locked.
                Some(bytes) => unsafe { found.target.call(Some(&bytes)) }
                    .map(drop)
                    .map_err(|error| error.to_string()),
                None => Err(format!("'{text}' is no value of it")),
            };
            if let Err(error) = written {
                eprintln!(
                    "io-sock: {}: tunable {} not taken: {error}",
                    file.found.node, found.name
                );
            }
        }
    }

    /// Makes a file's sysctls visible.
    pub(crate) fn enable(&self, file: &File) {
        let ids = file
            .sysctls
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .clone();
        self.lock()
            .values_mut()
            .filter(|entry| ids.contains(&entry.oid))
            .for_each(|entry| entry.enabled = true);
    }

    /// Removes a file's sysctls.
    pub(crate) fn unregister(&self, file: &File) {
        let ids = std::mem::take(
            &mut *file
                .sysctls
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner()),
        );
        self.lock().retain(|_, entry| !ids.contains(&entry.oid));
    }

    fn of_file(&self, file: &File) -> Vec<Found> {
        let ids = file
            .sysctls
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .clone();
        let entries = self.lock();
        let mine = entries.iter().filter(|(_, entry)| ids.contains(&entry.oid));
        mine.filter_map(|(name, entry)| found(name, entry)).collect()
    }

    /// What the named sysctl or node says of itself, all sysctls below it, or all.
    pub(crate) fn describe(&self, name: Option<&str>) -> Result<Vec<(String, String)>, Error> {
        let below = name.map(|name| format!("{name}."));
        let mut texts = Vec::new();
        for (path, entry) in self.lock().iter().filter(|(_, entry)| entry.enabled) {
            let listed = below.as_ref().is_none_or(|below| path.starts_with(below));
            let leaf = !matches!(entry.source, Source::Node);
            if name == Some(path) || (listed && leaf) {
                texts.push((path.clone(), entry.description.clone()));
            }
        }
        match (name, texts.is_empty()) {
            (Some(name), true) => Err(Error::Unknown(name.to_owned())),
            _ => Ok(texts),
        }
    }

    /// Reads the named sysctl, all below a named node, or all. Handlers may sleep.
    pub(crate) fn read(&self, name: Option<&str>) -> Result<Vec<(String, String)>, Error> {
        let mut values = Vec::new();
        let mut calls = Vec::new();
        let below = name.map(|name| format!("{name}."));
        let mut known = name.is_none();
        for (path, entry) in &*self.lock() {
            let exact = name == Some(path);
            let listed = exact || below.as_ref().is_none_or(|below| path.starts_with(below));
            if !entry.enabled || !listed {
                continue;
            }
            known = true;
            match &entry.source {
                Source::Host(value) => values.push((path.clone(), (value.read)())),
                Source::Oid { kind, .. } if kind & oid::RD == 0 || (kind & oid::SKIP != 0 && !exact) => {}
                _ => calls.extend(found(path, entry)),
            }
        }
        if !known {
            return Err(Error::Unknown(name.unwrap_or_default().to_owned()));
        }
        for found in calls {
            // SAFETY: registered from a mapped file's checked set; the administration lock keeps it mapped; nothing else is locked.
            match unsafe { found.target.call(None) } {
                Ok(bytes) => values.push((found.name, value::print(found.value, &bytes))),
                Err(error) if name == Some(&found.name) => {
                    return Err(Error::Handler {
                        name: found.name,
                        error,
                    });
                }
                // One that cannot answer does not hide the others.
                Err(_) => {}
            }
        }
        values.sort();
        Ok(values)
    }

    /// Writes a value of io-sock's own; `None` when `name` is none.
    fn write_host(
        &self,
        name: &str,
        text: &str,
        privileged: bool,
    ) -> Option<Result<(String, String), Error>> {
        let entries = self.lock();
        let Some(Entry {
            source: Source::Host(value),
            ..
        }) = entries.get(name)
        else {
            return None;
        };
        let Some(write) = value.write.as_ref().filter(|_| privileged) else {
            return Some(Err(Error::Denied(name.to_owned())));
        };
        let old = (value.read)();
        if write(text) {
            return Some(Ok((old, (value.read)())));
        }
        Some(Err(Error::BadValue {
            name: name.to_owned(),
            value: text.to_owned(),
        }))
    }

    /// Writes one sysctl and answers its old and new value. Handlers may sleep.
    pub(crate) fn write(&self, name: &str, text: &str, privileged: bool) -> Result<(String, String), Error> {
        if let Some(written) = self.write_host(name, text, privileged) {
            return written;
        }
        let entry = self
            .lock()
            .get(name)
            .filter(|entry| entry.enabled)
            .map(|entry| found(name, entry));
        let Some(entry) = entry else {
            return Err(Error::Unknown(name.to_owned()));
        };
        let allowed =
            |found: &Found| found.kind & oid::WR != 0 && (privileged || found.kind & oid::ANYBODY != 0);
        let Some(found) = entry.filter(allowed) else {
            return Err(Error::Denied(name.to_owned()));
        };
        let bad = || Error::BadValue {
            name: name.to_owned(),
            value: text.to_owned(),
        };
        let bytes = value::parse(found.value, text).ok_or_else(bad)?;
        // SAFETY: as in `read`.
        let call = |write: Option<&[u8]>| unsafe { found.target.call(write) };
        let failed = |error| Error::Handler {
            name: name.to_owned(),
            error,
        };
        let readable = found.kind & oid::RD != 0;
        let old = if readable {
            value::print(found.value, &call(None).map_err(failed)?)
        } else {
            String::new()
        };
        call(Some(&bytes)).map_err(failed)?;
        let new = if readable {
            value::print(found.value, &call(None).map_err(failed)?)
        } else {
            String::new()
        };
        Ok((old, new))
    }
}

fn found(name: &str, entry: &Entry) -> Option<Found> {
    match &entry.source {
        Source::Oid { kind, value, target } => Some(Found {
            name: name.to_owned(),
            kind: *kind,
            value: *value,
            target: *target,
        }),
        Source::Node | Source::Host(_) => None,
    }
}

fn entry(found: &FileOid) -> Option<Entry> {
    let (address, oid) = (found.address, &found.oid);
    let source = match Type::of(oid.kind)? {
        Type::Node => Source::Node,
        value => Source::Oid {
            kind: oid.kind,
            value,
            target: Target {
                oid: address,
                handler: oid.handler,
                arg1: oid.arg1,
                arg2: oid.arg2,
                giant: oid.kind & oid::MPSAFE == 0,
            },
        },
    };
    Some(Entry {
        enabled: matches!(source, Source::Node),
        source,
        oid: address,
        description: found.description.clone(),
    })
}
