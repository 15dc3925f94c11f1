//! A socket's life as its client and its stack see it.

mod buffers;
mod by_message;
mod fairness;
mod lies;
mod lifetime;
mod plane;
mod positions;
mod receiving;
mod sending;
mod threads;
mod turns;
mod waits;

use csock_wire::msg;

const SO_ERROR: msg::GetSockOpt = msg::GetSockOpt {
    level: 0xFFFF,
    name: 0x1007,
    len: 4,
    reserved: 0,
};
