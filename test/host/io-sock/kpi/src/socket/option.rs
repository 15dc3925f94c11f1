//! Socket options: sosetopt, sogetopt and their helpers.

use super::addr::AF_INET6;
use super::proto::IPPROTO_TCP;
use super::sockbuf::{SB_AUTOSIZE, SB_MAX_ADJ, Sb, Side};
use super::{SO_ACCEPTCONN, SO_LINGER, So};
use crate::errno::{EDOM, EINVAL, ENOBUFS, ENOPROTOOPT};
use crate::layout::{Linger, SockOpt, Timeval};
use crate::time;
use std::ffi::{c_int, c_ulong, c_void};
use std::time::Duration;

const SOL_SOCKET: c_int = 0xffff;
const SOPT_SET: c_int = 1;

const SO_DEBUG: c_int = 0x1;
const SO_REUSEADDR: c_int = 0x4;
const SO_KEEPALIVE: c_int = 0x8;
const SO_DONTROUTE: c_int = 0x10;
const SO_BROADCAST: c_int = 0x20;
const SO_USELOOPBACK: c_int = 0x40;
const SO_OOBINLINE: c_int = 0x100;
const SO_REUSEPORT: c_int = 0x200;
const SO_TIMESTAMP: c_int = 0x400;
const SO_NOSIGPIPE: c_int = 0x800;
const SO_SNDBUF: c_int = 0x1001;
const SO_RCVBUF: c_int = 0x1002;
const SO_SNDLOWAT: c_int = 0x1003;
const SO_RCVLOWAT: c_int = 0x1004;
const SO_SNDTIMEO: c_int = 0x1005;
const SO_RCVTIMEO: c_int = 0x1006;
const SO_ERROR: c_int = 0x1007;
const SO_TYPE: c_int = 0x1008;
const SO_PROTOCOL: c_int = 0x1016;
const SO_DOMAIN: c_int = 0x1019;

/// Options that are a bit of `so_options`, and what they are to Linux, if anything.
const BITS: &[(c_int, Option<c_int>)] = &[
    (SO_DEBUG, None),
    (SO_REUSEADDR, Some(libc::SO_REUSEADDR)),
    (SO_KEEPALIVE, Some(libc::SO_KEEPALIVE)),
    (SO_DONTROUTE, Some(libc::SO_DONTROUTE)),
    (SO_BROADCAST, Some(libc::SO_BROADCAST)),
    (SO_USELOOPBACK, None),
    (SO_OOBINLINE, None),
    (SO_REUSEPORT, Some(libc::SO_REUSEPORT)),
    (SO_TIMESTAMP, None),
    (SO_NOSIGPIPE, None),
];

/// Options of the protocols: the stack's level and name, Linux's.
const PROTOCOL: &[(c_int, c_int, c_int, c_int)] = &[
    (6, 1, libc::IPPROTO_TCP, libc::TCP_NODELAY),
    (6, 2, libc::IPPROTO_TCP, libc::TCP_MAXSEG),
    (6, 4, libc::IPPROTO_TCP, libc::TCP_CORK),
    (6, 256, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE),
    (6, 512, libc::IPPROTO_TCP, libc::TCP_KEEPINTVL),
    (6, 1024, libc::IPPROTO_TCP, libc::TCP_KEEPCNT),
    (0, 3, libc::IPPROTO_IP, libc::IP_TOS),
    (0, 4, libc::IPPROTO_IP, libc::IP_TTL),
    (41, 4, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS),
    (41, 27, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
    (41, 61, libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
];

/// Copies an option's value in: at least `minlen` bytes must be there, at most `len` are taken.
///
/// # Safety
/// `buf` has room for `len` bytes; the option's value is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sooptcopyin(
    opt: &mut SockOpt,
    buf: *mut c_void,
    len: usize,
    minlen: usize,
) -> c_int {
    if opt.sopt_valsize < minlen || opt.sopt_val.is_null() {
        return EINVAL;
    }
    opt.sopt_valsize = opt.sopt_valsize.min(len);
    // SAFETY: the caller's contract.
    unsafe { std::ptr::copy_nonoverlapping(opt.sopt_val.cast::<u8>(), buf.cast(), opt.sopt_valsize) };
    0
}

/// Copies an option's value out, as much as there is room for; the size becomes what was copied.
///
/// # Safety
/// `buf` has `len` bytes; the option's value is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sooptcopyout(opt: &mut SockOpt, buf: *const c_void, len: usize) -> c_int {
    opt.sopt_valsize = opt.sopt_valsize.min(len);
    if !opt.sopt_val.is_null() {
        // SAFETY: the caller's contract.
        unsafe { std::ptr::copy_nonoverlapping(buf.cast::<u8>(), opt.sopt_val.cast(), opt.sopt_valsize) };
    }
    0
}

