//! The ROC curve and the area under it: the chance that a random positive scores above a random negative, ties half.

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

/// The ROC curve of one class against the rest: (false positive rate, true positive rate) from (0, 0) to (1, 1), a point
/// after each distinct score from the highest down. Straight lines between them enclose the area of [`binary`]: tied
/// answers are one slanted line. `None` unless both positives and negatives are there. Panics if lengths differ.
pub fn roc(scores: &[f64], positive: &[bool]) -> Option<Vec<[f64; 2]>> {
    assert_eq!(scores.len(), positive.len(), "one score for each answer");
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

/// One class against the rest: what [`binary`] and [`roc`] ask of predictions.
pub fn one_against_rest<P: Borrow<Prediction>>(predictions: &[P], class: usize) -> (Vec<f64>, Vec<bool>) {
    let predictions = predictions.iter().map(P::borrow);
    predictions.map(|p| (p.probabilities[class], p.label as usize == class)).unzip()
}

/// Two classes: the area of class 1. More: the plain mean of the area of each class against the rest, scikit-learn's
/// `roc_auc_score(multi_class="ovr", average="macro")`. `None` where a class never occurs in truth.
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
