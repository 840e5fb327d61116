//! One recurrent layer and its buffers, made once: what benches time.

use super::{Case, Tensors};
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{Purpose, Rnn, RnnBackward, RnnForward, Work};

type Buf<B> = <B as Backend>::Buf<<B as Backend>::Real>;

/// A layer that is run again and again: forward, or as in a training step.
pub struct Pass<B: Backend> {
    rnn: Rnn,
    layer: B::Layer,
    weights: Buf<B>,
    x: Buf<B>,
    lengths: B::Buf<u32>,
    y: Buf<B>,
    last: Buf<B>,
    gradients: Option<Gradients<B>>,
}

/// What only training has.
struct Gradients<B: Backend> {
    d_last: Buf<B>,
    d_weights: Buf<B>,
}

impl<B: Backend> Pass<B> {
    /// On the numbers of `case`, without an initial state.
    pub fn new(backend: &B, case: &Case, tensors: &Tensors, training: bool) -> Result<Self> {
        let rnn = case.rnn;
        let upload = |values: &[f64]| super::upload(backend, values);
        let gradients = || -> Result<Gradients<B>> {
            Ok(Gradients {
                d_last: upload(&tensors.d_last)?,
                d_weights: backend.zeros(rnn.models * rnn.params())?,
            })
        };
        // The lowest layer of a network, which is the widest, needs no gradient by its input.
        let purpose = if training { Purpose::Training { input_gradient: false } } else { Purpose::Inference };
        let mut pass = Pass {
            rnn,
            layer: backend.rnn(&rnn, purpose)?,
            weights: upload(&tensors.weights)?,
            x: upload(&tensors.x)?,
            lengths: backend.zeros(tensors.lengths.len())?,
            y: backend.zeros(rnn.y_len())?,
            last: backend.zeros(rnn.state_len())?,
            gradients: training.then(gradients).transpose()?,
        };
        backend.write(&mut pass.lengths, &tensors.lengths)?;
        backend.rnn_load(&rnn, &pass.weights, &mut pass.layer)?;
        Ok(pass)
    }

    /// Forward; in training with the weights taken anew, as after an optimiser's step, and backward from the final state.
    /// Returns when the results are there.
    pub fn run(&mut self, backend: &B) -> Result<()> {
        self.queue(backend)?;
        backend.wait()
    }

    /// Asks for a pass, and does not wait for it.
    pub fn queue(&mut self, backend: &B) -> Result<()> {
        let Pass { rnn, layer, weights, x, lengths, y, last, gradients } = self;
        let keep = gradients.is_some();
        if keep {
            backend.rnn_load(rnn, weights, layer)?;
        }
        backend.rnn_forward(rnn, RnnForward { layer, keep, x, lengths, initial: None, y, last })?;
        let Some(Gradients { d_last, d_weights }) = gradients else { return Ok(()) };
        let operands = RnnBackward {
            layer,
            x,
            lengths,
            initial: None,
            y,
            dy: None,
            d_last: Some(d_last),
            dx: None,
            d_initial: None,
            d_weights,
        };
        backend.rnn_backward(rnn, operands)
    }

    /// Algorithmic work of one run.
    pub fn work(&self) -> Work {
        let s = &self.rnn;
        match self.gradients {
            None => s.forward_work(false),
            Some(_) => {
                s.load_work() + s.forward_work(true) + s.backward_work(false) + s.weight_gradient_work()
            }
        }
    }
}
