//! From a configuration to a file of NumPy arrays.

use super::read::{check_cases, check_window, labels, open, subject_frames};
use crate::config::{Config, FramesConfig};
use crate::data::export;
use crate::data::frames::Values;
use crate::data::normalize::Scale;
use crate::data::recording::{Modality, Target};
use crate::data::sequences::{Dataset, Labeling};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Progress;
use crate::staged::StagedFile;
use std::path::Path;

/// A file of arrays.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// Windows, time steps, features.
    pub shape: [usize; 3],
    /// The names of its arrays.
    pub arrays: Vec<&'static str>,
}

/// Cuts the data as a run would, and writes its windows and all that is known of them to `out`, whole or not
/// at all.
///
/// # Errors
///
/// [`ErrorKind::Io`] if `out` exists already, before anything is read, or cannot be written;
/// [`ErrorKind::Config`] for scaling and normalization, which belong to the training; those of reading.
pub fn export(config: &Config, out: &Path, progress: &dyn Progress) -> Result<Exported> {
    check(config, out)?;
    let source = open(config, progress)?;
    if let Some(window) = config.window_spec(source.default_window()).length {
        check_window(window, config, &source)?;
    }
    let values = Values { keep_low: true, ..Values::default() };
    let (table, facts) =
        source.frames(progress, |recording| subject_frames(config, &source, recording, values))?;
    let modalities: Vec<Modality> = table.origins.iter().map(|feature| feature.channel.modality).collect();
    let is_labeled = table.segments.iter().any(|segment| segment.target != Target::Unknown);
    let labels = labels(config, &facts)?;
    let mut dataset = Dataset::cut(
        table,
        &config.window_spec(source.default_window()),
        if is_labeled { Labeling::Known(&labels) } else { Labeling::Unknown },
        &facts.class_names,
        config.data.bad_windows,
        None,
    )?;
    dataset.grouping = facts.grouping;
    dataset.warnings.iter().for_each(|warning| progress.warn(warning));
    check_cases(&dataset, config, progress)?;
    // The reader's default would leave features out that were chosen here.
    if modalities.contains(&Modality::Eeg) && modalities.iter().any(|&modality| modality != Modality::Eeg) {
        progress.warn("the file has EEG features beside others; give `channels = all` with it, for the default is EEG alone");
    }
    let failed = |e| Error::io("write", out, e);
    let mut staged = StagedFile::open(out).map_err(failed)?;
    let arrays =
        export::write(&dataset, labels.scale, &modalities, is_labeled, &mut staged).map_err(failed)?;
    staged.commit().map_err(failed)?;
    Ok(Exported { shape: [dataset.sequences.len(), dataset.steps(), dataset.frames.width()], arrays })
}

/// Refuses what an export cannot do, before anything is read.
fn check(config: &Config, out: &Path) -> Result<()> {
    config.check()?;
    if out.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("npz")) {
        return Err(Error::config(format!("{}: expected a name that ends in .npz", out.display())));
    }
    if out.symlink_metadata().is_ok() {
        return Err(Error::new(ErrorKind::Io, format!("{} exists already", out.display()))
            .hint("choose another name, or remove the file; this command overwrites nothing"));
    }
    if config.frames.scale != Scale::None {
        return Err(Error::config("an export holds windows as they are before scaling")
            .hint("leave `scale` out, and give it to the training on the exported file"));
    }
    if config.frames.normalize != FramesConfig::default().normalize {
        return Err(Error::config("an export holds windows as they are before normalization")
            .hint("leave `normalize` out, and give it to the training on the exported file"));
    }
    Ok(())
}
