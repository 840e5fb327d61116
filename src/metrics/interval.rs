//! Confidence intervals.
//!
//! Their units must be independent: subjects or trials, but never the windows of one trial. Folds are not,
//! and have a correction.

use serde::{Deserialize, Serialize};
use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

/// The confidence level of every two-sided interval.
pub const CONFIDENCE: f64 = 0.95;

/// The standard normal quantile of 1 - (1 - [`CONFIDENCE`])/2.
const Z: f64 = 1.959_963_984_540_054;

/// The range of scores.
pub const SCORES: [f64; 2] = [0.0, 1.0];

/// The range of differences between two scores.
pub const DIFFERENCES: [f64; 2] = [-1.0, 1.0];

/// The mean and the spread of some units' scores, and an interval for the mean of the population.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The number of units.
    pub n: usize,
    /// The mean; `None` without units.
    pub mean: Option<f64>,
    /// The sample standard deviation (divisor n - 1); `None` below two units.
    pub sd: Option<f64>,
    /// The 95 % interval of the mean, [`of_mean`]; `None` below two units. Over folds it is corrected, see
    /// [`Summary::of_folds`].
    pub interval: Option<[f64; 2]>,
}

impl Summary {
    /// Summarizes one score for each unit. `trials` is the number of different trials behind all of them.
    pub fn of(scores: &[f64], trials: u64) -> Self {
        Summary::widened(scores, trials, 1.0)
    }

    /// Summarizes one score for each fold. The training parts of folds overlap, so their scores are not
    /// independent. The interval takes the variance of the mean as (1/J + test/training) sd² instead of
    /// sd²/J (Nadeau and Bengio, "Inference for the generalization error", 2003). `test_to_training` is the
    /// ratio of the numbers of trials of a fold's parts.
    pub fn of_folds(scores: &[f64], trials: u64, test_to_training: f64) -> Self {
        Summary::widened(scores, trials, overlap(scores.len(), test_to_training))
    }

    fn widened(scores: &[f64], trials: u64, widening: f64) -> Self {
        Summary {
            n: scores.len(),
            mean: mean(scores),
            sd: variance(scores).map(f64::sqrt),
            interval: of_mean(scores, SCORES, trials, widening),
        }
    }
}

/// The factor by which the variance of a mean over `folds` grows because their training parts overlap (Nadeau
/// and Bengio 2003): 1 + J test/training.
pub fn overlap(folds: usize, test_to_training: f64) -> f64 {
    1.0 + folds as f64 * test_to_training
}

/// The mean; `None` without values.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The sample variance (divisor n - 1); `None` below two values.
pub fn variance(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (values.len() > 1).then(|| squares / (values.len() - 1) as f64)
}

/// The 95 % interval of the mean of a bounded quantity, from one value for each of n independent units;
/// `None` below two units. It never leaves `range`.
///
/// It is Wilson's score interval with an effective sample size and a quantile of Student's t, as surveys use
/// it for clustered proportions (Korn and Graubard, "Confidence intervals for proportions with small expected
/// number of positive counts estimated from survey data", 1998; Franco et al., "Comparative study of
/// confidence intervals for proportions in complex sample surveys", 2019). On a scale from 0 to 1, the
/// variance of a unit at the mean m is φ m(1 - m). The dispersion φ is estimated as sd²/(m(1 - m)), and the
/// interval is all means μ with (m - μ)² ≤ t² φ μ(1 - μ)/n. Away from the bounds it is the t interval.
///
/// Close to a bound nearly all units have the same value, and sd says little. So φ is at least f n/`trials`:
/// a share f of the dispersion of independent trials, where `trials` is their number over all units. With e =
/// `trials` min(m, 1 - m) of the rarer outcome, the relative variance of sd² is about 2/(n - 1) + 1/e, and f
/// is the share of the second term in it. docs/evaluation.md has the coverage.
///
/// `widening` multiplies the variance of the mean: 1 for independent units, [`overlap`] for folds.
pub fn of_mean(values: &[f64], range: [f64; 2], trials: u64, widening: f64) -> Option<[f64; 2]> {
    let (mean, variance) = (mean(values)?, variance(values)?);
    let (n, trials, width) = (values.len() as f64, trials.max(1) as f64, range[1] - range[0]);
    // Rounding may leave the range.
    let m = ((mean - range[0]) / width).clamp(0.0, 1.0);
    let rarer = trials * m.min(1.0 - m);
    let share = (n - 1.0) / (n - 1.0 + 2.0 * rarer);
    let binomial = m * (1.0 - m);
    let seen = if binomial > 0.0 { variance / width.powi(2) / binomial } else { 0.0 };
    let dispersion = seen.max(share * n / trials) * widening;
    let interval = score_interval(m, dispersion / n, t_critical(CONFIDENCE, values.len() - 1));
    Some(interval.map(|end| range[0] + width * end))
}

