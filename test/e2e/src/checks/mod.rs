//! What a socket must do, one function a behaviour; each runs in a process of its own (`csock-check NAME`) against real peers.

mod close;
mod connect;
mod data;
mod listen;
mod waiting;

use anyhow::Result;
use custom_socket::{Session, TcpListener, TcpStream};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// A check.
pub type Check = fn(&Session) -> Result<()>;

/// All of them, by name.
pub const ALL: &[(&str, Check)] = &[
    ("connect_refused_says_so", connect::refused_says_so),
    ("connect_knows_both_addresses", connect::knows_both_addresses),
    ("connect_times_out", connect::times_out),
    ("connect_many_at_once", connect::many_at_once),
    ("listen_gets_a_port", listen::gets_a_port),
    (
        "listen_twice_on_a_port_is_refused",
        listen::twice_on_a_port_is_refused,
    ),
    ("listen_accepts_in_order", listen::accepts_many),
    (
        "listen_nonblocking_accept_would_block",
        listen::nonblocking_accept_would_block,
    ),
    ("data_of_every_size_arrives", data::of_every_size_arrives),
    ("data_both_ways_at_once", data::both_ways_at_once),
    ("data_before_eof_is_readable", data::before_eof_is_readable),
    (
        "data_reserve_and_drop_sends_nothing",
        data::reserve_and_drop_sends_nothing,
    ),
    (
        "data_in_many_small_writes_keeps_order",
        data::in_many_small_writes_keeps_order,
    ),
    (
        "data_held_in_place_is_not_overwritten",
        data::held_in_place_is_not_overwritten,
    ),
    (
        "waiting_nonblocking_read_would_block",
        waiting::nonblocking_read_would_block,
    ),
    ("waiting_read_timeout_is_kept", waiting::read_timeout_is_kept),
    ("waiting_write_timeout_is_kept", waiting::write_timeout_is_kept),
    ("waiting_close_wakes_a_reader", waiting::close_wakes_a_reader),
    ("waiting_many_threads_wait", waiting::many_threads_wait),
    (
        "close_half_keeps_the_other_half",
        close::half_keeps_the_other_half,
    ),
    (
        "close_delivers_what_was_written",
        close::delivers_what_was_written,
    ),
    ("close_peer_reset_is_an_error", close::peer_reset_is_an_error),
    ("close_then_use_is_an_error", close::then_use_is_an_error),
    ("close_hundreds_leaves_nothing", close::hundreds_leave_nothing),
];

/// Any port of the loopback address.
const ANY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

/// One of our streams and an ordinary one, connected by us.
fn pair(session: &Session) -> Result<(TcpStream, std::net::TcpStream)> {
    let listener = std::net::TcpListener::bind(ANY)?;
    let ours = TcpStream::connect(session, listener.local_addr()?)?;
    Ok((ours, listener.accept()?.0))
}

/// One of our listeners and its address.
fn listener(session: &Session) -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(session, ANY)?;
    let addr = listener.local_addr()?;
    Ok((listener, addr))
}
