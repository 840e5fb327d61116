//! The choice of settings inside the folds: each fold compares the candidates by inner folds that are made of
//! its training and validation part alone.
//!
//! The inner folds of all candidates see the same windows, so those of one network and one kind of steps
//! train together, also for several folds of the run.

use super::alike::alike;
use super::candidate::Candidate;
use super::chosen::check_candidates;
use super::prepare::Experiment;
use super::running::Running;
use super::watch::Watch;
use crate::backend::Backend;
use crate::config::Axis;
use crate::data::split::Split;
use crate::data::stats::Stats;
use crate::error::{Error, Result, in_order};
use crate::metrics::{InnerScore, Prediction, Tuning};
use crate::progress::Progress;
use crate::run::{Choices, Resume, RunFolder};
use crate::train::{FoldGroup, FoldTask, Observer, Outcome};
use rayon::prelude::*;
use std::sync::atomic::AtomicUsize;

/// The inner folds of one fold.
struct Inner {
    /// The fold's number, from 0.
    number: usize,
    split: Split,
    /// The standardization of each inner fold.
    stats: Vec<Stats>,
}

impl Experiment {
    /// The choices that the folder has by its saved state, or none.
    pub(super) fn begun_choices(&self, folder: &RunFolder, resume: &Resume) -> Result<Tuning> {
        let none = self.no_choices();
        let Some((complete, expected)) = resume.bound.as_ref().and_then(|bound| bound.tuning.as_ref()) else {
            return Ok(none);
        };
        let path = folder.file(Choices::FILE);
        let mut tuning = Choices::read(folder.path())?.unwrap_or_else(|| none.clone());
        if tuning.folds.len() >= *complete {
            check_candidates(&path, &tuning, &none)?;
            // A crash may have come between the file and the state.
            tuning.truncate(*complete);
        }
        let found = Choices::hash(&tuning);
        if found != *expected {
            return Err(Error::data(format!(
                "{} does not belong to the saved state: its first {complete} folds have the blake3 hash {found}, and the \
                 state has {expected}",
                path.display()
            ))
            .hint("put the run's own file back, or start a new run"));
        }
        self.settle(&tuning)?;
        Ok(tuning)
    }

    /// The candidates that train together, as indices.
    fn kinds(&self) -> Vec<Vec<usize>> {
        let all = &self.candidates;
        alike(0..all.len(), |a, b| all[a].trains_with(&all[b]))
    }

    /// How many folds of the run choose at once: as many as fill a group of inner folds.
    fn choosing_at_once<B: Backend>(&self, backend: &B, inner: usize) -> Result<usize> {
        let fill = |kind: Vec<usize>| {
            let Candidate { network, spec, .. } = &self.candidates[kind[0]];
            Ok(self.sets_at_once(backend, network, spec.batch, 1)? / (kind.len() * inner))
        };
        let fills = self.kinds().into_iter().map(fill).collect::<Result<Vec<usize>>>()?;
        Ok(fills.into_iter().min().unwrap_or(1).max(1))
    }

    /// The inner folds of fold `number`, from 0, ready to train.
    fn inner(&self, number: usize) -> Result<Inner> {
        let split = self.inner_split(number)?;
        let stats = split.folds().iter().map(|fold| self.stats(fold)).collect();
        Ok(Inner { number, split, stats })
    }

    /// Windows that these inner folds train on, over all candidates, if none stops early.
    fn inner_windows(&self, inner: &Inner) -> u64 {
        let windows: usize = inner.split.folds().iter().map(|fold| fold.train().sequences().len()).sum();
        let epochs: usize = self.candidates.iter().map(|candidate| candidate.spec.epochs).sum();
        windows as u64 * epochs as u64
    }

