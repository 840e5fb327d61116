//! The memory of a recurrent layer.

use crate::ops::{Real, Rnn};

/// The layer as the equations see it: `weights` are the parameters of the whole network, `(M, P)`, of which
/// the layer reads its own; `reserve (M, dirs, T, B, saved, H)` is what forward saves for backward.
pub struct Layer<F> {
    /// The layer's parameters, `(M, P)` of the weights that were loaded.
    pub weights: Vec<F>,
    pub(super) reserve: Vec<F>,
}

impl<F: Real> Layer<F> {
    /// A layer of these sizes, all 0.
    pub fn new(s: &Rnn) -> Self {
        let zeros = |len: usize| vec![F::zero(); len];
        Layer { weights: zeros(Self::weights(s)), reserve: zeros(s.reserve_len()) }
    }

    fn weights(s: &Rnn) -> usize {
        s.weights.start(s.models - 1) + s.params()
    }

    /// Numbers in it.
    pub fn numbers(s: &Rnn) -> usize {
        Self::weights(s) + s.reserve_len()
    }
}
