//! The `.ts` files of the UEA/aeon archive of time series classification.
//!
//! The header has lines `@tag value` and ends with `@data`. After it, each line is one case: channels
//! separated by `:`, their values by `,`, and the class after the last `:`. Lines that start with `#` or
//! `%` are comments.

use crate::data::foreign::HEAD;
use crate::data::recording::{Channel, Modality, Recording, Target, Trial};
use crate::error::{Error, Result};
use rayon::prelude::*;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Bytes of text that are read before parsing them in parallel. This bounds the memory for text.
const BATCH: usize = 8 << 20;

/// One data set of the archive.
#[derive(Clone, Debug, PartialEq)]
pub struct Archive {
    /// One subject, `all`, with one trial per case, numbered from 0, and channels `ch0`, `ch1`, ... Missing
    /// values are NaN; those that only fill a case up to the length of others are left out. The sampling rate
    /// is unknown.
    pub recording: Recording,
    /// The class names in the order of `@classLabel`. [`Target::Class`] is an index into them. Empty without
    /// classes.
    pub class_names: Vec<String>,
}

/// Reads one file.
///
/// # Errors
///
/// [`ErrorKind::Io`](crate::ErrorKind::Io) if it cannot be read, [`ErrorKind::Data`](crate::ErrorKind::Data)
/// with the line number if it is malformed.
pub fn read(path: &Path) -> Result<Archive> {
    let mut archive = Archive::empty();
    archive.recording.hash = archive.append(path, false)?.to_hex().to_string();
    Ok(archive)
}

/// Reads the TRAIN and the TEST file into one recording.
///
/// The trials of `test` follow those of `train`, continue their numbers, and have [`Trial::predefined_test`]
/// set. The hash consists of the two files' hashes, so that each file can be recognized.
///
/// # Errors
///
/// Those of [`read`], and [`ErrorKind::Data`](crate::ErrorKind::Data) if the classes or the channels differ,
/// or if both files hold the same bytes.
pub fn read_pair(train: &Path, test: &Path) -> Result<Archive> {
    let mut archive = Archive::empty();
    let hashes = [archive.append(train, false)?, archive.append(test, true)?];
    if hashes[0] == hashes[1] {
        return Err(Error::data(format!("{} holds the same bytes as {}", test.display(), train.display()))
            .hint("a test on training data is meaningless: give the TEST file"));
    }
    archive.recording.hash = hashes.map(|hash| hash.to_hex().to_string()).join(" ");
    Ok(archive)
}

/// Whether a file with these first bytes has the header of a `.ts` file. Comments may fill all of them.
pub fn is_header(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let mut lines = lines.filter(|line| !line.is_empty()).peekable();
    let is_commented = lines.peek().is_some_and(|line| is_comment(line));
    match lines.find(|line| !is_comment(line)) {
        Some(line) => line.starts_with('@') && !is_arff(&line.to_ascii_lowercase()),
        None => is_commented && head.len() >= HEAD,
    }
}

fn is_comment(line: &str) -> bool {
    line.starts_with(['#', '%'])
}

