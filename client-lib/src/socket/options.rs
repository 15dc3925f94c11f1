//! Addresses and options. Options go to the stack; what it refuses is refused (never accepted and ignored).

use super::Socket;
use crate::{
    error::{Error, Fault},
    sys::System,
};
use core::{net::SocketAddr, time::Duration};
use csock_wire::{
    SockOpt, WireErrno,
    msg::{self, GetSockOpt, SetSockOpt},
};

/// An option that is one number. See getsockopt(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntOption {
    ReuseAddr,
    KeepAlive,
    SndBuf,
    RcvBuf,
    NoDelay,
}

impl IntOption {
    const fn wire(self) -> SockOpt {
        match self {
            IntOption::ReuseAddr => SockOpt::ReuseAddr,
            IntOption::KeepAlive => SockOpt::KeepAlive,
            IntOption::SndBuf => SockOpt::SndBuf,
            IntOption::RcvBuf => SockOpt::RcvBuf,
            IntOption::NoDelay => SockOpt::NoDelay,
        }
    }
}

impl<S: System> Socket<S> {
    pub(crate) fn local_addr(&self) -> Result<SocketAddr, Error> {
        self.begin()?;
        let reply = self.core.control(self.id, &msg::GetSockName {})?;
        self.addr_of(&reply.addr)
    }

    /// The peer as it was when the connection was made; asked of the stack only when that is not known.
    pub(crate) fn peer_addr(&self) -> Result<SocketAddr, Error> {
        self.connected_now()?;
        if let Some(peer) = *self.peer.lock() {
            return Ok(peer);
        }
        let reply = self.core.control(self.id, &msg::GetPeerName {})?;
        self.addr_of(&reply.addr)
    }

    pub(crate) fn set_int(&self, option: IntOption, value: i32) -> Result<(), Error> {
        self.set(option.wire(), [value, 0])
    }

    pub(crate) fn int(&self, option: IntOption) -> Result<i32, Error> {
        self.get(option.wire()).map(|[value, _]| value)
    }

    /// `SO_LINGER`, whole seconds; `None` is off.
    pub(crate) fn set_linger(&self, linger: Option<Duration>) -> Result<(), Error> {
        let words = match linger {
            None => [0, 0],
            Some(time) => [1, i32::try_from(time.as_secs()).unwrap_or(i32::MAX)],
        };
        self.set(SockOpt::Linger, words)
    }

    pub(crate) fn linger(&self) -> Result<Option<Duration>, Error> {
        let [on, seconds] = self.get(SockOpt::Linger)?;
        Ok((on != 0).then(|| Duration::from_secs(u64::try_from(seconds).unwrap_or(0))))
    }

    /// `SO_ERROR`: the pending error, which is then no longer pending.
    pub(crate) fn take_error(&self) -> Result<Option<Error>, Error> {
        let [error, _] = self.get(SockOpt::Error)?;
        match u16::try_from(error) {
            Ok(0) => Ok(None),
            Ok(error) => Ok(self.tell(WireErrno(error))),
            Err(_) => {
                let value = u64::from(u32::from_le_bytes(error.to_le_bytes()));
                Err(self.core.fault(Fault::Reply {
                    what: "SO_ERROR",
                    value,
                }))
            }
        }
    }

    fn set(&self, option: SockOpt, words: [i32; 2]) -> Result<(), Error> {
        self.begin()?;
        let after = self.tx.with(|tx| tx.tail())?;
        let (level, name) = option.to_wire();
        let len = option.value_len();
        let [[a, b, c, d], [e, f, g, h]] = words.map(i32::to_le_bytes);
        let value = [a, b, c, d, e, f, g, h, 0, 0, 0, 0, 0, 0, 0, 0];
        self.core.control(
            self.id,
            &SetSockOpt {
                level,
                name,
                len,
                reserved: 0,
                after,
                value,
            },
        )?;
        Ok(())
    }

    fn get(&self, option: SockOpt) -> Result<[i32; 2], Error> {
        self.begin()?;
        let (level, name) = option.to_wire();
        let len = option.value_len();
        let reply = self.core.control(
            self.id,
            &GetSockOpt {
                level,
                name,
                len,
                reserved: 0,
            },
        )?;
        if reply.len != len {
            return Err(self.core.fault(Fault::Reply {
                what: "option length",
                value: reply.len.into(),
            }));
        }
        let [a, b, c, d, e, f, g, h, ..] = reply.value;
        Ok([i32::from_le_bytes([a, b, c, d]), i32::from_le_bytes([e, f, g, h])])
    }
}