fn get_in<T: Copy + Default>(opt: &mut SockOpt) -> Result<T, c_int> {
    let mut value = T::default();
    // SAFETY: room for a T, all of which is filled.
    let error = unsafe { sooptcopyin(opt, (&raw mut value).cast(), size_of::<T>(), size_of::<T>()) };
    if error == 0 { Ok(value) } else { Err(error) }
}

fn give<T>(opt: &mut SockOpt, value: T) -> Result<(), c_int> {
    // SAFETY: a T is there.
    let error = unsafe { sooptcopyout(opt, (&raw const value).cast(), size_of::<T>()) };
    if error == 0 { Ok(()) } else { Err(error) }
}

/// Sets an option from kernel memory.
///
/// # Safety
/// `val` has `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn so_setsockopt(
    so: So,
    level: c_int,
    name: c_int,
    val: *mut c_void,
    size: usize,
) -> c_int {
    let mut opt = SockOpt {
        sopt_dir: SOPT_SET,
        sopt_level: level,
        sopt_name: name,
        sopt_val: val,
        sopt_valsize: size,
        sopt_td: std::ptr::null_mut(),
    };
    // SAFETY: the caller's contract.
    unsafe { sosetopt(so, &mut opt) }
}

/// Sets an option: `ENOPROTOOPT` for one that is not known, `EINVAL` for a bad value, `ENOBUFS` for a buffer
/// that is too large.
///
/// # Safety
/// The option's value is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sosetopt(so: So, opt: &mut SockOpt) -> c_int {
    so.enter("sosetopt");
    let result = if opt.sopt_level == SOL_SOCKET {
        set_socket(so, opt)
    } else {
        set_protocol(so, opt)
    };
    result.err().unwrap_or(0)
}

/// Gets an option.
///
/// # Safety
/// The option's value has room for its size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sogetopt(so: So, opt: &mut SockOpt) -> c_int {
    so.enter("sogetopt");
    let result = if opt.sopt_level == SOL_SOCKET {
        get_socket(so, opt)
    } else {
        get_protocol(so, opt)
    };
    result.err().unwrap_or(0)
}

fn set_socket(so: So, opt: &mut SockOpt) -> Result<(), c_int> {
    match opt.sopt_name {
        SO_LINGER => {
            let linger: Linger = get_in(opt)?;
            let seconds = i16::try_from(linger.l_linger)
                .ok()
                .filter(|s| *s >= 0)
                .ok_or(EDOM)?;
            so.mutex().lock();
            so.set_linger(seconds);
            let bit = if linger.l_onoff != 0 { SO_LINGER } else { 0 };
            so.set_options(so.options() & !SO_LINGER | bit);
            so.mutex().unlock();
            Ok(())
        }
        SO_SNDBUF | SO_RCVBUF | SO_SNDLOWAT | SO_RCVLOWAT => {
            let value: c_int = get_in(opt)?;
            if value < 1 {
                return Err(EINVAL);
            }
            set_size(so, opt.sopt_name, value)
        }
        SO_SNDTIMEO | SO_RCVTIMEO => {
            let tv: Timeval = get_in(opt)?;
            if tv.tv_sec < 0 || !(0..1_000_000).contains(&tv.tv_usec) {
                return Err(EDOM);
            }
            let span = Duration::new(tv.tv_sec as u64, tv.tv_usec as u32 * 1000);
            set_timeo(
                so,
                if opt.sopt_name == SO_SNDTIMEO {
                    Side::Send
                } else {
                    Side::Receive
                },
                time::to_sbt(span),
            );
            Ok(())
        }
        name => {
            let (bit, linux) = BITS.iter().find(|(bit, _)| *bit == name).ok_or(ENOPROTOOPT)?;
            let on = get_in::<c_int>(opt)? != 0;
            if let Some(linux) = linux {
                so.pcb().fd.set_option(libc::SOL_SOCKET, *linux, on.into())?;
            }
            so.mutex().lock();
            so.set_options(so.options() & !bit | if on { *bit } else { 0 });
            so.mutex().unlock();
            Ok(())
        }
    }
}

