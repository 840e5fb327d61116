//! A run: trains all folds, keeps what each leaves, and scores them. One that was stopped goes on where it
//! stood.

use super::prepare::Experiment;
use super::recorder::Recorder;
use super::start::Start;
use crate::backend::{Backend, DeviceId, on_device};
use crate::data::normalize::Normalize;
use crate::data::split::Fold;
use crate::data::stats::Stats;
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::{Prediction, Scores};
use crate::progress::Progress;
use crate::run::{self, FoldCheckpoint, FoldMeta, Manifest, Predictions, Resume, RunFolder, Status};
use crate::train::{FoldGroup, FoldResult, FoldTask, Outcome};
use rayon::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

/// How a run ended.
pub enum Ending {
    /// With scores.
    Finished(Box<Scores>),
    /// With networks of which nothing is scored: the split has no test part.
    Unscored,
    /// By this signal, with everything saved.
    Interrupted(u8),
}

/// How the training of a run ended.
enum Trained {
    /// With the test predictions of all selected folds.
    Complete(Vec<Prediction>),
    /// By this signal, with everything saved.
    Interrupted(u8),
}

/// Makes of scores, and of the predictions behind them, what people look at.
pub type Show<'a> = &'a dyn Fn(&Scores, &[Prediction]) -> Result<()>;

impl Experiment {
    /// Trains the selected folds, from wherever the folder's saved state stands, and scores them. `interrupt`
    /// holds the number of a signal that asks to stop, or 0. `show` gets the scores and the predictions
    /// behind them as soon as both are saved: the run is not finished before all that is made of them is
    /// there, too.
    pub fn run(
        &self,
        folder: &RunFolder,
        selection: &[usize],
        interrupt: &AtomicUsize,
        progress: &dyn Progress,
        show: Show,
    ) -> Result<Ending> {
        self.check_all_folds(selection)?;
        // A refusal changes nothing.
        let start = self.start(folder, selection)?;
        Status::Running.write(folder)?;
        let train = || self.train_and_conclude(folder, selection, start, interrupt, progress, show);
        // The status must not say for ever that a run trains whose process is gone.
        let ending = catch_unwind(AssertUnwindSafe(train)).unwrap_or_else(|panic| {
            drop(Status::Failed { message: "the program failed because of a bug".into() }.write(folder));
            resume_unwind(panic)
        });
        match &ending {
            Ok(Ending::Finished(_) | Ending::Unscored) => Status::Finished.write(folder)?,
            Ok(Ending::Interrupted(signal)) => Status::Interrupted { signal: *signal }.write(folder)?,
            // The run's own error comes first, whether or not it can be recorded.
            Err(error) => drop(Status::Failed { message: error.message.clone() }.write(folder)),
        }
        ending
    }

    /// Trains and scores in a folder that may be new, half-way or finished: of a finished run the scores are
    /// read. As [`Experiment::run`] otherwise.
    pub fn run_to_end(
        &self,
        folder: &RunFolder,
        selection: &[usize],
        interrupt: &AtomicUsize,
        progress: &dyn Progress,
        show: Show,
    ) -> Result<Ending> {
        if !folder.file(Resume::FILE).exists() {
            self.record(folder, selection)?;
        }
        match self.scores_of(folder)? {
            Some(scores) => Ok(Ending::Finished(Box::new(scores))),
            None => self.run(folder, selection, interrupt, progress, show),
        }
    }

    fn train_and_conclude(
        &self,
        folder: &RunFolder,
        selection: &[usize],
        start: Start,
        interrupt: &AtomicUsize,
        progress: &dyn Progress,
        show: Show,
    ) -> Result<Ending> {
        Manifest::unseal(folder)?;
        let trained = self.config.run.device().and_then(|device| {
            let before = device.warning();
            before.iter().for_each(|warning| progress.warn(warning));
            let trained =
                on_device!(&device, backend => self.train(backend, folder, selection, start, interrupt, progress));
            let late = device.warning().filter(|_| before.is_none());
            late.iter().for_each(|warning| progress.warn(warning));
            trained
        });
        trained.and_then(|trained| match trained {
            Trained::Complete(_) if !self.split.has_test() => self.conclude_unscored(folder),
            Trained::Complete(predictions) => self.conclude(folder, &predictions, progress, show),
            Trained::Interrupted(signal) => Ok(Ending::Interrupted(signal)),
        })
    }

