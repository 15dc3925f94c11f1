//! One message and its answer, before anybody judges it.

use crate::{
    error::{Error, Fault},
    sys::{CallError, System},
};
use csock_wire::{
    WireErrno,
    msg::{self, Body, MAX_REPLY_LEN, MAX_REQUEST_LEN},
};

/// One message and its answer. `parts`: bytes behind the body, and room behind the reply's.
pub(super) fn exchange<S: System, B: Body>(
    sys: &S,
    session: u32,
    socket: u32,
    body: &B,
    parts: (&[u8], &mut [u8]),
    patience: Option<u64>,
) -> Result<B::Reply, Error> {
    let short = Error::ServerFault(Fault::Reply {
        what: "length",
        value: 0,
    });
    let (data, room) = parts;
    let mut request = [0; MAX_REQUEST_LEN];
    let request = msg::encode_request(session, socket, body, &mut request).ok_or(short)?;
    // MsgSend does not say how much of the reply the server wrote. Bytes that it left out must not look like success.
    let mut reply = [0xFF; MAX_REPLY_LEN];
    let reply = reply.get_mut(..B::KIND.reply_len()).ok_or(short)?;
    sys.call([request, data], [&mut *reply, room], patience)
        .map_err(system_error)?;
    msg::parse_reply::<B>(reply).map_err(|refusal| match refusal.error {
        WireErrno::EREPEAT => Error::Busy,
        _ => Error::from_refusal(refusal),
    })
}

/// What the caller is told of a system call that failed.
pub(super) fn system_error(error: CallError) -> Error {
    match error {
        CallError::Gone => Error::ServerGone,
        CallError::Interrupted => Error::Interrupted,
        CallError::TimedOut => Error::TimedOut,
        CallError::Busy => Error::System(WireErrno::EAGAIN.to_qnx()),
        CallError::Forbidden => Error::System(WireErrno::EPERM.to_qnx()),
        CallError::Errno(errno) => Error::System(errno),
    }
}
