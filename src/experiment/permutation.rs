//! The permutation test of a run: the whole cross-validation again under permuted labels.
//!
//! A permutation is an [`Experiment`] like the run itself, with other labels: the split is made again of
//! them, and with it statistics, class weights, early stopping and the tested epoch. Seeds stay. So the
//! scores are one function of the labels, which is all that an exact test asks for.

use super::prepare::Experiment;
use super::watch::Watch;
use crate::backend::Backend;
use crate::error::{Error, Result, in_order};
use crate::metrics::{PermutationTest, Prediction, Scores, Statistics};
use crate::progress::{Progress, about};
use crate::run::{Bound, Epochs, Permutations, Resume, RunFolder, epoch_seconds};
use crate::train::{FoldGroup, FoldTask, Observer, Outcome};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

impl Experiment {
    /// The number of permutations; 0 without a test.
    pub(super) fn permutations(&self) -> usize {
        self.config.permutation.permutations.unwrap_or(0) as usize
    }

    /// The same experiment under permutation `number`, from 1, of the labels.
    fn permuted(&self, number: usize) -> Result<Experiment> {
        let exchangeable = self.exchangeable.as_ref().expect("a permutation test was asked for");
        let labels = exchangeable.permuted(self.config.permutation.seed(), number as u32);
        let dataset = self.dataset.with_labels(&labels);
        let split = match self.has_own_folds {
            false => self.config.split_spec(&dataset).and_then(|spec| spec.build(&dataset)),
            true => self.split.relabeled(&dataset),
        };
        let split = split.map_err(|e| {
            let way = "each permutation must be trainable: use larger data or fewer `folds`, or leave `permutations` out";
            e.at(format!("permutation {number}")).hint(way)
        })?;
        Ok(Experiment {
            is_unbound: false,
            has_own_folds: self.has_own_folds,
            initial: BTreeMap::new(),
            config: self.config.clone(),
            dataset,
            split,
            left_out: self.left_out.clone(),
            network: self.network.clone(),
            spec: self.spec.clone(),
            dataset_hash: self.dataset_hash.clone(),
            fold_names: self.fold_names.clone(),
            exchangeable: None,
            candidates: Vec::new(),
            chosen: OnceLock::new(),
        })
    }

    /// Refuses a permutation test of which some permutation cannot be trained, before hours of training.
    pub fn check_permutations(&self) -> Result<()> {
        let numbers: Vec<usize> = (1..=self.permutations()).collect();
        in_order(numbers.par_iter(), |&n| self.permuted(n).map(drop)).map(drop)
    }

    /// Refuses a permutation test, or a choice of settings, of some folds only.
    pub(super) fn check_all_folds(&self, selection: &[usize]) -> Result<()> {
        let folds = self.split.folds().len();
        let (work, key) = match self.is_tuned() {
            true => ("a choice of settings", "tune"),
            false => ("a permutation test", "permutations"),
        };
        if (self.permutations() > 0 || self.is_tuned()) && selection.len() < folds {
            return Err(Error::config(format!(
                "{work} needs all {folds} folds of the split, and {} of them is trained",
                selection.len()
            ))
            .hint(format!("use `engine crossval`, or leave `{key}` out")));
        }
        Ok(())
    }

    /// How many folds train at once in the permutation test: whole permutations, if they are small.
    pub(super) fn permuted_at_once<B: Backend>(&self, backend: &B) -> Result<usize> {
        self.sets_at_once(backend, &self.network, self.spec.batch, self.split.folds().len())
    }

    /// Trains the permutations that the folder lacks. The number of the signal that stopped it, if one did.
    pub(super) fn permute<B: Backend>(
        &self,
        backend: &B,
        folder: &RunFolder,
        mut resume: Resume,
        interrupt: &AtomicUsize,
        progress: &dyn Progress,
    ) -> Result<Option<u8>> {
        let mut done = Permutations::read(folder.path())?;
        if let Some(Bound { permutations: (complete, expected), .. }) = &resume.bound {
            // A crash may have come between the file and the state.
            done.truncate(*complete);
            let found = Permutations::hash(&done)?;
            if done.len() < *complete || (*complete > 0 && found != *expected) {
                return Err(Error::data(format!(
                    "{} does not belong to the saved state: its first {complete} permutations have the blake3 hash {found}, \
                     and the state has {expected}",
                    folder.file(Permutations::FILE).display()
                ))
                .hint("put the run's own file back, or start a new run"));
            }
        }
        let all = self.permutations();
        if done.len() >= all {
            return Ok(None);
        }
        let time = self.run_time(folder)?.map_or(String::new(), |run| {
            let rest = run * (all - done.len()) as u32;
            format!(": {}, if each takes as long as the run itself", about(rest))
        });
        let at_once = self.permuted_at_once(backend)?;
        progress.say(&format!("{} permutations, {at_once} folds at once{time}", all - done.len()));
        let each: u64 = self.windows();
        progress.start("training on permuted labels", each * (all - done.len()) as u64, "windows");
        let together = (at_once / self.split.folds().len()).max(1);
        while done.len() < all {
            let numbers: Vec<usize> = (done.len() + 1..=all).take(together).collect();
            let mut watch =
                Watch { progress, interrupt, windows: 0, note: format!("{} of {all} done", done.len()) };
            match self.permute_group(backend, &numbers, at_once, &mut watch) {
                Ok(Some(statistics)) => done.extend(statistics),
                other => {
                    progress.finish();
                    return other.map(|_| watch.interrupted());
                }
            }
            Permutations::write(folder, &done)?;
            if let Some(bound) = &mut resume.bound {
                bound.permutations = (done.len(), Permutations::hash(&done)?);
                resume.write(folder)?;
            }
            // Early stopping leaves windows out.
            progress.advance((each * numbers.len() as u64).saturating_sub(watch.windows), &watch.note);
        }
        progress.finish();
        Ok(None)
    }

