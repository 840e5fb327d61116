//! Works through the tasks of a sweep, beside other processes that do the same.

use super::claim::{Claim, Owner};
use super::claimed::Claimed;
use super::folder::{State, Sweep};
use super::grid::Task;
use super::prepared::{Prepared, have_same_frames};
use crate::backend::{DeviceId, Kind};
use crate::config::Config;
use crate::data::demo;
use crate::data::normalize::Scale;
use crate::error::{Error, ErrorKind, Result};
use crate::experiment::{self, Ending, Experiment, Selected};
use crate::progress::Progress;
use crate::report;
use crate::run::{Resume, RunFolder, Status};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

/// How the work at a task ended.
pub enum Outcome {
    /// With scores.
    Finished,
    /// By this signal, with everything saved.
    Interrupted(u8),
    /// Another process works at it.
    Owned(Owner),
    /// It began on this device, and here is another one: only a process on such a device goes on with it.
    Elsewhere(DeviceId),
    /// By this error, which its run folder keeps.
    Failed(Error),
    /// It has not: by this error, this process cannot read its data. Another one may.
    NotHere(Error),
    /// It has not: the GPU of this process broke, and another one may go on with it.
    Open,
}

/// Works at one stack of tasks after the other: tasks whose networks have one shape train at once, each as if
/// it were alone.
pub struct Worker<'a> {
    sweep: &'a Sweep,
    /// Whether tasks that failed are tried again.
    retry: bool,
    /// Most tasks that train at once, different folds among them. Without a number as many as memory allows,
    /// but one fold of a run after the other, so that other processes find some.
    share: Option<usize>,
    prepared: Prepared,
    /// Why its GPU cannot be used any more.
    broken: Option<String>,
}

/// How often a run folder that cannot be opened is tried again.
const RETRIES: usize = 5;

impl<'a> Worker<'a> {
    /// A worker that has done nothing. With `retry`, tasks that failed are open, too. Of `workers` processes
    /// that begin now it takes its share of the open tasks at once, as far as memory allows. `adapter` is its
    /// own GPU, whatever the sweep's settings say.
    ///
    /// # Errors
    ///
    /// If the state of a task cannot be read, if there is no such adapter, and if no task needs one.
    pub fn new(
        sweep: &'a Sweep,
        retry: bool,
        workers: Option<NonZeroUsize>,
        adapter: Option<&str>,
    ) -> Result<Self> {
        let mut prepared = Prepared::on(adapter);
        if let Some(adapter) = adapter {
            let mut on_gpu =
                sweep.tasks.iter().filter(|task| task.config.run.backend != Kind::Cpu).peekable();
            if on_gpu.peek().is_none() {
                return Err(Error::backend(format!(
                    "`adapter = {adapter}`: every task of the sweep is for the CPU"
                ))
                .hint("leave `adapter` out"));
            }
            // A wrong one is no fault of the tasks.
            on_gpu.try_for_each(|task| prepared.device(task).map(drop))?;
        }
        let is_open = |state: &State| match state {
            // Another process may have begun a moment earlier.
            State::Waiting | State::Stopped | State::Running(_) => true,
            State::Failed(_) => retry,
            State::Finished => false,
        };
        let share = match workers {
            None => None,
            Some(workers) => {
                let states = sweep.tasks.iter().map(|task| sweep.state(task));
                let open =
                    states.collect::<Result<Vec<State>>>()?.iter().filter(|state| is_open(state)).count();
                Some(open.div_ceil(workers.get()).max(1))
            }
        };
        Ok(Worker { sweep, retry, share, prepared, broken: None })
    }

