//! The training of runs that differ in what a fold sees, not in their network, settings and folds: the folds
//! of all of them are members of one fold group.

use super::prepare::Experiment;
use super::recorder::Recorder;
use super::running::Running;
use crate::backend::{Backend, DeviceId};
use crate::data::normalize::Normalize;
use crate::data::split::Fold;
use crate::data::stats::Stats;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Progress;
use crate::train::{FoldGroup, FoldTask, Outcome, State};
use rayon::prelude::*;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

/// Trains the selected folds of all runs, and their permutations. The number of the signal that stopped it,
/// if one did.
pub(super) fn train<B: Backend>(
    backend: &B,
    runs: &mut [Running],
    interrupt: &AtomicUsize,
    progress: &dyn Progress,
) -> Result<Option<u8>> {
    for run in runs.iter_mut() {
        if let Some(signal) = run.tune(backend, interrupt, progress)? {
            return Ok(Some(signal));
        }
    }
    // A crash between the states of two runs leaves them at different places: those at one place go on
    // together.
    let mut ordered: Vec<&mut Running> = runs.iter_mut().collect();
    ordered.sort_by_key(|run| run.resume.place());
    for runs in ordered.chunk_by_mut(|a, b| a.resume.place() == b.resume.place()) {
        if let Some(signal) = train_from_one_place(backend, runs, interrupt, progress)? {
            return Ok(Some(signal));
        }
    }
    for run in runs {
        run.resume.bound = Some(run.bound.clone());
        let (experiment, folder) = (run.experiment, run.folder);
        if let Some(signal) = experiment.permute(backend, folder, run.resume.clone(), interrupt, progress)? {
            return Ok(Some(signal));
        }
    }
    Ok(None)
}

fn train_from_one_place<B: Backend>(
    backend: &B,
    runs: &mut [&mut Running],
    interrupt: &AtomicUsize,
    progress: &dyn Progress,
) -> Result<Option<u8>> {
    let Some(first) = runs.first().map(|run| run.experiment) else { return Ok(None) };
    let differs =
        |run: &&&mut Running| run.experiment.network != first.network || !run.experiment.has_device_of(first);
    if let Some(other) = runs.iter().find(differs) {
        let message = format!("{} has another network or device than {}", other.name(), runs[0].name());
        return Err(Error::new(ErrorKind::Other, message).hint("train it alone"));
    }
    // After the folds have chosen their settings, which decide about the groups.
    let groups: Vec<Vec<Vec<usize>>> = runs.iter().map(|run| run.groups()).collect();
    let sizes = |groups: &Vec<Vec<usize>>| groups.iter().map(Vec::len).collect::<Vec<usize>>();
    let of_groups = sizes(&groups[0]);
    if let Some(i) = groups.iter().position(|groups| sizes(groups) != of_groups) {
        let message = format!("{} has other numbers of folds than {}", runs[i].name(), runs[0].name());
        return Err(Error::new(ErrorKind::Other, message).hint("train it alone"));
    }
    for (number, &folds) in of_groups.iter().enumerate().skip(runs[0].resume.fold_groups_done) {
        let network = first.network_of(groups[0][number][0]);
        let mut group = FoldGroup::new(backend, network, tasks(runs, &groups, number))?;
        let states: Vec<State> = runs.iter_mut().filter_map(|run| run.resume.state.take()).collect();
        if let Some(state) = State::join(states) {
            group.restore(&state)?;
        }
        let of_runs = match runs.len() {
            1 => String::new(),
            all => format!(" of each of {all} runs"),
        };
        let plural = if folds == 1 { "" } else { "s" };
        let what = match of_groups.len() {
            1 => format!("training {folds} fold{plural}{of_runs}"),
            all => format!("training folds{of_runs}, part {} of {all}", number + 1),
        };
        progress.start(&what, group.remaining(), "windows");
        let mut recorder = Recorder {
            runs,
            folds,
            progress,
            interrupt,
            fold_groups_done: number,
            device: DeviceId::of(backend),
            save_every: first.config.run.save_every(),
            saved: (Instant::now(), Duration::ZERO),
            has_saved: false,
            epoch_note: String::new(),
        };
        let outcome = group.run(&mut recorder);
        progress.finish();
        if let Outcome::Interrupted(signal) = outcome? {
            return Ok(Some(signal));
        }
        let mut results = group.finish()?.into_iter();
        for run in runs.iter_mut() {
            run.keep(results.by_ref().take(folds).collect(), progress)?;
            run.save(number + 1, None, DeviceId::of(backend))?;
        }
    }
    Ok(None)
}

/// The folds of group `number` of all runs, run by run.
fn tasks<'a>(runs: &[&mut Running<'a>], groups: &[Vec<Vec<usize>>], number: usize) -> Vec<FoldTask<'a>> {
    let of_run = |(run, groups): (&&mut Running<'a>, &Vec<Vec<usize>>)| {
        let (experiment, name) = (run.experiment, run.name());
        groups[number].iter().map(move |&fold| (experiment, name.clone(), fold)).collect::<Vec<_>>()
    };
    let members: Vec<(&Experiment, String, usize)> = runs.iter().zip(groups).flat_map(of_run).collect();
    let task = |(experiment, name, fold): &(&'a Experiment, String, usize)| {
        let task = experiment.task(*fold);
        match runs.len() {
            1 => task,
            _ => FoldTask { name: format!("{name}, {}", task.name), ..task },
        }
    };
    members.par_iter().map(task).collect()
}

impl Experiment {
    /// Fold `number`, from 0, to train.
    pub(super) fn task(&self, number: usize) -> FoldTask<'_> {
        let fold = &self.split.folds()[number];
        FoldTask {
            number: number as u32,
            name: format!("fold {}", fold.name),
            dataset: &self.dataset,
            fold,
            spec: self.spec_of(number),
            stats: self.stats(fold),
            initial: self.initial.get(&(number as u32)).map(Vec::as_slice),
        }
    }

    /// The standardization of a fold. A feature that is left out has the inverse deviation 0, so that the
    /// network sees 0 in its place.
    pub(super) fn stats(&self, fold: &Fold) -> Stats {
        let mut stats = match self.config.frames.normalize {
            Normalize::Train => Stats::fit(&self.dataset, fold.train()),
            Normalize::TrainSteps => Stats::fit_steps(&self.dataset, fold.train()),
            Normalize::Subject | Normalize::None => Stats::identity(self.network.features),
        };
        for step in stats.inv_std.chunks_mut(self.network.features) {
            self.left_out.iter().for_each(|&feature| step[feature] = 0.0);
        }
        stats
    }
}
