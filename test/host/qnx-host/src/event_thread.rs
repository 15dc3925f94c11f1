//! SIGEV_THREAD: an event that starts a thread in the process which made it.

use core::ffi::c_void;
use core::mem::MaybeUninit;

use crate::ability::aid;
use crate::ability_record;
use crate::errno::Errno;
use crate::types::{SIGEV_FLAG_CODE_UPDATEABLE, SigEvent};

/// A function there must be; and nobody but the process itself may touch what stands in the place of code and priority, a
/// pointer.
pub fn well_formed(event: &SigEvent) -> Result<(), Errno> {
    let wrong = event.target < 4096 || event.notify & SIGEV_FLAG_CODE_UPDATEABLE != 0;
    if wrong { Err(Errno::EINVAL) } else { Ok(()) }
}

/// `EPERM` without the ability. ON-TARGET: the errno of a SIGEV_THREAD event without the ability.
pub fn check_ability() -> Result<(), Errno> {
    if ability_record::own_may(aid::SIGEV_THREAD, None) {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

/// Starts the thread, detached, with the event's attributes (`pthread_attr_t` of Linux) if it has any. Its signal mask is
/// that of the thread which raises the event: the kernel thread's, which blocks all, for what another process delivers.
/// `EAGAIN` no more threads.
pub fn start(event: &SigEvent) -> Result<(), Errno> {
    type Start = extern "C" fn(*mut c_void) -> *mut c_void;
    check_ability()?;
    // SAFETY: the process put the address of a `void (*)(union sigval)` there when it made the event, and no other process
    // can change it. To a caller that ignores the result it is a function of one 64-bit argument, as a thread's start is: the
    // thread begins in it, so that it may also end by pthread_exit, with no frame of ours below.
    let function = unsafe { core::mem::transmute::<usize, Start>(event.target as usize) };
    let attributes = event.code_priority as *const libc::pthread_attr_t;
    let mut thread = MaybeUninit::uninit();
    // SAFETY: `attributes` is null or the process' own object, which must live as long as the event.
    let failed = unsafe {
        libc::pthread_create(
            thread.as_mut_ptr(),
            attributes,
            function,
            event.value as *mut c_void,
        )
    };
    if failed != 0 {
        return Err(Errno::from_linux(failed));
    }
    if attributes.is_null() || is_joinable(attributes) {
        // SAFETY: just made, and nobody else knows it.
        unsafe { libc::pthread_detach(thread.assume_init()) };
    }
    Ok(())
}

unsafe extern "C" {
    fn pthread_attr_getdetachstate(attributes: *const libc::pthread_attr_t, state: *mut i32) -> i32;
}

fn is_joinable(attributes: *const libc::pthread_attr_t) -> bool {
    let mut state = 0;
    // SAFETY: the process' own attributes, and a variable.
    let known = unsafe { pthread_attr_getdetachstate(attributes, &mut state) } == 0;
    known && state == libc::PTHREAD_CREATE_JOINABLE
}
