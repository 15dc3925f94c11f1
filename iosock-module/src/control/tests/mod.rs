//! The control thread's part, over the machine of `testing/`.

mod leaving;
mod messages;
mod random;
mod rights;
mod stack_memory;

use csock_wire::msg;

fn wait_readable() -> msg::Wait {
    crate::testing::wait(msg::Events::READABLE)
}
