//! `M` networks in device memory, and their logits.

use super::batch::{Batch, Extent};
use super::buffers::{expect_len, read, read_f32, write_f32};
use super::stage::{Activation, Pass, Stage, Tape};
use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::ops::{
    Dropout, DropoutOperands, Gather, GatherOperands, Network, Placed, Purpose, Reals, Together, Words,
};

/// The networks: their weights, their stages, and what flows between those.
pub struct Model<'b, B: Backend> {
    pub(super) backend: &'b B,
    pub(super) network: Network,
    pub(super) extent: Extent,
    pub(super) weights: Reals<B>,
    /// The stages have not yet taken these weights.
    pub(super) unloaded: bool,
    stats: Reals<B>,
    first: Words<B>,
    /// `(M, B)`: of the rows of `x`, and of what each convolution block makes of them.
    pub(super) lengths: Vec<Words<B>>,
    pub(super) stages: Vec<Stage<B>>,
    /// By stage, its sizes and its place.
    pub(super) placed: Vec<Placed>,
    /// The input `x (M, T, B, D)`, then the output of each stage.
    pub(super) activations: Vec<Activation<B>>,
}

/// The parts of a pass that only training has: the tapes, by stage, and the dropouts with their counters
/// `(M, 4)`.
pub(super) struct Recording<'a, B: Backend> {
    pub tapes: &'a mut [Tape<B>],
    pub dropouts: &'a [Option<Dropout>],
    pub counters: &'a Words<B>,
}

impl<'b, B: Backend> Model<'b, B> {
    /// Networks with zero weights and identity statistics, for inference.
    pub fn new(backend: &'b B, network: &Network, extent: Extent) -> Result<Self> {
        Ok(Model::made_for(backend, network, extent, |_| Purpose::Inference, [&[], &[]])?.0)
    }

    /// With stages for the purpose that each has by its number. Beside the buffers that are written with a
    /// batch come others that the caller writes after them: of words and of numbers, with these lengths.
    pub(super) fn made_for(
        backend: &'b B,
        network: &Network,
        extent: Extent,
        purpose: impl Fn(usize) -> Purpose,
        beside: [&[usize]; 2],
    ) -> Result<(Self, Together<B>)> {
        network.check()?;
        extent.check()?;
        let Extent { models, batch, steps, stat_steps } = extent;
        if network.conv_steps(steps) == 0 {
            return Err(Error::config(format!(
                "the convolution blocks leave no step of {steps}, and need {} to leave one",
                network.shortest()
            )));
        }
        let [words_beside, reals_beside] = beside;
        let own = vec![models * batch; 1 + 1 + network.convs.len()];
        let (mut words, reals) = backend.zeros_together(&[&own, words_beside].concat(), reals_beside)?;
        let words_beside = words.split_off(own.len());
        let lengths = words.split_off(1);
        let first = words.pop().expect("as many buffers as lengths");
        let placed = network.stages(models, batch, steps);
        let stages = placed.iter().enumerate().map(|(i, p)| Stage::new(backend, &p.stage, purpose(i)));
        let input = Activation {
            y: backend.zeros(models * steps * batch * network.features)?,
            aside: backend.zeros(0)?,
        };
        let outputs = placed.iter().map(|placed| Activation::new(backend, &placed.stage));
        let mut model = Model {
            backend,
            network: network.clone(),
            extent,
            weights: backend.zeros(models * network.params())?,
            unloaded: true,
            stats: backend.zeros(models * 2 * stat_steps * network.features)?,
            first,
            lengths,
            stages: stages.collect::<Result<_>>()?,
            activations: std::iter::once(Ok(input)).chain(outputs).collect::<Result<_>>()?,
            placed,
        };
        let statistics = stat_steps * network.features;
        let identity = [vec![0.0; statistics], vec![1.0; statistics]].concat().repeat(models);
        model.set_stats(&identity)?;
        Ok((model, (words_beside, reals)))
    }

