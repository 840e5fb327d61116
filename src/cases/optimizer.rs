//! Cases of the parameter update.

use super::{download, poisoned, upload};
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{EpsPlacement, Optimizer, OptimizerKind, OptimizerOperands, StepScalars};
use crate::random::{Random, Stream};

/// One update of two models, the second of which is inactive. Every number that it starts from is one that `f32` holds: what a
/// backend's result is off by, it got wrong in this one update.
#[derive(Clone, Debug)]
pub struct OptimizerCase {
    pub optimizer: Optimizer,
    /// Updates done before and including this one, from 1. Before the first the moments are 0.
    pub update: u64,
    /// Typical size of a gradient.
    pub gradient: f64,
}

/// What an update starts from, `(M, P)` each, on the host.
pub struct OptimizerTensors {
    pub weights: Vec<f64>,
    pub gradients: Vec<f64>,
    pub first_moment: Vec<f64>,
    pub second_moment: Vec<f64>,
    /// Of each model.
    pub scalars: Vec<StepScalars>,
}

/// What a case computes, on the host, by name in the order of [`OptimizerOutputs::NAMES`].
#[derive(Clone, Debug, PartialEq)]
pub struct OptimizerOutputs(pub [Vec<f64>; 4]);

impl OptimizerOutputs {
    pub const NAMES: [&'static str; 4] = ["weights", "first moment", "second moment", "norms"];
}

impl OptimizerCase {
    /// The defaults of `engine train`, but without clipping and weight decay.
    pub fn new(kind: OptimizerKind, params: usize, update: u64) -> Self {
        let optimizer = Optimizer {
            kind,
            models: 2,
            params,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            eps_placement: EpsPlacement::AfterCorrection,
            weight_decay: 0.0,
            clip: f64::INFINITY,
        };
        OptimizerCase { optimizer, update, gradient: 1.0 }
    }

    /// `adamw P=1000 n=10 g=1e-6 decay clip before-correction`
    pub fn name(&self) -> String {
        let Optimizer { kind, params, eps_placement, weight_decay, clip, .. } = self.optimizer;
        let kind = if kind == OptimizerKind::Adam { "adam" } else { "adamw" };
        let mut name = format!("{kind} P={params} n={} g={:e}", self.update, self.gradient);
        for (word, on) in [
            ("decay", weight_decay > 0.0),
            ("clip", clip.is_finite()),
            ("before-correction", eps_placement == EpsPlacement::BeforeCorrection),
        ] {
            if on {
                name.push(' ');
                name.push_str(word);
            }
        }
        name
    }

    /// Random numbers, the same for the same sizes.
    pub fn tensors(&self) -> OptimizerTensors {
        let len = self.optimizer.models * self.optimizer.params;
        let mut random = Random::new(len as u64, Stream::Check, [self.update as u32, u32::MAX - 1]);
        let mut normal = |scale: f64| -> Vec<f64> {
            (0..len).map(|_| f64::from((random.normal() * scale) as f32)).collect()
        };
        let begun = if self.update == 1 { 0.0 } else { self.gradient };
        let (weights, gradients) = (normal(0.1), normal(self.gradient));
        let (first_moment, root) = (normal(begun * 0.3), normal(begun));
        let second_moment = root.into_iter().map(|v| f64::from((v * v) as f32)).collect();
        let scalars = [self.update, 0].map(|update| StepScalars { learning_rate: 1e-3, update });
        OptimizerTensors { weights, gradients, first_moment, second_moment, scalars: scalars.to_vec() }
    }

    /// One update on `backend`, with a guard behind each output.
    pub fn run<B: Backend>(&self, backend: &B, tensors: &OptimizerTensors) -> Result<OptimizerOutputs> {
        let s = &self.optimizer;
        let len = s.models * s.params;
        let in_and_out = |values: &[f64]| super::guarded(backend, values);
        let mut weights = in_and_out(&tensors.weights)?;
        let mut first_moment = in_and_out(&tensors.first_moment)?;
        let mut second_moment = in_and_out(&tensors.second_moment)?;
        let mut norms = poisoned(backend, s.models)?;
        let scalars: Vec<f64> = tensors.scalars.iter().flat_map(|scalars| scalars.pack(s)).collect();
        let operands = OptimizerOperands {
            weights: &mut weights,
            gradients: &upload(backend, &tensors.gradients)?,
            first_moment: &mut first_moment,
            second_moment: &mut second_moment,
            scalars: &upload(backend, &scalars)?,
            norms: &mut norms,
            row: 0,
        };
        backend.optimize(s, operands)?;
        let download = |buffer: &B::Buf<B::Real>, len: usize| download(backend, buffer, len, &self.name());
        Ok(OptimizerOutputs([
            download(&weights, len)?,
            download(&first_moment, len)?,
            download(&second_moment, len)?,
            download(&norms, s.models)?,
        ]))
    }
}

/// Both rules and both places of `eps`, the first update and a late one, gradients far below and far above `eps`, with and without
/// weight decay and clipping; sizes of one, odd, and more than a task's.
pub fn optimizer_table() -> Vec<OptimizerCase> {
    let mut cases = Vec::new();
    for kind in [OptimizerKind::Adam, OptimizerKind::Adamw] {
        for eps_placement in [EpsPlacement::AfterCorrection, EpsPlacement::BeforeCorrection] {
            for (i, update) in [1, 2, 10, 1_000, 100_000].into_iter().enumerate() {
                for (j, gradient) in [1.0, 1e-6, 1e-10, 1e3].into_iter().enumerate() {
                    // A norm may be off by as many roundings as it has terms, which would hide the others' behind clipping.
                    let params = if gradient == 1e3 { 37 } else { 1_003 };
                    let mut case = OptimizerCase::new(kind, params, update);
                    case.gradient = gradient;
                    case.optimizer.eps_placement = eps_placement;
                    case.optimizer.weight_decay = if (i + j) % 2 == 0 { 0.0 } else { 0.01 };
                    case.optimizer.clip = if gradient == 1e3 { 1.0 } else { f64::INFINITY };
                    cases.push(case);
                }
            }
        }
        cases.extend([1, 30_003].map(|params| OptimizerCase::new(kind, params, 3)));
    }
    cases
}
