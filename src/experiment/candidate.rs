//! The settings among which each fold may choose.

use super::read::check_lengths;
use crate::config::{Axis, Config, Options};
use crate::data::sequences::Dataset;
use crate::error::Result;
use crate::ops::Network;
use crate::train::TrainSpec;

/// Settings that a fold may choose, ready to train.
pub(super) struct Candidate {
    /// The options and values that make it.
    pub(super) options: Options,
    /// The configuration of a plain run with them.
    pub(super) config: Config,
    pub(super) network: Network,
    pub(super) spec: TrainSpec,
}

impl Candidate {
    /// Whether folds of both can be members of one fold group.
    pub(super) fn trains_with(&self, other: &Candidate) -> bool {
        self.network == other.network && self.spec.trains_with(&other.spec)
    }
}

/// The candidates of a configuration whose data these are; none without a choice.
pub(super) fn candidates(config: &Config, dataset: &Dataset) -> Result<Vec<Candidate>> {
    let candidate = |(options, config): (Options, Config)| {
        let network = config.network.network(dataset.frames.width(), dataset.class_names.len());
        check_lengths(&network, dataset).map_err(|e| e.at(format!("tune {}", Axis::in_words(&options))))?;
        let spec = spec_of(&config, dataset);
        Ok(Candidate { options, config, network, spec })
    };
    config.candidates()?.into_iter().map(candidate).collect()
}

/// How a network of this configuration is trained.
pub(super) fn spec_of(config: &Config, dataset: &Dataset) -> TrainSpec {
    // A larger batch would only take memory.
    TrainSpec { batch: config.training.batch.min(dataset.sequences.len()), ..config.train_spec() }
}
