//! The dispatch handle: a channel, and what was attached to it.

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use super::bindings::{Bindings, Key, Link, OpenFile};
use super::layout::*;
use super::{pathmgr, paths, registry, serve};
use crate::attach;
use crate::channels;
use crate::errno::Errno;
use crate::process::{lock, process};
use crate::types::{CHF_COID_DISCONNECT, CHF_DISCONNECT, CHF_UNBLOCK, NAME_FLAG_ATTACH_GLOBAL, SIDE_CHANNEL};
use crate::{names, sys};

/// What `dispatch_t*` points at. Made and freed by the program; used by all its threads.
pub struct Dispatch {
    /// The channel.
    pub chid: i32,
    /// Made with the handle, and so destroyed with it.
    pub own_channel: bool,
    /// Registered by name_attach.
    pub name: Mutex<Option<String>>,
    state: Mutex<State>,
    /// Nanoseconds that dispatch_block waits; [`sys::FOREVER`] = no limit.
    timeout: AtomicU64,
}

#[derive(Default)]
struct State {
    links: BTreeMap<i32, Arc<Link>>,
    /// Records in the registry, by link.
    recorded: BTreeMap<i32, i32>,
    last_link: i32,
    ranges: Vec<Range>,
    default: Option<Called>,
    pulses: BTreeMap<i8, Called>,
    files: Bindings,
    /// Clients whose connect message has not been answered yet.
    connecting: HashMap<Key, Arc<Link>>,
    /// What contexts must have room for.
    message_room: usize,
    parts: usize,
}

/// A function of the program and what it wants with it.
#[derive(Clone, Copy)]
pub struct Called {
    /// Called with the context.
    pub function: Function,
    /// Its last argument.
    pub handle: *mut c_void,
}

// SAFETY: both belong to the program, which promised them for every thread that uses the handle.
unsafe impl Send for Called {}

struct Range {
    low: u16,
    high: u16,
    called: Called,
}

/// Smallest message buffer: any message of the system's with a path. ON-TARGET: the least msg_max_size that QNX gives a dispatch context.
const MESSAGE_ROOM: usize = size_of::<IoConnect>() + paths::PATH_MAX;

/// A channel with the flags that name_attach and dispatch_create set. Only one channel of a process may have
/// COID_DISCONNECT: later ones do without.
pub fn make_channel() -> Result<i32, Errno> {
    let flags = CHF_DISCONNECT | CHF_UNBLOCK;
    match channels::create(flags | CHF_COID_DISCONNECT, None) {
        Err(Errno::EBUSY) => channels::create(flags, None),
        other => other,
    }
}

impl Dispatch {
    /// A handle on `chid`, or on a new channel for -1.
    pub fn create(chid: i32) -> Result<Box<Dispatch>, Errno> {
        let own_channel = chid == -1;
        let chid = if own_channel { make_channel()? } else { chid };
        Ok(Box::new(Dispatch {
            chid,
            own_channel,
            name: Mutex::new(None),
            state: Mutex::default(),
            timeout: AtomicU64::new(sys::FOREVER),
        }))
    }

    /// Takes everything back: name, paths, open files, and the channel if the handle made it. The caller promises that no
    /// thread uses the handle.
    pub fn destroy(&self) -> Result<(), Errno> {
        if let Some(name) = lock(&self.name).take() {
            let _ = names::detach(&name, self.chid);
        }
        let links: Vec<i32> = lock(&self.state).links.keys().copied().collect();
        for id in links {
            let _ = self.detach(id, DETACH_CLOSE);
        }
        if self.own_channel {
            channels::destroy(self.chid)?;
        }
        Ok(())
    }

    /// Registers a name for the channel.
    pub fn attach_name(&self, name: &str, flags: u32) -> Result<(), Errno> {
        if flags & !NAME_FLAG_ATTACH_GLOBAL != 0 {
            return Err(Errno::EINVAL);
        }
        names::attach(name, self.chid)?;
        *lock(&self.name) = Some(name.to_string());
        Ok(())
    }

