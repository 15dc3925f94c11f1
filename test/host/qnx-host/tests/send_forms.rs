//! The whole MsgSend family, its signs and its limits: `docs/qnx-ipc.md` 4.1 and 4.5.

mod common;
use common::*;
use libc::iovec;

/// One form: sends a message and takes the answer, in one or two parts as its name says.
type Form = unsafe fn(i32, &[u8], &mut [u8]) -> i64;

fn halves(bytes: &[u8]) -> [iovec; 2] {
    let (a, b) = bytes.split_at(bytes.len() / 2);
    [iov(a), iov(b)]
}

macro_rules! forms {
    ($one:ident, $sv:ident, $vs:ident, $v:ident) => {
        [
            (
                stringify!($one),
                (|coid, m, a| unsafe {
                    // SAFETY: two live slices.
                    $one(coid, m.as_ptr().cast(), m.len(), a.as_mut_ptr().cast(), a.len())
                }) as Form,
            ),
            (
                stringify!($sv),
                (|coid, m, a| unsafe {
                    // SAFETY: as above.
                    $sv(coid, m.as_ptr().cast(), m.len(), halves(a).as_ptr(), 2)
                }) as Form,
            ),
            (
                stringify!($vs),
                (|coid, m, a| unsafe {
                    // SAFETY: as above.
                    $vs(coid, halves(m).as_ptr(), 2, a.as_mut_ptr().cast(), a.len())
                }) as Form,
            ),
            (
                stringify!($v),
                (|coid, m, a| unsafe {
                    // SAFETY: as above.
                    $v(coid, halves(m).as_ptr(), 2, halves(a).as_ptr(), 2)
                }) as Form,
            ),
        ]
    };
}

fn plain() -> Vec<(&'static str, Form)> {
    let blocking = forms!(MsgSend, MsgSendsv, MsgSendvs, MsgSendv);
    let nc = forms!(MsgSendnc, MsgSendsvnc, MsgSendvsnc, MsgSendvnc);
    [blocking, nc].concat()
}

fn underscore_r() -> Vec<(&'static str, Form)> {
    let blocking = forms!(MsgSend_r, MsgSendsv_r, MsgSendvs_r, MsgSendv_r);
    let nc = forms!(MsgSendnc_r, MsgSendsvnc_r, MsgSendvsnc_r, MsgSendvnc_r);
    [blocking, nc].concat()
}

fn set_errno(number: i32) {
    qnx_host::errno::set_errno(qnx_host::errno::Errno(number));
}

/// docs/qnx-ipc.md 4.1: all sixteen forms carry message, answer and status the same way, small and large.
#[test]
fn every_form_carries_message_answer_and_status() {
    init();
    let (server, chid) = echo_server(0);
    let coid = attach(server.pid, chid);
    for (name, form) in plain().into_iter().chain(underscore_r()) {
        for len in [1usize, 2, 33, 5000, 70_000] {
            let message: Vec<u8> = (0..len).map(|i| (i * 13 + 5) as u8).collect();
            let mut answer = vec![0; len];
            // SAFETY: two live slices.
            let status = unsafe { form(coid, &message, &mut answer) };
            assert_eq!(status, len as i64, "{name}, {len} bytes");
            assert_eq!(answer, message, "{name}, {len} bytes");
        }
    }
}

/// docs/qnx-ipc.md 4.1: on failure plain forms give -1 and errno, `_r` forms the negative errno, and errno is left alone.
#[test]
fn signs_of_every_form() {
    init();
    let server = spawn_refusing();
    let coid = attach(server.0.pid, server.1);
    for (name, form) in plain() {
        set_errno(0);
        // SAFETY: two live slices.
        assert_eq!(unsafe { form(4711, b"xy", &mut [0; 2]) }, -1, "{name}");
        assert_eq!(errno(), 9, "{name}: no such coid");
        // SAFETY: as above.
        assert_eq!(unsafe { form(coid, b"xy", &mut [0; 2]) }, -1, "{name}");
        assert_eq!(errno(), 260, "{name}: what the server gave to MsgError");
    }
    for (name, form) in underscore_r() {
        set_errno(77);
        // SAFETY: as above.
        assert_eq!(unsafe { form(4711, b"xy", &mut [0; 2]) }, -9, "{name}");
        // SAFETY: as above.
        assert_eq!(unsafe { form(coid, b"xy", &mut [0; 2]) }, -260, "{name}");
        assert_eq!(errno(), 77, "{name}: errno is not touched");
    }
}

