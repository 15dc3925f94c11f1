//! The registration structures as C lays them out on 64-bit machines (FreeBSD 13 or 14, as built; io-sock's headers say the same names).

use crate::memory::Plain;
use iosock_kpi::layout::SYSINIT_LINK;
use std::ffi::{c_int, c_void};

/// `struct sysinit`: a function to call at load or unload.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Sysinit {
    /// `SI_SUB_*`.
    pub subsystem: u32,
    /// `SI_ORDER_*`.
    pub order: u32,
    /// The kernel's own link.
    pub next: [usize; SYSINIT_LINK],
    /// `void (*)(const void *)`.
    pub func: usize,
    /// Its argument.
    pub udata: usize,
}

/// `struct mod_metadata`: one fact about the file.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ModMetadata {
    /// Version of the structure: 1.
    pub version: c_int,
    /// `MDT_*`.
    pub kind: c_int,
    /// What the kind says.
    pub data: usize,
    /// A name.
    pub cval: usize,
}

/// `MDT_DEPEND`: data is a [`ModDepend`], the name that of the other module.
pub const MDT_DEPEND: c_int = 1;
/// `MDT_MODULE`: data is a [`ModuleData`].
pub const MDT_MODULE: c_int = 2;
/// `MDT_VERSION`: data is an int, the name that of the module.
pub const MDT_VERSION: c_int = 3;

/// `moduledata_t`: a module's name and event handler.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ModuleData {
    /// C string.
    pub name: usize,
    /// `int (*)(module_t, int, void *)`; null: every event succeeds.
    pub evhand: usize,
    /// The handler's last argument.
    pub private: usize,
}

/// `struct mod_depend`: versions of another module that would do.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ModDepend {
    /// Lowest.
    pub minimum: c_int,
    /// What it was built with.
    pub preferred: c_int,
    /// Highest.
    pub maximum: c_int,
}

/// An event that a handler is asked about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum Event {
    /// `MOD_LOAD`.
    Load = 0,
    /// `MOD_UNLOAD`.
    Unload = 1,
    /// `MOD_SHUTDOWN`.
    Shutdown = 2,
    /// `MOD_QUIESCE`.
    Quiesce = 3,
}

/// `modeventhand_t`.
pub type EventHandler = unsafe extern "C" fn(*mut c_void, c_int, *mut c_void) -> c_int;
/// A sysinit's function.
pub type SysinitFn = unsafe extern "C" fn(*const c_void);

/// `SI_SUB_DUMMY`: never called.
pub const SI_SUB_DUMMY: u32 = 0;

// SAFETY: this and the next three are C structures of integers, any bit pattern is a value; addresses are checked before use.
unsafe impl Plain for Sysinit {}
// SAFETY: as above.
unsafe impl Plain for ModMetadata {}
// SAFETY: as above.
unsafe impl Plain for ModuleData {}
// SAFETY: as above.
unsafe impl Plain for ModDepend {}

const _: () = {
    assert!(size_of::<Sysinit>() == 24 + 8 * SYSINIT_LINK);
    assert!(size_of::<ModMetadata>() == 24);
    assert!(size_of::<ModuleData>() == 24);
    assert!(size_of::<ModDepend>() == 12);
};
