//! Numbers and conversions of the C API; the header is checked against the code in `tests/c_api.rs`.

use super::{
    errno::{ERRORS, csock_strerror},
    platform::{parse_addr, parse_timeval, write_addr, write_timeval},
};
use core::{ffi::CStr, net::SocketAddr, time::Duration};
use csock_wire::WireErrno;
use std::{format, string::String};

fn text(error: i32) -> String {
    // SAFETY: the function returns C strings that live for ever.
    String::from(unsafe { CStr::from_ptr(csock_strerror(error)) }.to_str().unwrap())
}

#[test]
fn every_error_has_its_qnx_number_and_a_text() {
    assert_eq!(ERRORS.len(), WireErrno::NAMED.len());
    for error in WireErrno::NAMED {
        let name = error.name().unwrap();
        assert!(text(error.to_qnx()).starts_with(&format!("{name}: ")), "{name}");
        assert_eq!(text(-error.to_qnx()), text(error.to_qnx()));
    }
    assert_eq!(
        (text(0).as_str(), text(9999).as_str(), text(i32::MIN).as_str()),
        ("EOK: Success", "unknown error", "EOK: Success")
    );
}

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
