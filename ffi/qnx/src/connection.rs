//! Connections: how a client reaches a channel.

use core::ffi::CStr;
use core::mem::ManuallyDrop;

use qnx_sys as sys;

use crate::decode::{eok_r, id_r, minus_one, not_negative, status_r};
use crate::{ConnectFlags, Errno, IoSlice, IoSliceMut, MsgInfo};

/// A connection of this process to a channel. Any of its threads may send over it, at the same time too.
///
/// Dropping it detaches it.
#[derive(Debug)]
pub struct Connection {
    coid: i32,
    made_by: MadeBy,
}

/// Decides how a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MadeBy {
    Attach,
    Name,
    Path,
}

impl Connection {
    /// `ConnectAttach_r` - connects to channel `chid` of process `pid` (0: this one), outside the range of file descriptors. Does not
    /// block.
    ///
    /// # Errors
    /// `ESRCH` no such process or channel; `EPERM`; `EAGAIN` no more connections; `EINVAL`.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `ConnectAttach()`.
    pub fn attach(pid: i32, chid: i32, flags: ConnectFlags) -> Result<Self, Errno> {
        // The kernel reads the flags as an int; none of them has the top bit.
        let flags = flags.bits().cast_signed();
        // SAFETY: passes numbers.
        let result =
            unsafe { sys::ConnectAttach_r(sys::ND_LOCAL_NODE, pid, chid, sys::_NTO_SIDE_CHANNEL, flags) };
        Ok(Self {
            coid: id_r(result)?,
            made_by: MadeBy::Attach,
        })
    }

    /// `name_open` - connects to the server that registered `name`. **Blocks** while the path is looked up; several kernel calls, so
    /// that a timeout does not cover it.
    ///
    /// Nothing proves who registered a name: anybody with the ability PATHSPACE may have.
    ///
    /// # Errors
    /// `ENOENT` no such server; `EINVAL`, `ELOOP`, `ENAMETOOLONG` the name; `EMFILE`, `ENFILE` no more connections; `EINTR`.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `name_open()`.
    pub fn open_name(name: &CStr) -> Result<Self, Errno> {
        // SAFETY: `name` is a C string and read during the call only.
        let result = unsafe { sys::name_open(name.as_ptr(), 0) };
        Ok(Self {
            coid: not_negative(result)?,
            made_by: MadeBy::Name,
        })
    }

    /// `open` - connects to the server behind `path`, in the range of file descriptors, to read and write; closed at exec. **Blocks**
    /// until the server has answered; several kernel calls, so that a timeout does not cover it.
    ///
    /// Whoever serves the path answers, be it a file system: [`server_info`](Connection::server_info) says who. Nothing proves that
    /// it is the right one: anybody with the ability PATHSPACE may have linked the path. Dropping it tells the server, and **blocks**
    /// until that has answered.
    ///
    /// # Errors
    /// `ENOENT` nobody has the path; `EACCES` and others what the server answered; `EMFILE`, `ENFILE` no more; `EINTR`.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `open()`.
    pub fn open_path(path: &CStr) -> Result<Self, Errno> {
        // SAFETY: `path` is a C string and read during the call only; without O_CREAT there is no third argument.
        let result = unsafe { sys::open(path.as_ptr(), sys::O_RDWR | sys::O_CLOEXEC) };
        Ok(Self {
            coid: not_negative(result)?,
            made_by: MadeBy::Path,
        })
    }

