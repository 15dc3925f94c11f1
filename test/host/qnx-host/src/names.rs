//! The name registry: a file per name in the runtime directory that says which process and channel it leads to.
//!
//! A record names the process by pid and nonce, so a record of a dead process is recognised even if the pid lives on
//! in another process. Changes are made under the directory's lock.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::ability::aid;
use crate::ability_record;
use crate::dir;
use crate::dir_access;
use crate::errno::Errno;
use crate::process::process;
use crate::trace::trace;

/// Where a name leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// The server.
    pub pid: i32,
    /// Its channel.
    pub chid: i32,
    /// Which process of that pid.
    pub nonce: u64,
}

/// Longest name.
const NAME_MAX: usize = 255;

/// Checks a name and turns it into a file name. No leading slash, no empty, `.` or `..` component.
pub fn file_name(name: &str) -> Result<String, Errno> {
    if name.is_empty() || name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(Errno::EINVAL);
    }
    let mut escaped = name.replace('%', "%25").replace('/', "%2F");
    // Files that start with a dot are records on their way into place.
    if escaped.starts_with('.') {
        escaped.replace_range(..1, "%2E");
    }
    if escaped.len() > NAME_MAX {
        Err(Errno::ENAMETOOLONG)
    } else {
        Ok(escaped)
    }
}

fn read(path: &Path) -> Result<Option<Record>, Errno> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut words = text.split_ascii_whitespace();
    let mut record = || -> Option<Record> {
        Some(Record {
            pid: words.next()?.parse().ok()?,
            chid: words.next()?.parse().ok()?,
            nonce: words.next()?.parse().ok()?,
        })
    };
    Ok(record())
}

fn is_live(record: &Record) -> bool {
    let process = process();
    if record.pid == process.pid {
        record.nonce == process.nonce && process.channels.get(record.chid).is_some()
    } else {
        dir::is_alive(record.pid, record.nonce, record.chid)
    }
}

fn path_of(dir: &Path, name: &str) -> Result<PathBuf, Errno> {
    Ok(dir.join("n").join(file_name(name)?))
}

/// Gives channel `chid` of this process a name. `EEXIST` a living process has it, `EINVAL` a bad name, `EPERM` without
/// the ability PATHSPACE.
pub fn attach(name: &str, chid: i32) -> Result<(), Errno> {
    if !ability_record::own_may(aid::PATHSPACE, None) {
        return Err(Errno::EPERM);
    }
    let process = process();
    process.be_reachable()?;
    let dir = dir::open()?;
    let path = path_of(&dir, name)?;
    let _lock = dir::lock(&dir)?;
    if let Some(old) = read(&path)? {
        if is_live(&old) {
            return Err(Errno::EEXIST);
        }
        trace!(2, "name {name}: replacing that of dead pid {}", old.pid);
    }
    // Written aside and moved into place, so that a reader never sees half a record.
    // One file per user: the lock is ours, and what a killed process has left there goes.
    let aside = dir.join("n").join(format!(".new-{}", dir_access::euid()));
    let _ = fs::remove_file(&aside);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)?;
    writeln!(file, "{} {chid} {}", process.pid, process.nonce)?;
    file.set_permissions(Permissions::from_mode(dir_access::name_mode()))?;
    fs::rename(&aside, &path)?;
    trace!(2, "name {name} = chid {chid}");
    Ok(())
}

/// Removes a name of this process; somebody else's is left alone.
pub fn detach(name: &str, chid: i32) -> Result<(), Errno> {
    let process = process();
    let dir = dir::open()?;
    let path = path_of(&dir, name)?;
    let _lock = dir::lock(&dir)?;
    let ours = Record {
        pid: process.pid,
        chid,
        nonce: process.nonce,
    };
    if read(&path)? != Some(ours) {
        return Err(Errno::EINVAL);
    }
    fs::remove_file(&path)?;
    Ok(())
}

/// Looks a name up. `ENOENT` no such name.
pub fn lookup(name: &str) -> Result<Record, Errno> {
    let dir = dir::open()?;
    read(&path_of(&dir, name)?)?.ok_or(Errno::ENOENT)
}

/// All names with their records and whether their process lives.
pub fn all() -> Result<Vec<(String, Record, bool)>, Errno> {
    let dir = dir::open()?;
    let mut names = Vec::new();
    for entry in fs::read_dir(dir.join("n"))?.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        if file.starts_with('.') {
            continue;
        }
        // Another user's may not be for us to read.
        if let Ok(Some(record)) = read(&entry.path()) {
            names.push((
                file.replace("%2E", ".").replace("%2F", "/").replace("%25", "%"),
                record,
                is_live(&record),
            ));
        }
    }
    names.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_one_file_each() {
        assert_eq!(file_name("csock"), Ok("csock".to_string()));
        assert_eq!(file_name("a/b%"), Ok("a%2Fb%25".to_string()));
        assert_eq!(file_name(".12"), Ok("%2E12".to_string()));
        for bad in ["", "/a", "a/", "a//b", "..", "a/../b", "."] {
            assert_eq!(file_name(bad), Err(Errno::EINVAL), "{bad}");
        }
        assert_eq!(file_name(&"x".repeat(256)), Err(Errno::ENAMETOOLONG));
    }
}
