//! Every option of a run: at once the configuration file's keys, the command line's flags and their defaults.
//!
//! Each option is declared here and nowhere else. A flag beats the file, the file beats the default; the file that a
//! run folder keeps repeats the run.

mod network;
mod preset;

pub use network::{CellName, NetworkConfig};
pub use preset::{Preset, Published};

use crate::backend::cpu::Isa;
use crate::backend::{AnyDevice, DeviceChoice, Kind, Products};
use crate::data::demo::DemoSpec;
use crate::data::frames::{Baseline, FrameKind, FrameSpec};
use crate::data::labels::{LabelScheme, TieRule};
use crate::data::normalise::{Normalise, Scale};
use crate::data::sequences::{BadWindows, WindowSpec};
use crate::data::split::{SplitKind, SplitSpec};
use crate::error::{Error, Result};
use crate::ops::{EpsPlacement, OptimizerKind, Precision};
use crate::train::{ClassWeights, Initial, Schedule, Selection, TrainSpec};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// All options, by section.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    #[command(flatten)]
    pub data: DataConfig,
    #[command(flatten)]
    pub demo: DemoConfig,
    #[command(flatten)]
    pub frames: FramesConfig,
    #[command(flatten)]
    pub labels: LabelsConfig,
    #[command(flatten)]
    pub split: SplitConfig,
    #[command(flatten)]
    pub network: NetworkConfig,
    #[command(flatten)]
    pub training: TrainingConfig,
    #[command(flatten)]
    pub run: RunConfig,
}

/// Where signals come from.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Data")]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// What to read: a folder with DEAP's s01.dat ... s32.dat, a .ts or .npz file, or `demo` for generated recordings
    #[arg(long = "data", value_name = "PATH", default_value = "demo")]
    pub path: PathBuf,
    /// TEST part of a data set whose TRAIN part is --data (.ts); implies --split predefined
    #[arg(long = "test", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_file: Option<PathBuf>,
    /// Sampling rate, for files that do not know theirs
    #[arg(long, value_name = "HZ")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Channel names and modalities (eeg eog emg gsr resp pleth temp all) [default: eeg where there is any, else all]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub channels: Vec<String>,
    /// What to do with windows that hold NaN or infinity, or whose trial has a channel that never moves
    #[arg(long, value_enum, default_value_t = BadWindows::Fail)]
    pub bad_windows: BadWindows,
}

/// The generated recordings that stand in for DEAP.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Demo recordings (--data demo)")]
#[serde(default, deny_unknown_fields)]
pub struct DemoConfig {
    /// How many subjects, 1 to 32
    #[arg(long, value_name = "N", default_value_t = DemoSpec::default().subjects)]
    pub demo_subjects: u32,
    /// Seed of the signals and ratings
    #[arg(long, value_name = "SEED", default_value_t = DemoSpec::default().seed)]
    pub demo_seed: u64,
    /// How strongly emotion shows in the signals; 0: not at all
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().effect)]
    pub demo_effect: f64,
    /// How much that differs between subjects
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().effect_sd)]
    pub demo_effect_sd: f64,
    /// Strength of each trial's own fingerprint, what a leaky split recognises
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().trial_sd)]
    pub demo_trial_sd: f64,
    /// Strength of each subject's own fingerprint
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().subject_sd)]
    pub demo_subject_sd: f64,
    /// How much subjects differ in how often they rate high
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().prior_sd)]
    pub demo_prior_sd: f64,
}

impl DemoConfig {
    pub fn spec(&self) -> DemoSpec {
        DemoSpec {
            subjects: self.demo_subjects,
            seed: self.demo_seed,
            effect: self.demo_effect,
            effect_sd: self.demo_effect_sd,
            trial_sd: self.demo_trial_sd,
            subject_sd: self.demo_subject_sd,
            prior_sd: self.demo_prior_sd,
        }
    }
}

