//! Everything that a training needs, from a configuration.

use super::candidate::{Candidate, candidates, spec_of};
use super::read::{check_lengths, read};
use crate::config::Config;
use crate::data::feature::left_out;
use crate::data::labels::LabelScheme;
use crate::data::normalize::Normalize;
use crate::data::permutation::Exchangeable;
use crate::data::sequences::Dataset;
use crate::data::split::{Leak, Split, TRANSDUCTIVE, honest_kinds};
use crate::error::{Error, Result};
use crate::model::Extent;
use crate::ops::Network;
use crate::progress::Progress;
use crate::train::TrainSpec;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Data, split and network of a configuration, ready to train.
pub struct Experiment {
    /// The resolved configuration.
    pub config: Config,
    /// The windows and their labels.
    pub dataset: Dataset,
    /// The folds.
    pub split: Split,
    /// The network of each fold.
    pub network: Network,
    /// Whether the files of the run that is evaluated may not belong together: an older version wrote them.
    pub is_unbound: bool,
    /// Whether the folds are somebody's own, so that they stay as they are under permuted labels.
    pub(super) has_own_folds: bool,
    /// Indices of the features that the networks do not see.
    pub(super) left_out: Vec<usize>,
    pub(super) spec: TrainSpec,
    /// The hash of the data set.
    pub dataset_hash: String,
    pub(super) fold_names: Vec<String>,
    /// The units of a permutation test; `None` without one.
    pub(super) exchangeable: Option<Exchangeable>,
    /// The settings among which each fold chooses; none without a choice.
    pub(super) candidates: Vec<Candidate>,
    /// By fold, the candidate that it chose, once all have.
    pub(super) chosen: OnceLock<Vec<usize>>,
    /// By fold, the weights to start from; none for random ones.
    pub(super) initial: BTreeMap<u32, Vec<f32>>,
}

impl Experiment {
    /// Reads the data, cuts and labels sequences, splits them and audits the split.
    pub fn prepare(config: Config, progress: &dyn Progress) -> Result<Self> {
        Experiment::centered(config, None, progress)
    }

    /// As [`Experiment::prepare`]; `center` as in [`Dataset::cut`].
    pub(super) fn centered(
        mut config: Config,
        center: Option<&[f32]>,
        progress: &dyn Progress,
    ) -> Result<Self> {
        config.check()?;
        // Before minutes of reading: is there such a device?
        config.run.device()?;
        let dataset = read(&mut config, center, progress)?;
        Experiment::with_dataset(dataset, config, progress)
    }

    /// As [`Experiment::prepare`], on data that have been read: those that `config` asks for.
    pub fn with_dataset(dataset: Dataset, config: Config, progress: &dyn Progress) -> Result<Self> {
        let split = match &config.split.split_file {
            None => config.split_spec(&dataset)?.build(&dataset)?,
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
                let split = Split::from_json(&text, &dataset).map_err(|e| e.at(path.display()))?;
                if let Some(asked) = config.split.split_by.filter(|&asked| asked != split.kind()) {
                    return Err(Error::config(format!(
                        "{} splits by {}, and `split_by` asks for {}",
                        path.display(),
                        split.kind().name(),
                        asked.name()
                    ))
                    .hint("leave `split_by` out"));
                }
                split
            }
        };
        let has_own_folds = config.split.split_file.is_some();
        Experiment::with_split(dataset, split, has_own_folds, config, progress)
    }

    /// As [`Experiment::with_dataset`], on folds that were made already. `has_own_folds` says whether they
    /// are somebody's own: those that `config` describes are made again under permuted labels.
    pub(super) fn with_split(
        dataset: Dataset,
        split: Split,
        has_own_folds: bool,
        mut config: Config,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let test = config.permutation.permutations.is_some();
        if test && !split.has_test() {
            return Err(Error::config("a permutation test needs scores, and the split has no test part")
                .hint("leave `permutations` out, or choose another `split_by`"));
        }
        if test {
            config.permutation.permutation_seed = Some(config.permutation.seed());
        }
        if !config.tuning.tune.is_empty() {
            if !split.has_test() {
                return Err(Error::config(
                    "a choice inside the folds is for scores, and the split has no test part",
                )
                .hint("leave `tune` out, or choose another `split_by`"));
            }
            config.tuning.inner_folds = Some(config.tuning.inner_folds());
        }
        let exchangeable = test.then(|| Exchangeable::of(&dataset, split.kind())).transpose()?;
        let empty = split.folds().iter().find(|fold| fold.validation().is_empty());
        if let Some(fold) = empty.filter(|_| config.train_spec().patience > 0) {
            return Err(Error::config(format!("fold {} has no validation part to stop early by", fold.name))
                .hint("use `patience = 0`, or give each fold a validation part"));
        }
        if split.kind().is_leaky() {
            let honest = honest_kinds(&dataset.grouping);
            let honest: Vec<String> =
                honest.into_iter().map(|kind| format!("`split_by = {}`", kind.name())).collect();
            let compare = match honest.is_empty() {
                true => String::new(),
                false => format!("; compare with {}", honest.join(" or ")),
            };
            progress.caution(&format!(
                "the split by {} LEAKS: {}. Scores measure how well trials are recognized, not emotions{compare}",
                split.kind().name(),
                Leak::of(&split.audit(&dataset)).describe()
            ));
        }
        if let Some(caution) = dataset.grouping.caution() {
            progress.caution(caution);
        }
        if let Some(copies) = split.copies(&dataset) {
            progress.caution(&copies);
        }
        if config.frames.normalize == Normalize::Subject {
            progress.caution(TRANSDUCTIVE);
        }
        let network = config.network.network(dataset.frames.width(), dataset.class_names.len());
        check_lengths(&network, &dataset)?;
        config.split.split_by.get_or_insert(split.kind());
        let left_out = left_out(&dataset.frames.origins, &config.frames.leave_out)?;
        let fold_names = split.folds().iter().map(|fold| fold.name.clone()).collect();
        let dataset_hash = dataset.hash();
        let spec = spec_of(&config, &dataset);
        let candidates = candidates(&config, &dataset)?;
        Ok(Experiment {
            is_unbound: false,
            left_out,
            spec,
            config,
            has_own_folds,
            dataset_hash,
            dataset,
            split,
            network,
            fold_names,
            exchangeable,
            candidates,
            chosen: OnceLock::new(),
            initial: BTreeMap::new(),
        })
    }

    /// The name of the run folder where the user gives none: `bilstm-valence-subject`.
    pub fn default_name(&self) -> String {
        let label = match self.config.labels.label {
            Some(LabelScheme::Class) | None => {
                self.config.data.path.file_stem().and_then(|s| s.to_str()).unwrap_or("data")
            }
            Some(LabelScheme::Valence) => "valence",
            Some(LabelScheme::Arousal) => "arousal",
            Some(LabelScheme::Dominance) => "dominance",
            Some(LabelScheme::Liking) => "liking",
            Some(LabelScheme::Quadrant) => "quadrant",
        };
        let label: String = label.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        format!("{}-{label}-{}", self.config.network.name(), self.split.kind().name())
    }

    /// How many of so many folds are trained at once.
    pub fn fold_group_size(&self, folds: usize) -> usize {
        self.config.run.folds_at_once.unwrap_or(folds).min(folds)
    }

    pub(super) fn extent(&self, models: usize, batch: usize) -> Extent {
        let stat_steps =
            if self.config.frames.normalize == Normalize::TrainSteps { self.dataset.steps() } else { 1 };
        Extent { models, batch, steps: self.dataset.steps(), stat_steps }
    }
}
