//! `set_sysinit_set` and `set_sysuninit_set`: functions in an order.

use super::{
    abi::{SI_SUB_DUMMY, Sysinit, SysinitFn},
    sets::{self, Bounds},
};
use crate::{error::LoadError, loader::HostSymbols, memory::ModuleMemory};
use std::ffi::c_void;

/// Which way a set is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// At load: lowest (subsystem, order) first.
    Ascending,
    /// At unload: highest first.
    Descending,
}

/// Sorts the set's pointers in place and answers what is to be called, in order. `SI_SUB_DUMMY` entries are not.
pub fn sorted(
    memory: &ModuleMemory,
    bounds: &Bounds,
    direction: Direction,
    host: &HostSymbols,
) -> Result<Vec<Sysinit>, LoadError> {
    let mut entries = Vec::new();
    for address in sets::entries(memory, bounds) {
        let bad = |what: &str| LoadError::Registration(format!("sysinit at {address:#x} {what}"));
        let entry: Sysinit = memory
            .read(address)
            .ok_or_else(|| bad("lies outside the image"))?;
        if entry.subsystem != SI_SUB_DUMMY && !memory.executable(entry.func) && !host.is_symbol(entry.func) {
            return Err(bad(&format!(
                "calls {:#x}, which is no code of the module and no symbol of io-sock",
                entry.func
            )));
        }
        entries.push((address, entry));
    }
    // Stable: entries of the same place keep the linker's order.
    entries.sort_by(|(_, a), (_, b)| {
        let order = (a.subsystem, a.order).cmp(&(b.subsystem, b.order));
        if direction == Direction::Ascending {
            order
        } else {
            order.reverse()
        }
    });
    for (slot, (address, _)) in sets::slots(memory, bounds).zip(&entries) {
        if !memory.write(slot, *address) {
            return Err(LoadError::Registration(
                "the set cannot be sorted in place".to_owned(),
            ));
        }
    }
    Ok(entries
        .into_iter()
        .map(|(_, entry)| entry)
        .filter(|entry| entry.subsystem != SI_SUB_DUMMY)
        .collect())
}

/// Calls one entry.
///
/// # Safety
/// The entry comes from [`sorted`] and the module is still mapped. Giant is held, in a thread that the stack knows.
pub unsafe fn call(entry: &Sysinit) {
    let function = std::ptr::with_exposed_provenance::<c_void>(entry.func);
    // SAFETY: `sorted` found the address in code of the module or in io-sock's table.
    let function: SysinitFn = unsafe { std::mem::transmute::<*const c_void, SysinitFn>(function) };
    // SAFETY: the module says that this function takes this argument.
    unsafe { function(std::ptr::with_exposed_provenance(entry.udata)) };
}
