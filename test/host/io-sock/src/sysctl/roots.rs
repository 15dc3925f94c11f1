//! The nodes that io-sock has before any module: exported as C symbols, since modules name them as parents.

use super::oid::{RD, SysctlOid};
use crate::symbols::Symbol;
use iosock_kpi::layout::SYSCTL_LINK;
use std::sync::OnceLock;

/// One node: its name in full. The C symbol of `a.b` is `sysctl___a_b`.
const NODES: &[&str] = &[
    "kern",
    "kern.ipc",
    "vm",
    "vfs",
    "net",
    "net.inet",
    "net.inet.ip",
    "net.inet.tcp",
    "net.inet.udp",
    "net.inet6",
    "net.isr",
    "net.link",
    "net.link.generic",
    "debug",
    "hw",
    "machdep",
    "user",
    "security",
    "dev",
    "qnx",
    "qnx.module",
    "qnx.driver",
    "qnx.pool",
];

/// `CTLTYPE_NODE`.
const NODE: u32 = 1;

/// A node's name and the address of its oid.
#[derive(Clone, Debug)]
pub struct Root {
    /// Full name.
    pub path: &'static str,
    /// Address of its `struct sysctl_oid`.
    pub oid: usize,
}

/// All nodes. Their oids live as long as the process.
pub fn all() -> &'static [Root] {
    static ROOTS: OnceLock<Vec<Root>> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let root = |path: &&'static str| {
            let oid: &'static mut SysctlOid = Box::leak(Box::new(SysctlOid {
                kind: RD | NODE,
                ..ZERO
            }));
            Root {
                path,
                oid: std::ptr::from_mut(oid).expose_provenance(),
            }
        };
        NODES.iter().map(root).collect()
    })
}

const ZERO: SysctlOid = SysctlOid {
    children: 0,
    parent: 0,
    link: [0; SYSCTL_LINK],
    number: 0,
    kind: 0,
    arg1: 0,
    arg2: 0,
    name: 0,
    handler: 0,
    format: 0,
    refcnt: 1,
    running: 0,
    description: 0,
    label: 0,
};

/// The head of the list of root nodes, `sysctl__children`: the parent of a module's own root node.
pub fn head() -> usize {
    static HEAD: OnceLock<usize> = OnceLock::new();
    *HEAD.get_or_init(|| std::ptr::from_mut(Box::leak(Box::new(0_usize))).expose_provenance())
}

/// The nodes as symbols.
pub fn symbols() -> Vec<Symbol> {
    let symbol = |root: &Root| (format!("sysctl___{}", root.path.replace('.', "_")), root.oid);
    all()
        .iter()
        .map(symbol)
        .chain([("sysctl__children".to_owned(), head())])
        .collect()
}
