//! SIGEV_THREAD and MsgCurrent: `docs/qnx-ipc.md` 4.6, 7 and 13.

mod common;
use common::*;
use core::ffi::{c_int, c_uint, c_void};
use core::sync::atomic::{AtomicI32, AtomicU64, Ordering};

unsafe extern "C" {
    fn procmgr_ability(pid: c_int, ability: c_uint, ...) -> c_int;
}

static VALUE: AtomicU64 = AtomicU64::new(0);
static CALLS: AtomicU64 = AtomicU64::new(0);
static THREAD: AtomicI32 = AtomicI32::new(0);

extern "C" fn started(value: u64) {
    VALUE.store(value, Ordering::SeqCst);
    // SAFETY: no preconditions.
    THREAD.store(unsafe { libc::gettid() }, Ordering::SeqCst);
    CALLS.fetch_add(1, Ordering::SeqCst);
}

fn thread_event(value: u64) -> SigEvent {
    SigEvent {
        notify: SIGEV_THREAD,
        target: started as extern "C" fn(u64) as usize as u64,
        value,
        ..SigEvent::default()
    }
}

/// 7: the function runs with the value in a new thread of the client; an updateable event takes the server's value;
/// without the ability (13) there are none.
#[test]
fn a_delivered_event_starts_a_thread() {
    init();
    let chid = channel(0);
    let me = std::process::id() as i32;
    let client = spawn(move || {
        let coid = attach(me, chid);
        for (mut event, expected) in [
            (thread_event(5), 5),
            (thread_event(99), 99),
            (
                SigEvent {
                    notify: SIGEV_THREAD | SIGEV_FLAG_UPDATEABLE,
                    ..thread_event(1)
                },
                77,
            ),
        ] {
            let before = CALLS.load(Ordering::SeqCst);
            // SAFETY: valid structures.
            unsafe {
                assert_eq!(MsgRegisterEvent_r(&mut event, coid), 0);
                let bytes =
                    core::slice::from_raw_parts((&raw const event).cast::<u8>(), size_of::<SigEvent>());
                assert_eq!(send(coid, bytes, &mut []), 0);
            }
            eventually("the thread runs", || CALLS.load(Ordering::SeqCst) == before + 1);
            assert_eq!(VALUE.load(Ordering::SeqCst), expected);
            // SAFETY: no preconditions.
            assert_ne!(THREAD.load(Ordering::SeqCst), unsafe { libc::gettid() });
        }
        // SAFETY: a list with an end; valid structures.
        unsafe {
            assert_eq!(procmgr_ability(0, 69u32 | 0x1_0000 | 0x3000_0000, 0xFFFFu32), 0);
            assert_eq!(MsgRegisterEvent_r(&mut thread_event(1), coid), 1);
            assert_eq!(MsgDeliverEvent_r(0, &thread_event(1)), 1);
        }
    });
    for _ in 0..3 {
        let got = receive_soon(chid);
        // SAFETY: the client sends a whole structure.
        let mut event: SigEvent = unsafe { got.bytes.as_ptr().cast::<SigEvent>().read_unaligned() };
        event.value = 77;
        // SAFETY: a valid structure.
        assert_eq!(unsafe { MsgDeliverEvent_r(got.rcvid, &event) }, 0);
        assert_eq!(reply(got.rcvid, 0, &[]), 0);
    }
    client.join();
}

/// 7: malformed ones are EINVAL: no function, or a server allowed to write where the attributes stand.
#[test]
fn malformed_thread_events() {
    init();
    for wrong in [
        SigEvent {
            target: 0,
            ..thread_event(0)
        },
        SigEvent {
            notify: SIGEV_THREAD | SIGEV_FLAG_CODE_UPDATEABLE,
            ..thread_event(0)
        },
    ] {
        // SAFETY: a valid structure.
        assert_eq!(unsafe { MsgVerifyEvent_r(0, &wrong) }, 22);
    }
}

/// The event's attributes are the thread's: here a stack of a size of its own.
#[test]
fn attributes_are_used() {
    init();
    static STACK: AtomicU64 = AtomicU64::new(0);
    extern "C" fn measure(_: u64) {
        // SAFETY: a zeroed object that getattr_np fills; the results are variables.
        unsafe {
            let mut attr: libc::pthread_attr_t = core::mem::zeroed();
            libc::pthread_getattr_np(libc::pthread_self(), &mut attr);
            let (mut at, mut size) = (core::ptr::null_mut::<c_void>(), 0);
            libc::pthread_attr_getstack(&attr, &mut at, &mut size);
            libc::pthread_attr_destroy(&mut attr);
            STACK.store(size as u64, Ordering::SeqCst);
        }
    }
    // SAFETY: an object that init fills and that outlives the thread's start.
    unsafe {
        let mut attr: libc::pthread_attr_t = core::mem::zeroed();
        libc::pthread_attr_init(&mut attr);
        libc::pthread_attr_setstacksize(&mut attr, 777 * 4096);
        let event = SigEvent {
            notify: SIGEV_THREAD,
            target: measure as extern "C" fn(u64) as usize as u64,
            code_priority: &raw const attr as u64,
            ..SigEvent::default()
        };
        assert_eq!(MsgDeliverEvent_r(0, &event), 0);
        eventually("the thread runs", || STACK.load(Ordering::SeqCst) != 0);
        assert_eq!(STACK.load(Ordering::SeqCst), 777 * 4096);
        libc::pthread_attr_destroy(&mut attr);
    }
}

fn set_priority(priority: i32) {
    let param = SchedParam {
        priority,
        ..SchedParam::default()
    };
    // SAFETY: a valid structure.
    assert_eq!(unsafe { SchedSet_r(0, 0, 2, &param) }, 0);
}

fn priority() -> i32 {
    let mut param = SchedParam::default();
    // SAFETY: a valid structure.
    assert!(unsafe { SchedGet_r(0, 0, &mut param) } >= 0);
    param.priority
}

/// 4.3: MsgCurrent goes back to a message that was received before: its priority becomes the caller's. ESRCH for one that
/// is not REPLY-blocked any more. MsgPause is ENOSYS, as on QNX 8.
#[test]
fn current_takes_the_messages_priority_again() {
    init();
    for flags in [0, CHF_FIXED_PRIORITY] {
        let chid = channel(flags);
        let me = std::process::id() as i32;
        let sender = |priority| {
            spawn(move || {
                set_priority(priority);
                assert_eq!(send(attach(me, chid), b"x", &mut []), 0);
            })
        };
        set_priority(10);
        let first = sender(31);
        let one = receive_soon(chid);
        let second = sender(12);
        let two = receive_soon(chid);
        let inherited = |of| if flags == 0 { of } else { 10 };
        assert_eq!(priority(), inherited(12));
        // SAFETY: no pointers.
        unsafe {
            assert_eq!(MsgCurrent_r(one.rcvid), 0);
            assert_eq!(priority(), inherited(31));
            assert_eq!(MsgCurrent(two.rcvid), 0);
            assert_eq!(priority(), inherited(12));
            assert_eq!(reply(one.rcvid, 0, &[]), 0);
            assert_eq!(MsgCurrent_r(one.rcvid), 3);
            assert_eq!((MsgCurrent(0), errno()), (-1, 3));
            assert_eq!(MsgPause_r(two.rcvid, 1), 89);
            assert_eq!((MsgPause(two.rcvid, 1), errno()), (-1, 89));
        }
        assert_eq!(reply(two.rcvid, 0, &[]), 0);
        first.join();
        second.join();
    }
}
