//! What can be said about a request from its bytes alone: reserved fields, flag bits, addresses, options.

use super::bodies::*;
use super::{Body, Kind, WIRE_VERSION};
use crate::errno::WireErrno;
use crate::layout::LAYOUT_HASH;
use crate::refusal::{Field, Refusal};
use crate::sockopt::SockOpt;
use crate::stream::AreaGeometry;

impl Hello {
    /// What this build sends.
    pub const THIS: Hello = Hello {
        min_version: WIRE_VERSION,
        max_version: WIRE_VERSION,
        reserved: 0,
        layout_hash: LAYOUT_HASH,
    };

    /// The version to speak with this client.
    ///
    /// # Errors
    /// `EPROTONOSUPPORT` with field `Version` when the ranges do not meet, or with field `LayoutHash`.
    pub fn negotiate(&self) -> Result<u16, Refusal> {
        let refuse =
            |what, value, allowed| Err(Refusal::new(WireErrno::EPROTONOSUPPORT, what, value, allowed));
        if self.min_version > self.max_version || self.min_version > WIRE_VERSION {
            return refuse(Field::Version, self.min_version.into(), WIRE_VERSION.into());
        }
        if self.max_version < WIRE_VERSION {
            return refuse(Field::Version, self.max_version.into(), WIRE_VERSION.into());
        }
        if self.layout_hash != LAYOUT_HASH {
            return refuse(Field::LayoutHash, self.layout_hash, LAYOUT_HASH);
        }
        Ok(WIRE_VERSION)
    }
}

impl SetSockOpt {
    /// The option, after [`Body::check`]; `None` for one that is not on the list.
    #[must_use]
    pub const fn option(&self) -> Option<SockOpt> {
        SockOpt::from_wire(self.level, self.name)
    }
}

impl GetSockOpt {
    /// The option, after [`Body::check`]; `None` for one that is not on the list.
    #[must_use]
    pub const fn option(&self) -> Option<SockOpt> {
        SockOpt::from_wire(self.level, self.name)
    }
}

fn zero(value: u64) -> Result<(), Refusal> {
    if value == 0 {
        Ok(())
    } else {
        Err(Refusal::new(WireErrno::EINVAL, Field::Reserved, value, 0))
    }
}

fn flags(value: u32, known: u32) -> Result<(), Refusal> {
    if value & !known == 0 {
        Ok(())
    } else {
        Err(Refusal::new(
            WireErrno::EINVAL,
            Field::MsgFlags,
            value.into(),
            known.into(),
        ))
    }
}

/// Level, name and exact length against the whitelist.
fn check_option(level: i32, name: i32, len: u32) -> Result<SockOpt, Refusal> {
    // The bits of a negative number say which it was; no sign on the wire of a refusal.
    let bits = |n: i32| u64::from(u32::from_le_bytes(n.to_le_bytes()));
    let option = SockOpt::from_wire(level, name).ok_or(Refusal::new(
        WireErrno::ENOPROTOOPT,
        Field::OptName,
        bits(name),
        bits(level),
    ))?;
    if len != option.value_len() {
        return Err(Refusal::new(
            WireErrno::EINVAL,
            Field::OptLen,
            len.into(),
            option.value_len().into(),
        ));
    }
    Ok(option)
}

macro_rules! body {
    ($($name:ident -> $reply:ty $(, |$this:ident| $check:block)?;)*) => {
        $(impl Body for $name {
            const KIND: Kind = Kind::$name;
            type Reply = $reply;
            $(fn check(&self) -> Result<(), Refusal> { let $this = self; $check })?
        })*
    };
}

body! {
    Hello -> HelloReply, |this| { zero(this.reserved.into()) };
    PoolAttach -> Empty, |this| {
        zero(this.reserved.into())?;
        if this.number == 0 || this.area == AreaGeometry::default() {
            return Ok(());
        }
        Err(Refusal::new(WireErrno::EINVAL, Field::PoolNumber, this.number.into(), 0))
    };
    Socket -> SocketReply, |this| { zero(u64::from(this.reserved) | u64::from(this.reserved_end)) };
    Bind -> AddrReply, |this| { this.addr.check() };
    Listen -> Empty, |this| { zero(this.reserved.into()) };
    Connect -> ConnectReply, |this| { this.addr.check() };
    Accept -> AcceptReply, |this| { zero(this.reserved.into()) };
    Shutdown -> Empty, |this| {
        zero(this.reserved.into())?;
        if this.how <= Shutdown::BOTH {
            return Ok(());
        }
        Err(Refusal::new(WireErrno::EINVAL, Field::How, this.how.into(), Shutdown::BOTH.into()))
    };
    Close -> Empty;
    GetSockName -> AddrReply;
    GetPeerName -> AddrReply;
    Wait -> WaitReply, |this| {
        zero(this.reserved.into())?;
        if this.events != 0 && Events::KNOWN.contains(Events::from_bits_retain(this.events)) {
            return Ok(());
        }
        let known = Events::KNOWN.bits().into();
        Err(Refusal::new(WireErrno::EINVAL, Field::Events, this.events.into(), known))
    };
    Stats -> StatsReply;
    SetSockOpt -> Empty, |this| {
        zero(this.reserved.into())?;
        let option = check_option(this.level, this.name, this.len)?;
        if !option.settable() {
            let (level, name) = (this.level.unsigned_abs().into(), this.name.unsigned_abs().into());
            return Err(Refusal::new(WireErrno::ENOPROTOOPT, Field::OptName, name, level));
        }
        let used = usize::try_from(this.len).unwrap_or(usize::MAX);
        if this.value.iter().skip(used).any(|byte| *byte != 0) {
            return Err(Refusal::new(WireErrno::EINVAL, Field::OptValue, this.len.into(), 0));
        }
        Ok(())
    };
    GetSockOpt -> OptReply, |this| {
        zero(this.reserved.into())?;
        check_option(this.level, this.name, this.len).map(|_| ())
    };
    PoolDetach -> Empty, |this| { zero(this.reserved.into()) };
    Goodbye -> Empty;
    Send -> SendReply, |this| { flags(this.flags, DONT_WAIT | MORE) };
    Recv -> RecvReply, |this| { flags(this.flags, DONT_WAIT) };
    AddWaiter -> WaiterReply;
    DropWaiter -> Empty, |this| { zero(this.reserved.into()) };
    Watch -> Empty;
    Doorbell -> Empty;
}
