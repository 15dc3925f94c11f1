//! The registry of attached paths: a file each in the runtime directory, which names process and channel.
//!
//! As with names, a record says pid and nonce of its process, so one of a dead process leads nowhere whatever has become
//! of the pid. Changes are made under the directory's lock; readers see whole records. In a directory that users share, the
//! records of root and of ourselves count: attaching a path takes an ability on QNX (PATHSPACE) that root alone has.

use core::sync::atomic::{AtomicI32, Ordering};
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::layout::FLAG_SELF;
use super::paths::{self, Place};
use crate::ability::aid;
use crate::ability_record;
use crate::config::config;
use crate::dir;
use crate::dir_access;
use crate::errno::Errno;
use crate::process::process;
use crate::trace::trace;

/// An attached path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The server.
    pub pid: i32,
    /// Which process of that pid.
    pub nonce: u64,
    /// Its channel.
    pub chid: i32,
    /// The number of this record among those of its process, as pathmgr_link returned it.
    pub link: i32,
    /// What the server called it: comes back in every connect message.
    pub handle: u32,
    /// `_FTYPE_*`.
    pub file_type: i32,
    /// `_RESMGR_FLAG_*`.
    pub flags: u32,
    /// Higher = attached later.
    pub sequence: u64,
    /// Plain form.
    pub path: String,
}

impl Record {
    fn text(&self) -> String {
        let Record {
            pid,
            nonce,
            chid,
            link,
            handle,
            file_type,
            flags,
            sequence,
            path,
        } = self;
        format!("{pid} {nonce} {chid} {link} {handle} {file_type} {flags} {sequence} {path}")
    }

    fn parse(text: &str) -> Option<Record> {
        let mut words = text.splitn(9, ' ');
        Some(Record {
            pid: words.next()?.parse().ok()?,
            nonce: words.next()?.parse().ok()?,
            chid: words.next()?.parse().ok()?,
            link: words.next()?.parse().ok()?,
            handle: words.next()?.parse().ok()?,
            file_type: words.next()?.parse().ok()?,
            flags: words.next()?.parse().ok()?,
            sequence: words.next()?.parse().ok()?,
            path: words.next().filter(|path| path.starts_with('/'))?.to_string(),
        })
    }

    fn file_name(&self) -> String {
        format!("{}-{:x}-{}", self.pid, self.nonce, self.link)
    }
}

fn folder(dir: &Path) -> PathBuf {
    dir.join("r")
}

/// Every record with its file. Empty if nothing was ever attached.
fn read_all(dir: &Path) -> Result<Vec<(PathBuf, Record)>, Errno> {
    let entries = match fs::read_dir(folder(dir)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    // What cannot be read is gone meanwhile, or is not for us.
    let read = |entry: fs::DirEntry| {
        let owner = entry.metadata().ok()?.uid();
        let trusted = owner == 0 || owner == dir_access::euid();
        let whole = !entry.file_name().to_string_lossy().starts_with('.');
        let text = fs::read_to_string(entry.path())
            .ok()
            .filter(|_| trusted && whole)?;
        Some((entry.path(), Record::parse(&text)?))
    };
    Ok(entries.flatten().filter_map(read).collect())
}

/// The last record of this process. A forked child goes on counting: its records are told from its parent's by pid and nonce.
static LAST_LINK: AtomicI32 = AtomicI32::new(0);

/// Attaches `path` (plain form) to our channel `chid`. `handle` comes back in every connect message. The number for
/// [`detach`]. `EPERM` without the ability PATHSPACE.
pub fn attach(path: &str, chid: i32, handle: u32, file_type: i32, flags: u32) -> Result<i32, Errno> {
    if !ability_record::own_may(aid::PATHSPACE, None) {
        return Err(Errno::EPERM);
    }
    let process = process();
    process.be_reachable()?;
    let dir = dir::open()?;
    let _lock = dir::lock(&dir)?;
    let mut sequence = 1;
    for (file, old) in read_all(&dir)? {
        sequence = sequence.max(old.sequence + 1);
        // SAFETY: signal 0 only asks whether the process exists.
        let gone = unsafe { libc::kill(old.pid, 0) } != 0
            && io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH);
        if gone {
            trace!(2, "path {}: removed, pid {} is dead", old.path, old.pid);
            let _ = fs::remove_file(file);
        }
    }
    let record = Record {
        pid: process.pid,
        nonce: process.nonce,
        chid,
        link: LAST_LINK.fetch_add(1, Ordering::Relaxed) + 1,
        handle,
        file_type,
        flags,
        sequence,
        path: path.to_string(),
    };
    // Written aside and moved into place, so that a reader never sees half a record. One file per user: the lock is ours,
    // and what a killed process has left there goes.
    let aside = folder(&dir).join(format!(".new-{}", dir_access::euid()));
    let _ = fs::remove_file(&aside);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)?;
    file.write_all(record.text().as_bytes())?;
    file.set_permissions(Permissions::from_mode(dir_access::name_mode()))?;
    fs::rename(&aside, folder(&dir).join(record.file_name()))?;
    trace!(
        2,
        "path {path} = chid {chid} link {} handle {handle}", record.link
    );
    Ok(record.link)
}

