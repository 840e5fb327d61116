//! The area under the ROC curve: the chance that a random positive scores above a random negative, ties half.

use super::prediction::Prediction;
use std::borrow::Borrow;

/// The area for one class against the rest, by the rank sum with midranks for ties (Hanley and McNeil, "The meaning
/// and use of the area under a ROC curve", 1982). `None` unless both positives and negatives are there.
///
/// `scores` are any finite numbers that grow with the belief in the positive class. Panics if lengths differ.
pub fn binary(scores: &[f64], positive: &[bool]) -> Option<f64> {
    assert_eq!(scores.len(), positive.len(), "one score for each answer");
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let positives = |tied: &[usize]| tied.iter().filter(|&&i| positive[i]).count() as f64;

    // Pairs won by positives: against every negative below them, and half against those they tie with.
    let (mut negatives_below, mut won) = (0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let up = positives(tied);
        let down = tied.len() as f64 - up;
        won += up * (negatives_below + 0.5 * down);
        negatives_below += down;
    }
    let pairs = positives(&order) * negatives_below;
    (pairs > 0.0).then(|| won / pairs)
}

/// Two classes: the area of class 1. More: the plain mean of the area of each class against the rest, scikit-learn's
/// `roc_auc_score(multi_class="ovr", average="macro")`. `None` where a class never occurs in truth.
pub fn multiclass<P: Borrow<Prediction>>(predictions: &[P]) -> Option<f64> {
    let classes = predictions.first()?.borrow().probabilities.len();
    let one_against_rest = |class: usize| {
        let scores: Vec<f64> = predictions.iter().map(|p| p.borrow().probabilities[class]).collect();
        let positive: Vec<bool> = predictions.iter().map(|p| p.borrow().label as usize == class).collect();
        binary(&scores, &positive)
    };
    if classes == 2 {
        return one_against_rest(1);
    }
    let areas: Option<Vec<f64>> = (0..classes).map(one_against_rest).collect();
    areas.map(|areas| areas.iter().sum::<f64>() / classes as f64)
}
