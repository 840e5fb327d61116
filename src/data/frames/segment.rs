//! The frames of one trial.

use super::spec::{Baseline, Defect, FrameKind, FrameSpec, Segment};
use crate::data::bandpower::{BandPower, differential_entropy};
use crate::data::bands::check_bands;
use crate::data::recording::Recording;
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
            Error::config(
                "band-power and entropy frames need a sampling rate, and these files do not state one",
            )
            .hint("give it as `rate`, or use `frame_kind = raw`")
        })?;
        let samples = |seconds: f64| (seconds * rate).round() as usize;
        let grid = Grid { span: samples(spec.length), step: samples(spec.step), rate };
        check_bands(&spec.bands, rate)?;
        let power = BandPower::new(grid.span.max(1), rate, &spec.bands);
        if let Some(band) = power.missing_band() {
            let band = &spec.bands[band];
            return Err(Error::config(format!(
                "frames of {} s are too short for the {} band, {} to {} Hz: they resolve {:.3} Hz",
                spec.length,
                band.name,
                band.low,
                band.high,
                power.resolution(rate)
            ))
            .hint("use a larger `frame_length`, up to 1 s, or wider `bands`"));
        }
        if grid.span < 2 || grid.step == 0 {
            return Err(Error::config(format!(
                "frames of {} s every {} s are shorter than a sample at {rate} Hz",
                spec.length, spec.step
            )));
        }
        Ok(grid)
    }

    /// The number of whole frames in that many samples.
    fn count(&self, samples: usize) -> usize {
        if samples < self.span { 0 } else { (samples - self.span) / self.step + 1 }
    }
}

/// The frames `(frames, D)` of one trial, its segment, and its defects. A trial shorter than a frame has no
/// frames.
pub(super) fn segment(
    recording: &Recording,
    index: usize,
    spec: &FrameSpec,
    channels: &[usize],
    grid: &Grid,
) -> Result<(Vec<f64>, Segment, Vec<Defect>)> {
    let trial = &recording.trials[index];
    let signal = recording.signal(index);
    let start = if spec.baseline == Baseline::Include { 0 } else { trial.baseline };
    let count = grid.count(trial.length.saturating_sub(start));
    let bands = spec.width();
    let width = channels.len() * bands;
    let mut values = vec![0.0; count * width];
    let mut bad = vec![false; count];
    let mut defects = Vec::new();
    let mut is_flat = false;
    let mut power = (spec.kind != FrameKind::Raw).then(|| BandPower::new(grid.span, grid.rate, &spec.bands));
    for (c, &channel) in channels.iter().enumerate() {
        let samples = signal.row(channel);
        let samples = samples.as_slice().expect("a trial is stored row by row");
        match &mut power {
            None => {
                for (frame, &sample) in samples[start..].iter().enumerate() {
                    values[frame * width + c] = sample;
                }
            }
            Some(power) => {
                let correction = match spec.baseline {
                    Baseline::Correct => mean_baseline(power, spec.kind, grid, &samples[..trial.baseline])
                        .ok_or_else(|| {
                            Error::config(format!(
                                "{} trial {} has no baseline as long as a frame",
                                recording.subject, trial.trial
                            ))
                            .hint("use `baseline = drop`")
                        })?,
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
        let flat = samples.len() > start + 1 && samples[start..].iter().all(|&x| x == samples[start]);
        // The table stores `f32`, so values beyond its range count as infinite.
        let finite = |x: &f64| (*x as f32).is_finite();
        let broken = |frame: &usize| !values[frame * width + c * bands..][..bands].iter().all(finite);
        let broken: Vec<usize> = (0..count).filter(broken).collect();
        if flat || !broken.is_empty() {
            defects.push(Defect {
                subject: recording.subject.clone(),
                trial: trial.trial,
                channel: recording.channels[channel].name.clone(),
                // The logarithm of the power of a constant channel is no number.
                not_finite: if flat && samples[start].is_finite() { 0 } else { broken.len() },
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
        bad: runs(&bad),
        flat: is_flat,
    };
    Ok((values, segment, defects))
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

/// The mean frame of a channel's baseline; `None` if the baseline is shorter than a frame.
fn mean_baseline(power: &mut BandPower, kind: FrameKind, grid: &Grid, samples: &[f64]) -> Option<Vec<f64>> {
    let count = grid.count(samples.len());
    let mut mean = Vec::new();
    for frame in 0..count {
        let measured = band_frame(power, kind, &samples[frame * grid.step..][..grid.span]);
        mean.resize(measured.len(), 0.0);
        mean.iter_mut().zip(measured).for_each(|(mean, value)| *mean += value / count as f64);
    }
    (count > 0).then_some(mean)
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
