//! The options as specifications for the other modules, and checks of their values.

use super::sections::Config;
use crate::data::bands::default_bands;
use crate::data::features::{Family, FeatureSpec, GsrUnit};
use crate::data::frames::{Baseline, FrameKind, FrameSpec};
use crate::data::sequences::{Dataset, WindowSpec};
use crate::data::split::{self, SplitKind, SplitSpec};
use crate::error::{Error, Result};
use crate::train::TrainSpec;

/// The most characters of a run's name. File systems allow 255, and a number may be added.
const LONGEST_NAME: usize = 200;

impl Config {
    /// How signals become frames. `kind` is the default; `has_baseline` says whether trials begin before
    /// their stimulus; `gsr` is the unit of the format's skin channels, if it has one.
    pub fn frame_spec(&self, kind: FrameKind, has_baseline: bool, gsr: Option<GsrUnit>) -> FrameSpec {
        let kind = self.frames.frame_kind.unwrap_or(kind);
        // Subtracting the trial's own baseline removes differences between trials that precede the stimulus.
        let correct = has_baseline && kind != FrameKind::Raw;
        FrameSpec {
            kind,
            length: self.frames.frame_length,
            step: self.frames.frame_step,
            baseline: self.frames.baseline.unwrap_or(if correct {
                Baseline::Correct
            } else {
                Baseline::Drop
            }),
            bands: match self.frames.bands.is_empty() {
                true => default_bands(),
                false => self.frames.bands.clone(),
            },
            features: (kind == FrameKind::Features).then(|| FeatureSpec {
                families: match self.frames.families.is_empty() {
                    true => Family::DEFAULT.to_vec(),
                    false => self.frames.families.clone(),
                },
                window: self.frames.feature_window.unwrap_or(FeatureSpec::WINDOW),
                gsr: self.frames.gsr_unit.or(gsr),
            }),
        }
    }

    /// How signals become frames, of a configuration that has recorded its defaults.
    pub fn chosen_frames(&self) -> FrameSpec {
        self.frame_spec(FrameKind::Raw, false, None)
    }

    /// How frames are cut into windows. `length` is the default in seconds.
    pub fn window_spec(&self, length: Option<f64>) -> WindowSpec {
        WindowSpec {
            length: self.frames.window.or(length),
            step: self.frames.window_step,
            scale: self.frames.scale,
        }
    }

    /// How the windows of `dataset` are split into folds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`](crate::ErrorKind::Data) if no split is chosen and the data name neither trials nor
    /// people.
    pub fn split_spec(&self, dataset: &Dataset) -> Result<SplitSpec> {
        let kind = match self.split.split_by {
            Some(kind) => kind,
            // Also where all windows of the test part were left out: the split then says so.
            None if dataset.frames.segments.iter().any(|s| s.predefined_test) => SplitKind::Predefined,
            None => split::default_kind(&dataset.grouping, dataset.people().len())?,
        };
        let (folds, validation) = (self.split.folds, self.split.validation);
        Ok(SplitSpec { kind, folds, validation, seed: self.training.seed })
    }

    /// How a network is trained.
    pub fn train_spec(&self) -> TrainSpec {
        let t = &self.training;
        // Without a validation part nothing says when to stop.
        let default_patience = if self.split.validation > 0.0 { TrainSpec::default().patience } else { 0 };
        TrainSpec {
            epochs: t.epochs,
            batch: t.batch,
            optimizer: t.optimizer,
            learning_rate: t.learning_rate,
            eps: t.eps,
            eps_placement: t.eps_placement,
            schedule: t.schedule,
            warmup: t.warmup,
            weight_decay: t.weight_decay,
            clip: t.clip,
            smoothing: t.label_smoothing,
            class_weights: t.class_weights,
            patience: t.patience.unwrap_or(default_patience),
            selection: t.selection,
            initial: t.initial,
            seed: t.seed,
        }
    }

