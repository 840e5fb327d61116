//! Average precision: what the precision is on average, threshold by threshold, as ever more of the positives are found. It
//! summarizes the precision-recall curve (PR-AUC), which tells more than ROC's where positives are rare.

use super::auc::one_against_rest;
use super::prediction::Prediction;
use std::borrow::Borrow;

/// Of one class against the rest: the sum of `(R_n - R_{n-1}) P_n` over the distinct scores from the highest down, recall `R`
/// and precision `P` being those of calling everything positive that scores at least as high; scikit-learn's
/// `average_precision_score`. Guessing gives the share of positives. `None` without positives. Panics if lengths differ.
pub fn binary(scores: &[f64], positive: &[bool]) -> Option<f64> {
    assert_eq!(scores.len(), positive.len(), "one score for each answer");
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let (mut found, mut called, mut sum) = (0usize, 0usize, 0.0);
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let hits = tied.iter().filter(|&&i| positive[i]).count();
        found += hits;
        called += tied.len();
        sum += hits as f64 * found as f64 / called as f64;
    }
    (found > 0).then(|| sum / found as f64)
}

/// Two classes: that of class 1. More: the plain mean over the classes, each against the rest. `None` where a class never occurs in
/// truth.
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