    /// Trains and scores the first of these tasks in its run folder, from wherever that stands, and with it
    /// as many of the others as train together with it. `begin` hears of the tasks before that. Returns how
    /// each of them ended.
    ///
    /// # Errors
    ///
    /// If a claim cannot be read or written: the sweep itself is in trouble, not the task.
    pub fn work<'t>(
        &mut self,
        tasks: &[&'t Task],
        interrupt: &AtomicUsize,
        progress: &dyn Progress,
        begin: &dyn Fn(&[&Task]),
    ) -> Result<Vec<(&'t Task, Outcome)>> {
        let Some((&first, others)) = tasks.split_first() else { return Ok(Vec::new()) };
        let claimed = match self.claim(first)? {
            Ok(claimed) => claimed,
            Err(outcome) => return Ok(vec![(first, outcome)]),
        };
        let wanted = self.share.map_or(tasks.len(), |share| share.min(tasks.len()));
        let prepared = self.prepared.experiment(first, progress).and_then(|leader| {
            let selection = first.selection(leader.split.folds().len())?;
            let at_once = leader.few_runs_at_once(&selection, wanted)?;
            Ok((leader, at_once))
        });
        let (leader, at_once) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                let outcome = if self.has_broken_gpu(&error, std::slice::from_ref(&claimed)) {
                    // It has not touched the GPU.
                    Outcome::Open
                } else if lacks_data(first) {
                    Outcome::NotHere(error)
                } else {
                    claimed.keep(&error, progress);
                    Outcome::Failed(error)
                };
                return self.end(vec![(claimed, outcome)], progress);
            }
        };
        let place = self.sweep.begun(first).map(place_of);
        let mut stack = vec![(leader, claimed)];
        let mixes_folds = self.share.is_some();
        for &task in others.iter().filter(|task| may_train_with(task, first, mixes_folds)) {
            // A state that cannot be read is told of its own run alone.
            let Ok(place) = place else { break };
            if stack.len() == at_once {
                break;
            }
            match self.member(task, &stack[0].0, place, progress) {
                Ok(member) => stack.extend(member),
                Err(error) => {
                    // Those that are claimed train all the same.
                    progress.warn(&format!("{}: {}", task.name(), error.message));
                    break;
                }
            }
        }
        let (experiments, claimed): (Vec<Experiment>, Vec<Claimed>) = stack.into_iter().unzip();
        begin(&claimed.iter().map(|claimed| claimed.task).collect::<Vec<_>>());
        let outcomes = self.train(&experiments, &claimed, interrupt, progress);
        self.end(claimed.into_iter().zip(outcomes).collect(), progress)
    }

    /// Claims a task and opens its run folder; how it ends if that is not possible.
    fn claim<'t>(&mut self, task: &'t Task) -> Result<std::result::Result<Claimed<'t>, Outcome>> {
        // A process whose claim is stale may have the run open all the same.
        let is_in_use = || RunFolder::is_in_use(&self.sweep.run(task)) == Some(true);
        if is_in_use() {
            return Ok(Err(Outcome::Owned(self.sweep.owner(task)?.unwrap_or_else(Owner::unknown))));
        }
        let claim = match Claim::make(&self.sweep.claims(), task.number)? {
            Ok(claim) => Arc::new(claim),
            Err(owner) => return Ok(Err(Outcome::Owned(owner))),
        };
        // Another process may have failed at it since somebody looked.
        if let Ok(Status::Failed { message }) = Status::read(&self.sweep.run(task))
            && !self.retry
        {
            release(claim)?;
            return Ok(Err(Outcome::Failed(Error::new(ErrorKind::Other, message))));
        }
        // A device that cannot be opened is told when the task is prepared, and so is a damaged state.
        if let Ok(Some(begun)) = self.sweep.begun(task)
            && self.prepared.device(task).is_ok_and(|device| device != begun.device)
        {
            release(claim)?;
            return Ok(Err(Outcome::Elsewhere(begun.device)));
        }
        let guard = Arc::clone(&claim);
        let mut opened = self.sweep.run_folder(task);
        for _ in 0..RETRIES {
            // Another process may have asked for the lock at that moment.
            if opened.is_ok() || is_in_use() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
            opened = self.sweep.run_folder(task);
        }
        let folder = opened.and_then(|folder| {
            let folder = folder.guarded(move || guard.check());
            self.sweep.mark(task, &folder).map(|()| folder)
        });
        let error = match folder {
            Ok(folder) => return Ok(Ok(Claimed { task, claim, folder })),
            Err(error) => error,
        };
        let outcome = if is_in_use() { Outcome::Owned(Owner::unknown()) } else { Outcome::Failed(error) };
        release(claim)?;
        Ok(Err(outcome))
    }

    /// A task that trains together with `leader`, which stands at `place`, claimed; `None` of one that does
    /// not, has ended, stands elsewhere, or is with another process.
    fn member<'t>(
        &mut self,
        task: &'t Task,
        leader: &Experiment,
        place: Place,
        progress: &dyn Progress,
    ) -> Result<Option<(Experiment, Claimed<'t>)>> {
        let is_open = match self.sweep.state(task)? {
            State::Waiting | State::Stopped => true,
            State::Failed(_) => self.retry,
            State::Running(_) | State::Finished => false,
        };
        if !is_open || !self.sweep.begun(task).is_ok_and(|begun| place_of(begun) == place) {
            return Ok(None);
        }
        // An error of its own is told when its turn comes.
        let Ok(experiment) = self.prepared.experiment(task, progress) else { return Ok(None) };
        if !experiment.trains_with(leader) {
            return Ok(None);
        }
        Ok(self.claim(task)?.ok().map(|claimed| (experiment, claimed)))
    }

    /// Trains tasks at once. An error is one of them alone, and nobody knows which: the others go on without
    /// it.
    fn train(
        &mut self,
        experiments: &[Experiment],
        claimed: &[Claimed],
        interrupt: &AtomicUsize,
        progress: &dyn Progress,
    ) -> Vec<Outcome> {
        let error = match train(experiments, claimed, interrupt, progress) {
            Ok(outcomes) => return outcomes,
            Err(error) => error,
        };
        if self.has_broken_gpu(&error, claimed) {
            let leave = |claimed: &Claimed| match claimed.leave(&error, progress) {
                None => Outcome::Open,
                Some(error) => Outcome::Failed(error),
            };
            return claimed.iter().map(leave).collect();
        }
        if let [claimed] = claimed {
            claimed.keep(&error, progress);
            return vec![Outcome::Failed(error)];
        }
        progress.warn(&format!(
            "{} tasks that trained at once go on one by one: {}",
            claimed.len(),
            error.message
        ));
        // Should this process die before their turn, they have not failed.
        claimed.iter().for_each(|claimed| claimed.reopen(progress));
        let mut outcomes = Vec::new();
        for (experiment, claimed) in experiments.iter().zip(claimed) {
            let one = (std::slice::from_ref(experiment), std::slice::from_ref(claimed));
            match self.broken {
                None => outcomes.extend(self.train(one.0, one.1, interrupt, progress)),
                Some(_) => outcomes.push(Outcome::Open),
            }
        }
        outcomes
    }

    /// Whether the GPU of these tasks, which ended with `error`, worked before and cannot be used any more.
    fn has_broken_gpu(&mut self, error: &Error, claimed: &[Claimed]) -> bool {
        let Some(why) = self.prepared.broken(claimed[0].task) else { return false };
        let names: Vec<String> = claimed.iter().map(|claimed| claimed.task.name()).collect();
        self.broken = Some(format!(
            "{}: {}; its GPU cannot be used any more: {}",
            names.join(", "),
            error.message,
            why.message
        ));
        true
    }

    /// Why this process can take no more tasks, if it cannot: its GPU broke.
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Gives tasks back, all of them whatever happens, with their outcomes.
    fn end<'t>(
        &self,
        ended: Vec<(Claimed<'t>, Outcome)>,
        progress: &dyn Progress,
    ) -> Result<Vec<(&'t Task, Outcome)>> {
        let mut held = Ok(());
        let mut outcomes = Vec::new();
        for (Claimed { task, claim, folder }, outcome) in ended {
            let outcome = claim.successor().map_or(outcome, Outcome::Owned);
            // Its guard holds the claim, too.
            drop(folder);
            if let Err(error) = release(claim) {
                progress.warn(&format!("{} is not given back: {}", task.name(), error.message));
                held = Err(error);
            }
            outcomes.push((task, outcome));
        }
        held.map(|()| outcomes)
    }
}

