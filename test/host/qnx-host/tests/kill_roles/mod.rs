//! What the processes of `kills.rs` do until they are killed, and what their survivors do to them.

use crate::common::*;
use core::ptr;
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use qnx_host::mutex::*;
use std::ffi::CString;
use std::time::Duration;

pub mod survivors;

/// Victims alive at the same time, and names that they fight over.
pub const PLACES: usize = 3;
/// Threads of the survivors that must never stand still.
pub const BEATS: usize = 6;
/// What lent memory begins with.
pub const MAGIC: u64 = 0x6C65_6E74_206D_656D;

/// What the survivors do.
pub mod order {
    pub const RUN: u32 = 0;
    /// Let go of everything, then wait.
    pub const PAUSE: u32 = 1;
}

/// What a victim tells the others about itself.
pub struct Place {
    pub pid: AtomicI32,
    pub chid: AtomicI32,
    /// A memory handle for the surviving client.
    pub handle: AtomicU64,
}

/// Memory that all processes share.
pub struct Shared {
    pub order: AtomicU32,
    /// Surviving threads that have let go of everything.
    pub paused: AtomicU32,
    pub beats: [AtomicU64; BEATS],
    pub server: [AtomicI32; 2],
    pub client_pid: AtomicI32,
    pub places: [Place; PLACES],
    /// A robust mutex; owners die.
    pub mutex: AtomicU64,
    /// How often what was killed had got somewhere, by kind.
    pub work: [AtomicU64; KINDS.len()],
}

impl Shared {
    /// A page that forked children share.
    pub fn new() -> &'static Shared {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: a fresh page of zeros, a valid Shared, which is never unmapped.
        let shared = unsafe {
            let prot = libc::PROT_READ | libc::PROT_WRITE;
            let at = libc::mmap(ptr::null_mut(), size_of::<Shared>(), prot, flags, -1, 0);
            assert_ne!(at, libc::MAP_FAILED);
            &*at.cast::<Shared>()
        };
        // SAFETY: a valid attribute and eight bytes for the mutex.
        unsafe {
            let mut attr = MutexAttr::default();
            assert_eq!(qnx_pthread_mutexattr_init(&mut attr), 0);
            assert_eq!(qnx_pthread_mutexattr_setpshared(&mut attr, 1), 0);
            assert_eq!(qnx_pthread_mutexattr_setrobust(&mut attr, 0x10), 0);
            assert_eq!(qnx_pthread_mutex_init(shared.lock_at(), &attr), 0);
        }
        shared
    }

    fn lock_at(&self) -> *mut Mutex {
        self.mutex.as_ptr().cast()
    }

    /// Takes the mutex, repairs it if its owner has died, and lets it go.
    pub fn lock_and_unlock(&self) {
        // SAFETY: an initialised mutex in memory that stays.
        unsafe {
            match qnx_pthread_mutex_lock(self.lock_at()) {
                0 => {}
                58 => assert_eq!(qnx_pthread_mutex_consistent(self.lock_at()), 0),
                other => panic!("pthread_mutex_lock {other}"),
            }
            assert_eq!(qnx_pthread_mutex_unlock(self.lock_at()), 0);
        }
    }

    pub fn beat(&self, who: usize) {
        self.beats[who].fetch_add(1, Ordering::Relaxed);
    }
}

/// A generator whose whole state is its seed: the same seed gives the same draws.
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// Lengths that travel in a slot, just not, and in many pages.
pub const LENGTHS: [usize; 5] = [0, 40, 4000, 5000, 66_000];

/// One victim: its place, its own draws, and the shared memory.
pub struct Victim {
    pub place: usize,
    pub random: Random,
    pub shared: &'static Shared,
}

