//! Channels: `docs/qnx-ipc.md` 2.

use core::ffi::{c_int, c_uint};

use super::calls;
use crate::channels;
use crate::errno::{EOK, Errno};
use crate::types::ChannelConfig;

calls! {
    SYMBOLS;

    /// `ChannelCreate()`: a channel of this process; its id.
    fn [ChannelCreate] [ChannelCreate_r] (flags: c_uint) -> c_int = negative {
        channels::create(flags, None)
    }

    /// `ChannelCreatePulsePool()`: a channel whose pulses come from a private pool.
    fn [ChannelCreatePulsePool] [ChannelCreatePulsePool_r]
    (flags: c_uint, config: *const ChannelConfig) -> c_int = negative {
        // SAFETY: the caller's structure or null.
        let config = unsafe { config.as_ref() }.ok_or(Errno::EINVAL)?;
        channels::create(flags, Some(config))
    }

    /// `ChannelDestroy()`: receivers leave with ESRCH, clients too; later sends fail with EBADF.
    fn [ChannelDestroy] [ChannelDestroy_r] (chid: c_int) -> c_int = positive {
        channels::destroy(chid).map(|()| EOK)
    }
}
