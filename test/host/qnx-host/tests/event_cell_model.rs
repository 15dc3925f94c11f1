//! Every order of steps of a semaphore with a cell (`src/sem.rs`, `src/event_cell.rs`): two threads wait, the client and the
//! server post. A step is one access to a shared word; each is named for the call that makes it. Nobody may sleep for ever
//! over a post, and each post is taken once.
//!
//! The model is written by hand, so it is worth what it notices: each rule of the code can be left out, and is missed.

use std::collections::HashSet;

const WAITERS: usize = 2;

/// What the code does beyond counting. One left out is a mistake that the model must find.
#[derive(Clone, Copy)]
struct Rules {
    /// `Sem::wake_on`: a post by the client sets the call bit.
    call: bool,
    /// `Sem::sleep_on`: the count is looked at once more after the bit is cleared.
    recheck: bool,
    /// `Sem::pass_on`: who takes a post leaves the call to the next if there are more.
    pass_on: bool,
    /// `Cell::post`, `Sem::wake_on`: who posts wakes.
    wake: bool,
}

const ALL: Rules = Rules {
    call: true,
    recheck: true,
    pass_on: true,
    wake: true,
};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Step {
    TakeCount { again: bool },
    TakeCell { again: bool },
    Announce,
    Heed,
    Recheck,
    Sleep,
    Asleep,
    Leave,
    LookWhoWaits,
    LookForMore,
    PassCall,
    PassWake,
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Post {
    Add,
    Call,
    Wake,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct State {
    count: u8,
    posts: u8,
    call: bool,
    waiters: u8,
    waiter: [Step; WAITERS],
    /// What the client and the server do next, and how many posts they have left.
    poster: [(Post, u8); 2],
}

impl State {
    /// All that may come next after `waiter` moves: waking one of several sleepers is the system's choice.
    fn wake(self) -> Vec<State> {
        let asleep: Vec<usize> = (0..WAITERS)
            .filter(|&who| self.waiter[who] == Step::Asleep)
            .collect();
        if asleep.is_empty() {
            return vec![self];
        }
        let woken = |who: usize| {
            let mut next = self.clone();
            next.waiter[who] = Step::Leave;
            next
        };
        asleep.into_iter().map(woken).collect()
    }

    fn step_waiter(&self, who: usize, rules: Rules) -> Vec<State> {
        let mut next = self.clone();
        let taken = |again: bool| {
            if again && rules.pass_on {
                Step::LookWhoWaits
            } else {
                Step::Done
            }
        };
        next.waiter[who] = match self.waiter[who] {
            Step::TakeCount { again } if self.count > 0 => {
                next.count -= 1;
                taken(again)
            }
            Step::TakeCount { again } => Step::TakeCell { again },
            Step::TakeCell { again } if self.posts > 0 => {
                next.posts -= 1;
                taken(again)
            }
            Step::TakeCell { .. } => Step::Announce,
            Step::Announce => {
                next.waiters += 1;
                Step::Heed
            }
            Step::Heed => {
                next.call = false;
                if rules.recheck { Step::Recheck } else { Step::Sleep }
            }
            Step::Recheck if self.count > 0 => Step::Leave,
            Step::Recheck => Step::Sleep,
            // The system compares and sleeps in one step.
            Step::Sleep if self.posts > 0 || self.call => Step::Leave,
            Step::Sleep => Step::Asleep,
            Step::Leave => {
                next.waiters -= 1;
                Step::TakeCount { again: true }
            }
            Step::LookWhoWaits if self.waiters == 0 => Step::Done,
            Step::LookWhoWaits => Step::LookForMore,
            Step::LookForMore if self.count == 0 => Step::Done,
            Step::LookForMore => Step::PassCall,
            Step::PassCall => {
                next.call = true;
                Step::PassWake
            }
            Step::PassWake => {
                next.waiter[who] = Step::Done;
                return next.wake();
            }
            Step::Asleep | Step::Done => return Vec::new(),
        };
        vec![next]
    }

    fn step_poster(&self, who: usize, rules: Rules) -> Vec<State> {
        let server = who == 1;
        let mut next = self.clone();
        let (step, left) = self.poster[who];
        match step {
            Post::Add if left == 0 => return Vec::new(),
            Post::Add if server => {
                next.posts += 1;
                next.poster[who].0 = Post::Wake;
            }
            Post::Add => {
                next.count += 1;
                next.poster[who].0 = if rules.call { Post::Call } else { Post::Wake };
            }
            Post::Call => {
                next.call = true;
                next.poster[who].0 = Post::Wake;
            }
            Post::Wake => {
                next.poster[who] = (Post::Add, left - 1);
                if rules.wake {
                    return next.wake();
                }
            }
        }
        vec![next]
    }
}

/// Goes through all orders. How many states there are, or what went wrong.
fn explore(rules: Rules, posts: [u8; 2]) -> Result<usize, State> {
    let first = State {
        count: 0,
        posts: 0,
        call: false,
        waiters: 0,
        waiter: [Step::TakeCount { again: false }; WAITERS],
        poster: posts.map(|posts| (Post::Add, posts)),
    };
    let mut seen = HashSet::from([first.clone()]);
    let mut open = vec![first];
    while let Some(state) = open.pop() {
        let waiters = (0..WAITERS).flat_map(|who| state.step_waiter(who, rules));
        let posters = (0..2).flat_map(|who| state.step_poster(who, rules));
        let next: Vec<State> = waiters.chain(posters).collect();
        if next.is_empty() {
            let left = state.count + state.posts;
            let taken = state.waiter.iter().filter(|step| **step == Step::Done).count() as u8;
            let sleepers = state.waiter.contains(&Step::Asleep);
            if sleepers && left > 0 || taken + left != posts[0] + posts[1] {
                return Err(state);
            }
        }
        open.extend(next.into_iter().filter(|state| seen.insert(state.clone())));
    }
    Ok(seen.len())
}

const POSTS: [[u8; 2]; 6] = [[1, 0], [0, 1], [1, 1], [2, 0], [0, 2], [2, 2]];

#[test]
fn nobody_sleeps_over_a_post() {
    for posts in POSTS {
        let states = explore(ALL, posts).unwrap_or_else(|state| panic!("{posts:?}: {state:?}"));
        assert!(states > 50, "{states} states are not all orders");
    }
}

#[test]
fn each_rule_is_needed() {
    let without = [
        ("call", Rules { call: false, ..ALL }),
        (
            "recheck",
            Rules {
                recheck: false,
                ..ALL
            },
        ),
        (
            "pass_on",
            Rules {
                pass_on: false,
                ..ALL
            },
        ),
        ("wake", Rules { wake: false, ..ALL }),
    ];
    for (name, rules) in without {
        assert!(
            POSTS.iter().any(|posts| explore(rules, *posts).is_err()),
            "nobody misses {name}"
        );
    }
}
