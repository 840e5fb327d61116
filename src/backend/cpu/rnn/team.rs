//! A team of threads that shares the hidden units of one tile and meets at a barrier after each time step. It
//! is for few rows: they cannot be shared out, but their weights are more than one core can stream in time.
//!
//! ```text
//! leader                                     other members
//! for step in 1..:                           for step in 1..:
//!     size = 1 + joined                          spin until the plan is at `step` and includes this member
//!     plan = (step, size)      --------->        (skip the steps that began without it)
//!     work on share 0 of size                    work on share `number` of size
//!     spin until all have arrived  <------       arrived += 1
//! plan = DONE
//! ```
//!
//! Threads spin between steps and never block in the operating system: a step takes microseconds. Rayon
//! promises neither that tasks run at the same time nor how soon one begins. So the leader starts alone, and
//! a member that joins late gets a share from the next step on.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// After so many spins a waiting member yields: the thread that it waits for may need its core.
const SPINS: usize = 20_000;
/// Bits of a plan that hold the size of the team; the step is above them.
const SIZE_BITS: u32 = usize::BITS / 4;
/// The plan after the last step.
const DONE: usize = usize::MAX;

/// The state that all members share.
#[derive(Default)]
pub struct Team {
    /// Members that have joined, without the leader.
    joined: AtomicUsize,
    /// The current step and the size of the team in it. Only the leader writes it.
    plan: AtomicUsize,
    /// Arrivals at the barrier, over all steps, of all members but the leader.
    arrived: AtomicUsize,
    /// A member has panicked and will not arrive.
    broken: AtomicBool,
}

/// One thread's part in a team.
pub struct Member<'a> {
    team: &'a Team,
    number: usize,
    size: usize,
    /// The leader's count of arrivals that completes the step.
    awaited: usize,
}

impl Team {
    /// The most members that a plan can name.
    pub const LARGEST: usize = (1 << SIZE_BITS) - 1;

    /// The caller becomes the leader, alone for now.
    pub fn lead(&self) -> Member<'_> {
        Member { team: self, number: 0, size: 1, awaited: 0 }
    }

    /// The caller becomes one more member.
    pub fn join(&self) -> Member<'_> {
        let number = self.joined.fetch_add(1, Ordering::AcqRel) + 1;
        Member { team: self, number, size: 1, awaited: 0 }
    }
}

impl Member<'_> {
    /// Whether this member is the leader.
    pub fn leads(&self) -> bool {
        self.number == 0
    }

    /// Begins step `step`, counted from 1. Returns whether the member has a share in it. Everything that any
    /// member wrote in earlier steps is visible.
    pub fn begin(&mut self, step: usize) -> bool {
        let Team { joined, plan, .. } = self.team;
        if self.leads() {
            self.size = 1 + joined.load(Ordering::Acquire);
            self.awaited += self.size - 1;
            plan.store(step << SIZE_BITS | self.size, Ordering::Release);
            return true;
        }
        // A late member skips the steps that began without it.
        let now = wait(|| {
            let plan = plan.load(Ordering::Acquire);
            (plan == DONE || plan >> SIZE_BITS >= step && self.number < plan & Team::LARGEST).then_some(plan)
        });
        self.size = now & Team::LARGEST;
        now != DONE && now >> SIZE_BITS == step
    }

    /// The member's share of `count`.
    pub fn share(&self, count: usize) -> Range<usize> {
        self.number * count / self.size..(self.number + 1) * count / self.size
    }

    /// Arrives at the barrier that ends a step. The leader waits until all have arrived.
    pub fn end(&mut self) {
        let arrived = &self.team.arrived;
        if self.leads() {
            wait(|| {
                assert!(!self.team.broken.load(Ordering::Acquire), "a member of the team has panicked");
                (arrived.load(Ordering::Acquire) >= self.awaited).then_some(())
            });
        } else {
            arrived.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// The leader ends the plan for members that are late. A member that panics says so: nobody may wait for it.
impl Drop for Member<'_> {
    fn drop(&mut self) {
        if self.leads() {
            self.team.plan.store(DONE, Ordering::Release);
        } else if std::thread::panicking() {
            self.team.broken.store(true, Ordering::Release);
        }
    }
}

/// Spins until `look` returns a value.
fn wait<T>(look: impl Fn() -> Option<T>) -> T {
    let mut spins = 0;
    loop {
        if let Some(found) = look() {
            return found;
        }
        spins += 1;
        match spins < SPINS {
            true => std::hint::spin_loop(),
            false => std::thread::yield_now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::time::Duration;

    /// Three members, of which two join `late`.
    fn run_steps(late: Duration) {
        const STEPS: usize = 300;
        let team = Team::default();
        let log = Mutex::new(Vec::new());
        let work = |mut member: Member| {
            for step in 1..=STEPS {
                if member.begin(step) {
                    for part in member.share(5) {
                        log.lock().unwrap().push((step, part));
                    }
                    member.end();
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    std::thread::sleep(late);
                    work(team.join());
                });
            }
            work(team.lead());
        });
        let mut log = log.into_inner().unwrap();
        assert!(log.is_sorted_by_key(|&(step, _)| step), "a step begins when the one before has ended");
        log.sort_unstable();
        let all: Vec<_> = (1..=STEPS).flat_map(|step| (0..5).map(move |part| (step, part))).collect();
        assert_eq!(log, all, "every part once, whenever members joined");
    }

    #[test]
    fn a_panic_ends_the_loop_for_all() {
        let team = Team::default();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let mut member = team.join();
                    let mut step = 1;
                    while !member.begin(step) {
                        step += 1;
                    }
                    panic!("as a kernel might");
                });
                let mut leader = team.lead();
                for step in 1.. {
                    leader.begin(step);
                    leader.end();
                }
            });
        }));
        assert!(outcome.is_err());
    }

    #[test]
    fn members_share_every_step_and_nobody_runs_ahead() {
        for late in [0, 20, 200, 50_000] {
            run_steps(Duration::from_micros(late));
        }
    }
}