fn set_timeo(so: So, side: Side, timeo: i64) {
    if so.is_listener() {
        so.mutex().lock();
        let queue = so.queue();
        // SAFETY: the listener's lock is held.
        unsafe {
            match side {
                Side::Send => (*queue).sol_sbsnd_timeo = timeo,
                Side::Receive => (*queue).sol_sbrcv_timeo = timeo,
            }
        }
        so.mutex().unlock();
        return;
    }
    let sb = if side == Side::Send { so.snd() } else { so.rcv() };
    sb.lock();
    sb.set_timeo(timeo);
    sb.unlock();
}

fn set_size(so: So, name: c_int, value: c_int) -> Result<(), c_int> {
    let too_large = value as u32 > SB_MAX_ADJ;
    if so.is_listener() {
        so.mutex().lock();
        let queue = so.queue();
        // SAFETY: the listener's lock is held.
        unsafe {
            let q = &mut *queue;
            match name {
                SO_SNDBUF if !too_large => {
                    (q.sol_sbsnd_hiwat, q.sol_sbsnd_flags) = (value as u32, q.sol_sbsnd_flags & !SB_AUTOSIZE)
                }
                SO_RCVBUF if !too_large => {
                    (q.sol_sbrcv_hiwat, q.sol_sbrcv_flags) = (value as u32, q.sol_sbrcv_flags & !SB_AUTOSIZE)
                }
                SO_SNDLOWAT => q.sol_sbsnd_lowat = value.min(q.sol_sbsnd_hiwat as c_int),
                SO_RCVLOWAT => q.sol_sbrcv_lowat = value.min(q.sol_sbrcv_hiwat as c_int),
                _ => {}
            }
        }
        so.mutex().unlock();
    } else {
        let sb = if name == SO_SNDBUF || name == SO_SNDLOWAT {
            so.snd()
        } else {
            so.rcv()
        };
        sb.lock();
        if name == SO_SNDLOWAT || name == SO_RCVLOWAT {
            sb.set_lowat(value.min(sb.hiwat() as c_int));
        } else if sb.reserve(value as u64) {
            sb.set_flags(sb.flags() & !SB_AUTOSIZE);
        }
        sb.unlock();
    }
    let size = name == SO_SNDBUF || name == SO_RCVBUF;
    if size && too_large {
        return Err(ENOBUFS);
    }
    if size && !so.is_listener() {
        // A larger receive buffer may be what reading waited for.
        crate::below::window_update(&so.pcb(), false);
    }
    Ok(())
}

