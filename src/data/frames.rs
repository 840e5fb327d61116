//! The frame table: the input data of all models, as one matrix `(frames, D)`.
//!
//! A frame is the input of one time step: a sample of all channels, or the band powers of a short stretch of
//! signal.

mod segment;
mod spec;

use super::contents::{Sketch, Sketches};
use super::feature::Feature;
use super::recording::{Channel, Recording};
use crate::error::{Error, Result, in_order};
use crate::ops::locate;
use ndarray::{ArcArray2, Array2};
use rayon::prelude::*;
use segment::{Grid, segment};
pub use spec::{Baseline, Defect, FrameKind, FrameSpec, Segment};
use std::sync::Arc;

/// The frames of a data set, in one chunk per subject. Row numbers count through all chunks.
#[derive(Clone)]
pub struct FrameTable {
    /// The frames `(frames, D)` of each subject. Clones of the table share them.
    pub chunks: Vec<ArcArray2<f32>>,
    /// The rounding errors of `chunks`: `chunks + low` are the frames in nearly `f64`. Empty unless windows
    /// will be scaled.
    pub low: Vec<ArcArray2<f32>>,
    /// The frame `(D)` that was subtracted from every frame of `chunks`: 0, except after scaling windows,
    /// where the difference keeps digits that `f32` would lose.
    pub center: Vec<f32>,
    /// The trials of all subjects, in the order of their rows.
    pub segments: Vec<Segment>,
    /// Names of the subjects.
    pub subjects: Vec<String>,
    /// Names of the `D` columns.
    pub features: Vec<String>,
    /// The origins of the `D` columns.
    pub origins: Vec<Feature>,
    /// Sampling rate of the recordings in Hz, if known.
    pub rate: Option<f64>,
    /// Bad signals, one per trial and channel; only the first few of each subject.
    pub defects: Vec<Defect>,
    /// The number of all defects.
    pub defect_count: usize,
    /// The hash of each subject's recording.
    pub hashes: Vec<String>,
    /// A sketch of each segment: of the samples of its chosen channels, the baseline included.
    pub sketches: Arc<Sketches>,
}

/// The largest number of defects that are described per subject.
const DEFECTS: usize = 5;

/// How the values of one subject's frames are processed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Values {
    /// Standardize every feature over all frames of the subject. This uses the signals of test trials, though
    /// never a label: call such results transductive.
    pub standardize: bool,
    /// Store the rounding errors of `f32` in [`FrameTable::low`], for windows that will be scaled.
    pub keep_low: bool,
    /// Take the sketches from the frames, when somebody asks for them. The frames must be the samples of
    /// whole trials: raw, without a baseline, numbers of `f32`, and neither standardized nor to be scaled.
    pub sketch_later: bool,
}

/// The frames of one trial, its segment, and its defects.
type Cut = (Vec<f64>, Segment, Vec<Defect>);

/// The frames of one recording. Its rows count from 0.
pub struct SubjectFrames {
    frames: Array2<f32>,
    low: Option<Array2<f32>>,
    segments: Vec<Segment>,
    subject: String,
    origins: Vec<Feature>,
    rate: Option<f64>,
    defects: Vec<Defect>,
    defect_count: usize,
    hash: String,
    /// `None`: later.
    sketches: Option<Vec<Sketch>>,
}

impl SubjectFrames {
    /// The frames of the chosen `channels` of a recording. `rate` is the sampling rate for recordings without
    /// one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if `spec` does not fit the sampling rate or the
    /// trials, or if sketches are to be taken from frames that are not the samples.
    pub fn build(
        recording: &Recording,
        spec: &FrameSpec,
        channels: &[usize],
        rate: Option<f64>,
        values: Values,
    ) -> Result<Self> {
        let are_samples = || {
            let has_baseline = recording.trials.iter().any(|trial| trial.baseline > 0);
            let is_exact = |&sample: &f64| f64::from(sample as f32) == sample || sample.is_nan();
            let are_kept = !values.standardize && !values.keep_low && recording.samples.iter().all(is_exact);
            spec.kind == FrameKind::Raw && !has_baseline && are_kept
        };
        if values.sketch_later && !are_samples() {
            return Err(Error::config(
                "frames that are not the samples of whole trials have no sketches later",
            )
            .hint("leave `Values::sketch_later` off"));
        }
        let rate = recording.rate.or(rate);
        spec.check_channels(channels.iter().map(|&channel| &recording.channels[channel]))?;
        let grid = Grid::new(spec, rate)?;
        let chosen: Vec<Channel> = channels.iter().map(|&index| recording.channels[index].clone()).collect();
        let plan = grid.plan(spec, &chosen)?;
        let mut frames = SubjectFrames {
            frames: Array2::zeros((0, 0)),
            low: None,
            segments: Vec::new(),
            subject: recording.subject.clone(),
            origins: match &plan {
                None => origins(&chosen, spec),
                Some(plan) => plan.features().to_vec(),
            },
            rate,
            defects: Vec::new(),
            defect_count: 0,
            hash: recording.hash.clone(),
            sketches: None,
        };
        let sketch = |index: usize| {
            let samples: Vec<&[f64]> = channels.iter().map(|&c| recording.channel(index, c)).collect();
            Sketch::of(&samples)
        };
        let part = |index: usize| -> Result<(Cut, Option<Sketch>)> {
            let cut = segment(recording, index, spec, channels, &grid, plan.as_ref())?;
            Ok((cut, (!values.sketch_later).then(|| sketch(index))))
        };
        let parts = in_order((0..recording.trials.len()).into_par_iter(), part)?;
        let (parts, sketches): (Vec<Cut>, Vec<Option<Sketch>>) = parts.into_iter().unzip();
        frames.sketches = sketches.into_iter().collect();
        let width = frames.origins.len();
        let mut cuts = Vec::with_capacity(parts.len());
        let mut first = 0;
        for (part, mut segment, defects) in parts {
            segment.first = first;
            first += segment.frames;
            cuts.push(part);
            frames.segments.push(segment);
            frames.defect_count += defects.len();
            frames.defects.extend(defects);
        }
        frames.defects.truncate(DEFECTS);
        if values.standardize {
            standardize(&mut cuts, width);
        }
        frames.frames = table(&cuts, width, |x| x as f32);
        frames.low = values.keep_low.then(|| table(&cuts, width, |x| (x - f64::from(x as f32)) as f32));
        Ok(frames)
    }

