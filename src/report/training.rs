//! The tested epochs on the page, and whether training has overfitted.

use crate::experiment::Record;
use crate::train::{EpochRecord, Selection};
use maud::{Markup, html};

/// From this share above its lowest value, the validation loss of the last epoch tells of overfitting.
const RISE: f64 = 0.1;

/// Names the tested epoch of each fold, and says whether training has plainly overfitted.
pub(super) fn tested(record: &Record) -> Markup {
    let validated = record.epochs.iter().any(|epoch| epoch.validation_loss.is_some());
    let rule = match (record.selection, validated) {
        (Selection::Best, true) => "the first epoch with the lowest validation loss",
        _ => "the last epoch",
    };
    let name = |fold: u32| record.folds.get(fold as usize - 1).map_or("unknown", String::as_str);
    let each: Vec<String> =
        record.tested.iter().map(|(&fold, epoch)| format!("{}: {epoch}", name(fold))).collect();
    html! {
        p { "Each fold was tested with the weights of " (rule) ". By fold: " (each.join(", ")) "." }
        @if validated {
            p {
                (overfitted(record)) " The rule: in the last epoch, the validation loss lies more than "
                (format!("{:.0}", 100.0 * RISE)) " % above its lowest value, and the training loss lies below that of \
                 the epoch with the lowest value."
            }
        } @else {
            p { "There was no validation part, so nothing shows whether training has overfitted." }
        }
    }
}

fn overfitted(record: &Record) -> String {
    let folds: Vec<u32> = record.tested.keys().copied().collect();
    let of = |fold: u32| record.epochs.iter().filter(move |epoch| epoch.fold == fold);
    let count = folds.iter().filter(|&&fold| is_overfitted(of(fold))).count();
    let all = folds.len();
    let weights = match record.selection {
        Selection::Best => "The tested weights are from before that.",
        Selection::Last => "The tested weights are from after that.",
    };
    match count {
        0 => "Training has not plainly overfitted.".into(),
        _ => format!("Training has plainly overfitted in {count} of {all} folds. {weights}"),
    }
}

fn is_overfitted<'a>(epochs: impl Iterator<Item = &'a EpochRecord>) -> bool {
    let losses: Vec<(f64, f64)> =
        epochs.filter_map(|epoch| Some((epoch.validation_loss?, epoch.train_loss))).collect();
    let lowest = losses.iter().min_by(|a, b| a.0.total_cmp(&b.0));
    let (Some(lowest), Some(last)) = (lowest, losses.last()) else { return false };
    last.0 > (1.0 + RISE) * lowest.0 && last.1 < lowest.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rise_of_the_validation_loss_alone_is_overfitting_if_training_goes_on() {
        let epochs = |losses: &[(f64, f64)]| {
            let record = |(i, &(validation, train_loss)): (usize, &(f64, f64))| EpochRecord {
                member: 0,
                fold: 1,
                epoch: i + 1,
                train_loss,
                validation_loss: Some(validation),
                validation_accuracy: None,
                learning_rate: 0.0,
                clipped: 0,
                seconds: 0.0,
            };
            losses.iter().enumerate().map(record).collect::<Vec<_>>()
        };
        let is = |losses: &[(f64, f64)]| is_overfitted(epochs(losses).iter());
        assert!(is(&[(0.7, 0.7), (0.6, 0.5), (0.9, 0.2)]));
        assert!(!is(&[(0.7, 0.7), (0.6, 0.5), (0.65, 0.2)]), "within a tenth");
        assert!(!is(&[(0.7, 0.7), (0.6, 0.5), (0.9, 0.8)]), "both rise: it diverges");
        assert!(!is(&[]));
    }
}
