//! The bell that the module asked for, beside one that it did not: `Invitation` and the client's `armed` word.

use std::sync::Arc;

use csock_wire::Invitation;
use csock_wire::stream::{Bell, Watch};
use loom::thread;

use crate::area::{AreaMem, area};
use crate::model::{Semaphore, explore_bounded};

/// What the module does about bells that nobody asked for: it leaves them, and sleeps for the one that it asked for.
#[derive(Clone, Copy, PartialEq)]
enum Invited {
    Rightly,
    /// The client is asked before its bell would be believed.
    Late,
    /// The worker withdraws what it has extended when it has gone to sleep.
    Forgotten,
}

/// A byte, its bell, and a bell of somebody who was not asked, which may take the invitation at any moment.
fn invited(how: Invited) {
    let mem = AreaMem::new();
    let (worker, invitation) = (Semaphore::new(), Arc::new(Invitation::new()));
    let bell = |invitation: &Invitation, worker: &Semaphore| {
        if invitation.accept() {
            worker.post();
        }
    };
    let stray = {
        let (invitation, worker) = (Arc::clone(&invitation), Arc::clone(&worker));
        thread::spawn(move || bell(&invitation, &worker))
    };
    let theirs = mem.clone();
    let sender = {
        let (invitation, worker) = (Arc::clone(&invitation), Arc::clone(&worker));
        thread::spawn(move || {
            let door = Bell::new(theirs);
            if door.mark(0).unwrap() {
                bell(&invitation, &worker);
            }
        })
    };
    let mut watch = Watch::new();
    watch.start(&area());
    loop {
        invitation.withdraw();
        watch.wake(&mem).unwrap();
        let mut dirty = false;
        watch.drain(&mem, |_| dirty = true).unwrap();
        if dirty {
            break;
        }
        if how != Invited::Late {
            invitation.extend();
        }
        let sleeps = watch.arm(&mem).unwrap();
        match how {
            Invited::Rightly => {}
            Invited::Late => invitation.extend(),
            Invited::Forgotten => invitation.withdraw(),
        }
        if sleeps {
            worker.wait();
        }
    }
    stray.join().unwrap();
    sender.join().unwrap();
}

#[test]
fn l2_invitation() {
    explore_bounded("L2 invitation", Some(4), || invited(Invited::Rightly));
}

#[test]
#[should_panic]
fn l2_control_invited_after_the_client_was_asked() {
    explore_bounded("L2 invitation, control", Some(4), || invited(Invited::Late));
}

#[test]
#[should_panic]
fn l2_control_invitation_forgotten() {
    explore_bounded("L2 invitation, control", Some(4), || invited(Invited::Forgotten));
}
