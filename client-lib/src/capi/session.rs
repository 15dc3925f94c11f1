//! `csock_session_*`, `csock_config_init`, `csock_stats`.

use super::{NULL, status};
use crate::{
    config::Config,
    error::Error,
    num::{length, widen},
    session::Session,
};
use alloc::boxed::Box;
use core::{
    ffi::{CStr, c_char, c_int},
    time::Duration,
};
use csock_wire::Counters;

/// `csock_session_t`: opaque to C.
#[derive(Debug)]
pub struct CsockSession(pub(super) Session);

/// `csock_config_t`. 0 in a field means the default.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CsockConfig {
    size: u32,
    max_sockets: u32,
    pool_bytes: u64,
    rx_small: u32,
    rx_small_len: u32,
    rx_large: u32,
    rx_large_len: u32,
    tx_piece: u32,
    spin: u32,
    control_timeout_ms: u32,
    server_uid: u32,
}

/// `csock_client_counters_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CsockClientCounters {
    tx_bytes: u64,
    tx_bytes_copied: u64,
    tx_bytes_by_message: u64,
    rx_bytes: u64,
    rx_bytes_copied: u64,
    rx_bytes_by_message: u64,
    doorbells_sent: u64,
    doorbell_msgs: u64,
    doorbells_suppressed: u64,
    control_msgs: u64,
    waits: u64,
    sleeps: u64,
    false_wakes: u64,
}

/// `csock_stats_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CsockStats {
    mine: Counters,
    total: Counters,
    client: CsockClientCounters,
}

// The header asserts the same numbers.
const _: () = assert!(size_of::<CsockConfig>() == 48 && size_of::<CsockStats>() == 488);
const _: () = assert!(core::mem::offset_of!(CsockConfig, control_timeout_ms) == 40);
const _: () = assert!(core::mem::offset_of!(CsockStats, total) == 192);
const _: () = assert!(core::mem::offset_of!(CsockStats, client) == 384);

impl CsockConfig {
    /// The settings of a program that may be older (its structure is shorter: the rest is default) or newer than this library
    /// (its structure is longer: what this library does not know must be 0).
    fn read(from: *const CsockConfig) -> Result<Self, Error> {
        // SAFETY: not null, and by the header's contract a csock_config_t of some version: all begin with the size.
        let size = length(unsafe { from.cast::<u32>().read() });
        let bad = |value| Error::Invalid {
            what: "size",
            value: widen(value),
            allowed: widen(size_of::<Self>()),
        };
        // One page: more is no structure of settings.
        if !(size_of::<u32>()..=4096).contains(&size) {
            return Err(bad(size));
        }
        // SAFETY: by the header's contract `size` readable bytes.
        let bytes = unsafe { core::slice::from_raw_parts(from.cast::<u8>(), size) };
        let (known, unknown) = bytes.split_at_checked(size_of::<Self>()).unwrap_or((bytes, &[]));
        if unknown.iter().any(|byte| *byte != 0) {
            return Err(bad(size));
        }
        let mut config = Self::default();
        let to = (&raw mut config).cast::<u8>();
        // SAFETY: `known` is at most as long as a `CsockConfig`, whose fields are numbers: any bytes will do.
        unsafe { to.copy_from_nonoverlapping(known.as_ptr(), known.len()) };
        Ok(config)
    }

