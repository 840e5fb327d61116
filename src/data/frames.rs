//! The frame table: everything that a model can be trained on, as one matrix `(frames, D)`.
//!
//! A frame is what one step of a sequence reads: a sample of all channels, or the band powers of a stretch of signal.

use super::bandpower::{BANDS, BandPower, differential_entropy};
use super::recording::{Recording, Target};
use crate::error::{Error, Result};
use crate::ops::locate;
use ndarray::{ArcArray2, Array2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum FrameKind {
    /// One sample of every channel.
    Raw,
    /// Natural logarithm of the power per channel and band.
    Bandpower,
    /// Differential entropy per channel and band, in nats: half the logarithm of the power, plus a constant.
    DifferentialEntropy,
}

/// What to do with the stretch before the stimulus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// Leave it out.
    Drop,
    /// Treat it as part of the trial.
    Include,
    /// Leave it out, and subtract the trial's own mean baseline frame (band frames only).
    Correct,
}

/// How signals become frames.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameSpec {
    pub kind: FrameKind,
    /// Length of a band frame in seconds.
    pub length: f64,
    /// From one band frame to the next, in seconds.
    pub step: f64,
    pub baseline: Baseline,
}

/// Frames of one trial without a gap.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Index into [`FrameTable::subjects`].
    pub subject: u32,
    /// Number of the trial within its subject.
    pub trial: u32,
    /// Row of the table.
    pub first: usize,
    pub frames: usize,
    pub target: Target,
    pub predefined_test: bool,
    /// Samples of the recording that the segment's frames cover: frame `i` reads `span` samples from `start + i * step`.
    pub start: usize,
    pub step: usize,
    pub span: usize,
    /// Whether every frame was corrected by the segment's own baseline, and so read it.
    pub corrected: bool,
    /// Frames, counted within the segment, that hold a number which is not finite or a channel that never moves.
    pub bad: Vec<Range<usize>>,
}

impl Segment {
    /// The samples of the recording that `frames` of this segment read.
    pub fn samples(&self, frames: Range<usize>) -> Range<usize> {
        self.start + frames.start * self.step..self.start + (frames.end - 1) * self.step + self.span
    }
}

/// A data set as frames, one chunk per subject. Sequences refer to rows of the whole.
#[derive(Clone)]
pub struct FrameTable {
    /// `(frames, D)` each; shared, never copied.
    pub chunks: Vec<ArcArray2<f32>>,
    /// What `chunks` rounded away, where windows are still to be scaled; else empty.
    pub low: Vec<ArcArray2<f32>>,
    /// `(D)`: what was subtracted from every frame of `chunks`. Not 0 where windows were scaled: they differ by less than `f32`
    /// rounds them.
    pub center: Vec<f32>,
    pub segments: Vec<Segment>,
    pub subjects: Vec<String>,
    /// Names of the `D` columns.
    pub features: Vec<String>,
    /// Samples per second of the recordings; `None` where they do not say.
    pub rate: Option<f64>,
    /// What was found bad, one line per trial and channel, the first few of each subject.
    pub defects: Vec<String>,
    /// How many defects there are in all.
    pub defect_count: usize,
    /// Of the recordings, subject by subject.
    pub hashes: Vec<String>,
}

/// Defects that are told one by one.
const DEFECTS: usize = 5;

/// What becomes of the numbers of one subject's frames.
#[derive(Clone, Copy, Debug, Default)]
pub struct Values {
    /// Every feature is standardized over all of the subject's frames. It sees the whole subject, test trials too, though never a
    /// label: results are to be called transductive.
    pub standardize: bool,
    /// What `f32` rounds away is kept, for windows that will be scaled.
    pub keep_low: bool,
}

/// One recording's part of the table, with rows counted from 0.
pub struct SubjectFrames {
    frames: Array2<f32>,
    low: Option<Array2<f32>>,
    segments: Vec<Segment>,
    subject: String,
    features: Vec<String>,
    rate: Option<f64>,
    defects: Vec<String>,
    defect_count: usize,
    hash: String,
}

