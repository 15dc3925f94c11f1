//! Channels: where a server receives.

use core::mem::ManuallyDrop;

use qnx_sys as sys;

use crate::decode::{eok_r, id_r, not_negative, status_r};
use crate::{ChannelFlags, Errno, Event, IoSliceMut, Message, MsgInfo, PULSE_LEN, Pulse, RcvId};

/// A channel of this process. Any of its threads may receive from it, at the same time too.
///
/// Dropping it destroys it: clients that wait on it fail, threads that receive from it get `ESRCH`.
#[derive(Debug)]
pub struct Channel {
    chid: i32,
}

/// `struct nto_channel_config` - the pulses that a channel keeps for itself.
#[derive(Clone, Copy, Debug)]
pub struct PulsePool<'a> {
    /// Entries, allocated at once. Equal pulses that wait share one.
    pub pulses: u32,
    /// After how many free entries the event may be raised again, 0 to `pulses`.
    pub rearm: u32,
    /// Raised when the entries run out. Without it the kernel kills the process.
    pub on_exhausted: &'a Event,
}

/// What one receive brought.
#[derive(Debug)]
#[must_use]
pub enum Received {
    /// A pulse: it needs no answer, and nobody waits for one.
    Pulse(Pulse),
    /// A message; its bytes lie at the start of the buffer, and its sender waits for the answer.
    Message(Message),
}

impl Channel {
    /// `ChannelCreate_r` - makes a channel. Does not block.
    ///
    /// # Errors
    /// `EAGAIN` no more channels; `EPERM` without [`ChannelFlags::PRIVATE`] and the ability PUBLIC_CHANNEL; `EINVAL` unknown flags, or
    /// one that another channel of this process has.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `ChannelCreate()`.
    pub fn create(flags: ChannelFlags) -> Result<Self, Errno> {
        // SAFETY: passes a number.
        let result = unsafe { sys::ChannelCreate_r(flags.bits()) };
        Ok(Self { chid: id_r(result)? })
    }

    /// `ChannelCreatePulsePool` - makes a channel with a pulse pool of its own and an event for when it runs out. Does not block.
    ///
    /// # Errors
    /// Those of [`create`](Channel::create); `EINVAL` for a pool of 0 pulses or `rearm` above `pulses`.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `ChannelCreatePulsePool()`.
    pub fn with_pulse_pool(flags: ChannelFlags, pool: PulsePool<'_>) -> Result<Self, Errno> {
        if pool.pulses == 0 || pool.rearm > pool.pulses {
            return Err(Errno::EINVAL);
        }
        let config = sys::nto_channel_config {
            event: pool.on_exhausted.to_raw(),
            num_pulses: pool.pulses,
            rearm_threshold: pool.rearm,
            options: sys::_NTO_CHO_CUSTOM_EVENT,
            ..Default::default()
        };
        // SAFETY: the kernel reads `config` during the call.
        let result = unsafe { sys::ChannelCreatePulsePool(flags.bits(), &config) };
        Ok(Self {
            chid: not_negative(result)?,
        })
    }