    /// The table of this subject alone.
    fn into_table(self) -> FrameTable {
        let frames = self.frames.into_shared();
        let rows = || self.segments.iter().map(|s| s.first..s.first + s.frames).collect();
        let sketches = match self.sketches {
            Some(sketches) => Sketches::taken(sketches),
            None => Sketches::later(frames.clone(), rows()),
        };
        FrameTable {
            center: vec![0.0; self.origins.len()],
            chunks: vec![frames],
            low: self.low.into_iter().map(Array2::into_shared).collect(),
            segments: self.segments,
            subjects: vec![self.subject],
            features: self.origins.iter().map(|feature| feature.name.clone()).collect(),
            origins: self.origins,
            rate: self.rate,
            defects: self.defects,
            defect_count: self.defect_count,
            hashes: vec![self.hash],
            sketches: Arc::new(sketches),
        }
    }
}

/// All frames of a subject `(frames, D)`, from those of its trials.
fn table(trials: &[Vec<f64>], width: usize, stored: impl Fn(f64) -> f32) -> Array2<f32> {
    let mut elements = Vec::with_capacity(trials.iter().map(Vec::len).sum());
    for trial in trials {
        elements.extend(trial.iter().map(|&x| stored(x)));
    }
    Array2::from_shape_vec((elements.len() / width, width), elements).expect("whole frames")
}

/// Standardizes every column of all trials to mean 0 and standard deviation 1. A constant column becomes 0.
fn standardize(trials: &mut [Vec<f64>], width: usize) {
    for column in 0..width {
        let values = || trials.iter().flat_map(|trial| trial.iter().skip(column).step_by(width).copied());
        let finite = || values().filter(|x| x.is_finite());
        let count = finite().count().max(1) as f64;
        let mean = finite().sum::<f64>() / count;
        let deviation = (finite().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
        let inverse = if deviation > 0.0 { 1.0 / deviation } else { 0.0 };
        let columns = trials.iter_mut().flat_map(|trial| trial.iter_mut().skip(column).step_by(width));
        columns.for_each(|x| *x = (*x - mean) * inverse);
    }
}

impl FrameTable {
    /// Joins the frames of several subjects.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`](crate::ErrorKind::Data) if features or rates differ.
    pub fn assemble(parts: Vec<SubjectFrames>) -> Result<Self> {
        FrameTable::join(parts.into_iter().map(SubjectFrames::into_table).collect())
    }

    /// Appends the tables to each other.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`](crate::ErrorKind::Data) if features or rates differ, or there is no table.
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
            Arc::make_mut(&mut joined.sketches).append(Arc::unwrap_or_clone(table.sketches));
        }
        let rows: usize = joined.chunks.iter().map(|chunk| chunk.nrows()).sum();
        u32::try_from(rows).map_err(|error| {
            Error::data(format!("{rows} frames are too many for a 32-bit index")).caused_by(error)
        })?;
        Ok(joined)
    }

    /// `D`, the number of features.
    pub fn width(&self) -> usize {
        self.features.len()
    }

    /// The frames `(count, D)` from row `first` on. They must belong to one segment.
    pub fn rows(&self, first: usize, count: usize) -> ndarray::ArrayView2<'_, f32> {
        let (chunk, row) = locate(&self.chunks, first);
        self.chunks[chunk].slice(ndarray::s![row..row + count, ..])
    }

    /// The rounding errors of [`FrameTable::rows`], if they are stored.
    pub fn low_rows(&self, first: usize, count: usize) -> Option<ndarray::ArrayView2<'_, f32>> {
        let (chunk, row) = locate(&self.chunks, first);
        self.low.get(chunk).map(|low| low.slice(ndarray::s![row..row + count, ..]))
    }

    /// Whether the two tables are clones of one, whose frames they share.
    pub fn shares_rows(&self, other: &FrameTable) -> bool {
        let place =
            |table: &FrameTable| table.chunks.iter().map(|c| (c.as_ptr(), c.dim())).collect::<Vec<_>>();
        place(self) == place(other)
    }

    /// Size of the frames in memory, in bytes.
    pub fn bytes(&self) -> usize {
        self.chunks.iter().chain(&self.low).map(|chunk| chunk.len() * 4).sum()
    }
}

/// The columns of frames of samples or bands, channel by channel.
fn origins(channels: &[Channel], spec: &FrameSpec) -> Vec<Feature> {
    let of_channel = |channel: &Channel| {
        let feature =
            |name: String, band| Feature { name, channel: channel.clone(), band, family: None, pair: None };
        match spec.kind {
            FrameKind::Raw => vec![feature(channel.name.clone(), None)],
            _ => {
                let bands = spec.bands.iter().map(|band| &band.name);
                bands.map(|band| feature(format!("{} {band}", channel.name), Some(band.clone()))).collect()
            }
        }
    };
    channels.iter().flat_map(of_channel).collect()
}
