//! What processes used, as Linux counted it: CPU time, sleeps, memory. Read from /proc, where another user's processes are readable too.

use super::case::Usage;
use anyhow::{Context, Result};
use std::{collections::BTreeMap, fs, io};

/// One thread.
struct Thread {
    name: String,
    cpu_ns: u64,
    sleeps: u64,
}

/// All threads of a process by their ids.
type Threads = BTreeMap<u32, Thread>;

/// A look at the program and at io-sock.
pub struct Look {
    client: Threads,
    server: Threads,
}

/// Names of io-sock's threads that serve a road; all others play the interface below.
const SERVING: [&str; 3] = ["csock", "msgpath", "qnx-kernel"];

impl Look {
    /// Looks at processes `client` and `server`; 0 for no process.
    pub fn at(client: u32, server: u32) -> Result<Self> {
        Ok(Self {
            server: threads(server)?,
            client: threads(client)?,
        })
    }

    /// What was used since `before`.
    pub fn since(&self, before: &Self) -> Usage {
        let serving = |t: &Thread| SERVING.iter().any(|name| t.name.starts_with(name));
        let sleeps = |t: &Thread| t.sleeps;
        let cpu = |t: &Thread| t.cpu_ns;
        let any = |_: &Thread| true;
        Usage {
            client_cpu: grown(&self.client, &before.client, any, cpu) as f64 / 1e9,
            server_cpu: grown(&self.server, &before.server, any, cpu) as f64 / 1e9,
            client_wakeups: grown(&self.client, &before.client, any, sleeps),
            server_wakeups: grown(&self.server, &before.server, serving, sleeps),
            stack_wakeups: grown(&self.server, &before.server, |t| !serving(t), sleeps),
        }
    }
}

/// The growth of one number over the threads that are wanted; a thread that is new started at 0.
fn grown(
    now: &Threads,
    before: &Threads,
    wanted: impl Fn(&Thread) -> bool,
    number: impl Fn(&Thread) -> u64,
) -> u64 {
    now.iter()
        .filter(|(_, thread)| wanted(thread))
        .map(|(id, thread)| number(thread) - before.get(id).map_or(0, &number).min(number(thread)))
        .sum()
}

fn threads(pid: u32) -> Result<Threads> {
    let mut all = Threads::new();
    if pid == 0 {
        return Ok(all);
    }
    for task in fs::read_dir(format!("/proc/{pid}/task")).with_context(|| format!("process {pid}"))? {
        let path = task?.path();
        let id = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let id = id.parse().context("a thread's id")?;
        match thread(&path) {
            Ok(thread) => drop(all.insert(id, thread)),
            // It has ended since the directory was read.
            Err(error)
                if error.downcast_ref::<io::Error>().is_some_and(|e| {
                    e.raw_os_error() == Some(libc::ESRCH) || e.kind() == io::ErrorKind::NotFound
                }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

fn thread(path: &std::path::Path) -> Result<Thread> {
    let status = fs::read_to_string(path.join("status"))?;
    let times = fs::read_to_string(path.join("schedstat"))?;
    let cpu_ns = times.split_whitespace().next().context("an empty schedstat")?;
    Ok(Thread {
        name: field(&status, "Name")?.to_owned(),
        cpu_ns: cpu_ns.parse()?,
        sleeps: field(&status, "voluntary_ctxt_switches")?.parse()?,
    })
}

fn field<'a>(status: &'a str, name: &str) -> Result<&'a str> {
    status
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value.trim())
        .with_context(|| format!("no {name} in a status"))
}

/// Bytes of private memory that a process has in RAM; 0 for no process.
pub fn private_bytes(pid: u32) -> Result<i64> {
    if pid == 0 {
        return Ok(0);
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = field(&status, "RssAnon")?;
    let kib: i64 = kib.split_whitespace().next().unwrap_or_default().parse()?;
    Ok(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_and_a_busy_loop_of_our_own_are_seen() -> Result<()> {
        let me = std::process::id();
        let before = Look::at(me, me)?;
        std::thread::sleep(std::time::Duration::from_millis(20));
        let start = std::time::Instant::now();
        while start.elapsed().as_millis() < 50 {
            std::hint::spin_loop();
        }
        let usage = Look::at(me, me)?.since(&before);
        assert!(usage.client_wakeups >= 1, "one sleep: {usage:?}");
        assert!(usage.stack_wakeups >= 1, "a thread of no road: {usage:?}");
        assert!(usage.client_cpu > 0.005, "a busy loop of 50 ms: {usage:?}");
        assert!(private_bytes(me)? > 0, "no private memory");
        Ok(())
    }
}
