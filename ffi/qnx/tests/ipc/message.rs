//! Messages: answers, buffers on both sides, parking, what dropping does.

use std::thread;

use qnx::*;

use crate::stand::{error, message, pair};

#[test]
fn an_answer_comes_back_with_status_and_bytes() {
    let (channel, connection) = pair();
    let server = thread::spawn(move || {
        let mut buf = [0; 64];
        let request = message(&channel, &mut buf);
        assert_eq!(&buf[..5], b"hello");
        let info = *request.info();
        assert_eq!((info.msglen, info.srcmsglen, info.dstmsglen), (5, 5, 16));
        assert_eq!((info.pid, info.chid), (pid(), channel.id()));
        assert_ne!(info.scoid & 0x10000, 0);
        assert!(!info.wants_out());
        request.reply(7, b"world").expect("answered");
    });
    let mut reply = [0xEE; 16];
    assert_eq!(connection.send(b"hello", &mut reply), Ok(7));
    assert_eq!(&reply, b"world\xEE\xEE\xEE\xEE\xEE\xEE\xEE\xEE\xEE\xEE\xEE");
    server.join().expect("no panic");
}

#[test]
fn an_error_and_a_forgotten_message_are_answers_too() {
    let (channel, connection) = pair();
    let server = thread::spawn(move || {
        let mut buf = [0; 64];
        message(&channel, &mut buf)
            .error(Errno::EADDRINUSE)
            .expect("answered");
        drop(message(&channel, &mut buf));
        // No status below 0 reaches a client; it is let go all the same.
        assert_eq!(message(&channel, &mut buf).reply(-1, b""), Err(Errno::EINVAL));
        channel
    });
    assert_eq!(error(connection.send(b"1", &mut [])), Errno::EADDRINUSE);
    assert_eq!(error(connection.send(b"2", &mut [])), Errno::ENOSYS);
    assert_eq!(error(connection.send(b"3", &mut [])), Errno::EINVAL);
    server.join().expect("no panic");
}

#[test]
fn the_server_reads_the_rest_and_writes_at_an_offset() {
    let (channel, connection) = pair();
    let server = thread::spawn(move || {
        let mut buf = [0; 24];
        let request = message(&channel, &mut buf);
        assert_eq!((request.info().msglen, request.info().srcmsglen), (24, 100));
        let mut rest = [0; 200];
        assert_eq!(request.read(24, &mut rest), Ok(76));
        assert!(
            rest[..76]
                .iter()
                .enumerate()
                .all(|(at, byte)| usize::from(*byte) == at + 24)
        );
        assert_eq!(request.read(1000, &mut rest), Ok(0));
        let (mut low, mut high) = ([0; 4], [0; 4]);
        let mut parts = [IoSliceMut::new(&mut low), IoSliceMut::new(&mut high)];
        assert_eq!(request.readv(40, &mut parts), Ok(8));
        assert_eq!((low, high), ([40, 41, 42, 43], [44, 45, 46, 47]));
        assert_eq!(request.write(4, b"abcd"), Ok(4));
        assert_eq!(
            request.writev(8, &[IoSlice::new(b"ef"), IoSlice::new(b"gh")]),
            Ok(4)
        );
        // No more than the client has room for.
        assert_eq!(request.write(14, b"12345678"), Ok(2));
        request.reply(0, b"head").expect("answered");
    });
    let sent: Vec<u8> = (0..100).collect();
    let mut reply = [b'-'; 16];
    assert_eq!(connection.send(&sent, &mut reply), Ok(0));
    assert_eq!(&reply, b"headabcdefgh--12");
    server.join().expect("no panic");
}

#[test]
fn parts_form_one_stream() {
    let (channel, connection) = pair();
    let server = thread::spawn(move || {
        let (mut head, mut tail) = ([0; 24], [0; 8]);
        let mut parts = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut tail)];
        let Ok(Received::Message(request)) = channel.receivev(&mut parts) else {
            panic!("expected a message")
        };
        assert_eq!(request.info().msglen, 30);
        assert_eq!(
            (&parts[0][..12], &parts[1][..6]),
            (&b"012345678901"[..], &b"456789"[..])
        );
        request
            .replyv(1, &[IoSlice::new(b"to"), IoSlice::new(b"gether")])
            .expect("answered");
        assert_eq!(error(channel.receivev(&mut [])), Errno::EINVAL);
    });
    let message = [IoSlice::new(b"0123456789"), IoSlice::new(b"01234567890123456789")];
    let (mut one, mut two) = ([0; 3], [0; 5]);
    let mut reply = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
    assert_eq!(connection.sendv(&message, &mut reply), Ok(1));
    assert_eq!((&one, &two), (b"tog", b"ether"));
    server.join().expect("no panic");
}

#[test]
fn a_parked_message_is_answered_later_by_another_thread() {
    let (channel, connection) = pair();
    let client = thread::spawn(move || {
        let mut reply = [0; 4];
        connection
            .send(b"later", &mut reply)
            .map(|status| (status, reply))
    });
    let rcvid = message(&channel, &mut [0; 64]).into_rcvid();
    assert!(rcvid.raw() > 0);
    let answerer = thread::spawn(move || {
        let request = Message::from_rcvid(rcvid).expect("still there");
        assert_eq!(request.info().pid, pid());
        request.reply(3, b"done").expect("answered");
        // Dead after the answer.
        assert_eq!(error(Message::from_rcvid(rcvid)), Errno::ESRCH);
        assert_eq!(error(rcvid.info()), Errno::ESRCH);
    });
    assert_eq!(client.join().expect("no panic"), Ok((3, *b"done")));
    answerer.join().expect("no panic");
}

#[test]
fn the_kernel_knows_the_client() {
    let (channel, connection) = pair();
    let server = thread::spawn(move || {
        let request = message(&channel, &mut [0; 64]);
        let client = client_info(request.info().scoid).expect("known");
        assert_eq!((client.pid, client.euid, client.egid), (pid(), euid(), egid()));
        assert!(client.groups().len() <= 8);
        request.reply(0, b"").expect("answered");
    });
    connection.send(b"who am I?", &mut []).expect("answered");
    server.join().expect("no panic");
    assert_eq!(client_info(-1).map(|me| me.pid), Ok(pid()));
    assert!(client_info(0x1_7FFF).is_err());
}

#[test]
fn server_info_finds_the_channel() {
    let (channel, connection) = pair();
    let info = connection.server_info().expect("alive");
    assert_eq!((info.pid, info.chid), (pid(), channel.id()));
    connection.set_close_on_exec(true).expect("set");
    drop(channel);
    assert_eq!(error(connection.server_info()), Errno::EBADF);
    connection.detach().expect("detached");
}
