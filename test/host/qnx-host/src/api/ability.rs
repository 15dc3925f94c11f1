//! Abilities: `docs/qnx-ipc.md` 13.

use core::ffi::{c_char, c_int, c_uint};

use super::{calls, text};
use crate::ability::{Item, aid, operation};
use crate::errno::{EOK, Errno};
use crate::{ability_names, ability_record, sys};

/// `PROCMGR_AID_*` of an argument; what is above is operations.
const ABILITY: u32 = 0xFFFF;
/// Longest list that is read: one that is longer has no end.
const LIST_MAX: usize = 1024;

calls! {
    SYMBOLS;

    /// `procmgr_ability_lookup()`: an ability's number, or a negative error number. One that does not exist is created if we
    /// may, else the number is temporary.
    ["procmgr_ability_lookup"] fn procmgr_ability_lookup(name: *const c_char) -> c_int = value {
        // SAFETY: the caller's string.
        let found = unsafe { text(name) }.and_then(ability_names::find);
        found.map_or_else(|errno| -errno.0, |number| number as c_int)
    }

    /// `procmgr_ability_create()`: makes an ability; its number, or a negative error number.
    ["procmgr_ability_create"] fn procmgr_ability_create(name: *const c_char, flags: c_uint) -> c_int = value {
        // SAFETY: the caller's string.
        let made = unsafe { text(name) }.and_then(|name| ability_names::create(name, flags));
        made.map_or_else(|errno| -errno.0, |number| number as c_int)
    }
}

/// `procmgr_ability(pid_t pid, unsigned ability, ...)`: changes what this process may do; `EOK` or an error number.
///
/// The arguments after `pid` are found in `registers`, then on the `stack`: every one of them, whatever its size, fills
/// one 64-bit place. They end with `PROCMGR_AID_EOL`.
///
/// # Safety
/// The list must have an end, as the C function wants it.
unsafe extern "C" fn ability(pid: c_int, registers: *const u64, count: usize, stack: *const u64) -> c_int {
    let guard = super::guard::Guard::enter();
    let _off = super::guard::Uncancellable::begin();
    let mut next = 0;
    let mut argument = || {
        let at = next;
        next += 1;
        // SAFETY: the list has not ended yet, so this argument was given.
        unsafe {
            if at < count {
                *registers.add(at)
            } else {
                *stack.add(at - count)
            }
        }
    };
    let mut list = Vec::new();
    let result = loop {
        let word = argument() as u32;
        let (ability, operations) = (word & ABILITY, word & !ABILITY);
        let range = (operations & operation::SUBRANGE != 0).then(|| (argument(), argument()));
        list.push(Item {
            ability,
            operations,
            range,
        });
        if ability == aid::EOL {
            break change(pid, &list);
        }
        if list.len() == LIST_MAX {
            break Err(Errno::EINVAL);
        }
    };
    guard.leave();
    result.map_or_else(|errno| errno.0, |()| EOK)
}

/// ON-TARGET: the errno of procmgr_ability for another process; root may change it on QNX, here nobody can.
fn change(pid: c_int, list: &[Item]) -> Result<(), Errno> {
    if pid != 0 && pid != sys::pid() {
        return Err(if sys::exists(pid) {
            Errno::EPERM
        } else {
            Errno::ESRCH
        });
    }
    ability_record::change(list)
}

/// Rust cannot define a function with a variable number of arguments: this one stores the registers that carry them and
/// passes their place and that of the rest to [`ability`].
///
/// # Safety
/// As the C function: the list ends with `PROCMGR_AID_EOL`.
#[cfg(target_arch = "x86_64")]
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C" fn procmgr_ability() -> c_int {
    core::arch::naked_asm!(
        "push r9",
        "push r8",
        "push rcx",
        "push rdx",
        "push rsi",
        "mov rsi, rsp",
        "mov edx, 5",
        // Beyond the five registers lies the return address, and then the rest of the arguments.
        "lea rcx, [rsp + 48]",
        "call {ability}",
        "add rsp, 40",
        "ret",
        ability = sym ability,
    )
}

/// See the other one.
///
/// # Safety
/// As the C function: the list ends with `PROCMGR_AID_EOL`.
#[cfg(target_arch = "aarch64")]
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C" fn procmgr_ability() -> c_int {
    core::arch::naked_asm!(
        "stp x29, x30, [sp, #-80]!",
        "mov x29, sp",
        "stp x1, x2, [sp, #16]",
        "stp x3, x4, [sp, #32]",
        "stp x5, x6, [sp, #48]",
        "str x7, [sp, #64]",
        "add x1, sp, #16",
        "mov x2, #7",
        "add x3, sp, #80",
        "bl {ability}",
        "ldp x29, x30, [sp], #80",
        "ret",
        ability = sym ability,
    )
}

/// The function above, which has no place in the table that the macro makes.
pub(super) static VARIADIC: &[(&str, super::Address)] =
    &[("procmgr_ability", super::Address(procmgr_ability as *const ()))];
