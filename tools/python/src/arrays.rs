//! Arrays of Python as data sets.

use engine::Result;
use engine::data::arrays::{Arrays, Column};
use engine::data::sequences::{BadWindows, Dataset};
use ndarray::{ArrayView2, ArrayView3};
use numpy::{PyReadonlyArray2, PyReadonlyArray3};
use pyo3::prelude::*;

/// A value for each window: numbers or names.
#[derive(FromPyObject)]
pub enum Names {
    /// Numbers.
    Integers(Vec<i64>),
    /// Names.
    Texts(Vec<String>),
}

impl Names {
    fn column(&self) -> Column {
        match self {
            Names::Integers(numbers) => numbers.into(),
            Names::Texts(names) => names.into(),
        }
    }

    /// Row numbers in the order of people in a data set: ascending, and as given within each person.
    fn order(&self) -> Vec<u32> {
        fn sorted<K: Ord>(count: usize, key: impl Fn(usize) -> K) -> Vec<u32> {
            let mut rows: Vec<u32> = (0..count as u32).collect();
            rows.sort_by_key(|&row| key(row as usize));
            rows
        }
        match self {
            Names::Integers(numbers) => sorted(numbers.len(), |row| numbers[row]),
            Names::Texts(names) => sorted(names.len(), |row| names[row].trim()),
        }
    }
}

/// The attributes of `fused_rnn._inputs.Windows`.
#[derive(FromPyObject)]
pub struct Windows<'py> {
    /// `(N, T, D)`, unless there are series.
    x: Option<PyReadonlyArray3<'py, f32>>,
    /// `N` arrays `(T, D)`, each with a `T` of its own.
    series: Option<Vec<PyReadonlyArray2<'py, f32>>>,
    facts: Facts,
}

/// The facts about windows: the attributes of `fused_rnn._inputs.Facts`.
#[derive(FromPyObject)]
pub struct Facts {
    labels: Option<Names>,
    classes: Option<Names>,
    groups: Option<Names>,
    trials: Option<Names>,
    stimuli: Option<Names>,
    parts: Option<Vec<String>>,
    channels: Option<Vec<String>>,
    rate: Option<f64>,
    keep_bad_windows: bool,
}

impl Windows<'_> {
    /// The same without Python's types.
    pub fn view(&self) -> View<'_> {
        View {
            x: self.x.as_ref().map(|x| x.as_array()),
            series: self.series.iter().flatten().map(|one| one.as_array()).collect(),
            facts: &self.facts,
        }
    }
}

/// Adds a column to arrays.
type Add = fn(Arrays, Column) -> Arrays;

/// Windows in Python's memory.
pub struct View<'a> {
    x: Option<ArrayView3<'a, f32>>,
    series: Vec<ArrayView2<'a, f32>>,
    facts: &'a Facts,
}

impl View<'_> {
    fn len(&self) -> usize {
        self.x.map_or(self.series.len(), |x| x.len_of(ndarray::Axis(0)))
    }

    /// The data set, and the number of the window behind each of its sequences.
    pub fn dataset(&self) -> Result<(Dataset, Vec<u32>)> {
        let mut arrays = match self.x {
            Some(x) => Arrays::new(x),
            None => Arrays::of_series(&self.series)?,
        };
        let Facts { labels, classes, groups, trials, stimuli, parts, channels, rate, keep_bad_windows } =
            self.facts;
        let columns: [(&Option<Names>, Add); 5] = [
            (labels, Arrays::labels),
            (classes, Arrays::classes),
            (groups, Arrays::groups),
            (trials, Arrays::trials),
            (stimuli, Arrays::stimuli),
        ];
        for (column, add) in columns {
            if let Some(column) = column {
                arrays = add(arrays, column.column());
            }
        }
        if let Some(parts) = parts {
            arrays = arrays.parts(parts);
        }
        if let Some(channels) = channels {
            arrays = arrays.channels(channels);
        }
        if let Some(rate) = rate {
            arrays = arrays.rate(*rate);
        }
        let bad_windows = if *keep_bad_windows { BadWindows::Keep } else { BadWindows::Fail };
        let dataset = arrays.bad_windows(bad_windows).dataset()?;
        let order = groups.as_ref().map_or_else(|| (0..self.len() as u32).collect(), Names::order);
        // No window was left out, and each is a segment of its own.
        let rows = dataset.sequences.iter().map(|sequence| order[sequence.segment as usize]).collect();
        Ok((dataset, rows))
    }
}
