//! Pulses: small messages that wait for no answer.

use core::ffi::c_int;

use qnx_sys as sys;

use crate::{RcvId, ScoId};

/// The lowest code that a program may use.
pub const PULSE_MINAVAIL: i8 = code(sys::_PULSE_CODE_MINAVAIL);
/// The highest code that a program may use.
pub const PULSE_MAXAVAIL: i8 = code(sys::_PULSE_CODE_MAXAVAIL);
/// `_PULSE_CODE_UNBLOCK`: a client wants out of the request that [`Pulse::unblock_rcvid`] names. May be stale.
pub const PULSE_UNBLOCK: i8 = code(sys::_PULSE_CODE_UNBLOCK);
/// `_PULSE_CODE_DISCONNECT`: all connections of a client process are gone. Free its state, then
/// [`detach_scoid`](crate::detach_scoid).
pub const PULSE_DISCONNECT: i8 = code(sys::_PULSE_CODE_DISCONNECT);
/// `_PULSE_CODE_THREADDEATH`: the thread `value` of ours died.
pub const PULSE_THREADDEATH: i8 = code(sys::_PULSE_CODE_THREADDEATH);
/// `_PULSE_CODE_COIDDEATH`: our connection `value` lost its server.
pub const PULSE_COIDDEATH: i8 = code(sys::_PULSE_CODE_COIDDEATH);
/// `_PULSE_CODE_RESTART`: a paused message goes on; `value` is the cookie.
pub const PULSE_RESTART: i8 = code(sys::_PULSE_CODE_RESTART);
/// `_PULSE_CODE_NORESTART`: a paused message does not go on; `value` is the cookie.
pub const PULSE_NORESTART: i8 = code(sys::_PULSE_CODE_NORESTART);

/// Bytes of a pulse in a receive buffer. A shorter buffer loses it.
pub const PULSE_LEN: usize = size_of::<sys::_pulse>();

/// The codes fit a byte; one that did not would fail the build here.
const fn code(number: c_int) -> i8 {
    assert!(number >= i8::MIN as c_int && number <= i8::MAX as c_int);
    number as i8
}

/// `struct _pulse` - a received pulse.
///
/// Negative codes are the kernel's, but a client that may send pulses at all can forge one: check what it asks for (is that rcvid
/// parked? is that client really gone?) before acting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pulse {
    /// What it means.
    pub code: i8,
    /// Its 8 bytes. From a pulse or event made with an `int`, only the lower four mean anything.
    pub value: i64,
    /// The client process it came from.
    pub scoid: ScoId,
}

impl Pulse {
    /// From the start of a receive buffer. Type, subtype and padding are not looked at: that it is a pulse is known from the rcvid.
    pub(crate) fn from_bytes(bytes: &[u8; PULSE_LEN]) -> Self {
        // Offsets as in qnx-sys's layout.rs: code 4, value 8 to 15, scoid 16 to 19.
        let [
            _,
            _,
            _,
            _,
            code,
            _,
            _,
            _,
            v0,
            v1,
            v2,
            v3,
            v4,
            v5,
            v6,
            v7,
            s0,
            s1,
            s2,
            s3,
            _,
            _,
            _,
            _,
        ] = *bytes;
        Self {
            code: i8::from_le_bytes([code]),
            value: i64::from_le_bytes([v0, v1, v2, v3, v4, v5, v6, v7]),
            scoid: i32::from_le_bytes([s0, s1, s2, s3]),
        }
    }

    /// The message whose client wants out, for [`PULSE_UNBLOCK`]; `None` for other pulses. All 64 bits of the value count.
    #[must_use]
    pub fn unblock_rcvid(&self) -> Option<RcvId> {
        if self.code == PULSE_UNBLOCK {
            RcvId::from_raw(self.value)
        } else {
            None
        }
    }

    /// True for a code that programs use, false for the kernel's.
    #[must_use]
    pub fn is_program(&self) -> bool {
        self.code >= PULSE_MINAVAIL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pulse as the kernel lays it out.
    fn bytes(code: i8, value: i64, scoid: i32) -> [u8; PULSE_LEN] {
        let mut bytes = [0xEE; PULSE_LEN];
        bytes[4] = code.to_le_bytes()[0];
        bytes[8..16].copy_from_slice(&value.to_le_bytes());
        bytes[16..20].copy_from_slice(&scoid.to_le_bytes());
        bytes
    }

    #[test]
    fn reads_every_field() {
        let pulse = Pulse::from_bytes(&bytes(-33, -2, 0x10007));
        assert_eq!(
            pulse,
            Pulse {
                code: PULSE_DISCONNECT,
                value: -2,
                scoid: 0x10007
            }
        );
        assert!(!pulse.is_program());
    }

    #[test]
    fn unblock_uses_all_64_bits() {
        let pulse = Pulse::from_bytes(&bytes(PULSE_UNBLOCK, 0x7_0000_0001, 1));
        assert_eq!(pulse.unblock_rcvid().map(RcvId::raw), Some(0x7_0000_0001));
        assert_eq!(
            Pulse::from_bytes(&bytes(PULSE_UNBLOCK, 0, 1)).unblock_rcvid(),
            None
        );
        assert_eq!(Pulse::from_bytes(&bytes(1, 5, 1)).unblock_rcvid(), None);
    }

    #[test]
    fn a_pulse_is_24_bytes() {
        assert_eq!(PULSE_LEN, 24);
        assert_eq!((PULSE_MINAVAIL, PULSE_MAXAVAIL), (0, 127));
    }
}
