//! The same messages where the system refuses to copy straight between address spaces.

mod common;
mod message_cases;

/// Runs before main, while there is one thread: the knob is read once per process, and children inherit it.
#[used]
#[unsafe(link_section = ".init_array")]
static NO_VM_COPY: extern "C" fn() = {
    extern "C" fn set() {
        // SAFETY: no other thread exists yet.
        unsafe { std::env::set_var("QNX_HOST_NO_VM_COPY", "1") };
    }
    set
};

#[test]
fn the_bytes_did_go_through_the_bounce_area() {
    common::init();
    let (mut tx, mut rx) = common::pipe();
    let server = common::spawn(move || {
        let chid = common::channel(0);
        tx.send(chid as u64);
        let got = common::receive_room(chid, 100_000);
        let counters = qnx_host::counters();
        assert_eq!(counters.bytes_bounced, 100_000);
        assert_eq!(counters.bytes_direct, 0);
        assert_eq!(common::reply(got.rcvid, 0, &[]), 0);
    });
    let coid = common::attach(server.pid, rx.recv() as i32);
    assert_eq!(common::send(coid, &[7; 100_000], &mut []), 0);
    server.join();
}