    /// The architecture.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The sizes that the buffers were made for.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// `(M, P)` from the host.
    pub fn set_weights(&mut self, weights: &[f32]) -> Result<()> {
        expect_len("weights", weights, self.params())?;
        self.unloaded = true;
        write_f32(self.backend, &mut self.weights, weights)
    }

    /// `(M, P)` to the host.
    pub fn weights(&self) -> Result<Vec<f32>> {
        read_f32(self.backend, &self.weights, self.params())
    }

    /// `M * P`
    pub(super) fn params(&self) -> usize {
        self.extent.models * self.network.params()
    }

    /// `(M, 2, stat_steps, D)`: means and inverse standard deviations.
    pub fn set_stats(&mut self, stats: &[f32]) -> Result<()> {
        let Extent { models, stat_steps, .. } = self.extent;
        expect_len("statistics", stats, models * 2 * stat_steps * self.network.features)?;
        write_f32(self.backend, &mut self.stats, stats)
    }

    /// Logits `(M, B, K)` of a batch, without dropout. Rows that are absent hold no meaning.
    pub fn evaluate(&mut self, frames: &B::Frames, batch: &Batch) -> Result<Vec<f64>> {
        batch.check(self.extent, self.network.classes)?;
        let done = self.backend.as_one(|| {
            self.write(batch)?;
            self.gather(frames)?;
            self.forward(None)
        });
        // An error may come after `forward`, which then has not loaded the weights.
        self.unloaded |= done.is_err();
        done?;
        let Extent { models, batch, .. } = self.extent;
        read(self.backend, self.logits(), models * batch * self.network.classes)
    }

    /// `(M, B, K)`
    pub(super) fn logits(&self) -> &Reals<B> {
        &self.activations[self.stages.len()].y
    }

    /// Writes the rows of a batch, which was checked.
    pub(super) fn write(&mut self, batch: &Batch) -> Result<()> {
        let backend = self.backend;
        backend.write(&mut self.first, &batch.first)?;
        let mut lengths = batch.lengths.clone();
        backend.write(&mut self.lengths[0], &lengths)?;
        for (conv, buffer) in self.network.convs.iter().zip(&mut self.lengths[1..]) {
            lengths.iter_mut().for_each(|length| *length = conv.steps(*length as usize) as u32);
            backend.write(buffer, &lengths)?;
        }
        Ok(())
    }

    /// Gathers the inputs of the rows.
    pub(super) fn gather(&mut self, frames: &B::Frames) -> Result<()> {
        let Extent { models, batch, steps, stat_steps } = self.extent;
        let s = Gather { models, batch, steps, features: self.network.features, stat_steps };
        let a = GatherOperands {
            frames,
            first: &self.first,
            lengths: &self.lengths[0],
            stats: &self.stats,
            x: &mut self.activations[0].y,
        };
        self.backend.run::<Gather>(&s, a)
    }

    /// All stages, bottom up; in training with dropout after each.
    pub(super) fn forward(&mut self, mut training: Option<Recording<B>>) -> Result<()> {
        let backend = self.backend;
        for (i, stage) in self.stages.iter_mut().enumerate() {
            let (below, above) = self.activations.split_at_mut(i + 1);
            let (below, out) = (&below[i], &mut above[0]);
            if self.unloaded {
                stage.load(backend, &self.weights)?;
            }
            let lengths = &self.lengths[self.placed[i].blocks_below];
            let pass = Pass { backend, weights: &self.weights, lengths };
            let Some(Recording { tapes, dropouts, counters }) = &mut training else {
                stage.forward(&pass, (&below.y, below), out, None)?;
                continue;
            };
            let (lower, upper) = tapes.split_at_mut(i);
            let tape = &mut upper[0];
            let x = lower.last().and_then(|lower| lower.dropped.as_ref()).unwrap_or(&below.y);
            stage.forward(&pass, (x, below), out, Some(tape))?;
            if let (Some(dropout), Some(dropped)) = (&dropouts[i], &mut tape.dropped) {
                backend.run::<Dropout>(dropout, DropoutOperands { counters, x: &out.y, out: dropped })?;
            }
        }
        self.unloaded = false;
        Ok(())
    }
}
