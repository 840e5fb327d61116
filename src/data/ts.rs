//! The `.ts` files of the UEA/aeon archive of time series classification.
//!
//! Lines of `@tag value` end with `@data`; then each line is one case: channels separated by `:`, their values by `,`,
//! the class last. Lines that start with `#` are comments.

use crate::data::recording::{Channel, Modality, Recording, Target, Trial};
use crate::error::{Error, Result};
use rayon::prelude::*;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Bytes of text read before they are parsed in parallel: bounds the memory that the text takes.
const BATCH: usize = 8 << 20;

/// One data set of the archive.
#[derive(Clone, Debug, PartialEq)]
pub struct Archive {
    /// One subject, `all`; a trial per case, numbered from 0; channels `ch0`, `ch1`, ...; missing values are NaN; no rate.
    pub recording: Recording,
    /// In the order of `@classLabel`; [`Target::Class`] is an index into it. Empty where the file has no classes.
    pub class_names: Vec<String>,
}

/// Reads one file.
///
/// Errors: [`ErrorKind::Io`](crate::ErrorKind::Io) if it cannot be read, [`ErrorKind::Data`](crate::ErrorKind::Data) with the line if it
/// is malformed.
pub fn read(path: &Path) -> Result<Archive> {
    let mut archive = Archive::empty();
    archive.recording.hash = archive.append(path, false)?.to_hex().to_string();
    Ok(archive)
}

/// Reads both parts into one recording. The trials of `test` come last, are numbered on, and have
/// [`Trial::predefined_test`] set; the hash is the two files' hashes, so that each file is known again.
///
/// Errors: as [`read`], and [`ErrorKind::Data`](crate::ErrorKind::Data) if the classes or the channels differ, or if both files
/// hold the same bytes.
pub fn read_pair(train: &Path, test: &Path) -> Result<Archive> {
    let mut archive = Archive::empty();
    let hashes = [archive.append(train, false)?, archive.append(test, true)?];
    if hashes[0] == hashes[1] {
        return Err(Error::data(format!("{} holds the same bytes as {}", test.display(), train.display()))
            .hint("a model tested on the cases it was trained on proves nothing: give the TEST file"));
    }
    archive.recording.hash = hashes.map(|hash| hash.to_hex().to_string()).join(" ");
    Ok(archive)
}

impl Archive {
    fn empty() -> Self {
        let (subject, hash) = ("all".to_string(), String::new());
        let recording =
            Recording { subject, rate: None, channels: vec![], trials: vec![], samples: vec![], hash };
        Archive { recording, class_names: vec![] }
    }

    /// Adds the cases of one file and returns its hash.
    fn append(&mut self, path: &Path, predefined_test: bool) -> Result<blake3::Hash> {
        let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
        let mut lines =
            Lines { reader: BufReader::new(file), path, number: 0, hasher: blake3::Hasher::new() };
        let header = Header::read(&mut lines)?;
        if predefined_test && header.classes != self.class_names {
            return Err(Error::data(format!(
                "@classLabel lists {:?}, expected {:?} as in the training file",
                header.classes, self.class_names
            ))
            .hint("give the TRAIN and the TEST file of one data set")
            .at(path.display()));
        }
        let before = self.recording.trials.len();
        loop {
            let batch = lines.batch()?;
            if batch.is_empty() {
                break;
            }
            let cases: Vec<_> = batch.par_iter().map(|(_, line)| header.case(line)).collect();
            for (case, (number, _)) in cases.into_iter().zip(&batch) {
                let pushed = case.and_then(|case| self.push(case, &header, before, predefined_test));
                pushed.map_err(|e| e.at(place(path, *number)))?;
            }
        }
        if self.recording.trials.len() == before {
            return Err(Error::data("no case after @data").at(path.display()));
        }
        self.class_names = header.classes;
        Ok(lines.hasher.finalize())
    }