/// A server that answers every message with MsgError(ETIMEDOUT).
fn spawn_refusing() -> (Child, i32) {
    let (mut tx, mut rx) = pipe();
    let child = spawn(move || {
        let chid = channel(0);
        tx.send(chid as u64);
        loop {
            assert_eq!(error(receive(chid).rcvid, 260), 0);
        }
    });
    let chid = rx.recv() as i32;
    (child, chid)
}

/// docs/qnx-ipc.md 4.1: EOVERFLOW for lengths above SSIZE_MAX, on either side and also as a sum of parts; EFAULT for a null
/// buffer or array. Nothing reaches the server.
#[test]
fn impossible_buffers_never_leave_the_client() {
    init();
    let chid = channel(0);
    let coid = attach(0, chid);
    let (null, out) = (core::ptr::null::<u8>().cast(), core::ptr::null_mut());
    let small = [1u8; 8];
    let (at, room) = (small.as_ptr().cast(), small.as_ptr().cast_mut().cast());
    let too_long = isize::MAX as usize + 1;
    let half = iovec {
        iov_base: room,
        iov_len: isize::MAX as usize,
    };
    let (sum, hole) = (
        [half, half],
        [iovec {
            iov_base: out,
            iov_len: 8,
        }],
    );
    // SAFETY: every call is refused before a buffer is touched.
    unsafe {
        assert_eq!(MsgSend_r(coid, at, too_long, room, 8), -79);
        assert_eq!(MsgSend_r(coid, at, 8, room, too_long), -79);
        assert_eq!(MsgSendv_r(coid, sum.as_ptr(), 2, sum.as_ptr(), 0), -79);
        assert_eq!(MsgSendv_r(coid, sum.as_ptr(), 0, sum.as_ptr(), 2), -79);
        assert_eq!(MsgSend_r(coid, null, 8, room, 8), -14);
        assert_eq!(MsgSend_r(coid, at, 8, out, 8), -14);
        assert_eq!(MsgSendv_r(coid, core::ptr::null(), 1, core::ptr::null(), 0), -14);
        assert_eq!(MsgSendvs_r(coid, hole.as_ptr(), 1, room, 8), -14);
        assert_eq!(MsgSendsv_r(coid, at, 8, hole.as_ptr(), 1), -14);
        // ON-TARGET: the largest number of parts of a message, and the errno beyond it.
        assert_eq!(MsgSendv_r(coid, sum.as_ptr(), 524_289, sum.as_ptr(), 0), -79);
    }
    assert_empty(chid);
}

/// docs/qnx-ipc.md 4.5: an array of no parts is an empty message, null or not; parts of no bytes count for nothing.
#[test]
fn no_parts_and_empty_parts() {
    init();
    let (server, chid) = echo_server(0);
    let coid = attach(server.pid, chid);
    let nothing = core::ptr::null::<iovec>();
    let data = *b"abcd";
    let empty = iovec {
        iov_base: core::ptr::null_mut(),
        iov_len: 0,
    };
    let from = [empty, iov(&data[..1]), empty, iov(&data[1..]), empty];
    let answer = [0u8; 6];
    let to = [empty, iov(&answer[..3]), empty, empty, iov(&answer[3..])];
    // SAFETY: live buffers, and null where there are no bytes.
    unsafe {
        assert_eq!(MsgSendv_r(coid, nothing, 0, nothing, 0), 0);
        assert_eq!(MsgSendv_r(coid, from.as_ptr(), 0, to.as_ptr(), 5), 0);
        assert_eq!(MsgSendv_r(coid, from.as_ptr(), 5, nothing, 0), 4);
        assert_eq!(MsgSendv_r(coid, from.as_ptr(), 5, to.as_ptr(), 5), 4);
        assert_eq!(MsgSend_r(coid, core::ptr::null(), 0, core::ptr::null_mut(), 0), 0);
    }
    assert_eq!(&answer, b"abcd\0\0");
}

/// docs/qnx-ipc.md 4.5: as many parts as QNX takes, and more parts than bytes are moved.
#[test]
fn the_longest_array_of_parts() {
    init();
    const PARTS: usize = 524_288;
    let (server, chid) = echo_server(0);
    let coid = attach(server.pid, chid);
    let sent: Vec<u8> = (0..PARTS).map(|i| (i % 251) as u8).collect();
    let from: Vec<iovec> = sent.chunks(1).map(iov).collect();
    let mut answer = vec![0; PARTS];
    // SAFETY: live buffers.
    let status = unsafe {
        MsgSendvs_r(
            coid,
            from.as_ptr(),
            from.len(),
            answer.as_mut_ptr().cast(),
            answer.len(),
        )
    };
    assert_eq!(status, PARTS as i64);
    assert!(answer == sent);
}