/// Student's t interval of the mean, mean ± t sd/√n; `None` below two values. It knows no bounds.
pub fn student(values: &[f64]) -> Option<[f64; 2]> {
    let (mean, variance) = (mean(values)?, variance(values)?);
    let half = t_critical(CONFIDENCE, values.len() - 1) * (variance / values.len() as f64).sqrt();
    Some([mean - half, mean + half])
}

/// Half the width of the 95 % interval of a score, from the scores without each of n clusters: t times the
/// jackknife's standard error (Miller, "The jackknife: a review", 1974); `None` below two clusters.
pub fn jackknife(without_each: &[f64]) -> Option<f64> {
    let (n, variance) = (without_each.len(), variance(without_each)?);
    let error = (variance * (n - 1) as f64 * (n - 1) as f64 / n as f64).sqrt();
    Some(t_critical(CONFIDENCE, n - 1) * error)
}

/// All proportions μ with (p - μ)² ≤ c² v μ(1 - μ).
fn score_interval(p: f64, v: f64, critical: f64) -> [f64; 2] {
    let q = critical * critical * v;
    let center = (p + 0.5 * q) / (1.0 + q);
    let half = (q * p * (1.0 - p) + 0.25 * q * q).sqrt() / (1.0 + q);
    // The formula stays between 0 and 1; rounding may not.
    [(center - half).max(0.0), (center + half).min(1.0)]
}

/// The critical value of Student's t distribution: a variable with `freedom` degrees of freedom lies within
/// ±t with probability `level`. It is the quantile of (1 + level)/2.
///
/// Found by bisection over the angle arctan(t/√freedom), down to neighboring floating-point numbers.
///
/// # Panics
/// Unless 0 < level < 1 and `freedom` is at least 1.
pub fn t_critical(level: f64, freedom: usize) -> f64 {
    assert!(level > 0.0 && level < 1.0 && freedom > 0, "level {level}, {freedom} degrees of freedom");
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    loop {
        let angle = 0.5 * (low + high);
        if angle <= low || angle >= high {
            return (freedom as f64).sqrt() * angle.tan();
        }
        if central(angle, freedom) < level {
            low = angle;
        } else {
            high = angle;
        }
    }
}

/// P(|T| <= t) at t = √freedom tan(angle). For a whole number of degrees of freedom it is a finite sum
/// (Abramowitz and Stegun, "Handbook of mathematical functions", 26.7.3 for odd and 26.7.4 for even numbers).
fn central(angle: f64, freedom: usize) -> f64 {
    let (sine, cosine) = angle.sin_cos();
    let odd = freedom % 2 == 1;
    // The terms up to cos^(freedom - 2): cos + 2/3 cos³ + 2·4/(3·5) cos⁵ ... or 1 + 1/2 cos² + 1·3/(2·4) cos⁴
    // ...
    let mut term = if odd { cosine } else { 1.0 };
    let mut sum = 0.0;
    for power in (freedom % 2..=freedom.saturating_sub(2)).step_by(2) {
        sum += term;
        term *= cosine * cosine * (power + 1) as f64 / (power + 2) as f64;
    }
    if odd { FRAC_2_PI * (angle + sine * sum) } else { sine * sum }
}

/// The probability that a variable of Student's t distribution lies outside ±t.
///
/// # Panics
/// Unless `freedom` is at least 1.
pub fn t_two_sided(t: f64, freedom: usize) -> f64 {
    assert!(freedom > 0, "no degrees of freedom");
    (1.0 - central((t.abs() / (freedom as f64).sqrt()).atan(), freedom)).max(0.0)
}

/// The 95 % score interval of a proportion among `n` independent trials (Wilson, "Probable inference, the law
/// of succession, and statistical inference", 1927); `None` without trials.
pub fn wilson(proportion: f64, n: usize) -> Option<[f64; 2]> {
    (n > 0).then(|| score_interval(proportion, 1.0 / n as f64, Z))
}

/// The 95 % interval of the difference between two proportions of the same `n` trials: `only_first` trials
/// are right in the first alone, and `only_second` in the second alone. `None` without trials.
///
/// It is the adjusted Wald interval of Bonett and Price ("Adjusted Wald confidence interval for a difference
/// of binomial proportions based on paired data", 2012), which adds a trial to each of the two counts. It
/// approximates the score interval as that of Agresti and Coull does for one proportion. Fagerland, Lydersen
/// and Laake ("Recommended tests and confidence intervals for paired binomial proportions", 2014) recommend
/// it.
pub fn discordant(only_first: f64, only_second: f64, n: usize) -> Option<[f64; 2]> {
    let size = n as f64 + 2.0;
    let (first, second) = ((only_first + 1.0) / size, (only_second + 1.0) / size);
    let difference = first - second;
    let half = Z * ((first + second - difference * difference) / size).sqrt();
    (n > 0).then(|| [(difference - half).max(-1.0), (difference + half).min(1.0)])
}
