//! From a configuration to labeled sequences.

use crate::config::Config;
use crate::data::channels;
use crate::data::frames::{Baseline, FrameKind, FrameSpec, FrameTable, SubjectFrames, Values};
use crate::data::labels::{LabelScheme, Labels};
use crate::data::normalize::{Normalize, Scale};
use crate::data::sequences::{Dataset, Labeling};
use crate::data::source::{Facts, Source};
use crate::error::{Error, Result};
use crate::ops::Network;
use crate::progress::Progress;

/// Reads the data and cuts them into labeled sequences. What was left open of how is filled in; `center` as
/// in [`Dataset::cut`].
pub fn read(config: &mut Config, center: Option<&[f32]>, progress: &dyn Progress) -> Result<Dataset> {
    let source =
        Source::open(&config.data.path, config.data.test_file.as_deref(), &config.demo.spec(), progress)?;
    check_baseline(config, &source, progress)?;
    if let Some(window) = config.window_spec(source.default_window()).length {
        check_window(window, config, &source)?;
    }
    let (table, facts) = read_frames(config, &source, progress)?;
    let labels = labels(config, &facts.class_names);
    let mut dataset = Dataset::cut(
        table,
        &config.window_spec(source.default_window()),
        Labeling::Known(&labels),
        &facts.class_names,
        config.data.bad_windows,
        center,
    )?;
    dataset.grouping = match config.split.promise_independent_windows {
        true => facts.grouping.promised()?,
        false => facts.grouping,
    };
    dataset.allows_copies = config.split.allow_copies;
    dataset.warnings.iter().for_each(|warning| progress.warn(warning));
    // The run's own configuration records the defaults that were chosen.
    let frames = frame_spec(config, &source);
    config.frames.frame_kind = Some(frames.kind);
    config.frames.baseline = Some(frames.baseline);
    config.frames.window = config.frames.window.or(source.default_window());
    config.labels.label.get_or_insert(labels.scheme);
    Ok(dataset)
}

/// `[D, T, K]` of the sequences that a configuration asks for: what a network must fit. Of generated
/// recordings one is enough.
pub fn shape(config: &Config, progress: &dyn Progress) -> Result<[usize; 3]> {
    let mut config = config.clone();
    config.demo.demo_subjects = 1;
    let dataset = read(&mut config, None, progress)?;
    Ok([dataset.frames.width(), dataset.steps(), dataset.class_names.len()])
}

/// Refuses a correction by seconds that no trial has, and says if there are none to include.
fn check_baseline(config: &Config, source: &Source, progress: &dyn Progress) -> Result<()> {
    if source.has_baseline() {
        return Ok(());
    }
    let why = match source.trial() {
        Some(trial) => format!("in trials of {} samples the baseline is cut away", trial.samples),
        None => "these data have no seconds before a stimulus".into(),
    };
    match config.frames.baseline {
        Some(Baseline::Correct) => {
            Err(Error::config(format!("`baseline = correct` needs a baseline, and {why}"))
                .hint("use `baseline = drop`, or leave `baseline` out"))
        }
        Some(Baseline::Include) => {
            progress.warn(&format!("`baseline = include` has no effect: {why}"));
            Ok(())
        }
        Some(Baseline::Drop) | None => Ok(()),
    }
}

/// Refuses windows that no trial can hold, or that can hold no frame, before minutes of reading.
fn check_window(window: f64, config: &Config, source: &Source) -> Result<()> {
    let spec = frame_spec(config, source);
    if let Some(trial) = source.trial().map(|trial| trial.seconds(spec.baseline))
        && window > trial
    {
        return Err(Error::config(format!("a window of {window} s is longer than a trial of {trial} s"))
            .hint("choose a shorter `window`"));
    }
    if spec.kind != FrameKind::Raw && window < spec.length {
        return Err(Error::config(format!(
            "a window of {window} s is shorter than a frame of {} s",
            spec.length
        ))
        .hint("choose a longer `window` or a shorter `frame_length`"));
    }
    Ok(())
}

/// How signals become frames, with what the user left open filled in.
fn frame_spec(config: &Config, source: &Source) -> FrameSpec {
    config.frame_spec(source.default_frames(), source.has_baseline())
}

fn labels(config: &Config, own_classes: &[String]) -> Labels {
    let default = if own_classes.is_empty() { LabelScheme::Valence } else { LabelScheme::Class };
    Labels {
        scheme: config.labels.label.unwrap_or(default),
        threshold: config.labels.threshold,
        rule: config.labels.tie,
        dead_zone: config.labels.dead_zone,
    }
}

/// Frames of all recordings, and the facts that the files state about them.
pub fn read_frames(config: &Config, source: &Source, progress: &dyn Progress) -> Result<(FrameTable, Facts)> {
    let spec = frame_spec(config, source);
    let values = Values {
        standardize: config.frames.normalize == Normalize::Subject,
        keep_low: config.frames.scale != Scale::None,
    };
    source.frames(progress, |recording| {
        check_rate(recording.rate, config.data.rate)?;
        let chosen = channels::select(&recording.channels, &config.data.channels)?;
        SubjectFrames::build(recording, &spec, &chosen, config.data.rate, values)
    })
}

/// Refuses a sampling rate that contradicts the one in the file.
fn check_rate(own: Option<f64>, asked: Option<f64>) -> Result<()> {
    /// Relative error of a rate that went through decimal text.
    const ROUNDING: f64 = 1e-9;
    match (own, asked) {
        (Some(own), Some(asked)) if (own - asked).abs() > ROUNDING * own.abs() => {
            Err(Error::config(format!("`rate` is {asked} Hz, and the file states {own} Hz"))
                .hint("leave `rate` out: it is for files that do not state their rate; it does not resample"))
        }
        _ => Ok(()),
    }
}

/// Refuses sequences of which the convolution blocks leave no step.
pub fn check_lengths(network: &Network, dataset: &Dataset) -> Result<()> {
    let shortest = dataset.sequences.iter().map(|s| s.length as usize).min().unwrap_or(0);
    if shortest >= network.shortest() {
        return Ok(());
    }
    Err(Error::config(format!(
        "the shortest sequence has {shortest} steps, and the convolution blocks need {} to make one",
        network.shortest()
    ))
    .hint("use fewer blocks or shorter kernels in `conv`, or a longer `window`"))
}
