//! The control thread's part, over the machine of `testing/`.

mod leaving;
mod messages;
mod random;
mod rights;

use csock_wire::msg;

fn wait_readable() -> msg::Wait {
    msg::Wait {
        events: msg::Events::READABLE.bits(),
        seen_sq: 0,
        seen_cq: 0,
        seen_rq: 0,
    }
}
