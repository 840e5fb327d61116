//! The curves on the page: losses and accuracies by epoch, and the ROC curves.

use super::chart::{Axis, Curve, Plot};
use crate::metrics::table::Cell;
use crate::metrics::{Prediction, auc};
use crate::train::EpochRecord;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// A value of an epoch, and the styles of its curve: `strong` for a single curve or a mean, `faint` for one
/// of many.
struct Quantity {
    name: &'static str,
    strong: &'static str,
    faint: &'static str,
    value: fn(&EpochRecord) -> Option<f64>,
}

const TRAIN_LOSS: Quantity =
    Quantity { name: "training", strong: "strong", faint: "faint", value: |epoch| Some(epoch.train_loss) };
const VALIDATION_LOSS: Quantity = Quantity {
    name: "validation",
    strong: "strong dashed",
    faint: "faint dashed",
    value: |epoch| epoch.validation_loss,
};
const VALIDATION_ACCURACY: Quantity = Quantity {
    name: "validation",
    strong: "strong",
    faint: "faint",
    value: |epoch| epoch.validation_accuracy,
};

impl Quantity {
    /// A curve for each fold and, if there are several, their mean over the epochs that all of them have.
    fn curves(&self, folds: &BTreeMap<u32, Vec<&EpochRecord>>, names: &[String]) -> Vec<Curve> {
        let point = |epoch: &&EpochRecord| Some([epoch.epoch as f64, (self.value)(epoch)?]);
        let name = |fold: u32| {
            (fold as usize).checked_sub(1).and_then(|i| names.get(i)).map_or("unknown", String::as_str)
        };
        let mut curves: Vec<Curve> = folds
            .iter()
            .map(|(&fold, epochs)| Curve {
                name: format!("{}, fold {}", self.name, name(fold)),
                style: if folds.len() > 1 { self.faint } else { self.strong },
                points: epochs.iter().filter_map(point).collect(),
            })
            .filter(|curve| !curve.points.is_empty())
            .collect();
        if curves.len() > 1 {
            let common = curves.iter().map(|curve| curve.points.len()).min().unwrap_or(0);
            let mean = |i: usize| {
                let sum: f64 = curves.iter().map(|curve| curve.points[i][1]).sum();
                [curves[0].points[i][0], sum / curves.len() as f64]
            };
            let points = (0..common).map(mean).collect();
            curves.push(Curve { name: format!("{}, mean of folds", self.name), style: self.strong, points });
        }
        curves
    }
}

/// A dot at the tested epoch of each fold.
fn marks(
    quantity: &Quantity,
    folds: &BTreeMap<u32, Vec<&EpochRecord>>,
    tested: &BTreeMap<u32, usize>,
) -> Vec<Curve> {
    let mark = |(fold, epochs): (&u32, &Vec<&EpochRecord>)| {
        let epoch = epochs.iter().find(|epoch| Some(&epoch.epoch) == tested.get(fold))?;
        let points = vec![[epoch.epoch as f64, (quantity.value)(epoch)?]];
        Some(Curve { name: format!("tested epoch {}", epoch.epoch), style: "strong", points })
    };
    folds.iter().filter_map(mark).collect()
}

/// The charts of losses and validation accuracy by epoch. `folds` has the folds' names, and `tested` the
/// tested epoch of each, or none.
pub(crate) fn curve_chart(epochs: &[EpochRecord], folds: &[String], tested: &BTreeMap<u32, usize>) -> Markup {
    let dots = if tested.is_empty() { "" } else { " Dots: the tested epochs." };
    let mut by_fold: BTreeMap<u32, Vec<&EpochRecord>> = BTreeMap::new();
    for epoch in epochs {
        by_fold.entry(epoch.fold).or_default().push(epoch);
    }
    let mut losses = TRAIN_LOSS.curves(&by_fold, folds);
    let validation = VALIDATION_LOSS.curves(&by_fold, folds);
    let dashed = if validation.is_empty() { "" } else { " Dashed: validation." };
    let marked = if validation.is_empty() { &TRAIN_LOSS } else { &VALIDATION_LOSS };
    losses.extend(validation);
    losses.extend(marks(marked, &by_fold, tested));
    let mut accuracies = VALIDATION_ACCURACY.curves(&by_fold, folds);
    accuracies.extend(marks(&VALIDATION_ACCURACY, &by_fold, tested));
    let many = match by_fold.len() {
        1 => "",
        _ => " Thin: each fold. Thick: their mean, as far as all of them trained.",
    };
    let plot = |title: &str, unit: &str, curves: &[Curve], y: Option<Axis>| {
        let values = |i: usize| curves.iter().flat_map(move |curve| curve.points.iter().map(move |p| p[i]));
        let x = Axis::over("epoch", values(0), 1.0);
        let y = y.unwrap_or_else(|| Axis::over(unit, values(1), 0.0));
        Plot { title, size: [400.0, 270.0], x, y, curves }.draw()
    };
    html! {
        div.grid {
            figure {
                figcaption { b { "Loss." } " Solid: training." (dashed) (many) (dots) }
                (plot("Loss by epoch", "cross-entropy", &losses, None))
            }
            @if !accuracies.is_empty() {
                figure {
                    figcaption { b { "Validation accuracy" } " of windows." (many) (dots) }
                    (plot("Validation accuracy by epoch", "", &accuracies, Some(Axis::unit("accuracy"))))
                }
            }
        }
    }
}

/// A small ROC curve for each class against the rest. The curves of two classes mirror each other, so only
/// that of the second is shown. `trials` has one prediction per trial, pooled over folds.
pub(crate) fn roc_chart(trials: &[Prediction], classes: &[String]) -> Markup {
    let first = if classes.len() == 2 { 1 } else { 0 };
    html! {
        p.under { "Each class against the rest, all folds pooled. Dotted: chance." }
        div."small grid" {
            @for (class, name) in classes.iter().enumerate().skip(first) {
                @let (scores, positive) = auc::one_against_rest(trials, class);
                figure {
                    figcaption { b { (name) } ", AUC " (Cell::Score(auc::binary(&scores, &positive))) }
                    @if let Some(points) = auc::roc(&scores, &positive) {
                        (draw_roc(name, points))
                    }
                }
            }
        }
    }
}

fn draw_roc(class: &str, points: Vec<[f64; 2]>) -> Markup {
    let chance = Curve { name: "chance".into(), style: "chance", points: vec![[0.0, 0.0], [1.0, 1.0]] };
    let curve = Curve { name: class.into(), style: "strong", points };
    Plot {
        title: &format!("ROC curve of {class} against the rest; dotted: chance"),
        size: [280.0, 270.0],
        x: Axis::unit("false positive rate"),
        y: Axis::unit("true positive rate"),
        curves: &[chance, curve],
    }
    .draw()
}
