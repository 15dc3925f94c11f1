//! A socket's life as its client and its stack see it.

mod lifetime;
mod receiving;
mod sending;
mod threads;
mod turns;

use csock_wire::msg;

fn wait(events: msg::Events) -> msg::Wait {
    msg::Wait {
        events: events.bits(),
        seen_sq: 0,
        seen_cq: 0,
        seen_rq: 0,
    }
}