    /// `first` is the index of the file's first trial.
    fn push(&mut self, case: Case, header: &Header, first: usize, predefined_test: bool) -> Result<()> {
        let Recording { channels, trials, samples, .. } = &mut self.recording;
        if trials.is_empty() {
            let name = |i| Channel { name: format!("ch{i}"), modality: Modality::Other };
            *channels = (0..case.channels).map(name).collect();
        }
        if case.channels != channels.len() {
            let expected = channels.len();
            return Err(Error::data(format!(
                "{} channels, expected {expected} as in the cases before",
                case.channels
            )));
        }
        if let (Some(trial), true) = (trials.get(first), header.equal_length)
            && trial.length != case.length
        {
            return Err(Error::data(format!(
                "{} values a channel, expected {} as in the first case",
                case.length, trial.length
            ))
            .hint("if the cases do differ in length, the header must say `@equalLength false`"));
        }
        trials.push(Trial {
            trial: trials.len() as u32,
            offset: samples.len(),
            length: case.length,
            baseline: 0,
            target: case.target,
            predefined_test,
        });
        samples.extend(case.values);
        Ok(())
    }
}

fn place(path: &Path, number: usize) -> String {
    format!("{}: line {number}", path.display())
}

/// The lines of a file, counted and hashed as they are read.
struct Lines<'a> {
    reader: BufReader<File>,
    path: &'a Path,
    /// Of the line read last, from 1.
    number: usize,
    hasher: blake3::Hasher,
}

impl Lines<'_> {
    /// The next line that is neither empty nor a comment, trimmed; `None` at the end of the file.
    fn next(&mut self) -> Result<Option<String>> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let read = self.reader.read_until(b'\n', &mut bytes);
            if read.map_err(|e| Error::io("read", self.path, e))? == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.hasher.update(&bytes);
            // Descriptions in older files are Latin-1; whatever is read as data is ASCII.
            let line = String::from_utf8_lossy(&bytes);
            let line = line.trim_start_matches('\u{feff}').trim();
            if !line.is_empty() && !line.starts_with('#') {
                return Ok(Some(line.to_string()));
            }
        }
    }

    /// The next lines with their numbers, about [`BATCH`] bytes of them; empty at the end of the file.
    fn batch(&mut self) -> Result<Vec<(usize, String)>> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while bytes < BATCH
            && let Some(line) = self.next()?
        {
            bytes += line.len();
            batch.push((self.number, line));
        }
        Ok(batch)
    }
}

/// What the header says that decides how cases are read.
#[derive(Default)]
struct Header {
    univariate: bool,
    dimensions: Option<usize>,
    equal_length: bool,
    has_classes: Option<bool>,
    classes: Vec<String>,
}

impl Header {
    /// Reads up to and including `@data`.
    fn read(lines: &mut Lines) -> Result<Header> {
        let mut header = Header::default();
        while let Some(line) = lines.next()? {
            let (tag, value) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
            let tag = tag.to_ascii_lowercase();
            if tag == "@data" && value.is_empty() {
                return match header.has_classes {
                    Some(_) => Ok(header),
                    None => Err(Error::data("no @classLabel before @data")
                        .hint("add `@classLabel true NAME NAME ...`, or `@classLabel false` for cases without a class")
                        .at(place(lines.path, lines.number))),
                };
            }
            header.tag(&tag, value.trim()).map_err(|e| e.at(place(lines.path, lines.number)))?;
        }
        Err(Error::data(format!("no @data in its {} lines", lines.number))
            .hint("is this a .ts file of the UEA/aeon archive?")
            .at(lines.path.display()))
    }

    /// One line of the header; `tag` in lower case.
    fn tag(&mut self, tag: &str, value: &str) -> Result<()> {
        match tag {
            "@univariate" => self.univariate = boolean(tag, value)?,
            "@dimensions" | "@dimension" => self.dimensions = Some(count(tag, value)?),
            "@equallength" => self.equal_length = boolean(tag, value)?,
            "@classlabel" => {
                let mut words = value.split_whitespace();
                let has_classes = boolean(tag, words.next().unwrap_or_default())?;
                self.has_classes = Some(has_classes);
                if has_classes {
                    self.classes = class_names(words.map(unquoted))?;
                }
            }
            "@timestamps" if boolean(tag, value)? => {
                return Err(Error::data("`@timestamps true`: series with time stamps are not read")
                    .hint("resample the series to a fixed rate and leave the stamps out"));
            }
            "@targetlabel" if boolean(tag, value.split_whitespace().next().unwrap_or_default())? => {
                return Err(Error::data("`@targetLabel true`: a regression data set")
                    .hint("only classification is trained here"));
            }
            "@relation" | "@attribute" => {
                return Err(
                    Error::data("this is an ARFF file").hint("give the .ts file of the same data set")
                );
            }
            // `@seriesLength` and `@missing` are wrong in files that are in use (EyesOpenShut says 127 and has 128):
            // what counts is the data. Other tags describe.
            _ if tag.starts_with('@') => {}
            _ => {
                return Err(Error::data(format!("expected a @tag or @data, found `{}`", excerpt(tag)))
                    .hint("is this a .ts file of the UEA/aeon archive?"));
            }
        }
        Ok(())
    }

