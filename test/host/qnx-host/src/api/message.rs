//! Messages: send, receive, reply, error, read, write, info. `docs/qnx-ipc.md` 4.

use core::ffi::{c_int, c_long, c_uint, c_void};

use libc::iovec;

use super::calls;
use crate::errno::{EOK, Errno};
use crate::parts::{from_raw, one};
use crate::types::{self, RcvId};
use crate::{answer, pulse_tx, receive, send};

calls! {
    fast SYMBOLS;

    /// `MsgSend()`: sends a message and blocks until it is answered; the reply status. A cancellation point.
    fn [MsgSend] [MsgSend_r]
    (coid: c_int, smsg: *const c_void, sbytes: usize, rmsg: *mut c_void, rbytes: usize) -> c_long = negative {
        // SAFETY: the caller's buffers.
        unsafe { send::send_cancellable(coid, &[one(smsg, sbytes)], &[one(rmsg, rbytes)]) }
    }

    /// `MsgSendnc()`: [`MsgSend`], not a cancellation point.
    fn [MsgSendnc] [MsgSendnc_r]
    (coid: c_int, smsg: *const c_void, sbytes: usize, rmsg: *mut c_void, rbytes: usize) -> c_long = negative {
        // SAFETY: the caller's buffers.
        unsafe { send::send(coid, &[one(smsg, sbytes)], &[one(rmsg, rbytes)]) }
    }

    /// `MsgSendsv()`: one send buffer, several reply buffers. A cancellation point.
    fn [MsgSendsv] [MsgSendsv_r]
    (coid: c_int, smsg: *const c_void, sbytes: usize, riov: *const iovec, rparts: usize) -> c_long = negative {
        // SAFETY: the caller's buffers.
        unsafe { send::send_cancellable(coid, &[one(smsg, sbytes)], from_raw(riov, rparts)?) }
    }

    /// `MsgSendsvnc()`: [`MsgSendsv`], not a cancellation point.
    fn [MsgSendsvnc] [MsgSendsvnc_r]
    (coid: c_int, smsg: *const c_void, sbytes: usize, riov: *const iovec, rparts: usize) -> c_long = negative {
        // SAFETY: the caller's buffers.
        unsafe { send::send(coid, &[one(smsg, sbytes)], from_raw(riov, rparts)?) }
    }

    /// `MsgSendvs()`: several send buffers, one reply buffer. A cancellation point.
    fn [MsgSendvs] [MsgSendvs_r]
    (coid: c_int, siov: *const iovec, sparts: usize, rmsg: *mut c_void, rbytes: usize) -> c_long = negative {
        // SAFETY: the caller's buffers.
        unsafe { send::send_cancellable(coid, from_raw(siov, sparts)?, &[one(rmsg, rbytes)]) }
    }

    /// `MsgSendvsnc()`: [`MsgSendvs`], not a cancellation point.
    fn [MsgSendvsnc] [MsgSendvsnc_r]
    (coid: c_int, siov: *const iovec, sparts: usize, rmsg: *mut c_void, rbytes: usize) -> c_long = negative {
        // SAFETY: the caller's buffers.
        unsafe { send::send(coid, from_raw(siov, sparts)?, &[one(rmsg, rbytes)]) }
    }

    /// `MsgSendv()`: several buffers both ways. A cancellation point.
    fn [MsgSendv] [MsgSendv_r]
    (coid: c_int, siov: *const iovec, sparts: usize, riov: *const iovec, rparts: usize) -> c_long = negative {
        // SAFETY: the caller's buffers.
        unsafe { send::send_cancellable(coid, from_raw(siov, sparts)?, from_raw(riov, rparts)?) }
    }

    /// `MsgSendvnc()`: [`MsgSendv`], not a cancellation point.
    fn [MsgSendvnc] [MsgSendvnc_r]
    (coid: c_int, siov: *const iovec, sparts: usize, riov: *const iovec, rparts: usize) -> c_long = negative {
        // SAFETY: the caller's buffers.
        unsafe { send::send(coid, from_raw(siov, sparts)?, from_raw(riov, rparts)?) }
    }

    /// `MsgReceive()`: blocks for a message (its rcvid) or a pulse (0; `info` is not touched).
    fn [MsgReceive] [MsgReceive_r]
    (chid: c_int, msg: *mut c_void, bytes: usize, info: *mut types::MsgInfo) -> RcvId = negative {
        // SAFETY: the caller's buffers.
        unsafe { receive::receive(chid, &[one(msg, bytes)], info, false) }
    }

    /// `MsgReceivev()`: into several buffers.
    fn [MsgReceivev] [MsgReceivev_r]
    (chid: c_int, iov: *const iovec, parts: usize, info: *mut types::MsgInfo) -> RcvId = negative {
        // SAFETY: the caller's buffers.
        unsafe { receive::receive(chid, from_raw(iov, parts)?, info, false) }
    }

    /// `MsgReceivePulse()`: blocks for a pulse; messages keep waiting.
    fn [MsgReceivePulse] [MsgReceivePulse_r]
    (chid: c_int, pulse: *mut c_void, bytes: usize, _info: *mut types::MsgInfo) -> c_int = negative {
        // SAFETY: the caller's buffer.
        unsafe { receive::receive(chid, &[one(pulse, bytes)], core::ptr::null_mut(), true) }.map(|_| 0)
    }

    /// `MsgReply()`: answers and unblocks the sender.
    fn [MsgReply] [MsgReply_r]
    (rcvid: RcvId, status: c_long, msg: *const c_void, bytes: usize) -> c_int = negative {
        // SAFETY: the caller's buffer.
        unsafe { answer::reply(rcvid, status, &[one(msg, bytes)]) }.map(|()| EOK)
    }

    /// `MsgReplyv()`: answers from several buffers.
    fn [MsgReplyv] [MsgReplyv_r]
    (rcvid: RcvId, status: c_long, iov: *const iovec, parts: usize) -> c_int = negative {
        // SAFETY: the caller's buffers.
        unsafe { answer::reply(rcvid, status, from_raw(iov, parts)?) }.map(|()| EOK)
    }

    /// `MsgError()`: unblocks the sender with an error.
    fn [MsgError] [MsgError_r] (rcvid: RcvId, error: c_int) -> c_int = positive {
        answer::error(rcvid, error).map(|()| EOK)
    }

    /// `MsgRead()`: reads the sender's message at an offset.
    fn [MsgRead] [MsgRead_r]
    (rcvid: RcvId, msg: *mut c_void, bytes: usize, offset: usize) -> isize = negative {
        // SAFETY: the caller's buffer.
        unsafe { answer::read(rcvid, &[one(msg, bytes)], offset) }.map(|moved| moved as isize)
    }

    /// `MsgReadv()`: into several buffers.
    fn [MsgReadv] [MsgReadv_r]
    (rcvid: RcvId, iov: *const iovec, parts: usize, offset: usize) -> isize = negative {
        // SAFETY: the caller's buffers.
        unsafe { answer::read(rcvid, from_raw(iov, parts)?, offset) }.map(|moved| moved as isize)
    }

    /// `MsgWrite()`: writes into the sender's reply buffer at an offset.
    fn [MsgWrite] [MsgWrite_r]
    (rcvid: RcvId, msg: *const c_void, bytes: usize, offset: usize) -> isize = negative {
        // SAFETY: the caller's buffer.
        unsafe { answer::write(rcvid, &[one(msg, bytes)], offset) }.map(|moved| moved as isize)
    }

    /// `MsgWritev()`: from several buffers.
    fn [MsgWritev] [MsgWritev_r]
    (rcvid: RcvId, iov: *const iovec, parts: usize, offset: usize) -> isize = negative {
        // SAFETY: the caller's buffers.
        unsafe { answer::write(rcvid, from_raw(iov, parts)?, offset) }.map(|moved| moved as isize)
    }

    /// `MsgInfo()`: who sent the message.
    fn [MsgInfo] [MsgInfo_r] (rcvid: RcvId, info: *mut types::MsgInfo) -> c_int = positive {
        if info.is_null() {
            return Err(Errno::EFAULT);
        }
        let image = answer::info(rcvid)?;
        // SAFETY: the caller's structure.
        unsafe { info.write(image) };
        Ok(EOK)
    }

    /// `MsgSendPulse()`: sends a code and 64 bits, never blocks.
    fn [MsgSendPulse] [MsgSendPulse_r]
    (coid: c_int, priority: c_int, code: c_int, value: c_long) -> c_int = negative {
        pulse_tx::send_pulse(coid, priority, code, value as u64).map(|()| EOK)
    }

    /// `MsgSendPulsePtr()`: the same with a pointer as the value.
    fn [MsgSendPulsePtr] [MsgSendPulsePtr_r]
    (coid: c_int, priority: c_int, code: c_int, value: *mut c_void) -> c_int = negative {
        pulse_tx::send_pulse(coid, priority, code, value as u64).map(|()| EOK)
    }

    /// `MsgCurrent()`: work on this message goes on, so the calling thread takes its priority.
    fn [MsgCurrent] [MsgCurrent_r] (rcvid: RcvId) -> c_int = positive {
        answer::resume(rcvid).map(|()| EOK)
    }

    /// `MsgPause()`: `ENOSYS`, as on QNX 8, where the deadlock that it was for cannot happen.
    fn [MsgPause] [MsgPause_r] (_rcvid: RcvId, _cookie: c_uint) -> c_int = positive {
        Err(Errno::ENOSYS)
    }
}