impl SubjectFrames {
    /// Frames of the chosen `channels` of a recording. `rate` stands in where the recording does not know its own.
    pub fn build(
        recording: &Recording,
        spec: &FrameSpec,
        channels: &[usize],
        rate: Option<f64>,
        values: Values,
    ) -> Result<Self> {
        let rate = recording.rate.or(rate);
        let mut frames = SubjectFrames {
            frames: Array2::zeros((0, 0)),
            low: None,
            segments: Vec::new(),
            subject: recording.subject.clone(),
            features: features(recording, spec, channels),
            rate,
            defects: Vec::new(),
            defect_count: 0,
            hash: recording.hash.clone(),
        };
        let grid = Grid::new(spec, rate)?;
        let parts: Vec<(Vec<f64>, Segment, Vec<String>)> = (0..recording.trials.len())
            .into_par_iter()
            .map(|index| segment(recording, index, spec, channels, &grid))
            .collect::<Result<_>>()?;
        let mut numbers = Vec::with_capacity(parts.iter().map(|(part, ..)| part.len()).sum());
        let width = frames.features.len();
        for (part, mut segment, defects) in parts {
            segment.first = numbers.len() / width;
            numbers.extend(part);
            frames.segments.push(segment);
            frames.defect_count += defects.len();
            frames.defects.extend(defects);
        }
        frames.defects.truncate(DEFECTS);
        let mut numbers =
            Array2::from_shape_vec((numbers.len() / width, width), numbers).expect("whole frames");
        if values.standardize {
            standardize(&mut numbers);
        }
        frames.frames = numbers.mapv(|x| x as f32);
        frames.low = values.keep_low.then(|| numbers.mapv(|x| (x - f64::from(x as f32)) as f32));
        Ok(frames)
    }

    /// A table of one subject.
    fn into_table(self) -> FrameTable {
        FrameTable {
            center: vec![0.0; self.features.len()],
            chunks: vec![self.frames.into_shared()],
            low: self.low.into_iter().map(Array2::into_shared).collect(),
            segments: self.segments,
            subjects: vec![self.subject],
            features: self.features,
            rate: self.rate,
            defects: self.defects,
            defect_count: self.defect_count,
            hashes: vec![self.hash],
        }
    }
}

/// Every column to mean 0 and deviation 1; one that is constant to 0.
fn standardize(frames: &mut Array2<f64>) {
    for mut column in frames.columns_mut() {
        let finite = || column.iter().copied().filter(|x| x.is_finite());
        let count = finite().count().max(1) as f64;
        let mean = finite().sum::<f64>() / count;
        let deviation = (finite().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
        let inverse = if deviation > 0.0 { 1.0 / deviation } else { 0.0 };
        column.mapv_inplace(|x| (x - mean) * inverse);
    }
}

impl FrameTable {
    /// Puts the subjects' frames together. All must have the same features and rate.
    pub fn assemble(parts: Vec<SubjectFrames>) -> Result<Self> {
        FrameTable::join(parts.into_iter().map(SubjectFrames::into_table).collect())
    }

    /// Tables of the same features, one after the other.
    pub fn join(tables: Vec<FrameTable>) -> Result<Self> {
        let mut tables = tables.into_iter();
        let mut joined = tables.next().ok_or_else(|| Error::data("there is no recording"))?;
        for table in tables {
            if table.features != joined.features || table.rate != joined.rate {
                return Err(Error::data(format!(
                    "{} has other channels or another rate than {}",
                    table.subjects[0], joined.subjects[0]
                )));
            }
            let rows: usize = joined.chunks.iter().map(|chunk| chunk.nrows()).sum();
            let subjects = joined.subjects.len() as u32;
            joined.segments.extend(table.segments.into_iter().map(|mut segment| {
                segment.subject += subjects;
                segment.first += rows;
                segment
            }));
            joined.subjects.extend(table.subjects);
            joined.chunks.extend(table.chunks);
            joined.low.extend(table.low);
            joined.defects.extend(table.defects);
            joined.defect_count += table.defect_count;
            joined.hashes.extend(table.hashes);
        }
        let rows: usize = joined.chunks.iter().map(|chunk| chunk.nrows()).sum();
        u32::try_from(rows)
            .map_err(|_| Error::data(format!("{rows} frames are more than a 32-bit index reaches")))?;
        Ok(joined)
    }

    /// `D`
    pub fn width(&self) -> usize {
        self.features.len()
    }

    /// Frames `(frames, D)` of a run of rows that lies within one segment.
    pub fn rows(&self, first: usize, count: usize) -> ndarray::ArrayView2<'_, f32> {
        let (chunk, row) = locate(&self.chunks, first);
        self.chunks[chunk].slice(ndarray::s![row..row + count, ..])
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.chunks.iter().chain(&self.low).map(|chunk| chunk.len() * 4).sum()
    }
}

fn features(recording: &Recording, spec: &FrameSpec, channels: &[usize]) -> Vec<String> {
    let names = channels.iter().map(|&c| recording.channels[c].name.as_str());
    match spec.kind {
        FrameKind::Raw => names.map(String::from).collect(),
        _ => names.flat_map(|name| BANDS.map(|(band, ..)| format!("{name} {band}"))).collect(),
    }
}

/// Sizes in samples.
struct Grid {
    /// Of one frame, and from one to the next.
    span: usize,
    step: usize,
    rate: f64,
}

