//! The sysctl set of a mapped file, checked.

use super::{
    OidId,
    oid::{self, SysctlOid, Type},
};
use crate::{
    error::LoadError,
    kernel::Kernel,
    module::{File, is_name},
};

/// Longest name of one oid that is believed.
const NAME_MAX: usize = 255;
/// Longest description that is shown.
const DESCRIPTION_MAX: usize = 1024;

/// An oid of a file.
pub(super) struct FileOid {
    pub address: OidId,
    pub name: String,
    /// Empty: it has none.
    pub description: String,
    pub oid: SysctlOid,
}

impl File {
    /// The file's sysctl set, checked, with numbers given.
    pub(super) fn sysctl_oids(&self, kernel: &Kernel) -> Result<Vec<FileOid>, LoadError> {
        let memory = self.mapped.memory();
        let mut oids = Vec::new();
        for (number, address) in (oid::AUTO_START..).zip(self.sets.sysctl_entries(memory)) {
            let bad = |what: &str| LoadError::Registration(format!("sysctl_oid at {address:#x} {what}"));
            let oid: SysctlOid = memory
                .read(address)
                .ok_or_else(|| bad("lies outside the image"))?;
            if !memory.writable(address, size_of::<SysctlOid>()) {
                return Err(bad("lies in memory that is not writable; io-sock writes it"));
            }
            let name = memory.string(oid.name, NAME_MAX).filter(|name| is_name(name));
            let name = name.ok_or_else(|| bad("has no printable name"))?;
            let kind = Type::of(oid.kind)
                .ok_or_else(|| bad(&format!("({name}) has the unknown kind {:#x}", oid.kind)))?;
            let callable = memory.executable(oid.handler) || kernel.symbols.is_symbol(oid.handler);
            if kind != Type::Node && !callable {
                return Err(bad(&format!("({name}) has a handler that is not in code")));
            }
            if oid.number == oid::OID_AUTO {
                memory.write(address + oid::NUMBER_AT, number);
            }
            let description = memory.string(oid.description, DESCRIPTION_MAX);
            oids.push(FileOid {
                address,
                name,
                description: description.unwrap_or_default(),
                oid,
            });
        }
        Ok(oids)
    }
}
