//! The permutation test of a run: how often the whole training scores as high under permuted labels.
//!
//! The test is of Ojala and Garriga ("Permutation tests for studying classifier performance", 2010), their
//! test 1, and the p value of Phipson and Smyth ("Permutation p-values should never be zero", 2010).

use super::verdict::Verdict;
use serde::{Deserialize, Serialize};

/// The numbers of a verdict that are tested.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// The accuracy of trials, as a mean over subjects.
    pub accuracy: f64,
    /// The balanced accuracy, as a mean over the subjects with several classes.
    pub balanced_accuracy: Option<f64>,
    /// The AUC, as a mean over the subjects with all classes.
    pub auc: Option<f64>,
}

impl Statistics {
    /// Those that a verdict looks at.
    pub fn of(verdict: &Verdict) -> Self {
        Statistics {
            accuracy: verdict.accuracy,
            balanced_accuracy: verdict.balanced_accuracy.as_ref().map(|balanced| balanced.score),
            auc: verdict.auc.as_ref().map(|auc| auc.score),
        }
    }
}

/// A permutation test, as scores.json holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PermutationTest {
    /// The number of permutations.
    pub n: usize,
    /// Their seed.
    pub seed: u64,
    /// The units whose labels changed places, in words.
    pub exchangeable: String,
    /// The test of each statistic that the run has.
    pub statistics: Vec<StatisticTest>,
    /// The test in words, a paragraph for each idea.
    pub text: Vec<String>,
}

/// A statistic of the run beside those of all permutations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatisticTest {
    /// `accuracy`, `balanced accuracy` or `AUC`.
    pub name: String,
    /// The run's own.
    pub observed: f64,
    /// The p value, see [`p_value`].
    pub p: f64,
    /// The number of permutations that reach the run's own.
    pub reached: usize,
    /// The mean over the permutations.
    pub null_mean: Option<f64>,
    /// The standard deviation over the permutations, with the divisor n - 1.
    pub null_sd: Option<f64>,
    /// One for each permutation; `None` where it is undefined.
    pub null: Vec<Option<f64>>,
}

/// Scores that are equal but for rounding are ties.
const ROUNDING: f64 = 1e-9;

/// The number of permutations whose statistic is at least the observed one. One without the statistic counts,
/// so that p errs upwards.
pub fn reached(observed: f64, null: &[Option<f64>]) -> usize {
    null.iter().filter(|value| value.is_none_or(|value| value >= observed - ROUNDING)).count()
}

/// p = (b + 1)/(N + 1), where b of N permutations reach the observed statistic. The run itself counts as one
/// of N + 1 equally likely orders of the labels, so p is never 0 and the test is exact.
pub fn p_value(observed: f64, null: &[Option<f64>]) -> f64 {
    (reached(observed, null) + 1) as f64 / (null.len() + 1) as f64
}

impl PermutationTest {
    /// Tests the statistics of a run against those of its permutations. `exchangeable` names the units in
    /// words; `leaky` says whether the split leaks.
    pub fn of(verdict: &Verdict, null: &[Statistics], seed: u64, exchangeable: &str, leaky: bool) -> Self {
        let observed = Statistics::of(verdict);
        let test = |name: &str, value: fn(&Statistics) -> Option<f64>| {
            Some(StatisticTest::of(name, value(&observed)?, null.iter().map(value).collect()))
        };
        let statistics = [
            test("accuracy", |s| Some(s.accuracy)),
            test("balanced accuracy", |s| s.balanced_accuracy),
            test("AUC", |s| s.auc),
        ];
        let mut test = PermutationTest {
            n: null.len(),
            seed,
            exchangeable: exchangeable.into(),
            statistics: statistics.into_iter().flatten().collect(),
            text: Vec::new(),
        };
        test.text = test.paragraphs(leaky.then(|| test.about_leak(verdict)));
        test
    }

    fn paragraphs(&self, leak: Option<String>) -> Vec<String> {
        let p = |t: &StatisticTest| format!("{} for {}", t.shown_p(), t.name);
        let all: Vec<String> = self.statistics.iter().map(p).collect();
        let trainings = if self.n == 1 { "training" } else { "trainings" };
        let mut first = format!(
            "By permutation, {} {trainings} on permuted labels: p = {} ({}). If the signals said nothing about the labels, a run \
             would score as high with this probability. This p is exact, although the folds share training data.",
            self.n,
            all.join(", "),
            self.exchangeable
        );
        let Some(accuracy) = self.statistics.first() else { return vec![first] };
        if let Some(mean) = accuracy.null_mean {
            first += &format!(
                " On permuted labels the accuracy is {mean:.3} on average, and {} of {} reach the {:.3} of this run.",
                accuracy.reached, self.n, accuracy.observed
            );
        }
        let smallest = digits(1.0 / (self.n + 1) as f64, self.n);
        first += &match accuracy.reached {
            _ if self.n < 19 => format!(" So few permutations can show nothing: p is at least {smallest}."),
            0 => format!(
                " So chance hardly explains the accuracy; {smallest} is the smallest p of {} permutations.",
                self.n
            ),
            _ if accuracy.p <= 0.05 => " So chance hardly explains the accuracy.".into(),
            _ => " So chance can explain the accuracy.".into(),
        };
        std::iter::once(first).chain(leak).collect()
    }

    /// A leak needs no emotion: it raises the scores of permuted labels, too.
    fn about_leak(&self, verdict: &Verdict) -> String {
        let balanced = self.statistics.iter().find(|tested| tested.name == "balanced accuracy");
        let chance = verdict.balanced_accuracy.as_ref().map(|balanced| balanced.chance);
        let score = balanced.and_then(|tested| tested.null_mean).zip(chance);
        let start =
            "Each permutation leaks as the run does, so a small p makes no score of this split believable.";
        match score {
            Some((mean, chance)) if mean > chance + 0.05 => format!(
                "{start} Here is the leak: on permuted labels, which say nothing about emotion, the balanced accuracy is \
                 {mean:.3} on average, and guessing gives {chance:.3}."
            ),
            _ => format!("{start} A leak shows as scores of permuted labels that lie far above chance."),
        }
    }
}

/// A p value with as many digits as `n` permutations can tell apart, and at least three.
fn digits(p: f64, n: usize) -> String {
    let digits = ((n + 1) as f64).log10().ceil().max(3.0) as usize;
    format!("{p:.digits$}")
}

impl StatisticTest {
    fn of(name: &str, observed: f64, null: Vec<Option<f64>>) -> Self {
        let values: Vec<f64> = null.iter().copied().flatten().collect();
        StatisticTest {
            name: name.into(),
            observed,
            p: p_value(observed, &null),
            reached: reached(observed, &null),
            null_mean: super::interval::mean(&values),
            null_sd: super::interval::variance(&values).map(f64::sqrt),
            null,
        }
    }

    /// The p value as text.
    pub fn shown_p(&self) -> String {
        digits(self.p, self.null.len())
    }

    /// The highest of the permutations; `None` if none has the statistic.
    pub fn highest(&self) -> Option<f64> {
        self.null.iter().copied().flatten().reduce(f64::max)
    }
}
