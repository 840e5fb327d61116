//! A small training, whole or in parts, and one that loses its device.

use super::synthetic::dataset;
use engine::backend::Backend;
use engine::data::sequences::Dataset;
use engine::data::split::{Split, SplitKind, SplitSpec};
use engine::data::stats::Stats;
use engine::ops::{Cell, EpsPlacement, LayerSpec, Network, OptimizerKind, Pooling};
use engine::train::{
    ClassWeights, EpochRecord, FoldGroup, FoldTask, Initial, Observer, Schedule, Selection, State,
    StepRecord, TrainSpec, Unobserved,
};
use engine::{ErrorKind, Result};

pub fn network(dataset: &Dataset) -> Network {
    let layer = |cell, hidden, dirs| LayerSpec::new(cell, hidden, dirs);
    Network {
        features: dataset.frames.width(),
        convs: Vec::new(),
        layers: vec![layer(Cell::Lstm, 6, 2), layer(Cell::Gru, 5, 1)],
        pool: Pooling::Last,
        dense: Some(4),
        dropout: 0.3,
        classes: 2,
    }
}

pub fn spec() -> TrainSpec {
    TrainSpec {
        epochs: 6,
        batch: 5,
        optimizer: OptimizerKind::Adamw,
        learning_rate: 0.02,
        eps: 1e-8,
        eps_placement: EpsPlacement::AfterCorrection,
        schedule: Schedule::Cosine,
        warmup: 0.5,
        weight_decay: 0.01,
        clip: 0.5,
        smoothing: 0.1,
        class_weights: ClassWeights::Balanced,
        patience: 2,
        selection: Selection::Best,
        initial: Initial::Pytorch,
        seed: 3,
    }
}

pub fn split(dataset: &Dataset) -> Split {
    SplitSpec { kind: SplitKind::Subject, folds: None, validation: 0.4, seed: 2 }.build(dataset).unwrap()
}

pub fn fold_group<'a, B: Backend>(
    backend: &'a B,
    dataset: &'a Dataset,
    spec: &'a TrainSpec,
    split: &'a Split,
    folds: &[usize],
) -> FoldGroup<'a, B> {
    let members = folds.iter().map(|&f| task(dataset, spec, split, f));
    FoldGroup::new(backend, &network(dataset), members.collect()).unwrap()
}

pub fn task<'a>(dataset: &'a Dataset, spec: &'a TrainSpec, split: &'a Split, number: usize) -> FoldTask<'a> {
    let fold = &split.folds()[number];
    let (stats, name) = (Stats::fit(dataset, fold.train()), format!("fold {}", fold.name));
    FoldTask { number: number as u32, name, dataset, fold, spec, stats, initial: None }
}

/// Saves the state after its first epoch; loses the device in its second.
struct Loses<'a> {
    lose: &'a dyn Fn(),
    saved: Vec<State>,
}

impl Observer for Loses<'_> {
    fn step(&mut self, _: &[StepRecord]) -> Result<()> {
        if !self.saved.is_empty() {
            (self.lose)();
        }
        Ok(())
    }

    fn epoch(&mut self, _: &[EpochRecord]) -> Result<()> {
        Ok(())
    }

    fn checkpoint(&mut self, state: &dyn Fn() -> Result<State>) -> Result<()> {
        self.saved.push(state()?);
        Ok(())
    }

    fn interrupted(&self) -> Option<u8> {
        None
    }
}

/// A training on `lost` until `lose` takes that device away; nothing may be saved after, and what was saved
/// before must go on bit for bit on `other`. Returns what the user is told.
pub fn loses_its_device<B: Backend>(lost: &B, other: &B, lose: &dyn Fn()) -> engine::Error {
    let dataset = dataset(4, 6, 0.5);
    let (spec, split) = (TrainSpec { epochs: 3, ..spec() }, split(&dataset));
    let mut watch = Loses { lose, saved: Vec::new() };
    let error = fold_group(lost, &dataset, &spec, &split, &[0]).run(&mut watch).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Device, "{error}");
    assert_eq!(watch.saved.len(), 1, "something was saved after the loss");
    let again = || fold_group(other, &dataset, &spec, &split, &[0]);
    let (mut resumed, mut whole) = (again(), again());
    resumed.restore(&watch.saved[0]).unwrap();
    resumed.run(&mut Unobserved).unwrap();
    whole.run(&mut Unobserved).unwrap();
    assert_eq!(resumed.finish().unwrap()[0].last, whole.finish().unwrap()[0].last);
    error
}
