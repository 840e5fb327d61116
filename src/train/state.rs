//! Everything that a stopped training needs to go on, bit for bit.

use serde::{Deserialize, Serialize};

/// One fold's place in its training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberState {
    /// Updates done.
    pub updates: u64,
    /// Of the epoch at hand: sum of the losses of its rows so far, and how many.
    pub loss_sum: f64,
    /// Rows in `loss_sum`.
    pub loss_rows: usize,
    /// Smallest validation loss so far; absent before the first epoch and without a validation part.
    pub best_loss: Option<f64>,
    /// Epoch of the best weights, from 1; 0 before the first epoch.
    pub best_epoch: usize,
    /// Epochs taken part in.
    pub last_epoch: usize,
    /// Epochs since the best.
    pub stale: usize,
    /// Steps so far whose gradient was clipped.
    pub clipped: u64,
    /// Whether early stopping has ended the fold.
    pub stopped: bool,
}

/// A fold group between two steps.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Epochs that are complete.
    pub epoch: usize,
    /// Steps of the epoch at hand that are done.
    pub position: usize,
    /// One for each fold of the group.
    pub members: Vec<MemberState>,
    /// `(M, P)` each.
    pub weights: Vec<f32>,
    /// The optimizer's first moments, `(M, P)`.
    pub first_moment: Vec<f32>,
    /// The optimizer's second moments, `(M, P)`.
    pub second_moment: Vec<f32>,
    /// Weights of the best epoch so far, `(M, P)`.
    pub best_weights: Vec<f32>,
}

impl State {
    /// The states of parts of the group with so many folds each, in order.
    pub fn split(self, folds: usize) -> Vec<State> {
        let parts = self.members.len() / folds.max(1);
        // Nothing is copied for a single part.
        if parts <= 1 {
            return vec![self];
        }
        let size = self.weights.len() / parts;
        let part = |values: &[f32], n: usize| values[n * size..(n + 1) * size].to_vec();
        let state = |(n, members): (usize, &[MemberState])| State {
            epoch: self.epoch,
            position: self.position,
            members: members.to_vec(),
            weights: part(&self.weights, n),
            first_moment: part(&self.first_moment, n),
            second_moment: part(&self.second_moment, n),
            best_weights: part(&self.best_weights, n),
        };
        self.members.chunks_exact(folds).enumerate().map(state).collect()
    }

    /// The state of the group that has the folds of all these, which are at the same step; `None` of none.
    pub fn join(states: Vec<State>) -> Option<State> {
        let mut states = states.into_iter();
        let mut whole = states.next()?;
        for state in states {
            whole.members.extend(state.members);
            whole.weights.extend(state.weights);
            whole.first_moment.extend(state.first_moment);
            whole.second_moment.extend(state.second_moment);
            whole.best_weights.extend(state.best_weights);
        }
        Some(whole)
    }
}