/// Whether a line in lower case begins with a tag of ARFF, which has the same signs.
fn is_arff(line: &str) -> bool {
    line.starts_with("@relation") || line.starts_with("@attribute")
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
        let header = if predefined_test { header.in_order_of(&self.class_names) } else { header };
        if predefined_test && header.classes != self.class_names {
            return Err(Error::data(format!(
                "@classLabel lists {:?}, expected {:?} as in the training file",
                header.classes, self.class_names
            ))
            .hint("give the TRAIN and the TEST file of one data set")
            .at(path.display()));
        }
        let before = self.recording.trials.len();
        let mut written = None;
        loop {
            let batch = lines.batch()?;
            if batch.is_empty() {
                break;
            }
            let cases: Vec<_> = batch.par_iter().map(|(_, line)| header.case(line)).collect();
            for (case, (number, _)) in cases.into_iter().zip(&batch) {
                let pushed = case.and_then(|case| {
                    header.check_length(*written.get_or_insert(case.written), case.written)?;
                    self.push(case, predefined_test)
                });
                pushed.map_err(|e| e.at(place(path, *number)))?;
            }
        }
        if self.recording.trials.len() == before {
            return Err(Error::data("no case after @data").at(path.display()));
        }
        self.class_names = header.classes;
        Ok(lines.hasher.finalize())
    }

    /// Adds one case.
    fn push(&mut self, case: Case, predefined_test: bool) -> Result<()> {
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
        trials.push(Trial {
            trial: trials.len() as u32,
            stimulus: trials.len() as u32,
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
    /// Number of the last line that was read, from 1.
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
            // Comments in older files are Latin-1. Data are ASCII.
            let line = String::from_utf8_lossy(&bytes);
            let line = line.trim_start_matches('\u{feff}').trim();
            if !line.is_empty() && !is_comment(line) {
                return Ok(Some(line.to_string()));
            }
        }
    }

    /// The next lines, about [`BATCH`] bytes, with their numbers; empty at the end of the file.
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

/// The tags of the header that decide how cases are read.
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
                return Err(Error::data("`@timestamps true`: series with time stamps are not supported")
                    .hint(TIME_STAMPS));
            }
            "@targetlabel" if boolean(tag, value.split_whitespace().next().unwrap_or_default())? => {
                return Err(Error::data("`@targetLabel true`: a regression data set")
                    .hint("this program trains classifiers only"));
            }
            _ if is_arff(tag) => {
                return Err(
                    Error::data("this is an ARFF file").hint("give the .ts file of the same data set")
                );
            }
            // `@seriesLength` and `@missing` are wrong in published files (EyesOpenShut states 127 and has
            // 128), so only the data count. Other tags describe the data set.
            _ if tag.starts_with('@') => {}
            _ => {
                return Err(Error::data(format!("expected a @tag or @data, found {:?}", excerpt(tag)))
                    .hint("is this a .ts file of the UEA/aeon archive?"));
            }
        }
        Ok(())
    }

    /// Refuses cases of different lengths if the header says that they are equal. Missing values that only
    /// fill a case up to a common length are counted here.
    fn check_length(&self, first: usize, length: usize) -> Result<()> {
        match self.equal_length && length != first {
            false => Ok(()),
            true => {
                Err(Error::data(format!("{length} values a channel, expected {first} as in the first case"))
                    .hint("if the cases do differ in length, the header must say `@equalLength false`"))
            }
        }
    }

    /// The header with its classes in the order and spelling of `names`, if they are the same ones.
    fn in_order_of(mut self, names: &[String]) -> Self {
        let is_one_of = |class: &String| named(names, class).is_some();
        if self.classes.len() == names.len() && self.classes.iter().all(is_one_of) {
            let is_there = |name: &String| named(&self.classes, name).is_some();
            if names.iter().all(is_there) {
                self.classes = names.to_vec();
            }
        }
        self
    }

    /// Parses one line after `@data`.
    fn case(&self, line: &str) -> Result<Case> {
        if line.starts_with('(') {
            return Err(
                Error::data(format!("time stamps in parentheses: {:?}", excerpt(line))).hint(TIME_STAMPS)
            );
        }
        let mut fields: Vec<&str> = line.split(':').collect();
        let target = match self.has_classes {
            Some(true) => self.class(fields.pop().unwrap_or_default())?,
            _ => Target::Unknown,
        };
        let expected = if self.univariate { Some(1) } else { self.dimensions };
        if fields.is_empty() || expected.is_some_and(|n| n != fields.len()) {
            let expected = expected.map_or("at least 1".into(), |n| format!("{n} as in the header"));
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
        let (written, channels) = (length, fields.len());
        let (length, values) = without_padding(length, values);
        Ok(Case { channels, length, written, values, target })
    }

    fn class(&self, text: &str) -> Result<Target> {
        let name = unquoted(text);
        match named(&self.classes, name) {
            Some(index) => Ok(Target::Class(index as u32)),
            None => {
                Err(Error::data(format!("class {:?}, expected one of {:?}", excerpt(name), self.classes))
                    .hint("the class is the text after the last `:` of a case"))
            }
        }
    }
}

