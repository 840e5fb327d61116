//! Threads that walk one tile together, each with hidden units of its own: a few sequences have no rows to
//! share out, but their weights are more than one core can stream in time.
//!
//! Nobody sleeps or is woken between steps: members spin for the little that one is behind the other. Rayon
//! promises neither that tasks run at the same time nor how soon one begins, so the leader starts alone, and
//! whoever comes is given a share from the next step on.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// After so many looks a waiting member lets other threads run: the one it waits for may need its core.
const LOOKS: usize = 20_000;
/// Bits of a plan that hold the size of the team; the step is above them.
const SIZE_BITS: u32 = usize::BITS / 4;
/// The plan after the last step.
const OVER: usize = usize::MAX;

/// Where members meet.
#[derive(Default)]
pub struct Team {
    /// Members who have come, the leader not counted.
    come: AtomicUsize,
    /// Step and size of the team in it, as the leader says.
    plan: AtomicUsize,
    /// Times that a member other than the leader has ended a step.
    ended: AtomicUsize,
    /// A member has panicked and will end no step.
    broken: AtomicBool,
}

/// One thread's part in a team.
pub struct Member<'a> {
    team: &'a Team,
    number: usize,
    size: usize,
    /// The leader's count of what `ended` will be when all have ended the step.
    awaited: usize,
}

impl Team {
    /// The most members that a plan can name.
    pub const LARGEST: usize = (1 << SIZE_BITS) - 1;

    /// The caller as the leader, alone for now.
    pub fn lead(&self) -> Member<'_> {
        Member { team: self, number: 0, size: 1, awaited: 0 }
    }

    /// The caller as one more member.
    pub fn join(&self) -> Member<'_> {
        let number = self.come.fetch_add(1, Ordering::AcqRel) + 1;
        Member { team: self, number, size: 1, awaited: 0 }
    }
}

impl Member<'_> {
    pub fn leads(&self) -> bool {
        self.number == 0
    }

    /// Begins step `step`, counted from 1: whether the member has a share in it. What all wrote in the steps
    /// before is there.
    pub fn begin(&mut self, step: usize) -> bool {
        let Team { come, plan, .. } = self.team;
        if self.leads() {
            self.size = 1 + come.load(Ordering::Acquire);
            self.awaited += self.size - 1;
            plan.store(step << SIZE_BITS | self.size, Ordering::Release);
            return true;
        }
        // A newcomer passes over steps that began without it.
        let now = wait(|| {
            let plan = plan.load(Ordering::Acquire);
            (plan == OVER || plan >> SIZE_BITS >= step && self.number < plan & Team::LARGEST).then_some(plan)
        });
        self.size = now & Team::LARGEST;
        now != OVER && now >> SIZE_BITS == step
    }

    /// The member's share of `count`.
    pub fn share(&self, count: usize) -> Range<usize> {
        self.number * count / self.size..(self.number + 1) * count / self.size
    }

    /// Ends a step; the leader waits until all have.
    pub fn end(&mut self) {
        let ended = &self.team.ended;
        if self.leads() {
            wait(|| {
                assert!(!self.team.broken.load(Ordering::Acquire), "a member of the team has panicked");
                (ended.load(Ordering::Acquire) >= self.awaited).then_some(())
            });
        } else {
            ended.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// The leader sends those home who came too late; nobody may wait for a member that has panicked.
impl Drop for Member<'_> {
    fn drop(&mut self) {
        if self.leads() {
            self.team.plan.store(OVER, Ordering::Release);
        } else if std::thread::panicking() {
            self.team.broken.store(true, Ordering::Release);
        }
    }
}

/// Looks until there is something.
fn wait<T>(look: impl Fn() -> Option<T>) -> T {
    let mut looks = 0;
    loop {
        if let Some(found) = look() {
            return found;
        }
        looks += 1;
        match looks < LOOKS {
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

    /// Three members, of which two come `late`.
    fn walk(late: Duration) {
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
        assert_eq!(log, all, "every part once, whoever came when");
    }

    #[test]
    fn a_panic_ends_the_loop_for_all() {
        let team = Team::default();
        let walk = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
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
        assert!(walk.is_err());
    }

    #[test]
    fn members_share_every_step_and_nobody_runs_ahead() {
        for late in [0, 20, 200, 50_000] {
            walk(Duration::from_micros(late));
        }
    }
}
