//! Modules: from a mapped file to a running module and back.
//!
//! | File | Step (FreeBSD's order, which io-sock follows) |
//! |---|---|
//! | `version.rs` | does it fit this io-sock |
//! | `sets.rs` | where its linker sets are |
//! | `metadata.rs` | which modules it declares and needs |
//! | `sysinit.rs` | what to call, in which order |
//! | `load.rs` | all of it, and `MOD_LOAD` |
//! | `unload.rs` | `MOD_QUIESCE`, `MOD_UNLOAD`, and the way back |
//! | `registry.rs` | what is loaded |

pub mod abi;
mod load;
mod metadata;
mod registry;
mod sets;
mod sysinit;
mod unload;
pub mod version;

pub use load::register_init;
pub use metadata::{Declared, Metadata, Needed, is_name};
pub use registry::{File, ModuleState, Registry};
pub use sets::Sets;
pub use unload::Force;
