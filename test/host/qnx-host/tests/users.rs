//! Clients of other users: refused unless the server asks for them. `docs/qnx-ipc.md` 2, 3, 5 and 13.
//!
//! As root the tests run programs as two other users. Otherwise there is nobody to be refused, and what is checked is what
//! keeps others out: the modes of the files.

#[path = "programs_support/mod.rs"]
mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use support::*;

fn is_root() -> bool {
    // SAFETY: no preconditions.
    unsafe { libc::geteuid() == 0 }
}

fn own_uid() -> String {
    // SAFETY: no preconditions.
    unsafe { libc::geteuid() }.to_string()
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .permissions()
        .mode()
        & 0o7777
}

/// A started server with its pid and private channel.
struct Server {
    running: Running,
    pid: String,
    own: String,
}

impl Server {
    fn start(machine: &Machine, public: &str, uid: &str) -> Server {
        let mut running = machine.start_with(("QNX_HOST_PUBLIC", public), "user_server", &[uid]);
        let line = running.line();
        let ["ready", pid, own] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let (pid, own) = (pid.to_string(), own.to_string());
        Server { running, pid, own }
    }

    /// What a client of user `uid` says, and what goes to stderr.
    fn client(&self, machine: &Machine, uid: &str) -> (Vec<String>, String) {
        machine.run("user_client", &[uid, &self.pid, &self.own])
    }
}

const SERVED: [&str; 4] = [
    "private channel: EPERM",
    "pulse: sent",
    "message: 300000, same 1",
    "euid right 1, pulses 1",
];

/// The same user is served; the private channel (2: internal use of its process) is nobody else's.
#[test]
fn the_same_user_is_served() {
    let machine = Machine::new("same");
    let uid = own_uid();
    let server = Server::start(&machine, "0", &uid);
    assert_eq!(server.client(&machine, &uid).0, SERVED);
    assert_eq!(mode(machine.dir()), 0o700);
    assert_eq!(mode(&machine.dir().join("p").join(&server.pid)), 0o600);
    assert_eq!(mode(&machine.dir().join("n/user")), 0o600);
    server.running.kill();
}

/// In a shared directory a server is still its own user's, and root's.
#[test]
fn another_user_is_refused() {
    let machine = Machine::shared("refused");
    if !is_root() {
        let server = Server::start(&machine, "0", &own_uid());
        assert_eq!(mode(&machine.dir().join("p").join(&server.pid)), 0o600);
        assert_eq!(mode(&machine.dir().join("n/user")), 0o600);
        return;
    }
    // Prepared by root, who is trusted with it. A stale name is for its own user to replace.
    Server::start(&machine, "0", "0").running.kill();
    std::fs::remove_file(machine.dir().join("n/user")).expect("root's name");
    let server = Server::start(&machine, "0", "65533");
    assert_eq!(server.client(&machine, "65533").0, SERVED);
    assert_eq!(server.client(&machine, "0").0, SERVED);
    assert_eq!(
        server.client(&machine, "65534").0,
        [
            "private channel: EPERM",
            "name_open: EACCES",
            "ConnectAttach: EPERM"
        ]
    );
    server.running.kill();
}

/// A server that asks for them (`QNX_HOST_PUBLIC`) gets other users' messages, with ids from the system, but not their
/// pulses (5: same effective uid or the ability CONNECTION, which root has).
#[test]
fn a_public_server_serves_other_users() {
    let machine = Machine::shared("public");
    if !is_root() {
        let server = Server::start(&machine, "1", &own_uid());
        assert_eq!(mode(&machine.dir().join("p").join(&server.pid)), 0o666);
        assert_eq!(mode(&machine.dir().join("n/user")), 0o644);
        return;
    }
    for uid in ["0", "65533"] {
        let server = Server::start(&machine, "1", uid);
        let (lines, _) = server.client(&machine, "65534");
        assert_eq!(
            lines,
            [
                "private channel: EPERM",
                "pulse: EPERM",
                "message: 300000, same 1",
                "euid right 1, pulses 0",
            ],
            "server of user {uid}"
        );
        assert_eq!(server.client(&machine, "0").0, SERVED);
        server.running.kill();
        let _ = std::fs::remove_file(machine.dir().join("n/user"));
    }
}

/// A directory that others can write to without the sticky bit, or one of another user, is not used.
#[test]
fn an_unsafe_directory_is_refused() {
    let machine = Machine::shared("unsafe");
    std::fs::set_permissions(machine.dir(), PermissionsExt::from_mode(0o777)).expect("our own");
    let error = refused(&machine, &own_uid());
    assert!(error.contains("no sticky bit"), "{error}");
    if is_root() {
        std::fs::set_permissions(machine.dir(), PermissionsExt::from_mode(0o755)).expect("our own");
        let error = refused(&machine, "65534");
        assert!(error.contains("does not share it"), "{error}");
    }
}

/// What a server says that cannot start.
fn refused(machine: &Machine, uid: &str) -> String {
    let mut server = machine.start("user_server", &[uid]);
    let (lines, errors) = server.end();
    assert_eq!(lines, Vec::<String>::new());
    errors
}
