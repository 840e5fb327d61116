//! Experiments on arrays in memory.

use super::bound::differences;
use super::prepare::Experiment;
use crate::config::{Config, DataConfig, DemoConfig, FramesConfig, LabelsConfig};
use crate::data::frames::{Baseline, FrameKind};
use crate::data::labels::LabelScheme;
use crate::data::normalize::Normalize;
use crate::data::sequences::Dataset;
use crate::data::split::Split;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// The place of arrays in the configuration of a run. A file of the same windows may be given in its stead.
const PLACE: &str = "arrays";

impl Experiment {
    /// An experiment on a data set of arrays, made by [`Dataset::from_arrays`] or
    /// [`Arrays`](crate::data::arrays::Arrays). How it is split, trained and run is for `config` to say; how
    /// it was cut and labeled is not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a setting that would have no effect on arrays, and
    /// those of the split.
    pub fn on_arrays(dataset: Dataset, config: Config, progress: &dyn Progress) -> Result<Self> {
        let (dataset, config) = settled(dataset, config, progress)?;
        Experiment::with_dataset(dataset, config, progress)
    }

    /// As [`Experiment::on_arrays`], with folds of one's own. Of the section `split` of `config` only
    /// `promise_independent_windows` and `allow_copies` count, and both must say what they said when the
    /// split was made. Its configuration alone does not repeat such a run: its `split.json` does, as
    /// `split_file`.
    ///
    /// # Errors
    ///
    /// Those of [`Experiment::on_arrays`].
    pub fn on_folds(dataset: Dataset, split: Split, config: Config, progress: &dyn Progress) -> Result<Self> {
        let (dataset, mut config) = settled(dataset, config, progress)?;
        if split != Split::new(split.kind(), split.folds().to_vec(), &dataset)? {
            return Err(Error::data("the split was made for another data set")
                .hint("make it of this one, with `Split::new`"));
        }
        config.split.split_by = Some(split.kind());
        Experiment::with_split(dataset, split, true, config, progress)
    }
}

/// The data set and the configuration with what the one says of the other.
fn settled(mut dataset: Dataset, mut config: Config, progress: &dyn Progress) -> Result<(Dataset, Config)> {
    config.check()?;
    config.run.device()?;
    let FramesConfig { leave_out, normalize, .. } = config.frames.clone();
    let effective = Config {
        data: DataConfig::default(),
        demo: DemoConfig::default(),
        frames: FramesConfig { leave_out, normalize, ..FramesConfig::default() },
        labels: LabelsConfig::default(),
        ..config.clone()
    };
    if config != effective {
        let ignored = differences(&effective.to_toml(), &config.to_toml());
        return Err(Error::config(format!(
            "settings would have no effect on arrays, which are cut and labeled already: {}",
            ignored.join("; ")
        ))
        .hint("leave them at their defaults"));
    }
    if config.frames.normalize == Normalize::Subject {
        return Err(Error::config("`normalize = subject` is for recordings: it happens while they are read")
            .hint("standardize the arrays of each person before, or use `normalize = train`"));
    }
    if config.split.promise_independent_windows {
        dataset.grouping = dataset.grouping.promised()?;
    }
    dataset.allows_copies = config.split.allow_copies;
    dataset.warnings.iter().for_each(|warning| progress.warn(warning));
    config.data.path = PLACE.into();
    config.frames.frame_kind = Some(FrameKind::Raw);
    config.frames.baseline = Some(Baseline::Drop);
    config.labels.label = Some(LabelScheme::Class);
    Ok((dataset, config))
}