    /// The scores of every candidate in each of these folds, whose inner folds train together; `None` if a
    /// signal stopped it.
    fn inner_scores<B: Backend>(
        &self,
        backend: &B,
        folds: &[Inner],
        watch: &mut Watch,
    ) -> Result<Option<Vec<Vec<InnerScore>>>> {
        let mut predictions = vec![vec![Vec::<Prediction>::new(); self.candidates.len()]; folds.len()];
        for kind in self.kinds() {
            let Candidate { network, spec, .. } = &self.candidates[kind[0]];
            let at_once = self.sets_at_once(backend, network, spec.batch, 1)?;
            let mut models: Vec<(usize, usize, usize)> = Vec::new();
            for (f, fold) in folds.iter().enumerate() {
                let inner = 0..fold.split.folds().len();
                models.extend(kind.iter().flat_map(|&c| inner.clone().map(move |i| (f, c, i))));
            }
            for models in models.chunks(at_once) {
                let tasks = models.iter().map(|&(f, c, i)| self.inner_task(&folds[f], c, i)).collect();
                let mut group = FoldGroup::new(backend, network, tasks)?;
                if let Outcome::Interrupted(_) = group.run(watch)? {
                    return Ok(None);
                }
                for (&(f, c, _), result) in models.iter().zip(group.finish()?) {
                    predictions[f][c].extend(result.predictions);
                }
            }
        }
        let score = |(fold, of_fold): (&Inner, &Vec<Vec<Prediction>>)| {
            let scores = of_fold.iter().map(|predictions| {
                InnerScore::of(predictions)?.ok_or_else(|| {
                    let name = &self.split.folds()[fold.number].name;
                    Error::data(format!("inner folds of fold {name}: they test nothing"))
                })
            });
            scores.collect::<Result<Vec<InnerScore>>>()
        };
        in_order(folds.par_iter().zip(&predictions), score).map(Some)
    }

    /// Inner fold `i` of a fold, trained with the settings of a candidate.
    fn inner_task<'a>(&'a self, fold: &'a Inner, candidate: usize, i: usize) -> FoldTask<'a> {
        let Candidate { options, spec, .. } = &self.candidates[candidate];
        let inner = &fold.split.folds()[i];
        let (name, setting) = (&self.split.folds()[fold.number].name, Axis::in_words(options));
        FoldTask {
            number: i as u32,
            name: format!("fold {name}, {setting}, inner fold {}", inner.name),
            dataset: &self.dataset,
            fold: inner,
            spec,
            stats: fold.stats[i].clone(),
            initial: None,
        }
    }
}

impl Running<'_> {
    /// Makes the choices that the folder lacks, if the folds choose. The number of the signal that stopped
    /// it, if one did.
    pub(super) fn tune<B: Backend>(
        &mut self,
        backend: &B,
        interrupt: &AtomicUsize,
        progress: &dyn Progress,
    ) -> Result<Option<u8>> {
        let experiment = self.experiment;
        let all = experiment.split.folds().len();
        let mut tuning = experiment.begun_choices(self.folder, &self.resume)?;
        if !experiment.is_tuned() || tuning.folds.len() == all {
            return Ok(None);
        }
        let open: Vec<usize> = (tuning.folds.len()..all).collect();
        let inner = in_order(open.par_iter(), |&number| experiment.inner(number))?;
        let windows = |folds: &[Inner]| folds.iter().map(|fold| experiment.inner_windows(fold)).sum::<u64>();
        let together = experiment.choosing_at_once(backend, inner[0].split.folds().len())?;
        progress.start("choosing settings inside the folds", windows(&inner), "windows");
        for folds in inner.chunks(together) {
            let note = format!("{} of {all} folds have chosen", tuning.folds.len());
            let mut watch = Watch { progress, interrupt, windows: 0, note };
            let scores = match experiment.inner_scores(backend, folds, &mut watch) {
                Ok(Some(scores)) => scores,
                other => {
                    progress.finish();
                    return other.map(|_| watch.interrupted());
                }
            };
            for (fold, scores) in folds.iter().zip(scores) {
                tuning.choose(&experiment.split.folds()[fold.number].name, scores);
            }
            Choices::write(self.folder, &tuning)?;
            self.bound.tuning = Some((tuning.folds.len(), Choices::hash(&tuning)));
            self.resume.bound = Some(self.bound.clone());
            self.resume.write(self.folder)?;
            // Early stopping leaves windows out.
            progress.advance(windows(folds).saturating_sub(watch.windows), &watch.note);
        }
        progress.finish();
        experiment.settle(&tuning)?;
        progress.detail(&tuning.text());
        Ok(None)
    }
}
