//! The two processes of `kills.rs` that are never killed: a server of all victims, and a client of all of them.

use super::*;

/// Beats of the server's threads come first, then the client's.
const SERVERS: usize = 2;

/// Serves whoever comes. Every seventh message is answered by its unblock pulse alone.
pub fn server(shared: &'static Shared, mut ready: Tx) {
    let chid = channel(CHF_UNBLOCK | CHF_DISCONNECT);
    shared.server[1].store(chid, Ordering::SeqCst);
    shared.server[0].store(std::process::id() as i32, Ordering::SeqCst);
    let threads: Vec<_> = (0..SERVERS)
        .map(|number| forever(move || serve_all(shared, chid, number)))
        .collect();
    ready.send(0);
    threads
        .into_iter()
        .for_each(|thread| thread.join().expect("server thread"));
}

fn serve_all(shared: &'static Shared, chid: i32, number: usize) {
    let mut count = 0u64;
    loop {
        // It has nothing to do for a while when all that lives are victims of other kinds.
        timeout(TIMEOUT_RECEIVE, Duration::from_millis(500));
        let got = receive_room(chid, 70_000);
        shared.beat(number);
        match got.rcvid {
            0 => kernel_pulse(&got.pulse()),
            -260 => {}
            rcvid if rcvid > 0 => {
                count += 1;
                message(&got, count);
            }
            other => panic!("MsgReceive {other}"),
        }
    }
}

fn kernel_pulse(pulse: &Pulse) {
    match pulse.code {
        // SAFETY: no pointers.
        PULSE_CODE_DISCONNECT => assert_eq!(unsafe { ConnectDetach_r(pulse.scoid) }, 0),
        PULSE_CODE_UNBLOCK => {
            let rcvid = pulse.value as i64;
            if info(rcvid).is_ok() {
                assert!(matches!(error(rcvid, -1), 0 | 3));
            }
        }
        _ => {}
    }
}

fn message(got: &Got, count: u64) {
    let gone = |status: i32| assert!(matches!(status, 0 | -3), "MsgReply {status}");
    match got.bytes.as_slice() {
        [b'h', b'a', b'n', b'd', b'l', b'e', b':', b':', handle @ ..] => {
            borrow(
                u64::from_ne_bytes(handle.try_into().expect("handle")),
                got.info.pid,
            );
            gone(reply(got.rcvid, 0, &[]));
        }
        [b'e', b'v', b'e', b'n', b't', b':', b':', b':', event @ ..] => {
            // SAFETY: 32 bytes of plain data.
            let event = unsafe { event.as_ptr().cast::<SigEvent>().read_unaligned() };
            gone(reply(got.rcvid, 0, &[]));
            // SAFETY: a valid structure.
            let delivered = unsafe { MsgDeliverEvent_r(got.rcvid, &event) };
            assert!(
                matches!(delivered, 0 | 3 | 9 | 11 | 22),
                "MsgDeliverEvent {delivered}"
            );
        }
        // Parked: its unblock pulse is the answer, when the client is interrupted or killed.
        _ if count.is_multiple_of(13) => {}
        bytes => gone(reply(got.rcvid, bytes.len() as i64, bytes)),
    }
}

/// Opens what `pid` has lent, unless it has died meanwhile, and looks at it.
fn borrow(handle: u64, pid: i32) {
    // SAFETY: no pointers.
    let fd = unsafe { shm_open_handle_pid(handle, O_RDWR, pid) };
    if fd < 0 {
        assert_eq!(errno(), 2, "shm_open_handle_pid");
        return;
    }
    let mut status = Stat::default();
    // SAFETY: a valid structure; a mapping that is used while it exists.
    unsafe {
        assert_eq!((qnx_fstat(fd, &mut status), status.size), (0, 4096));
        assert_eq!(
            shm_ctl(fd, SHMCTL_GET_FLAGS as i32, 0, 0),
            (SHMCTL_ANON | SHMCTL_SEAL) as i32
        );
        look(qnx_mmap(ptr::null_mut(), 4096, PROT_READ, MAP_SHARED, fd, 0));
        assert_eq!(qnx_close(fd), 0);
    }
}