impl Grid {
    fn new(spec: &FrameSpec, rate: Option<f64>) -> Result<Self> {
        if spec.kind == FrameKind::Raw {
            if spec.baseline == Baseline::Correct {
                return Err(Error::config("`--baseline correct` needs band frames")
                    .hint("add `--frames bandpower`, or use `--baseline drop`"));
            }
            return Ok(Grid { span: 1, step: 1, rate: 1.0 });
        }
        let rate = rate.ok_or_else(|| {
            Error::config("band frames need a sampling rate, which these files do not have")
                .hint("give it with `--rate HZ`, or use `--frames raw`")
        })?;
        let samples = |seconds: f64| (seconds * rate).round() as usize;
        let grid = Grid { span: samples(spec.length), step: samples(spec.step), rate };
        let [(slowest, from, to), .., (fastest, _, highest)] = BANDS;
        if rate / 2.0 < highest {
            return Err(Error::config(format!(
                "a rate of {rate} Hz cannot hold the {fastest} band, up to {highest} Hz"
            ))
            .hint("use `--frames raw`"));
        }
        if BandPower::new(grid.span.max(1), rate).is_missing_a_band() {
            return Err(Error::config(format!(
                "frames of {} s are too short for the {slowest} band, {from} to {to} Hz",
                spec.length
            ))
            .hint("choose a longer `--frame-length`"));
        }
        if grid.span < 2 || grid.step == 0 {
            return Err(Error::config(format!(
                "frames of {} s every {} s are shorter than a sample at {rate} Hz",
                spec.length, spec.step
            )));
        }
        Ok(grid)
    }

    /// Whole frames in so many samples.
    fn count(&self, samples: usize) -> usize {
        if samples < self.span { 0 } else { (samples - self.span) / self.step + 1 }
    }
}

/// The frames of one trial, `(frames, D)`, with what is wrong in them.
fn segment(
    recording: &Recording,
    index: usize,
    spec: &FrameSpec,
    channels: &[usize],
    grid: &Grid,
) -> Result<(Vec<f64>, Segment, Vec<String>)> {
    let trial = &recording.trials[index];
    let signal = recording.signal(index);
    let start = if spec.baseline == Baseline::Include { 0 } else { trial.baseline };
    let count = grid.count(trial.length.saturating_sub(start));
    if count == 0 {
        return Err(Error::config(format!(
            "{} trial {}: a frame of {} samples is longer than the trial's {} samples",
            recording.subject,
            trial.trial,
            grid.span,
            trial.length.saturating_sub(start)
        )));
    }
    let bands = if spec.kind == FrameKind::Raw { 1 } else { BANDS.len() };
    let width = channels.len() * bands;
    let mut values = vec![0.0; count * width];
    let mut bad = vec![false; count];
    let mut defects = Vec::new();
    let mut power = (spec.kind != FrameKind::Raw).then(|| BandPower::new(grid.span, grid.rate));
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
                            .hint("use `--baseline drop`")
                        })?,
                    _ => [0.0; BANDS.len()],
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
        // As the `f32` that a frame holds in the end.
        let finite = |x: &f64| (*x as f32).is_finite();
        let broken = |frame: usize| !values[frame * width + c * bands..][..bands].iter().all(finite);
        let broken: Vec<usize> = (0..count).filter(|&frame| flat || broken(frame)).collect();
        if !broken.is_empty() {
            let what = if flat {
                "is flat".into()
            } else {
                format!("has {} frames that are not finite", broken.len())
            };
            let name = &recording.channels[channel].name;
            defects.push(format!("{} trial {} channel {name} {what}", recording.subject, trial.trial));
            broken.into_iter().for_each(|frame| bad[frame] = true);
        }
    }
    let segment = Segment {
        subject: 0,
        trial: trial.trial,
        first: 0,
        frames: count,
        target: trial.target.clone(),
        predefined_test: trial.predefined_test,
        start,
        step: grid.step,
        span: grid.span,
        corrected: spec.baseline == Baseline::Correct,
        bad: runs(&bad),
    };
    Ok((values, segment, defects))
}

/// What a band frame holds per band, of one channel.
fn band_frame(power: &mut BandPower, kind: FrameKind, samples: &[f64]) -> [f64; BANDS.len()] {
    power.measure(samples).map(|variance| match kind {
        FrameKind::DifferentialEntropy => differential_entropy(variance),
        _ => variance.ln(),
    })
}

/// The mean band frame of the baseline; `None` if it is shorter than a frame.
fn mean_baseline(
    power: &mut BandPower,
    kind: FrameKind,
    grid: &Grid,
    samples: &[f64],
) -> Option<[f64; BANDS.len()]> {
    let count = grid.count(samples.len());
    let mut mean = [0.0; BANDS.len()];
    for frame in 0..count {
        let measured = band_frame(power, kind, &samples[frame * grid.step..][..grid.span]);
        mean.iter_mut().zip(measured).for_each(|(mean, value)| *mean += value / count as f64);
    }
    (count > 0).then_some(mean)
}

/// The stretches of `true`.
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