    /// The statistics of these permutations, trained together; `None` if a signal stopped it.
    fn permute_group<B: Backend>(
        &self,
        backend: &B,
        numbers: &[usize],
        at_once: usize,
        watch: &mut Watch,
    ) -> Result<Option<Vec<Statistics>>> {
        let permuted = in_order(numbers.par_iter(), |&n| self.permuted(n))?;
        let folds = self.split.folds().len();
        let models: Vec<(usize, usize)> =
            (0..permuted.len()).flat_map(|p| (0..folds).map(move |fold| (p, fold))).collect();
        let mut predictions: Vec<Vec<Prediction>> = vec![Vec::new(); permuted.len()];
        for models in models.chunks(at_once) {
            let task = |&(p, fold): &(usize, usize)| {
                let task = permuted[p].task(fold);
                FoldTask { name: format!("permutation {}, {}", numbers[p], task.name), ..task }
            };
            let tasks: Vec<FoldTask> = models.par_iter().map(task).collect();
            let mut group = FoldGroup::new(backend, &self.network, tasks)?;
            if let Outcome::Interrupted(_) = group.run(watch)? {
                return Ok(None);
            }
            for (&(p, _), result) in models.iter().zip(group.finish()?) {
                predictions[p].extend(result.predictions);
            }
        }
        let statistics = |(experiment, predictions): (&Experiment, &Vec<Prediction>)| {
            let verdict = experiment.score(predictions)?.verdict;
            Ok(Statistics::of(&verdict.expect("new scores have a verdict")))
        };
        in_order(permuted.par_iter().zip(&predictions), statistics).map(Some)
    }

    /// Windows that the run trains on if no fold stops early.
    fn windows(&self) -> u64 {
        let folds = self.split.folds().iter();
        folds.map(|fold| fold.train().sequences().len()).sum::<usize>() as u64 * self.spec.epochs as u64
    }

    /// The time that the run's own folds took, by its epochs.
    fn run_time(&self, folder: &RunFolder) -> Result<Option<Duration>> {
        let records = Epochs::read(folder.path())?;
        let folds: Vec<u32> = (1..=self.split.folds().len() as u32).collect();
        let last =
            |fold: &u32| records.iter().filter(|r| r.fold == *fold).map(|r| r.epoch).max().unwrap_or(0);
        let groups = folds.chunks(self.fold_group_size(folds.len()));
        let epochs: usize = groups.map(|group| group.iter().map(last).max().unwrap_or(0)).sum();
        // Of a single epoch nothing but its end is known.
        let seconds = epoch_seconds(&records).or(records.first().map(|record| record.seconds));
        Ok(seconds.map(|seconds| Duration::from_secs_f64(seconds * epochs as f64)))
    }

    /// The scores of the run's own weights, with the permutation test if the folder has all of it.
    pub fn with_permutation_test(&self, scores: Scores, run: &Path) -> Result<Scores> {
        let (Some(exchangeable), Some(verdict)) = (&self.exchangeable, &scores.verdict) else {
            return Ok(scores);
        };
        // The permutations tested all folds; some of them compare with nothing.
        if scores.trial.by_fold.rows.len() < self.split.folds().len() {
            return Ok(scores);
        }
        let mut null = Permutations::read(run)?;
        if null.len() < self.permutations() {
            return Ok(scores);
        }
        null.truncate(self.permutations());
        let seed = self.config.permutation.seed();
        let leaky = self.leaks();
        let test = PermutationTest::of(verdict, &null, seed, exchangeable.rule(), leaky);
        Ok(scores.with_permutation(test))
    }
}
