//! Training steps: the loss, the way back through the stages, the update.

use super::batch::{Batch, Extent, StepInput, StepReport, Training};
use super::buffers::{expect_len, read, read_f32, write, write_f32};
use super::network::{Model, Recording};
use super::stage::{Activation, Pass, Stage, Tape, dropout};
use crate::backend::Backend;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::{
    Dropout, DropoutOperands, Loss, LossOperands, Network, Optimizer, OptimizerOperands, Placed, Purpose,
    Reals, StepScalars, Words,
};
use crate::random::{Stream, key};

/// Networks with gradients and optimizer state.
pub struct Trainer<'b, B: Backend> {
    model: Model<'b, B>,
    training: Training,
    /// By stage.
    tapes: Vec<Tape<B>>,
    dropouts: Vec<Option<Dropout>>,
    /// Where a gradient waits before it goes back through dropout.
    scratch: Reals<B>,
    labels: Words<B>,
    /// `(M, 4)`: Philox key, fold and step, for dropout.
    counters: Words<B>,
    class_weights: Reals<B>,
    pub(super) gradients: Reals<B>,
    first_moment: Reals<B>,
    second_moment: Reals<B>,
    scalars: Reals<B>,
    /// `(R, M)` each, one row per step that has not been read.
    pub(super) norms: Reals<B>,
    pub(super) losses: Reals<B>,
    /// Steps whose losses and norms have not been read.
    unread: usize,
}

impl<'b, B: Backend> Trainer<'b, B> {
    /// Networks with zero weights, moments and identity statistics.
    pub fn new(backend: &'b B, network: &Network, extent: Extent, training: Training) -> Result<Self> {
        // The lowest stage needs no gradient by its input.
        let purpose = |stage| Purpose::Training { input_gradient: stage > 0 };
        let Extent { models, batch, .. } = extent;
        let beside: [&[usize]; 2] = [&[models * batch, models * 4], &[models * StepScalars::LEN]];
        let (model, (words, reals)) = Model::made_for(backend, network, extent, purpose, beside)?;
        let [labels, counters] = words.try_into().ok().expect("two lengths");
        let [scalars] = reals.try_into().ok().expect("one length");
        let real = |len: usize| backend.zeros::<B::Real>(len);
        let (placed, params) = (&model.placed, model.params());
        let drops = network.dropout > 0.0;
        let tapes =
            placed.iter().enumerate().map(|(i, own)| Tape::new(backend, own, placed.get(i + 1), drops));
        let dropouts: Vec<_> = placed.iter().map(|placed| dropout(placed, models, network.dropout)).collect();
        let longest = dropouts.iter().flatten().map(|dropout| models * dropout.len).max();
        let mut trainer = Trainer {
            tapes: tapes.collect::<Result<_>>()?,
            scratch: real(longest.unwrap_or(0))?,
            dropouts,
            labels,
            counters,
            class_weights: real(models * network.classes)?,
            gradients: real(params)?,
            first_moment: real(params)?,
            second_moment: real(params)?,
            scalars,
            norms: real(models * backend.steps_ahead())?,
            losses: real(models * backend.steps_ahead())?,
            unread: 0,
            training,
            model,
        };
        write(backend, &mut trainer.class_weights, &trainer.training.class_weights)?;
        Ok(trainer)
    }

    /// Bytes that a trainer takes on a device: what its buffers and layers reserve.
    pub fn bytes(backend: &B, network: &Network, extent: Extent) -> Result<usize> {
        Trainer::bytes_of_rows(backend, network, extent, extent.steps)
    }