    /// The coid, for calls that take one and for events that go there.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.coid
    }

    /// `MsgSendnc_r` - sends `message` and waits for the answer in `reply`; returns the server's status. **Blocks**, unless a
    /// [`timeout`](crate::timeout()) is armed.
    ///
    /// How much of `reply` was filled is not told: the server's message must say. What it left alone keeps its bytes.
    ///
    /// # Errors
    /// `EBADF` the server is gone; `ESRCH` it went meanwhile; `EINTR` a signal; `ETIMEDOUT` the timeout; `ESRVRFAULT` the server's buffer
    /// faults; else what the server answered.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgSend()`.
    pub fn send(&self, message: &[u8], reply: &mut [u8]) -> Result<i64, Errno> {
        let (sent, sent_len) = (message.as_ptr().cast(), message.len());
        // SAFETY: the kernel reads `message` and writes at most `reply.len()` bytes to `reply`, which is ours alone.
        let result =
            unsafe { sys::MsgSendnc_r(self.coid, sent, sent_len, reply.as_mut_ptr().cast(), reply.len()) };
        status_r(result)
    }

    /// `MsgSendvnc_r` - as [`send`](Connection::send), from and into several parts. **Blocks**.
    ///
    /// # Errors
    /// Those of [`send`](Connection::send).
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgSendv()`.
    pub fn sendv(&self, message: &[IoSlice<'_>], reply: &mut [IoSliceMut<'_>]) -> Result<i64, Errno> {
        let (sent, sent_parts) = (IoSlice::raw(message), message.len());
        // SAFETY: the kernel reads the bytes that `message` borrows and writes to those that `reply` borrows for us alone.
        let result =
            unsafe { sys::MsgSendvnc_r(self.coid, sent, sent_parts, IoSliceMut::raw(reply), reply.len()) };
        status_r(result)
    }

    /// `MsgSendPulse_r` - sends a pulse at `priority`, `None` for the caller's own. Does not block and wakes at most one receiver.
    ///
    /// Codes below 0 are the kernel's; sending one confuses the server, which is why it may refuse us.
    ///
    /// # Errors
    /// `EBADF` the server is gone; `ESRCH`; `EAGAIN` no room; `EPERM` another user's process and no ability CONNECTION; `EINVAL` the
    /// priority.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgSendPulse()`.
    pub fn send_pulse(&self, priority: Option<u8>, code: i8, value: i64) -> Result<(), Errno> {
        let priority = priority.map_or(-1, i32::from);
        // SAFETY: passes numbers.
        let result = unsafe { sys::MsgSendPulse_r(self.coid, priority, code.into(), value) };
        eok_r(result)
    }

    /// `ConnectServerInfo` - the server of this connection: `pid` and `chid` are its process and channel. Does not block.
    ///
    /// # Errors
    /// `EBADF` the server is gone.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `ConnectServerInfo()`.
    pub fn server_info(&self) -> Result<MsgInfo, Errno> {
        let mut raw = sys::_msg_info64::default();
        // SAFETY: the kernel writes one `_server_info`, which is a `_msg_info64`, to `raw`.
        let result = unsafe { sys::ConnectServerInfo(0, self.coid, &mut raw) };
        let info = MsgInfo::from_raw(&raw);
        // For a number that is not there the kernel tells about the next one that is; a dead server shows in the flags.
        if minus_one(result)? != self.coid || raw.flags & DEAD != 0 {
            return Err(Errno::EBADF);
        }
        Ok(info)
    }

    /// `ConnectFlags` - sets or clears `_NTO_COF_CLOEXEC`, the one flag that QNX 8 lets a program change. Does not block.
    ///
    /// # Errors
    /// `EBADF` no such connection.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `ConnectFlags()`.
    pub fn set_close_on_exec(&self, close: bool) -> Result<(), Errno> {
        let bit = ConnectFlags::CLOEXEC.bits();
        // SAFETY: passes numbers.
        let result = unsafe { sys::ConnectFlags(0, self.coid, bit, if close { bit } else { 0 }) };
        minus_one(result).map(|_| ())
    }

    /// The number, without the ownership: nobody detaches it then but [`from_raw`](Connection::from_raw) or the process's end.
    #[must_use]
    pub fn into_raw(self) -> i32 {
        ManuallyDrop::new(self).coid
    }

    /// Takes a connection over that `ConnectAttach` made.
    ///
    /// # Safety
    /// `coid` is a connection of this process that nobody else detaches or will take over.
    #[must_use]
    pub unsafe fn from_raw(coid: i32) -> Self {
        Self {
            coid,
            made_by: MadeBy::Attach,
        }
    }

    /// Detaches now and says how that went. Does not block. A thread of ours that waits for an answer over it is let go.
    ///
    /// # Errors
    /// `EINVAL` when it was detached behind our back.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `ConnectDetach()`, `name_close()`.
    pub fn detach(self) -> Result<(), Errno> {
        ManuallyDrop::new(self).close()
    }

    fn close(&self) -> Result<(), Errno> {
        match self.made_by {
            MadeBy::Name => {
                // SAFETY: `coid` is ours from name_open; both callers use it for the last time.
                let result = unsafe { sys::name_close(self.coid) };
                minus_one(result).map(|_| ())
            }
            MadeBy::Path => {
                // SAFETY: `coid` is ours from open; both callers use it for the last time.
                let result = unsafe { sys::close(self.coid) };
                minus_one(result).map(|_| ())
            }
            MadeBy::Attach => {
                // SAFETY: `coid` is ours from ConnectAttach; both callers use it for the last time.
                let result = unsafe { sys::ConnectDetach_r(self.coid) };
                eok_r(result)
            }
        }
    }
}

/// `_NTO_COF_DEAD` in the 16-bit flags of a `_server_info`.
const DEAD: i16 = 0x2;
const _: () = assert!(DEAD as u32 == sys::_NTO_COF_DEAD);

impl Drop for Connection {
    fn drop(&mut self) {
        let _ = self.close();
    }
}
