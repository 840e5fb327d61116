//! What the options mean to the modules below, and which of them cannot work.

use super::sections::Config;
use crate::data::frames::{Baseline, FrameKind, FrameSpec};
use crate::data::sequences::WindowSpec;
use crate::data::split::{SplitKind, SplitSpec};
use crate::error::{Error, Result};
use crate::train::TrainSpec;

impl Config {
    /// `kind` where the user did not choose; `has_baseline` says whether trials begin before their stimulus.
    pub fn frame_spec(&self, kind: FrameKind, has_baseline: bool) -> FrameSpec {
        let kind = self.frames.frame_kind.unwrap_or(kind);
        // Differences from the trial's own rest take out what a trial has of its own and no emotion gave it.
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
        }
    }

    /// `length` where the user did not choose.
    pub fn window_spec(&self, length: Option<f64>) -> WindowSpec {
        WindowSpec {
            length: self.frames.window.or(length),
            step: self.frames.window_step,
            scale: self.frames.scale,
        }
    }

    pub fn split_spec(&self) -> SplitSpec {
        let default = if self.data.test_file.is_some() { SplitKind::Predefined } else { SplitKind::Trial };
        SplitSpec {
            kind: self.split.split_by.unwrap_or(default),
            folds: self.split.folds,
            validation: self.split.validation,
            seed: self.training.seed,
        }
    }

    pub fn train_spec(&self) -> TrainSpec {
        let t = &self.training;
        let default_patience = if self.split.validation > 0.0 { 10 } else { 0 };
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

    /// Refuses what cannot work before anything is read, naming the option.
    pub fn check(&self) -> Result<()> {
        self.train_spec().check()?;
        let share = |option: &str, value: f64| match (0.0..1.0).contains(&value) {
            true => Ok(()),
            false => Err(Error::config(format!("{option} must be in [0, 1), and is {value}"))),
        };
        share("--validation", self.split.validation)?;
        if self.train_spec().patience > 0 && self.split.validation == 0.0 && self.split.split_file.is_none() {
            return Err(Error::config("--patience needs a validation part, and --validation is 0")
                .hint("use `--patience 0`, or leave `--validation` at its default"));
        }
        self.network.check()?;
        let seconds = [
            ("--window", self.frames.window),
            ("--window-step", self.frames.window_step),
            ("--frame-length", Some(self.frames.frame_length)),
            ("--frame-step", Some(self.frames.frame_step)),
            ("--rate", self.data.rate),
        ];
        for (option, value) in seconds {
            if value.is_some_and(|value| value.is_nan() || value <= 0.0 || value.is_infinite()) {
                return Err(Error::config(format!(
                    "{option} must be above 0, and is {}",
                    value.unwrap_or(0.0)
                )));
            }
        }
        if !self.labels.threshold.is_finite() || !(0.0..f64::INFINITY).contains(&self.labels.dead_zone) {
            return Err(Error::config(
                "--threshold must be a number, and --dead-zone one that is not below 0",
            ));
        }
        if self.run.folds_at_once == Some(0) || self.run.threads == Some(0) {
            return Err(Error::config("--folds-at-once and --threads must be above 0"));
        }
        if let Some(name) = &self.run.name {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            if name.is_empty() || name.starts_with('.') || !name.chars().all(allowed) {
                return Err(Error::config(format!(
                    "--name may hold letters, digits, `.`, `_` and `-`, not `{name}`"
                )));
            }
        }
        Ok(())
    }
}
