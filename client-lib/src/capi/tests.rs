//! Numbers and conversions of the C API; the header is checked against the code in `tests/c_api.rs`.

use super::platform::{parse_addr, parse_timeval, write_addr, write_timeval};
use core::{net::SocketAddr, time::Duration};

#[test]
fn addresses_survive() {
    for addr in ["1.2.3.4:5", "0.0.0.0:0", "[::1]:65535", "[fe80::1%7]:80"] {
        let addr: SocketAddr = addr.parse().unwrap();
        let (bytes, len) = write_addr(addr);
        assert_eq!(parse_addr(&bytes[..len]), Ok(addr));
        assert_eq!(parse_addr(&bytes[..len - 1]).unwrap_err().qnx_errno(), 22);
    }
    assert_eq!(parse_addr(&[]).unwrap_err().qnx_errno(), 22);
    assert_eq!(parse_addr(&[77; 28]).unwrap_err().qnx_errno(), 247);
}

#[test]
fn times_survive() {
    let time = Duration::from_micros(3_000_007);
    assert_eq!(parse_timeval(&write_timeval(time)), Some((3, 7)));
    assert_eq!(parse_timeval(&[0; 15]), None);
}