/// From signals to sequences.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Frames and windows")]
#[serde(default, deny_unknown_fields)]
pub struct FramesConfig {
    /// What one step of a sequence reads [default: bandpower for recordings of minutes, raw for archives]
    #[arg(long = "frames", value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_kind: Option<FrameKind>,
    /// Length of a band frame in seconds
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    pub frame_length: f64,
    /// From one band frame to the next, in seconds
    #[arg(long, value_name = "S", default_value_t = 0.5)]
    pub frame_step: f64,
    /// What to do with the seconds before the stimulus [default: correct for band frames of recordings that have them,
    /// else drop]
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// Length of a sequence in seconds [default: 4 for DEAP and demo, whole series for archives]
    #[arg(long, value_name = "S")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<f64>,
    /// From one sequence to the next, in seconds [default: the window, so no overlap]
    #[arg(long, value_name = "S")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
    /// What each window is multiplied by before features are standardised
    #[arg(long, value_enum, default_value_t = Scale::None)]
    pub scale: Scale,
    /// What features are standardised by
    #[arg(long, value_enum, default_value_t = Normalise::Train)]
    pub normalise: Normalise,
}

/// From ratings to classes.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Labels")]
#[serde(default, deny_unknown_fields)]
pub struct LabelsConfig {
    /// What to recognise [default: valence for ratings, class for archives]
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<LabelScheme>,
    /// Ratings (1 to 9) beyond this are high
    #[arg(long, value_name = "X", default_value_t = 5.0)]
    pub threshold: f64,
    /// Where a rating exactly on the threshold goes: above means high is rating > threshold
    #[arg(long, value_enum, default_value_t = TieRule::Above)]
    pub tie: TieRule,
    /// Leave out trials whose rating is closer to the threshold than this
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    pub dead_zone: f64,
}

/// Who is trained on and who is tested.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Split")]
#[serde(default, deny_unknown_fields)]
pub struct SplitConfig {
    /// What never stands on both sides [default: trial; predefined with --test]
    #[arg(long = "split", value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_by: Option<SplitKind>,
    /// How many folds [default: one per subject for --split subject, else 5]
    #[arg(long, value_name = "K")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
    /// Share of the training groups kept for validation; 0 for none
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    pub validation: f64,
    /// Take the folds from this split.json instead; it is audited like any other
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_file: Option<PathBuf>,
}

/// How the network is trained.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Training")]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Passes over the training part
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub epochs: usize,
    /// Sequences per step of each fold
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub batch: usize,
    /// Update rule
    #[arg(long, value_enum, default_value_t = OptimizerKind::Adamw)]
    pub optimizer: OptimizerKind,
    /// Learning rate
    #[arg(long = "lr", value_name = "RATE", default_value_t = 1e-3)]
    pub learning_rate: f64,
    /// Added to the root of Adam's running mean of squares
    #[arg(long, value_name = "X", default_value_t = 1e-8)]
    pub eps: f64,
    /// Whether it is added after the correction of that mean's bias, as in PyTorch, or before, as in Keras
    #[arg(long, value_enum, default_value_t = EpsPlacement::AfterCorrection)]
    pub eps_placement: EpsPlacement,
    /// Learning rate over time
    #[arg(long, value_enum, default_value_t = Schedule::Constant)]
    pub schedule: Schedule,
    /// Epochs over which the learning rate rises
    #[arg(long, value_name = "EPOCHS", default_value_t = 0.0)]
    pub warmup: f64,
    /// Weight decay
    #[arg(long, value_name = "X", default_value_t = 0.01)]
    pub weight_decay: f64,
    /// Largest global gradient norm of a fold; inf for no clipping
    #[arg(long, value_name = "NORM", default_value_t = 1.0)]
    pub clip: f64,
    /// Probability mass spread over all classes
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub label_smoothing: f64,
    /// Whether rare classes weigh more in the loss
    #[arg(long, value_enum, default_value_t = ClassWeights::None)]
    pub class_weights: ClassWeights,
    /// Stop a fold after so many epochs without a better validation loss (plain cross-entropy); 0: never [default: 10 with validation]
    #[arg(long, value_name = "EPOCHS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Which weights of a fold are tested
    #[arg(long, value_enum, default_value_t = Selection::Best)]
    pub selection: Selection,
    /// The weights before training: whose defaults
    #[arg(long, value_enum, default_value_t = Initial::Pytorch)]
    pub initial: Initial,
    /// Seed of everything random: splits, first weights, order, dropout
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
}

