//! Predicted probabilities, the step from windows to trials, and the scores of probabilities.

use crate::{Error, Result};
use std::borrow::Borrow;
use std::collections::BTreeMap;

/// The class probabilities that a fold's network predicts for one window of the fold's test part. From
/// [`trials`], those of a whole trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Index of the fold.
    pub fold: u32,
    /// Index into the list of subject names.
    pub subject: u32,
    /// Index of the trial within its subject.
    pub trial: u32,
    /// Index of the window within its trial; 0 for a whole trial.
    pub window: u32,
    /// The actual class.
    pub label: u32,
    /// One probability per class; they add up to 1.
    pub probabilities: Vec<f64>,
}

impl Prediction {
    /// The most probable class, and the lowest of equally probable ones.
    ///
    /// # Panics
    /// Without classes.
    pub fn argmax(&self) -> u32 {
        let p = &self.probabilities;
        (1..p.len()).fold(0, |best, k| if p[k] > p[best] { k } else { best }) as u32
    }

    /// Names the window in error messages.
    fn place(&self) -> String {
        format!("fold {}, subject {}, trial {}, window {}", self.fold, self.subject, self.trial, self.window)
    }
}

/// The largest difference between 1 and the sum of the probabilities. Single-precision softmax stays well
/// within it.
const SUM_TOLERANCE: f64 = 1e-5;

/// Checks that predictions can be scored.
///
/// # Errors
/// [`Data`](crate::ErrorKind::Data) for a label that is not below `classes` and for other than one
/// probability per class; [`Numerical`](crate::ErrorKind::Numerical) for probabilities that are not finite,
/// not within 0 to 1, or that do not add up to 1.
pub fn check(predictions: &[Prediction], classes: usize) -> Result<()> {
    for prediction in predictions {
        let p = &prediction.probabilities;
        if p.len() != classes || prediction.label as usize >= classes {
            let (found, label) = (p.len(), prediction.label);
            let message = format!("label {label} and {found} probabilities, expected {classes} classes");
            return Err(Error::data(message).at(prediction.place()));
        }
        // NaN compares false with everything, so it must fail a positive test.
        let valid = p.iter().all(|p| (0.0..=1.0).contains(p));
        if !(valid && (p.iter().sum::<f64>() - 1.0).abs() <= SUM_TOLERANCE) {
            let message = format!("{p:?} are not probabilities that add up to 1");
            return Err(Error::numerical(message).at(prediction.place()));
        }
    }
    Ok(())
}

/// One prediction per fold, subject and trial, sorted in that order: the mean probabilities of the trial's
/// windows. The order of `predictions` does not change a bit of it.
///
/// # Errors
/// [`Data`](crate::ErrorKind::Data) for a trial whose windows differ in their labels or in their numbers of
/// classes, and for a window that occurs twice.
pub fn trials(predictions: &[Prediction]) -> Result<Vec<Prediction>> {
    let mut windows: BTreeMap<(u32, u32, u32), Vec<&Prediction>> = BTreeMap::new();
    for p in predictions {
        windows.entry((p.fold, p.subject, p.trial)).or_default().push(p);
    }
    windows.into_values().map(mean).collect()
}

fn mean(mut windows: Vec<&Prediction>) -> Result<Prediction> {
    windows.sort_by_key(|p| p.window);
    for pair in windows.windows(2) {
        let refuse = |what| Err(Error::data(what).at(pair[1].place()));
        match (pair[0], pair[1]) {
            (a, b) if a.window == b.window => return refuse("the window occurs twice"),
            (a, b) if a.label != b.label => return refuse("the trial has windows with different labels"),
            (a, b) if a.probabilities.len() != b.probabilities.len() => {
                return refuse("the trial has windows with different numbers of classes");
            }
            _ => {}
        }
    }
    let probability =
        |k: usize| windows.iter().map(|p| p.probabilities[k]).sum::<f64>() / windows.len() as f64;
    let probabilities = (0..windows[0].probabilities.len()).map(probability).collect();
    Ok(Prediction { window: 0, probabilities, ..*windows[0] })
}

/// The log loss in nats: the mean of -ln(probability of the actual class). `None` without predictions. As in
/// scikit-learn, probabilities are clipped to a machine epsilon from 0 and 1, so that the loss is finite.
pub fn log_loss<P: Borrow<Prediction>>(predictions: &[P]) -> Option<f64> {
    let loss =
        |p: &Prediction| -p.probabilities[p.label as usize].clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln();
    let total: f64 = predictions.iter().map(|p| loss(p.borrow())).sum();
    (!predictions.is_empty()).then(|| total / predictions.len() as f64)
}

/// The Brier score, scikit-learn's `brier_score_loss`: the mean squared error of the probabilities (Brier,
/// "Verification of forecasts expressed in terms of probability", 1950). `None` without predictions.
///
/// For two classes it is that of the probability of class 1, from 0 to 1. For more it sums over the classes,
/// from 0 to 2.
pub fn brier<P: Borrow<Prediction>>(predictions: &[P]) -> Option<f64> {
    let distance = |p: &Prediction| {
        let square = |(k, &q): (usize, &f64)| (q - if k == p.label as usize { 1.0 } else { 0.0 }).powi(2);
        match p.probabilities[..] {
            [_, q] => square((1, &q)),
            _ => p.probabilities.iter().enumerate().map(square).sum(),
        }
    };
    let total: f64 = predictions.iter().map(|p| distance(p.borrow())).sum();
    (!predictions.is_empty()).then(|| total / predictions.len() as f64)
}
