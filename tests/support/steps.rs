//! A training whose steps all differ in what the host gives them.

use super::curves::optimizer;
use engine::backend::Backend;
use engine::model::{Batch, Extent, StepInput, Trainer, Training};
use engine::ops::{Cell, LayerSpec, Network, Optimizer, OptimizerKind, Pooling, StepScalars};

const FEATURES: usize = 5;
const CLASSES: usize = 3;
const BATCH: usize = 6;
const TIME: usize = 7;
const MODELS: usize = 2;
/// Rows of the frame table.
const FRAMES: usize = 64;

/// Two recurrent layers with dropout between them.
pub fn two_layers() -> Network {
    Network {
        features: FEATURES,
        convs: Vec::new(),
        layers: vec![LayerSpec::new(Cell::Lstm, 17, 2), LayerSpec::new(Cell::Gru, 9, 1)],
        pool: Pooling::Last,
        dense: Some(4),
        dropout: 0.4,
        classes: CLASSES,
    }
}

/// A convolution block, which has lengths of its own, below a layer with attention.
pub fn with_convolution() -> Network {
    Network {
        convs: vec!["6x2".parse().unwrap()],
        layers: vec![LayerSpec::new(Cell::Gru, 8, 1)],
        pool: Pooling::Attention,
        dropout: 0.2,
        ..two_layers()
    }
}

/// Numbers below `below` in an order without a pattern.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }

    fn real(&mut self) -> f32 {
        self.next(2001) as f32 / 1000.0 - 1.0
    }
}

/// Two models of a network, and the inputs of their next steps.
pub struct Steps<'b, B: Backend> {
    trainer: Trainer<'b, B>,
    frames: B::Frames,
    numbers: Numbers,
    update: u64,
    /// The losses, gradient norms and logits so far.
    pub seen: Vec<f64>,
}

impl<'b, B: Backend> Steps<'b, B> {
    pub fn new(backend: &'b B, network: &Network) -> Self {
        let optimizer = Optimizer { models: MODELS, ..optimizer(OptimizerKind::Adamw, network.params()) };
        let class_weights = vec![1.0; MODELS * CLASSES];
        let training = Training { optimizer, smoothing: 0.1, class_weights, seeds: vec![5; 2] };
        let extent = Extent { models: MODELS, batch: BATCH, steps: TIME, stat_steps: 1 };
        let mut trainer = Trainer::new(backend, network, extent, training).unwrap();
        let mut numbers = Numbers(1);
        let weights: Vec<f32> = (0..MODELS * network.params()).map(|_| 0.3 * numbers.real()).collect();
        trainer.model_mut().set_weights(&weights).unwrap();
        let frames: Vec<f32> = (0..FRAMES * FEATURES).map(|_| numbers.real()).collect();
        let frames = ndarray::ArcArray2::from_shape_vec((FRAMES, FEATURES), frames).unwrap();
        let frames = backend.frames(&[frames]).unwrap();
        Steps { trainer, frames, numbers, update: 0, seen: Vec::new() }
    }

    /// Rows anywhere in the frame table, of any length; some are absent.
    fn batch(&mut self) -> Batch {
        let mut rows = |least: usize, below: usize| -> Vec<u32> {
            (0..MODELS * BATCH).map(|_| (least + self.numbers.next(below - least)) as u32).collect()
        };
        let (first, labels) = (rows(0, FRAMES - TIME), rows(0, CLASSES));
        let lengths = rows(2, TIME + 2).into_iter().map(|length| length % (TIME as u32 + 1)).collect();
        Batch { first, lengths, labels }
    }

    /// A training step.
    pub fn train(&mut self) -> engine::Result<()> {
        self.update += 1;
        let batch = self.batch();
        let scalars = StepScalars { learning_rate: 0.01 / self.update as f64, update: self.update };
        let inputs = [4, 9].map(|fold| StepInput { fold, scalars });
        let reports = self.trainer.train(&self.frames, &batch, &inputs)?;
        self.seen.extend(reports.into_iter().flat_map(|report| [report.losses, report.norms].concat()));
        Ok(())
    }

    /// The logits of a batch.
    pub fn evaluate(&mut self) {
        let batch = self.batch();
        let logits = self.trainer.model_mut().evaluate(&self.frames, &batch).unwrap();
        let present = |(row, _): &(usize, _)| batch.lengths[*row] > 0;
        let rows = logits.chunks(CLASSES).enumerate().filter(present);
        self.seen.extend(rows.flat_map(|(_, row)| row.iter().copied()));
    }

    /// All losses, norms and logits, and the weights at the end.
    pub fn end(mut self) -> Vec<f64> {
        let reports = self.trainer.reports().unwrap();
        self.seen.extend(reports.into_iter().flat_map(|report| [report.losses, report.norms].concat()));
        self.seen.extend(self.trainer.model().weights().unwrap().into_iter().map(f64::from));
        assert!(self.seen.iter().all(|value| value.is_finite()));
        self.seen
    }
}

/// Fourteen training steps with evaluations between them.
pub fn fourteen<B: Backend>(backend: &B, network: &Network) -> Vec<f64> {
    let mut steps = Steps::new(backend, network);
    for step in 0..14 {
        steps.train().unwrap();
        if [5, 6, 9].contains(&step) {
            steps.evaluate();
        }
    }
    steps.end()
}
