//! The best of several guesses: how high it scores although nothing was learned.
//!
//! The number of right guesses among n trials is binomial with the chance p of each. With its distribution
//! function F, the best of K independent guesses is at most x with probability F(x)^K (David and Nagaraja,
//! "Order statistics", 2003, section 2.1). Scores that go up and down together gain less: their best is at
//! most x with at least that probability (Esary, Proschan et al., "Association of random variables, with
//! applications", 1967).

use serde::{Deserialize, Serialize};

/// The share of studies in which the best guess may lie above [`BestOf::level`].
const ABOVE: f64 = 0.05;

/// The best accuracy of several independent guesses on the same trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestOf {
    /// The number of guesses, `K`.
    pub guesses: usize,
    /// The number of trials, `n`.
    pub trials: usize,
    /// The probability that a guess of one trial is right.
    pub chance: f64,
    /// The expected accuracy of the best guess.
    pub mean: f64,
    /// The best guess lies above this accuracy in at most 5 % of cases.
    pub level: f64,
}

impl BestOf {
    /// Computed exactly; `None` without guesses or trials, and unless 0 < `chance` < 1.
    pub fn of(guesses: usize, trials: usize, chance: f64) -> Option<Self> {
        if guesses == 0 || trials == 0 || !(chance > 0.0 && chance < 1.0) {
            return None;
        }
        let n = trials as f64;
        // The probability that one guess is above x, and with it that the best one is.
        let (mut above, mut mean, mut level) = (0.0, 0.0, trials);
        for (x, probability) in binomial(trials, chance).into_iter().enumerate().rev() {
            let best_above = -(guesses as f64 * f64::ln_1p(-above)).exp_m1();
            // The expectation is the sum of the probabilities that the best is above 0, 1 ... n - 1.
            mean += best_above / n;
            if best_above <= ABOVE {
                level = x;
            }
            above = (above + probability).min(1.0);
        }
        Some(BestOf { guesses, trials, chance, mean, level: level as f64 / n })
    }

    /// A sentence, with the assumption behind it.
    pub(crate) fn sentence(&self) -> String {
        let BestOf { guesses, trials, chance, mean, level } = self;
        format!(
            "The best of {guesses} guesses on {trials} trials, each right with probability {chance:.3}, would score {mean:.3} on \
             average, and above {level:.3} in 5 % of cases; that is for independent guesses, and runs that resemble each other gain \
             less."
        )
    }
}

/// The probabilities of 0, 1 ... n right guesses. They are computed outward from the most probable number, so
/// that rounding stays small and nothing overflows.
fn binomial(n: usize, p: f64) -> Vec<f64> {
    let mode = (((n + 1) as f64 * p) as usize).min(n);
    let odds = p / (1.0 - p);
    let mut probabilities = vec![0.0; n + 1];
    probabilities[mode] = 1.0;
    for x in mode..n {
        probabilities[x + 1] = probabilities[x] * odds * (n - x) as f64 / (x + 1) as f64;
    }
    for x in (0..mode).rev() {
        probabilities[x] = probabilities[x + 1] / odds * (x + 1) as f64 / (n - x) as f64;
    }
    let sum: f64 = probabilities.iter().sum();
    probabilities.iter_mut().for_each(|probability| *probability /= sum);
    probabilities
}
