//! What is loaded.

use super::{abi::Event, abi::EventHandler, metadata::Metadata, sets::Sets, version};
use crate::{
    errno::{self, Errno},
    error::LoadError,
    loader::MappedModule,
    search::Found,
    stack::Footprint,
    sysctl,
};
use std::{
    ffi::c_void,
    sync::{Arc, Mutex, MutexGuard},
};

/// Where a module stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ModuleState {
    /// Declared; its sysinit has not run.
    Registered,
    /// `MOD_LOAD` succeeded.
    Loaded,
    /// `MOD_LOAD` failed, with what; `MOD_UNLOAD` was sent.
    Failed(Errno),
    /// `MOD_UNLOAD` succeeded.
    Unloaded,
}

/// One module of a file.
#[derive(Debug)]
pub struct Module {
    /// As the metadata says.
    pub declared: super::Declared,
    /// Where it stands.
    pub state: ModuleState,
    /// What handlers get as `module_t`: an address that is this module's and nobody else's.
    tag: Box<u64>,
}

/// What a handler is called with: copied out, so that nothing is locked while it runs.
#[derive(Clone, Copy)]
pub struct Call {
    handler: usize,
    module: usize,
    private: usize,
}

impl Call {
    /// Asks the handler about an event.
    ///
    /// # Safety
    /// The module is mapped and stays so; Giant is held, in a thread that the stack knows.
    pub unsafe fn send(self, event: Event) -> Result<(), Errno> {
        if self.handler == 0 {
            return Ok(());
        }
        let handler = std::ptr::with_exposed_provenance::<c_void>(self.handler);
        // SAFETY: the metadata was checked: this is code of the module or a symbol of io-sock, declared as an event handler.
        let handler: EventHandler = unsafe { std::mem::transmute::<*const c_void, EventHandler>(handler) };
        let module = std::ptr::with_exposed_provenance_mut(self.module);
        // SAFETY: the module says that its handler takes these.
        errno::check(unsafe {
            handler(
                module,
                event as i32,
                std::ptr::with_exposed_provenance_mut(self.private),
            )
        })
    }
}

/// A loaded file. Dropping the last reference unmaps it.
pub struct File {
    /// Where it came from.
    pub found: Found,
    /// Its memory.
    pub mapped: MappedModule,
    /// Its linker sets.
    pub sets: Sets,
    /// What it declares.
    pub metadata: Metadata,
    modules: Mutex<Vec<Module>>,
    /// What modules had of the stack before this one.
    pub(super) before: Footprint,
    /// The sysctls that were registered for it.
    pub sysctls: Mutex<Vec<sysctl::OidId>>,
}

impl File {
    pub(super) fn new(found: Found, mapped: MappedModule, sets: Sets, metadata: Metadata) -> Self {
        let module = |declared: &super::Declared| Module {
            declared: declared.clone(),
            state: ModuleState::Registered,
            tag: Box::new(0),
        };
        let modules = Mutex::new(metadata.modules.iter().map(module).collect());
        Self {
            found,
            mapped,
            sets,
            metadata,
            modules,
            before: Footprint::now(),
            sysctls: Mutex::default(),
        }
    }

    /// Its modules' names and states.
    pub fn modules(&self) -> Vec<(String, ModuleState)> {
        self.lock()
            .iter()
            .map(|module| (module.declared.name.clone(), module.state))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Module>> {
        // The list is whole after every operation.
        self.modules
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Finds the module that a sysinit's argument means, and how to call it.
    pub(super) fn by_data(&self, data: usize) -> Option<(usize, Call)> {
        let modules = self.lock();
        let index = modules.iter().position(|module| module.declared.data == data)?;
        Some((index, call(&modules[index])))
    }

    pub(super) fn set_state(&self, index: usize, state: ModuleState) {
        if let Some(module) = self.lock().get_mut(index) {
            module.state = state;
        }
    }

    /// (index, name, how to call) of the modules in a state, last first: the order of unloading.
    pub(super) fn in_state(&self, wanted: impl Fn(ModuleState) -> bool) -> Vec<(usize, String, Call)> {
        let modules = self.lock();
        let all = modules.iter().enumerate().rev();
        all.filter(|(_, module)| wanted(module.state))
            .map(|(index, module)| (index, module.declared.name.clone(), call(module)))
            .collect()
    }
}

fn call(module: &Module) -> Call {
    Call {
        handler: module.declared.handler,
        module: std::ptr::from_ref(&*module.tag).expose_provenance(),
        private: module.declared.private,
    }
}

/// All loaded files, in the order of loading.
#[derive(Default)]
pub struct Registry {
    files: Mutex<Vec<Arc<File>>>,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<File>>> {
        // The list is whole after every operation.
        self.files.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The loaded files, first loaded first.
    pub fn files(&self) -> Vec<Arc<File>> {
        self.lock().clone()
    }

    /// The file of a node.
    pub fn by_node(&self, node: &str) -> Option<Arc<File>> {
        self.lock().iter().find(|file| file.found.node == node).cloned()
    }

    /// Adds a file whose names are all new.
    pub(super) fn add(&self, file: &Arc<File>) -> Result<(), LoadError> {
        let mut files = self.lock();
        for declared in &file.metadata.modules {
            let other = files
                .iter()
                .find(|other| other.metadata.modules.iter().any(|m| m.name == declared.name));
            if let Some(other) = other {
                return Err(LoadError::AlreadyLoaded(format!(
                    "module {} (of {})",
                    declared.name, other.found.node
                )));
            }
        }
        files.push(Arc::clone(file));
        Ok(())
    }

    pub(super) fn remove(&self, file: &Arc<File>) {
        self.lock().retain(|other| !Arc::ptr_eq(other, file));
    }

    /// The version of a module that is there: published by a file, or io-sock's own `kernel`.
    pub fn version_of(&self, name: &str) -> Option<i32> {
        if name == "kernel" {
            return Some(version::KERNEL);
        }
        let published = |file: &Arc<File>| {
            let versions = file
                .metadata
                .versions
                .iter()
                .find(|(module, _)| module == name)
                .map(|(_, version)| *version);
            // A module without MODULE_VERSION has version 0.
            versions.or_else(|| {
                file.metadata
                    .modules
                    .iter()
                    .any(|module| module.name == name)
                    .then_some(0)
            })
        };
        self.lock().iter().find_map(published)
    }

    /// Finds the module whose `moduledata_t` lies at `data`.
    pub(super) fn by_data(&self, data: usize) -> Option<(Arc<File>, usize, Call)> {
        let files = self.files();
        files
            .into_iter()
            .find_map(|file| file.by_data(data).map(|(index, call)| (file, index, call)))
    }

    /// A file that needs a module of `file`, and which module.
    pub fn dependent(&self, file: &Arc<File>) -> Option<(String, String)> {
        let names = || {
            let versions = file.metadata.versions.iter().map(|(name, _)| name);
            versions.chain(file.metadata.modules.iter().map(|module| &module.name))
        };
        let files = self.lock();
        let others = files.iter().filter(|other| !Arc::ptr_eq(other, file));
        others
            .flat_map(|other| other.metadata.needs.iter().map(move |need| (other, need)))
            .find_map(|(other, need)| {
                names()
                    .any(|name| *name == need.name)
                    .then(|| (need.name.clone(), other.found.node.clone()))
            })
    }
}
