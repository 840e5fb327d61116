//! One training step of all folds, and its losses, which are read later.

use super::fold_group::{FoldGroup, PendingStep};
use super::observer::StepRecord;
use super::plan::{self, List};
use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::model::{StepInput, StepReport};
use crate::ops::StepScalars;

impl<B: Backend> FoldGroup<'_, B> {
    /// A training step of all folds. Returns the reports that are due, of all pending steps.
    pub(super) fn step(&mut self, lists: &[List]) -> Result<Vec<StepReport>> {
        let extent = self.trainer.model().extent();
        let batch = plan::batch(lists, extent, self.position);
        let rows: Vec<usize> = batch
            .lengths
            .chunks(extent.batch)
            .map(|lengths| lengths.iter().filter(|&&length| length > 0).count())
            .collect();
        let mut inputs = Vec::with_capacity(extent.models);
        for (member, &rows) in self.members.iter_mut().zip(&rows) {
            let active = rows > 0;
            member.state.updates += u64::from(active);
            let learning_rate = member.learning_rate();
            let update = if active { member.state.updates } else { 0 };
            inputs.push(StepInput { fold: member.number, scalars: StepScalars { learning_rate, update } });
        }
        let reports = self.trainer.train(&self.frames, &batch, &inputs)?;
        self.pending.push(PendingStep { position: self.position, batch, rows, inputs });
        self.position += 1;
        Ok(reports)
    }

    /// Accounts for the losses of all pending steps, due or not.
    pub(super) fn drain(&mut self, lists: &[List]) -> Result<Vec<StepRecord>> {
        let reports = self.trainer.reports()?;
        self.account(lists, reports)
    }

    /// Accounts for the losses of the pending steps, whose reports these are.
    pub(super) fn account(&mut self, lists: &[List], reports: Vec<StepReport>) -> Result<Vec<StepRecord>> {
        let steps = std::mem::take(&mut self.pending);
        let mut records = Vec::new();
        for (step, report) in steps.iter().zip(reports) {
            for (m, input) in step.inputs.iter().enumerate().filter(|(_, input)| input.scalars.update > 0) {
                let (loss, grad_norm, rows) = (report.losses[m], report.norms[m], step.rows[m]);
                if !loss.is_finite() || !grad_norm.is_finite() {
                    return Err(self.broken_step(m, step, &report, lists[m]));
                }
                let member = &mut self.members[m].state;
                member.loss_sum += loss * rows as f64;
                member.loss_rows += rows;
                member.clipped += u64::from(grad_norm > self.spec.clip);
                records.push(StepRecord {
                    member: m,
                    fold: input.fold + 1,
                    epoch: self.epoch + 1,
                    step: input.scalars.update,
                    rows,
                    loss,
                    grad_norm,
                    learning_rate: input.scalars.learning_rate,
                });
            }
        }
        Ok(records)
    }

    fn broken_step(&mut self, m: usize, step: &PendingStep, report: &StepReport, list: List) -> Error {
        let rows = step.batch.lengths.len() / self.members.len();
        let sequences: Vec<u32> =
            list.indices.iter().skip(step.position * rows).take(rows).copied().collect();
        let what = format!(
            "step {}: loss {}, gradient norm {}, sequences {sequences:?}",
            step.inputs[m].scalars.update, report.losses[m], report.norms[m]
        );
        // Steps may have followed. The broken model has not moved since: the step is seen again as it was.
        match self.trainer.gradients(&self.frames, &step.batch, &step.inputs) {
            Ok(()) => self.not_finite(m, self.epoch + 1, &what),
            Err(error) => error,
        }
    }
}