struct Case {
    channels: usize,
    /// Values per channel, without padding at the end.
    length: usize,
    /// Values per channel in the file.
    written: usize,
    /// Row-major `(channels, length)`.
    values: Vec<f64>,
    target: Target,
}

/// The way out for series with time stamps.
const TIME_STAMPS: &str = "resample the series to a fixed rate and leave out the time stamps: `1.5,2.5` instead \
                           of `(0,1.5),(1,2.5)`";

/// The index of the class that a text names. A class is known under another case or number format, as in
/// aeon, which compares names in lower case.
fn named(classes: &[String], text: &str) -> Option<usize> {
    let index = |is_it: &dyn Fn(&String) -> bool| classes.iter().position(is_it);
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    index(&|class| class == text)
        .or_else(|| index(&|class| class.to_lowercase() == text.to_lowercase()))
        .or_else(|| number(text).and_then(|wanted| index(&|class| number(class) == Some(wanted))))
}

/// The length and the values of a case without the missing values that fill it up at the end of all channels.
/// A case of nothing else keeps them.
fn without_padding(length: usize, values: Vec<f64>) -> (usize, Vec<f64>) {
    let last = |samples: &[f64]| samples.iter().rposition(|sample| !sample.is_nan()).map_or(0, |at| at + 1);
    let own = values.chunks(length).map(last).max().unwrap_or(0);
    if own == 0 || own == length {
        return (length, values);
    }
    let kept: Vec<f64> = values.chunks(length).flat_map(|samples| &samples[..own]).copied().collect();
    (own, kept)
}

/// One sample. A missing one, `?` or NaN, becomes NaN.
fn value(token: &str) -> Result<f64> {
    let text = unquoted(token);
    if text == "?" {
        return Ok(f64::NAN);
    }
    let number = text.parse::<f64>();
    let number = number.map_err(|error| {
        Error::data(format!("expected a number, `?` or `NaN`, found {:?}", excerpt(text))).caused_by(error)
    })?;
    if (number as f32).is_infinite() && text.contains(|c: char| c.is_ascii_digit()) {
        return Err(Error::data(format!("{} is beyond the range of f32", excerpt(text))));
    }
    Ok(number)
}

/// The class names in their order. Refuses an empty list and repeated names.
fn class_names<'a>(words: impl Iterator<Item = &'a str>) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for word in words {
        if names.iter().any(|name| name == word) {
            return Err(Error::data(format!("@classLabel lists {:?} twice", excerpt(word))));
        }
        names.push(word.to_string());
    }
    match names.is_empty() {
        true => {
            Err(Error::data("`@classLabel true` without class names").hint("list the names after `true`"))
        }
        false => Ok(names),
    }
}

fn boolean(tag: &str, value: &str) -> Result<bool> {
    value.to_ascii_lowercase().parse().map_err(|error| {
        Error::data(format!("{tag}: expected `true` or `false`, found {:?}", excerpt(value))).caused_by(error)
    })
}

fn count(tag: &str, value: &str) -> Result<usize> {
    let number = value.parse().ok().filter(|&n| n > 0);
    number.ok_or_else(|| Error::data(format!("{tag}: expected a count, found {:?}", excerpt(value))))
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['"', '\'']).trim()
}

/// At most 40 characters of the text, for messages.
fn excerpt(text: &str) -> &str {
    let end = text.char_indices().nth(40).map_or(text.len(), |(index, _)| index);
    &text[..end]
}
