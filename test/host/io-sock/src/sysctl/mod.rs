//! sysctl(9): values that modules publish.
//!
//! | File | What |
//! |---|---|
//! | `oid.rs` | `struct sysctl_oid`, kinds and flags |
//! | `roots.rs` | the nodes that modules hang theirs below, exported as C symbols |
//! | `set.rs` | a file's sysctls, checked |
//! | `tree.rs` | which oids there are, by name |
//! | `request.rs` | one call of a handler |
//! | `value.rs` | bytes to text and back |
//! | `handlers.rs` | `sysctl_handle_int` and its like, exported to modules |

mod error;
mod handlers;
mod oid;
mod request;
mod roots;
mod set;
mod tree;
mod value;

pub use error::Error;
pub use oid::SysctlOid;
pub use tree::{OidId, Tree};

use crate::symbols::Symbol;

/// The handlers and root nodes that modules import.
pub fn symbols() -> Vec<Symbol> {
    let mut symbols = handlers::symbols();
    symbols.extend(roots::symbols());
    symbols
}
