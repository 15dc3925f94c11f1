//! The structures and numbers that C programs share with the library: `sys/resmgr.h`, `sys/iofunc.h`, `sys/dispatch.h`,
//! `qnx/io_messages.h`, `devctl.h`.

use core::cell::Cell;
use core::ffi::{c_int, c_uint, c_void};

use libc::iovec;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::types::{ClientInfo, MsgInfo, RcvId};

/// A handler of connect messages: context, message, handle, extra.
pub type ConnectHandler = unsafe extern "C" fn(*mut Context, *mut c_void, *mut c_void, *mut c_void) -> c_int;
/// A handler of the rest: context, message, open control block.
pub type IoHandler = unsafe extern "C" fn(*mut Context, *mut c_void, *mut c_void) -> c_int;
/// A function given to message_attach or pulse_attach.
pub type Function = unsafe extern "C" fn(*mut Context, c_int, c_uint, *mut c_void) -> c_int;
/// `other_func` of [`Attributes`].
pub type OtherFunction = unsafe extern "C" fn(*mut Context, *mut c_void) -> c_int;

/// `resmgr_context_t`, which is also `message_context_t` and `dispatch_context_t`.
#[repr(C)]
#[allow(missing_docs)]
pub struct Context {
    pub rcvid: RcvId,
    pub info: MsgInfo,
    pub msg: *mut u8,
    pub dpp: *mut c_void,
    pub id: c_int,
    pub extra: *mut c_void,
    pub msg_max_size: usize,
    pub status: i64,
    pub offset: usize,
    pub size: usize,
    /// As many as the context was made with.
    pub iov: [iovec; 1],
}

/// `resmgr_connect_funcs_t`: `nfuncs` and that many of the functions.
#[repr(C)]
pub struct ConnectFuncs {
    /// How many follow.
    pub nfuncs: c_uint,
    /// A message's place is its subtype less [`CONNECT_OPEN`].
    pub funcs: [Option<ConnectHandler>; CONNECT_NFUNCS],
}

/// `resmgr_io_funcs_t`: `nfuncs` and that many of the functions.
#[repr(C)]
pub struct IoFuncs {
    /// How many follow.
    pub nfuncs: c_uint,
    /// A message's place is its type less [`IO_READ`].
    pub funcs: [Option<IoHandler>; IO_NFUNCS],
}

/// `_RESMGR_CONNECT_NFUNCS`.
pub const CONNECT_NFUNCS: usize = 8;
/// `_RESMGR_IO_NFUNCS`.
pub const IO_NFUNCS: usize = 33;

/// Places in [`IoFuncs`].
#[allow(missing_docs)]
pub mod io {
    pub const READ: usize = 0;
    pub const WRITE: usize = 1;
    pub const CLOSE_OCB: usize = 2;
    pub const STAT: usize = 3;
    pub const DEVCTL: usize = 5;
    pub const UNBLOCK: usize = 6;
    pub const LSEEK: usize = 8;
    pub const CHMOD: usize = 9;
    pub const CHOWN: usize = 10;
    pub const RESERVED: usize = 19;
    pub const CLOSE_DUP: usize = 21;
    pub const LOCK_OCB: usize = 22;
    pub const UNLOCK_OCB: usize = 23;
    pub const SYNC: usize = 24;
    pub const PAUSE: usize = 27;
    pub const UNPAUSE: usize = 28;
    pub const READ64: usize = 29;
    pub const WRITE64: usize = 30;
}

/// Places in [`ConnectFuncs`].
#[allow(missing_docs)]
pub mod connect {
    pub const OPEN: usize = 0;
    pub const UNBLOCK: usize = 6;
}

macro_rules! table {
    ($table:ident, $handler:ident) => {
        impl $table {
            /// A function of the program's table, which may be shorter than ours.
            ///
            /// # Safety
            /// `table` null, or a table with `nfuncs` functions.
            pub unsafe fn get(table: *const $table, index: usize) -> Option<$handler> {
                if table.is_null() {
                    return None;
                }
                // SAFETY: the count is the first member of any table.
                let count = unsafe { (*table).nfuncs } as usize;
                if index >= count {
                    return None;
                }
                // SAFETY: the place lies inside the program's table, whatever its length.
                let place = unsafe {
                    (&raw const (*table).funcs)
                        .cast::<Option<$handler>>()
                        .add(index)
                };
                // SAFETY: as above; null is `None`.
                unsafe { place.read() }
            }
        }
    };
}
table!(ConnectFuncs, ConnectHandler);
table!(IoFuncs, IoHandler);

/// `resmgr_attr_t`; `message_attr_t` begins alike.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct Attributes {
    pub flags: c_uint,
    pub nparts_max: c_uint,
    pub msg_max_size: usize,
    pub other_func: Option<OtherFunction>,
    pub reserved: [c_uint; 4],
}

