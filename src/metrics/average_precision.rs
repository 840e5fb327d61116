//! Average precision, which summarizes the precision-recall curve (PR-AUC).
//!
//! It is the mean of the precision over all thresholds, weighted by how much the recall grows at each. Where
//! positives are rare it says more than the area under the ROC curve.

use super::auc::one_against_rest;
use super::prediction::Prediction;
use std::borrow::Borrow;

/// The average precision of one class against the rest, scikit-learn's `average_precision_score`.
///
/// It is the sum of `(R_n - R_{n-1}) P_n` over the distinct scores from the highest down. `R_n` and `P_n` are
/// the recall and the precision with score `n` as the threshold. Guessing gives the share of positives.
/// `None` without positives.
///
/// # Panics
/// If the lengths differ.
pub fn binary(scores: &[f64], positive: &[bool]) -> Option<f64> {
    assert_eq!(scores.len(), positive.len(), "one score for each label");
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let (mut true_positives, mut predicted, mut sum) = (0usize, 0usize, 0.0);
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let hits = tied.iter().filter(|&&i| positive[i]).count();
        true_positives += hits;
        predicted += tied.len();
        sum += hits as f64 * true_positives as f64 / predicted as f64;
    }
    (true_positives > 0).then(|| sum / true_positives as f64)
}

/// The average precision of any number of classes.
///
/// For two classes it is that of class 1. For more it is the unweighted mean over the classes, each against
/// the rest. `None` if a class is never the actual one.
pub fn multiclass<P: Borrow<Prediction>>(predictions: &[P]) -> Option<f64> {
    let classes = predictions.first()?.borrow().probabilities.len();
    let of = |class: usize| {
        let (scores, positive) = one_against_rest(predictions, class);
        binary(&scores, &positive)
    };
    let each: Option<Vec<f64>> = (0..classes).map(of).collect();
    let each = each?;
    Some(if classes == 2 { each[1] } else { each.iter().sum::<f64>() / classes as f64 })
}
