//! Data sets of one's own arrays. They are read by the rules of `.npz` files, and get the same audits.

mod column;

pub use column::{Category, Column};

use super::bands::default_bands;
use super::frames::{Baseline, FrameKind, FrameSpec, FrameTable, SubjectFrames, Values as FrameValues};
use super::labels::{LabelScheme, Labels, TieRule};
use super::normalize::Scale;
use super::npy::{Array, Values};
use super::npz::fields::{self, Field};
use super::npz::{self, Windows};
use super::recording::Modality;
use super::sequences::{BadWindows, Dataset, Labeling, WindowSpec};
use crate::error::{Error, Result, in_order};
use ndarray::{Array3, ArrayView2, ArrayView3, s};
use rayon::prelude::*;

/// Windows or series, and all that is known of them.
///
/// ```
/// use engine::data::arrays::Arrays;
/// use ndarray::Array3;
///
/// // Six windows of 20 time steps and 3 channels: two of each trial.
/// let x = Array3::from_shape_fn((6, 20, 3), |(n, t, c)| ((7 * n + t * (c + 2)) as f32).sin());
/// let dataset = Arrays::new(x.view())
///     .labels(["rest", "rest", "move", "move", "rest", "rest"])
///     .groups(["ada", "ada", "ada", "ada", "bo", "bo"])
///     .trials([0, 0, 1, 1, 0, 0])
///     .channels(["Cz", "C3", "C4"])
///     .rate(128.0)
///     .dataset()?;
/// assert_eq!(dataset.class_names, ["move", "rest"]);
/// assert_eq!(dataset.to_array(), x);
/// # Ok::<(), engine::Error>(())
/// ```
pub struct Arrays {
    arrays: Vec<(&'static Field, Array)>,
    bad_windows: BadWindows,
}

impl Arrays {
    /// Windows `(N, T, D)`. Time steps at the end of a window in which all channels are NaN are padding.
    pub fn new(x: ArrayView3<f32>) -> Self {
        let values = Values::Float32(x.iter().copied().collect());
        let arrays = vec![(&fields::WINDOWS, Array::new(x.shape().to_vec(), values))];
        Arrays { arrays, bad_windows: BadWindows::Fail }
    }

    /// Series `(T, D)`, each with a `T` of its own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`](crate::ErrorKind::Data) for series of different widths.
    pub fn of_series(series: &[ArrayView2<f32>]) -> Result<Self> {
        let width = series.first().map_or(0, |first| first.ncols());
        if let Some(other) = series.iter().position(|one| one.ncols() != width) {
            return Err(Error::data(format!(
                "series {other} has the shape {:?}, expected (T, {width}) as series 0",
                series[other].shape()
            )));
        }
        let longest = series.iter().map(|one| one.nrows()).max().unwrap_or(0);
        let mut padded = Array3::zeros((series.len(), longest, width));
        for (number, one) in series.iter().enumerate() {
            padded.slice_mut(s![number, ..one.nrows(), ..]).assign(one);
        }
        let lengths: Vec<usize> = series.iter().map(|one| one.nrows()).collect();
        Ok(Arrays::new(padded.view()).with(&fields::LENGTHS, lengths))
    }

    /// The class of each window, by name or number. All windows of a trial have one.
    pub fn labels(self, labels: impl Into<Column>) -> Self {
        self.with(&fields::LABELS, labels)
    }

    /// All classes in their order, where it is not the ascending one of the labels.
    pub fn classes(self, classes: impl Into<Column>) -> Self {
        self.with(&fields::CLASSES, classes)
    }

    /// The person of each window, by name or number. Without it people are unknown.
    pub fn groups(self, groups: impl Into<Column>) -> Self {
        self.with(&fields::GROUPS, groups)
    }

    /// The trial of each window, a number that is unique within a person: windows cut from one series share
    /// it. Without it trials are unknown.
    pub fn trials(self, trials: impl Into<Column>) -> Self {
        self.with(&fields::TRIALS, trials)
    }

    /// The stimulus of each window, by name or number: one for all windows of a trial. Without it stimuli are
    /// unknown.
    pub fn stimuli(self, stimuli: impl Into<Column>) -> Self {
        self.with(&fields::STIMULI, stimuli)
    }

    /// The part of each window, `train` or `test`: the predefined split.
    pub fn parts(self, parts: impl Into<Column>) -> Self {
        self.with(&fields::PARTS, parts)
    }

