//! Moving payload between a client's buffers and the server's.
//!
//! Three ways: through the slot (small messages), straight between the two address spaces (one copy, no buffer in
//! between), and with the client's help where the system refuses the second.

use core::sync::atomic::{AtomicBool, Ordering};

use libc::iovec;

use crate::config::config;
use crate::counters::add;
use crate::errno::Errno;
use crate::help;
use crate::lane::{Lane, Slot};
use crate::parts::{MAX_PER_CALL, gather, one, range, scatter, total};
use crate::sys::{vm_read, vm_write};
use crate::trace::trace;

/// Bytes `offset..` of what the client sent, into `to`: as many as both sides have. The slot must be BUSY, or the
/// payload in the slot.
///
/// Errors as the server's caller sees them: `EFAULT` the client's memory, `ESRVRFAULT` ours, `ESRCH` the client is gone.
///
/// # Safety
/// `to` must be writable memory of ours that nothing else uses.
pub unsafe fn from_client(
    lane: &Lane,
    slot: usize,
    held: &mut Slot,
    offset: usize,
    to: &[iovec],
) -> Result<usize, Errno> {
    let sent = held.request.send_len as usize;
    let len = server_side(total(to))?.min(sent.saturating_sub(offset));
    if len == 0 {
        return Ok(0);
    }
    if held.request.is_inline() {
        let payload = lane.region.slot(slot).send.payload();
        // SAFETY: the caller vouches for `to`; `offset + len` is within the slot's payload area: an inline message is no longer.
        unsafe { scatter(to, 0, payload.add(offset), len) };
        add(|c| &c.bytes_inline, len as u64);
        return Ok(len);
    }
    if lane.conn.is_local() {
        let parts = client_parts(lane, held, true)?;
        // SAFETY: same process: the client's buffers stay valid while it is blocked and the slot BUSY.
        return Ok(unsafe { copy_local(&range(parts, offset, len), to, 0) });
    }
    if direct_allowed(lane) {
        let parts = client_parts(lane, held, true);
        let moved = parts.and_then(|parts| {
            direct(
                lane.conn.pid,
                range(parts, offset, len),
                range(to, 0, len),
                len,
                |pid, local, remote| {
                    // SAFETY: the caller vouches for `to`, of which `local` is a part.
                    unsafe { vm_read(pid, local, remote) }
                },
            )
        });
        if moved != Err(REFUSED) {
            return moved;
        }
        say_refused(lane);
    }
    // SAFETY: the caller vouches for `to`.
    unsafe { help::read(lane, slot, offset, to, len) }
}

/// `from` into the client's reply buffers at `offset`: as much as fits. The slot must be BUSY. Errors as above.
///
/// # Safety
/// `from` must be readable memory of ours.
pub unsafe fn to_client(
    lane: &Lane,
    slot: usize,
    held: &mut Slot,
    offset: usize,
    from: &[iovec],
) -> Result<usize, Errno> {
    let room = held.request.reply_len as usize;
    let len = server_side(total(from))?.min(room.saturating_sub(offset));
    if len == 0 {
        return Ok(0);
    }
    if lane.conn.is_local() {
        let parts = client_parts(lane, held, false)?;
        // SAFETY: as in `from_client`.
        return Ok(unsafe { copy_local(&range(from, 0, len), parts, offset) });
    }
    if direct_allowed(lane) {
        let parts = client_parts(lane, held, false);
        let moved = parts.and_then(|parts| {
            direct(
                lane.conn.pid,
                range(parts, offset, len),
                range(from, 0, len),
                len,
                vm_write,
            )
        });
        if moved != Err(REFUSED) {
            return moved;
        }
        say_refused(lane);
    }
    // SAFETY: the caller vouches for `from`.
    unsafe { help::write(lane, slot, offset, from, len) }
}

/// Inside this module only: the system does not let us copy directly.
const REFUSED: Errno = Errno(-1);

fn direct_allowed(lane: &Lane) -> bool {
    !config().no_vm_copy && !lane.conn.no_direct_copies.load(Ordering::Relaxed)
}

/// Falls back for good with this client, and says so once per process.
fn say_refused(lane: &Lane) {
    static SAID: AtomicBool = AtomicBool::new(false);
    lane.conn.no_direct_copies.store(true, Ordering::Relaxed);
    if !SAID.swap(true, Ordering::Relaxed) {
        crate::trace::line(format_args!(
            "copying straight from and to pid {} is refused here (ptrace scope, other user, or no such system call): \
             large messages go through shared memory with the client's help, two copies instead of one",
            lane.conn.pid
        ));
    }
}

/// Our own buffers being bad is `ESRVRFAULT` to a server.
fn server_side(total: Result<usize, Errno>) -> Result<usize, Errno> {
    total.map_err(|error| {
        if error == Errno::EFAULT {
            Errno::ESRVRFAULT
        } else {
            error
        }
    })
}