    /// Trains the selected folds.
    fn train<B: Backend>(
        &self,
        backend: &B,
        folder: &RunFolder,
        selection: &[usize],
        start: Start,
        interrupt: &AtomicUsize,
        progress: &dyn Progress,
    ) -> Result<Trained> {
        let Start { mut resume, mut bound, mut predictions, mut metrics, mut epochs } = start;
        let groups: Vec<&[usize]> = self.groups(selection).collect();
        for (number, folds) in groups.iter().enumerate().skip(resume.fold_groups_done) {
            let members: Vec<_> = folds.par_iter().map(|&f| self.task(f)).collect();
            let mut group = FoldGroup::new(backend, &self.network, &self.spec, members)?;
            if let Some(state) = resume.state.take() {
                group.restore(&state)?;
            }
            let what = match groups.len() {
                1 => format!("training {} folds", folds.len()),
                all => format!("training folds, part {} of {all}", number + 1),
            };
            progress.start(&what, group.remaining(), "windows");
            let mut recorder = Recorder {
                folder,
                progress,
                interrupt,
                metrics: &mut metrics,
                epochs: &mut epochs,
                fold_groups_done: number,
                device: DeviceId::of(backend),
                bound: &bound,
                save_every: self.config.run.save_every(),
                saved: (Instant::now(), Duration::ZERO),
                has_saved: false,
                epoch_note: String::new(),
            };
            let outcome = group.run(&mut recorder);
            progress.finish();
            if let Outcome::Interrupted(signal) = outcome? {
                return Ok(Trained::Interrupted(signal));
            }
            let results = group.finish()?;
            for result in &results {
                bound.checkpoints.extend(self.save_fold(folder, result)?);
                progress.detail(&format!(
                    "fold {}: best epoch {}",
                    self.fold_names[result.number as usize], result.best_epoch
                ));
            }
            predictions.extend(results.into_iter().flat_map(|result| result.predictions));
            Predictions::write(folder, &predictions, self.names())?;
            let log_lengths = [metrics.sync()?, epochs.sync()?];
            bound.logs = [metrics.hash(), epochs.hash()];
            bound.predictions = Predictions::hash(&predictions, self.names())?;
            resume = Resume {
                fold_groups_done: number + 1,
                state: None,
                log_lengths,
                device: DeviceId::of(backend),
                bound: Some(bound.clone()),
            };
            resume.write(folder)?;
        }
        resume.bound = Some(bound);
        Ok(match self.permute(backend, folder, resume, interrupt, progress)? {
            Some(signal) => Trained::Interrupted(signal),
            None => Trained::Complete(predictions),
        })
    }

    fn conclude(
        &self,
        folder: &RunFolder,
        predictions: &[Prediction],
        progress: &dyn Progress,
        show: Show,
    ) -> Result<Ending> {
        let mut scores = self.with_permutation_test(self.score(predictions)?, folder.path())?;
        // Before anybody sees them.
        run::looks::count(folder.path(), "best", &mut scores, predictions, progress);
        folder.write(
            "confusion.csv",
            &run::write_confusion(&scores.window.confusion, &self.dataset.class_names)?,
        )?;
        self.write_scores(folder, &scores)?;
        show(&scores, predictions)?;
        Manifest::seal(folder)?;
        Ok(Ending::Finished(Box::new(scores)))
    }

    /// Fold `number`, from 0, to train.
    pub(super) fn task(&self, number: usize) -> FoldTask<'_> {
        let fold = &self.split.folds()[number];
        FoldTask {
            number: number as u32,
            name: format!("fold {}", fold.name),
            dataset: &self.dataset,
            fold,
            stats: self.stats(fold),
            initial: self.initial.get(&(number as u32)).map(Vec::as_slice),
        }
    }

    /// The standardization of a fold. A feature that is left out has the inverse deviation 0, so that the
    /// network sees 0 in its place.
    fn stats(&self, fold: &Fold) -> Stats {
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

    /// The tested weights of a trained fold with all that predictions need, as a run saves them.
    pub fn checkpoint(&self, result: &FoldResult) -> FoldCheckpoint {
        self.checkpoint_of(result, &result.best, result.best_epoch)
    }

    fn checkpoint_of(&self, result: &FoldResult, weights: &[f32], epoch: usize) -> FoldCheckpoint {
        FoldCheckpoint {
            meta: FoldMeta {
                fold: self.fold_names[result.number as usize].clone(),
                epoch,
                network: self.network.clone(),
                features: self.dataset.frames.features.clone(),
                frames: Some(self.config.chosen_frames()),
                stat_steps: result.stats.steps(self.dataset.frames.width()),
                rate: self.dataset.frames.rate,
                class_names: self.dataset.class_names.clone(),
                dataset: self.dataset_hash.clone(),
                origin: Some(self.origin(result.number as usize)),
            },
            weights: weights.to_vec(),
            stats: result.stats.clone(),
            center: self.dataset.frames.center.clone(),
        }
    }

    /// Saves the weights of a fold. Returns the names and hashes of the files.
    fn save_fold(&self, folder: &RunFolder, result: &FoldResult) -> Result<Vec<(String, String)>> {
        let mut saved = Vec::new();
        for (which, weights, epoch) in
            [("best", &result.best, result.best_epoch), ("last", &result.last, result.last_epoch)]
        {
            let checkpoint = self.checkpoint_of(result, weights, epoch);
            let name = RunFolder::checkpoint(Path::new(""), which, result.number);
            let (name, bytes) = (name.to_string_lossy().into_owned(), checkpoint.to_bytes()?);
            folder.write(&name, &bytes)?;
            saved.push((name, run::hash(&bytes)));
        }
        Ok(saved)
    }
}

/// The error that a run stopped by a signal ends with.
pub fn interrupted(signal: u8, run: &Path, command: &str) -> Error {
    Error::new(ErrorKind::Interrupted(signal), format!("stopped by signal {signal}; everything is saved"))
        .hint(format!("go on with `engine {command} --resume {}`", run.display()))
}