    /// resmgr_attach: its link id. `path` is absolute or lies in the current directory; `None` with
    /// `RESMGR_FLAG_ATTACH_LOCAL` or for a place that only its file type tells from "/".
    /// `EINVAL` bad flags, `ENAMETOOLONG`, `ENOTSUP` file types and flags that have no meaning here.
    pub fn attach(
        &self,
        path: Option<&str>,
        file_type: c_int,
        flags: u32,
        link: NewLink,
    ) -> Result<i32, Errno> {
        let attributes = link.attributes;
        pathmgr::check_flags(file_type, flags)?;
        let registered = attributes.flags & RESMGR_FLAG_ATTACH_LOCAL == 0;
        let plain = match path {
            Some(path) if !path.is_empty() => Some(pathmgr::checked_path(path)?),
            _ if registered => return Err(Errno::EINVAL),
            _ => None,
        };
        let id = {
            let mut state = lock(&self.state);
            state.last_link += 1;
            let id = state.last_link;
            let with_other = attributes.flags & RESMGR_FLAG_ATTACH_OTHERFUNC != 0;
            let link = Link {
                id,
                connect: link.connect,
                io: link.io,
                handle: link.handle,
                other: attributes.other_func.filter(|_| with_other),
            };
            state.links.insert(id, Arc::new(link));
            state.need(attributes.msg_max_size, attributes.nparts_max as usize);
            id
        };
        // Listed first: a client may come the moment the path is there.
        if let Some(plain) = plain.filter(|_| registered) {
            let recorded = registry::attach(&plain, self.chid, id as u32, file_type, flags);
            let mut state = lock(&self.state);
            match recorded {
                Ok(record) => state.recorded.insert(id, record),
                Err(error) => {
                    state.links.remove(&id);
                    return Err(error);
                }
            };
        }
        Ok(id)
    }

    /// resmgr_detach: the path goes, and without `_RESMGR_DETACH_PATHNAME` its open files too. `EINVAL` never attached,
    /// `ENOENT` detached already.
    pub fn detach(&self, id: i32, flags: u32) -> Result<(), Errno> {
        let (record, files) = {
            let mut state = lock(&self.state);
            if state.links.remove(&id).is_none() {
                let was = id > 0 && id <= state.last_link;
                return Err(if was { Errno::ENOENT } else { Errno::EINVAL });
            }
            let files = if flags & DETACH_PATHNAME == 0 {
                state.files.unbind_all(|_, file| file.link.id == id)
            } else {
                Vec::new()
            };
            (state.recorded.remove(&id), files)
        };
        self.release(files);
        if let Some(record) = record {
            registry::detach(record)?;
        }
        Ok(())
    }

    /// Releases files that were unbound; closes those that nobody else uses.
    pub fn release(&self, files: impl IntoIterator<Item = Arc<OpenFile>>) {
        for file in files {
            if file.release() {
                serve::close_ocb(self, &file);
            }
        }
    }

    /// Runs `body` on the open files.
    pub fn files<R>(&self, body: impl FnOnce(&mut Bindings) -> R) -> R {
        body(&mut lock(&self.state).files)
    }

    /// An attached path.
    pub fn link(&self, id: i32) -> Option<Arc<Link>> {
        lock(&self.state).links.get(&id).cloned()
    }

    /// Notes that a client's connect message will be answered later.
    pub fn connecting(&self, key: Key, link: &Arc<Link>) {
        lock(&self.state).connecting.insert(key, Arc::clone(link));
    }

    /// A client's connect message is answered, or the client gone.
    pub fn connected(&self, gone: impl Fn(Key) -> bool) {
        lock(&self.state).connecting.retain(|key, _| !gone(*key));
    }

    /// The path that a client is connecting to.
    pub fn connecting_to(&self, key: Key) -> Option<Arc<Link>> {
        lock(&self.state).connecting.get(&key).cloned()
    }

    /// message_attach: types `low` to `high`. `EINVAL` a range that is empty, overlaps another, or holds system types.
    pub fn attach_messages(
        &self,
        attributes: Option<MessageAttributes>,
        low: c_int,
        high: c_int,
        called: Called,
    ) -> Result<(), Errno> {
        let mut state = lock(&self.state);
        if attributes.is_some_and(|attributes| attributes.flags & MSG_FLAG_DEFAULT_FUNC != 0) {
            if state.default.is_some() {
                return Err(Errno::EINVAL);
            }
            state.default = Some(called);
        } else {
            let number = |value: c_int| u16::try_from(value).map_err(|_| Errno::EINVAL);
            let (low, high) = (number(low)?, number(high)?);
            let overlaps = state
                .ranges
                .iter()
                .any(|range| low <= range.high && range.low <= high);
            if low <= IO_MAX || low > high || overlaps {
                return Err(Errno::EINVAL);
            }
            state.ranges.push(Range { low, high, called });
        }
        if let Some(attributes) = attributes {
            state.need(attributes.msg_max_size, attributes.nparts_max as usize);
        }
        Ok(())
    }