/// The client's buffers as it described them, fetched once.
fn client_parts<'a>(lane: &Lane, held: &'a mut Slot, sending: bool) -> Result<&'a [iovec], Errno> {
    let request = held.request;
    let (addr, count, len, kept) = if sending {
        (
            request.send_addr,
            request.send_parts,
            request.send_len,
            &mut held.send_parts,
        )
    } else {
        (
            request.reply_addr,
            request.reply_parts,
            request.reply_len,
            &mut held.reply_parts,
        )
    };
    if kept.is_none() {
        *kept = Some(if count == 1 {
            Box::new([one(addr as *const _, len as usize)])
        } else {
            fetch_parts(lane, addr, count as usize)?
        });
    }
    let parts = kept.as_deref().unwrap_or(&[]);
    // The lengths were given twice; a client that says two different things is wrong about its own memory.
    if total(parts)? < len as usize {
        Err(Errno::EFAULT)
    } else {
        Ok(parts)
    }
}

fn fetch_parts(lane: &Lane, addr: u64, count: usize) -> Result<Box<[iovec]>, Errno> {
    const MAX_PARTS: usize = 524_288;
    if count > MAX_PARTS {
        return Err(Errno::EFAULT);
    }
    let mut parts = vec![one(core::ptr::null(), 0); count];
    let bytes = count * size_of::<iovec>();
    if lane.conn.is_local() {
        // SAFETY: same process: the blocked sender's array stays in place; both sides have `count` entries.
        unsafe { core::ptr::copy_nonoverlapping(addr as *const iovec, parts.as_mut_ptr(), count) };
        return Ok(parts.into_boxed_slice());
    }
    let to = vec![one(parts.as_ptr().cast(), bytes)];
    let from = vec![one(addr as *const _, bytes)];
    // SAFETY: `to` is the vector above, and iovecs take any bit pattern.
    direct(lane.conn.pid, from, to, bytes, |pid, local, remote| unsafe {
        vm_read(pid, local, remote)
    })?;
    Ok(parts.into_boxed_slice())
}

/// Repeats a copy system call until `len` bytes have moved. `remote` is the other process' side.
fn direct(
    pid: i32,
    mut remote: Vec<iovec>,
    mut local: Vec<iovec>,
    len: usize,
    call: impl Fn(i32, &[iovec], &[iovec]) -> Result<usize, i32>,
) -> Result<usize, Errno> {
    let mut moved = 0;
    while moved < len {
        let local_now = &local[..local.len().min(MAX_PER_CALL)];
        let remote_now = &remote[..remote.len().min(MAX_PER_CALL)];
        match call(pid, local_now, remote_now) {
            Ok(0) => return Err(Errno::EFAULT),
            Ok(step) => {
                moved += step;
                if moved < len {
                    local = range(&local, step, usize::MAX);
                    remote = range(&remote, step, usize::MAX);
                }
            }
            Err(libc::EPERM | libc::ENOSYS | libc::EACCES) => return Err(REFUSED),
            Err(libc::ESRCH) => return Err(Errno::ESRCH),
            Err(libc::EFAULT) => return Err(whose_fault(&local)),
            Err(libc::ENOMEM | libc::EAGAIN) => return Err(Errno::EAGAIN),
            Err(_) => return Err(Errno::EFAULT),
        }
    }
    add(|c| &c.bytes_direct, moved as u64);
    trace!(4, "{moved} bytes straight between us and pid {pid}");
    Ok(moved)
}

/// The system does not say which side faulted: see whether ours can be read.
fn whose_fault(local: &[iovec]) -> Errno {
    let mut byte = 0u8;
    let probe = one((&raw mut byte).cast(), 1);
    for part in local.iter().filter(|part| part.iov_len != 0) {
        let last = part.iov_base.wrapping_byte_add(part.iov_len - 1);
        for at in [part.iov_base, last] {
            // SAFETY: the destination is `byte`; reading our own memory through the kernel cannot fault us.
            if unsafe { vm_read(crate::sys::pid(), &[probe], &[one(at, 1)]) }.is_err() {
                return Errno::ESRVRFAULT;
            }
        }
    }
    Errno::EFAULT
}

/// Copies between buffers of this process; `to` from byte `offset` on.
///
/// # Safety
/// All parts must be valid, and the two sides must not overlap.
unsafe fn copy_local(from: &[iovec], to: &[iovec], offset: usize) -> usize {
    let mut moved = 0;
    for part in from {
        // SAFETY: as the caller promises.
        moved += unsafe { scatter(to, offset + moved, part.iov_base.cast(), part.iov_len) };
    }
    add(|c| &c.bytes_direct, moved as u64);
    moved
}

/// Puts a small reply in the slot; the client spreads it over its buffers. Returns its length.
///
/// # Safety
/// `from` must be readable memory of ours; `len` at most the slot's reply area.
pub unsafe fn inline_reply(lane: &Lane, slot: usize, from: &[iovec], len: usize) -> usize {
    let payload = lane.region.slot(slot).reply.payload();
    // SAFETY: the caller vouches for `from` and `len`.
    let moved = unsafe { gather(from, 0, payload, len) };
    add(|c| &c.bytes_inline, moved as u64);
    moved
}
