//! Compiles `registration.c` for one module.

use crate::{compiler, shim_dir};

/// How a module presents itself to io-sock. Everything a linker set needs is made by [`Registration::compile`].
///
/// The module's crate then calls `iosock::register_module!`, which defines the functions that the C file calls.
#[derive(Clone, Debug)]
pub struct Registration<'a> {
    name: &'a str,
    version: i32,
    diag: bool,
}

impl<'a> Registration<'a> {
    /// A module named `name`: its file is `mods-<name>.so`, its version `sysctl qnx.module.<name>`, its counters
    /// `sysctl qnx.module.<name>_counters`.
    ///
    /// # Panics
    /// When `name` is no C identifier.
    pub fn new(name: &'a str) -> Self {
        let head = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        assert!(
            head && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
            "module name '{name}' is no C identifier"
        );
        Self {
            name,
            version: 1,
            diag: false,
        }
    }

    /// The module's own version (`MODULE_VERSION`); 1 unless told.
    pub fn version(mut self, version: i32) -> Self {
        self.version = version;
        self
    }

    /// For io-sock-diag, which is built with `INVARIANTS` and refuses other modules.
    pub fn diag(mut self, diag: bool) -> Self {
        self.diag = diag;
        self
    }

    /// Compiles the registration into a static library that the calling crate links.
    ///
    /// # Panics
    /// When the compiler fails: a build script's way to fail.
    pub fn compile(self) {
        let file = shim_dir().join("registration.c");
        println!("cargo::rerun-if-changed={}", file.display());
        compiler::kernel(self.diag)
            .define("IOSOCK_MODULE_NAME", self.name)
            .define("IOSOCK_MODULE_VERSION", self.version.to_string().as_str())
            .file(file)
            .compile(&format!("{}_registration", self.name));
    }
}
