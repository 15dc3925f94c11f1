//! What the tests share: the C inlines, and sockets as a module uses them.
#![allow(dead_code, missing_docs)]

mod flood;
mod signal;
#[allow(unused_imports)]
pub use flood::Flood;
#[allow(unused_imports)]
pub use signal::{Buffer, Signal};

use iosock_kpi::layout::{Mbuf, Mtx, Socket, Uio};
use iosock_kpi::mbuf::{self, M_PKTHDR, MT_DATA, Mb};
use iosock_kpi::socket::{self, So, msg};
use iosock_kpi::thread::{Attached, Cred};
use iosock_kpi::{malloc, stat};
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::net::SocketAddr;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

pub const NOWAIT: c_int = malloc::M_NOWAIT;
pub const WAITOK: c_int = malloc::M_WAITOK;
pub const RDONLY: c_int = mbuf::M_RDONLY as c_int;
pub const EXT_MOD_TYPE: c_int = 253;

unsafe extern "C" {
    pub fn t_get(how: c_int, header: c_int) -> Option<Mb>;
    pub fn t_getcl(how: c_int) -> Option<Mb>;
    pub fn t_free(m: Mb) -> Option<Mb>;
    pub fn t_trailing(m: Mb) -> c_int;
    pub fn t_refcount(m: Mb) -> c_int;
    pub fn t_arg1(m: *mut Mbuf) -> *mut c_void;
    pub fn t_sock_lock(so: So);
    pub fn t_sock_unlock(so: So);
    pub fn t_solisten_lock(so: So);
    pub fn t_buf_lock(so: So, send: c_int);
    pub fn t_buf_unlock(so: So, send: c_int);
    pub fn t_space(so: So) -> i64;
    pub fn t_avail(so: So) -> c_uint;
    pub fn t_used(so: So) -> c_uint;
    pub fn t_state(so: So) -> c_int;
    pub fn t_cant(so: So, send: c_int) -> c_int;
    pub fn t_set_nbio(so: So);
    pub fn t_no_coalesce(so: So);
    pub fn t_error(so: So) -> c_int;
    pub fn t_hiwat(so: So) -> c_int;
    pub fn t_soref(so: So);
    pub fn t_sorele(so: So);
    pub fn t_locks() -> c_int;
    pub fn t_memory() -> c_int;
    pub fn t_msleep(chan: *mut c_void, mtx: *mut Mtx, ms: c_int) -> c_int;
    pub fn t_mtx_init(mtx: *mut Mtx);
    pub fn t_mtx_lock(mtx: *mut Mtx);
    pub fn t_mtx_unlock(mtx: *mut Mtx);
    pub fn t_mtx_destroy(mtx: *mut Mtx);
    pub fn t_sockaddr(so: So, peer: c_int, out: *mut [u8; 16]) -> c_int;
    pub fn t_mbcnt(so: So) -> c_uint;
    pub fn iosock_shim_socket_peer(so: So, addr: *mut [u8; 28]) -> c_int;
    pub fn iosock_shim_mbuf_external(
        buf: *mut c_void,
        len: u32,
        ext_free: unsafe extern "C" fn(*mut Mbuf),
        arg1: *mut c_void,
        arg2: *mut c_void,
        wait: c_int,
    ) -> Option<Mb>;
    pub fn iosock_shim_mbuf_external_piece(m: Mb, off: u32, len: u32, wait: c_int) -> Option<Mb>;
    pub fn t_spawn(f: unsafe extern "C" fn(*mut c_void), arg: *mut c_void, tid: *mut c_int) -> c_int;
    pub fn t_say(text: *const c_char);
}

/// One test at a time (counters are the process's), its thread known to the stack.
pub struct Bench {
    pub attached: Attached,
    pub before: stat::Counters,
    _one: MutexGuard<'static, ()>,
}

pub fn bench() -> Bench {
    static ONE: Mutex<()> = Mutex::new(());
    let one = ONE.lock().unwrap_or_else(|e| e.into_inner());
    let attached = Attached::new("test", 0, 0);
    assert!(stat::settle(Duration::from_secs(20)), "{:?}", stat::counters());
    Bench {
        before: stat::counters(),
        attached,
        _one: one,
    }
}