/// # Safety
/// `at` must be a mapping of a page, or MAP_FAILED.
unsafe fn look(at: *mut core::ffi::c_void) {
    assert_ne!(at.addr(), usize::MAX, "mmap: errno {}", errno());
    // SAFETY: a mapping of a page, which ends here.
    unsafe {
        assert_eq!(at.cast::<u64>().read_volatile(), MAGIC);
        assert_eq!(qnx_munmap(at, 4096), 0);
    }
}

/// A client of whatever lives: by name, by pid and channel, by memory handle, and through the mutex.
pub fn client(shared: &'static Shared, mut random: Random, mut ready: Tx) {
    shared
        .client_pid
        .store(std::process::id() as i32, Ordering::SeqCst);
    let rounds: [fn(&Shared, &mut Random); BEATS - SERVERS] = [by_name, by_number, by_handle, by_lock];
    let threads: Vec<_> = rounds
        .into_iter()
        .enumerate()
        .map(|(number, round)| {
            let mut random = Random(random.next());
            forever(move || {
                loop {
                    round(shared, &mut random);
                    shared.beat(SERVERS + number);
                    pause(shared);
                }
            })
        })
        .collect();
    ready.send(0);
    threads
        .into_iter()
        .for_each(|thread| thread.join().expect("client thread"));
}

/// Surviving threads that stop when they are told to.
pub const PAUSING: u32 = (BEATS - SERVERS) as u32;

fn pause(shared: &Shared) {
    if shared.order.load(Ordering::SeqCst) == order::RUN {
        return;
    }
    shared.paused.fetch_add(1, Ordering::SeqCst);
    while shared.order.load(Ordering::SeqCst) != order::RUN {
        sleep_ms(1);
    }
    shared.paused.fetch_sub(1, Ordering::SeqCst);
}

/// Sends through a connection until its server dies or it has had enough, and detaches.
fn use_up(coid: i32, random: &mut Random) {
    for _ in 0..random.below(20) {
        let bytes = vec![random.next() as u8; random.pick(&LENGTHS)];
        match exchange(coid, &bytes) {
            0.. => {}
            // Died during the send, or before it.
            -3 | -9 => break,
            other => panic!("MsgSend {other}"),
        }
        assert!(matches!(pulse(coid, 10, 1, 1), 0 | -9));
    }
    // SAFETY: no pointers.
    assert_eq!(unsafe { ConnectDetach_r(coid) }, 0);
}

fn by_name(_: &Shared, random: &mut Random) {
    let place = random.below(PLACES as u64) as usize;
    // SAFETY: a C string.
    match unsafe { name_open(name(place).as_ptr(), 0) } {
        -1 => {
            assert_eq!(errno(), 2, "name_open");
            std::thread::sleep(Duration::from_micros(100));
        }
        coid => use_up(coid, random),
    }
}

fn by_number(shared: &Shared, random: &mut Random) {
    let place = &shared.places[random.below(PLACES as u64) as usize];
    let (pid, chid) = (
        place.pid.load(Ordering::SeqCst),
        place.chid.load(Ordering::SeqCst),
    );
    if pid == 0 {
        return std::thread::sleep(Duration::from_micros(100));
    }
    // SAFETY: no pointers.
    match unsafe { ConnectAttach_r(0, pid, chid, SIDE, 0) } {
        -3 => {}
        coid => {
            assert!(coid > 0, "ConnectAttach {coid}");
            use_up(coid, random);
        }
    }
}

fn by_handle(shared: &Shared, random: &mut Random) {
    let place = &shared.places[random.below(PLACES as u64) as usize];
    let handle = place.handle.swap(0, Ordering::SeqCst);
    if handle == 0 {
        return std::thread::sleep(Duration::from_micros(100));
    }
    let prot = PROT_READ | PROT_WRITE;
    // SAFETY: a new mapping, looked at if there is one.
    unsafe {
        let at = mmap_handle(ptr::null_mut(), 4096, prot, MAP_SHARED, handle, 0);
        if at.addr() == usize::MAX {
            assert_eq!(errno(), 2, "mmap_handle");
        } else {
            look(at);
        }
    }
}

fn by_lock(shared: &Shared, _: &mut Random) {
    shared.lock_and_unlock();
    std::thread::sleep(Duration::from_micros(20));
}
