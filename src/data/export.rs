//! A data set as NumPy arrays, for other programs and for this one.

use super::deap::RATINGS;
use super::frames::Segment;
use super::labels::RatingScale;
use super::npy::Values;
use super::npz::Writer;
use super::npz::fields::{self, Field};
use super::recording::Modality;
use super::sequences::{Dataset, Sequence};
use std::io::{self, Write};

/// Writes the arrays of a data set, and returns their names. `modalities` has one element per feature. If the
/// data are not labeled, the labels of the sequences mean nothing and are not written.
///
/// Windows of unequal length are filled up with NaN. They are `float32` if that is exact, otherwise
/// `float64`.
///
/// # Errors
///
/// Those of `out`.
pub fn write(
    dataset: &Dataset,
    scale: Option<RatingScale>,
    modalities: &[Modality],
    is_labeled: bool,
    out: impl Write,
) -> io::Result<Vec<&'static str>> {
    let mut writer = Writer::new(out);
    let sequences = &dataset.sequences;
    let shape = [sequences.len(), dataset.steps(), dataset.frames.width()];
    let is_exact = sequences.iter().all(|s| {
        dataset
            .frames
            .low_rows(s.first as usize, s.length as usize)
            .is_none_or(|low| low.iter().all(|&low| low == 0.0))
    });
    writer.add(&fields::WINDOWS, &shape, sequences.iter().map(|s| window(dataset, s, shape[1], is_exact)))?;
    let mut written = vec![fields::WINDOWS.names[0]];
    for (field, values) in columns(dataset, scale, modalities, is_labeled) {
        let shape = match field {
            fields::RATE => vec![],
            fields::RATINGS => vec![sequences.len(), values.len() / sequences.len()],
            _ => vec![values.len()],
        };
        writer.add(&field, &shape, [&values])?;
        written.push(field.names[0]);
    }
    writer.finish()?;
    Ok(written)
}

/// The frames `(T, D)` of a sequence, filled up with NaN.
fn window(dataset: &Dataset, sequence: &Sequence, steps: usize, is_exact: bool) -> Values {
    let frames = dataset.sequence(sequence);
    let padding = (steps - frames.nrows()) * frames.ncols();
    match (is_exact, dataset.frames.low_rows(sequence.first as usize, sequence.length as usize)) {
        (false, Some(low)) => {
            let exact = frames.iter().zip(&low).map(|(&high, &low)| f64::from(high) + f64::from(low));
            Values::Float64(exact.chain(std::iter::repeat_n(f64::NAN, padding)).collect())
        }
        _ => Values::Float32(frames.iter().copied().chain(std::iter::repeat_n(f32::NAN, padding)).collect()),
    }
}

/// The arrays beside the windows, as far as the data know them.
fn columns(
    dataset: &Dataset,
    scale: Option<RatingScale>,
    modalities: &[Modality],
    is_labeled: bool,
) -> Vec<(Field, Values)> {
    let Dataset { frames, sequences, class_names, grouping, .. } = dataset;
    let mut columns = Vec::new();
    let numbers =
        |of: fn(&Sequence) -> u32| Values::Integer(sequences.iter().map(|s| i64::from(of(s))).collect());
    if is_labeled {
        columns.push((fields::LABELS, named(class_names, sequences.iter().map(|s| s.label))));
        columns.push((fields::CLASSES, named(class_names, 0..class_names.len() as u32)));
    }
    if let Some(ratings) = ratings(dataset) {
        columns.push((fields::RATINGS, ratings));
        columns.extend(scale.map(|s| (fields::RATING_SCALE, Values::Float64(vec![s.low, s.high]))));
    }
    if grouping.knows_people() {
        columns.push((fields::GROUPS, named(&frames.subjects, sequences.iter().map(|s| s.subject))));
    }
    if grouping.has_trials() {
        columns.push((fields::TRIALS, numbers(|s| s.trial)));
    }
    if grouping.shares_stimuli() {
        columns.push((fields::STIMULI, numbers(|s| s.stimulus)));
    }
    if sequences.iter().any(|s| s.predefined_test) {
        let part = |s: &Sequence| if s.predefined_test { "test" } else { "train" };
        columns.push((fields::PARTS, texts(sequences.iter().map(part))));
    }
    if sequences.iter().any(|s| s.length != sequences[0].length) {
        columns.push((fields::LENGTHS, numbers(|s| s.length)));
    }
    // All segments have one grid of frames.
    let rate = frames.rate.map(|rate| rate / frames.segments[0].step as f64);
    columns.extend(rate.map(|rate| (fields::RATE, Values::Float64(vec![rate]))));
    columns.push((fields::CHANNELS, texts(frames.features.iter().map(String::as_str))));
    columns.push((fields::MODALITIES, texts(modalities.iter().map(|modality| modality.name()))));
    columns
}

/// The columns that all trials have; `None` without ratings.
fn ratings(dataset: &Dataset) -> Option<Values> {
    let segment = |s: &Sequence| &dataset.frames.segments[s.segment as usize];
    let of = |segment: &Segment| segment.target.ratings();
    let ratings: Vec<[f32; RATINGS.len()]> =
        dataset.sequences.iter().map(segment).map(of).collect::<Option<_>>()?;
    let count = (0..RATINGS.len()).take_while(|&c| ratings.iter().all(|r| !r[c].is_nan())).count();
    Some(Values::Float32(ratings.iter().flat_map(|ratings| ratings[..count].iter().copied()).collect()))
}

/// The names of these indices: integers if all names are, so that they keep their order.
fn named(names: &[String], indices: impl Iterator<Item = u32>) -> Values {
    let integer = |name: &String| name.parse::<i64>().ok().filter(|integer| integer.to_string() == *name);
    match names.iter().map(integer).collect::<Option<Vec<i64>>>() {
        Some(integers) => Values::Integer(indices.map(|index| integers[index as usize]).collect()),
        None => texts(indices.map(|index| names[index as usize].as_str())),
    }
}

fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> Values {
    Values::Text(texts.map(String::from).collect())
}
