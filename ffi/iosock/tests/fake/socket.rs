//! socket.c, sockbuf.c, soreceive.c, upcall.c: notes what was called, and answers what the test has laid out.

use super::mbuf::{iosock_shim_mbuf_freem, received};
use iosock_sys::{iosock_addr, iosock_upcall, mbuf, socket};
use std::{
    ffi::{c_int, c_long, c_uint, c_void},
    ptr,
    sync::Mutex,
};

/// What was called, in order.
pub static CALLS: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
/// What the calls answer.
pub static ANSWER: Mutex<Answer> = Mutex::new(Answer::new());

pub struct Answer {
    /// The next call that can fail does so with this.
    pub error: c_int,
    pub state: c_int,
    pub pieces: &'static [&'static [u8]],
    pub upcall: Option<(
        unsafe extern "C" fn(*mut socket, *mut c_void, c_int) -> c_int,
        usize,
    )>,
    pub bound: Option<iosock_addr>,
}

impl Answer {
    const fn new() -> Self {
        Self {
            error: 0,
            state: 0,
            pieces: &[],
            upcall: None,
            bound: None,
        }
    }
}

/// Forgets what was noted and laid out.
pub fn reset() {
    CALLS.lock().expect("a lock").clear();
    *ANSWER.lock().expect("a lock") = Answer::new();
}

/// What was called since the last time.
pub fn calls() -> Vec<&'static str> {
    std::mem::take(&mut CALLS.lock().expect("a lock"))
}

fn note(call: &'static str) {
    CALLS.lock().expect("a lock").push(call);
}

fn answer() -> c_int {
    std::mem::take(&mut ANSWER.lock().expect("a lock").error)
}

fn a_socket() -> *mut socket {
    ptr::without_provenance_mut(0x1000)
}

macro_rules! shims {
    ($($call:literal fn $name:ident($($arg:ident: $type:ty),*) $(-> $ret:ty)? $body:block)*) => {
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($arg: $type),*) $(-> $ret)? {
                note($call);
                $body
            }
        )*
    };
}

shims! {
    "create" fn iosock_shim_socreate(_domain: c_int, so: *mut *mut socket, _type: c_int, _protocol: c_int) -> c_int {
        unsafe { *so = a_socket() };
        answer()
    }
    "bind" fn iosock_shim_sobind(_so: *mut socket, addr: *const iosock_addr) -> c_int {
        ANSWER.lock().expect("a lock").bound = Some(unsafe { *addr });
        answer()
    }
    "listen" fn iosock_shim_solisten(_so: *mut socket, _backlog: c_int) -> c_int { answer() }
    "connect" fn iosock_shim_soconnect(_so: *mut socket, _addr: *const iosock_addr) -> c_int { answer() }
    "accept" fn iosock_shim_soaccept(_head: *mut socket, so: *mut *mut socket, peer: *mut iosock_addr) -> c_int {
        let error = answer();
        if error == 0 {
            unsafe { *so = a_socket() };
            if let Some(bound) = ANSWER.lock().expect("a lock").bound {
                unsafe { *peer = bound };
            }
        }
        error
    }
    "send" fn iosock_shim_sosend(_so: *mut socket, top: *mut mbuf, _flags: c_int) -> c_int {
        unsafe { iosock_shim_mbuf_freem(top) };
        answer()
    }
    "receive" fn iosock_shim_soreceive(
        _so: *mut socket, max: usize, top: *mut *mut mbuf, taken: *mut usize, _flags: *mut c_int
    ) -> c_int {
        let pieces = ANSWER.lock().expect("a lock").pieces;
        let len = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        assert!(len <= max);
        unsafe {
            *top = received(pieces, nothing);
            *taken = len;
        }
        answer()
    }
    "shutdown" fn iosock_shim_soshutdown(_so: *mut socket, _how: c_int) -> c_int { answer() }
    "close" fn iosock_shim_soclose(_so: *mut socket) -> c_int { answer() }
    "local" fn iosock_shim_socket_local(_so: *mut socket, addr: *mut iosock_addr) -> c_int {
        if let Some(bound) = ANSWER.lock().expect("a lock").bound {
            unsafe { *addr = bound };
        }
        answer()
    }
    "peer" fn iosock_shim_socket_peer(_so: *mut socket, _addr: *mut iosock_addr) -> c_int { answer() }
    "set option" fn iosock_shim_socket_set_option(
        _so: *mut socket, _level: c_int, _name: c_int, _value: *const c_void, _len: usize
    ) -> c_int { answer() }
    "get option" fn iosock_shim_socket_get_option(
        _so: *mut socket, _level: c_int, _name: c_int, value: *mut c_void, len: *mut usize
    ) -> c_int {
        unsafe {
            assert_eq!(*len, 4);
            value.cast::<c_int>().write(7);
        }
        answer()
    }
    "linger" fn iosock_shim_socket_set_linger(_so: *mut socket, _on: c_int, _seconds: c_int) -> c_int { answer() }
    "nonblocking" fn iosock_shim_socket_set_nonblocking(_so: *mut socket, _on: c_int) {}
    "state" fn iosock_shim_socket_state(_so: *mut socket) -> c_int { ANSWER.lock().expect("a lock").state }
    "state" fn iosock_shim_listener_state(_so: *mut socket) -> c_int { ANSWER.lock().expect("a lock").state }
    "take error" fn iosock_shim_socket_take_error(_so: *mut socket) -> c_int { answer() }
    "space" fn iosock_shim_sockbuf_send_space(_so: *mut socket) -> c_long { -1 }
    "hiwat" fn iosock_shim_sockbuf_send_hiwat(_so: *mut socket) -> c_uint { 32768 }
    "available" fn iosock_shim_sockbuf_receive_available(_so: *mut socket) -> c_uint { 0 }
    "used" fn iosock_shim_sockbuf_send_used(_so: *mut socket) -> c_uint { 0 }
    "no coalesce" fn iosock_shim_sockbuf_send_no_coalesce(_so: *mut socket) {}
    "set receive" fn iosock_shim_upcall_set_receive(_so: *mut socket, upcall: iosock_upcall, arg: *mut c_void) {
        ANSWER.lock().expect("a lock").upcall = upcall.map(|upcall| (upcall, arg.addr()));
    }
    "set send" fn iosock_shim_upcall_set_send(_so: *mut socket, _upcall: iosock_upcall, _arg: *mut c_void) {}
    "set listener" fn iosock_shim_upcall_set_listener(_so: *mut socket, _upcall: iosock_upcall, _arg: *mut c_void) {}
    "clear receive" fn iosock_shim_upcall_clear_receive(_so: *mut socket) {}
    "clear send" fn iosock_shim_upcall_clear_send(_so: *mut socket) {}
    "clear listener" fn iosock_shim_upcall_clear_listener(_so: *mut socket) {}
}

unsafe extern "C" fn nothing(_m: *mut mbuf) {}
