//! Confidence intervals.
//!
//! Their units must be independent: subjects, folds or trials, but never the windows of one trial.

use serde::{Deserialize, Serialize};
use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

/// The confidence level of every two-sided interval.
pub const CONFIDENCE: f64 = 0.95;

/// The standard normal quantile of 1 - (1 - [`CONFIDENCE`])/2.
const Z: f64 = 1.959_963_984_540_054;

/// The mean and the spread of some units, and an interval for the mean of the population.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The number of units.
    pub n: usize,
    /// The mean; `None` without units.
    pub mean: Option<f64>,
    /// The sample standard deviation (divisor n - 1); `None` below two units.
    pub sd: Option<f64>,
    /// The 95 % t interval of the mean, mean ± t sd/√n; `None` below two units. It may exceed the bounds of
    /// the score. Over folds it is only a guide and mostly too narrow, because the folds' training parts
    /// overlap (Bengio and Grandvalet, "No unbiased estimator of the variance of k-fold cross-validation",
    /// 2004).
    pub interval: Option<[f64; 2]>,
}

impl Summary {
    /// Summarizes one value per unit.
    pub fn of(values: &[f64]) -> Self {
        let n = values.len();
        if n == 0 {
            return Summary { n, mean: None, sd: None, interval: None };
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
        let sd = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
        let interval = sd.map(|sd| {
            let half = t_critical(CONFIDENCE, n - 1) * sd / (n as f64).sqrt();
            [mean - half, mean + half]
        });
        Summary { n, mean: Some(mean), sd, interval }
    }
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

/// The 95 % score interval of a proportion among `n` independent trials (Wilson, "Probable inference, the law
/// of succession, and statistical inference", 1927); `None` without trials.
pub fn wilson(proportion: f64, n: usize) -> Option<[f64; 2]> {
    let (p, n) = (proportion, n as f64);
    let shrink = 1.0 + Z * Z / n;
    let center = (p + Z * Z / (2.0 * n)) / shrink;
    let half = Z / shrink * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    // The formula stays between 0 and 1; rounding may not.
    (n > 0.0).then(|| [(center - half).max(0.0), (center + half).min(1.0)])
}
