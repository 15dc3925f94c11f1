//! Unloading a file: events, sysctls, sysuninits, and out of memory.

use super::{
    abi::Event,
    registry::{File, ModuleState},
    sysinit::{self, Direction},
};
use crate::{errno::Errno, error::UnloadError, kernel::Kernel, stack};
use std::sync::Arc;

/// What an unwilling module can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Force {
    /// `umount`: the module may refuse.
    No,
    /// io-sock ends: `MOD_QUIESCE` is not a question; `MOD_UNLOAD` may still be refused, then the module stays mapped.
    Quiesce,
}

impl Kernel {
    /// Ends the modules of a file and removes it. On an error the file stays, with those modules that still run.
    ///
    /// May sleep. The caller holds the administration lock (see [`Kernel::umount`]).
    pub(crate) fn unload(&self, file: Arc<File>, force: Force) -> Result<(), UnloadError> {
        if let Some((module, by)) = self.registry.dependent(&file) {
            return Err(UnloadError::Needed { module, by });
        }
        stack::with_giant(|| {
            let running = file.in_state(|state| state == ModuleState::Loaded);
            for (_, module, call) in &running {
                // SAFETY: `file` keeps the module mapped; Giant is held.
                let answer = unsafe { call.send(Event::Quiesce) };
                // A handler that does not know the event has nothing against it.
                let refused = answer
                    .err()
                    .filter(|error| !matches!(*error, Errno::EOPNOTSUPP | Errno::EINVAL));
                if let (Some(error), Force::No) = (refused, force) {
                    return Err(UnloadError::Refused {
                        module: module.clone(),
                        event: "MOD_QUIESCE",
                        error,
                    });
                }
            }
            for (index, module, call) in running {
                // SAFETY: as above.
                // ON-TARGET: whether io-sock sends MOD_UNLOAD and respects the answer is not documented; FreeBSD does both.
                match unsafe { call.send(Event::Unload) } {
                    Ok(()) => file.set_state(index, ModuleState::Unloaded),
                    Err(error) => {
                        return Err(UnloadError::Refused {
                            module,
                            event: "MOD_UNLOAD",
                            error,
                        });
                    }
                }
            }
            Ok(())
        })?;
        self.remove(&file);
        Ok(())
    }

    /// The last steps, when no module of the file runs: sysctls off, sysuninits, out of the registry. The file is unmapped with
    /// its last reference.
    pub(super) fn remove(&self, file: &Arc<File>) {
        self.sysctl.unregister(file);
        let order = sysinit::sorted(
            file.mapped.memory(),
            &file.sets.sysuninit,
            Direction::Descending,
            &self.symbols,
        );
        match order {
            Ok(entries) => stack::with_giant(|| {
                for entry in &entries {
                    self.verbose(|| {
                        format!(
                            "{}: sysuninit {:#x}:{:#x}",
                            file.found.node, entry.subsystem, entry.order
                        )
                    });
                    // SAFETY: sorted above; `file` keeps the module mapped; Giant is held.
                    unsafe { sysinit::call(entry) };
                }
            }),
            Err(error) => eprintln!("io-sock: {}: sysuninits not run: {error}", file.found.node),
        }
        self.registry.remove(file);
        // With other modules about, what is left may be theirs.
        if self.registry.files().is_empty()
            && let Some(left) = file.before.growth()
        {
            eprintln!(
                "io-sock: {} stays mapped, for it left behind {left}; the target would fault",
                file.found.node
            );
            std::mem::forget(Arc::clone(file));
        }
    }
}
