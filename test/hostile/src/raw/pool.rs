//! The pool: memory that the module maps, and where its words lie.

use super::Trouble;
use csock_wire::{
    POOL_HEADER_LEN, PoolHeader, SharedRegion,
    stream::{Area, AreaGeometry, Block},
};
use qnx::{Access, Mapping, Prot, ShmFlags, ShmObject};

/// How a pool is made.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Numbers of the area.
    pub geometry: AreaGeometry,
    /// Bytes behind the area.
    pub data: usize,
}

impl Shape {
    /// For `sockets` sockets, a megabyte of buffers and `data` bytes to send from.
    #[must_use]
    pub const fn of(sockets: u32, data: usize) -> Self {
        Self {
            geometry: AreaGeometry {
                sockets,
                small_count: 128,
                small_len: 2048,
                large_count: 64,
                large_len: 16384,
                reserved: 0,
            },
            data,
        }
    }
}

/// A pool and its mapping.
#[derive(Debug)]
pub struct Pool {
    object: ShmObject,
    /// Kept for as long as `region` is used.
    _mapping: Mapping,
    region: SharedRegion,
    area: Area,
}

impl Pool {
    /// A pool as an honest client makes it.
    pub fn new(shape: &Shape) -> Result<Self, Trouble> {
        Self::with_flags(shape, ShmFlags::ANON | ShmFlags::SEAL)
    }

    /// A pool over an object of any kind.
    pub fn with_flags(shape: &Shape, flags: ShmFlags) -> Result<Self, Trouble> {
        let wrong = |_| Trouble::Wrong("a geometry that is out of range");
        let area = Area::plan(&shape.geometry, usize::MAX >> 1).map_err(wrong)?;
        let len = area
            .data()
            .saturating_add(shape.data)
            .next_multiple_of(POOL_HEADER_LEN);
        let object = ShmObject::with_flags(flags, u64::try_from(len).unwrap_or(u64::MAX))?;
        let mapping = object.map(len, Prot::READ | Prot::WRITE)?;
        // SAFETY: the mapping lives as long as the pool, and nobody makes a reference to its bytes. Whoever maps an object that
        // can vanish does so to see what the module says, and does not touch it afterwards.
        let region = unsafe { SharedRegion::new(mapping.ptr(), len) };
        let area = Area::plan(&shape.geometry, len).map_err(wrong)?;
        let header = PoolHeader {
            size: u64::try_from(len).unwrap_or(u64::MAX),
            data_offset: u64::try_from(area.data()).unwrap_or(u64::MAX),
        };
        header.write(&region).map_err(wrong)?;
        Ok(Self {
            object,
            _mapping: mapping,
            region,
            area,
        })
    }

    /// The memory.
    #[must_use]
    pub fn mem(&self) -> SharedRegion {
        self.region
    }

    /// The layout.
    #[must_use]
    pub fn area(&self) -> &Area {
        &self.area
    }

    /// The object.
    #[must_use]
    pub fn object(&self) -> &ShmObject {
        &self.object
    }

    /// Bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        u64::try_from(self.area.len()).unwrap_or(u64::MAX)
    }

    /// The right of process `pid` to open it once.
    pub fn handle(&self, pid: i32) -> Result<u64, Trouble> {
        Ok(self.object.create_handle(pid, Access::ReadWrite)?.raw())
    }
}

/// Where the words lie that the wire keeps to itself: a liar writes them without asking.
pub mod words {
    use super::{Area, Block, POOL_HEADER_LEN};

    /// The session's line: armed, wanted.
    pub const SESSION: usize = POOL_HEADER_LEN;
    /// The dirty words.
    pub const DIRTY: usize = SESSION + 64;
    /// Words of a block with their offsets; the last two are the first range and the first ready entry.
    pub const BLOCK: &[(&str, usize)] = &[
        ("tail", 0),
        ("ranges", 8),
        ("flush", 16),
        ("head", 64),
        ("entries_taken", 72),
        ("tx_wait", 128),
        ("rx_wait", 136),
        ("limit", 192),
        ("taken", 200),
        ("freed", 208),
        ("ready", 256),
        ("state", 264),
        ("range", 320),
        ("entry", 2368),
    ];

    /// The count of the return ring; its ids lie a line behind it.
    #[must_use]
    pub fn returns(area: &Area) -> usize {
        let sockets = usize::try_from(area.geometry().sockets).unwrap_or(0);
        DIRTY + ((sockets.div_ceil(64) + 1) * 8).next_multiple_of(64)
    }

    /// Offset in the pool of the word `name` of `block`.
    ///
    /// # Panics
    /// For a name that is not in [`BLOCK`].
    #[must_use]
    pub fn of(block: Block, name: &str) -> usize {
        let row = BLOCK.iter().find(|(word, _)| *word == name);
        block.offset() + row.map(|(_, offset)| *offset).expect("a word of a block")
    }
}
