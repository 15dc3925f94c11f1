//! Opening and closing in the POSIX layer: who the client is, what it may, and its control block.

use core::ffi::c_void;
use core::ptr;

use super::layout::*;
use super::{iofunc_attr, open_check, serve_pulse};
use crate::client_info;
use crate::errno::Errno;
use crate::types::{ClientInfo, O_CREAT, O_TRUNC};

/// iofunc_client_info: credentials of the client whose message the context holds, from the kernel.
pub fn client_info(ctp: &Context) -> Result<ClientInfo, Errno> {
    Ok(client_info::lookup(ctp.info.scoid)?.short(i32::MAX))
}

/// iofunc_open: may this client open `attr` as its message asks? With `directory` the file is made in it: who may write
/// there owns it. `EACCES`, `EEXIST`, `EISDIR`, `ENOTDIR`.
pub fn open(
    message: &IoConnect,
    attr: &Attr,
    directory: Option<&Attr>,
    client: &ClientInfo,
) -> Result<(), Errno> {
    if let Some(directory) = directory {
        let (mode, uid, gid) = (directory.mode.get(), directory.uid.get(), directory.gid.get());
        open_check::check_access(mode, uid, gid, client, 0o300)?;
        attr.mode
            .set((message.mode & !S_IFMT) | (attr.mode.get() & S_IFMT));
        attr.uid.set(client.cred.euid);
        attr.gid.set(gid);
        attr.mount.set(directory.mount.get());
        iofunc_attr::mark(attr, ATTR_ATIME | ATTR_MTIME | ATTR_CTIME);
        iofunc_attr::mark(directory, ATTR_MTIME | ATTR_CTIME);
        return Ok(());
    }
    let as_directory = message.eflag & EFLAG_DIR != 0;
    let mode = attr.mode.get();
    let wanted = open_check::check_open(mode, message.ioflag, as_directory)?;
    open_check::check_access(mode, attr.uid.get(), attr.gid.get(), client, wanted)?;
    if message.ioflag & O_TRUNC as u32 != 0 && mode & S_IFMT == S_IFREG {
        attr.nbytes.set(0);
        iofunc_attr::mark(attr, ATTR_MTIME | ATTR_CTIME | ATTR_DIRTY_SIZE);
    }
    Ok(())
}

/// The program's functions for control blocks, if its attributes have some.
fn ocb_funcs(attr: &Attr) -> Option<&OcbFuncs> {
    // SAFETY: the program's structures or null; both outlive the attributes' use.
    unsafe { attr.mount.get().as_ref().and_then(|mount| mount.funcs.as_ref()) }
}

/// A control block of the program's kind, or of ours. `ENOMEM`.
///
/// # Safety
/// Called in an open handler with its own context and attributes.
pub unsafe fn ocb_calloc(ctp: *mut Context, attr: &Attr) -> Result<*mut Ocb, Errno> {
    let funcs = ocb_funcs(attr).filter(|funcs| funcs.nfuncs >= 1);
    let made = match funcs.and_then(|funcs| funcs.ocb_calloc) {
        // SAFETY: the program's function, with the arguments that it asks for.
        Some(calloc) => unsafe { calloc(ctp, ptr::from_ref(attr).cast_mut()) },
        None => plain_ocb(),
    };
    if made.is_null() {
        Err(Errno::ENOMEM)
    } else {
        Ok(made)
    }
}

/// iofunc_ocb_calloc: a control block of our kind; null if there is no memory.
pub fn plain_ocb() -> *mut Ocb {
    // SAFETY: plain call; zeroes are a valid control block.
    unsafe { libc::calloc(1, size_of::<Ocb>()) }.cast()
}

