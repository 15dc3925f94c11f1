//! The error table: no number twice, every QNX number survives the round trip.

use std::collections::HashSet;

use csock_wire::WireErrno;

#[test]
fn the_table_has_no_duplicates_and_no_gaps() {
    let wire: Vec<u16> = WireErrno::NAMED.iter().map(|e| e.0).collect();
    assert_eq!(wire, (1..=WireErrno::NAMED.len() as u16).collect::<Vec<_>>());
    let qnx: HashSet<i32> = WireErrno::NAMED.iter().map(|e| e.to_qnx()).collect();
    assert_eq!(qnx.len(), wire.len());
    assert_eq!(wire.len(), 68, "new names go to the end; then change this number");
}

#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn every_qnx_number_survives() {
    assert_eq!(WireErrno::from_qnx(0), WireErrno::OK);
    assert_eq!(WireErrno::OK.to_qnx(), 0);
    for errno in 1..=0x7FFF {
        let wire = WireErrno::from_qnx(errno);
        assert_eq!(wire.to_qnx(), errno);
        assert_eq!(wire.0 & WireErrno::UNNAMED != 0, wire.name().is_none());
        assert!(!wire.is_ok());
    }
    for errno in [-1, i32::MIN, 0x8000, 0x1_0016, i32::MAX] {
        assert_eq!(WireErrno::from_qnx(errno), WireErrno::EIO);
    }
}

#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn every_wire_number_means_something() {
    for number in 1..=u16::MAX {
        let errno = WireErrno(number).to_qnx();
        assert!((1..=0x7FFF).contains(&errno), "{number:#x}");
    }
    assert_eq!(WireErrno(69).to_qnx(), 71, "of a newer peer: EPROTO");
    assert_eq!(WireErrno::UNNAMED, 0x8000);
    assert_eq!(WireErrno(0x8000).to_qnx(), 71, "an error that says it is none");
}

#[test]
fn names_are_those_of_the_numbers_qnx_uses() {
    for (name, qnx) in [
        ("EAGAIN", 11),
        ("ENOTSUP", 48),
        ("EBADMSG", 77),
        ("ENOSYS", 89),
        ("EOPNOTSUPP", 103),
        ("EINPROGRESS", 236),
        ("EADDRINUSE", 248),
        ("ECONNRESET", 254),
        ("ENOBUFS", 255),
        ("ETIMEDOUT", 260),
        ("EHOSTUNREACH", 265),
    ] {
        assert_eq!(WireErrno::from_qnx(qnx).name(), Some(name));
        assert_eq!(WireErrno::from_qnx(qnx).to_string(), name);
    }
    assert_eq!(WireErrno::EWOULDBLOCK, WireErrno::EAGAIN);
    assert_eq!(WireErrno::from_qnx(300).to_string(), "errno 300");
    assert_eq!(WireErrno::EPIPE.to_result(), Err(WireErrno::EPIPE));
}

#[test]
fn ask_again_is_a_number_that_no_errno_has() {
    assert!(!WireErrno::NAMED.contains(&WireErrno::EREPEAT));
    assert_ne!(WireErrno::EREPEAT, WireErrno::EAGAIN);
    assert_eq!(WireErrno::EREPEAT.name(), Some("EREPEAT"));
    assert_eq!(
        WireErrno::EREPEAT.to_qnx(),
        71,
        "a library that does not know it: EPROTO, and no EAGAIN"
    );
}
