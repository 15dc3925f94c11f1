//! Linker sets: arrays of pointers between two symbols.
//!
//! The bounds are looked up by name in `.dynsym`, as io-sock does. A set without bounds is absent to it, silently; here a set
//! that a module cannot do without is an error that names it.
// ON-TARGET: io-sock is believed to look the bounds up by dlsym; a missing set is silent there.

use crate::{
    elf::{Image, Segments},
    error::{LoadError, SetFault},
    memory::ModuleMemory,
};
use std::ops::Range;

/// The bounds of a set, as image addresses. Empty when the module has no such set.
pub type Bounds = Range<u64>;

/// The four sets of a module.
#[derive(Clone, Debug, Default)]
pub struct Sets {
    /// Pointers to `struct mod_metadata`.
    pub metadata: Bounds,
    /// Pointers to `struct sysinit`, called at load.
    pub sysinit: Bounds,
    /// Pointers to `struct sysinit`, called at unload.
    pub sysuninit: Bounds,
    /// Pointers to `struct sysctl_oid`. The one set that may be absent.
    pub sysctl: Bounds,
}

impl Sets {
    /// Finds the sets and names all that cannot be used.
    pub fn find(image: &Image) -> Result<Self, LoadError> {
        let mut faults = Vec::new();
        let mut get = |set, optional, sorted| match bounds(image, set, sorted) {
            Ok(bounds) => bounds,
            Err(SetFault::Absent(_)) if optional => Bounds::default(),
            Err(fault) => {
                faults.push(fault);
                Bounds::default()
            }
        };
        let sets = Self {
            metadata: get("set_modmetadata_set", false, false),
            sysinit: get("set_sysinit_set", false, true),
            // A module that leaves this one out is not cleaned up on the target.
            sysuninit: get("set_sysuninit_set", false, true),
            sysctl: get("set_sysctl_set", true, false),
        };
        if faults.is_empty() {
            Ok(sets)
        } else {
            Err(LoadError::Sets(faults))
        }
    }

    /// The addresses of the file's oids.
    pub fn sysctl_entries<'a>(&self, memory: &'a ModuleMemory) -> impl Iterator<Item = usize> + use<'a> {
        entries(memory, &self.sysctl)
    }
}

fn bounds(image: &Image, set: &'static str, sorted: bool) -> Result<Bounds, SetFault> {
    let symbol = |side: &str| {
        image
            .export(&format!("__{side}_{set}"))
            .map(|export| export.address)
    };
    let bounds = match (symbol("start"), symbol("stop")) {
        (Some(start), Some(stop)) => start..stop,
        (None, None) if image.has_section(set) => return Err(SetFault::Hidden(set)),
        (None, None) => return Err(SetFault::Absent(set)),
        (start, _) => {
            let side = if start.is_none() { "start" } else { "stop" };
            return Err(SetFault::Half {
                set,
                missing: format!("__{side}_{set}"),
            });
        }
    };
    let segments: &Segments = image.segments();
    let bad = SetFault::Bounds {
        set,
        bounds: (bounds.start, bounds.end),
    };
    if bounds.start > bounds.end
        || !(bounds.end - bounds.start).is_multiple_of(8)
        || !bounds.start.is_multiple_of(8)
    {
        return Err(bad);
    }
    if bounds.is_empty() {
        return Err(SetFault::Absent(set));
    }
    if segments.holding(&bounds).is_none() {
        return Err(bad);
    }
    if sorted && !segments.writable(&bounds) {
        return Err(SetFault::ReadOnly(set));
    }
    Ok(bounds)
}

/// The addresses of a set's slots in this process.
pub fn slots(memory: &ModuleMemory, bounds: &Bounds) -> impl Iterator<Item = usize> + use<> {
    let start = memory.address(bounds.start).unwrap_or(0);
    let count = usize::try_from((bounds.end - bounds.start) / 8).unwrap_or(0);
    (0..count).map(move |index| start + 8 * index)
}

/// The pointers of a set.
pub fn entries<'a>(memory: &'a ModuleMemory, bounds: &Bounds) -> impl Iterator<Item = usize> + use<'a> {
    slots(memory, bounds).filter_map(|slot| memory.read::<usize>(slot))
}
