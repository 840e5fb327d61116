//! One stage of a network in device memory: its step forward and its step back.

use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{
    self, Attention, AttentionBackward, AttentionBackwardOperands, AttentionForward,
    AttentionForwardOperands, Conv, ConvBackward, ConvBackwardOperands, ConvForward, ConvForwardOperands,
    Dropout, Linear, LinearBackward, LinearBackwardOperands, LinearForward, LinearForwardOperands, Placed,
    Pool, PoolBackward, PoolBackwardOperands, PoolForward, PoolForwardOperands, PoolKind, Purpose, Reals,
    Rnn, RnnBackward, RnnBackwardOperands, RnnForward, RnnForwardOperands, RnnLayer, RnnLoad,
    RnnLoadOperands, Words,
};

/// The activations between one stage and the next.
pub struct Activation<B: Backend> {
    pub y: Reals<B>,
    /// The second output of a stage: the final states of a recurrent layer, or the attention weights of the
    /// steps. Empty for other stages.
    pub aside: Reals<B>,
}

/// The buffers of a stage that only training has.
pub struct Tape<B: Backend> {
    /// The output after dropout, where something is dropped.
    pub dropped: Option<Reals<B>>,
    /// Saved by the stage for its own backward pass; empty for most.
    saved: Reals<B>,
    /// Gradient by `y`, or by the final states where the next stage reads those alone.
    pub gradient: Reals<B>,
    of_last: bool,
}

/// A stage on the device.
pub enum Stage<B: Backend> {
    Conv(Conv),
    Rnn(Rnn, RnnLayer<B>),
    Pool(Pool),
    Attention(Attention),
    Linear(Linear),
}

/// The input that all stages of a pass read.
pub struct Pass<'a, B: Backend> {
    pub backend: &'a B,
    /// `(M, P)`
    pub weights: &'a Reals<B>,
    /// `(M, B)`: of the stage's rows.
    pub lengths: &'a Words<B>,
}

/// Numbers that a stage gives beside its output, of all models.
fn aside(stage: &ops::Stage) -> usize {
    match stage {
        ops::Stage::Rnn(s) => s.state_len(),
        ops::Stage::Attention(s) => s.scores_len(),
        _ => 0,
    }
}

impl<B: Backend> Activation<B> {
    /// Numbers in its buffers.
    pub fn numbers(stage: &ops::Stage) -> usize {
        stage.output_len() + aside(stage)
    }

    pub fn new(backend: &B, stage: &ops::Stage) -> Result<Self> {
        Ok(Activation { y: backend.zeros(stage.output_len())?, aside: backend.zeros(aside(stage))? })
    }
}

impl<B: Backend> Stage<B> {
    pub fn new(backend: &B, stage: &ops::Stage, purpose: Purpose) -> Result<Self> {
        Ok(match *stage {
            ops::Stage::Conv(s) => Stage::Conv(s),
            ops::Stage::Rnn(s) => Stage::Rnn(s, backend.layer(&s, purpose)?),
            ops::Stage::Pool(s) => Stage::Pool(s),
            ops::Stage::Attention(s) => Stage::Attention(s),
            ops::Stage::Linear(s) => Stage::Linear(s),
        })
    }

    /// Bytes of the device's part of a stage.
    pub fn bytes(backend: &B, stage: &ops::Stage, purpose: Purpose) -> Result<usize> {
        match stage {
            ops::Stage::Rnn(s) => backend.layer_bytes(s, purpose),
            _ => Ok(0),
        }
    }

    /// Takes the weights that it has in an order of its own.
    pub fn load(&mut self, backend: &B, weights: &Reals<B>) -> Result<()> {
        match self {
            Stage::Rnn(s, layer) => backend.run::<RnnLoad>(s, RnnLoadOperands { weights, layer }),
            _ => Ok(()),
        }
    }

    /// From `x`, the output `below` with or without dropout, to `out`. With a tape it saves what backward
    /// needs.
    pub fn forward(
        &mut self,
        pass: &Pass<B>,
        (x, below): (&Reals<B>, &Activation<B>),
        out: &mut Activation<B>,
        tape: Option<&mut Tape<B>>,
    ) -> Result<()> {
        let Pass { backend, weights, lengths } = *pass;
        let Activation { y, aside } = out;
        match self {
            Stage::Conv(s) => {
                let argmax = tape.map(|tape| &mut tape.saved);
                backend.run::<ConvForward>(s, ConvForwardOperands { weights, x, lengths, y, argmax })
            }
            Stage::Rnn(s, layer) => {
                let save = tape.is_some();
                let a = RnnForwardOperands { layer, save, x, lengths, initial: None, y, last: aside };
                backend.run::<RnnForward>(s, a)
            }
            Stage::Pool(s) => {
                let from = if s.kind == PoolKind::Last { &below.aside } else { x };
                backend.run::<PoolForward>(s, PoolForwardOperands { lengths, from, out: y })
            }
            Stage::Attention(s) => {
                let a = AttentionForwardOperands { weights, lengths, x, attention: aside, out: y };
                backend.run::<AttentionForward>(s, a)
            }
            Stage::Linear(s) => backend.run::<LinearForward>(s, LinearForwardOperands { weights, x, y }),
        }
    }

