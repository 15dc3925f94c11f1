//! The two ways into the stack: csock, and the message path of the stand-in (what libsocket does).

mod csock;
mod message;

pub use csock::Csock;
pub use message::Message;