/// Where it runs and what it leaves.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Run")]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// What computes; never another one than asked for
    #[arg(long, value_enum, default_value_t = Kind::Cpu)]
    pub backend: Kind,
    /// Instruction-set path of the processor [default: the best it has]; paths round differently
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isa: Option<Isa>,
    /// GPU of the backends `cuda` and `wgpu`: its number, or a part of its name, in `engine devices` [default: the first, the
    /// fastest kind]
    #[arg(long, value_name = "N|NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
    /// What the products of the backend `cuda` multiply: fp32, tf32 (10 bits of mantissa, as PyTorch's and cuDNN's recurrent layers
    /// do) or bf16 (7 bits); sums and states are f32 in all of them [default: tf32]
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// Who multiplies the large matrices of the backend `cuda` [default: own]
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub products: Option<Products>,
    /// Where the backend `cuda` keeps compiled kernels from run to run [default: engine/cuda in the user's cache folder]; changes no
    /// result
    #[arg(long, value_name = "FOLDER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_cache: Option<PathBuf>,
    /// Threads of the processor [default: all cores]; changes no result
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Folds trained together [default: all]; fewer need less memory, and change no result
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds_at_once: Option<usize>,
    /// Name of the run folder [default: cell-label-split]
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where run folders are made
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub runs: PathBuf,
}

impl RunConfig {
    /// What the run computes on.
    pub fn device(&self) -> Result<AnyDevice> {
        let choice = DeviceChoice {
            isa: self.isa,
            adapter: self.adapter.clone(),
            precision: self.precision,
            products: self.products,
            kernel_cache: self.kernel_cache.clone(),
        };
        AnyDevice::open(self.backend, &choice)
    }

    /// Takes what was chosen instead of the run's own device. Options of one backend do not pass to another.
    pub fn choose(&mut self, backend: Option<Kind>, choice: &DeviceChoice) {
        if backend.is_some_and(|backend| backend != self.backend) {
            (self.isa, self.adapter, self.precision, self.products, self.kernel_cache) = Default::default();
        }
        self.backend = backend.unwrap_or(self.backend);
        self.isa = choice.isa.or(self.isa);
        self.adapter = choice.adapter.clone().or(self.adapter.take());
        self.precision = choice.precision.or(self.precision);
        self.products = choice.products.or(self.products);
        self.kernel_cache = choice.kernel_cache.clone().or(self.kernel_cache.take());
    }
}

/// Defaults come from the flags' declarations.
macro_rules! defaults_from_flags {
    ($($section:ident)*) => {
        $(impl Default for $section {
            fn default() -> Self {
                let command = Self::augment_args(Command::new("defaults").no_binary_name(true));
                let matches = command.get_matches_from(std::iter::empty::<&str>());
                Self::from_arg_matches(&matches).expect("every option has a default")
            }
        })*
    };
}

defaults_from_flags! {
    Config DataConfig DemoConfig FramesConfig LabelsConfig SplitConfig NetworkConfig TrainingConfig RunConfig
}

