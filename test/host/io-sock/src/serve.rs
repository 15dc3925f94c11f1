//! What io-sock offers to other processes: administration and the message path.

use crate::{control, kernel::Kernel, msgpath, stack};

/// Channels and names; nobody serves them yet.
pub struct Services {
    control: control::Attached,
    msgpath: msgpath::Attached,
}

/// The serving threads.
pub struct Serving {
    control: control::Running,
    msgpath: msgpath::Running,
}

impl Services {
    /// Takes the names below `prefix`. The error is a line for the user.
    pub fn attach(kernel: &'static Kernel, prefix: &str) -> Result<Self, String> {
        let msgpath = msgpath::Attached::new(&kernel.kenv, prefix)?;
        let counters = msgpath.counters();
        let max = msgpath.pool_max();
        kernel.sysctl.publish("qnx.pool.max", move || max.to_string());
        let all = move || stack::counters().into_iter().chain(counters.list()).collect();
        let control = control::Attached::new(kernel, prefix, Box::new(all))?;
        Ok(Self { control, msgpath })
    }

    /// Starts the threads.
    pub fn serve(self) -> Result<Serving, String> {
        let msgpath = self.msgpath.serve()?;
        let control = self.control.serve()?;
        Ok(Serving { control, msgpath })
    }
}

impl Serving {
    /// Ends the threads; requests that run are finished or ended first.
    pub fn stop(self) {
        self.control.stop();
        self.msgpath.stop();
    }
}
