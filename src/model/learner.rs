//! Training steps: the loss, the way back through the network, the update.

use super::{
    Batch, Buf, DENSE, Extent, Model, POOLED, Pass, StepReport, Training, Turn, expect_len, read_f32,
    to_real, write_f32,
};
use crate::backend::Backend;
use crate::error::{Error, Fault, Result};
use crate::ops::{
    Conv, Dropout, Linear, LinearBackward, Loss, LossOperands, Network, OptimizerOperands, PoolKind,
    Real as _, Rnn, RnnBackward, StepScalars,
};

/// Gradients and optimiser state.
pub struct Learner<B: Backend> {
    pub training: Training,
    pub gradients: Buf<B>,
    first_moment: Buf<B>,
    second_moment: Buf<B>,
    scalars: Buf<B>,
    /// `(R, M)` each, one row per step that has not been read.
    pub norms: Buf<B>,
    pub losses: Buf<B>,
    /// Steps whose losses and norms have not been read.
    unread: usize,
    class_weights: Buf<B>,
    /// By linear layer: gradient by its output, `(M, B, out)`.
    d_linear: Vec<Buf<B>>,
    /// By recurrent layer: gradient by its output, `(M, T, B, dirs*H)`.
    dy: Vec<Buf<B>>,
    /// By recurrent layer: gradient by its final state; used for the last one only.
    d_last: Buf<B>,
    d_pooled: Buf<B>,
    /// Where a gradient waits before it goes back through dropout.
    scratch: Option<Buf<B>>,
}

impl<B: Backend> Learner<B> {
    pub fn new(backend: &B, network: &Network, extent: Extent, training: Training) -> Result<Self> {
        let Extent { models, batch, steps, .. } = extent;
        let real = |len: usize| backend.zeros::<B::Real>(len);
        let (blocks, rnns) = (network.conv_blocks(models, batch, steps), network.rnns(models, batch, steps));
        let linears = network.linears(models, batch);
        let (weights, pooled) = (models * network.params(), models * batch * network.pooled());
        let outputs = |spec: &Linear| models * batch * spec.output;
        // Of everything that is dropped out of.
        let longest = rnns
            .iter()
            .map(Rnn::y_len)
            .chain(blocks.iter().map(Conv::y_len))
            .chain(linears.iter().map(outputs))
            .fold(pooled, usize::max);
        let top = rnns.last().expect("the network was checked");
        let mut learner = Learner {
            gradients: real(weights)?,
            first_moment: real(weights)?,
            second_moment: real(weights)?,
            scalars: real(models * StepScalars::LEN)?,
            norms: real(models * backend.steps_ahead())?,
            losses: real(models * backend.steps_ahead())?,
            unread: 0,
            class_weights: real(models * network.classes)?,
            d_linear: linears.iter().map(|spec| real(outputs(spec))).collect::<Result<_>>()?,
            dy: rnns.iter().map(|spec| real(spec.y_len())).collect::<Result<_>>()?,
            d_last: real(top.state_len())?,
            d_pooled: real(pooled)?,
            scratch: (network.dropout > 0.0).then(|| real(longest)).transpose()?,
            training,
        };
        backend.write(&mut learner.class_weights, &to_real::<B>(&learner.training.class_weights))?;
        Ok(learner)
    }
}

