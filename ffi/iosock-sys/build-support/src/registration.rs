//! Compiles `registration.c` for one module.

use crate::{Group, compiler, shim_dir, values};
use std::{env, fs, path::PathBuf};

/// How a module presents itself to io-sock. Everything a linker set needs is made by [`Registration::compile`].
///
/// The module's crate then calls `iosock::register_module!`, which defines the functions that the C file calls.
#[derive(Clone, Debug)]
pub struct Registration<'a> {
    name: &'a str,
    version: i32,
    diag: bool,
    groups: Vec<Group>,
}

impl<'a> Registration<'a> {
    /// A module named `name`: its file is `mods-<name>.so`, its sysctls hang below `qnx.module.<name>`.
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
            groups: Vec::new(),
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

    /// A node with values below the module's own. The module answers them by number (`iosock::Module::value`), counted through
    /// all groups, and finds their names in `iosock_module_values.rs` in its `OUT_DIR`.
    pub fn group(mut self, group: Group) -> Self {
        self.groups.push(group);
        self
    }

    /// Compiles the registration into a static library that the calling crate links.
    ///
    /// # Panics
    /// When the compiler fails: a build script's way to fail.
    pub fn compile(self) {
        let file = shim_dir().join("registration.c");
        println!("cargo::rerun-if-changed={}", file.display());
        let out = PathBuf::from(env::var_os("OUT_DIR").expect("this runs in a build script"));
        let write = |name: &str, text: String| fs::write(out.join(name), text).expect("OUT_DIR is writable");
        write("iosock_module_values.h", values::header(&self.groups));
        write("iosock_module_values.rs", values::names(&self.groups));
        compiler::kernel(self.diag)
            .include(out)
            .define("IOSOCK_MODULE_NAME", self.name)
            .define("IOSOCK_MODULE_VERSION", self.version.to_string().as_str())
            .file(file)
            .compile(&format!("{}_registration", self.name));
    }
}
