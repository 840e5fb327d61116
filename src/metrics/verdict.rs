//! The verdict: whether the network is shown to do better than one can without reading a signal.
//!
//! The network is compared with each rule on the same trials, subject by subject. A rule may use the labels
//! of the training trials, never those of the test trials. Each subject counts alike. The network is better
//! only if it is better than every rule, so several rules need no correction (Berger, "Multiparameter
//! hypothesis testing and acceptance sampling", 1982).

mod words;

use super::auc;
use super::baseline::{Guess, Stimuli};
use super::interval::{DIFFERENCES, SCORES, discordant, jackknife, mean, of_mean, wilson};
use super::prediction::Prediction;
use super::units::{Rule, Subject, subjects};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The rules to beat: the most frequent class in training, of all and of the person.
const GLOBAL: &str = "global majority";
const OWN: &str = "subject majority";

/// The units that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Subjects, each with the mean over its trials.
    Subject,
    /// The trials of a single subject.
    Trial,
}

/// The conclusion about accuracy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// Every interval of a difference lies above 0.
    Better,
    /// Some interval does not.
    NotShown,
    /// The scores are evidence of nothing: the split leaks, or nobody knows which windows belong together.
    Void,
}

/// A rule that the network has to beat, and the difference between the two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// `global majority` or `subject majority`.
    pub name: String,
    /// The rule's accuracy, as a mean over the units.
    pub rule: f64,
    /// The accuracy to beat: that of the rule, and at least that of guessing.
    pub accuracy: f64,
    /// The network's accuracy minus that, as a mean over the units.
    pub difference: f64,
    /// The 95 % interval of the difference: [`of_mean`] over subjects; over trials [`discordant`], and
    /// against guessing that of [`wilson`].
    pub interval: [f64; 2],
}

/// A rule that needs labels which nobody has beforehand. It is no bar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// `subject oracle` or `stimulus majority`.
    pub name: String,
    /// The rule's accuracy, as a mean over the units.
    pub accuracy: f64,
}

/// A score beside its chance level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AboveChance {
    /// The number of units with the score: subjects with trials of all needed classes.
    pub units: usize,
    /// The score, as a mean over the units.
    pub score: f64,
    /// Its 95 % interval; `None` for the AUC of one subject, and if only one of several subjects has the
    /// score.
    pub interval: Option<[f64; 2]>,
    /// The score of guessing.
    pub chance: f64,
    /// Whether the interval lies above chance.
    pub above: bool,
}

/// The verdict on a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The units.
    pub unit: Unit,
    /// Their number.
    pub units: usize,
    /// The number of stimuli, if the intervals count them as well: the subjects share them, and the test asks
    /// about new ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stimuli: Option<usize>,
    /// The number of folds. The training parts of several folds overlap.
    pub folds: usize,
    /// Whether the data say whose trials they are.
    pub people_are_known: bool,
    /// The network's accuracy, as a mean over the units.
    pub accuracy: f64,
    /// The conclusion about accuracy.
    pub conclusion: Conclusion,
    /// The rules to beat.
    pub bars: Vec<Bar>,
    /// Other rules, for context.
    pub context: Vec<Context>,
    /// Balanced accuracy; its chance level is the mean of 1/K over the subjects, each with trials of K
    /// classes. Subjects with one class are left out.
    pub balanced_accuracy: Option<AboveChance>,
    /// The area under the ROC curve, over the subjects that have trials of all classes.
    pub auc: Option<AboveChance>,
    /// The verdict in words, a paragraph for each idea.
    pub text: Vec<String>,
    /// The permutation test in words, which `text` repeats; empty without one.
    #[serde(skip)]
    permutation: Vec<String>,
}

impl Verdict {
    /// Compares the network's predictions of trials with the guesses for the same trials.
    pub(super) fn of(trials: &[Prediction], guesses: &[Guess], classes: usize) -> Verdict {
        let subjects = &subjects(trials, guesses, |_| true)[..];
        let present = trials.iter().map(|p| p.label).collect::<BTreeSet<_>>().len();
        let guessing = 1.0 / present as f64;
        let single = subjects.len() == 1;
        let mut bars = vec![Bar::of(GLOBAL, subjects, guessing)];
        if guesses.iter().any(|g| g.own.is_some()) {
            bars.push(Bar::of(OWN, subjects, guessing));
        }
        let context = |name: &str, rule: Rule| Context {
            name: name.into(),
            accuracy: average(subjects, |s| s.accuracy_of(rule)),
        };
        let mut others = vec![context("subject oracle", |g| g.oracle)];
        if guesses.iter().any(|g| g.stimulus.is_some()) {
            others.push(context("stimulus majority", |g| g.stimulus.unwrap_or(g.global)));
        }
        let better = bars.iter().all(|bar| bar.interval[0] > 0.0);
        let mut verdict = Verdict {
            unit: if single { Unit::Trial } else { Unit::Subject },
            units: if single { subjects[0].trials() } else { subjects.len() },
            stimuli: None,
            folds: trials.iter().map(|p| p.fold).collect::<BTreeSet<_>>().len(),
            people_are_known: true,
            accuracy: average(subjects, |s| s.accuracy()),
            conclusion: if better { Conclusion::Better } else { Conclusion::NotShown },
            bars,
            context: others,
            balanced_accuracy: AboveChance::balanced(subjects, classes),
            auc: AboveChance::auc(subjects),
            text: Vec::new(),
            permutation: Vec::new(),
        };
        verdict.text = verdict.paragraphs();
        verdict
    }

