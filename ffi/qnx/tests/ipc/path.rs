//! Paths.

use std::process::{Child, Command, Stdio};

use qnx::*;

use crate::stand::{error, flags, up};

/// Serves the path as a small server does, until a message that is not the system's; says what came.
fn serve(channel: &Channel, refuse: Option<Errno>) -> Vec<IoRequest> {
    let mut seen = Vec::new();
    let mut buf = [0; 128];
    loop {
        let request = match channel.receive(&mut buf).expect("a channel of ours") {
            Received::Message(request) => request,
            // A refused open was the client's only connection.
            Received::Pulse(pulse) => {
                assert_eq!(pulse.code, PULSE_DISCONNECT);
                continue;
            }
        };
        let len = request.info().msglen.min(buf.len());
        let Some(parsed) = IoRequest::parse(&buf[..len]) else {
            request.reply(0, b"pong").expect("answered");
            return seen;
        };
        let parsed = parsed.expect("libc sends whole messages");
        seen.push(parsed);
        let answered = match (parsed, refuse) {
            (IoRequest::Open(_), Some(errno)) => request.error(errno),
            (IoRequest::StatByPath(_) | IoRequest::Stat, _) => {
                let node = NodeStatus {
                    permissions: 0o640,
                    uid: 5,
                    gid: 6,
                };
                request.reply(NodeStatus::STATUS, &node.to_bytes())
            }
            _ => request.reply(0, &[]),
        };
        answered.expect("answered");
    }
}

const ROLE: &str = "QNX_IPC_TEST_PATH_ROLE";

/// Starts this program as a client that runs [`client`] alone: a process does not find its own paths.
fn start(role: &str, channel: &Channel) -> Child {
    Command::new(std::env::current_exe().expect("known"))
        .args(["--exact", "path::client", "--nocapture"])
        .env(ROLE, format!("{role} {} {}", qnx::pid(), channel.id()))
        .stdout(Stdio::null())
        .spawn()
        .expect("started")
}

fn joined(mut client: Child) {
    let status = client.wait().expect("our own child");
    assert!(status.success(), "the client says why on stderr");
}

/// The client's side. In the parent's run it has no role and does nothing.
#[test]
fn client() {
    let Ok(role) = std::env::var(ROLE) else { return };
    up();
    let [role, pid, chid] = role.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{role}")
    };
    let server = (
        pid.parse::<i32>().expect("pid"),
        chid.parse::<i32>().expect("chid"),
    );
    match role {
        "open" => {
            let node = node_status(c"/dev/ipc-test").expect("stat");
            assert_eq!((node.permissions, node.uid, node.gid), (0o640, 5, 6));
            let fd = Connection::open_path(c"/dev/ipc-test").expect("open");
            assert!(fd.id() < 0x4000_0000, "a descriptor's number");
            let info = fd.server_info().expect("alive");
            assert_eq!((info.pid, info.chid), server);
            let side = Connection::attach(info.pid, info.chid, ConnectFlags::empty()).expect("side channel");
            fd.detach().expect("close");
            let mut reply = [0; 4];
            assert_eq!(
                side.send(&[0, 2, 0, 0], &mut reply),
                Ok(0),
                "outlives the descriptor"
            );
            assert_eq!(&reply, b"pong");
        }
        "refused" => {
            assert_eq!(error(Connection::open_path(c"/dev/ipc-refused")), Errno::EACCES);
            let around = Connection::attach(server.0, server.1, ConnectFlags::empty()).expect("no gate");
            assert_eq!(around.send(&[0, 2], &mut []), Ok(0));
        }
        "gone" => assert_eq!(error(Connection::open_path(c"/dev/ipc-test")), Errno::ENOENT),
        other => panic!("no role {other}"),
    }
}

#[test]
fn a_client_opens_the_path_until_it_is_dropped() {
    up();
    let channel = Channel::create(flags()).expect("a channel");
    let path = LinkedPath::link(&channel, c"/dev/ipc-test", 42).expect("linked");
    let client = start("open", &channel);
    let seen = serve(&channel, None);
    joined(client);
    let opening = Opening {
        handle: 42,
        read: true,
        write: true,
        exclusive: false,
        below: false,
        as_directory: false,
    };
    let looking = Opening {
        read: false,
        write: false,
        ..opening
    };
    assert_eq!(
        seen,
        [
            IoRequest::StatByPath(looking),
            IoRequest::Open(opening),
            IoRequest::Close
        ]
    );
    path.unlink().expect("unlinked");
    joined(start("gone", &channel));
}

#[test]
fn a_refusal_reaches_the_one_who_opens() {
    up();
    let channel = Channel::create(flags()).expect("a channel");
    let _path = LinkedPath::link(&channel, c"/dev/ipc-refused", 1).expect("linked");
    let client = start("refused", &channel);
    let seen = serve(&channel, Some(Errno::EACCES));
    joined(client);
    assert_eq!(seen.len(), 1, "no _IO_CLOSE after a refusal: {seen:?}");
}

#[test]
fn bad_paths_are_refused() {
    up();
    let channel = Channel::create(flags()).expect("a channel");
    assert_eq!(error(LinkedPath::link(&channel, c"", 0)), Errno::EINVAL);
    assert_eq!(
        error(Connection::open_path(c"/nobody/serves/this")),
        Errno::ENOENT
    );
}

/// Linux does not say it there, and a number that is no size must not pass for one.
#[test]
fn memory_is_told_or_not_told() {
    let size = std::fs::metadata("/proc").unwrap().len();
    let expected = if size == 0 { Err(Errno::ENOSYS) } else { Ok(size) };
    assert_eq!(qnx::system_memory(), expected);
}

#[test]
fn whose_a_process_is() {
    up();
    assert_eq!(process_uid(qnx::pid()), Ok(euid()));
    assert_eq!(process_uid(1), Ok(0));
    for nobody in [-1, i32::MAX] {
        assert_eq!(process_uid(nobody), Err(Errno::ESRCH), "{nobody}");
    }
}