    /// The name of each channel. Without it they are `ch0`, `ch1`, ...
    pub fn channels(self, channels: impl Into<Column>) -> Self {
        self.with(&fields::CHANNELS, channels)
    }

    /// The modality of each channel.
    pub fn modalities(self, modalities: &[Modality]) -> Self {
        let names: Vec<&str> = modalities.iter().map(|modality| modality.name()).collect();
        self.with(&fields::MODALITIES, names)
    }

    /// The sampling rate in Hz.
    pub fn rate(mut self, rate: f64) -> Self {
        self.arrays.push((&fields::RATE, Array::new(Vec::new(), Values::Float64(vec![rate]))));
        self
    }

    /// How to handle windows with a value that is not finite or with a constant channel. They fail unless
    /// this says otherwise.
    pub fn bad_windows(self, bad_windows: BadWindows) -> Self {
        Arrays { bad_windows, ..self }
    }

    /// The labeled sequences. Without labels they can be predicted, but not trained on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`](crate::ErrorKind::Data) with the name of the array, the shape or value that was
    /// expected and the one that was found; for bad windows; for a class all of whose windows are bad.
    pub fn dataset(self) -> Result<Dataset> {
        let is_labeled = self.arrays.iter().any(|(field, _)| field.names == fields::LABELS.names);
        let Windows { recordings, class_names, grouping, warnings, .. } = npz::in_memory(self.arrays)?;
        let spec = FrameSpec {
            kind: FrameKind::Raw,
            // Without effect on raw frames.
            length: 1.0,
            step: 1.0,
            baseline: Baseline::Drop,
            bands: default_bands(),
            features: None,
        };
        let channels: Vec<usize> = recordings.first().map_or(Vec::new(), |r| (0..r.channels.len()).collect());
        let values = FrameValues { sketch_later: true, ..FrameValues::default() };
        let build = |recording| SubjectFrames::build(recording, &spec, &channels, None, values);
        let table = FrameTable::assemble(in_order(recordings.par_iter(), build)?)?;
        let labels = Labels {
            scheme: LabelScheme::Class,
            scale: None,
            threshold: 0.0,
            rule: TieRule::Above,
            dead_zone: 0.0,
        };
        let labeling = if is_labeled { Labeling::Known(&labels) } else { Labeling::Unknown };
        let whole = WindowSpec { length: None, step: None, scale: Scale::None };
        let mut dataset = Dataset::cut(table, &whole, labeling, &class_names, self.bad_windows, None)?;
        dataset.grouping = grouping;
        dataset.warnings.extend(warnings);
        dataset.ledger().refuse_lost()?;
        Ok(dataset)
    }

    fn with(mut self, field: &'static Field, column: impl Into<Column>) -> Self {
        let values = column.into().0;
        self.arrays.push((field, Array::new(vec![values.len()], values)));
        self
    }
}

impl Dataset {
    /// The data set of windows `x`, `(N, T, D)`: the class of each by name or number, its person, and the
    /// number of its trial. [`Arrays`] takes more, and less.
    ///
    /// # Errors
    ///
    /// Those of [`Arrays::dataset`].
    pub fn from_arrays(
        x: ArrayView3<f32>,
        labels: impl Into<Column>,
        groups: impl Into<Column>,
        trials: impl Into<Column>,
    ) -> Result<Self> {
        Arrays::new(x).labels(labels).groups(groups).trials(trials).dataset()
    }

    /// The same of series `(T, D)` of unequal length.
    ///
    /// # Errors
    ///
    /// Those of [`Arrays::of_series`] and [`Arrays::dataset`].
    pub fn from_series(
        series: &[ArrayView2<f32>],
        labels: impl Into<Column>,
        groups: impl Into<Column>,
        trials: impl Into<Column>,
    ) -> Result<Self> {
        Arrays::of_series(series)?.labels(labels).groups(groups).trials(trials).dataset()
    }

    /// All sequences as one table `(N, T, D)`, `T` being the length of the longest. The steps after the end
    /// of a sequence are NaN.
    pub fn to_array(&self) -> Array3<f32> {
        let shape = (self.sequences.len(), self.steps(), self.frames.width());
        let mut table = Array3::from_elem(shape, f32::NAN);
        for (number, sequence) in self.sequences.iter().enumerate() {
            let frames = self.sequence(sequence);
            table.slice_mut(s![number, ..frames.nrows(), ..]).assign(&frames);
        }
        table
    }
}