    /// The verdict of a split that keeps stimuli apart, from the one over subjects. All subjects share the
    /// stimuli, so their scores are not independent: a stimulus that is easy for one is easy for the others.
    /// An interval gets the width of that over subjects and of the jackknife's over stimuli, which is
    /// somewhat too wide (Owen, "The pigeonhole bootstrap", 2007; the widths are added as by Zou and Donner,
    /// 2008).
    pub(super) fn over_stimuli(
        mut self,
        trials: &[Prediction],
        guesses: &[Guess],
        classes: usize,
        stimuli: &Stimuli,
    ) -> Verdict {
        let stimulus = |p: &Prediction| stimuli.get(&(p.subject, p.trial)).copied();
        let all: BTreeSet<Option<u32>> = trials.iter().map(stimulus).collect();
        if self.unit == Unit::Trial && all.len() == self.units {
            // The trials are the stimuli.
            return self;
        }
        let without = |out: &Option<u32>| subjects(trials, guesses, |p| stimulus(p) != *out);
        let rest: Vec<Vec<Subject>> = all.iter().filter(|_| all.len() > 1).map(without).collect();
        // Half the width over stimuli.
        let half = |score: &dyn Fn(&[Subject]) -> Option<f64>| {
            rest.iter()
                .map(|subjects| score(subjects))
                .collect::<Option<Vec<f64>>>()
                .and_then(|all| jackknife(&all))
        };
        for bar in &mut self.bars {
            let width = half(&|subjects| Some(bar.difference_of(subjects))).unwrap_or(f64::INFINITY);
            bar.interval = widened(bar.difference, bar.interval, width, DIFFERENCES);
        }
        let both = |score: Option<AboveChance>, half: Option<f64>| {
            let score = score?;
            let interval = score.interval.zip(half);
            let interval = interval.map(|(own, half)| widened(score.score, own, half, SCORES));
            let above = interval.is_some_and(|[low, _]| low > score.chance);
            Some(AboveChance { interval, above, ..score })
        };
        let balanced = half(&|subjects| Some(AboveChance::balanced(subjects, classes)?.score));
        self.balanced_accuracy = both(self.balanced_accuracy, balanced);
        self.auc = both(self.auc, half(&|subjects| Some(AboveChance::auc(subjects)?.score)));
        self.stimuli = Some(all.len());
        let better = self.bars.iter().all(|bar| bar.interval[0] > 0.0);
        self.conclusion = if better { Conclusion::Better } else { Conclusion::NotShown };
        self.text = self.paragraphs();
        self
    }

    /// The verdict with a permutation test, given in words.
    pub fn with_permutation(mut self, text: &[String]) -> Self {
        self.permutation = text.to_vec();
        match self.conclusion {
            Conclusion::Void => self.text.extend_from_slice(text),
            _ => self.text = self.paragraphs(),
        }
        self
    }

    /// The verdict on the same scores where the split leaks.
    pub fn of_leak(self) -> Self {
        self.void("These scores are evidence of nothing: the split leaks, and no baseline makes up for that.")
    }

    /// The verdict on the same scores where nobody knows which windows were cut from one series.
    pub fn of_unknown_trials(self) -> Self {
        match self.unit {
            Unit::Subject => self,
            Unit::Trial => self.void(
                "Nothing can be concluded: nobody knows which windows were cut from one series, and such windows are not \
                 independent.",
            ),
        }
    }

    /// The verdict on the same scores where nobody knows whose trials they are.
    pub fn of_unknown_people(mut self) -> Self {
        self.people_are_known = false;
        // All windows count as one person's, whose majority says nothing of any person.
        self.bars.retain(|bar| bar.name != OWN);
        self.context.retain(|rule| rule.name != "subject oracle");
        self.text = self.paragraphs();
        self
    }

    /// The accuracy to beat: that of the best rule without signals. `None` if the scores are evidence of
    /// nothing.
    pub fn chance(&self) -> Option<f64> {
        let bars = self.bars.iter().filter(|_| self.conclusion != Conclusion::Void);
        bars.map(|bar| bar.accuracy).max_by(f64::total_cmp)
    }

    /// The accuracy of always answering with the most frequent class of the training part, as a mean over the
    /// units.
    pub fn majority(&self) -> Option<f64> {
        self.bars.first().map(|bar| bar.rule)
    }

    fn void(mut self, why: &str) -> Self {
        self.conclusion = Conclusion::Void;
        self.text = vec![why.into()];
        for score in [&mut self.balanced_accuracy, &mut self.auc].into_iter().flatten() {
            (score.interval, score.above) = (None, false);
        }
        self
    }
}

