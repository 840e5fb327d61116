//! The study's figures beside ours.

use super::{Done, Protocol, Settings};
use crate::config::{Preset, Published};
use crate::data::split::Scope;
use crate::metrics::Summary;
use serde::Serialize;

/// All networks under all protocols; `comparison.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Version of the program.
    pub engine: &'static str,
    /// The device.
    pub device: String,
    /// The recordings, as the user named them.
    pub data: String,
    /// Passes over the training part.
    pub epochs: usize,
    /// A row for each network.
    pub rows: Vec<Row>,
}

/// One network.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The network.
    pub preset: Preset,
    /// Trainable parameters.
    pub parameters: usize,
    /// The study's own figures.
    pub published: Published,
    /// By protocol, in their order.
    pub figures: Vec<Figure>,
}

/// One network under one protocol.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// The protocol.
    pub protocol: Protocol,
    /// Folds that were trained.
    pub folds: usize,
    /// The scope of the scores.
    pub scope: Scope,
    /// Of windows, as the study counts.
    pub accuracy: Option<f64>,
    /// Macro F1 of windows.
    pub macro_f1: Option<f64>,
    /// Of windows, by subject: mean over subjects with its 95 % interval.
    pub by_subject: Summary,
    /// Of trials, the mean of their windows' probabilities.
    pub trial_accuracy: Option<f64>,
    /// Balanced accuracy of trials.
    pub trial_balanced_accuracy: Option<f64>,
    /// Share of trials of the most frequent training class: the score of a guess without signals.
    pub majority: Option<f64>,
    /// Likewise of the subject's own most frequent class.
    pub subject_majority: Option<f64>,
    /// Of one epoch of all folds.
    pub epoch_seconds: Option<f64>,
}

impl From<&Done> for Figure {
    fn from(done: &Done) -> Self {
        let (window, trial) = (&done.scores.window, &done.scores.trial);
        Figure {
            protocol: done.protocol,
            folds: done.folds,
            scope: done.scope.clone(),
            accuracy: window.overall.accuracy,
            macro_f1: window.overall.macro_average.as_ref().map(|average| average.f1),
            by_subject: window.by_subject.accuracy.clone(),
            trial_accuracy: trial.overall.accuracy,
            trial_balanced_accuracy: trial.overall.balanced_accuracy,
            majority: done.scores.baselines.global.scores.accuracy,
            subject_majority: done.scores.baselines.subject.scores.accuracy,
            epoch_seconds: done.epoch_seconds,
        }
    }
}

impl Row {
    /// The figure under a protocol, if it was trained.
    pub fn figure(&self, protocol: Protocol) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.protocol == protocol)
    }

    /// The one to believe.
    pub fn honest(&self) -> Option<&Figure> {
        self.figure(Protocol::NewPeople).or(self.figure(Protocol::NewTrials))
    }
}

impl Comparison {
    /// From the jobs' outcomes, those of one network together.
    pub fn of(settings: &Settings, device: String, done: &[Done]) -> Self {
        let row = |&preset: &Preset| {
            let own: Vec<&Done> = done.iter().filter(|done| done.preset == preset).collect();
            Row {
                preset,
                parameters: own.first().map_or(0, |done| done.parameters),
                published: preset.published(),
                figures: own.into_iter().map(Figure::from).collect(),
            }
        };
        Comparison {
            engine: env!("CARGO_PKG_VERSION"),
            device,
            data: settings.data.display().to_string(),
            epochs: settings.epochs,
            rows: settings.presets.iter().map(row).collect(),
        }
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = format!(
            "accuracy of windows, four quadrants; mean over subjects with its 95 % interval below\n\
             {:<18} {:>10} {:>18} {:>18} {:>18} {:>9} {:>8}\n",
            "network", "published", "original (leaks)", "new trials", "new people", "majority", "s/epoch"
        );
        for row in &self.rows {
            let each = |value: &dyn Fn(&Figure) -> String| {
                Protocol::ALL.map(|protocol| row.figure(protocol).map_or(String::new(), value))
            };
            let [original, trials, people] = each(&|figure| share(figure.accuracy));
            text.push_str(&format!(
                "{:<18} {:>10} {original:>18} {trials:>18} {people:>18} {:>9} {:>8}\n",
                row.preset.name(),
                share(Some(row.published.accuracy)),
                share(row.honest().and_then(|figure| figure.majority)),
                row.figure(Protocol::Original)
                    .and_then(|figure| figure.epoch_seconds)
                    .map_or(String::new(), |seconds| format!("{seconds:.1}")),
            ));
            let [original, trials, people] = each(&|figure| interval(&figure.by_subject));
            text.push_str(&format!("{:<18} {:>10} {original:>18} {trials:>18} {people:>18}\n", "", ""));
        }
        text.push('\n');
        text.push_str(&STATEMENT.replace(". ", ".\n"));
        text
    }
}

/// How far each column can be trusted.
pub const STATEMENT: &str = "Original is the study's protocol: its test windows come from the trials that the network was trained on, so that who \
     recognizes the trial needs no emotion. New trials and new people are the same network, trained alike, tested on trials and on \
     people that it never saw; what these people watched, it knows from others. Majority is what the most frequent class scores without a signal.";

pub(super) fn share(value: Option<f64>) -> String {
    value.map_or("-".into(), |value| format!("{value:.3}").replacen("0.", ".", 1))
}

pub(super) fn interval(summary: &Summary) -> String {
    match (summary.mean, summary.interval) {
        (Some(mean), Some([low, high])) => {
            format!("{} [{}, {}]", share(Some(mean)), share(Some(low)), share(Some(high)))
        }
        (mean, _) => share(mean),
    }
}