    /// The id that clients connect to.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.chid
    }

    /// `MsgReceive_r` - waits for a message or a pulse. **Blocks**, unless a [`timeout`](crate::timeout()) is armed.
    ///
    /// `buf` has the message at its start, as much as fits; the rest is left alone. The thread takes the sender's priority.
    ///
    /// # Errors
    /// `EINVAL`, without a call, for a buffer under [`PULSE_LEN`] bytes: a pulse would be lost. `EINTR` a signal; `ETIMEDOUT` the
    /// timeout; `ESRCH` the channel is gone.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgReceive()`.
    pub fn receive(&self, buf: &mut [u8]) -> Result<Received, Errno> {
        if buf.len() < PULSE_LEN {
            return Err(Errno::EINVAL);
        }
        let mut info = sys::_msg_info64::default();
        // SAFETY: the kernel writes at most `buf.len()` bytes to `buf` and one `_msg_info64` to `info`; both are ours alone.
        let result = unsafe { sys::MsgReceive_r(self.chid, buf.as_mut_ptr().cast(), buf.len(), &mut info) };
        match received(result)? {
            Some(rcvid) => Ok(Received::Message(Message::new(
                rcvid,
                MsgInfo::received(&info, buf.len()),
            ))),
            None => {
                let pulse = buf.first_chunk::<PULSE_LEN>().ok_or(Errno::EINVAL)?;
                Ok(Received::Pulse(Pulse::from_bytes(pulse)))
            }
        }
    }

    /// `MsgReceivev_r` - as [`receive`](Channel::receive), into several parts, the first of which takes a pulse. **Blocks**.
    ///
    /// # Errors
    /// Those of [`receive`](Channel::receive); `EINVAL`, without a call, when the first part is under [`PULSE_LEN`] bytes.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgReceivev()`.
    pub fn receivev(&self, parts: &mut [IoSliceMut<'_>]) -> Result<Received, Errno> {
        if parts.first().is_none_or(|head| head.len() < PULSE_LEN) {
            return Err(Errno::EINVAL);
        }
        let mut info = sys::_msg_info64::default();
        // SAFETY: the kernel writes to the bytes that `parts` borrow for us alone, at most as many as each has, and to `info`.
        let result = unsafe { sys::MsgReceivev_r(self.chid, IoSliceMut::raw(parts), parts.len(), &mut info) };
        match received(result)? {
            Some(rcvid) => {
                let room = parts
                    .iter()
                    .fold(0_usize, |room, part| room.saturating_add(part.len()));
                Ok(Received::Message(Message::new(
                    rcvid,
                    MsgInfo::received(&info, room),
                )))
            }
            None => {
                let pulse = parts
                    .first()
                    .and_then(|head| head.first_chunk::<PULSE_LEN>())
                    .ok_or(Errno::EINVAL)?;
                Ok(Received::Pulse(Pulse::from_bytes(pulse)))
            }
        }
    }

    /// `MsgReceivePulse_r` - waits for a pulse and leaves messages alone. **Blocks**.
    ///
    /// # Errors
    /// `EINTR` a signal; `ETIMEDOUT` the timeout; `ESRCH` the channel is gone.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgReceivePulse()`.
    pub fn receive_pulse(&self) -> Result<Pulse, Errno> {
        let mut buf = Aligned([0; PULSE_LEN]);
        // SAFETY: the kernel writes one pulse to `buf`; it never writes an info here, so that none is needed.
        let result = unsafe {
            sys::MsgReceivePulse_r(
                self.chid,
                buf.0.as_mut_ptr().cast(),
                PULSE_LEN,
                core::ptr::null_mut(),
            )
        };
        id_r(result)?;
        Ok(Pulse::from_bytes(&buf.0))
    }

    /// The id, without the ownership: nobody destroys the channel then but [`from_raw`](Channel::from_raw) or the process's end.
    #[must_use]
    pub fn into_raw(self) -> i32 {
        ManuallyDrop::new(self).chid
    }

    /// Takes over a channel that was made elsewhere, and destroys it when dropped.
    ///
    /// # Safety
    /// `chid` is a channel of this process that nobody else destroys or will take over.
    #[must_use]
    pub unsafe fn from_raw(chid: i32) -> Self {
        Self { chid }
    }

    /// `ChannelDestroy_r` - destroys the channel now and says how that went. Does not block.
    ///
    /// # Errors
    /// `EINVAL` when it was destroyed behind our back.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `ChannelDestroy()`.
    pub fn destroy(self) -> Result<(), Errno> {
        let chid = self.into_raw();
        // SAFETY: `chid` is ours and nobody can use it through this value any more.
        let result = unsafe { sys::ChannelDestroy_r(chid) };
        eok_r(result)
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        // SAFETY: `chid` is ours; this is its last use.
        let _ = unsafe { sys::ChannelDestroy_r(self.chid) };
    }
}

/// A pulse buffer with the alignment of `struct _pulse`.
#[repr(align(8))]
struct Aligned([u8; PULSE_LEN]);

/// `rcvid_t` of `MsgReceive*_r`, in the order that counts: an error, a pulse, a message. The contents decide nothing: a hostile
/// message may look like a pulse.
fn received(result: sys::rcvid_t) -> Result<Option<RcvId>, Errno> {
    status_r(result).map(RcvId::from_raw)
}