/// Frees a control block the way it was made.
///
/// # Safety
/// From [`ocb_calloc`] with the same attributes, freed once.
pub unsafe fn ocb_free(ocb: *mut Ocb, attr: Option<&Attr>) {
    let funcs = attr.and_then(ocb_funcs).filter(|funcs| funcs.nfuncs >= 2);
    match funcs.and_then(|funcs| funcs.ocb_free) {
        // SAFETY: the program's function for the program's kind.
        Some(free) => unsafe { free(ocb) },
        // SAFETY: from calloc.
        None => unsafe { libc::free(ocb.cast()) },
    }
}

/// iofunc_ocb_attach: fills the control block from the message, counts it, and binds it to the client's connection.
///
/// # Safety
/// Called in an open handler with its own context, message and attributes.
pub unsafe fn ocb_attach(
    ctp: &Context,
    message: &IoConnect,
    ocb: *mut Ocb,
    attr: &Attr,
    io_funcs: *const IoFuncs,
) -> Result<(), Errno> {
    // SAFETY: the program's control block, at the start of which lies ours.
    let fields = unsafe { ocb.as_mut() }.ok_or(Errno::EINVAL)?;
    iofunc_attr::count_open(attr, message.ioflag)?;
    fields.attr = ptr::from_ref(attr).cast_mut();
    // What open() alone is about is over.
    fields.ioflag = (message.ioflag & !((O_CREAT | O_TRUNC) as u32)) as i32;
    fields.sflag = message.sflag;
    let privileged = client_info(ctp).is_ok_and(|client| client.cred.euid == 0);
    fields.flags |= if privileged { OCB_PRIVILEGED } else { 0 };
    serve_pulse::open_bind(ctp, ocb.cast::<c_void>(), io_funcs).inspect_err(|_| {
        iofunc_attr::count_close(attr, message.ioflag);
    })
}

/// iofunc_ocb_detach: the counts.
pub fn ocb_detach(ocb: &Ocb) -> Result<(), Errno> {
    let ioflag = ocb.ioflag as u32;
    iofunc_attr::count_close(iofunc_attr::of(ocb)?, ioflag);
    Ok(())
}

/// iofunc_open_default: checks, makes a control block, and binds it.
///
/// # Safety
/// Called as an open handler: `ctp`, `message` and `attr` are the library's arguments.
pub unsafe fn open_default(ctp: *mut Context, message: &IoConnect, attr: &Attr) -> Result<(), Errno> {
    attr.lock.lock(false)?;
    // SAFETY: as the caller promises.
    let opened = unsafe { open_locked(ctp, message, attr) };
    let _ = attr.lock.unlock();
    opened
}

/// # Safety
/// As [`open_default`].
unsafe fn open_locked(ctp: *mut Context, message: &IoConnect, attr: &Attr) -> Result<(), Errno> {
    // SAFETY: the library's context.
    let context = unsafe { &*ctp };
    open(message, attr, None, &client_info(context)?)?;
    // SAFETY: as the caller promises.
    let ocb = unsafe { ocb_calloc(ctp, attr)? };
    // SAFETY: as the caller promises, and a fresh control block.
    let attached = unsafe { ocb_attach(context, message, ocb, attr, ptr::null()) };
    if attached.is_err() {
        // SAFETY: made above, not bound.
        unsafe { ocb_free(ocb, Some(attr)) };
    }
    attached
}

/// iofunc_close_ocb_default: counts, times, and the memory of the control block.
///
/// # Safety
/// The last use of the control block.
pub unsafe fn close_ocb_default(ocb: *mut Ocb) -> Result<(), Errno> {
    // SAFETY: the program's control block, at the start of which lies ours.
    let fields = unsafe { ocb.as_ref() }.ok_or(Errno::EINVAL)?;
    ocb_detach(fields)?;
    let attr = iofunc_attr::of(fields)?;
    iofunc_attr::update_times(attr);
    let attr: *const Attr = attr;
    // SAFETY: the attributes outlive the control block; the last use of that.
    unsafe { ocb_free(ocb, attr.as_ref()) };
    Ok(())
}
