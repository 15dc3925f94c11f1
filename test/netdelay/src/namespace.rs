//! The namespace and what is in it.

use std::ffi::c_int;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};

const DEVICE: &str = "delay0";
/// `_IOW('T', 202, int)`.
const TUNSETIFF: libc::Ioctl = 0x4004_54ca;

/// What `ip` is told, in order. What this machine sends to 127.0.0.0/8 leaves by the device, for a rule says so
/// before the table of local addresses is looked at; what comes in by the device sees that table.
const ROUTES: &str = "\
link set lo up
link set delay0 up
route add 127.0.0.0/8 dev delay0 src 127.0.0.1 table 100
rule add pref 1 iif delay0 lookup local
rule add pref 2 iif lo to 127.0.0.0/8 lookup 100
rule add pref 3 lookup local
rule del pref 0
";

/// Addresses of 127.0.0.0/8 may be on a wire, and may come from outside although they are ours.
const SETTINGS: &[(&str, &str)] = &[
    ("all/rp_filter", "0"),
    ("delay0/rp_filter", "0"),
    ("delay0/route_localnet", "1"),
    ("delay0/accept_local", "1"),
];

/// Moves the calling thread into a new network; answers the other end of its device.
pub(crate) fn enter(mtu: u32) -> io::Result<File> {
    leave()?;
    let tun = tun()?;
    for (name, value) in SETTINGS {
        let path = format!("/proc/sys/net/ipv4/conf/{name}");
        std::fs::write(&path, value).map_err(|e| at(&path, &e))?;
    }
    ip(&format!("link set {DEVICE} mtu {mtu}\n{ROUTES}"))?;
    Ok(tun)
}

fn at(step: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{step}: {error}"))
}

fn check(step: &str, result: c_int) -> io::Result<()> {
    if result < 0 {
        return Err(at(step, &io::Error::last_os_error()));
    }
    Ok(())
}

/// To a network of our own; without root, in a user namespace in which we have its rights.
fn leave() -> io::Result<()> {
    // SAFETY: no memory is involved.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    if user == 0 {
        // SAFETY: as above.
        return check("unshare", unsafe { libc::unshare(libc::CLONE_NEWNET) });
    }
    // SAFETY: as above.
    check("unshare", unsafe {
        libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET)
    })?;
    for (file, text) in [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("{user} {user} 1")),
        ("gid_map", format!("{group} {group} 1")),
    ] {
        let path = format!("/proc/thread-self/{file}");
        std::fs::write(&path, text).map_err(|e| at(&path, &e))?;
    }
    Ok(())
}

/// Our end of a new device: each read gives a packet that the network sends, each write is one that it receives.
fn tun() -> io::Result<File> {
    let path = "/dev/net/tun";
    let tun = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(path)
        .map_err(|e| at(path, &e))?;
    // SAFETY: all zeroes is a valid ifreq.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(DEVICE.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: an ifreq, as the call takes.
    check("TUNSETIFF", unsafe {
        libc::ioctl(tun.as_raw_fd(), TUNSETIFF, &raw mut request)
    })?;
    Ok(tun)
}

fn ip(commands: &str) -> io::Result<()> {
    let mut child = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| at("ip (Debian: iproute2)", &e))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(commands.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("ip: {}", said.trim_end())));
    }
    Ok(())
}