    /// message_detach. `EINVAL` no such range.
    pub fn detach_messages(&self, low: c_int, high: c_int) -> Result<(), Errno> {
        let mut state = lock(&self.state);
        let same = |range: &Range| i32::from(range.low) == low && i32::from(range.high) == high;
        let place = state.ranges.iter().position(same).ok_or(Errno::EINVAL)?;
        state.ranges.remove(place);
        Ok(())
    }

    /// Who takes messages of this type.
    pub fn message_function(&self, kind: u16) -> Option<Called> {
        let state = lock(&self.state);
        let inside = |range: &&Range| (range.low..=range.high).contains(&kind);
        state
            .ranges
            .iter()
            .find(inside)
            .map(|range| range.called)
            .or(state.default)
    }

    /// pulse_attach: the code. `EINVAL` the code is taken or out of range, `EAGAIN` none is left to choose.
    pub fn attach_pulse(&self, flags: c_int, code: c_int, called: Called) -> Result<i32, Errno> {
        let mut state = lock(&self.state);
        let code = if flags & MSG_FLAG_ALLOC_PULSE != 0 {
            (0..=i8::MAX)
                .find(|code| !state.pulses.contains_key(code))
                .ok_or(Errno::EAGAIN)?
        } else {
            let code = i8::try_from(code).map_err(|_| Errno::EINVAL)?;
            if state.pulses.contains_key(&code) {
                return Err(Errno::EINVAL);
            }
            code
        };
        state.pulses.insert(code, called);
        Ok(i32::from(code))
    }

    /// pulse_detach. `EINVAL` no such code.
    pub fn detach_pulse(&self, code: c_int) -> Result<(), Errno> {
        let code = i8::try_from(code).map_err(|_| Errno::EINVAL)?;
        let removed = lock(&self.state).pulses.remove(&code);
        removed.map(|_| ()).ok_or(Errno::EINVAL)
    }

    /// Who takes pulses of this code.
    pub fn pulse_function(&self, code: i8) -> Option<Called> {
        lock(&self.state).pulses.get(&code).copied()
    }

    /// message_connect: a connection of this process to the handle's own channel.
    pub fn connect(&self, flags: c_int) -> Result<i32, Errno> {
        let index = if flags & MSG_FLAG_SIDE_CHANNEL != 0 {
            SIDE_CHANNEL as u32
        } else {
            0
        };
        attach::attach(process().pid, self.chid, index, 0, 0)
    }

    /// Bytes of message and parts of an answer that contexts must have room for.
    pub fn room(&self) -> (usize, usize) {
        let state = lock(&self.state);
        (state.message_room.max(MESSAGE_ROOM), state.parts.max(1))
    }

    /// dispatch_timeout; `None` = no limit.
    pub fn set_timeout(&self, nanoseconds: Option<u64>) {
        self.timeout
            .store(nanoseconds.unwrap_or(sys::FOREVER), Ordering::Relaxed);
    }

    /// See [`Dispatch::set_timeout`].
    pub fn timeout(&self) -> Option<u64> {
        Some(self.timeout.load(Ordering::Relaxed)).filter(|limit| *limit != sys::FOREVER)
    }
}

impl State {
    fn need(&mut self, message_room: usize, parts: usize) {
        self.message_room = self.message_room.max(message_room);
        self.parts = self.parts.max(parts);
    }
}

/// What resmgr_attach was given beside the path.
pub struct NewLink {
    /// A copy of the program's attributes, or zeroes.
    pub attributes: Attributes,
    /// See [`Link`].
    pub connect: *const ConnectFuncs,
    /// See [`Link`].
    pub io: *const IoFuncs,
    /// See [`Link`].
    pub handle: *mut c_void,
}

/// Where relative paths begin.
pub fn current_directory() -> Result<String, Errno> {
    let current = std::env::current_dir()?;
    current.into_os_string().into_string().map_err(|_| Errno::EINVAL)
}
