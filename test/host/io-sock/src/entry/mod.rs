//! The C functions of io-sock's module machinery that modules import: registration, kernel environment, tunables, hints.

mod env;
mod tunable;

use crate::{kernel, module, module::abi::ModuleData, symbols::Symbol};
use std::ffi::c_int;

/// All of them.
pub fn symbols() -> Vec<Symbol> {
    let mut symbols = vec![
        (
            "module_register_init".to_owned(),
            module_register_init as *const () as usize,
        ),
        ("modevent_nop".to_owned(), modevent_nop as *const () as usize),
    ];
    symbols.extend(env::symbols());
    symbols.extend(tunable::symbols());
    symbols
}

/// The sysinit of `DECLARE_MODULE`.
///
/// # Safety
/// A sysinit's function: called while loading, in the loading thread.
unsafe extern "C" fn module_register_init(data: *const ModuleData) {
    if let Some(kernel) = kernel::current() {
        // SAFETY: the caller's promise.
        unsafe { module::register_init(kernel, data) };
    }
}

/// The handler of a module that does nothing.
extern "C" fn modevent_nop(_module: *mut (), what: c_int, _private: *mut ()) -> c_int {
    match what {
        // MOD_LOAD, MOD_UNLOAD, MOD_QUIESCE.
        0 | 1 | 3 => 0,
        _ => crate::errno::Errno::EOPNOTSUPP.raw(),
    }
}
