//! The confusion matrix and every score that is a function of it, with scikit-learn's definitions.

use super::prediction::Prediction;
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;

/// Counts of (actual, predicted): one row per actual class, one column per predicted class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Confusion {
    counts: Vec<Vec<u64>>,
}

/// One class against all others. A quotient with nothing below the line is 0 (scikit-learn's `zero_division=0`);
/// `support` and `predicted` tell such a 0 from an earned one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    /// How often the class is true.
    pub support: u64,
    /// How often the class is predicted.
    pub predicted: u64,
}

/// Precision, recall and F1 averaged over classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Average {
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
}

/// Every score of a matrix that is one number, or one for each average; `None` where it is undefined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overall {
    /// How many answers were scored.
    pub n: u64,
    pub accuracy: Option<f64>,
    pub balanced_accuracy: Option<f64>,
    #[serde(rename = "macro")]
    pub macro_average: Option<Average>,
    #[serde(rename = "weighted")]
    pub weighted_average: Option<Average>,
    pub kappa: Option<f64>,
    pub mcc: Option<f64>,
}

impl Confusion {
    /// No answers yet.
    pub fn new(classes: usize) -> Self {
        Confusion { counts: vec![vec![0; classes]; classes] }
    }

    /// The most probable class of each prediction against its label. Panics if either is not below `classes`.
    pub fn of<P: Borrow<Prediction>>(predictions: &[P], classes: usize) -> Self {
        let mut confusion = Confusion::new(classes);
        for prediction in predictions.iter().map(P::borrow) {
            confusion.add(prediction.label, prediction.argmax());
        }
        confusion
    }

    /// Counts one answer. Panics if either class is not below the number of classes.
    pub fn add(&mut self, actual: u32, predicted: u32) {
        self.counts[actual as usize][predicted as usize] += 1;
    }

    /// Counts all answers of `other` too. Panics if the numbers of classes differ.
    pub fn merge(&mut self, other: &Confusion) {
        assert_eq!(self.classes(), other.classes(), "matrices of different classes cannot be merged");
        for (count, more) in self.counts.iter_mut().flatten().zip(other.counts.iter().flatten()) {
            *count += more;
        }
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.counts.len()
    }

    /// (K, K): rows actual, columns predicted.
    pub fn counts(&self) -> &[Vec<u64>] {
        &self.counts
    }

    /// The number of answers.
    pub fn n(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// How often `class` is true.
    pub fn support(&self, class: usize) -> u64 {
        self.counts[class].iter().sum()
    }

    /// How often `class` is predicted.
    pub fn predicted(&self, class: usize) -> u64 {
        self.counts.iter().map(|row| row[class]).sum()
    }

    /// The share of right answers.
    pub fn accuracy(&self) -> Option<f64> {
        quotient(self.hits(), self.n())
    }

    /// The share of the most frequent actual class: what the best constant answer scores.
    pub fn majority(&self) -> Option<f64> {
        quotient((0..self.classes()).map(|k| self.support(k)).max()?, self.n())
    }

    /// The mean recall over the classes that occur in truth.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        average(&self.per_class(), |class| f64::from(class.support > 0)).map(|mean| mean.recall)
    }

    /// Each class against all others.
    pub fn per_class(&self) -> Vec<ClassScores> {
        let score = |k: usize| {
            let (hits, support, predicted) = (self.counts[k][k], self.support(k), self.predicted(k));
            let or_zero = |above, below| quotient(above, below).unwrap_or(0.0);
            ClassScores {
                precision: or_zero(hits, predicted),
                recall: or_zero(hits, support),
                f1: or_zero(2 * hits, support + predicted),
                support,
                predicted,
            }
        };
        (0..self.classes()).map(score).collect()
    }

    /// The plain mean over classes. As in scikit-learn, a class that is neither true nor predicted is left out.
    pub fn macro_average(&self) -> Option<Average> {
        average(&self.per_class(), |class| f64::from(class.support + class.predicted > 0))
    }

    /// The mean over classes weighted by how often each is true.
    pub fn weighted_average(&self) -> Option<Average> {
        average(&self.per_class(), |class| class.support as f64)
    }

    /// Cohen's kappa: agreement beyond chance (Cohen, "A coefficient of agreement for nominal scales", 1960).
    /// Undefined where truth and predictions are one and the same class throughout.
    pub fn kappa(&self) -> Option<f64> {
        let n = self.n();
        let chance = self.sum(|c, k| c.support(k) * c.predicted(k));
        Some(1.0 - quotient(n * (n - self.hits()), n * n - chance)?)
    }

    /// Matthews' correlation coefficient for any number of classes, R_K (Gorodkin, "Comparing two K-category
    /// assignments by a K-category correlation coefficient", 2004). As in scikit-learn it is 0 where truth or
    /// predictions are one class throughout; undefined only without answers.
    pub fn mcc(&self) -> Option<f64> {
        let n = self.n() as f64;
        let covariance = self.hits() as f64 * n - self.sum(|c, k| c.support(k) * c.predicted(k)) as f64;
        let actual = n * n - self.sum(|c, k| c.support(k).pow(2)) as f64;
        let predicted = n * n - self.sum(|c, k| c.predicted(k).pow(2)) as f64;
        let constant = actual * predicted == 0.0;
        (n > 0.0).then(|| if constant { 0.0 } else { covariance / (actual * predicted).sqrt() })
    }

    /// All of the above but the classes apart.
    pub fn overall(&self) -> Overall {
        Overall {
            n: self.n(),
            accuracy: self.accuracy(),
            balanced_accuracy: self.balanced_accuracy(),
            macro_average: self.macro_average(),
            weighted_average: self.weighted_average(),
            kappa: self.kappa(),
            mcc: self.mcc(),
        }
    }

    fn hits(&self) -> u64 {
        self.sum(|c, k| c.counts[k][k])
    }

    fn sum(&self, term: fn(&Self, usize) -> u64) -> u64 {
        (0..self.classes()).map(|k| term(self, k)).sum()
    }
}

impl From<Vec<Vec<u64>>> for Confusion {
    /// Takes counts as they are; rows actual, columns predicted. Panics if they are not square.
    fn from(counts: Vec<Vec<u64>>) -> Self {
        assert!(counts.iter().all(|row| row.len() == counts.len()), "a confusion matrix is square");
        Confusion { counts }
    }
}

fn quotient(above: u64, below: u64) -> Option<f64> {
    (below > 0).then(|| above as f64 / below as f64)
}

fn average(classes: &[ClassScores], weight: impl Fn(&ClassScores) -> f64) -> Option<Average> {
    let total: f64 = classes.iter().map(&weight).sum();
    let mean = |score: fn(&ClassScores) -> f64| {
        classes.iter().map(|class| weight(class) * score(class)).sum::<f64>() / total
    };
    (total > 0.0).then(|| Average {
        precision: mean(|class| class.precision),
        recall: mean(|class| class.recall),
        f1: mean(|class| class.f1),
    })
}