    /// As [`Trainer::bytes`], on a device whose layers keep a row's own steps only: of `kept` steps on
    /// average. All other buffers keep as many as the longest row has.
    pub fn bytes_of_rows(backend: &B, network: &Network, extent: Extent, kept: usize) -> Result<usize> {
        let Extent { models, batch, steps, .. } = extent;
        let placed = network.stages(models, batch, steps);
        let layers = network.stages(models, batch, kept);
        let drops = network.dropout > 0.0;
        let stage = |(i, own): (usize, &Placed)| -> Result<usize> {
            let purpose = Purpose::Training { input_gradient: i > 0 };
            let numbers =
                Activation::<B>::numbers(&own.stage) + Tape::<B>::numbers(own, placed.get(i + 1), drops);
            Ok(size_of::<B::Real>() * numbers + Stage::bytes(backend, &layers[i].stage, purpose)?)
        };
        let stages = placed.iter().enumerate().map(stage).sum::<Result<usize>>()?;
        let dropped = placed.iter().filter(|placed| drops && placed.dropout.is_some());
        let scratch = dropped.map(|placed| placed.stage.output_len()).max().unwrap_or(0);
        let input = models * steps * batch * network.features;
        // Weights, gradients and both moments.
        Ok(stages + size_of::<B::Real>() * (scratch + input + 4 * models * network.params()))
    }

