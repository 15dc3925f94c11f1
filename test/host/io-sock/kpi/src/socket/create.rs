//! socreate, sobind, soconnect.

use super::addr::{AF_INET, Addr};
use super::proto::{self, SOCK_STREAM};
use super::sockbuf::SB_AUTOSIZE;
use super::{SS_ISCONNECTED, SS_ISCONNECTING, SS_ISDISCONNECTED, SS_ISDISCONNECTING, So};
use crate::below::linux::Fd;
use crate::below::{self, Pcb, Phase};
use crate::config;
use crate::errno::{EACCES, EINVAL, EISCONN, EOPNOTSUPP};
use crate::layout::{Thread, Ucred};
use crate::panic::die;
use crate::thread::{self, priv_check};
use std::ffi::c_int;
use std::sync::atomic::Ordering;

const PRIV_NETINET_RESERVEDPORT: c_int = 490;
/// First port that everybody may bind.
const FIRST_OPEN_PORT: u16 = 1024;

/// `net.inet.tcp.sendspace`, `recvspace`; `net.inet.udp.maxdgram`, `recvspace`.
const TCP_SPACE: (u64, u64) = (32_768, 65_536);
const UDP_SPACE: (u64, u64) = (9216, 42_080);
/// `lowat` of a send buffer.
const SEND_LOWAT: c_int = 2048;

fn need_thread(td: *mut Thread, what: &str) {
    if td.is_null() {
        die!("{what}: td is null; its process and credential are read");
    }
}

/// Sets what the protocol sets of a new socket's buffers.
pub(super) fn protocol_sizes(so: So) {
    let (snd, rcv) = if so.is_stream() { TCP_SPACE } else { UDP_SPACE };
    for (sb, size) in [(so.snd(), snd), (so.rcv(), rcv)] {
        sb.reserve(size);
        if so.is_stream() {
            sb.set_flags(sb.flags() | SB_AUTOSIZE);
        }
    }
    so.snd().set_lowat(SEND_LOWAT);
}

/// A new socket: `EAFNOSUPPORT`, `EPROTONOSUPPORT`, `EPROTOTYPE`, `ENOBUFS`, `ENFILE`. The credential gets
/// one more reference.
///
/// # Safety
/// `aso` is writable; `cred` and `td` are live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn socreate(
    dom: c_int,
    aso: *mut *mut crate::layout::Socket,
    sotype: c_int,
    protocol: c_int,
    cred: *mut Ucred,
    td: *mut Thread,
) -> c_int {
    thread::current().private().may_sleep("socreate");
    need_thread(td, "socreate");
    if cred.is_null() {
        die!("socreate: the credential is null");
    }
    let (family, proto) = match proto::find(dom, sotype, protocol) {
        Ok(found) => found,
        Err(errno) => return errno,
    };
    let fd = match Fd::socket(family, sotype, 0) {
        Ok(fd) => fd,
        Err(errno) => return errno,
    };
    let so = So::alloc(cred);
    so.set_sotype(sotype as i16);
    so.set_proto(proto);
    protocol_sizes(so);
    let pcb = Pcb::new(so, fd, family, Phase::Idle);
    if sotype != SOCK_STREAM
        && let Err(errno) = pcb.register()
    {
        so.dealloc();
        return errno;
    }
    so.attach(pcb);
    // SAFETY: the caller's contract.
    unsafe { *aso = so.as_ptr() };
    0
}

/// Binds to an address with the rights of `td`. Modifies the sockaddr, as FreeBSD does: the port becomes 0,
/// padding is cleared.
///
/// # Safety
/// `nam` is a sockaddr of the length that it says, which may be written; `td` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sobind(so: So, nam: *mut u8, td: *mut Thread) -> c_int {
    so.enter("sobind");
    need_thread(td, "sobind");
    let pcb = so.pcb();
    // SAFETY: the caller's contract.
    let addr = match unsafe { Addr::from_kernel(nam, pcb.family) } {
        Ok(addr) => addr,
        Err(errno) => return errno,
    };
    // SAFETY: the length was checked; the caller's contract.
    unsafe {
        nam.add(2).write_bytes(0, 2);
        if pcb.family == AF_INET {
            nam.add(8).write_bytes(0, 8);
        }
    }
    if pcb.bound.load(Ordering::Relaxed) || so.is_listener() {
        return EINVAL;
    }
    let low = addr.port != 0 && addr.port < FIRST_OPEN_PORT && !config::low_ports_open();
    // SAFETY: the caller's contract.
    if low && unsafe { priv_check(td, PRIV_NETINET_RESERVEDPORT) } != 0 {
        return EACCES;
    }
    match pcb.fd.bind(addr) {
        Ok(()) => {
            pcb.bound.store(true, Ordering::Relaxed);
            0
        }
        Err(errno) => errno,
    }
}

/// Starts connecting with the rights of `td`; how it ends is told by the state, `so_error` and the wakeup of
/// `so_timeo`.
///
/// # Safety
/// `nam` is a sockaddr of the length that it says; `td` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn soconnect(so: So, nam: *mut u8, td: *mut Thread) -> c_int {
    so.enter("soconnect");
    need_thread(td, "soconnect");
    if so.is_listener() {
        return EOPNOTSUPP;
    }
    let pcb = so.pcb();
    if so.is(SS_ISCONNECTED | SS_ISCONNECTING) {
        if so.is_stream() {
            return EISCONN;
        }
        if let Err(errno) = pcb.fd.disconnect() {
            return errno;
        }
    }
    // SAFETY: the caller's contract.
    let addr = match unsafe { Addr::from_kernel(nam, pcb.family) } {
        Ok(addr) => addr,
        Err(errno) => return errno,
    };
    so.set_error(0);
    if so.is_stream() {
        if so.is(SS_ISDISCONNECTED | SS_ISDISCONNECTING) {
            // Its protocol part is used up.
            return EINVAL;
        }
        return below::connect(&pcb, addr).err().unwrap_or(0);
    }
    match pcb.fd.connect(addr) {
        Ok(()) => {
            pcb.bound.store(true, Ordering::Relaxed);
            pcb.set_peer(Some(addr));
            so.is_connected();
            0
        }
        Err(errno) => errno,
    }
}
