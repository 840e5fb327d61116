//! From a configuration to labeled sequences.

use crate::config::{Config, DataConfig, FramesConfig};
use crate::data::channels;
use crate::data::contents::LazyContents;
use crate::data::formats::Request;
use crate::data::frames::{Baseline, FrameKind, FrameSpec, FrameTable, SubjectFrames, Values};
use crate::data::labels::{LabelScheme, Labels, RatingScale};
use crate::data::normalize::{Normalize, Scale};
use crate::data::recording::Recording;
use crate::data::sequences::{Dataset, Labeling};
use crate::data::source::{Facts, Source};
use crate::error::{Error, Result};
use crate::ops::Network;
use crate::progress::Progress;
use std::sync::Arc;

/// Reads the data and cuts them into labeled sequences. What was left open of how is filled in; `center` as
/// in [`Dataset::cut`].
///
/// # Errors
///
/// Those of [`Framed::read`] and of [`Framed::label`].
pub fn read(config: &mut Config, center: Option<&[f32]>, progress: &dyn Progress) -> Result<Dataset> {
    Framed::read(config, progress)?.label(config, center, progress)
}

/// Recordings as frames, which no label has touched. Data sets that are made of clones share the frames.
#[derive(Clone)]
pub struct Framed {
    table: FrameTable,
    facts: Facts,
    /// Compared once for all labels.
    contents: Arc<LazyContents>,
    default_window: Option<f64>,
    spec: FrameSpec,
}

impl Framed {
    /// Reads the data.
    ///
    /// # Errors
    ///
    /// For data that cannot be read, and for windows that no trial can hold.
    pub fn read(config: &Config, progress: &dyn Progress) -> Result<Self> {
        let source = open(config, progress)?;
        check_baseline(config, &source, progress)?;
        let default_window = source.default_window();
        if let Some(window) = config.window_spec(default_window).length {
            check_window(window, config, &source)?;
        }
        let (table, facts) = read_frames(config, &source, progress)?;
        let contents = Arc::new(LazyContents::of(&table.sketches));
        Ok(Framed { table, facts, contents, default_window, spec: frame_spec(config, &source) })
    }

    /// Cuts the frames into labeled sequences. What `config`, which has the settings of data and frames with
    /// which they were read, left open is filled in; `center` as in [`Dataset::cut`].
    ///
    /// # Errors
    ///
    /// For labels that the data do not have, for bad windows, and where a class or a test case is lost.
    pub fn label(
        self,
        config: &mut Config,
        center: Option<&[f32]>,
        progress: &dyn Progress,
    ) -> Result<Dataset> {
        let Framed { table, facts, contents, default_window, spec } = self;
        let labels = labels(config, &facts)?;
        say_rounding(config, &table, progress);
        let mut dataset = Dataset::cut(
            table,
            &config.window_spec(default_window),
            Labeling::Known(&labels),
            &facts.class_names,
            config.data.bad_windows,
            center,
        )?;
        dataset.grouping = match config.split.promise_independent_windows {
            true => facts.grouping.promised()?,
            false => facts.grouping,
        };
        dataset.contents = contents;
        dataset.allows_copies = config.split.allow_copies;
        dataset.warnings.iter().for_each(|warning| progress.warn(warning));
        check_cases(&dataset, config, progress)?;
        // The run's own configuration records the defaults that were chosen.
        config.frames.frame_kind = Some(spec.kind);
        config.frames.baseline = Some(spec.baseline);
        if let Some(features) = spec.features {
            config.frames.families = features.families;
            config.frames.feature_window = Some(features.window);
            config.frames.gsr_unit = features.gsr;
        }
        config.frames.window = config.frames.window.or(default_window);
        config.labels.label.get_or_insert(labels.scheme);
        if labels.scheme != LabelScheme::Class {
            config.labels.threshold.get_or_insert(labels.threshold);
        }
        Ok(dataset)
    }
}