/// The part that `message_attr_t` has.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct MessageAttributes {
    pub flags: c_uint,
    pub nparts_max: c_uint,
    pub msg_max_size: usize,
}

/// `iofunc_ocb_t`.
#[repr(C)]
#[allow(missing_docs)]
pub struct Ocb {
    pub attr: *mut Attr,
    pub ioflag: i32,
    pub offset: i64,
    pub sflag: u16,
    pub flags: u16,
    pub reserved: *mut c_void,
}

/// `iofunc_attr_t`. Cells, since other threads wait for the lock inside while its owner changes the rest.
#[repr(C)]
#[allow(missing_docs)]
pub struct Attr {
    pub mount: Cell<*mut Mount>,
    pub mmap_list: Cell<*mut c_void>,
    pub lock_list: Cell<*mut c_void>,
    pub acl: Cell<*mut c_void>,
    pub lock: super::attr_lock::AttrLock,
    pub flags: Cell<u32>,
    pub count: Cell<u16>,
    pub rcount: Cell<u16>,
    pub wcount: Cell<u16>,
    pub rlocks: Cell<u16>,
    pub wlocks: Cell<u16>,
    pub reserved: Cell<u16>,
    pub nbytes: Cell<i64>,
    pub inode: Cell<u64>,
    pub uid: Cell<i32>,
    pub gid: Cell<i32>,
    pub mtime: Cell<i64>,
    pub atime: Cell<i64>,
    pub ctime: Cell<i64>,
    pub mode: Cell<u32>,
    pub nlink: Cell<u32>,
    pub rdev: Cell<u32>,
    pub mtime_ns: Cell<u32>,
    pub atime_ns: Cell<u32>,
    pub ctime_ns: Cell<u32>,
}

/// `iofunc_mount_t`.
#[repr(C)]
#[allow(missing_docs)]
pub struct Mount {
    pub flags: u32,
    pub conf: u32,
    pub dev: u32,
    pub blocksize: i32,
    pub funcs: *const OcbFuncs,
    pub power: *mut c_void,
    pub size: usize,
    pub ext_flags: u32,
    pub timeres: u32,
    pub reserved: [u64; 4],
}

/// `iofunc_funcs_t`.
#[repr(C)]
#[allow(missing_docs)]
pub struct OcbFuncs {
    pub nfuncs: c_uint,
    pub ocb_calloc: Option<unsafe extern "C" fn(*mut Context, *mut Attr) -> *mut Ocb>,
    pub ocb_free: Option<unsafe extern "C" fn(*mut Ocb)>,
}

macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[repr(C)]
            #[derive(Clone, Copy, Default, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
            #[allow(missing_docs)]
            pub struct $name { $(pub $field: $type),* }
        )*
    };
}

messages! {
    /// `struct _io_connect` without its path.
    IoConnect {
        kind: u16, subtype: u16, file_type: u32, reply_max: u16, entry_max: u16, key: u32, handle: u32, ioflag: u32,
        mode: u32, sflag: u16, access: u16, zero: u16, path_len: u16, eflag: u8, extra_type: u8, extra_len: u16,
    }
    /// `struct _io_read`, `struct _io_write`, and their 64-bit forms.
    IoTransfer { kind: u16, combine_len: u16, nbytes: u32, xtype: u32, nbytes_hi: u32 }
    /// `struct _io_lseek`.
    IoLseek { kind: u16, combine_len: u16, whence: i16, zero: u16, offset: u64 }
    /// `struct _io_devctl`.
    IoDevctl { kind: u16, combine_len: u16, dcmd: i32, nbytes: u32, zero: i32 }
    /// `struct _io_devctl_reply`.
    IoDevctlReply { zero: u32, ret_val: i32, nbytes: u32, zero2: i32 }
    /// `struct _io_stat`, `struct _io_chmod`, `struct _io_sync`: one word after the type.
    IoWord { kind: u16, combine_len: u16, word: u32 }
    /// `struct _io_chown`.
    IoChown { kind: u16, combine_len: u16, gid: i32, uid: i32 }
    /// `struct _io_close`.
    IoClose { kind: u16, combine_len: u16 }
}

/// `struct _io_dup`.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)]
pub struct IoDup {
    pub kind: u16,
    pub combine_len: u16,
    pub reserved: u32,
    pub info: MsgInfo,
    pub reserved2: u32,
    pub key: u32,
}