impl<B: Backend> Model<'_, B> {
    /// An error of a model that was made for inference.
    fn learner(&self) -> Result<&Learner<B>> {
        let error = || Error::new(Fault::Other, "a model that was made for inference is asked to train");
        self.learner.as_ref().ok_or_else(error)
    }

    /// Both optimiser moments, `(M, P)` each.
    pub fn moments(&self) -> Result<[Vec<f32>; 2]> {
        let learner = self.learner()?;
        let len = self.extent.models * self.network.params();
        Ok([
            read_f32(self.backend, &learner.first_moment, len)?,
            read_f32(self.backend, &learner.second_moment, len)?,
        ])
    }

    pub fn set_moments(&mut self, moments: [&[f32]; 2]) -> Result<()> {
        self.learner()?;
        let len = self.extent.models * self.network.params();
        moments.iter().try_for_each(|moment| expect_len("moments", moment, len))?;
        let learner = self.learner.as_mut().expect("asked above");
        write_f32(self.backend, &mut learner.first_moment, moments[0])?;
        write_f32(self.backend, &mut learner.second_moment, moments[1])
    }

    /// Forward, loss, backward, clip and update of all models that have rows. What it tells waits for
    /// [`Model::reports`], which must be asked when [`Model::waiting`] has come to [`Backend::steps_ahead`]: a step more is an error.
    pub fn train(&mut self, frames: &B::Frames, batch: &Batch, turns: &[Turn]) -> Result<()> {
        self.gradients(frames, batch, turns)?;
        self.update(turns)
    }

    /// The part of a training step before the update.
    pub fn gradients(&mut self, frames: &B::Frames, batch: &Batch, turns: &[Turn]) -> Result<()> {
        let (waiting, most) = (self.waiting(), self.backend.steps_ahead());
        self.learner()?;
        if waiting == most {
            return Err(Error::new(
                Fault::Other,
                format!("{waiting} steps wait for `Model::reports`, and this backend keeps {most}"),
            )
            .hint("ask for the reports before the next step"));
        }
        if turns.len() != self.extent.models {
            return Err(Error::new(
                Fault::Other,
                format!("{} turns of {} models", turns.len(), self.extent.models),
            ));
        }
        let marks: Vec<u32> = turns.iter().flat_map(|turn| [turn.fold, turn.scalars.update as u32]).collect();
        self.backend.write(&mut self.marks, &marks)?;
        self.load(frames, batch)?;
        self.forward(true)?;
        self.backward()
    }

    /// Steps whose reports have not been read.
    pub fn waiting(&self) -> usize {
        self.learner.as_ref().map_or(0, |learner| learner.unread)
    }

    /// What the steps tell that were trained since the last call, the oldest first.
    pub fn reports(&mut self) -> Result<Vec<StepReport>> {
        self.learner()?;
        let (backend, models) = (self.backend, self.extent.models);
        let learner = self.learner.as_mut().expect("asked above");
        let read = |buffer| -> Result<Vec<f64>> {
            let mut host = vec![B::Real::zero(); models * learner.unread];
            backend.read(buffer, &mut host)?;
            Ok(host.into_iter().map(|value| value.get()).collect())
        };
        let (losses, norms) = (read(&learner.losses)?, read(&learner.norms)?);
        learner.unread = 0;
        let report =
            |(losses, norms): (&[f64], &[f64])| StepReport { losses: losses.into(), norms: norms.into() };
        Ok(losses.chunks(models).zip(norms.chunks(models)).map(report).collect())
    }

    fn backward(&mut self) -> Result<()> {
        let backend = self.backend;
        let Extent { models, batch, .. } = self.extent;
        let pooled_dropout = self.dropout(POOLED, models * batch * self.network.pooled());
        let dense_dropout = self.dropout(DENSE, models * batch * self.network.dense.unwrap_or(0));
        let rnn_dropouts: Vec<Dropout> = self
            .layers
            .iter()
            .enumerate()
            .map(|(l, layer)| self.dropout(l as u32, layer.spec.y_len()))
            .collect();
        let front_dropouts = self.front_dropouts();
        let lengths = self.lengths.last().expect("the input has lengths");
        let learner = self.learner.as_mut().expect("made for training");

        let classes = self.network.classes;
        let loss = Loss { models, batch, classes, smoothing: learner.training.smoothing };
        let operands = LossOperands {
            logits: &self.linears.last().expect("the output layer").y,
            labels: &self.labels,
            lengths,
            class_weights: &learner.class_weights,
            losses: &mut learner.losses,
            row: learner.unread,
            d_logits: learner.d_linear.last_mut().expect("the output layer"),
        };
        backend.loss(&loss, operands)?;

        // The linear layers, from the output down; a gradient that goes back through dropout waits in `scratch`.
        for i in (0..self.linears.len()).rev() {
            let layer = &self.linears[i];
            let (lower_dy, dy) = learner.d_linear.split_at_mut(i);
            let (x, d_x, dropout) = match (i.checked_sub(1), lower_dy.last_mut()) {
                (Some(below), Some(lower_dy)) => {
                    let below = &self.linears[below];
                    (below.dropped.as_ref().unwrap_or(&below.y), lower_dy, &dense_dropout)
                }
                _ => {
                    let x = self.pooled_dropped.as_ref().unwrap_or(&self.pooled);
                    (x, &mut learner.d_pooled, &pooled_dropout)
                }
            };
            let (dx, behind_dropout) = match &mut learner.scratch {
                None => (d_x, None),
                Some(scratch) => (scratch, Some(d_x)),
            };
            let operands = LinearBackward {
                weights: &self.weights,
                x,
                y: &layer.y,
                dy: &dy[0],
                dx: Some(dx),
                d_weights: &mut learner.gradients,
            };
            backend.linear_backward(&layer.spec, operands)?;
            if let (Some(scratch), Some(d_x)) = (&learner.scratch, behind_dropout) {
                backend.dropout(dropout, &self.marks, scratch, d_x)?;
            }
        }

        let top = self.layers.len() - 1;
        let (dy, d_last) = (&mut learner.dy[top], &mut learner.d_last);
        backend.pool_backward(&self.pool, lengths, &learner.d_pooled, dy, d_last)?;
        for l in (0..=top).rev() {
            let (lower, here) = self.layers.split_at_mut(l);
            let layer = &mut here[0];
            let (lower_dy, dy) = learner.dy.split_at_mut(l);
            // What is below, where its gradient goes, and the dropout on the way.
            let (x, d_below, dropout) = match (lower.last(), lower_dy.last_mut(), self.front.top()) {
                (Some(below), Some(lower_dy), _) => {
                    (below.dropped.as_ref().unwrap_or(&below.y), Some(lower_dy), rnn_dropouts.get(l - 1))
                }
                (_, _, Some((y, dy))) => (y, Some(dy), front_dropouts.last()),
                _ => (&self.x, None, None),
            };
            let (dx, behind_dropout) = match (d_below, &mut learner.scratch) {
                (Some(d_below), Some(scratch)) => (Some(scratch), Some(d_below)),
                (d_below, _) => (d_below, None),
            };
            let from_steps = l < top || self.pool.kind == PoolKind::Mean;
            let operands = RnnBackward {
                layer: &mut layer.device,
                x,
                lengths,
                initial: None,
                y: &layer.y,
                dy: from_steps.then_some(&dy[0]),
                d_last: (!from_steps).then_some(&learner.d_last),
                dx,
                d_initial: None,
                d_weights: &mut learner.gradients,
            };
            backend.rnn_backward(&layer.spec, operands)?;
            if let (Some(scratch), Some(d_below), Some(dropout)) = (&learner.scratch, behind_dropout, dropout)
            {
                backend.dropout(dropout, &self.marks, scratch, d_below)?;
            }
        }
        let pass = Pass {
            backend,
            weights: &self.weights,
            x: &self.x,
            lengths: &self.lengths,
            marks: &self.marks,
            dropouts: &front_dropouts,
        };
        self.front.backward(&pass, learner.scratch.as_mut(), &mut learner.gradients)
    }

    fn update(&mut self, turns: &[Turn]) -> Result<()> {
        let backend = self.backend;
        let learner = self.learner.as_mut().expect("made for training");
        let optimizer = learner.training.optimizer;
        let scalars: Vec<f64> = turns.iter().flat_map(|turn| turn.scalars.pack(&optimizer)).collect();
        backend.write(&mut learner.scalars, &to_real::<B>(&scalars))?;
        let operands = OptimizerOperands {
            weights: &mut self.weights,
            gradients: &learner.gradients,
            first_moment: &mut learner.first_moment,
            second_moment: &mut learner.second_moment,
            scalars: &learner.scalars,
            norms: &mut learner.norms,
            row: learner.unread,
        };
        backend.optimize(&optimizer, operands)?;
        self.unloaded = true;
        learner.unread += 1;
        Ok(())
    }
}
