//! The frames of one trial.

use super::spec::{Baseline, Defect, FrameKind, FrameSpec, Segment};
use crate::data::bandpower::{BandPower, differential_entropy};
use crate::data::bands::check_bands;
use crate::data::features::{Cut, Plan};
use crate::data::recording::{Channel, Recording, Trial};
use crate::error::{Error, Result};
use std::ops::Range;

/// The positions of frames in a trial, in samples.
pub(super) struct Grid {
    /// Samples of a frame.
    span: usize,
    /// Samples from the start of one frame to the start of the next.
    step: usize,
    rate: f64,
}

impl Grid {
    pub(super) fn new(spec: &FrameSpec, rate: Option<f64>) -> Result<Self> {
        if spec.kind == FrameKind::Raw {
            if spec.baseline == Baseline::Correct {
                return Err(Error::config("raw frames cannot be corrected by a baseline")
                    .hint("use `frame_kind = bandpower`, or `baseline = drop`"));
            }
            return Ok(Grid { span: 1, step: 1, rate: 1.0 });
        }
        let rate = rate.ok_or_else(|| {
            Error::config("frames of features need a sampling rate, and these files do not state one")
                .hint("give it as `rate`, or use `frame_kind = raw`")
        })?;
        let samples = |seconds: f64| (seconds * rate).round() as usize;
        let grid = Grid { span: samples(spec.length), step: samples(spec.step), rate };
        // Features know themselves which of them need bands.
        if spec.kind != FrameKind::Features {
            check_bands(&spec.bands, rate)?;
            BandPower::new(grid.span.max(1), rate, &spec.bands).check(&spec.bands, spec.length, rate)?;
        }
        if grid.span < 2 || grid.step == 0 {
            return Err(Error::config(format!(
                "frames of {} s every {} s are shorter than a sample at {rate} Hz",
                spec.length, spec.step
            )));
        }
        if spec.kind == FrameKind::Features && grid.span < FEWEST {
            return Err(Error::config(format!(
                "frames of {} s have {} samples, and features need at least {FEWEST}",
                spec.length, grid.span
            ))
            .hint("use a larger `frame_length`"));
        }
        Ok(grid)
    }

    /// The plan of the features of chosen channels; `None` for frames of another kind.
    pub(super) fn plan(&self, spec: &FrameSpec, channels: &[Channel]) -> Result<Option<Plan>> {
        let features = match (spec.kind, &spec.features) {
            (FrameKind::Features, Some(features)) => features,
            (FrameKind::Features, None) => return Err(Error::config("`families`: they are not specified")),
            _ => return Ok(None),
        };
        Plan::new(features, &spec.bands, channels, self.rate, self.span).map(Some)
    }

    /// The number of whole frames in that many samples.
    fn count(&self, samples: usize) -> usize {
        if samples < self.span { 0 } else { (samples - self.span) / self.step + 1 }
    }

    /// The first samples of the whole frames in these samples.
    fn starts(&self, samples: Range<usize>) -> Vec<usize> {
        (0..self.count(samples.len())).map(|frame| samples.start + frame * self.step).collect()
    }
}

/// The fewest samples that have a curvature.
const FEWEST: usize = 4;

/// The samples of one trial's chosen channels, and where its frames begin.
struct Signals<'a> {
    recording: &'a Recording,
    trial: &'a Trial,
    channels: Vec<(&'a Channel, &'a [f64])>,
    /// The first sample after what is left out.
    start: usize,
    count: usize,
}

/// Consecutive columns of one channel, or of a pair of channels.
struct Columns<'a> {
    channel: &'a str,
    columns: Range<usize>,
    /// The samples, unless they are those of a pair.
    samples: Option<&'a [f64]>,
    /// The reason why a value is missing, if it is known.
    why: Option<String>,
}

