//! `set_modmetadata_set`: which modules a file holds, in which version, and what they need.

use super::{
    abi::{MDT_DEPEND, MDT_MODULE, MDT_VERSION, ModDepend, ModMetadata, ModuleData},
    sets::{self, Bounds},
};
use crate::{error::LoadError, loader::HostSymbols, memory::ModuleMemory};

/// Longest name that is believed.
const NAME_MAX: usize = 255;

/// A module that the file declares (`DECLARE_MODULE`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// Address of its `moduledata_t`, by which its sysinit names it.
    pub data: usize,
    /// Address of its event handler; 0 for none.
    pub handler: usize,
    /// The handler's last argument.
    pub private: usize,
}

/// Another module that the file needs (`MODULE_DEPEND`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Needed {
    /// The other module.
    pub name: String,
    /// Lowest and highest version that would do.
    pub range: (i32, i32),
}

/// All of a file's metadata.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Metadata {
    /// Modules, in the order of the set.
    pub modules: Vec<Declared>,
    /// (name, version) published with `MODULE_VERSION`.
    pub versions: Vec<(String, i32)>,
    /// What must be there before.
    pub needs: Vec<Needed>,
}

impl Metadata {
    /// Reads the set of a mapped module.
    pub fn read(memory: &ModuleMemory, bounds: &Bounds, host: &HostSymbols) -> Result<Self, LoadError> {
        let reader = Reader { memory, host };
        let mut metadata = Self::default();
        for (index, address) in sets::entries(memory, bounds).enumerate() {
            reader.entry(address, &mut metadata).map_err(|what| {
                LoadError::Registration(format!(
                    "set_modmetadata_set, entry {index} at {address:#x}: {what}"
                ))
            })?;
        }
        if metadata.modules.is_empty() {
            return Err(LoadError::Registration(
                "set_modmetadata_set declares no module".to_owned(),
            ));
        }
        Ok(metadata)
    }
}

/// What can be printed and compared: one word of ASCII.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

struct Reader<'a> {
    memory: &'a ModuleMemory,
    host: &'a HostSymbols,
}

impl Reader<'_> {
    fn entry(&self, address: usize, metadata: &mut Metadata) -> Result<(), String> {
        let memory = self.memory;
        let entry: ModMetadata = memory.read(address).ok_or("lies outside the image")?;
        if entry.version != 1 {
            return Err(format!("has version {}; 1 is allowed", entry.version));
        }
        let data = "its data lies outside the image";
        match entry.kind {
            MDT_DEPEND => {
                let depend: ModDepend = memory.read(entry.data).ok_or(data)?;
                let name = self.name(entry.cval)?;
                metadata.needs.push(Needed {
                    name,
                    range: (depend.minimum, depend.maximum),
                });
            }
            MDT_MODULE => metadata.modules.push(self.module(entry.data)?),
            MDT_VERSION => {
                let version: i32 = memory.read(entry.data).ok_or(data)?;
                metadata.versions.push((self.name(entry.cval)?, version));
            }
            // Bus tables and what later kernels add: nothing here depends on them.
            _ => {}
        }
        Ok(())
    }

    fn module(&self, address: usize) -> Result<Declared, String> {
        let data: ModuleData = self
            .memory
            .read(address)
            .ok_or("its moduledata lies outside the image")?;
        let name = self.name(data.name)?;
        let callable =
            data.evhand == 0 || self.memory.executable(data.evhand) || self.host.is_symbol(data.evhand);
        if !callable {
            return Err(format!("the event handler of module {name} is not in code"));
        }
        Ok(Declared {
            name,
            data: address,
            handler: data.evhand,
            private: data.private,
        })
    }

    fn name(&self, address: usize) -> Result<String, String> {
        match self.memory.string(address, NAME_MAX) {
            Some(name) if is_name(&name) => Ok(name),
            _ => Err(format!(
                "its name is empty, not printable, longer than {NAME_MAX} bytes or outside the image"
            )),
        }
    }
}