/// Fold group, and epoch and step.
type Place = (usize, Option<(usize, usize)>);

fn place_of(begun: Option<Resume>) -> Place {
    begun.map_or((0, None), |begun| begun.place())
}

/// Whether a task could not be prepared because this process does not see its data: a machine without the
/// file system, or a process in another folder. That is no fault of the task.
fn lacks_data(task: &Task) -> bool {
    let sections = &task.config;
    let files =
        [Some(&sections.data.path), sections.data.test_file.as_ref(), sections.split.split_file.as_ref()];
    // A folder is opened, too, to be listed.
    let is_missing = |path: &&PathBuf| !demo::is_generated(path) && std::fs::File::open(path).is_err();
    files.into_iter().flatten().any(|path| is_missing(&path))
}

/// Writes the run's own settings (`run`), whose adapter may be another than at its beginning.
fn keep_device(experiment: &Experiment, folder: &RunFolder) -> Result<()> {
    if !folder.file(Resume::FILE).exists() || Status::read(folder.path())? == Status::Finished {
        return Ok(());
    }
    let before = Config::from_toml(&folder.read("config.toml")?)?;
    let moved = Config { run: experiment.config.run.clone(), ..before.clone() };
    // Other differences are no concern of this: the run refuses them.
    match before != experiment.config && moved == experiment.config {
        true => experiment.reconfigure(folder),
        false => Ok(()),
    }
}

