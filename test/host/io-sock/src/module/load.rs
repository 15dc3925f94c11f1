//! Loading a file: from its path to `MOD_LOAD`.

use super::{
    abi::{Event, ModuleData},
    metadata::Metadata,
    registry::{File, ModuleState},
    sets::Sets,
    sysinit::{self, Direction},
    version,
};
use crate::{
    elf::{Image, Machine},
    error::LoadError,
    kernel::Kernel,
    loader::MappedModule,
    search::Found,
    stack,
};
use std::{fs, sync::Arc};

/// Largest file that is read: far above any module.
const FILE_MAX: u64 = 64 << 20;

impl Kernel {
    /// Loads a file and starts its modules. `Ok` when at least one module runs.
    ///
    /// May sleep. The caller holds the administration lock (see [`Kernel::mount`]).
    pub(crate) fn load(&self, found: Found) -> Result<Arc<File>, LoadError> {
        if self.registry.by_node(&found.node).is_some() {
            return Err(LoadError::AlreadyLoaded(found.node));
        }
        let image = Image::read(read(&found)?, Machine::HOST)?;
        version::check(&image, self.diag)?;
        let sets = Sets::find(&image)?;
        let mapped = MappedModule::map(&found.node, image, &self.symbols)?;
        let metadata = Metadata::read(mapped.memory(), &sets.metadata, &self.symbols)?;
        self.check_needs(&found, &metadata)?;
        let sysinits = sysinit::sorted(
            mapped.memory(),
            &sets.sysinit,
            Direction::Ascending,
            &self.symbols,
        )?;
        // Sorted here too, so that a set that cannot be run is found now and not when the module must go.
        sysinit::sorted(
            mapped.memory(),
            &sets.sysuninit,
            Direction::Descending,
            &self.symbols,
        )?;
        mapped.construct()?;

        let file = Arc::new(File::new(found, mapped, sets, metadata));
        self.registry.add(&file)?;
        if let Err(error) = self.sysctl.register(&file, self) {
            self.registry.remove(&file);
            return Err(error);
        }
        stack::with_giant(|| {
            for entry in &sysinits {
                self.verbose(|| {
                    format!(
                        "{}: sysinit {:#x}:{:#x}",
                        file.found.node, entry.subsystem, entry.order
                    )
                });
                // SAFETY: sorted above; `file` keeps the module mapped; Giant is held.
                unsafe { sysinit::call(entry) };
            }
        });
        self.finish(file)
    }

    /// After the sysinits: what became of the modules?
    fn finish(&self, file: Arc<File>) -> Result<Arc<File>, LoadError> {
        let states = file.modules();
        if states.iter().any(|(_, state)| *state == ModuleState::Loaded) {
            for (name, state) in &states {
                if *state != ModuleState::Loaded {
                    eprintln!(
                        "io-sock: {}: module {name} did not start: {state:?}",
                        file.found.node
                    );
                }
            }
            self.sysctl.enable(&file);
            return Ok(file);
        }
        // No module survived: the file goes as well.
        let error = states.into_iter().find_map(|(module, state)| match state {
            ModuleState::Failed(error) => Some(LoadError::Handler { module, error }),
            _ => None,
        });
        self.remove(&file);
        Err(error.unwrap_or_else(|| {
            LoadError::Registration("no sysinit registers a module of the file".to_owned())
        }))
    }

    fn check_needs(&self, found: &Found, metadata: &Metadata) -> Result<(), LoadError> {
        for need in &metadata.needs {
            // A file may need a module of its own.
            let own = metadata
                .versions
                .iter()
                .find(|(name, _)| *name == need.name)
                .map(|(_, version)| *version);
            let version = own.or_else(|| self.registry.version_of(&need.name));
            if !version.is_some_and(|version| (need.range.0..=need.range.1).contains(&version)) {
                return Err(LoadError::Dependency {
                    module: metadata
                        .modules
                        .first()
                        .map_or(found.short.clone(), |module| module.name.clone()),
                    needs: need.name.clone(),
                    range: need.range,
                    found: version,
                });
            }
        }
        Ok(())
    }
}

fn read(found: &Found) -> Result<Vec<u8>, LoadError> {
    let failed = |error| LoadError::Read {
        path: found.path.clone(),
        error,
    };
    let len = fs::metadata(&found.path).map_err(failed)?.len();
    if len > FILE_MAX {
        return Err(failed(std::io::Error::other(format!(
            "{len} bytes; at most {FILE_MAX} are read"
        ))));
    }
    fs::read(&found.path).map_err(failed)
}

/// `module_register_init`: what the sysinit of `DECLARE_MODULE` calls. Sends `MOD_LOAD`; on an error `MOD_UNLOAD` at once.
///
/// # Safety
/// Called by a sysinit, in the thread that loads, with Giant held. `data` is a `moduledata_t` or anything else: it is only compared.
pub unsafe fn register_init(kernel: &Kernel, data: *const ModuleData) {
    let Some((file, index, call)) = kernel.registry.by_data(data.expose_provenance()) else {
        // FreeBSD panics here.
        eprintln!(
            "io-sock: {}",
            LoadError::NotRegistered(format!("with data at {data:p}"))
        );
        return;
    };
    // SAFETY: `file` keeps the module mapped; a sysinit runs with Giant held.
    let state = match unsafe { call.send(Event::Load) } {
        Ok(()) => ModuleState::Loaded,
        Err(error) => {
            // SAFETY: as above. Its answer changes nothing.
            let _ = unsafe { call.send(Event::Unload) };
            ModuleState::Failed(error)
        }
    };
    file.set_state(index, state);
}