impl Config {
    /// Flags over the file over the preset over the defaults.
    pub fn resolve(matches: &ArgMatches, preset: Option<Preset>, file: Option<&Path>) -> Result<Self> {
        let flags = Config::from_arg_matches(matches).map_err(|e| Error::config(e.to_string()))?;
        flags.refuse_unwritable_paths()?;
        let mut merged = match preset {
            Some(preset) => preset.config().to_table(),
            None => Config::default().to_table(),
        };
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
            // For its errors, which name lines.
            Config::from_toml(&text).map_err(|e| e.at(path.display()))?;
            let own: toml::Table = text.parse().map_err(|e: toml::de::Error| Error::config(e.message()))?;
            for (section, values) in own {
                let values = values.as_table().cloned().unwrap_or_default();
                merged[&section].as_table_mut().expect("sections are tables").extend(values);
            }
        }
        for (section, values) in flags.to_table() {
            let Some(values) = values.as_table() else { continue };
            for (key, value) in values {
                if given(matches, key) {
                    merged[&section]
                        .as_table_mut()
                        .expect("sections are tables")
                        .insert(key.clone(), value.clone());
                }
            }
        }
        merged.try_into().map_err(|e: toml::de::Error| Error::config(e.message()))
    }

    /// Every path stands in the run's configuration, which is text.
    fn refuse_unwritable_paths(&self) -> Result<()> {
        let optional = [&self.data.test_file, &self.split.split_file];
        let paths = [&self.data.path, &self.run.runs].into_iter().chain(optional.into_iter().flatten());
        match paths.into_iter().find(|path| path.to_str().is_none()) {
            None => Ok(()),
            Some(path) => Err(Error::config(format!("the path {} is not UTF-8", path.display()))
                .hint("give the folder another name, or a symbolic link")),
        }
    }

    /// The file over the defaults.
    pub fn resolve_file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
        Config::from_toml(&text).map_err(|e| e.at(path.display()))
    }

    /// Reads a configuration from text; what it leaves out has its default.
    pub fn from_toml(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|e| {
            let error = Error::config(e.to_string().trim_end().to_string());
            match nearest(e.message()) {
                Some(name) => error.hint(format!("did you mean `{name}`?")),
                None => error,
            }
        })
    }

    /// The configuration as a file.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("options are plain values")
    }

    fn to_table(&self) -> toml::Table {
        toml::Table::try_from(self).expect("options are plain values")
    }

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
        WindowSpec { length: self.frames.window.or(length), step: self.frames.step, scale: self.frames.scale }
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
            ("--step", self.frames.step),
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

/// Whether the option was given as a flag. Option ids are unique over all sections.
fn given(matches: &ArgMatches, id: &str) -> bool {
    matches.try_contains_id(id).is_ok() && matches.value_source(id) == Some(ValueSource::CommandLine)
}

/// From "unknown field `hiden`, expected one of `hidden`, ..." the name that was meant.
fn nearest(message: &str) -> Option<&str> {
    if !message.starts_with("unknown") {
        return None;
    }
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = names.next()?;
    names.max_by(|a, b| strsim::jaro_winkler(unknown, a).total_cmp(&strsim::jaro_winkler(unknown, b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(flags: &[&str]) -> ArgMatches {
        Config::augment_args(Command::new("test").no_binary_name(true)).get_matches_from(flags)
    }

    #[test]
    fn flags_beat_the_file_and_the_file_beats_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "[network]\nhidden = [8, 9]\ncell = \"gru\"\n[training]\nepochs = 7\n")
            .unwrap();
        let config =
            Config::resolve(&matches(&["--epochs", "3", "--split", "subject"]), None, Some(&path)).unwrap();
        assert_eq!(config.network.hidden, [8, 9]);
        assert_eq!(config.network.cell, [CellName::Gru]);
        assert_eq!(config.training.epochs, 3);
        assert_eq!(config.split.split_by, Some(SplitKind::Subject));
        assert_eq!(config.training.batch, 32);
    }

    #[test]
    fn a_configuration_survives_its_file() {
        let network = ["--conv", "16x3,8x5", "--cell", "bilstm,gru", "--hidden", "7,5", "--biases", "1"];
        let flags = ["--window", "2", "--clip", "inf", "--label", "quadrant", "--channels", "eeg,GSR"];
        let config = Config::resolve(&matches(&[&flags[..], &network].concat()), None, None).unwrap();
        assert_eq!(Config::from_toml(&config.to_toml()).unwrap(), config);
        assert_eq!(Config::from_toml("").unwrap(), Config::default());
    }

    #[test]
    fn a_misspelt_key_names_its_line_and_its_neighbour() {
        let error = Config::from_toml("[network]\nhiden = [8]\n").unwrap_err();
        assert!(error.message.contains("line 2"), "{error}");
        assert_eq!(error.hint.as_deref(), Some("did you mean `hidden`?"));
        assert!(Config::from_toml("[training]\nepochs = \"many\"\n").is_err());
    }
}