/// Says which cases are left out, and refuses the loss of a class or of a published test case.
pub fn check_cases(dataset: &Dataset, config: &Config, progress: &dyn Progress) -> Result<()> {
    let ledger = dataset.ledger();
    let [read, used] = ledger.total();
    if used < read {
        progress.warn(&format!("cases: {}", ledger.describe()));
        ledger.losses().iter().for_each(|line| progress.warn(line));
    }
    if config.data.allow_lost_cases { Ok(()) } else { ledger.refuse_lost() }
}

/// The recordings that a configuration names.
pub fn open(config: &Config, progress: &dyn Progress) -> Result<Source> {
    let DataConfig { path, test_file, layout, .. } = &config.data;
    let demo = config.demo.spec();
    Source::open(&Request { path, test: test_file.as_deref(), demo: &demo, layout: *layout }, progress)
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
pub fn check_window(window: f64, config: &Config, source: &Source) -> Result<()> {
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
    config.frame_spec(source.default_frames(), source.has_baseline(), source.gsr_unit())
}

/// How targets become classes.
pub fn labels(config: &Config, facts: &Facts) -> Result<Labels> {
    let Facts { class_names: own_classes, rating_scale: known, .. } = facts;
    let default = if own_classes.is_empty() { LabelScheme::Valence } else { LabelScheme::Class };
    let scale = match (*known, config.labels.scale_range) {
        (Some(known), Some(asked)) if known != asked => {
            return Err(Error::config(format!(
                "these ratings are from {known}, and `scale_range` says {asked}"
            ))
            .hint("leave `scale_range` out"));
        }
        (known, asked) => known.or(asked),
    };
    let threshold = config.labels.threshold.unwrap_or(scale.unwrap_or(RatingScale::NINE).middle());
    if let Some(scale) = scale.filter(|scale| !scale.contains(threshold)) {
        return Err(Error::config(format!(
            "the threshold {threshold} is not on the scale of the ratings, {scale}"
        ))
        .hint("choose a `threshold` on the scale, or leave it out for the middle"));
    }
    Ok(Labels {
        scheme: config.labels.label.unwrap_or(default),
        scale,
        threshold,
        rule: config.labels.tie,
        dead_zone: config.labels.dead_zone,
    })
}

/// Says which times are no whole number of samples, and what they become.
fn say_rounding(config: &Config, table: &FrameTable, progress: &dyn Progress) {
    let Some(rate) = table.rate else { return };
    let FramesConfig { window, window_step, frame_length, frame_step, feature_window, .. } = config.frames;
    let is_raw = table.segments.first().is_some_and(|segment| segment.span == 1);
    let frame = |seconds: f64| (!is_raw).then_some(seconds);
    for (key, seconds) in [
        ("window", window),
        ("window_step", window_step),
        ("frame_length", frame(frame_length)),
        ("frame_step", frame(frame_step)),
        ("feature_window", feature_window),
    ] {
        let Some(seconds) = seconds else { continue };
        let (asked, taken) = (seconds * rate, (seconds * rate).round());
        if (asked - taken).abs() > WHOLE * taken.max(1.0) {
            progress.caution(&format!(
                "`{key} = {seconds}` is {asked:.3} samples at {rate} Hz; {taken} samples are taken, {:.6} s",
                taken / rate
            ));
        }
    }
}

/// The relative difference up to which a number of samples counts as whole.
const WHOLE: f64 = 1e-6;

/// Frames of all recordings, and the facts that the files state about them.
pub fn read_frames(config: &Config, source: &Source, progress: &dyn Progress) -> Result<(FrameTable, Facts)> {
    let values = Values {
        standardize: config.frames.normalize == Normalize::Subject,
        keep_low: config.frames.scale != Scale::None,
        ..Values::default()
    };
    source.frames(progress, |recording| subject_frames(config, source, recording, values))
}

/// Frames of the chosen channels of one recording.
pub fn subject_frames(
    config: &Config,
    source: &Source,
    recording: &Recording,
    values: Values,
) -> Result<SubjectFrames> {
    check_rate(recording.rate, config.data.rate)?;
    let chosen = channels::select(&recording.channels, &config.data.channels)?;
    SubjectFrames::build(recording, &frame_spec(config, source), &chosen, config.data.rate, values)
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