macro_rules! numbers {
    ($($name:ident: $type:ty = $value:expr;)*) => {
        $(#[allow(missing_docs)] pub const $name: $type = $value;)*
    };
}

numbers! {
    IO_CONNECT: u16 = 0x100;
    IO_READ: u16 = 0x101;
    IO_WRITE: u16 = 0x102;
    IO_STAT: u16 = 0x104;
    IO_DEVCTL: u16 = 0x106;
    IO_LSEEK: u16 = 0x109;
    IO_CHMOD: u16 = 0x10A;
    IO_CHOWN: u16 = 0x10B;
    IO_DUP: u16 = 0x115;
    IO_CLOSE: u16 = 0x116;
    IO_SYNC: u16 = 0x119;
    IO_READ64: u16 = 0x11E;
    IO_WRITE64: u16 = 0x11F;
    IO_MAX: u16 = 0x1FF;

    CONNECT_COMBINE: u16 = 0;
    CONNECT_COMBINE_CLOSE: u16 = 1;
    CONNECT_OPEN: u16 = 2;
    CONNECT_RSVD_UNBLOCK: u16 = 8;
    CONNECT_MOUNT: u16 = 9;
    EFLAG_DIR: u8 = 1;

    IO_FLAG_RD: u32 = 1;
    IO_FLAG_WR: u32 = 2;
    IO_FLAG_EX: u32 = 4;
    IO_FLAG_MASK: u32 = 7;

    XTYPE_NONE: u32 = 0;
    XTYPE_OFFSET: u32 = 5;
    XFLAG_NONBLOCK: u32 = 0x4000;
    XFLAG_BLOCK: u32 = 0x8000;

    RESMGR_NOREPLY: c_int = c_int::MIN;
    RESMGR_DEFAULT: c_int = c_int::MIN + 1;

    RESMGR_FLAG_ATTACH_OTHERFUNC: c_uint = 2;
    RESMGR_FLAG_ATTACH_LOCAL: c_uint = 4;

    FLAG_BEFORE: c_uint = 0x1;
    FLAG_AFTER: c_uint = 0x2;
    FLAG_OPAQUE: c_uint = 0x4;
    FLAG_FTYPEONLY: c_uint = 0x8;
    FLAG_FTYPEALL: c_uint = 0x10;
    FLAG_DIR: c_uint = 0x100;
    FLAG_SELF: c_uint = 0x200;

    DETACH_PATHNAME: c_uint = 1;
    DETACH_CLOSE: c_uint = 2;

    FTYPE_ANY: c_int = 0;

    MSG_FLAG_ALLOC_PULSE: c_int = 2;
    MSG_FLAG_DEFAULT_FUNC: c_uint = 0x100;
    MSG_FLAG_SIDE_CHANNEL: c_int = 0x200;

    ATTR_MTIME: u32 = 0x1;
    ATTR_ATIME: u32 = 0x2;
    ATTR_CTIME: u32 = 0x4;
    ATTR_DIRTY_SIZE: u32 = 0x10;
    ATTR_DIRTY_OWNER: u32 = 0x20;
    ATTR_DIRTY_TIME: u32 = 0x40;
    ATTR_DIRTY_MODE: u32 = 0x80;
    OCB_PRIVILEGED: u16 = 1;

    S_IFMT: u32 = 0xF000;
    S_IFDIR: u32 = 0x4000;
    S_IFREG: u32 = 0x8000;
    S_IFIFO: u32 = 0x1000;
    S_IFSOCK: u32 = 0xC000;
    S_ISUID: u32 = 0o4000;

    DEVDIR_TO: u32 = 0x8000_0000;
    DEVDIR_FROM: u32 = 0x4000_0000;
    DCMD_ALL_GETFLAGS: u32 = 0x4004_0101;
    DCMD_ALL_SETFLAGS: u32 = 0x8004_0102;
    DCMD_ALL_GETMOUNTFLAGS: u32 = 0x4004_0103;
}

const _: () = {
    use core::mem::offset_of;
    assert!(
        offset_of!(Context, info) == 8 && offset_of!(Context, msg) == 72 && offset_of!(Context, id) == 88
    );
    assert!(
        offset_of!(Context, status) == 112 && offset_of!(Context, iov) == 136 && size_of::<Context>() == 152
    );
    assert!(size_of::<IoFuncs>() == 8 + 8 * IO_NFUNCS && size_of::<ConnectFuncs>() == 8 + 8 * CONNECT_NFUNCS);
    assert!(size_of::<Attr>() == 128 && offset_of!(Attr, nbytes) == 56 && offset_of!(Attr, mode) == 104);
    assert!(size_of::<Ocb>() == 40 && offset_of!(Ocb, offset) == 16);
    assert!(size_of::<Mount>() == 80 && offset_of!(Mount, funcs) == 16);
    assert!(size_of::<IoConnect>() == 40 && size_of::<IoTransfer>() == 16 && size_of::<IoDup>() == 80);
    assert!(size_of::<IoDevctl>() == 16 && size_of::<IoDevctlReply>() == 16 && size_of::<IoLseek>() == 16);
    assert!(size_of::<ClientInfo>() == 76);
};
