//! A whole training step of a network with its data, made once. Benches, `profile` and `reproduce` time it.

use super::batch::{Batch, Extent, StepInput, StepReport, Training};
use super::trainer::Trainer;
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{EpsPlacement, Network, Optimizer, OptimizerKind, StepScalars};
use crate::random::{Random, Stream};
use ndarray::ArcArray2;

/// Models of one network that are trained again and again on one batch.
pub struct TrainingStep<'b, B: Backend> {
    trainer: Trainer<'b, B>,
    frames: B::Frames,
    batch: Batch,
    updates: u64,
}

impl<'b, B: Backend> TrainingStep<'b, B> {
    /// `models` models side by side, with AdamW and clipping as they are by default.
    pub fn new(backend: &'b B, network: &Network, models: usize, batch: usize, steps: usize) -> Result<Self> {
        let optimizer = Optimizer {
            kind: OptimizerKind::Adamw,
            models,
            params: network.params(),
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            eps_placement: EpsPlacement::default(),
            weight_decay: 1e-2,
            clip: 1.0,
        };
        let class_weights = vec![1.0; models * network.classes];
        let training = Training { optimizer, smoothing: 0.0, class_weights, seeds: vec![0; models] };
        let extent = Extent { models, batch, steps, stat_steps: 1 };
        let mut trainer = Trainer::new(backend, network, extent, training)?;
        let mut random = Random::new(0, Stream::Check, [0, 0]);
        let mut normal =
            |len: usize, scale: f64| (0..len).map(|_| (random.normal() * scale) as f32).collect::<Vec<f32>>();
        trainer.model_mut().set_weights(&normal(models * network.params(), 0.1))?;
        // One sequence per model and row, one after the other.
        let rows = models * batch;
        let frames = normal(rows * steps * network.features, 1.0);
        let frames = ArcArray2::from_shape_vec((rows * steps, network.features), frames)
            .expect("as many numbers as the shape says");
        let batch = Batch {
            first: (0..rows).map(|row| (row * steps) as u32).collect(),
            lengths: vec![steps as u32; rows],
            labels: (0..rows).map(|row| (row % network.classes) as u32).collect(),
        };
        Ok(TrainingStep { trainer, frames: backend.frames(&[frames])?, batch, updates: 0 })
    }

    /// A training step. Its reports are read every few steps, as in training.
    pub fn run(&mut self) -> Result<Vec<StepReport>> {
        self.updates += 1;
        let scalars = StepScalars { learning_rate: 1e-3, update: self.updates };
        let models = self.trainer.model().extent().models as u32;
        let inputs: Vec<StepInput> = (0..models).map(|fold| StepInput { fold, scalars }).collect();
        self.trainer.train(&self.frames, &self.batch, &inputs)
    }

    /// The forward pass of evaluation.
    pub fn evaluate(&mut self) -> Result<()> {
        self.trainer.model_mut().evaluate(&self.frames, &self.batch).map(drop)
    }
}
