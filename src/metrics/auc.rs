//! The ROC curve and the area under it (AUC).
//!
//! The AUC is the probability that a random positive scores higher than a random negative. A tie counts half.

use super::prediction::Prediction;
use std::borrow::Borrow;

/// The AUC of one class against the rest, by the rank sum with midranks for ties (Hanley and McNeil, "The
/// meaning and use of the area under a ROC curve", 1982). `None` unless there are both positives and
/// negatives.
///
/// `scores` may be any finite numbers that grow with the confidence in the positive class; `positive` says
/// for each whether the class is true.
///
/// # Panics
/// If the lengths differ.
pub fn binary(scores: &[f64], positive: &[bool]) -> Option<f64> {
    assert_eq!(scores.len(), positive.len(), "one score for each label");
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let positives = |tied: &[usize]| tied.iter().filter(|&&i| positive[i]).count() as f64;

    // Concordant pairs: a positive and a negative that scores lower. A tie is half a pair.
    let (mut negatives_below, mut concordant) = (0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let up = positives(tied);
        let down = tied.len() as f64 - up;
        concordant += up * (negatives_below + 0.5 * down);
        negatives_below += down;
    }
    let pairs = positives(&order) * negatives_below;
    (pairs > 0.0).then(|| concordant / pairs)
}

/// The ROC curve of one class against the rest: points (false positive rate, true positive rate) from (0, 0)
/// to (1, 1).
///
/// Each distinct score, from the highest down, adds a point; tied scores thus make one slanted line. The area
/// under the line through the points is that of [`binary`]. `None` unless there are both positives and
/// negatives.
///
/// # Panics
/// If the lengths differ.
pub fn roc(scores: &[f64], positive: &[bool]) -> Option<Vec<[f64; 2]>> {
    assert_eq!(scores.len(), positive.len(), "one score for each label");
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let positives = positive.iter().filter(|&&p| p).count();
    let negatives = positive.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let (mut up, mut across) = (0, 0);
    let mut points = vec![[0.0, 0.0]];
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let hits = tied.iter().filter(|&&i| positive[i]).count();
        up += hits;
        across += tied.len() - hits;
        points.push([across as f64 / negatives as f64, up as f64 / positives as f64]);
    }
    Some(points)
}

/// The scores and labels of one class against the rest, as [`binary`] and [`roc`] take them: for each
/// prediction the probability of `class`, and whether it is the actual class.
pub fn one_against_rest<P: Borrow<Prediction>>(predictions: &[P], class: usize) -> (Vec<f64>, Vec<bool>) {
    let predictions = predictions.iter().map(P::borrow);
    predictions.map(|p| (p.probabilities[class], p.label as usize == class)).unzip()
}

/// The AUC of any number of classes, scikit-learn's `roc_auc_score(multi_class="ovr", average="macro")`.
///
/// For two classes it is the AUC of class 1. For more it is the unweighted mean of the AUCs of each class
/// against the rest. `None` if a class is never the actual one.
pub fn multiclass<P: Borrow<Prediction>>(predictions: &[P]) -> Option<f64> {
    let classes = predictions.first()?.borrow().probabilities.len();
    let area = |class: usize| {
        let (scores, positive) = one_against_rest(predictions, class);
        binary(&scores, &positive)
    };
    if classes == 2 {
        return area(1);
    }
    let areas: Option<Vec<f64>> = (0..classes).map(area).collect();
    areas.map(|areas| areas.iter().sum::<f64>() / classes as f64)
}
