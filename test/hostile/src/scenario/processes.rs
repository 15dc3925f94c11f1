//! Processes: many of them, stopped ones, dead ones.

use super::{Plan, dice::Dice};
use crate::raw::{Pool, Session, Shape, Socket};
use anyhow::{Context, Result, ensure};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

pub fn sessions(plan: &Plan) -> Result<()> {
    plan.beside_traffic(|| {
        while !plan.over() {
            let mut all = Vec::new();
            loop {
                let session = Session::open(&plan.path);
                plan.count(&session);
                let Ok(session) = session else { break };
                let session = Arc::new(session);
                let shape = Shape::of(64, 64 * 1024);
                let attached = session.attach(Pool::new(&shape)?);
                plan.count(&attached);
                let mut sockets = Vec::new();
                if attached.is_ok() {
                    for _ in 0..64 {
                        let socket = Socket::new(&session);
                        plan.count(&socket);
                        match socket {
                            Ok(socket) => sockets.push(socket),
                            Err(_) => break,
                        }
                    }
                }
                all.push((session, sockets));
                ensure!(all.len() < 4096, "there is no end of sessions");
            }
            plan.note(format!("{} sessions of one process", all.len()));
            thread::sleep(Duration::from_millis(50));
            // Sockets and pools are the module's to clean up.
            for (session, sockets) in all {
                session.goodbye()?;
                sockets.into_iter().for_each(std::mem::forget);
            }
        }
        Ok(())
    })
}

/// An honest client in a process of its own, at work.
fn client(plan: &Plan) -> Result<Child> {
    let mut child = Command::new(std::env::current_exe()?)
        .args([
            "honest",
            "--seconds",
            "3600",
            "--sockets",
            "4",
            "--path",
            &plan.path,
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let out = child.stdout.take().context("a piped stdout is there")?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    plan.note(if line.trim() == "ready" {
        "started"
    } else {
        "not started"
    });
    Ok(child)
}

fn end(mut child: Child) -> Result<()> {
    child.kill()?;
    child.wait()?;
    Ok(())
}

pub fn stopped(plan: &Plan) -> Result<()> {
    plan.beside_traffic(|| {
        let mut dice = Dice::new(31);
        while !plan.over() {
            let child = client(plan)?;
            let pid = i32::try_from(child.id())?;
            for _ in 0..10 {
                for signal in [libc::SIGSTOP, libc::SIGCONT, libc::SIGSTOP] {
                    // SAFETY: passes numbers; the process is our child, and not waited for yet.
                    unsafe { libc::kill(pid, signal) };
                    plan.count(&Ok(()));
                    thread::sleep(Duration::from_micros(dice.below(5_000)));
                }
            }
            // It dies as it stands.
            end(child)?;
        }
        Ok(())
    })
}

pub fn killed(plan: &Plan) -> Result<()> {
    plan.beside_traffic(|| {
        let mut dice = Dice::new(32);
        while !plan.over() {
            let children = [client(plan)?, client(plan)?];
            thread::sleep(Duration::from_micros(dice.below(3_000)));
            for child in children {
                end(child)?;
                plan.count(&Ok(()));
            }
        }
        Ok(())
    })
}