impl Bench {
    /// Every gauge is back where it was.
    pub fn clean(&self) {
        assert!(stat::settle(Duration::from_secs(20)), "{:?}", stat::counters());
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let (now, before) = (stat::counters(), &self.before);
            let same = now.mbufs == before.mbufs
                && now.clusters == before.clusters
                && now.ext_outstanding == before.ext_outstanding
                && now.sockets == before.sockets
                && now.soname_bytes == before.soname_bytes
                && now.kthreads == before.kthreads
                && now.credentials == before.credentials;
            if same {
                return;
            }
            assert!(Instant::now() < until, "left over: {now:#?}\nbefore: {before:#?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn socket(&self, sotype: c_int) -> So {
        let cred = Cred::new(0, 0);
        let mut so: *mut Socket = null_mut();
        // SAFETY: valid pointers.
        let error =
            unsafe { socket::socreate(2, &raw mut so, sotype, 0, cred.as_ptr(), self.attached.thread()) };
        assert_eq!(error, 0);
        // SAFETY: just made.
        unsafe { So::from_raw(so) }.unwrap()
    }

    pub fn tcp(&self) -> So {
        self.socket(1)
    }

    pub fn bind(&self, so: So, addr: SocketAddr) -> c_int {
        let mut sa = sockaddr(addr);
        // SAFETY: a sockaddr of its length.
        unsafe { socket::sobind(so, sa.as_mut_ptr(), self.attached.thread()) }
    }

    pub fn start_connect(&self, so: So, addr: SocketAddr) -> c_int {
        let mut sa = sockaddr(addr);
        // SAFETY: a sockaddr of its length.
        unsafe { socket::soconnect(so, sa.as_mut_ptr(), self.attached.thread()) }
    }

    /// A connected socket.
    pub fn connect(&self, addr: SocketAddr) -> So {
        let so = self.tcp();
        assert_eq!(self.start_connect(so, addr), 0);
        wait_until("connected", || state(so) & 0x2 != 0);
        so
    }

    /// A socket connected to an ordinary peer.
    pub fn pair(&self) -> (So, std::net::TcpStream) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let so = self.connect(listener.local_addr().unwrap());
        let (peer, _) = listener.accept().unwrap();
        (so, peer)
    }

    /// A listener and its address.
    pub fn listener(&self, backlog: c_int) -> (So, SocketAddr) {
        let so = self.tcp();
        assert_eq!(self.bind(so, "127.0.0.1:0".parse().unwrap()), 0);
        assert_eq!(socket::solisten(so, backlog, self.attached.thread()), 0);
        (so, local(so))
    }

    pub fn send(&self, so: So, top: Mb, flags: c_int) -> c_int {
        // SAFETY: the chain is ours.
        unsafe {
            socket::sosend(
                so,
                null_mut(),
                None,
                Some(top),
                None,
                flags,
                self.attached.thread(),
            )
        }
    }
}

pub fn state(so: So) -> c_int {
    // SAFETY: a live socket.
    unsafe { t_state(so) }
}

pub fn local(so: So) -> SocketAddr {
    socket_name(so, 0)
}

pub fn socket_name(so: So, peer: c_int) -> SocketAddr {
    let mut sa = [0_u8; 16];
    // SAFETY: room for an IPv4 sockaddr.
    assert_eq!(unsafe { t_sockaddr(so, peer, &raw mut sa) }, 0);
    from_sockaddr(&sa)
}

pub fn from_sockaddr(sa: &[u8]) -> SocketAddr {
    assert_eq!((sa[0], sa[1]), (16, 2));
    SocketAddr::from(([sa[4], sa[5], sa[6], sa[7]], u16::from_be_bytes([sa[2], sa[3]])))
}

pub fn sockaddr(addr: SocketAddr) -> Vec<u8> {
    match addr {
        SocketAddr::V4(a) => {
            let mut sa = vec![16, 2];
            sa.extend(a.port().to_be_bytes());
            sa.extend(a.ip().octets());
            sa.extend([0xAA; 8]);
            sa
        }
        SocketAddr::V6(a) => {
            let mut sa = vec![28, 28];
            sa.extend(a.port().to_be_bytes());
            sa.extend([0; 4]);
            sa.extend(a.ip().octets());
            sa.extend([0; 4]);
            sa
        }
    }
}

/// A chain of the stack's own mbufs with these bytes.
pub fn chain(bytes: &[u8]) -> Mb {
    let m = mbuf::m_getm2(
        None,
        bytes.len().max(1) as c_int,
        WAITOK,
        MT_DATA,
        M_PKTHDR as c_int,
    )
    .unwrap();
    // SAFETY: the bytes are there.
    unsafe { mbuf::m_copyback(Some(m), 0, bytes.len() as c_int, bytes.as_ptr()) };
    m
}

