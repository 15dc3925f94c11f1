//! What io-sock asks of a module.

use crate::{
    Errno, LineBuf,
    log::{Level, log},
};

/// A module: what happens when io-sock loads and unloads the file. All functions run in a thread of io-sock that holds Giant, and
/// may sleep; none should wait long, but `uninit` must.
///
/// The linker sets, the version symbol and the sysctls are C, compiled by the module's build script (`iosock_build::Registration`);
/// [`register_module!`](crate::register_module) ties the two together.
pub trait Module {
    /// The file was loaded. On an error io-sock calls [`Module::unload`] at once, so that must undo half a load, too.
    ///
    /// # Errors
    /// The module is refused.
    fn load() -> Result<(), Errno>;

    /// Takes everything back: threads, sockets, upcalls, names. Does nothing when called again, or after a load that failed.
    ///
    /// # Errors
    /// A veto, `EBUSY` for example. Whether io-sock heeds it is not known, so do not rely on it.
    ///
    /// ON-TARGET: MOD_UNLOAD may be sent or not, and its answer heeded or not.
    fn unload() -> Result<(), Errno>;

    /// Takes back what is left, and waits without limit until no thread and no callback can run in the module's code: it is unmapped
    /// next. Called after [`Module::unload`], or without it.
    fn uninit();

    /// May the module be unloaded?
    ///
    /// # Errors
    /// A veto.
    fn quiesce() -> Result<(), Errno> {
        Ok(())
    }

    /// io-sock is about to end.
    fn shutdown() {}

    /// Answers `sysctl qnx.module.<name>.<group>.<value>`. Values have the numbers of the lists that the build script was given
    /// (`iosock_build::Group`). Any thread, also while the module loads or unloads.
    fn value(index: u32) -> Option<u64> {
        let _ = index;
        None
    }
}

/// Makes a crate a module: defines the functions that the registration's C file calls. Takes a type that is a [`Module`]; to be used
/// once.
///
/// The `unsafe` is about the names of the functions: they are this crate's own, and nobody else defines them.
#[macro_export]
macro_rules! register_module {
    ($module:ty) => {
        #[allow(unsafe_code)]
        const _: () = {
            #[unsafe(no_mangle)]
            extern "C" fn iosock_module_event(what: ::core::ffi::c_int) -> ::core::ffi::c_int {
                $crate::__private::event::<$module>(what)
            }

            #[unsafe(no_mangle)]
            extern "C" fn iosock_module_uninit() {
                $crate::__private::uninit::<$module>();
            }

            #[unsafe(no_mangle)]
            unsafe extern "C" fn iosock_module_value(
                index: ::core::ffi::c_uint,
                value: *mut u64,
            ) -> ::core::ffi::c_int {
                // SAFETY: registration.c passes its own variable.
                unsafe { $crate::__private::value::<$module>(index, value) }
            }
        };
    };
}

/// For [`register_module!`](crate::register_module) alone.
#[doc(hidden)]
pub mod __private {
    use super::*;
    use core::ffi::c_int;

    pub fn event<M: Module>(what: c_int) -> c_int {
        Errno::to_raw(match what {
            iosock_sys::IOSOCK_EVENT_LOAD => load::<M>(),
            iosock_sys::IOSOCK_EVENT_UNLOAD => M::unload(),
            iosock_sys::IOSOCK_EVENT_QUIESCE => M::quiesce(),
            iosock_sys::IOSOCK_EVENT_SHUTDOWN => {
                M::shutdown();
                Ok(())
            }
            _ => Err(Errno::EOPNOTSUPP),
        })
    }

    fn load<M: Module>() -> Result<(), Errno> {
        if let Err(mismatch) = crate::check_abi() {
            let mut line = LineBuf::<160>::new();
            line.text("module refused: ")
                .text(mismatch.name)
                .text(" is ")
                .signed(mismatch.found.into());
            line.text(" in io-sock's headers, the module was written for ")
                .signed(mismatch.expected.into());
            log(Level::Error, line.as_bytes());
            return Err(Errno::ENXIO);
        }
        M::load()
    }

    pub fn uninit<M: Module>() {
        M::uninit();
    }

    /// # Safety
    /// `place` may be written.
    pub unsafe fn value<M: Module>(index: u32, place: *mut u64) -> c_int {
        let Some(value) = M::value(index) else {
            return 0;
        };
        // SAFETY: the caller's promise.
        unsafe { place.write(value) };
        1
    }
}
