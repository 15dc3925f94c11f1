//! Where everything lies in a pool: its header, a session's area, and the number that names the layout of this build.
//!
//! ```text
//! pool (one shared-memory object, created and sealed by the client)
//! 0   magic        u32
//! 4   version      u16
//! 6   reserved     u16
//! 8   layout_hash  u64
//! 16  size         u64
//! 24  data_offset  u64     everything from here on is the client's to carve
//! 32  zero, up to 4096
//! ```
//!
//! The session's first pool has its area between the header and the data ([`Area`](crate::stream::Area)). Geometry is checked
//! once, from private memory, when the pool is attached; nothing in shared memory is believed about it afterwards (S-05).
//! Memory that is all zero is a harmless state: nothing committed, nothing filled (S-17).

pub(crate) mod area;
mod hash;
mod numbers;
mod pool;

pub use hash::LAYOUT_HASH;
pub(crate) use numbers::widen;
pub use numbers::{DATA_ALIGN, GeometryError, POOL_HEADER_LEN, POOL_MAGIC, POOL_VERSION};
pub use pool::PoolHeader;
