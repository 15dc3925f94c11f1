//! `csock_setsockopt`, `csock_getsockopt`: a whitelist, by the platform's own numbers. What is not on it is
//! `ENOPROTOOPT`; nothing is accepted and ignored.

use super::{
    NULL,
    platform::{
        self, IPPROTO_TCP, SO_ERROR, SO_KEEPALIVE, SO_LINGER, SO_RCVBUF, SO_RCVTIMEO, SO_REUSEADDR,
        SO_SNDBUF, SO_SNDTIMEO, SOL_SOCKET, TCP_NODELAY,
    },
    status, table,
};
use crate::{
    error::Error,
    num::{length, short},
    socket::{IntOption, Socket},
    sys::Qnx,
};
use core::{
    ffi::{c_int, c_void},
    time::Duration,
};
use csock_wire::WireErrno;

/// A known option.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Int(IntOption),
    Linger,
    Error,
    RecvTimeout,
    SendTimeout,
}

impl Known {
    fn of(level: c_int, name: c_int) -> Result<Self, Error> {
        let option = match (level, name) {
            (SOL_SOCKET, SO_REUSEADDR) => Known::Int(IntOption::ReuseAddr),
            (SOL_SOCKET, SO_KEEPALIVE) => Known::Int(IntOption::KeepAlive),
            (SOL_SOCKET, SO_SNDBUF) => Known::Int(IntOption::SndBuf),
            (SOL_SOCKET, SO_RCVBUF) => Known::Int(IntOption::RcvBuf),
            (IPPROTO_TCP, TCP_NODELAY) => Known::Int(IntOption::NoDelay),
            (SOL_SOCKET, SO_LINGER) => Known::Linger,
            (SOL_SOCKET, SO_ERROR) => Known::Error,
            (SOL_SOCKET, SO_RCVTIMEO) => Known::RecvTimeout,
            (SOL_SOCKET, SO_SNDTIMEO) => Known::SendTimeout,
            _ => return Err(Error::from_wire(WireErrno::ENOPROTOOPT)),
        };
        Ok(option)
    }

    const fn len(self) -> usize {
        match self {
            Known::Int(_) | Known::Error => 4,
            Known::Linger => 8,
            Known::RecvTimeout | Known::SendTimeout => 16,
        }
    }
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_setsockopt(
    s: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    len: u32,
) -> c_int {
    status((|| {
        let socket = table::get(s)?;
        let option = Known::of(level, name)?;
        let bad_len = Error::Invalid {
            what: "option length",
            value: len.into(),
            allowed: short(option.len()).into(),
        };
        if value.is_null() {
            return Err(NULL);
        }
        if length(len) < option.len() {
            return Err(bad_len);
        }
        // SAFETY: not null, and by the header's contract `len` readable bytes, of which `option.len()` are taken.
        set(&socket, option, unsafe {
            core::slice::from_raw_parts(value.cast::<u8>(), option.len())
        })
    })())
}

fn set(socket: &Socket<Qnx>, option: Known, value: &[u8]) -> Result<(), Error> {
    let word = |at: usize| {
        let bytes = value.get(at..).and_then(|rest| rest.first_chunk::<4>());
        bytes.map_or(0, |bytes| i32::from_ne_bytes(*bytes))
    };
    match option {
        Known::Int(option) => socket.set_int(option, word(0)),
        Known::Linger => {
            let seconds = u64::try_from(word(4)).map_err(|_| Error::Invalid {
                what: "l_linger",
                value: 0,
                allowed: 0,
            })?;
            socket.set_linger((word(0) != 0).then(|| Duration::from_secs(seconds)))
        }
        Known::Error => Err(Error::from_wire(WireErrno::ENOPROTOOPT)),
        Known::RecvTimeout => socket.set_read_timeout(timeout(value)?),
        Known::SendTimeout => socket.set_write_timeout(timeout(value)?),
    }
}

/// The duration of a `struct timeval`; zero is no limit.
fn timeout(value: &[u8]) -> Result<Option<Duration>, Error> {
    let out_of_range = Error::from_wire(WireErrno::EDOM);
    let (seconds, micros) = platform::parse_timeval(value).ok_or(out_of_range)?;
    let seconds = u64::try_from(seconds).map_err(|_| out_of_range)?;
    let micros = u64::try_from(micros)
        .ok()
        .filter(|micros| *micros < 1_000_000)
        .ok_or(out_of_range)?;
    let time = Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros));
    Ok((!time.is_zero()).then_some(time))
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_getsockopt(
    s: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    len: *mut u32,
) -> c_int {
    status((|| {
        let socket = table::get(s)?;
        let option = Known::of(level, name)?;
        if value.is_null() || len.is_null() {
            return Err(NULL);
        }
        // SAFETY: not null, and by the header's contract a socklen_t.
        let room = unsafe { len.read() };
        if length(room) < option.len() {
            let allowed = short(option.len()).into();
            return Err(Error::Invalid {
                what: "option length",
                value: room.into(),
                allowed,
            });
        }
        let bytes = get(&socket, option)?;
        // SAFETY: not null, and by the header's contract as many writable bytes as `*len` says: at least these.
        unsafe {
            value
                .cast::<u8>()
                .copy_from_nonoverlapping(bytes.as_ptr(), option.len())
        };
        // SAFETY: as for the read.
        unsafe { len.write(short(option.len())) };
        Ok(())
    })())
}

/// The option's value, at the start of the bytes.
fn get(socket: &Socket<Qnx>, option: Known) -> Result<[u8; 16], Error> {
    let words = match option {
        Known::Int(option) => [socket.int(option)?, 0],
        Known::Linger => match socket.linger()? {
            None => [0, 0],
            Some(time) => [1, i32::try_from(time.as_secs()).unwrap_or(i32::MAX)],
        },
        Known::Error => [socket.take_error()?.map_or(0, |error| error.raw_os_error()), 0],
        Known::RecvTimeout => {
            return Ok(platform::write_timeval(
                socket.read_timeout()?.unwrap_or_default(),
            ));
        }
        Known::SendTimeout => {
            return Ok(platform::write_timeval(
                socket.write_timeout()?.unwrap_or_default(),
            ));
        }
    };
    let [[a, b, c, d], [e, f, g, h]] = words.map(i32::to_ne_bytes);
    Ok([a, b, c, d, e, f, g, h, 0, 0, 0, 0, 0, 0, 0, 0])
}
