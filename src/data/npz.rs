//! Windows cut by another program, as NumPy arrays: an `.npz` file, a folder of `.npy` files, or one `.npy`
//! file.
//!
//! | array | shape | type | contents |
//! |---|---|---|---|
//! | `windows` or `X` | (N, T, C) | float32, float64 | samples, in order of time |
//! | `labels` or `y` | (N) | integer, text | class; without it, windows can be predicted but not trained on |
//! | `groups` | (N) | integer, text | subject; without it, people are unknown and share the name `all` |
//! | `trials` | (N) | integer | windows cut from one series share a number, unique within the subject |
//! | `rate` | () or (1) | number | sampling rate in Hz |
//! | `channels` | (C) | text | names; without it, `ch0`, `ch1`, ... |

mod array;

use crate::data::grouping::Grouping;
use crate::data::names::refuse_two_spellings;
use crate::data::recording::{Channel, Modality, Recording, Target, Trial};
use crate::error::{Error, Result};
use array::{Array, Values};
use npyz::npz::NpzArchive;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// The names that an array may have.
type Names = &'static [&'static str];

const WINDOWS: Names = &["windows", "X"];
const LABELS: Names = &["labels", "y"];
const GROUPS: Names = &["groups"];
const TRIALS: Names = &["trials"];
const RATE: Names = &["rate"];
const CHANNELS: Names = &["channels"];
const KNOWN: [Names; 6] = [WINDOWS, LABELS, GROUPS, TRIALS, RATE, CHANNELS];

/// One data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Windows {
    /// One recording per group, named by it, in ascending order (integers by value, texts by code point).
    /// Each window is a [`Trial`], in the order of the file. The hash is that of the group's samples, which
    /// detects equal groups.
    pub recordings: Vec<Recording>,
    /// The distinct labels in ascending order. [`Target::Class`] is an index into them. Empty without labels.
    pub class_names: Vec<String>,
    /// The knowledge that the arrays `groups` and `trials` give. Without the latter, it is unknown which
    /// windows were cut from the same series.
    pub grouping: Grouping,
}

/// Reads an `.npz` file, a folder of `.npy` files, or one `.npy` file of windows.
///
/// # Errors
///
/// [`ErrorKind::Io`](crate::ErrorKind::Io) if it cannot be opened, otherwise
/// [`ErrorKind::Data`](crate::ErrorKind::Data) with the name of the array. An array of any other name is an
/// error, because a misspelt `groups` would put the same subject into the training and the test part.
pub fn read(path: &Path) -> Result<Windows> {
    let mut source = Source::open(path)?;
    source.check_names()?;
    let windows = source.windows()?;
    let [n, steps, width] = windows.shape;
    let (class_names, classes) = match source.vector(LABELS, n)? {
        Some(labels) => categories(&labels).map_err(|e| e.at(place(path, LABELS)))?,
        None => (vec![], vec![]),
    };
    let people = source.vector(GROUPS, n)?;
    let trials = source.trials(n)?;
    let grouping = Grouping::of_windows(people.is_some(), trials.is_some());
    let (subjects, groups) = match people {
        Some(people) => subjects(people).map_err(|e| e.at(place(path, GROUPS)))?,
        None => (vec!["all".to_string()], vec![0; n]),
    };
    let rate = source.rate()?;
    let channels = source.channels(width)?;

    let empty = |subject| {
        let (channels, hash) = (channels.clone(), String::new());
        Recording { subject, rate, channels, trials: vec![], samples: vec![], hash }
    };
    let mut recordings: Vec<Recording> = subjects.into_iter().map(empty).collect();
    for window in 0..n {
        let recording = &mut recordings[groups[window]];
        recording.trials.push(Trial {
            trial: trials.as_ref().map_or(recording.trials.len() as u32, |trials| trials[window]),
            offset: recording.samples.len(),
            length: steps,
            baseline: 0,
            target: classes.get(window).map_or(Target::Unknown, |&class| Target::Class(class as u32)),
            predefined_test: false,
        });
        let [by_window, by_step, by_channel] = windows.strides;
        for channel in 0..width {
            let first = window * by_window + channel * by_channel;
            recording.samples.extend((0..steps).map(|step| windows.values[first + step * by_step]));
        }
    }
    if trials.is_some() {
        recordings
            .iter()
            .try_for_each(|r| one_label(r, &class_names, &grouping))
            .map_err(|e| e.at(path.display()))?;
    }
    for recording in &mut recordings {
        // The hash covers the samples as `f32`, so that it does not depend on the type of the array.
        let narrow: Vec<f32> = recording.samples.iter().map(|&sample| sample as f32).collect();
        recording.hash = blake3::hash(bytemuck::cast_slice(&narrow)).to_hex().to_string();
    }
    Ok(Windows { recordings, class_names, grouping })
}

/// The samples in the order of the file.
struct Samples {
    /// (N, T, C)
    shape: [usize; 3],
    strides: [usize; 3],
    values: Vec<f64>,
}