/// Refuses to go on with a state that does not belong to the files beside it.
fn check_begun(folder: &RunFolder) -> Result<()> {
    match folder.file(Resume::FILE).exists() && Status::read(folder.path())? != Status::Finished {
        true => experiment::check_bound(folder, &Resume::read(folder.path())?),
        false => Ok(()),
    }
}

/// A look at the settings alone: of thousands of tasks most cannot train together, and preparing one takes a
/// while.
fn may_train_with(task: &Task, first: &Task, mixes_folds: bool) -> bool {
    let (a, b) = (&task.config, &first.config);
    (mixes_folds || task.fold == first.fold)
        && a.network == b.network
        && a.train_spec().trains_with(&b.train_spec())
        && have_same_frames(a, b)
        // Scaled windows are frames of their own.
        && (a.frames.scale == Scale::None || a.labels == b.labels)
}

/// Trains tasks at once.
fn train(
    experiments: &[Experiment],
    claimed: &[Claimed],
    interrupt: &AtomicUsize,
    progress: &dyn Progress,
) -> Result<Vec<Outcome>> {
    let selection = |(experiment, claimed): (&Experiment, &Claimed)| {
        claimed.task.selection(experiment.split.folds().len())
    };
    let selections = experiments.iter().zip(claimed).map(selection).collect::<Result<Vec<_>>>()?;
    // Their labels may leave each of them sequences of other lengths.
    let all = experiments.iter().zip(&selections);
    all.clone().try_for_each(|(one, folds)| one.check_memory(folds, experiments.len()))?;
    for (experiment, claimed) in experiments.iter().zip(claimed) {
        check_begun(&claimed.folder)?;
        keep_device(experiment, &claimed.folder)?;
    }
    let runs: Vec<Selected> = all
        .zip(claimed)
        .map(|((experiment, folds), claimed)| Selected { experiment, folder: &claimed.folder, folds })
        .collect();
    let ending = experiment::run_to_end(&runs, interrupt, progress, &report::write)?;
    claimed.iter().for_each(|claimed| claimed.forgive(progress));
    let is_finished = |claimed: &Claimed| matches!(Status::read(claimed.folder.path()), Ok(Status::Finished));
    let outcome = |claimed: &Claimed| match ending {
        Ending::Interrupted(signal) if !is_finished(claimed) => Outcome::Interrupted(signal),
        _ => Outcome::Finished,
    };
    Ok(claimed.iter().map(outcome).collect())
}

fn release(claim: Arc<Claim>) -> Result<()> {
    let claim = Arc::into_inner(claim).ok_or_else(|| Error::new(ErrorKind::Other, "a claim is held on"))?;
    claim.release()
}
