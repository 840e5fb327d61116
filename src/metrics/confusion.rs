//! The confusion matrix and the scores that follow from it, as scikit-learn defines them.

use super::prediction::Prediction;
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;

/// The counts of each pair of an actual and a predicted class: a row per actual class, a column per predicted
/// class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Confusion {
    counts: Vec<Vec<u64>>,
}

/// The scores of one class against all others. A score with a denominator of 0 is 0 (scikit-learn's
/// `zero_division=0`); `support` and `predicted` show whether that is why it is 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// The share of predictions of the class that are right.
    pub precision: f64,
    /// The share of the class's samples that are predicted as such.
    pub recall: f64,
    /// The harmonic mean of precision and recall.
    pub f1: f64,
    /// The number of samples whose actual class it is.
    pub support: u64,
    /// The number of samples for which it is predicted.
    pub predicted: u64,
}

/// The means of precision, recall and F1 over the classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Average {
    /// The mean precision.
    pub precision: f64,
    /// The mean recall.
    pub recall: f64,
    /// The mean of the classes' F1 scores, not the F1 of the means.
    pub f1: f64,
}

/// The scores of a whole matrix; `None` where a score is undefined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overall {
    /// The number of samples.
    pub n: u64,
    /// See [`Confusion::accuracy`].
    pub accuracy: Option<f64>,
    /// See [`Confusion::balanced_accuracy`].
    pub balanced_accuracy: Option<f64>,
    /// See [`Confusion::macro_average`].
    #[serde(rename = "macro")]
    pub macro_average: Option<Average>,
    /// See [`Confusion::weighted_average`].
    #[serde(rename = "weighted")]
    pub weighted_average: Option<Average>,
    /// See [`Confusion::kappa`].
    pub kappa: Option<f64>,
    /// See [`Confusion::mcc`].
    pub mcc: Option<f64>,
}

impl Confusion {
    /// A matrix of zeros.
    pub fn new(classes: usize) -> Self {
        Confusion { counts: vec![vec![0; classes]; classes] }
    }

    /// Counts the most probable class of each prediction against its label.
    ///
    /// # Panics
    /// If either is not below `classes`.
    pub fn of<P: Borrow<Prediction>>(predictions: &[P], classes: usize) -> Self {
        let mut confusion = Confusion::new(classes);
        for prediction in predictions.iter().map(P::borrow) {
            confusion.add(prediction.label, prediction.argmax());
        }
        confusion
    }

    /// Counts one sample.
    ///
    /// # Panics
    /// If either class is not below the number of classes.
    pub fn add(&mut self, actual: u32, predicted: u32) {
        self.counts[actual as usize][predicted as usize] += 1;
    }

    /// Adds the counts of `other`.
    ///
    /// # Panics
    /// If the numbers of classes differ.
    pub fn merge(&mut self, other: &Confusion) {
        assert_eq!(self.classes(), other.classes(), "only matrices of equally many classes can be merged");
        for (count, more) in self.counts.iter_mut().flatten().zip(other.counts.iter().flatten()) {
            *count += more;
        }
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.counts.len()
    }

    /// The counts, `(K, K)`: rows are actual classes, columns predicted ones.
    pub fn counts(&self) -> &[Vec<u64>] {
        &self.counts
    }

    /// The number of samples.
    pub fn n(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// The number of samples whose actual class is `class`.
    pub fn support(&self, class: usize) -> u64 {
        self.counts[class].iter().sum()
    }

    /// The number of samples for which `class` is predicted.
    pub fn predicted(&self, class: usize) -> u64 {
        self.counts.iter().map(|row| row[class]).sum()
    }

    /// The share of samples whose class is predicted right.
    pub fn accuracy(&self) -> Option<f64> {
        quotient(self.hits(), self.n())
    }

    /// The share of the most frequent actual class: the accuracy of the best constant prediction.
    pub fn majority(&self) -> Option<f64> {
        quotient((0..self.classes()).map(|k| self.support(k)).max()?, self.n())
    }

    /// The mean recall of the classes that have samples.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        average(&self.per_class(), |class| f64::from(class.support > 0)).map(|mean| mean.recall)
    }

    /// The scores of each class against all others.
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

    /// The unweighted means over the classes. As in scikit-learn, a class without samples and predictions is
    /// left out.
    pub fn macro_average(&self) -> Option<Average> {
        average(&self.per_class(), |class| f64::from(class.support + class.predicted > 0))
    }

    /// The means over the classes, weighted by their numbers of samples.
    pub fn weighted_average(&self) -> Option<Average> {
        average(&self.per_class(), |class| class.support as f64)
    }

    /// Cohen's kappa: agreement beyond chance (Cohen, "A coefficient of agreement for nominal scales", 1960).
    /// Undefined if all labels and all predictions are the same class.
    pub fn kappa(&self) -> Option<f64> {
        let n = self.n();
        let chance = self.sum(|c, k| c.support(k) * c.predicted(k));
        Some(1.0 - quotient(n * (n - self.hits()), n * n - chance)?)
    }

    /// Matthews' correlation coefficient for any number of classes, R_K (Gorodkin, "Comparing two K-category
    /// assignments by a K-category correlation coefficient", 2004). As in scikit-learn it is 0 if all labels
    /// or all predictions are one class. It is undefined only without samples.
    pub fn mcc(&self) -> Option<f64> {
        let n = self.n() as f64;
        let covariance = self.hits() as f64 * n - self.sum(|c, k| c.support(k) * c.predicted(k)) as f64;
        let actual = n * n - self.sum(|c, k| c.support(k).pow(2)) as f64;
        let predicted = n * n - self.sum(|c, k| c.predicted(k).pow(2)) as f64;
        let constant = actual * predicted == 0.0;
        (n > 0.0).then(|| if constant { 0.0 } else { covariance / (actual * predicted).sqrt() })
    }

    /// All scores of the whole matrix.
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
    /// A matrix with these counts: rows are actual classes, columns predicted ones.
    ///
    /// # Panics
    /// If the counts are not square.
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
