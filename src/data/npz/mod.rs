//! Windows cut by another program, as NumPy arrays: an `.npz` file, a folder of `.npy` files, or one `.npy`
//! file. [`fields::KNOWN`] lists the arrays.

mod axes;
mod columns;
pub mod fields;
mod files;
mod layout;
mod write;

use crate::data::grouping::{Grouping, Knowledge};
use crate::data::labels::RatingScale;
use crate::data::npy::Array;
use crate::data::recording::{Recording, Target, Trial};
use crate::error::{Error, Result};
use axes::Samples;
use columns::Columns;
use fields::Field;
use files::Files;
pub use layout::Layout;
use std::collections::HashMap;
use std::path::Path;
pub use write::Writer;

/// One data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Windows {
    /// One recording per group, named by it, in ascending order (integers by value, texts by code point).
    /// Each window is a [`Trial`], in the order of the file. The hash is that of the group's samples, which
    /// detects equal groups.
    pub recordings: Vec<Recording>,
    /// The distinct labels in ascending order. The class of a [`Target`] is an index into them. Empty without
    /// labels.
    pub class_names: Vec<String>,
    /// The knowledge that the arrays `groups`, `trials` and `stimuli` give. Without `trials`, it is unknown
    /// which windows were cut from the same series.
    pub grouping: Grouping,
    /// The scale of the ratings, if an array states it.
    pub rating_scale: Option<RatingScale>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// Reads an `.npz` file, a folder of `.npy` files, or one `.npy` file of windows. `None` for the layout means
/// [`Layout::Ntc`], with a warning where the axes look exchanged.
///
/// # Errors
///
/// [`ErrorKind::Io`](crate::ErrorKind::Io) if it cannot be opened, otherwise
/// [`ErrorKind::Data`](crate::ErrorKind::Data) with the name of the array. An array of any other name is an
/// error, because a misspelt `groups` would put the same subject into the training and the test part.
pub fn read(path: &Path, layout: Option<Layout>) -> Result<Windows> {
    windows(&Files::open(path)?, layout)
}

/// The same of arrays in memory, whose windows are (N, T, C).
///
/// # Errors
///
/// [`ErrorKind::Data`](crate::ErrorKind::Data) with the name of the array.
pub fn in_memory(arrays: impl IntoIterator<Item = (&'static Field, Array)>) -> Result<Windows> {
    windows(&Files::in_memory(arrays), Some(Layout::Ntc))
}

fn windows(files: &Files, layout: Option<Layout>) -> Result<Windows> {
    let samples = Samples::read(files, layout.unwrap_or_default())?;
    let [n, steps, _] = samples.shape;
    let columns = Columns { files, n };
    let (channels, warnings) = axes::channels(files, &samples, layout)?;
    let (class_names, classes) = columns.classes()?.unwrap_or_default();
    let ratings = columns.ratings()?;
    let rating_scale = columns.rating_scale()?;
    let people = columns.people()?;
    let trials = columns.trials()?;
    let stimuli = columns.stimuli()?;
    let is_test = columns.is_test()?;
    let lengths = columns.lengths(steps)?;
    let rate = axes::rate(files)?;
    let grouping = Grouping::of_windows(people.is_some(), trials.is_some());
    let stimuli_known = if stimuli.is_some() { Knowledge::Known } else { Knowledge::Unknown };
    let grouping = Grouping { stimuli: stimuli_known, ..grouping };
    let (subjects, groups) = people.unwrap_or_else(|| (vec!["all".to_string()], vec![0; n]));

    let empty = |subject| {
        let (channels, hash) = (channels.clone(), String::new());
        Recording { subject, rate, channels, trials: vec![], samples: vec![], hash }
    };
    let mut recordings: Vec<Recording> = subjects.into_iter().map(empty).collect();
    let lengths = lengths.unwrap_or_else(|| (0..n).map(|window| samples.unpadded(window)).collect());
    let mut rows = vec![0; recordings.len()];
    groups.iter().zip(&lengths).for_each(|(&group, length)| rows[group] += length);
    for (recording, rows) in recordings.iter_mut().zip(rows) {
        recording.samples.reserve_exact(rows * channels.len());
    }
    for window in 0..n {
        let (recording, length) = (&mut recordings[groups[window]], lengths[window]);
        let trial = trials.as_ref().map_or(recording.trials.len() as u32, |trials| trials[window]);
        recording.trials.push(Trial {
            trial,
            stimulus: stimuli.as_ref().map_or(trial, |stimuli| stimuli[window]),
            offset: recording.samples.len(),
            length,
            baseline: 0,
            target: Target::of(ratings.as_ref().map(|r| r[window]), classes.get(window).map(|&c| c as u32)),
            predefined_test: is_test.as_ref().is_some_and(|is_test| is_test[window]),
        });
        samples.append(window, length, &mut recording.samples).map_err(|e| e.at(samples.place(files)))?;
    }
    if trials.is_some() {
        recordings
            .iter()
            .try_for_each(|recording| one_of_each(recording, &class_names, &grouping))
            .map_err(|e| e.at(files.place(&fields::TRIALS)))?;
    }
    for recording in &mut recordings {
        // The hash covers the samples as `f32`, so that it does not depend on the type of the array. They are
        // converted in parts that fit in a cache.
        let (mut hasher, mut narrow) = (blake3::Hasher::new(), Vec::new());
        for samples in recording.samples.chunks(1 << 15) {
            narrow.clear();
            narrow.extend(samples.iter().map(|&sample| sample as f32));
            hasher.update(bytemuck::cast_slice(&narrow));
        }
        recording.hash = hasher.finalize().to_hex().to_string();
    }
    Ok(Windows { recordings, class_names, grouping, rating_scale, warnings })
}

/// Refuses a trial whose windows differ in their label, rating or stimulus.
fn one_of_each(recording: &Recording, classes: &[String], grouping: &Grouping) -> Result<()> {
    let mut first = HashMap::<u32, &Trial>::new();
    for trial in &recording.trials {
        let one = *first.entry(trial.trial).or_insert(trial);
        let label =
            |trial: &Trial| trial.target.class().map(|class| format!("{:?}", classes[class as usize]));
        let ratings = |trial: &Trial| trial.target.ratings().map(|ratings| format!("{:?}", known(ratings)));
        let stimulus = |trial: &Trial| Some(trial.stimulus.to_string());
        let facts: [(&str, [Option<String>; 2]); 3] = [
            ("labels", [one, trial].map(label)),
            ("ratings", [one, trial].map(ratings)),
            ("stimuli", [one, trial].map(stimulus)),
        ];
        for (what, [one, other]) in facts {
            if let (Some(one), Some(other)) = (one, other)
                && one != other
            {
                let alone = match grouping.knows_people() {
                    true => "",
                    false => ", or there are several people and no array \"groups\"",
                };
                return Err(Error::data(format!(
                    "trial {} of subject {} has two {what}, {one} and {other}",
                    trial.trial, recording.subject
                ))
                .hint(format!(
                    "a trial has one label, one rating and one stimulus; perhaps its number restarts (with each \
                     session or class){alone}: number trials uniquely within a subject"
                )));
            }
        }
    }
    Ok(())
}

/// The ratings that the data have.
fn known(ratings: [f32; 4]) -> Vec<f32> {
    ratings.into_iter().filter(|rating| !rating.is_nan()).collect()
}