    /// Parses one line behind `@data`.
    fn case(&self, line: &str) -> Result<Case> {
        let mut fields: Vec<&str> = line.split(':').collect();
        let target = match self.has_classes {
            Some(true) => self.class(fields.pop().unwrap_or_default())?,
            _ => Target::Unknown,
        };
        let expected = if self.univariate { Some(1) } else { self.dimensions };
        if fields.is_empty() || expected.is_some_and(|n| n != fields.len()) {
            let expected = expected.map_or("at least 1".into(), |n| format!("{n} as the header says"));
            return Err(Error::data(format!("{} channels, expected {expected}", fields.len()))
                .hint("channels are separated by `:`, and the class follows the last one"));
        }
        let mut values = Vec::new();
        let mut length = 0;
        for (channel, field) in fields.iter().enumerate() {
            let start = values.len();
            for token in field.split(',') {
                let index = values.len() - start;
                values.push(value(token).map_err(|e| e.at(format!("channel {channel}, value {index}")))?);
            }
            let found = values.len() - start;
            if channel > 0 && found != length {
                return Err(Error::data(format!(
                    "channel {channel} has {found} values, expected {length} as in channel 0"
                ))
                .hint("all channels of a case must be sampled at the same times"));
            }
            length = found;
        }
        Ok(Case { channels: fields.len(), length, values, target })
    }

    fn class(&self, text: &str) -> Result<Target> {
        let name = unquoted(text);
        match self.classes.iter().position(|class| class == name) {
            Some(index) => Ok(Target::Class(index as u32)),
            None => {
                Err(Error::data(format!("class `{}`, expected one of {:?}", excerpt(name), self.classes))
                    .hint("the class is what follows the last `:` of a case"))
            }
        }
    }
}

struct Case {
    channels: usize,
    /// Values per channel.
    length: usize,
    /// Row-major `(channels, length)`.
    values: Vec<f64>,
    target: Target,
}

/// One sample; a missing one, `?` or NaN, is NaN.
fn value(token: &str) -> Result<f64> {
    let text = unquoted(token);
    if text == "?" {
        return Ok(f64::NAN);
    }
    let number = text.parse::<f64>();
    let number = number
        .map_err(|_| Error::data(format!("expected a number, `?` or `NaN`, found `{}`", excerpt(text))))?;
    if (number as f32).is_infinite() && text.contains(|c: char| c.is_ascii_digit()) {
        return Err(Error::data(format!("{} is beyond the range of f32", excerpt(text))));
    }
    Ok(number)
}

/// The names in their order: at least one, none twice.
fn class_names<'a>(words: impl Iterator<Item = &'a str>) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for word in words {
        if names.iter().any(|name| name == word) {
            return Err(Error::data(format!("@classLabel lists `{}` twice", excerpt(word))));
        }
        names.push(word.to_string());
    }
    match names.is_empty() {
        true => {
            Err(Error::data("`@classLabel true` without class names").hint("name them all behind `true`"))
        }
        false => Ok(names),
    }
}

fn boolean(tag: &str, value: &str) -> Result<bool> {
    value
        .to_ascii_lowercase()
        .parse()
        .map_err(|_| Error::data(format!("{tag}: expected `true` or `false`, found `{}`", excerpt(value))))
}

fn count(tag: &str, value: &str) -> Result<usize> {
    let number = value.parse().ok().filter(|&n| n > 0);
    number.ok_or_else(|| Error::data(format!("{tag}: expected a count, found `{}`", excerpt(value))))
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['"', '\'']).trim()
}

/// Enough of a text to find it by, whatever its length.
fn excerpt(text: &str) -> &str {
    let end = text.char_indices().nth(40).map_or(text.len(), |(index, _)| index);
    &text[..end]
}