/// The names of the distinct values in ascending order, and each element's index among them.
fn categories(values: &Values) -> Result<(Vec<String>, Vec<usize>)> {
    fn index<T: Ord + ToString>(values: &[T]) -> (Vec<String>, Vec<usize>) {
        let distinct: Vec<&T> = values.iter().collect::<BTreeSet<_>>().into_iter().collect();
        let indices = values.iter().map(|v| distinct.binary_search(&v).expect("it is one of them")).collect();
        (distinct.into_iter().map(T::to_string).collect(), indices)
    }
    match values {
        Values::Integer(values) => Ok(index(values)),
        Values::Text(values) => match values.iter().position(|text| text.is_empty()) {
            Some(window) => Err(Error::data(format!("element {window} is empty"))),
            None => Ok(index(values)),
        },
        Values::Float32(_) | Values::Float64(_) => {
            Err(Error::data("floating point, expected integers or text")
                .hint("convert it with `.astype(int)`, or to text if these are names"))
        }
    }
}

/// The names of the people in ascending order, and each window's person. Blanks around a name are not part of
/// it.
fn subjects(mut groups: Values) -> Result<(Vec<String>, Vec<usize>)> {
    if let Values::Text(names) = &mut groups {
        names.iter_mut().for_each(|name| *name = name.trim().to_string());
    }
    let (names, indices) = categories(&groups)?;
    refuse_two_spellings(names.iter().map(String::as_str))?;
    Ok((names, indices))
}

/// Refuses a trial whose windows have two labels.
fn one_label(recording: &Recording, classes: &[String], grouping: &Grouping) -> Result<()> {
    let mut first = HashMap::<u32, &Target>::new();
    for trial in &recording.trials {
        let label = *first.entry(trial.trial).or_insert(&trial.target);
        if let (Target::Class(one), Target::Class(other)) = (label, &trial.target)
            && one != other
        {
            let [one, other] = [one, other].map(|&class| &classes[class as usize]);
            let alone = match grouping.knows_people() {
                true => "",
                false => ", or there are several people and no array \"groups\"",
            };
            return Err(Error::data(format!(
                "trial {} of subject {} has two labels, {one:?} and {other:?}",
                trial.trial, recording.subject
            ))
            .hint(format!(
                "a trial has one label; perhaps its number restarts (with each session or class){alone}: number \
                 trials uniquely within a subject"
            )));
        }
    }
    Ok(())
}

/// Refuses samples beyond the range of a frame's `f32`.
fn in_range(values: Vec<f64>) -> Result<Vec<f64>> {
    match values.iter().find(|value| value.is_finite() && (**value as f32).is_infinite()) {
        Some(value) => Err(Error::data(format!("{value:e} is beyond the range of float32"))),
        None => Ok(values),
    }
}

/// The file and the array, for messages. No backticks: some arrays are called like a setting.
fn place(path: &Path, names: Names) -> String {
    format!("{}: array \"{}\"", path.display(), names.join("\" or \""))
}

/// The file or folder that holds the arrays.
enum Source {
    Archive(PathBuf, NpzArchive<BufReader<File>>),
    Folder(PathBuf),
    /// A `.npy` file with windows only.
    File(PathBuf),
}

