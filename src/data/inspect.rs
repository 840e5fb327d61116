//! A summary of the recordings of a data set: sizes, labels and bad signals.

#[cfg(feature = "cli")]
mod text;

#[cfg(feature = "cli")]
pub use text::render;

use super::contents::{Contents, Sketch};
use super::copies::{self, TrialName, TrialPair};
use super::grouping::Grouping;
use super::labels::Labels;
use super::recording::{Recording, Target};
use super::source::{Facts, Source};
use crate::error::Result;
use crate::progress::Progress;
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