/// The frames `(frames, D)` of one trial, its segment, and its defects. A trial shorter than a frame has no
/// frames.
pub(super) fn segment(
    recording: &Recording,
    index: usize,
    spec: &FrameSpec,
    channels: &[usize],
    grid: &Grid,
    plan: Option<&Plan>,
) -> Result<(Vec<f64>, Segment, Vec<Defect>)> {
    let trial = &recording.trials[index];
    let start = if spec.baseline == Baseline::Include { 0 } else { trial.baseline };
    let count = grid.count(trial.length.saturating_sub(start));
    let of = |&channel: &usize| (&recording.channels[channel], recording.channel(index, channel));
    let signals = Signals { recording, trial, channels: channels.iter().map(of).collect(), start, count };
    let (values, columns) = match plan {
        None => samples_or_bands(&signals, spec, grid)?,
        Some(plan) => features(&signals, spec, grid, plan)?,
    };
    let width = columns.last().map_or(0, |last| last.columns.end);
    let mut bad = vec![false; count];
    let mut defects = Vec::new();
    let mut is_flat = false;
    for Columns { channel, columns, samples, why } in columns {
        let is_constant = |samples: &[f64]| {
            samples.len() > start + 1 && samples[start..].iter().all(|&x| x == samples[start])
        };
        let flat = samples.is_some_and(is_constant);
        // The table stores `f32`, so values beyond its range count as infinite.
        let finite = |x: &f64| (*x as f32).is_finite();
        let broken = |frame: &usize| !values[frame * width..][columns.clone()].iter().all(finite);
        let broken: Vec<usize> = (0..count).filter(broken).collect();
        if flat || !broken.is_empty() {
            // The logarithm of the power of a constant channel is no number.
            let follows = flat && samples.is_some_and(|samples| samples[start].is_finite());
            let is_whole = samples.is_some_and(|samples| samples.iter().all(|sample| sample.is_finite()));
            let stays =
                || "no power, because the signal stays at one value for a frame or longer".to_string();
            defects.push(Defect {
                subject: recording.subject.clone(),
                trial: trial.trial,
                channel: channel.into(),
                not_finite: if follows { 0 } else { broken.len() },
                why: why.or_else(|| is_whole.then(stays)).filter(|_| !follows),
            });
        }
        is_flat |= flat;
        broken.into_iter().for_each(|frame| bad[frame] = true);
    }
    let segment = Segment {
        subject: 0,
        trial: trial.trial,
        stimulus: trial.stimulus,
        first: 0,
        frames: count,
        target: trial.target.clone(),
        predefined_test: trial.predefined_test,
        start,
        step: grid.step,
        span: grid.span,
        corrected: spec.baseline == Baseline::Correct,
        // Filters and thresholds of slow signals see the whole trial.
        context: plan.is_some_and(Plan::has_windows).then_some(0..trial.length),
        bad: runs(&bad),
        flat: is_flat,
    };
    Ok((values, segment, defects))
}

/// A sample, or a value per band, of each channel.
fn samples_or_bands<'a>(
    signals: &Signals<'a>,
    spec: &FrameSpec,
    grid: &Grid,
) -> Result<(Vec<f64>, Vec<Columns<'a>>)> {
    let &Signals { start, count, .. } = signals;
    let bands = if spec.kind == FrameKind::Raw { 1 } else { spec.bands.len() };
    let width = signals.channels.len() * bands;
    let mut values = vec![0.0; count * width];
    let mut power = (spec.kind != FrameKind::Raw).then(|| BandPower::new(grid.span, grid.rate, &spec.bands));
    let mut columns = Vec::new();
    for (c, &(channel, samples)) in signals.channels.iter().enumerate() {
        match &mut power {
            None => {
                for (frame, &sample) in samples[start..].iter().enumerate() {
                    values[frame * width + c] = sample;
                }
            }
            Some(power) => {
                let correction = match spec.baseline {
                    Baseline::Correct => {
                        let starts = baseline_starts(signals, grid)?;
                        mean_frame(power, spec.kind, grid, samples, &starts)
                    }
                    _ => vec![0.0; bands],
                };
                for frame in 0..count {
                    let from = start + frame * grid.step;
                    let measured = band_frame(power, spec.kind, &samples[from..from + grid.span]);
                    for band in 0..bands {
                        values[frame * width + c * bands + band] = measured[band] - correction[band];
                    }
                }
            }
        }
        let own = c * bands..(c + 1) * bands;
        columns.push(Columns { channel: &channel.name, columns: own, samples: Some(samples), why: None });
    }
    Ok((values, columns))
}

