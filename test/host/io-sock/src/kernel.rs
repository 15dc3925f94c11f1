//! The whole of io-sock that modules can reach: one per process, since C functions find it by no argument.

use crate::{
    cli::ModuleArg,
    entry,
    error::{LoadError, UnloadError},
    kenv::Kenv,
    loader::HostSymbols,
    module::{File, Force, Registry},
    search::SearchPath,
    stack, symbols, sysctl,
};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

/// How this io-sock was started.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Where names are looked up.
    pub search: SearchPath,
    /// This is io-sock-diag.
    pub diag: bool,
    /// `-o bootverbose`.
    pub verbose: bool,
}

/// Modules, kernel environment and sysctls of this process.
pub struct Kernel {
    /// The kernel environment.
    pub kenv: Kenv,
    /// What modules import.
    pub symbols: HostSymbols,
    /// What is loaded.
    pub registry: Registry,
    /// Sysctls of modules and of io-sock.
    pub sysctl: sysctl::Tree,
    pub(crate) diag: bool,
    search: SearchPath,
    verbose: bool,
    /// One load, unload or sysctl at a time.
    admin: Mutex<()>,
}

static KERNEL: OnceLock<Kernel> = OnceLock::new();

/// The kernel of this process; `None` before [`Kernel::start`].
pub fn current() -> Option<&'static Kernel> {
    KERNEL.get()
}

impl Kernel {
    /// Starts the kernel of this process. The second call answers the one that runs, whatever its configuration.
    pub fn start(config: Config, kenv: Kenv) -> &'static Self {
        stack::start(&kenv);
        KERNEL.get_or_init(|| {
            let sysctl = sysctl::Tree::default();
            stack::publish(&sysctl);
            let tables = [
                entry::symbols(),
                sysctl::symbols(),
                stack::symbols(),
                symbols::libc_symbols(),
            ];
            Self {
                kenv,
                symbols: HostSymbols::new(tables.into_iter().flatten()),
                registry: Registry::default(),
                sysctl,
                diag: config.diag,
                search: config.search,
                verbose: config.verbose,
                admin: Mutex::new(()),
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.admin.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Loads a module: `-m`, `-d` and `mount`. Answers the name of its node below `/dev/io-sock`. May sleep.
    pub fn mount(&self, arg: &ModuleArg) -> Result<String, LoadError> {
        let _admin = self.lock();
        let found = self.search.find(arg.kind, &arg.name)?;
        self.kenv.set_options(&found.short, &arg.options);
        self.load(found).map(|file| file.found.node.clone())
    }

    /// Unloads a module by its node: `mods-csock.so`, or a path that ends in it. May sleep.
    pub fn umount(&self, node: &str) -> Result<(), UnloadError> {
        let _admin = self.lock();
        let name = node.strip_prefix("/dev/io-sock/").unwrap_or(node);
        match self.registry.by_node(name) {
            Some(file) => self.unload(file, Force::No),
            None => Err(UnloadError::NotLoaded(node.to_owned())),
        }
    }

    /// Unloads everything, last loaded first. Answers what refused. May sleep.
    pub fn shutdown(&self) -> Vec<(String, UnloadError)> {
        let _admin = self.lock();
        let mut refused = Vec::new();
        for file in self.registry.files().into_iter().rev() {
            let node = file.found.node.clone();
            if let Err(error) = self.unload(file, Force::Quiesce) {
                refused.push((node, error));
            }
        }
        refused
    }

    /// The nodes below `/dev/io-sock`, in the order of loading.
    pub fn nodes(&self) -> Vec<String> {
        self.registry
            .files()
            .iter()
            .map(|file: &Arc<File>| file.found.node.clone())
            .collect()
    }

    /// What sysctls say of themselves: the named one, all below a named node, or all.
    pub fn sysctl_describe(&self, name: Option<&str>) -> Result<Vec<(String, String)>, sysctl::Error> {
        self.sysctl.describe(name)
    }

    /// Reads sysctls: the named one, all below a named node, or all. May sleep.
    pub fn sysctl_read(&self, name: Option<&str>) -> Result<Vec<(String, String)>, sysctl::Error> {
        let _admin = self.lock();
        self.sysctl.read(name)
    }

    /// Writes one sysctl and answers its old and new value. May sleep.
    pub fn sysctl_write(
        &self,
        name: &str,
        value: &str,
        privileged: bool,
    ) -> Result<(String, String), sysctl::Error> {
        let _admin = self.lock();
        self.sysctl.write(name, value, privileged)
    }

    /// Prints a line when io-sock was started with `-o bootverbose`.
    pub(crate) fn verbose(&self, line: impl FnOnce() -> String) {
        if self.verbose {
            eprintln!("io-sock: {}", line());
        }
    }
}