pub fn bytes_of(m: Option<Mb>) -> Vec<u8> {
    let mut all = Vec::new();
    for m in m.iter().flat_map(|m| m.iter()) {
        // SAFETY: the chain is the test's.
        all.extend_from_slice(unsafe { m.bytes() });
    }
    all
}

/// External storage that says when it is given back.
pub struct Slice {
    pub bytes: Vec<u8>,
    pub released: AtomicU32,
}

pub static RELEASE_ORDER: Mutex<Vec<usize>> = Mutex::new(Vec::new());

impl Slice {
    pub fn new(bytes: Vec<u8>) -> Box<Slice> {
        Box::new(Slice {
            bytes,
            released: AtomicU32::new(0),
        })
    }

    /// An mbuf with packet header over the bytes. The slice must outlive it.
    pub fn mbuf(&self, flags: c_int) -> Mb {
        // SAFETY: the storage stays until the test has seen it released.
        unsafe {
            let m = t_get(WAITOK, 1).unwrap();
            let arg = std::ptr::from_ref(self).cast_mut().cast();
            let buf = self.bytes.as_ptr().cast_mut();
            mbuf::m_extadd(
                m,
                buf,
                self.bytes.len() as u32,
                Some(slice_free),
                arg,
                null_mut(),
                flags,
                EXT_MOD_TYPE,
            );
            m.set_len(self.bytes.len());
            m.set_pkt_len(self.bytes.len());
            m
        }
    }

    /// A reference to the bytes as the product makes it, to take pieces of.
    pub fn range(&self) -> Mb {
        let arg = std::ptr::from_ref(self).cast_mut().cast();
        let buf = self.bytes.as_ptr().cast_mut().cast();
        // SAFETY: the storage stays until the test has seen it released.
        unsafe {
            iosock_shim_mbuf_external(buf, self.bytes.len() as u32, slice_free, arg, null_mut(), 1).unwrap()
        }
    }

    pub fn times_released(&self) -> u32 {
        self.released.load(Ordering::Acquire)
    }
}

unsafe extern "C" fn slice_free(m: *mut Mbuf) {
    // SAFETY: the mbuf that m_extadd was called with.
    let slice = unsafe { &*t_arg1(m).cast::<Slice>() };
    RELEASE_ORDER
        .lock()
        .unwrap()
        .push(std::ptr::from_ref(slice) as usize);
    slice.released.fetch_add(1, Ordering::AcqRel);
}

/// What `soreceive` in mbuf mode gave.
pub struct Got {
    pub error: c_int,
    pub chain: Option<Mb>,
    pub taken: usize,
    pub flags: c_int,
}

impl Got {
    pub fn bytes(self) -> Vec<u8> {
        let bytes = bytes_of(self.chain);
        mbuf::m_freem(self.chain);
        bytes
    }
}

pub fn receive(so: So, max: usize, flags: c_int) -> Got {
    let mut uio = Uio {
        uio_iov: null_mut(),
        uio_iovcnt: 0,
        uio_offset: 0,
        uio_resid: max as isize,
        uio_segflg: 1,
        uio_rw: 0,
        uio_td: null_mut(),
    };
    let (mut chain, mut flags) = (None, flags);
    // SAFETY: valid pointers.
    let error = unsafe {
        socket::soreceive(
            so,
            null_mut(),
            Some(&mut uio),
            &raw mut chain,
            null_mut(),
            &raw mut flags,
        )
    };
    Got {
        error,
        chain,
        taken: max - uio.uio_resid as usize,
        flags,
    }
}

/// Receives without waiting.
pub fn try_receive(so: So, max: usize) -> Got {
    receive(so, max, msg::DONTWAIT)
}

pub fn wait_until(what: &str, mut f: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !f() {
        assert!(Instant::now() < until, "not {what} after 20 s");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Sets an option to what `value` holds.
pub fn set_option<T>(so: So, level: c_int, name: c_int, value: &[T]) -> c_int {
    let at = value.as_ptr().cast_mut().cast();
    // SAFETY: as many bytes as are said; an option's value is only read.
    unsafe { socket::so_setsockopt(so, level, name, at, size_of_val(value)) }
}

/// SO_LINGER on, 0 seconds.
pub fn abort(so: So) {
    let linger = [1_i32, 0];
    assert_eq!(set_option(so, 0xffff, 0x80, &linger), 0);
    assert_eq!(socket::soclose(so), 0);
}

/// Bytes that differ from place to place.
pub fn pattern(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|i| ((i + seed) * 31 + (i >> 8) * 7) as u8).collect()
}