    /// Refuses values that cannot work, before anything is read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with the name of the quantity.
    pub fn check(&self) -> Result<()> {
        self.check_numbers()?;
        self.train_spec().check()?;
        let validation = self.split.validation;
        if !(0.0..1.0).contains(&validation) {
            return Err(Error::config(format!(
                "the validation share must be in [0, 1), and is {validation}"
            )));
        }
        if self.train_spec().patience > 0 && validation == 0.0 && self.split.split_file.is_none() {
            return Err(Error::config(
                "early stopping needs a validation part, and the validation share is 0",
            )
            .hint("use `patience = 0`, or leave `validation` at its default"));
        }
        self.network.check()?;
        let positive = [
            ("window length", self.frames.window),
            ("window step", self.frames.window_step),
            ("frame length", Some(self.frames.frame_length)),
            ("frame step", Some(self.frames.frame_step)),
            ("length of the window of features", self.frames.feature_window),
            ("sampling rate", self.data.rate),
        ];
        for (quantity, value) in positive {
            if let Some(value) = value
                && !(value > 0.0 && value.is_finite())
            {
                return Err(Error::config(format!("the {quantity} must be above 0, and is {value}")));
            }
        }
        let save_every = self.run.save_every.unwrap_or_default();
        if !(0.0..=1e9).contains(&save_every) {
            return Err(Error::config(format!("`save_every` is {save_every}, expected 0 to 1e9 seconds")));
        }
        if let Some(threshold) = self.labels.threshold.filter(|threshold| !threshold.is_finite()) {
            return Err(Error::config(format!("the rating threshold must be finite, and is {threshold}")));
        }
        let dead_zone = self.labels.dead_zone;
        if !(0.0..f64::INFINITY).contains(&dead_zone) {
            return Err(Error::config(format!(
                "the dead zone must be finite and not below 0, and is {dead_zone}"
            )));
        }
        if self.permutation.permutations == Some(0) {
            return Err(Error::config("the number of permutations must be above 0")
                .hint("leave `permutations` out for a run without a permutation test"));
        }
        if self.permutation.permutations.is_some() && self.training.from.is_some() {
            return Err(Error::config(
                "`permutations` with `from`: those weights know the true labels, so no permuted training could be compared",
            )
            .hint("leave one of them out"));
        }
        self.check_tuning()?;
        if self.run.folds_at_once == Some(0) {
            return Err(Error::config("the number of folds at once must be above 0"));
        }
        if self.run.threads == Some(0) {
            return Err(Error::config("the number of threads must be above 0"));
        }
        if let Some(name) = &self.run.name {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            if name.len() > LONGEST_NAME {
                return Err(Error::config(format!(
                    "`name` has {} characters, expected at most {LONGEST_NAME}",
                    name.len()
                )));
            }
            if name.is_empty() || name.starts_with('.') || !name.chars().all(allowed) {
                return Err(Error::config(format!("{name:?} cannot be the name of a run folder")).hint(
                    "use letters, digits, dots, underscores and hyphens, and do not begin with a dot",
                ));
            }
        }
        Ok(())
    }

    /// Refuses a choice of settings inside the folds that cannot be made.
    fn check_tuning(&self) -> Result<()> {
        if let Some(folds) = self.tuning.inner_folds.filter(|&folds| folds < 2) {
            return Err(Error::config(format!("`inner_folds` is {folds}, expected at least 2")));
        }
        if self.tuning.tune.is_empty() {
            return Ok(());
        }
        if self.permutation.permutations.is_some() {
            return Err(Error::config(
                "`tune` with `permutations`: each permutation would have to repeat the choice in every fold",
            )
            .hint("leave one of them out"));
        }
        if self.training.from.is_some() {
            return Err(Error::config(
                "`tune` with `from`: those weights have seen the inner test parts, so no choice could trust them",
            )
            .hint("leave one of them out"));
        }
        self.candidates().map(drop)
    }
}
