//! What is in a data set, before anything is made of it.

use super::labels::Labels;
use super::recording::{Recording, Target};
use super::source::Source;
use crate::error::Result;
use crate::progress::Progress;
use serde::Serialize;

/// One subject's recording.
#[derive(Clone, Debug, Serialize)]
pub struct SubjectInspection {
    pub subject: String,
    pub trials: usize,
    /// Shortest and longest trial, in samples per channel.
    pub samples: [usize; 2],
    pub baseline_samples: usize,
    pub rate: Option<f64>,
    pub channels: Vec<ChannelInspection>,
    #[serde(skip)]
    targets: Vec<Target>,
}

/// One channel over all trials of a subject.
#[derive(Clone, Debug, Serialize)]
pub struct ChannelInspection {
    pub name: String,
    pub modality: &'static str,
    /// Samples that are not finite.
    pub not_finite: usize,
    /// Trials in which the channel never moves.
    pub flat_trials: usize,
    /// Mean and standard deviation of the finite samples, in the file's unit.
    pub mean: f64,
    pub deviation: f64,
}

/// A whole data set.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    pub subjects: Vec<SubjectInspection>,
    /// Class names of data that have classes.
    pub own_classes: Vec<String>,
    /// Trials per bin of width 1 from 1 to 9, for valence, arousal, dominance and liking; empty without ratings.
    pub ratings: Vec<[usize; 8]>,
}

impl Inspection {
    /// Reads everything that `source` holds.
    pub fn of(source: &Source, progress: &dyn Progress) -> Result<Self> {
        let (subjects, own_classes) = source.read(progress, |recording| Ok(inspect(&recording)))?;
        let ratings: Vec<[f32; 4]> = subjects
            .iter()
            .flat_map(|s| &s.targets)
            .filter_map(|target| match target {
                Target::Ratings(ratings) => Some(*ratings),
                _ => None,
            })
            .collect();
        let histogram = |which: usize| {
            let mut bins = [0; 8];
            ratings.iter().for_each(|r| bins[(r[which] as usize).clamp(1, 8) - 1] += 1);
            bins
        };
        let ratings = if ratings.is_empty() { Vec::new() } else { (0..4).map(histogram).collect() };
        Ok(Inspection { subjects, own_classes, ratings })
    }
}

fn inspect(recording: &Recording) -> SubjectInspection {
    let lengths = || recording.trials.iter().map(|trial| trial.length);
    let channels = recording.channels.iter().enumerate().map(|(c, channel)| {
        let (mut not_finite, mut flat_trials, mut count, mut sum, mut squares) = (0, 0, 0usize, 0.0, 0.0);
        for index in 0..recording.trials.len() {
            let samples = recording.signal(index).row(c).to_vec();
            flat_trials += usize::from(samples.iter().all(|&x| x == samples[0]));
            for x in samples.into_iter().map(f64::from) {
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
    SubjectInspection {
        subject: recording.subject.clone(),
        trials: recording.trials.len(),
        samples: [lengths().min().unwrap_or(0), lengths().max().unwrap_or(0)],
        baseline_samples: recording.trials.first().map_or(0, |trial| trial.baseline),
        rate: recording.rate,
        channels: channels.collect(),
        targets: recording.trials.iter().map(|trial| trial.target.clone()).collect(),
    }
}

/// The inspection for people, with class counts under `labels`.
pub fn render(inspection: &Inspection, labels: &Labels) -> Result<String> {
    let mut lines = Vec::new();
    let trials: usize = inspection.subjects.iter().map(|s| s.trials).sum();
    lines.push(format!("{} subjects, {trials} trials", inspection.subjects.len()));
    if let Some(first) = inspection.subjects.first() {
        lines.push(describe(first));
        lines.push(modalities(first));
    }

    lines.push(String::new());
    let classes = labels.classes(&inspection.own_classes);
    if classes.is_empty() {
        lines.push("no labels".into());
    } else {
        lines.push(format!("classes ({}), in trials", labels.describe()));
        lines.push(format!(
            "  {:<10}{}",
            "subject",
            classes.iter().map(|c| format!("{c:>10}")).collect::<String>()
        ));
        let mut total = vec![0usize; classes.len()];
        for subject in &inspection.subjects {
            let mut counts = vec![0usize; classes.len()];
            for target in &subject.targets {
                if let Some(class) = labels.class(target)? {
                    counts[class as usize] += 1;
                    total[class as usize] += 1;
                }
            }
            let one_class = counts.iter().filter(|&&n| n > 0).count() < 2;
            let remark = if one_class { "   one class only" } else { "" };
            lines.push(row(&subject.subject, &counts, remark));
        }
        lines.push(row("all", &total, ""));
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

    lines.push(String::new());
    let bad: Vec<String> = inspection.subjects.iter().flat_map(defects).collect();
    match bad.is_empty() {
        true => lines.push("no NaN, infinity or flat channel".into()),
        false => {
            lines.push("bad signals".into());
            lines.extend(bad.into_iter().map(|line| format!("  {line}")));
        }
    }
    Ok(lines.join("\n"))
}

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
    format!("{} channels, {samples} samples per trial ({rate}){baseline}", subject.channels.len())
}

/// Channels by modality, in order, with the spread of their signals.
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
        format!("  {modality:<6} {:>3}  deviation {deviation:<10.4} {}", members.len(), names.join(" "))
    };
    groups.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

fn row(name: &str, counts: &[usize], remark: &str) -> String {
    format!("  {name:<10}{}{remark}", counts.iter().map(|n| format!("{n:>10}")).collect::<String>())
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