/// Removes record `link` of this process; false if it is not there: never made, or somebody has emptied the directory.
pub fn detach(link: i32) -> Result<bool, Errno> {
    let process = process();
    let dir = dir::open()?;
    let _lock = dir::lock(&dir)?;
    let name = format!("{}-{:x}-{link}", process.pid, process.nonce);
    match fs::remove_file(folder(&dir).join(name)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Every attached path that we can see, sorted by path, the last to attach first.
pub fn all() -> Result<Vec<Record>, Errno> {
    if !folder(&config().dir).is_dir() {
        return Ok(Vec::new());
    }
    let mut records: Vec<Record> = read_all(&dir::open()?)?
        .into_iter()
        .map(|(_, record)| record)
        .collect();
    records.sort_by(|a, b| (&a.path, b.sequence).cmp(&(&b.path, a.sequence)));
    Ok(records)
}

/// Where `path` (plain form) leads, in the order in which they are to be tried, each with the rest of the path.
/// Without `_RESMGR_FLAG_SELF` a process' own paths do not lead back to itself. Dead servers may be among them.
pub fn candidates(path: &str) -> Result<Vec<(Record, String)>, Errno> {
    // No directory is made for a program that only opens files.
    if !folder(&config().dir).is_dir() {
        return Ok(Vec::new());
    }
    let dir = dir::open()?;
    let process = process();
    let ours = |record: &Record| record.pid == process.pid && record.nonce == process.nonce;
    let mut found: Vec<(Record, String)> = read_all(&dir)?
        .into_iter()
        .map(|(_, record)| record)
        .filter(|record| record.flags & FLAG_SELF != 0 || !ours(record))
        .filter_map(|record| {
            let rest = paths::rest(&record.path, record.flags, path)?.to_string();
            Some((record, rest))
        })
        .collect();
    found.sort_by_key(|(record, _)| {
        let Record {
            path,
            flags,
            sequence,
            ..
        } = record;
        Place {
            path,
            flags: *flags,
            sequence: *sequence,
        }
        .order()
    });
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back() {
        let record = Record {
            pid: 7,
            nonce: u64::MAX,
            chid: 1,
            link: 2,
            handle: u32::MAX,
            file_type: 0,
            flags: 0x100,
            sequence: 3,
            path: "/dev/with space".to_string(),
        };
        assert_eq!(Record::parse(&record.text()), Some(record));
        for bad in ["", "1 2 3", "1 2 3 4 5 6 7 8 relative", "x 2 3 4 5 6 7 8 /p"] {
            assert_eq!(Record::parse(bad), None, "{bad}");
        }
    }
}