fn get_socket(so: So, opt: &mut SockOpt) -> Result<(), c_int> {
    let sizes = |f: fn(Sb) -> c_int, side: Side, of_listener: fn(&crate::layout::SolistenTail) -> c_int| {
        if so.is_listener() {
            // SAFETY: a listener's own part; single words.
            of_listener(unsafe { &*so.queue() })
        } else {
            f(if side == Side::Send { so.snd() } else { so.rcv() })
        }
    };
    match opt.sopt_name {
        SO_LINGER => give(
            opt,
            Linger {
                l_onoff: so.options() & SO_LINGER,
                l_linger: so.linger().into(),
            },
        ),
        SO_ERROR => {
            so.mutex().lock();
            let error = so.take_error();
            so.mutex().unlock();
            give(opt, error)
        }
        SO_TYPE => give(opt, c_int::from(so.sotype())),
        // SAFETY: every socket has a protocol, which is a static.
        SO_PROTOCOL => give(opt, c_int::from(unsafe { (*so.proto()).pr_protocol })),
        SO_DOMAIN => give(opt, c_int::from(so.pcb().family)),
        SO_SNDBUF => give(
            opt,
            sizes(
                |sb| sb.hiwat() as c_int,
                Side::Send,
                |q| q.sol_sbsnd_hiwat as c_int,
            ),
        ),
        SO_RCVBUF => give(
            opt,
            sizes(
                |sb| sb.hiwat() as c_int,
                Side::Receive,
                |q| q.sol_sbrcv_hiwat as c_int,
            ),
        ),
        SO_SNDLOWAT => give(opt, sizes(Sb::lowat, Side::Send, |q| q.sol_sbsnd_lowat)),
        SO_RCVLOWAT => give(opt, sizes(Sb::lowat, Side::Receive, |q| q.sol_sbrcv_lowat)),
        SO_SNDTIMEO | SO_RCVTIMEO if so.is_listener() => Err(EINVAL),
        SO_SNDTIMEO => give(opt, timeval(so.snd().timeo())),
        SO_RCVTIMEO => give(opt, timeval(so.rcv().timeo())),
        SO_ACCEPTCONN => give(opt, c_int::from(so.is_listener())),
        name if BITS.iter().any(|(bit, _)| *bit == name) => give(opt, so.options() & name),
        _ => Err(ENOPROTOOPT),
    }
}

fn timeval(sbt: i64) -> Timeval {
    let span = time::from_sbt(sbt);
    // Rounding up to a nanosecond must not show.
    Timeval {
        tv_sec: span.as_secs() as i64,
        tv_usec: span.subsec_micros() as i32,
        pad: 0,
    }
}

fn linux_option(so: So, opt: &SockOpt) -> Result<(c_int, c_int), c_int> {
    let known = PROTOCOL
        .iter()
        .find(|(level, name, ..)| *level == opt.sopt_level && *name == opt.sopt_name);
    let (level, _, linux_level, linux_name) = known.ok_or(ENOPROTOOPT)?;
    let fits = match level {
        6 => so.is_stream(),
        41 => so.pcb().family == AF_INET6,
        _ => so.pcb().family != AF_INET6,
    };
    if fits {
        Ok((*linux_level, *linux_name))
    } else {
        Err(ENOPROTOOPT)
    }
}

fn set_protocol(so: So, opt: &mut SockOpt) -> Result<(), c_int> {
    let (level, name) = linux_option(so, opt)?;
    let value = get_in::<c_int>(opt)?;
    let pcb = so.pcb();
    if opt.sopt_level == IPPROTO_TCP && pcb.push_option(opt.sopt_name, Some(value != 0)).is_some() {
        if value == 0 {
            // What TCP_NOPUSH held back leaves.
            crate::below::output(&pcb, crate::below::Cause::Owner);
        }
        return Ok(());
    }
    pcb.fd.set_option(level, name, value)
}

fn get_protocol(so: So, opt: &mut SockOpt) -> Result<(), c_int> {
    let (level, name) = linux_option(so, opt)?;
    let pcb = so.pcb();
    let pushing = if opt.sopt_level == IPPROTO_TCP {
        pcb.push_option(opt.sopt_name, None)
    } else {
        None
    };
    let value = match pushing {
        Some(on) => on.into(),
        None => pcb.fd.option(level, name)?,
    };
    give(opt, value)
}

/// Reserves room in both buffers: `ENOBUFS` when it is too much.
#[unsafe(no_mangle)]
pub extern "C" fn soreserve(so: So, sndcc: c_ulong, rcvcc: c_ulong) -> c_int {
    so.check("soreserve");
    for (sb, bytes) in [(so.snd(), sndcc), (so.rcv(), rcvcc)] {
        sb.lock();
        let fits = sb.reserve(bytes);
        sb.unlock();
        if !fits {
            return ENOBUFS;
        }
    }
    0
}