    fn to_config(self) -> Result<Config, Error> {
        let or = |value: u32, default: u32| if value == 0 { default } else { value };
        let base = Config::DEFAULT;
        let pool_bytes = usize::try_from(self.pool_bytes).map_err(|_| Error::Invalid {
            what: "pool_bytes",
            value: self.pool_bytes,
            allowed: widen(usize::MAX),
        })?;
        Ok(Config {
            pool_bytes: if pool_bytes == 0 {
                base.pool_bytes
            } else {
                pool_bytes
            },
            max_sockets: or(self.max_sockets, base.max_sockets),
            rx_small: or(self.rx_small, base.rx_small),
            rx_small_len: or(self.rx_small_len, base.rx_small_len),
            rx_large: or(self.rx_large, base.rx_large),
            rx_large_len: or(self.rx_large_len, base.rx_large_len),
            tx_piece: or(self.tx_piece, base.tx_piece),
            spin: self.spin,
            control_timeout: match self.control_timeout_ms {
                0 => base.control_timeout,
                ms => Some(Duration::from_millis(ms.into())),
            },
            server_uid: Some(self.server_uid).filter(|uid| *uid != 0),
        })
    }
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_config_init(config: *mut CsockConfig) {
    if config.is_null() {
        return;
    }
    let fresh = CsockConfig {
        size: u32::try_from(size_of::<CsockConfig>()).unwrap_or(0),
        ..CsockConfig::default()
    };
    // SAFETY: not null, and by the header's contract a writable csock_config_t.
    unsafe { config.write(fresh) };
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_session_open(
    path: *const c_char,
    config: *const CsockConfig,
    session: *mut *mut CsockSession,
) -> c_int {
    status((|| {
        if session.is_null() {
            return Err(NULL);
        }
        let path = if path.is_null() {
            None
        } else {
            // SAFETY: not null, and by the header's contract a C string.
            let path = unsafe { CStr::from_ptr(path) };
            let bad = |e: core::str::Utf8Error| Error::Invalid {
                what: "path",
                value: widen(e.valid_up_to()),
                allowed: 0,
            };
            Some(path.to_str().map_err(bad)?)
        };
        let config = if config.is_null() {
            Config::DEFAULT
        } else {
            CsockConfig::read(config)?.to_config()?
        };
        let opened = match path {
            Some(path) => Session::connect_to(path, config)?,
            None => Session::connect_with(config)?,
        };
        let opened = Box::new(CsockSession(opened));
        // SAFETY: not null, and by the header's contract a place for a pointer.
        unsafe { session.write(Box::into_raw(opened)) };
        Ok(())
    })())
}

/// The session behind a pointer from C, for the time of a call.
pub(super) fn session<'a>(session: *const CsockSession) -> Result<&'a Session, Error> {
    // SAFETY: null, or by the header's contract a session that is open and stays so during the call.
    unsafe { session.as_ref() }.map(|session| &session.0).ok_or(NULL)
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_session_close(session: *mut CsockSession) -> c_int {
    if !session.is_null() {
        // SAFETY: by the header's contract from csock_session_open, and closed once.
        drop(unsafe { Box::from_raw(session) });
    }
    0
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_session_check(session: *const CsockSession) -> c_int {
    status(self::session(session).and_then(Session::check))
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_stats(session: *const CsockSession, stats: *mut CsockStats, size: usize) -> c_int {
    status((|| {
        if stats.is_null() {
            return Err(NULL);
        }
        let all = self::session(session)?.stats()?;
        let client = CsockClientCounters {
            tx_bytes: all.client.tx_bytes,
            tx_bytes_copied: all.client.tx_bytes_copied,
            tx_bytes_by_message: all.client.tx_bytes_by_message,
            rx_bytes: all.client.rx_bytes,
            rx_bytes_copied: all.client.rx_bytes_copied,
            rx_bytes_by_message: all.client.rx_bytes_by_message,
            doorbells_sent: all.client.doorbells_sent,
            doorbell_msgs: all.client.doorbell_msgs,
            doorbells_suppressed: all.client.doorbells_suppressed,
            control_msgs: all.client.control_msgs,
            waits: all.client.waits,
            sleeps: all.client.sleeps,
            false_wakes: all.client.false_wakes,
        };
        let all = CsockStats {
            mine: all.mine,
            total: all.total,
            client,
        };
        let (from, to) = ((&raw const all).cast::<u8>(), stats.cast::<u8>());
        let known = size.min(size_of::<CsockStats>());
        // SAFETY: not null, and by the header's contract `size` writable bytes, of which these are the first.
        unsafe { to.copy_from_nonoverlapping(from, known) };
        // SAFETY: as above: the rest, of a program that is newer than this library.
        unsafe { to.wrapping_add(known).write_bytes(0, size.saturating_sub(known)) };
        Ok(())
    })())
}