impl Source {
    fn open(path: &Path) -> Result<Source> {
        let owned = path.to_path_buf();
        if path.is_dir() {
            return Ok(Source::Folder(owned));
        }
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy")) {
            return Ok(Source::File(owned));
        }
        let archive = NpzArchive::new(open(path)?).map_err(|e| {
            Error::data(format!("{}: this is not an .npz archive: {e}", path.display()))
                .hint("save it with np.savez or np.savez_compressed")
                .caused_by(e)
        })?;
        Ok(Source::Archive(owned, archive))
    }

    fn path(&self) -> &Path {
        match self {
            Source::Archive(path, _) | Source::Folder(path) | Source::File(path) => path,
        }
    }

    fn names(&self) -> Result<Vec<String>> {
        match self {
            Source::Archive(_, archive) => Ok(archive.array_names().map(str::to_string).collect()),
            Source::File(_) => Ok(vec![WINDOWS[0].to_string()]),
            Source::Folder(path) => {
                let unreadable = |e| Error::io("read", path, e);
                let mut names = Vec::new();
                for entry in path.read_dir().map_err(unreadable)? {
                    let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
                    names.extend(name.strip_suffix(".npy").map(str::to_string));
                }
                Ok(names)
            }
        }
    }

    /// Refuses unknown names, and two names for the same array.
    fn check_names(&self) -> Result<()> {
        let mut found = self.names()?;
        found.sort();
        let known = KNOWN.concat();
        if let Some(name) = found.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(Error::data(format!(
                "unknown array {name:?}, expected some of {}",
                known.join(", ")
            ))
            .hint("rename it or leave it out")
            .at(self.path().display()));
        }
        let twice = |names: &&Names| {
            names.iter().map(|name| found.iter().filter(|f| f == name).count()).sum::<usize>() > 1
        };
        match KNOWN.iter().find(twice) {
            Some(names) => Err(Error::data(format!("more than one array of {}", names.join(", ")))
                .hint("these names mean the same array: keep one of them")
                .at(self.path().display())),
            None => Ok(()),
        }
    }

    fn array(&mut self, names: Names) -> Result<Option<Array>> {
        let at = place(self.path(), names);
        for name in names {
            let array = match self {
                Source::File(path) if names == WINDOWS => array::read(open(path)?),
                Source::File(_) => return Ok(None),
                Source::Folder(path) => match path.join(format!("{name}.npy")) {
                    file if file.is_file() => array::read(open(&file)?),
                    _ => continue,
                },
                Source::Archive(_, archive) => {
                    let file = npyz::npz::file_name_from_array_name(name);
                    if !archive.zip_archive().file_names().any(|found| found == file) {
                        continue;
                    }
                    match archive.zip_archive().by_name(&file) {
                        Ok(entry) => array::read(BufReader::new(entry)),
                        Err(error) => Err(Error::data(format!("is damaged: {error}")).caused_by(error)),
                    }
                }
            };
            return array.map(Some).map_err(|e| e.at(at));
        }
        Ok(None)
    }

    fn windows(&mut self) -> Result<Samples> {
        let at = place(self.path(), WINDOWS);
        let Some(array) = self.array(WINDOWS)? else {
            return Err(Error::data("is missing")
                .hint("save it with np.savez(FILE, windows=..., labels=...)")
                .at(at));
        };
        let kind = array.values.kind();
        let values = match array.values {
            Values::Float32(values) => values.into_iter().map(f64::from).collect(),
            Values::Float64(values) => in_range(values).map_err(|e| e.at(&at))?,
            _ => {
                let hint = "convert it with `.astype(np.float32)`";
                return Err(Error::data(format!("{kind}, expected floating point")).hint(hint).at(at));
            }
        };
        match (<[usize; 3]>::try_from(array.shape), <[usize; 3]>::try_from(array.strides)) {
            (Ok(shape), Ok(strides)) if !values.is_empty() => Ok(Samples { shape, strides, values }),
            (Ok(shape), _) => Err(Error::data(format!("shape {shape:?} holds nothing")).at(at)),
            (Err(shape), _) => Err(Error::data(format!("shape {shape:?}, expected (N, T, C)"))
                .hint("the axes are windows, time steps and channels; a single window needs a first axis of length 1")
                .at(at)),
        }
    }

    /// An array with one element per window.
    fn vector(&mut self, names: Names, n: usize) -> Result<Option<Values>> {
        match self.array(names)? {
            Some(array) if array.shape != [n] => {
                let expected = format!("({n},), one element per window");
                Err(Error::data(format!("shape {:?}, expected {expected}", array.shape))
                    .at(place(self.path(), names)))
            }
            array => Ok(array.map(|array| array.values)),
        }
    }

    fn trials(&mut self, n: usize) -> Result<Option<Vec<u32>>> {
        let trials = match self.vector(TRIALS, n)? {
            None => return Ok(None),
            Some(Values::Integer(numbers)) => numbers
                .into_iter()
                .map(|number| {
                    u32::try_from(number).map_err(|error| {
                        Error::data(format!("number {number}, expected 0 to 4294967295")).caused_by(error)
                    })
                })
                .collect(),
            Some(other) => Err(Error::data(format!("{}, expected integers", other.kind()))),
        };
        trials.map(Some).map_err(|e| e.at(place(self.path(), TRIALS)))
    }

    fn rate(&mut self) -> Result<Option<f64>> {
        let Some(array) = self.array(RATE)? else { return Ok(None) };
        let rate = match array.values {
            Values::Float32(values) if values.len() == 1 => f64::from(values[0]),
            Values::Float64(values) if values.len() == 1 => values[0],
            Values::Integer(values) if values.len() == 1 => values[0] as f64,
            _ => f64::NAN,
        };
        if rate.is_finite() && rate > 0.0 {
            return Ok(Some(rate));
        }
        Err(Error::data("expected one positive number, the sampling rate in Hz").at(place(self.path(), RATE)))
    }

    fn channels(&mut self, width: usize) -> Result<Vec<Channel>> {
        let channel = |name| Channel { name, modality: Modality::Other };
        let Some(array) = self.array(CHANNELS)? else {
            return Ok((0..width).map(|i| channel(format!("ch{i}"))).collect());
        };
        let failed = match array.values {
            _ if array.shape != [width] => {
                format!("shape {:?}, expected ({width},), one name per channel", array.shape)
            }
            Values::Text(names) => match names.iter().collect::<BTreeSet<_>>().len() == width {
                true => return Ok(names.into_iter().map(channel).collect()),
                false => "lists a name twice".into(),
            },
            other => format!("{}, expected text", other.kind()),
        };
        Err(Error::data(failed).at(place(self.path(), CHANNELS)))
    }
}

fn open(path: &Path) -> Result<BufReader<File>> {
    Ok(BufReader::new(File::open(path).map_err(|e| Error::io("open", path, e))?))
}