/// The features of each channel and pair of channels.
fn features<'a>(
    signals: &Signals<'a>,
    spec: &FrameSpec,
    grid: &Grid,
    plan: &'a Plan,
) -> Result<(Vec<f64>, Vec<Columns<'a>>)> {
    let mut columns: Vec<Columns> = Vec::new();
    for (column, feature) in plan.features().iter().enumerate() {
        let channel = feature.channel.name.as_str();
        match columns.last_mut().filter(|last| last.channel == channel) {
            Some(last) => last.columns.end = column + 1,
            None => {
                let samples = signals
                    .channels
                    .iter()
                    .find(|(own, _)| **own == feature.channel)
                    .map(|(_, samples)| *samples);
                columns.push(Columns { channel, columns: column..column + 1, samples, why: None });
            }
        }
    }
    if signals.count == 0 {
        return Ok((Vec::new(), columns));
    }
    let usable = signals.start..signals.trial.length;
    let baseline = match spec.baseline {
        Baseline::Correct => Some(baseline_starts(signals, grid)?),
        Baseline::Drop | Baseline::Include => None,
    };
    let cut = Cut { starts: grid.starts(usable.clone()), usable, baseline };
    let samples: Vec<&[f64]> = signals.channels.iter().map(|(_, samples)| *samples).collect();
    let mut measured = plan.measure(&samples, &cut).map_err(|seconds| {
        let Signals { recording, trial, .. } = signals;
        Error::config(format!(
            "{} trial {} has {seconds} s for features of slow signals, and `feature_window` is {} s",
            recording.subject,
            trial.trial,
            plan.window_seconds()
        ))
        .hint("use a shorter `feature_window`, or choose `families` or `channels` of fast signals")
    })?;
    for columns in &mut columns {
        columns.why = measured[columns.columns.clone()].iter_mut().find_map(|column| column.why.take());
    }
    let frames = 0..signals.count;
    let values = frames.flat_map(|frame| measured.iter().map(move |column| column.values[frame])).collect();
    Ok((values, columns))
}

/// The first samples of the frames of the baseline, of which there must be one.
fn baseline_starts(signals: &Signals, grid: &Grid) -> Result<Vec<usize>> {
    let Signals { recording, trial, .. } = signals;
    let starts = grid.starts(0..trial.baseline);
    match starts.is_empty() {
        false => Ok(starts),
        true => Err(Error::config(format!(
            "{} trial {} has no baseline as long as a frame",
            recording.subject, trial.trial
        ))
        .hint("use `baseline = drop`")),
    }
}

/// One frame of one channel: a value per band.
fn band_frame(power: &mut BandPower, kind: FrameKind, samples: &[f64]) -> Vec<f64> {
    let mut frame = power.measure(samples);
    frame.iter_mut().for_each(|value| {
        *value = match kind {
            FrameKind::DifferentialEntropy => differential_entropy(*value),
            _ => value.ln(),
        }
    });
    frame
}

/// The mean of the frames that begin at `starts`.
fn mean_frame(
    power: &mut BandPower,
    kind: FrameKind,
    grid: &Grid,
    samples: &[f64],
    starts: &[usize],
) -> Vec<f64> {
    let mut mean = Vec::new();
    for &start in starts {
        let measured = band_frame(power, kind, &samples[start..][..grid.span]);
        mean.resize(measured.len(), 0.0);
        mean.iter_mut().zip(measured).for_each(|(mean, value)| *mean += value / starts.len() as f64);
    }
    mean
}

/// The ranges of consecutive `true`.
fn runs(flags: &[bool]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (i, _) in flags.iter().enumerate().filter(|(_, flag)| **flag) {
        match runs.last_mut() {
            Some(run) if run.end == i => run.end = i + 1,
            _ => runs.push(i..i + 1),
        }
    }
    runs
}
