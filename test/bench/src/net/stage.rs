//! io-sock under the conditions of a case, and commands that run beside it.

use super::{
    case::{Case, Scenario, User},
    child::Running,
};
use crate::Place;
use anyhow::{Context, Result};
use csock_apps::stand::{self, Programs, Stand};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A running io-sock and what its clients need to find it.
pub struct Stage {
    stand: Stand,
    /// io-sock's process id.
    pub io_sock: u32,
    /// A copy of this program where every user can start it.
    bench: PathBuf,
    cores: u32,
    counting: bool,
    /// Program and peer have a core each.
    apart: bool,
    /// Settings of the stand-in as they are now.
    settings: BTreeMap<&'static str, u32>,
}

impl Stage {
    /// Which stage a case needs: what can only be chosen when io-sock starts.
    pub fn kind(case: &Case) -> (u32, bool) {
        (case.cores, case.counting)
    }

    /// Starts io-sock for cases like this one.
    pub fn start(place: &Place, case: &Case) -> Result<Self> {
        let (cores, counting) = Self::kind(case);
        let runner = prefix(cores, counting).join(" ");
        let programs = Programs::new(&place.programs).through(&runner);
        let mut stand = Stand::start_for(stand::User::Ordinary, &programs, &place.module, &[])?;
        let mut stage = Self {
            io_sock: stand.io_sock()?.id(),
            stand,
            bench: PathBuf::new(),
            cores,
            counting,
            apart: false,
            settings: BTreeMap::new(),
        };
        stage.bench = stage.share(&std::env::current_exe()?)?;
        Ok(stage)
    }

    /// Makes the stack behave as the case says for sockets made from now on, and says where its processes run.
    pub fn prepare(&mut self, case: &Case) -> Result<()> {
        self.apart = case.scenario == Scenario::RequestResponse && case.cores > 1;
        self.set("standin.tcp_acks", case.acks.into())?;
        // A line delays the peer's own acknowledgements.
        let delay = if case.line { 0 } else { case.delay_ms };
        self.set("standin.ack_delay_ms", delay)
    }

    fn set(&mut self, name: &'static str, value: u32) -> Result<()> {
        // All settings are 0 at first.
        if self.settings.get(name).copied().unwrap_or(0) != value {
            self.stand
                .run("io-sock-ctl", &["sysctl", &format!("{name}={value}")])?;
            self.settings.insert(name, value);
        }
        Ok(())
    }

    /// A program of the workspace where every user can start it.
    pub fn share(&self, program: &Path) -> Result<PathBuf> {
        let name = program.file_name().context("a program's name")?;
        let shared = self.stand.dir().join(name);
        if !shared.is_file() {
            fs::copy(program, &shared).with_context(|| format!("cannot copy {}", program.display()))?;
        }
        Ok(shared)
    }

    /// A command of this program in this stage, with `role` as its first argument.
    pub fn command(&self, role: Role, user: User) -> Command {
        let mut words = prefix(self.cores, self.counting);
        if self.apart
            && let Some(core) = role.core()
        {
            words.extend(on_core(core));
        }
        words.push(self.bench.display().to_string());
        let mut words = words.into_iter();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).arg(role.name());
        self.as_user(&mut command, user);
        command
    }

    /// Lets a command find this io-sock, and run as `user`.
    pub fn as_user(&self, command: &mut Command, user: User) {
        let user = match user {
            User::Ordinary => stand::User::Ordinary,
            User::Root => stand::User::Own,
        };
        self.stand.enter(command, user);
    }

    /// Ends io-sock and expects a clean end.
    pub fn stop(mut self) -> Result<()> {
        self.stand.stop()
    }
}

/// What goes before each command of a stage.
fn prefix(cores: u32, counting: bool) -> Vec<String> {
    let mut words = Vec::new();
    if counting {
        words.extend(["env", "QNX_HOST_SPIN_US=0"].map(str::to_owned));
    }
    if cores == 1 {
        words.extend(on_core(0));
    }
    words
}

fn on_core(core: u32) -> [String; 3] {
    ["taskset".to_owned(), "-c".to_owned(), core.to_string()]
}

/// What a process of this program is in a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Program,
    Peer,
    Busy,
}

impl Role {
    /// All first arguments.
    pub fn names() -> [&'static str; 3] {
        [Self::Program, Self::Peer, Self::Busy].map(Self::name)
    }

    /// The first argument.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Program => "net-program",
            Self::Peer => "net-peer",
            Self::Busy => "net-busy",
        }
    }

    /// The core of two, where an operation is a turn of both ends. A peer is another machine's in truth; left to itself Linux puts the
    /// two ends on one core in some runs and not in others, and an answer takes 6 µs or 50. io-sock may use both. Where both ends are
    /// busy all the time Linux spreads them by itself, and keeping them in place would only make them suffer from a neighbour.
    const fn core(self) -> Option<u32> {
        match self {
            Self::Program => Some(0),
            Self::Peer => Some(1),
            Self::Busy => None,
        }
    }
}

/// Loops that use up whatever they get, until this is dropped.
pub struct Busy {
    _loops: Vec<Running>,
}

impl Busy {
    /// Starts `count` of them.
    pub fn start(stage: &Stage, count: usize) -> Result<Self> {
        let one = |_| Running::start("a busy loop", &mut stage.command(Role::Busy, User::Root));
        Ok(Self {
            _loops: (0..count).map(one).collect::<Result<_>>()?,
        })
    }

    /// The role of such a process.
    pub fn main() -> ! {
        loop {
            std::hint::spin_loop();
        }
    }
}
