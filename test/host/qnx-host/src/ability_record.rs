//! What a process may do, as it decides for itself and as servers learn it.
//!
//! A process that changes its abilities writes them to `<dir>/a/.<pid>-<euid>`. A server believes what root has written,
//! and of what a process has written as another user only what it takes away: nobody can give himself anything.

use core::sync::atomic::{AtomicBool, Ordering};
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::ability::{Item, Table};
use crate::ability_names;
use crate::carried::Carried;
use crate::config::config;
use crate::dir;
use crate::dir_access::euid;
use crate::errno::Errno;
use crate::process::{lock, process};
use crate::sys;

/// Abilities of this process.
#[derive(Default)]
pub struct Own {
    table: Mutex<Table>,
    /// Others can read what it says.
    written: AtomicBool,
}

static CARRIED: Carried<Table> = Carried::new();

/// Runs before a fork.
pub fn before_fork(own: &Own) {
    let table = lock(&own.table).clone();
    if !table.is_default() {
        CARRIED.put(table);
    }
}

/// Runs after a fork, in the parent.
pub fn after_fork_in_parent() {
    drop(CARRIED.take());
}

/// Abilities of a new process: those of its parent.
pub fn inherited() -> Own {
    Own {
        table: Mutex::new(CARRIED.take().map_or_else(Table::default, |table| *table)),
        written: AtomicBool::new(false),
    }
}

/// Has this process the ability, for all values in `range`? An ability that does not exist nobody has.
pub fn own_may(ability: u32, range: Option<(u64, u64)>) -> bool {
    let default = ability_names::default_of(ability);
    default.is_some_and(|default| lock(&process().abilities.table).may(ability, default, euid() == 0, range))
}

/// procmgr_ability of this process.
pub fn change(list: &[Item]) -> Result<(), Errno> {
    let own = &process().abilities;
    let mut table = lock(&own.table);
    table.change(list, euid() == 0, ability_names::default_of)?;
    write(&table)?;
    own.written.store(true, Ordering::SeqCst);
    Ok(())
}

/// To be called before a server sees this process: a forked child has its parent's abilities and no record yet.
pub fn publish() -> Result<(), Errno> {
    let own = &process().abilities;
    if own.written.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    let table = lock(&own.table);
    if table.is_default() { Ok(()) } else { write(&table) }
}

fn path_of(dir: &Path, pid: i32, uid: u32) -> PathBuf {
    dir.join("a").join(format!(".{pid}-{uid}"))
}

fn write(table: &Table) -> Result<(), Errno> {
    let dir = dir::open()?;
    let path = path_of(&dir, sys::pid(), euid());
    let aside = path.with_extension("new");
    let _ = fs::remove_file(&aside);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&aside)?;
    writeln!(file, "{}", start_time(sys::pid()).ok_or(Errno::EAGAIN)?)?;
    file.write_all(table.to_text().as_bytes())?;
    file.set_permissions(Permissions::from_mode(0o644))?;
    fs::rename(&aside, &path)?;
    Ok(())
}

/// Removes this process' record at a normal exit.
pub fn unlink_own(pid: i32) {
    if process().abilities.written.load(Ordering::SeqCst) {
        let _ = fs::remove_file(path_of(&config().dir, pid, euid()));
    }
}

/// When a process was started: with its pid that says which process it is.
fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

fn read(dir: &Path, pid: i32, uid: u32) -> Option<Table> {
    let path = path_of(dir, pid, uid);
    if fs::symlink_metadata(&path).ok()?.uid() != uid {
        return None;
    }
    let text = fs::read_to_string(&path).ok()?;
    let (started, table) = text.split_once('\n')?;
    (started.parse().ok() == start_time(pid)).then_some(())?;
    Table::from_text(table)
}

/// Has the client process `pid`, whose effective user is `uid` now, the ability?
pub fn client_may(pid: i32, uid: u32, ability: u32, range: Option<(u64, u64)>) -> bool {
    if pid == sys::pid() {
        return own_may(ability, range);
    }
    let (Some(default), Ok(dir)) = (ability_names::default_of(ability), dir::open()) else {
        return false;
    };
    let root = uid == 0;
    let given = read(&dir, pid, 0);
    let taken = if root { None } else { read(&dir, pid, uid) };
    let may = |table: &Table, default| table.may(ability, default, root, range);
    // What the process has written as another user says nothing about abilities that root has given it.
    let given = given.map_or([default.0, default.1][usize::from(!root)], |table| {
        may(&table, default)
    });
    given && taken.is_none_or(|table| may(&table, (given, given)))
}
