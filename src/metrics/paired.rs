//! Statistics of paired differences between two runs, and the correction for several pairs.

use super::interval::{DIFFERENCES, discordant, mean, of_mean, overlap, t_two_sided, variance};
use crate::random::{Random, Stream};
use serde::{Deserialize, Serialize};

/// Up to so many differences that are not 0, every choice of signs is tried.
pub const EXACT: usize = 20;

/// The number of random choices of signs where there are more.
pub const FLIPS: u64 = 99_999;

/// The seed of the random signs.
pub const SEED: u64 = 1;

/// The way in which a p value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// [`sign_flip`] with every choice of signs.
    AllSigns,
    /// [`sign_flip`] with [`FLIPS`] random choices of signs.
    RandomSigns,
    /// The t test with Nadeau and Bengio's correction.
    CorrectedT,
}

/// The differences between two runs on the same units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// The number of units.
    pub n: usize,
    /// The mean difference.
    pub difference: f64,
    /// Its 95 % interval; `None` for a single unit.
    pub interval: Option<[f64; 2]>,
    /// Cohen's d of the paired differences, d_z: their mean in standard deviations (Cohen, "Statistical power
    /// analysis for the behavioral sciences", 1988). `None` if all differences are equal.
    pub effect: Option<f64>,
    /// The p value of no difference, two-sided; `None` if the test is undefined.
    pub p: Option<f64>,
    /// The test that it comes from.
    pub test: Test,
}

impl Paired {
    /// Compares by subject: one difference for each, over `trials` different trials in all.
    ///
    /// # Panics
    /// Without differences.
    pub fn by_subject(differences: &[f64], trials: u64) -> Self {
        Paired::flipped(differences, of_mean(differences, DIFFERENCES, trials, 1.0))
    }

    /// Compares by trial, where there is one subject: each difference is 1, 0 or -1.
    ///
    /// # Panics
    /// Without differences.
    pub fn by_trial(differences: &[f64]) -> Self {
        let count = |wanted: fn(f64) -> bool| differences.iter().filter(|&&d| wanted(d)).count() as f64;
        let interval = discordant(count(|d| d > 0.0), count(|d| d < 0.0), differences.len());
        Paired::flipped(differences, interval)
    }

    fn flipped(differences: &[f64], interval: Option<[f64; 2]>) -> Self {
        let (p, test) = sign_flip(differences);
        Paired { p: Some(p), test, ..Paired::described(differences, interval) }
    }

    /// Compares by fold: one difference for each, over `trials` different trials in all. The training parts
    /// of folds overlap, so interval and p value take the variance of the mean as (1/J + test/training) sd²
    /// (Nadeau and Bengio, "Inference for the generalization error", 2003).
    ///
    /// # Panics
    /// Without differences.
    pub fn by_fold(differences: &[f64], trials: u64, test_to_training: f64) -> Self {
        let folds = differences.len();
        let widening = overlap(folds, test_to_training);
        let paired = Paired::described(differences, of_mean(differences, DIFFERENCES, trials, widening));
        let spread = variance(differences).filter(|&v| v > 0.0);
        let t = spread.map(|v| paired.difference / (v * widening / folds as f64).sqrt());
        Paired { p: t.map(|t| t_two_sided(t, folds - 1)), ..paired }
    }

    /// The mean difference and its size, without a test.
    ///
    /// # Panics
    /// Without differences.
    pub fn described(differences: &[f64], interval: Option<[f64; 2]>) -> Self {
        let difference = mean(differences).expect("there is a unit");
        let spread = variance(differences).filter(|&v| v > 0.0);
        let effect = spread.map(|v| difference / v.sqrt());
        Paired { n: differences.len(), difference, interval, effect, p: None, test: Test::CorrectedT }
    }
}

/// The sign-flip permutation test of the mean difference, two-sided (Fisher, "The design of experiments",
/// 1935; Good, "Permutation, parametric and bootstrap tests of hypotheses", 2005). If two runs are alike,
/// each difference is as likely as its negative. p is the share of choices of signs whose sum is at least as
/// far from 0 as the observed one. For differences of 1, 0 and -1 it is the exact test of McNemar.
///
/// Up to [`EXACT`] differences that are not 0, all choices are tried. Above, [`FLIPS`] random ones are, and
/// the observed one counts among them, so that p is never 0 (Phipson and Smyth, "Permutation p-values should
/// never be zero", 2010).
pub fn sign_flip(differences: &[f64]) -> (f64, Test) {
    // A sign of 0 changes nothing.
    let values: Vec<f64> = differences.iter().copied().filter(|&d| d != 0.0).collect();
    let observed = values.iter().sum::<f64>().abs();
    // Sums that are equal but for rounding are ties.
    let reached = observed - 1e-9 * values.iter().map(|d| d.abs()).sum::<f64>();
    if values.len() <= EXACT {
        let mut sum: f64 = values.iter().sum();
        let mut signs = vec![1.0; values.len()];
        let all = 1u64 << values.len();
        let mut extreme = 1;
        // A Gray code flips one sign at a time.
        for i in 1..all {
            let flipped = i.trailing_zeros() as usize;
            signs[flipped] = -signs[flipped];
            sum += 2.0 * signs[flipped] * values[flipped];
            extreme += u64::from(sum.abs() >= reached);
        }
        return (extreme as f64 / all as f64, Test::AllSigns);
    }
    let mut random = Random::new(SEED, Stream::Signs, [0, 0]);
    let mut extreme = 1;
    for _ in 0..FLIPS {
        let mut sum = 0.0;
        for chunk in values.chunks(32) {
            let bits = random.next_u32();
            for (i, d) in chunk.iter().enumerate() {
                sum += if bits >> i & 1 == 1 { *d } else { -d };
            }
        }
        extreme += u64::from(sum.abs() >= reached);
    }
    (extreme as f64 / (FLIPS + 1) as f64, Test::RandomSigns)
}

/// Holm's correction of several p values ("A simple sequentially rejective multiple test procedure", 1979):
/// with all of them at most `level`, the chance of any false finding is at most `level`. In the order of
/// `p_values`.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest: f64 = 0.0;
    for (rank, &i) in order.iter().enumerate() {
        largest = largest.max(p_values[i] * (p_values.len() - rank) as f64).min(1.0);
        adjusted[i] = largest;
    }
    adjusted
}
