//! A summary of the recordings of a data set: sizes, labels and bad signals.

use super::contents::{Contents, Sketch};
use super::copies::{self, TrialName, TrialPair};
use super::grouping::Grouping;
use super::labels::Labels;
use super::recording::{Recording, Target};
use super::source::{Facts, Source};
use super::split::default_kind;
use crate::error::Result;
use crate::progress::Progress;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use std::collections::BTreeSet;

/// Summary of one subject's recording.
#[derive(Clone, Debug, Serialize)]
pub struct SubjectInspection {
    /// Name of the subject.
    pub subject: String,
    /// Number of trials; `None` if trials are unknown.
    pub trials: Option<usize>,
    /// Number of series in the file: trials, or the windows that another program cut from them.
    pub series: usize,
    /// Lengths of the shortest and the longest trial, in samples per channel.
    pub samples: [usize; 2],
    /// Samples before the stimulus, in the first trial.
    pub baseline_samples: usize,
    /// Sampling rate in Hz, if the file states it.
    pub rate: Option<f64>,
    /// The channels, in the order of the file.
    pub channels: Vec<ChannelInspection>,
    #[serde(skip)]
    targets: Vec<Target>,
    #[serde(skip)]
    series_of: Vec<(u32, bool)>,
    #[serde(skip)]
    sketches: Vec<Sketch>,
}

/// Summary of one channel over all trials of a subject.
#[derive(Clone, Debug, Serialize)]
pub struct ChannelInspection {
    /// Name of the channel.
    pub name: String,
    /// Name of its modality.
    pub modality: &'static str,
    /// Number of samples that are not finite.
    pub not_finite: usize,
    /// Number of trials in which the channel is constant.
    pub flat_trials: usize,
    /// Mean of the finite samples, in the unit of the file.
    pub mean: f64,
    /// Standard deviation of the finite samples, in the unit of the file.
    pub deviation: f64,
}

/// Summary of a data set.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// The subjects, in the order of their files.
    pub subjects: Vec<SubjectInspection>,
    /// The knowledge of people, trials and stimuli.
    pub grouping: Grouping,
    /// A description of how ratings became classes; empty without labels.
    pub label_rule: String,
    /// Names of the classes; empty without labels.
    pub classes: Vec<String>,
    /// Number of series by subject and class.
    pub class_counts: Vec<Vec<usize>>,
    /// Histograms of valence, arousal, dominance and liking, as far as the data have them: trials per bin of
    /// width 1 from 1 to 9.
    pub ratings: Vec<[usize; 8]>,
    /// Trials that hold the same samples as others.
    pub copies: Vec<TrialPair>,
}

impl Inspection {
    /// Reads all recordings of `source`. `labels` returns the label scheme for what the files state.
    ///
    /// # Errors
    ///
    /// Those of [`Source::read`] and [`Labels::class`].
    pub fn of(source: &Source, labels: impl Fn(&Facts) -> Labels, progress: &dyn Progress) -> Result<Self> {
        let (mut subjects, facts) = source.read(progress, |recording| Ok(inspect(&recording)))?;
        let labels = labels(&facts);
        let Facts { class_names: own_classes, grouping, .. } = facts;
        if !grouping.has_trials() {
            subjects.iter_mut().for_each(|subject| subject.trials = None);
        }
        let labeled = subjects.iter().flat_map(|s| &s.targets).any(|target| *target != Target::Unknown);
        let classes = if labeled { labels.classes(&own_classes) } else { Vec::new() };
        let count = |subject: &SubjectInspection| -> Result<Vec<usize>> {
            let mut counts = vec![0; classes.len()];
            for target in subject.targets.iter().filter(|target| **target != Target::Unknown) {
                if let Some(class) = labels.class(target)? {
                    counts[class as usize] += 1;
                }
            }
            Ok(counts)
        };
        let class_counts = subjects.iter().map(count).collect::<Result<_>>()?;
        let ratings: Vec<[f32; 4]> =
            subjects.iter().flat_map(|s| &s.targets).filter_map(Target::ratings).collect();
        let known = |which: usize| ratings.iter().map(move |r| r[which]).filter(|rating| !rating.is_nan());
        let histogram = |which: usize| {
            let mut bins = [0; 8];
            known(which).for_each(|rating| bins[(rating as usize).clamp(1, 8) - 1] += 1);
            bins
        };
        let ratings = (0..4).take_while(|&which| known(which).next().is_some()).map(histogram).collect();
        let label_rule = if labeled { labels.describe() } else { String::new() };
        let copies = copies(&mut subjects, &grouping);
        Ok(Inspection { subjects, grouping, label_rule, classes, class_counts, ratings, copies })
    }
}

