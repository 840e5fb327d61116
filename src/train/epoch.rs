//! The end of an epoch: validation, the best weights, who stops.

use super::Selection;
use super::fold_group::FoldGroup;
use super::observer::EpochRecord;
use super::plan::List;
use super::predict::probabilities;
use crate::backend::Backend;
use crate::error::Result;
use std::time::Instant;

impl<B: Backend> FoldGroup<'_, B> {
    pub(super) fn end_epoch(&mut self, clock: Instant) -> Result<Vec<EpochRecord>> {
        let took_part: Vec<bool> = self.members.iter().map(|member| !member.state.stopped).collect();
        let lists: Vec<List> = self
            .members
            .iter()
            .map(|member| member.list(if member.state.stopped { &[] } else { member.fold.validation() }))
            .collect();
        let probabilities = probabilities(self.trainer.model_mut(), &self.frames, &lists, &|| Ok(()))?;
        let weights = self.trainer.model().weights()?;
        let params = self.trainer.model().network().params();
        // Weights that the last step made NaN show here. They may become neither the best ones nor a
        // checkpoint.
        for (m, probabilities) in probabilities.iter().enumerate() {
            let finite = weights[m * params..(m + 1) * params].iter().all(|w| w.is_finite());
            if !finite || probabilities.iter().flatten().any(|p| !p.is_finite()) {
                return Err(self.not_finite(m, self.epoch + 1, "after its last step"));
            }
        }
        self.epoch += 1;
        self.position = 0;
        let mut records = Vec::new();
        for (m, member) in self.members.iter_mut().enumerate().filter(|(m, _)| took_part[*m]) {
            let validation = (!lists[m].indices.is_empty()).then(|| validate(lists[m], &probabilities[m]));
            let learning_rate = member.learning_rate();
            let state = &mut member.state;
            // Without a validation part the last weights are the best there are. NaN is never better.
            let better = match (validation, state.best_loss) {
                (None, _) => true,
                (Some((loss, _)), None) => !loss.is_nan(),
                (Some((loss, _)), Some(best)) => loss < best,
            };
            state.stale = if better { 0 } else { state.stale + 1 };
            if better {
                state.best_loss = validation.map(|(loss, _)| loss);
            }
            if better || member.spec.selection == Selection::Last {
                state.best_epoch = self.epoch;
                let own = m * params..(m + 1) * params;
                self.best_weights[own.clone()].copy_from_slice(&weights[own]);
            }
            state.last_epoch = self.epoch;
            state.stopped = member.spec.patience > 0 && state.stale >= member.spec.patience;
            records.push(EpochRecord {
                member: m,
                fold: member.number + 1,
                epoch: self.epoch,
                train_loss: state.loss_sum / state.loss_rows as f64,
                validation_loss: validation.map(|(loss, _)| loss),
                validation_accuracy: validation.map(|(_, accuracy)| accuracy),
                learning_rate,
                clipped: state.clipped,
                seconds: clock.elapsed().as_secs_f64(),
            });
            (state.loss_sum, state.loss_rows) = (0.0, 0);
        }
        Ok(records)
    }
}

/// Mean loss and accuracy of windows.
fn validate(list: List, probabilities: &[Vec<f64>]) -> (f64, f64) {
    let (mut loss, mut correct) = (0.0, 0usize);
    for (sequence, p) in list.sequences().zip(probabilities) {
        let label = sequence.label as usize;
        loss -= p[label].max(f64::MIN_POSITIVE).ln();
        correct += usize::from(p.iter().enumerate().all(|(k, &other)| k == label || other < p[label]));
    }
    let windows = list.indices.len() as f64;
    (loss / windows, correct as f64 / windows)
}
