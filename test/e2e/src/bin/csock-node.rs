//! What `libcustom_socket` does not do by itself: looking at the module's node, going around its path, and taking its place.
//!
//! - `csock-node find PATH`: process and channel of the server
//! - `csock-node ls PATH`: mode, owner and group, as `ls -l` gets them
//! - `csock-node hello PID CHID`: opens a session over a connection that was made without the path
//! - `csock-node open PATH UID`: opens a session and trusts servers of user UID besides
//! - `csock-node impostor PATH UID`: as root links PATH, becomes user UID, and says what it receives

use anyhow::{Context, Result, bail};
use csock_wire::msg::{self, Body, Hello};
use custom_socket::{Config, Session};
use qnx::{Channel, ChannelFlags, ConnectFlags, Connection, Errno, LinkedPath, Received};
use std::ffi::CString;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["find", path] => {
            let info = Connection::open_path(&CString::new(path)?)
                .and_then(|fd| fd.server_info())
                .with_context(|| format!("cannot open {path}"))?;
            println!("{} {}", info.pid, info.chid);
        }
        ["ls", path] => {
            let node =
                qnx::node_status(&CString::new(path)?).with_context(|| format!("cannot stat {path}"))?;
            println!("s{:03o} {} {}", node.permissions, node.uid, node.gid);
        }
        ["hello", pid, chid] => {
            let connection = Connection::attach(pid.parse()?, chid.parse()?, ConnectFlags::empty())?;
            let mut request = [0; msg::MAX_REQUEST_LEN];
            let request = msg::encode_request(0, 0, &Hello::THIS, &mut request).context("a hello fits")?;
            let mut reply = vec![0xFF; Hello::KIND.reply_len()];
            connection.send(request, &mut reply)?;
            match msg::parse_reply::<Hello>(&reply) {
                Ok(_) => println!("granted"),
                Err(refusal) => println!("{refusal}"),
            }
        }
        ["open", path, uid] => {
            let config = Config {
                server_uid: Some(uid.parse()?),
                ..Config::DEFAULT
            };
            Session::connect_to(path, config)?;
            println!("granted");
        }
        ["impostor", path, uid] => impostor(path, uid.parse()?)?,
        _ => bail!("see the first lines of csock-node.rs"),
    }
    Ok(())
}

/// Serves `path` as a process of user `uid`, for ever. Says `ready` and each message's type.
fn impostor(path: &str, uid: u32) -> Result<()> {
    let channel = Channel::create(ChannelFlags::DISCONNECT)?;
    let _path = LinkedPath::link(&channel, &CString::new(path)?, 0)?;
    // SAFETY: passes numbers. Other users' view of /proc/PID stays that of a process that did not change its user otherwise.
    let changed = unsafe { libc::setuid(uid) == 0 && libc::prctl(libc::PR_SET_DUMPABLE, 1) == 0 };
    if !changed {
        bail!("cannot become user {uid}: {}", std::io::Error::last_os_error());
    }
    println!("ready");
    let mut buffer = [0; 4096];
    loop {
        match channel.receive(&mut buffer)? {
            Received::Pulse(pulse) => qnx::detach_scoid(pulse.scoid)?,
            Received::Message(message) => {
                let kind = u16::from_le_bytes([buffer[0], buffer[1]]);
                println!("message {kind:#x}");
                if kind < 0x200 {
                    message.reply(0, &[])?;
                } else {
                    message.error(Errno::ENOSYS)?;
                }
            }
        }
    }
}
