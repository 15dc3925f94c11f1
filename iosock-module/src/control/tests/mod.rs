//! The control thread's part, over the machine of `testing/`.

mod leaving;
mod messages;
mod random;
mod rights;

use csock_wire::msg;

fn wait_readable() -> msg::Wait {
    crate::testing::wait(msg::Events::READABLE)
}