    /// From the gradient in `tape` to `d_weights` and, where it is asked for, the gradient by what the stage
    /// reads.
    pub fn backward(
        &mut self,
        pass: &Pass<B>,
        (x, Activation { y, aside }): (&Reals<B>, &Activation<B>),
        tape: &mut Tape<B>,
        dx: Option<&mut Reals<B>>,
        d_weights: &mut Reals<B>,
    ) -> Result<()> {
        let Pass { backend, weights, lengths } = *pass;
        let Tape { saved, gradient, of_last, .. } = tape;
        let dy = &*gradient;
        match self {
            Stage::Conv(s) => {
                let a = ConvBackwardOperands { weights, x, lengths, argmax: saved, dy, dx, d_weights };
                backend.run::<ConvBackward>(s, a)
            }
            Stage::Rnn(s, layer) => {
                let (dy, d_last) = if *of_last { (None, Some(dy)) } else { (Some(dy), None) };
                let (initial, d_initial) = (None, None);
                let a = RnnBackwardOperands {
                    layer,
                    x,
                    lengths,
                    initial,
                    y,
                    dy,
                    d_last,
                    dx,
                    d_initial,
                    d_weights,
                };
                backend.run::<RnnBackward>(s, a)
            }
            Stage::Pool(s) => dx.map_or(Ok(()), |to| {
                backend.run::<PoolBackward>(s, PoolBackwardOperands { lengths, d_out: dy, to })
            }),
            Stage::Attention(s) => {
                let (attention, d_out, d_scores) = (aside, dy, saved);
                let dx = dx.expect("attention stands on a recurrent layer");
                let a = AttentionBackwardOperands {
                    weights,
                    lengths,
                    x,
                    attention,
                    d_out,
                    d_scores,
                    dx,
                    d_weights,
                };
                backend.run::<AttentionBackward>(s, a)
            }
            Stage::Linear(s) => {
                backend.run::<LinearBackward>(s, LinearBackwardOperands { weights, x, y, dy, dx, d_weights })
            }
        }
    }
}

impl<B: Backend> Tape<B> {
    /// For a stage whose output the stage `above` reads, if there is one.
    pub fn new(backend: &B, own: &Placed, above: Option<&Placed>, drops: bool) -> Result<Self> {
        let TapeLens { dropped, saved, gradient, of_last } = TapeLens::of(own, above, drops);
        Ok(Tape {
            dropped: dropped.map(|len| backend.zeros(len)).transpose()?,
            saved: backend.zeros(saved)?,
            gradient: backend.zeros(gradient)?,
            of_last,
        })
    }

    /// Numbers in its buffers.
    pub fn numbers(own: &Placed, above: Option<&Placed>, drops: bool) -> usize {
        let TapeLens { dropped, saved, gradient, .. } = TapeLens::of(own, above, drops);
        dropped.unwrap_or(0) + saved + gradient
    }
}

/// Numbers of a tape's buffers.
struct TapeLens {
    dropped: Option<usize>,
    saved: usize,
    gradient: usize,
    of_last: bool,
}

impl TapeLens {
    fn of(own: &Placed, above: Option<&Placed>, drops: bool) -> Self {
        let pools_last =
            |above: &Placed| matches!(above.stage, ops::Stage::Pool(pool) if pool.kind == PoolKind::Last);
        let (of_last, len) = (above.is_some_and(pools_last), own.stage.output_len());
        TapeLens {
            dropped: (drops && own.dropout.is_some()).then_some(len),
            saved: match own.stage {
                ops::Stage::Conv(_) => len,
                ops::Stage::Attention(s) => s.scores_len(),
                _ => 0,
            },
            gradient: if of_last { aside(&own.stage) } else { len },
            of_last,
        }
    }
}

/// The dropout that follows a stage, if there is one.
pub fn dropout(placed: &Placed, models: usize, rate: f64) -> Option<Dropout> {
    let len = placed.stage.output_len() / models;
    placed.dropout.filter(|_| rate > 0.0).map(|layer| Dropout { models, len, rate, layer })
}