impl Bar {
    fn of(name: &str, subjects: &[Subject], guessing: f64) -> Bar {
        let rule = Bar::rule(name);
        let own = average(subjects, |s| s.accuracy_of(rule));
        // Equal but for rounding is not below.
        let floored = own < guessing - 1e-12;
        let differences: Vec<f64> = subjects
            .iter()
            .map(|s| s.accuracy() - if floored { guessing } else { s.accuracy_of(rule) })
            .collect();
        let trials: usize = subjects.iter().map(Subject::trials).sum();
        let interval = match subjects {
            [one] if floored => {
                wilson(one.accuracy(), trials).map(|interval| interval.map(|end| end - guessing))
            }
            [one] => {
                let [network, rule] = one.discordant(rule);
                discordant(network, rule, trials)
            }
            _ => of_mean(&differences, DIFFERENCES, trials as u64, 1.0),
        };
        Bar {
            name: name.into(),
            rule: own,
            accuracy: if floored { guessing } else { own },
            difference: mean(&differences).expect("there are subjects"),
            interval: interval.expect("a subject has trials"),
        }
    }

    fn rule(name: &str) -> Rule {
        match name {
            GLOBAL => |g| g.global,
            _ => |g| g.own.unwrap_or(g.global),
        }
    }

    /// The network's accuracy minus that to beat, among some of the trials.
    fn difference_of(&self, subjects: &[Subject]) -> f64 {
        let (rule, guessing) = (Bar::rule(&self.name), self.is_guessing().then_some(self.accuracy));
        average(subjects, |s| s.accuracy() - guessing.unwrap_or_else(|| s.accuracy_of(rule)))
    }

    /// Whether the rule scores less than guessing, so that guessing is to be beaten.
    pub fn is_guessing(&self) -> bool {
        self.rule < self.accuracy
    }

    /// The name of the rule to beat.
    pub fn shown_name(&self) -> &str {
        if self.is_guessing() { "guessing" } else { &self.name }
    }
}

impl AboveChance {
    fn of(scores: &[f64], interval: Option<[f64; 2]>, chance: f64) -> Option<Self> {
        let above = interval.is_some_and(|[low, _]| low > chance);
        Some(AboveChance { units: scores.len(), score: mean(scores)?, interval, chance, above })
    }

    fn balanced(subjects: &[Subject], classes: usize) -> Option<Self> {
        let (mut scores, mut chances, mut trials) = (Vec::new(), Vec::new(), 0);
        let mut of_one = None;
        for subject in subjects {
            let confusion = subject.confusion(classes);
            let recalls: Vec<(f64, u64)> = confusion
                .per_class()
                .iter()
                .filter(|class| class.support > 0)
                .map(|class| (class.recall, class.support))
                .collect();
            if let (true, Some(score)) = (recalls.len() > 1, confusion.balanced_accuracy()) {
                scores.push(score);
                chances.push(1.0 / recalls.len() as f64);
                trials += subject.trials();
                let repeats = confusion.n() as f64 / subject.trials() as f64;
                of_one = mean_of_proportions(score, &recalls, repeats);
            }
        }
        let interval = match subjects {
            [_] => of_one,
            _ => of_mean(&scores, SCORES, trials as u64, 1.0),
        };
        AboveChance::of(&scores, interval, mean(&chances)?)
    }

    fn auc(subjects: &[Subject]) -> Option<Self> {
        let area = |s: &Subject| Some((auc::multiclass(&s.predictions())?, s.trials()));
        let (scores, trials): (Vec<f64>, Vec<usize>) = subjects.iter().filter_map(area).unzip();
        AboveChance::of(&scores, of_mean(&scores, SCORES, trials.iter().sum::<usize>() as u64, 1.0), 0.5)
    }
}

/// The 95 % interval of the mean of independent proportions, each with its number of samples, from their
/// Wilson intervals (Zou and Donner, "Construction of confidence limits about effect measures: a general
/// approach", 2008). Each trial has `repeats` samples.
fn mean_of_proportions(mean: f64, proportions: &[(f64, u64)], repeats: f64) -> Option<[f64; 2]> {
    let mut squares = [0.0, 0.0];
    for &(p, samples) in proportions {
        let [low, high] = wilson(p, (samples as f64 / repeats).ceil() as usize)?;
        squares[0] += (p - low).powi(2);
        squares[1] += (high - p).powi(2);
    }
    let [below, above] = squares.map(|sum| sum.sqrt() / proportions.len() as f64);
    Some([(mean - below).max(0.0), (mean + above).min(1.0)])
}

fn average(subjects: &[Subject], value: impl Fn(&Subject) -> f64) -> f64 {
    mean(&subjects.iter().map(value).collect::<Vec<f64>>()).expect("there are subjects")
}

/// An interval with another part of the uncertainty, which adds `half` to each side as independent parts add.
fn widened(center: f64, interval: [f64; 2], half: f64, range: [f64; 2]) -> [f64; 2] {
    let [below, above] = [center - interval[0], interval[1] - center].map(|own| own.hypot(half));
    [(center - below).max(range[0]), (center + above).min(range[1])]
}