/// A kind of victim and what it does until it is killed.
pub type Kind = (&'static str, fn(Victim));

pub const KINDS: [Kind; 8] = [
    ("client", client),
    ("interrupted client", interrupted_client),
    ("server", server),
    ("name owner", name_owner),
    ("memory owner", memory_owner),
    ("proxy", proxy),
    ("event client", event_client),
    ("lock owner", lock_owner),
];

/// The name that belongs to a place.
pub fn name(place: usize) -> CString {
    CString::new(format!("kill/{place}")).expect("name")
}

impl Victim {
    fn to_survivor(&self) -> i32 {
        let [pid, chid] = &self.shared.server;
        attach(pid.load(Ordering::SeqCst), chid.load(Ordering::SeqCst))
    }

    fn did(&self, kind: usize) {
        self.shared.work[kind].fetch_add(1, Ordering::Relaxed);
    }

    fn publish(&self, chid: i32) {
        let place = &self.shared.places[self.place];
        place.chid.store(chid, Ordering::SeqCst);
        place.pid.store(std::process::id() as i32, Ordering::SeqCst);
    }
}

/// An echo of these bytes is what the survivor must give.
pub fn exchange(coid: i32, bytes: &[u8]) -> i64 {
    let mut answer = vec![0; bytes.len()];
    let status = send(coid, bytes, &mut answer);
    if status >= 0 {
        assert_eq!(status, bytes.len() as i64);
        assert!(
            answer == bytes,
            "an answer of {} bytes is not its request's",
            bytes.len()
        );
    }
    status
}

/// Two threads that send, one with pulses in between.
fn client(mut it: Victim) {
    let coid = it.to_survivor();
    let mut other = it.random.clone();
    forever(move || {
        loop {
            pulse(coid, 10, 1, other.next() as i64);
            let bytes = vec![other.next() as u8; other.pick(&LENGTHS)];
            assert!(matches!(exchange(coid, &bytes), 0..));
        }
    });
    loop {
        let bytes = vec![it.random.next() as u8; it.random.pick(&LENGTHS)];
        assert!(matches!(exchange(coid, &bytes), 0..));
        it.did(0);
    }
}

extern "C" fn nothing(_: i32) {}

/// Threads thrown out of their calls in every way there is: timeouts, signals, detaching.
fn interrupted_client(mut it: Victim) {
    use std::os::unix::thread::JoinHandleExt;
    const THREADS: i32 = 3;
    // SAFETY: a handler that does nothing.
    unsafe { libc::signal(libc::SIGUSR1, nothing as *const () as usize) };
    let threads: Vec<_> = (1..=THREADS)
        .map(|number| {
            let mut random = Random(it.random.next());
            let mut coid = it.to_survivor();
            forever(move || {
                loop {
                    if random.below(2) == 0 {
                        let after = Duration::from_micros(random.below(300));
                        timeout(TIMEOUT_SEND | TIMEOUT_REPLY, after);
                    }
                    let bytes = vec![number as u8; random.pick(&LENGTHS)];
                    match exchange(coid, &bytes) {
                        0.. | -4 | -260 => {}
                        // Detached under us.
                        -9 => coid = SIDE_CHANNEL + 1 + random.below(THREADS as u64) as i32,
                        other => panic!("MsgSend {other}"),
                    }
                }
            })
        })
        .collect();
    loop {
        for thread in &threads {
            // SAFETY: the threads never end.
            unsafe { libc::pthread_kill(thread.as_pthread_t(), libc::SIGUSR1) };
        }
        std::thread::sleep(Duration::from_micros(it.random.below(200)));
        let one = SIDE_CHANNEL + 1 + it.random.below(THREADS as u64) as i32;
        // SAFETY: no pointers.
        assert_eq!(unsafe { ConnectDetach_r(one) }, 0);
        assert_eq!(it.to_survivor(), one, "the lowest free number");
        it.did(1);
    }
}

/// Echoes for ever.
fn serve(chid: i32, mut after: impl FnMut()) {
    loop {
        let got = receive_room(chid, 70_000);
        match got.rcvid {
            0 if got.pulse().code == PULSE_CODE_DISCONNECT => {
                // SAFETY: no pointers.
                assert_eq!(unsafe { ConnectDetach_r(got.pulse().scoid) }, 0);
            }
            0 => {}
            rcvid => {
                assert!(rcvid > 0, "MsgReceive {rcvid}");
                let replied = reply(rcvid, got.bytes.len() as i64, &got.bytes);
                assert!(matches!(replied, 0 | -3), "MsgReply {replied}");
                after();
            }
        }
    }
}

fn server(it: Victim) {
    let chid = channel(CHF_DISCONNECT | CHF_UNBLOCK);
    it.publish(chid);
    let second = forever(move || serve(chid, || {}));
    serve(chid, || it.did(2));
    drop(second);
}

fn named(place: usize) -> *mut NameAttach {
    // SAFETY: a C string.
    let attached = unsafe { name_attach(ptr::null_mut(), name(place).as_ptr(), 0) };
    // Whoever had the name before is dead.
    assert!(!attached.is_null(), "name_attach: errno {}", errno());
    attached
}

/// Has the name of its place, gives it up and takes it again.
fn name_owner(mut it: Victim) {
    let rounds = it.random.below(4);
    for _ in 0..rounds {
        // SAFETY: given back once.
        assert_eq!(unsafe { name_detach(named(it.place), 0) }, 0);
    }
    // SAFETY: what name_attach returned.
    let chid = unsafe { (*named(it.place)).chid };
    it.publish(chid);
    serve(chid, || it.did(3));
}

/// Lends memory to both survivors, by handles, and keeps a named object.
fn memory_owner(it: Victim) {
    const SHM_ANON: *const core::ffi::c_char = ptr::without_provenance(usize::MAX);
    let coid = it.to_survivor();
    let named = CString::new(format!("/kill-{}", it.place)).expect("name");
    loop {
        // SAFETY: SHM_ANON is a value; a C string; valid variables; the mapping is used while it exists.
        unsafe {
            let fd = qnx_shm_open(SHM_ANON, O_RDWR | O_CREAT, 0o600);
            assert!(fd >= 0, "shm_open: errno {}", errno());
            assert_eq!(shm_ctl(fd, (SHMCTL_ANON | SHMCTL_SEAL) as i32, 0, 4096), 0);
            let prot = PROT_READ | PROT_WRITE;
            let at = qnx_mmap(ptr::null_mut(), 4096, prot, MAP_SHARED, fd, 0);
            at.cast::<u64>().write_volatile(MAGIC);
            let mut handles = [0u64; 2];
            let [server, _] = &it.shared.server;
            for (handle, pid) in handles.iter_mut().zip([server, &it.shared.client_pid]) {
                let pid = pid.load(Ordering::SeqCst);
                assert_eq!(shm_create_handle(fd, pid, O_RDWR, handle, 0), 0);
            }
            it.shared.places[it.place]
                .handle
                .store(handles[1], Ordering::SeqCst);
            let message = [b"handle::".as_slice(), &handles[0].to_ne_bytes()].concat();
            let status = send(coid, &message, &mut []);
            assert!(status >= 0, "MsgSend {status}");
            shm_delete_handle(handles[1]);
            let lasting = qnx_shm_open(named.as_ptr(), O_RDWR | O_CREAT, 0o600);
            assert!(lasting >= 0, "shm_open: errno {}", errno());
            assert_eq!(qnx_ftruncate(lasting, 4096), 0);
            qnx_shm_unlink(named.as_ptr());
            assert_eq!(
                (qnx_close(lasting), qnx_munmap(at, 4096), qnx_close(fd)),
                (0, 0, 0)
            );
        }
        it.did(4);
    }
}

/// A server whose answer comes from another server.
fn proxy(it: Victim) {
    let coid = it.to_survivor();
    let chid = channel(CHF_DISCONNECT);
    it.publish(chid);
    serve(chid, || {
        assert!(exchange(coid, b"from the proxy") >= 0);
        it.did(5);
    });
}

/// Registers events, has them delivered, and takes the pulses.
fn event_client(it: Victim) {
    let coid = it.to_survivor();
    let own = channel(0);
    let to_self = attach(0, own);
    loop {
        let mut event = SigEvent {
            notify: SIGEV_PULSE,
            target: to_self as u32 as u64,
            code_priority: 3 | 10 << 16,
            ..SigEvent::default()
        };
        // SAFETY: a valid structure.
        assert_eq!(unsafe { MsgRegisterEvent_r(&mut event, coid) }, 0);
        let words = [
            event.notify as u32 as u64,
            event.target,
            event.value,
            event.code_priority,
        ];
        let mut message = b"event:::".to_vec();
        words
            .iter()
            .for_each(|word| message.extend_from_slice(&word.to_ne_bytes()));
        assert_eq!(send(coid, &message, &mut []), 0);
        assert_eq!(receive(own).pulse().code, 3);
        // SAFETY: a valid structure.
        assert_eq!(unsafe { MsgUnregisterEvent_r(&event) }, 0);
        it.did(6);
    }
}

/// Dies with the mutex, or while it waits for it.
fn lock_owner(it: Victim) {
    loop {
        it.shared.lock_and_unlock();
        it.did(7);
    }
}