fn inspect(recording: &Recording) -> SubjectInspection {
    let lengths = || recording.trials.iter().map(|trial| trial.length);
    let channels = recording.channels.iter().enumerate().map(|(c, channel)| {
        let (mut not_finite, mut flat_trials, mut count, mut sum, mut squares) = (0, 0, 0usize, 0.0, 0.0);
        for index in 0..recording.trials.len() {
            let samples = recording.signal(index).row(c).to_vec();
            flat_trials += usize::from(samples.iter().all(|&x| x == samples[0]));
            for x in samples {
                if x.is_finite() {
                    count += 1;
                    sum += x;
                    squares += x * x;
                } else {
                    not_finite += 1;
                }
            }
        }
        let mean = sum / count.max(1) as f64;
        ChannelInspection {
            name: channel.name.clone(),
            modality: channel.modality.name(),
            not_finite,
            flat_trials,
            mean,
            deviation: (squares / count.max(1) as f64 - mean * mean).max(0.0).sqrt(),
        }
    });
    let sketch = |index: usize| {
        let channels: Vec<&[f64]> =
            (0..recording.channels.len()).map(|channel| recording.channel(index, channel)).collect();
        Sketch::of(&channels)
    };
    SubjectInspection {
        subject: recording.subject.clone(),
        trials: Some(recording.trials.iter().map(|trial| trial.trial).collect::<BTreeSet<_>>().len()),
        series: recording.trials.len(),
        samples: [lengths().min().unwrap_or(0), lengths().max().unwrap_or(0)],
        baseline_samples: recording.trials.first().map_or(0, |trial| trial.baseline),
        rate: recording.rate,
        channels: channels.collect(),
        targets: recording.trials.iter().map(|trial| trial.target.clone()).collect(),
        series_of: recording.trials.iter().map(|trial| (trial.trial, trial.predefined_test)).collect(),
        sketches: (0..recording.trials.len()).map(sketch).collect(),
    }
}

/// The trials that hold the same samples as others. Takes the sketches, which nobody needs any longer.
fn copies(subjects: &mut [SubjectInspection], grouping: &Grouping) -> Vec<TrialPair> {
    let (mut sketches, mut names) = (Vec::new(), Vec::new());
    for (subject, inspected) in subjects.iter_mut().enumerate() {
        sketches.append(&mut inspected.sketches);
        let name = |&(trial, predefined_test): &(u32, bool)| TrialName {
            subject: subject as u32,
            trial,
            predefined_test,
        };
        names.extend(inspected.series_of.iter().map(name));
    }
    let subjects: Vec<String> = subjects.iter().map(|inspected| inspected.subject.clone()).collect();
    let rows: Vec<u32> = sketches.iter().map(|sketch| sketch.rows as u32).collect();
    copies::copies(&Contents::of(&sketches), &rows, &names, &subjects, grouping)
}

/// The summary as text.
pub fn render(inspection: &Inspection) -> String {
    let mut lines = Vec::new();
    let trials: usize = inspection.subjects.iter().filter_map(|s| s.trials).sum();
    let series: usize = inspection.subjects.iter().map(|s| s.series).sum();
    let windows = if series == trials { String::new() } else { format!(", {series} windows") };
    lines.push(format!("{}{windows}", inspection.grouping.count(inspection.subjects.len(), trials)));
    lines.push(inspection.grouping.describe());
    lines.push(match default_kind(&inspection.grouping, inspection.subjects.len()) {
        Ok(kind) => format!("split by default: {}", kind.name()),
        Err(error) => format!("no split by default: {}", error.hint.unwrap_or(error.message)),
    });
    if let Some(first) = inspection.subjects.first() {
        lines.push(describe(first));
        lines.push(modalities(first));
    }

    lines.push(String::new());
    let classes = &inspection.classes;
    if classes.is_empty() {
        lines.push("no labels".into());
    } else {
        lines.push(format!(
            "classes ({}), in {}",
            inspection.label_rule,
            if series == trials { "trials" } else { "windows" }
        ));
        lines.extend(class_table(inspection));
    }

    if !inspection.ratings.is_empty() {
        lines.push(String::new());
        lines.push("ratings, trials per bin 1-2, 2-3, ... 8-9".into());
        for (name, bins) in super::deap::RATINGS.iter().zip(&inspection.ratings) {
            let most = bins.iter().max().copied().unwrap_or(1).max(1);
            let bars: String = bins.iter().map(|&n| BARS[(n * (BARS.len() - 1)).div_ceil(most)]).collect();
            let counts: String = bins.iter().map(|n| format!("{n:>6}")).collect();
            lines.push(format!("  {name:<10} {bars} {counts}"));
        }
    }

    if !inspection.copies.is_empty() {
        lines.push(String::new());
        lines.push(format!("copies: {} pairs of trials under two names", inspection.copies.len()));
        lines.extend(inspection.copies.iter().take(COPIES).map(|copy| format!("  {}", copy.describe())));
        if inspection.copies.len() > COPIES {
            lines.push(format!("  and {} more", inspection.copies.len() - COPIES));
        }
    }

    lines.push(String::new());
    let bad: Vec<String> = inspection.subjects.iter().flat_map(defects).collect();
    match bad.is_empty() {
        true => lines.push("no NaN, infinity or flat channel".into()),
        false => {
            lines.push("bad signals".into());
            lines.extend(bad.into_iter().map(|line| format!("  {line}")));
        }
    }
    lines.join("\n")
}

