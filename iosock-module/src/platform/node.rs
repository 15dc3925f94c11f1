//! The node as open(), stat() and close() see it. Nothing is bound to a descriptor yet: a session is opened by a message, which
//! is where rights are checked again, since a connection needs no path (S-42).

use super::TABLE;
use crate::{machine::Host, node::may_open, platform::IoSock};
use qnx::{Errno, IoRequest, Message, NodeStatus, Opening};

/// Answers a message of the system's own types. Never waits; whoever asked and has left is nobody's concern.
pub fn answer(message: Message, request: Result<IoRequest, Errno>) {
    let scoid = message.info().scoid;
    let answered = match request {
        Ok(IoRequest::Open(opening)) => match check(&opening, scoid) {
            Ok(()) => message.reply(0, &[]),
            Err(error) => message.error(error),
        },
        Ok(IoRequest::StatByPath(opening)) => match check(&opening, scoid) {
            Ok(()) => message.reply(NodeStatus::STATUS, &status().to_bytes()),
            Err(error) => message.error(error),
        },
        Ok(IoRequest::Stat) => message.reply(NodeStatus::STATUS, &status().to_bytes()),
        // An error in answer to a duplicate would make a client's fork fail.
        Ok(IoRequest::Close | IoRequest::Dup) => message.reply(0, &[]),
        Ok(IoRequest::Other(_)) => message.error(Errno::ENOSYS),
        Err(error) => message.error(error),
    };
    // ESRCH: the client is gone. Its own buffer being bad has been told to it.
    let _ = answered;
}

fn check(opening: &Opening, scoid: i32) -> Result<(), Errno> {
    let client = IoSock::credentials(scoid).map_err(|_| Errno::EACCES)?;
    may_open(TABLE.config.access(), opening, &client)
}

fn status() -> NodeStatus {
    let access = TABLE.config.access();
    NodeStatus {
        permissions: access.mode,
        uid: access.uid.cast_signed(),
        gid: access.gid.cast_signed(),
    }
}
