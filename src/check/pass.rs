//! A recurrent layer or a convolution block with its buffers, made once and run again and again: what benches
//! time.

use super::buffers::On;
use super::cases::{ConvCase, RnnCase};
use super::tensors::Tensors;
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{
    Conv, ConvBackward, ConvBackwardOperands, ConvForward, ConvForwardOperands, Purpose, Reals, Rnn,
    RnnBackward, RnnBackwardOperands, RnnForward, RnnForwardOperands, RnnLayer, RnnLoad, RnnLoadOperands,
    Words, Work,
};

/// A layer that is run again and again: forward, or as in a training step.
pub struct RnnPass<B: Backend> {
    rnn: Rnn,
    layer: RnnLayer<B>,
    weights: Reals<B>,
    x: Reals<B>,
    lengths: Words<B>,
    y: Reals<B>,
    last: Reals<B>,
    gradients: Option<Gradients<B>>,
}

/// The operands that only training has.
struct Gradients<B: Backend> {
    d_last: Reals<B>,
    d_weights: Reals<B>,
}

impl<B: Backend> RnnPass<B> {
    /// On the numbers of `case`, without an initial state.
    pub fn new(backend: &B, case: &RnnCase, tensors: &Tensors, training: bool) -> Result<Self> {
        let rnn = case.rnn;
        let on = On { device: backend, tensors };
        let gradients = || -> Result<Gradients<B>> {
            Ok(Gradients {
                d_last: on.reals("d_last")?,
                d_weights: backend.zeros(rnn.models * rnn.params())?,
            })
        };
        // The lowest layer of a network, which is the widest, needs no gradient by its input.
        let purpose = if training { Purpose::Training { input_gradient: false } } else { Purpose::Inference };
        let mut pass = RnnPass {
            rnn,
            layer: backend.layer(&rnn, purpose)?,
            weights: on.reals("weights")?,
            x: on.reals("x")?,
            lengths: on.words("lengths")?,
            y: backend.zeros(rnn.y_len())?,
            last: backend.zeros(rnn.state_len())?,
            gradients: training.then(gradients).transpose()?,
        };
        let a = RnnLoadOperands { weights: &pass.weights, layer: &mut pass.layer };
        backend.run::<RnnLoad>(&rnn, a)?;
        Ok(pass)
    }

    /// Forward; in training with the weights taken anew, as after an optimizer's step, and backward from the
    /// final state. Returns when the results are there.
    pub fn run(&mut self, backend: &B) -> Result<()> {
        self.queue(backend)?;
        backend.wait()
    }

    /// Asks for a pass, and does not wait for it.
    pub fn queue(&mut self, backend: &B) -> Result<()> {
        let RnnPass { rnn, layer, weights, x, lengths, y, last, gradients } = self;
        let save = gradients.is_some();
        if save {
            backend.run::<RnnLoad>(rnn, RnnLoadOperands { weights, layer })?;
        }
        let a = RnnForwardOperands { layer, save, x, lengths, initial: None, y, last };
        backend.run::<RnnForward>(rnn, a)?;
        let Some(Gradients { d_last, d_weights }) = gradients else { return Ok(()) };
        let a = RnnBackwardOperands {
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
        backend.run::<RnnBackward>(rnn, a)
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

/// A block with its buffers, run again and again: what benches time.
pub struct ConvPass<B: Backend> {
    conv: Conv,
    weights: Reals<B>,
    x: Reals<B>,
    lengths: Words<B>,
    y: Reals<B>,
    argmax: Reals<B>,
    dy: Reals<B>,
    dx: Reals<B>,
    d_weights: Reals<B>,
}

impl<B: Backend> ConvPass<B> {
    /// Uploads the tensors of a case and allocates its outputs.
    pub fn new(backend: &B, case: &ConvCase, tensors: &Tensors) -> Result<Self> {
        let conv = case.conv;
        let on = On { device: backend, tensors };
        let pass = ConvPass {
            conv,
            weights: on.reals("weights")?,
            x: on.reals("x")?,
            lengths: on.words("lengths")?,
            y: backend.zeros(conv.y_len())?,
            argmax: backend.zeros(conv.y_len())?,
            dy: on.reals("dy")?,
            dx: backend.zeros(conv.x_len())?,
            d_weights: backend.zeros(conv.models * conv.params())?,
        };
        Ok(pass)
    }

    /// Forward, then both gradients. Returns when they are there.
    pub fn run(&mut self, backend: &B) -> Result<()> {
        let ConvPass { conv, weights, x, lengths, y, argmax, dy, dx, d_weights } = self;
        let a = ConvForwardOperands { weights, x, lengths, y, argmax: Some(argmax) };
        backend.run::<ConvForward>(conv, a)?;
        let a = ConvBackwardOperands { weights, x, lengths, argmax, dy, dx: Some(dx), d_weights };
        backend.run::<ConvBackward>(conv, a)?;
        backend.wait()
    }

    /// Algorithmic work of one run.
    pub fn work(&self) -> Work {
        let s = &self.conv;
        s.forward_work(true) + s.weight_gradient_work() + s.input_gradient_work()
    }
}
