//! Two processes: this program, started a second time as a client.

use std::process::{Child, Command, Stdio};

use qnx::*;

use crate::stand::{flags, message, up};

const ROLE: &str = "QNX_IPC_TEST_ROLE";

/// Starts this program as a client that runs [`client`] alone.
fn start(role: &str, path: &str) -> Child {
    Command::new(std::env::current_exe().expect("known"))
        .args(["--exact", "process::client", "--nocapture"])
        .env(ROLE, format!("{role} {path}"))
        .stdout(Stdio::null())
        .spawn()
        .expect("started")
}

/// The client's side. In the parent's run it has no role and does nothing.
#[test]
fn client() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (role, path) = role.split_once(' ').expect("a role and a name");
    up();
    let path = std::ffi::CString::new(path).expect("no zero in it");
    let connection = Connection::open_name(&path).expect("found");
    let server = connection.server_info().expect("alive");
    match role {
        "memory" => {
            let object = ShmObject::anonymous_sealed(4096).expect("an object");
            let mapping = object.map(4096, Prot::READ | Prot::WRITE).expect("mapped");
            let handle = object
                .create_handle(server.pid, Access::ReadWrite)
                .expect("a handle");
            let mut reply = [0; 1];
            assert_eq!(connection.send(&handle.raw().to_le_bytes(), &mut reply), Ok(0));
            // SAFETY: inside the mapping; the server has answered and writes no more.
            assert_eq!(unsafe { mapping.ptr().read_volatile() }, 0x5A);
        }
        "die" => {
            let mut reply = [0; 1];
            let _ = connection.send(b"never answered", &mut reply);
            unreachable!("the parent kills this process");
        }
        other => panic!("no role {other}"),
    }
}

/// A channel with a name.
fn serve(path: &std::ffi::CStr) -> (Channel, AttachedName) {
    up();
    let channel = Channel::create(flags()).expect("a channel");
    let name = AttachedName::attach(&channel, path, NameFlags::empty()).expect("attached");
    (channel, name)
}

#[test]
fn memory_of_another_process_is_checked_and_shared() {
    let (channel, _name) = serve(c"ipc-test/memory");
    let mut child = start("memory", "ipc-test/memory");
    let mut buf = [0; 64];
    let request = message(&channel, &mut buf);
    let client = request.info().pid;
    assert_eq!(client, child.id().cast_signed());
    assert_eq!(client_info(request.info().scoid).map(|info| info.pid), Ok(client));
    let handle = ShmHandle::from_raw(u64::from_le_bytes(*buf.first_chunk().expect("8 bytes were sent")));
    let object = ShmObject::open_handle(handle, Access::ReadWrite, client).expect("opened");
    assert!(object.flags().expect("known").contains(ShmFlags::SEAL));
    let mapping = object.map(4096, Prot::READ | Prot::WRITE).expect("mapped");
    // SAFETY: inside the mapping; the client waits and does not read.
    unsafe { mapping.ptr().write_volatile(0x5A) };
    request.reply(0, &[0]).expect("answered");
    assert!(child.wait().expect("waited").success());
}

#[test]
fn a_killed_client_is_announced_and_its_number_given_back() {
    let (channel, _name) = serve(c"ipc-test/die");
    let mut child = start("die", "ipc-test/die");
    let mut buf = [0; 64];
    let request = message(&channel, &mut buf);
    let scoid = request.info().scoid;
    let rcvid = request.into_rcvid();
    child.kill().expect("killed");
    loop {
        match channel.receive(&mut buf) {
            Ok(Received::Pulse(pulse)) if pulse.code == PULSE_UNBLOCK => {
                let _ = rcvid.error_from_kernel();
            }
            Ok(Received::Pulse(pulse)) => {
                assert_eq!((pulse.code, pulse.scoid), (PULSE_DISCONNECT, scoid));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(rcvid.reply(0, b"").expect_err("gone"), Errno::ESRCH);
    detach_scoid(scoid).expect("ours to give back");
    assert_eq!(detach_scoid(scoid), Err(Errno::EINVAL));
    child.wait().expect("waited");
}
