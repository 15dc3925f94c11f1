//! Abilities with names, which servers make up: procmgr_ability_create and procmgr_ability_lookup.
//!
//! `<dir>/a/<name>` holds a number and, once somebody has said so, who has the ability by default.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::ability::{self, Default, aid, operation};
use crate::ability_record;
use crate::dir;
use crate::dir_access;
use crate::errno::Errno;
use crate::names::file_name;
use crate::process::{lock, process};

/// Longest name.
const NAME_MAX: usize = 127;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Named {
    number: u32,
    /// `None`: looked up before it was created. ON-TARGET: who holds an ability before it is created; here root.
    default: Option<Default>,
}

/// Names that were looked up and did not exist, by the number in their temporary ids.
#[derive(Default)]
pub struct Uncreated(Mutex<Vec<String>>);

impl Uncreated {
    fn id(&self, name: &str) -> Result<u32, Errno> {
        let mut names = lock(&self.0);
        let number = names.iter().position(|known| known == name).unwrap_or_else(|| {
            names.push(name.to_string());
            names.len() - 1
        });
        if number as u32 >= aid::UNCREATED - 1 {
            return Err(Errno::EAGAIN);
        }
        Ok(aid::UNCREATED | number as u32)
    }

    fn name(&self, id: u32) -> Option<String> {
        lock(&self.0).get((id & !aid::UNCREATED) as usize).cloned()
    }
}

fn path_of(dir: &Path, name: &str) -> Result<PathBuf, Errno> {
    if name.len() > NAME_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    Ok(dir.join("a").join(file_name(name)?))
}

/// What a file says; nothing if another user but root has written it, who could give himself anything.
fn read(path: &Path) -> Option<Named> {
    let meta = fs::symlink_metadata(path).ok()?;
    if meta.uid() != 0 && meta.uid() != dir_access::euid() {
        return None;
    }
    let text = fs::read_to_string(path).ok()?;
    let mut words = text.split_ascii_whitespace();
    let number = words.next()?.parse().ok()?;
    let flag = |word: &str| word == "1";
    let default = match (words.next(), words.next()) {
        (Some(root), Some(other)) => Some((flag(root), flag(other))),
        _ => None,
    };
    Some(Named { number, default })
}

fn write(dir: &Path, path: &Path, named: Named) -> Result<(), Errno> {
    let aside = dir.join("a").join(format!(".new-{}", dir_access::euid()));
    let _ = fs::remove_file(&aside);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&aside)?;
    match named.default {
        Some((root, other)) => writeln!(file, "{} {} {}", named.number, u8::from(root), u8::from(other))?,
        None => writeln!(file, "{}", named.number)?,
    }
    file.set_permissions(Permissions::from_mode(0o644))?;
    fs::rename(&aside, path)?;
    Ok(())
}

fn all(dir: &Path) -> impl Iterator<Item = Named> {
    let entries = fs::read_dir(dir.join("a")).into_iter().flatten().flatten();
    entries
        .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
        .filter_map(|entry| read(&entry.path()))
}

/// The existing ability, or a new one. `default` is stored unless it has been before.
fn make(name: &str, default: Option<Default>) -> Result<u32, Errno> {
    let dir = dir::open()?;
    let path = path_of(&dir, name)?;
    let _lock = dir::lock(&dir)?;
    let named = match read(&path) {
        Some(named) if named.default.is_some() || default.is_none() => return Ok(named.number),
        Some(named) => Named { default, ..named },
        None => Named {
            number: all(&dir)
                .map(|named| named.number + 1)
                .max()
                .unwrap_or(aid::NAMED),
            default,
        },
    };
    if named.number >= aid::UNCREATED {
        return Err(Errno::EAGAIN);
    }
    write(&dir, &path, named)?;
    Ok(named.number)
}

/// procmgr_ability_create: the ability's number. One that exists keeps its default. `EPERM` without ABLE_CREATE,
/// `EINVAL`, `ENAMETOOLONG`.
pub fn create(name: &str, flags: u32) -> Result<u32, Errno> {
    if flags & !(operation::ROOT | operation::NONROOT) != 0 {
        return Err(Errno::EINVAL);
    }
    if !ability_record::own_may(aid::ABLE_CREATE, None) {
        return Err(Errno::EPERM);
    }
    let default = (flags & operation::ROOT != 0, flags & operation::NONROOT != 0);
    make(name, Some(default))
}

/// procmgr_ability_lookup: the ability's number. Of one that does not exist: with ABLE_CREATE it is made, else the number is
/// a temporary one with the UNCREATED bit, which only ConnectClientInfoAble understands.
pub fn find(name: &str) -> Result<u32, Errno> {
    let dir = dir::open()?;
    if let Some(named) = read(&path_of(&dir, name)?) {
        return Ok(named.number);
    }
    if ability_record::own_may(aid::ABLE_CREATE, None) {
        return make(name, None);
    }
    process().uncreated_abilities.id(name)
}

/// The permanent number behind a temporary one, if the ability has been created since.
pub fn created(id: u32) -> Option<u32> {
    let name = process().uncreated_abilities.name(id)?;
    read(&path_of(&dir::open().ok()?, &name).ok()?).map(|named| named.number)
}

/// Who has an ability by default; `None` if there is no such ability.
pub fn default_of(number: u32) -> Option<Default> {
    if let Some(default) = ability::of_qnx(number) {
        return Some(default);
    }
    let named = all(&dir::open().ok()?).find(|named| named.number == number)?;
    Some(named.default.unwrap_or((true, false)))
}