/// The most copies in a list.
const COPIES: usize = 8;

const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

fn describe(subject: &SubjectInspection) -> String {
    let [shortest, longest] = subject.samples;
    let samples = if shortest == longest { format!("{longest}") } else { format!("{shortest} to {longest}") };
    let rate = match subject.rate {
        Some(rate) => format!("{rate} Hz, {:.1} s", longest as f64 / rate),
        None => "rate unknown".into(),
    };
    let baseline = match subject.baseline_samples {
        0 => String::new(),
        n => format!(", the first {n} before the stimulus"),
    };
    let unit = if subject.trials == Some(subject.series) { "trial" } else { "window" };
    format!("{} channels, {samples} samples per {unit} ({rate}){baseline}", subject.channels.len())
}

/// One line per modality: its channels and the mean of their standard deviations.
fn modalities(subject: &SubjectInspection) -> String {
    let mut groups: Vec<(&str, Vec<&ChannelInspection>)> = Vec::new();
    for channel in &subject.channels {
        match groups.iter_mut().find(|(modality, _)| *modality == channel.modality) {
            Some((_, members)) => members.push(channel),
            None => groups.push((channel.modality, vec![channel])),
        }
    }
    let line = |(modality, members): (&str, Vec<&ChannelInspection>)| {
        let names: Vec<&str> = members.iter().map(|c| c.name.as_str()).collect();
        let deviation = members.iter().map(|c| c.deviation).sum::<f64>() / members.len() as f64;
        let deviation = significant(deviation);
        format!("  {modality:<6} {:>3}  deviation {deviation:<10} {}", members.len(), names.join(" "))
    };
    groups.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Lines with the classes of each subject, and of all of them where there are several.
fn class_table(inspection: &Inspection) -> Vec<String> {
    let classes = &inspection.classes;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let row = |name: &str, counts: &[usize], remark: &str| {
        let counts = counts.iter().map(usize::to_string);
        [name.to_string()].into_iter().chain(counts).chain([remark.to_string()]).collect::<Vec<_>>()
    };
    table.set_header(["subject"].into_iter().chain(classes.iter().map(String::as_str)).chain([""]));
    for (subject, counts) in inspection.subjects.iter().zip(&inspection.class_counts) {
        let one_class = counts.iter().filter(|&&n| n > 0).count() < 2;
        table.add_row(row(&subject.subject, counts, if one_class { "one class only" } else { "" }));
    }
    if inspection.subjects.len() > 1 {
        let total = |class: usize| inspection.class_counts.iter().map(|counts| counts[class]).sum();
        table.add_row(row("all", &(0..classes.len()).map(total).collect::<Vec<usize>>(), ""));
    }
    for column in table.column_iter_mut().skip(1).take(classes.len()) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.lines().map(|line| format!(" {}", line.trim_end())).collect()
}

/// A number with four significant digits.
fn significant(number: f64) -> String {
    const DIGITS: i32 = 4;
    if number == 0.0 || !number.is_finite() {
        return number.to_string();
    }
    let exponent = number.abs().log10().floor() as i32;
    match exponent {
        -3..6 => format!("{number:.*}", (DIGITS - 1 - exponent).max(0) as usize),
        _ => format!("{number:.*e}", DIGITS as usize - 1),
    }
}

fn defects(subject: &SubjectInspection) -> Vec<String> {
    let defect = |c: &ChannelInspection| {
        let not_finite = (c.not_finite > 0).then(|| format!("{} samples not finite", c.not_finite));
        let flat = (c.flat_trials > 0).then(|| format!("flat in {} trials", c.flat_trials));
        let what: Vec<String> = not_finite.into_iter().chain(flat).collect();
        (!what.is_empty()).then(|| format!("{} {}: {}", subject.subject, c.name, what.join(", ")))
    };
    subject.channels.iter().filter_map(defect).collect()
}

#[cfg(test)]
mod tests {
    use super::significant;

    #[test]
    fn numbers_keep_their_significant_digits_in_any_unit() {
        for (number, text) in [
            (12.345678, "12.35"),
            (1.2345678e-5, "1.235e-5"),
            (0.0012345, "0.001234"),
            (123456.7, "123457"),
            (2.5e9, "2.500e9"),
            (0.0, "0"),
        ] {
            assert_eq!(significant(number), text);
        }
    }
}