    /// The networks, to evaluate or read.
    pub fn model(&self) -> &Model<'b, B> {
        &self.model
    }

    /// The networks, to evaluate or set.
    pub fn model_mut(&mut self) -> &mut Model<'b, B> {
        &mut self.model
    }

    /// The gradients of the last training step, or of the last call of [`Trainer::gradients`], before
    /// clipping: `(M, P)`. [`Network::tensors`] names those of a model.
    pub fn last_gradients(&self) -> Result<Vec<f32>> {
        read_f32(self.model.backend, &self.gradients, self.model.params())
    }

    /// Both optimizer moments, `(M, P)` each.
    pub fn moments(&self) -> Result<[Vec<f32>; 2]> {
        let (backend, len) = (self.model.backend, self.model.params());
        Ok([read_f32(backend, &self.first_moment, len)?, read_f32(backend, &self.second_moment, len)?])
    }

    /// Sets the optimizer's first and second moments, `(M, P)` each.
    pub fn set_moments(&mut self, moments: [&[f32]; 2]) -> Result<()> {
        let (backend, len) = (self.model.backend, self.model.params());
        moments.iter().try_for_each(|moment| expect_len("moments", moment, len))?;
        write_f32(backend, &mut self.first_moment, moments[0])?;
        write_f32(backend, &mut self.second_moment, moments[1])
    }

    /// Forward, loss, backward, clip and update of all models that have rows. Gives back what the steps since
    /// the last report tell once the device has as many as it keeps ([`Backend::steps_ahead`]), the oldest
    /// first; until then nothing.
    pub fn train(
        &mut self,
        frames: &B::Frames,
        batch: &Batch,
        inputs: &[StepInput],
    ) -> Result<Vec<StepReport>> {
        let backend = self.model.backend;
        let done = backend.as_one(|| {
            self.gradients(frames, batch, inputs)?;
            self.update()
        });
        self.model.unloaded |= done.is_err();
        done?;
        self.unread += 1;
        match self.unread == backend.steps_ahead() {
            true => self.reports(),
            false => Ok(Vec::new()),
        }
    }

    /// The part of a training step before the update.
    pub fn gradients(&mut self, frames: &B::Frames, batch: &Batch, inputs: &[StepInput]) -> Result<()> {
        let models = self.model.extent.models;
        if inputs.len() != models {
            return Err(Error::new(ErrorKind::Other, format!("{} inputs of {models} models", inputs.len())));
        }
        batch.check(self.model.extent, self.model.network.classes)?;
        self.write(batch, inputs)?;
        self.model.gather(frames)?;
        let Trainer { tapes, dropouts, counters, .. } = self;
        self.model.forward(Some(Recording { tapes, dropouts, counters }))?;
        self.loss()?;
        self.backward()
    }

    /// Writes all that a training step takes from the host, in the order of the buffers: they lie side by
    /// side.
    fn write(&mut self, batch: &Batch, inputs: &[StepInput]) -> Result<()> {
        let (backend, optimizer) = (self.model.backend, self.training.optimizer);
        self.model.write(batch)?;
        backend.write(&mut self.labels, &batch.labels)?;
        let counters: Vec<u32> = inputs
            .iter()
            .zip(&self.training.seeds)
            .flat_map(|(input, &seed)| {
                let [key_0, key_1] = key(seed, Stream::Dropout);
                [key_0, key_1, input.fold, input.scalars.update as u32]
            })
            .collect();
        backend.write(&mut self.counters, &counters)?;
        let scalars: Vec<f64> = inputs.iter().flat_map(|input| input.scalars.pack(&optimizer)).collect();
        write(backend, &mut self.scalars, &scalars)
    }

    /// The reports that [`Trainer::train`] has not yet returned, the oldest first.
    pub fn reports(&mut self) -> Result<Vec<StepReport>> {
        let (backend, models) = (self.model.backend, self.model.extent.models);
        let rows = std::mem::take(&mut self.unread) * models;
        let (losses, norms) = (read(backend, &self.losses, rows)?, read(backend, &self.norms, rows)?);
        let report =
            |(losses, norms): (&[f64], &[f64])| StepReport { losses: losses.into(), norms: norms.into() };
        Ok(losses.chunks(models).zip(norms.chunks(models)).map(report).collect())
    }

    /// From the logits to their gradient.
    fn loss(&mut self) -> Result<()> {
        let Extent { models, batch, .. } = self.model.extent;
        let (classes, smoothing) = (self.model.network.classes, self.training.smoothing);
        let top = self.tapes.len() - 1;
        let a = LossOperands {
            logits: self.model.logits(),
            labels: &self.labels,
            lengths: &self.model.lengths[self.model.placed[top].blocks_below],
            class_weights: &self.class_weights,
            losses: &mut self.losses,
            row: self.unread,
            d_logits: &mut self.tapes[top].gradient,
        };
        self.model.backend.run::<Loss>(&Loss { models, batch, classes, smoothing }, a)
    }

    /// All stages, top down. A gradient that goes back through dropout waits in `scratch`.
    fn backward(&mut self) -> Result<()> {
        let Model { backend, weights, lengths, stages, placed, activations, .. } = &mut self.model;
        for (i, stage) in stages.iter_mut().enumerate().rev() {
            let pass = Pass { backend: *backend, weights, lengths: &lengths[placed[i].blocks_below] };
            let (lower, upper) = self.tapes.split_at_mut(i);
            let (tape, out) = (&mut upper[0], &activations[i + 1]);
            let Some(below) = lower.last_mut() else {
                stage.backward(&pass, (&activations[i].y, out), tape, None, &mut self.gradients)?;
                continue;
            };
            match (&self.dropouts[i - 1], &below.dropped) {
                (Some(dropout), Some(x)) => {
                    let (scratch, d_weights) = (&mut self.scratch, &mut self.gradients);
                    stage.backward(&pass, (x, out), tape, Some(scratch), d_weights)?;
                    let a =
                        DropoutOperands { counters: &self.counters, x: scratch, out: &mut below.gradient };
                    backend.run::<Dropout>(dropout, a)?;
                }
                _ => {
                    let (x, dx) = (&activations[i].y, Some(&mut below.gradient));
                    stage.backward(&pass, (x, out), tape, dx, &mut self.gradients)?;
                }
            }
        }
        Ok(())
    }

    fn update(&mut self) -> Result<()> {
        let a = OptimizerOperands {
            weights: &mut self.model.weights,
            gradients: &self.gradients,
            first_moment: &mut self.first_moment,
            second_moment: &mut self.second_moment,
            scalars: &self.scalars,
            norms: &mut self.norms,
            row: self.unread,
        };
        self.model.backend.run::<Optimizer>(&self.training.optimizer, a)?;
        self.model.unloaded = true;
        Ok(())
    }
}
