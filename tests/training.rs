//! The trainer: folds in a stack equal folds alone, a stopped training goes on bit for bit, and bad numbers
//! stop it.

use crate::synthetic::dataset;
use engine::backend::cpu::Cpu;
use engine::backend::{Backend, Reference};
use engine::data::sequences::Dataset;
use engine::data::split::{Split, SplitKind, SplitSpec};
use engine::data::stats::Stats;
use engine::ops::{Cell, EpsPlacement, LayerSpec, Network, OptimizerKind, Pooling};
use engine::train::{
    ClassWeights, EpochRecord, FoldGroup, FoldResult, Initial, Observer, Outcome, Schedule, Selection, State,
    StepRecord, TrainSpec, Unobserved,
};
use engine::{ErrorKind, Result};

fn network(dataset: &Dataset) -> Network {
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

pub fn stack<'a, B: Backend>(
    backend: &'a B,
    dataset: &'a Dataset,
    spec: &'a TrainSpec,
    split: &'a Split,
    folds: &[usize],
) -> FoldGroup<'a, B> {
    let members = folds.iter().map(|&f| {
        let fold = &split.folds()[f];
        (f as u32, fold, Stats::fit(dataset, fold.train()))
    });
    FoldGroup::new(backend, dataset, &network(dataset), spec, members.collect()).unwrap()
}

fn train(dataset: &Dataset, spec: &TrainSpec, folds: &[usize]) -> Vec<FoldResult> {
    let (backend, split) = (Cpu::new(), split(dataset));
    let mut stack = stack(&backend, dataset, spec, &split, folds);
    assert_eq!(stack.run(&mut Unobserved).unwrap(), Outcome::Finished);
    stack.finish().unwrap()
}

fn assert_same(a: &FoldResult, b: &FoldResult) {
    assert_eq!(a.number, b.number);
    assert_eq!((a.best_epoch, a.last_epoch), (b.best_epoch, b.last_epoch), "fold {}", a.number);
    let bits = |weights: &[f32]| weights.iter().map(|w| w.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&a.best), bits(&b.best), "best weights of fold {}", a.number);
    assert_eq!(bits(&a.last), bits(&b.last), "last weights of fold {}", a.number);
    assert_eq!(a.predictions, b.predictions, "predictions of fold {}", a.number);
}

#[test]
fn a_fold_in_a_stack_equals_the_fold_alone() {
    let dataset = dataset(5, 6, 0.5);
    let spec = TrainSpec { epochs: 12, patience: 2, ..spec() };
    let all = train(&dataset, &spec, &[0, 1, 2, 3, 4]);
    // Early stopping must have hit some folds and not others, or the test proves little.
    let last: Vec<usize> = all.iter().map(|fold| fold.last_epoch).collect();
    assert!(last.iter().min() != last.iter().max(), "all folds ended in the same epoch: {last:?}");
    for (f, fold) in all.iter().enumerate() {
        assert_same(fold, &train(&dataset, &spec, &[f])[0]);
    }
    let parts: Vec<FoldResult> =
        [&[0, 1][..], &[2, 3], &[4]].iter().flat_map(|p| train(&dataset, &spec, p)).collect();
    all.iter().zip(&parts).for_each(|(a, b)| assert_same(a, b));
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let dataset = dataset(4, 6, 0.5);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| train(&dataset, &spec(), &[0, 1, 2, 3]))
    };
    let one = run(1);
    for threads in [2, 3] {
        one.iter().zip(&run(threads)).for_each(|(a, b)| assert_same(a, b));
    }
}

/// Stops after so many steps, and keeps what it is handed.
struct StopAfter {
    steps: usize,
    state: Option<State>,
}

impl Observer for StopAfter {
    fn step(&mut self, _: &[StepRecord]) -> Result<()> {
        self.steps -= 1;
        Ok(())
    }
    fn epoch(&mut self, _: &[EpochRecord]) -> Result<()> {
        Ok(())
    }
    fn checkpoint(&mut self, state: &dyn Fn() -> Result<State>) -> Result<()> {
        self.state = Some(state()?);
        Ok(())
    }
    fn interrupted(&self) -> Option<u8> {
        (self.steps == 0).then_some(2)
    }
}

#[test]
fn a_stopped_training_goes_on_bit_for_bit() {
    let dataset = dataset(4, 6, 0.5);
    let (spec, backend, split) = (spec(), Cpu::new(), split(&dataset));
    let folds = [0, 1, 2, 3];
    let whole = train(&dataset, &spec, &folds);
    for steps in [1, 4, 11, 17] {
        let mut first = stack(&backend, &dataset, &spec, &split, &folds);
        let mut stop = StopAfter { steps, state: None };
        assert_eq!(first.run(&mut stop).unwrap(), Outcome::Interrupted(2));
        let mut second = stack(&backend, &dataset, &spec, &split, &folds);
        second.restore(&stop.state.unwrap()).unwrap();
        assert_eq!(second.run(&mut Unobserved).unwrap(), Outcome::Finished);
        whole.iter().zip(&second.finish().unwrap()).for_each(|(a, b)| assert_same(a, b));
    }
}

#[test]
fn a_state_of_another_network_is_refused() {
    let dataset = dataset(4, 6, 0.5);
    let (spec, backend, split) = (spec(), Cpu::new(), split(&dataset));
    let state = stack(&backend, &dataset, &spec, &split, &[0, 1]).state().unwrap();
    assert!(stack(&backend, &dataset, &spec, &split, &[0]).restore(&state).is_err());
}

#[test]
fn plain_classes_are_learned() {
    let dataset = dataset(4, 8, 3.0);
    let spec = TrainSpec { epochs: 20, patience: 0, ..spec() };
    for fold in train(&dataset, &spec, &[0, 1, 2, 3]) {
        let right = fold.predictions.iter().filter(|p| p.argmax() == p.label).count();
        assert!(right as f64 >= 0.9 * fold.predictions.len() as f64, "{right} of {}", fold.predictions.len());
    }
}

#[test]
fn a_batch_larger_than_the_data_and_a_last_batch_of_one_work() {
    let dataset = dataset(4, 6, 0.5);
    for batch in [1000, 1, 7, 15] {
        let spec = TrainSpec { batch, epochs: 2, patience: 0, ..spec() };
        for fold in train(&dataset, &spec, &[0, 1]) {
            assert!(fold.last.iter().all(|w| w.is_finite()), "batch {batch}");
        }
    }
}

#[test]
fn a_number_that_is_not_finite_stops_and_is_named() {
    let dataset = dataset(4, 6, 0.5);
    let (backend, split) = (Cpu::new(), split(&dataset));
    let spec = TrainSpec { learning_rate: 1e38, warmup: 0.0, ..spec() };
    let mut broken = stack(&backend, &dataset, &spec, &split, &[0, 1]);
    let error = broken.run(&mut Unobserved).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Numerical);
    for part in ["fold s01", "epoch 1", "step", "first tensor", "seed 3", "sequences ["] {
        assert!(error.message.contains(part), "{part} is missing: {error}");
    }
    assert!(error.hint.unwrap().contains("`learning_rate`"));
}

#[test]
fn clipped_steps_are_counted() {
    struct Count(u64);
    impl Observer for Count {
        fn step(&mut self, _: &[StepRecord]) -> Result<()> {
            Ok(())
        }
        fn epoch(&mut self, records: &[EpochRecord]) -> Result<()> {
            self.0 = records.iter().map(|record| record.clipped).sum();
            Ok(())
        }
        fn checkpoint(&mut self, _: &dyn Fn() -> Result<State>) -> Result<()> {
            Ok(())
        }
        fn interrupted(&self) -> Option<u8> {
            None
        }
    }
    let dataset = dataset(4, 6, 0.5);
    let (backend, split) = (Cpu::new(), split(&dataset));
    let count = |clip| {
        let spec = TrainSpec { clip, epochs: 1, ..spec() };
        let mut count = Count(0);
        stack(&backend, &dataset, &spec, &split, &[0]).run(&mut count).unwrap();
        count.0
    };
    assert!(count(1e-3) > 0);
    assert_eq!(count(f64::INFINITY), 0);
}

/// The trainer on the `f64` reference: the same losses as on the CPU, to `f32`.
#[test]
fn the_trainer_runs_on_any_backend() {
    let dataset = dataset(4, 6, 0.5);
    let (spec, split) = (TrainSpec { epochs: 1, ..spec() }, split(&dataset));
    let fold = &split.folds()[0];
    let reference = Reference::<f64>::default();
    let members = vec![(0, fold, Stats::fit(&dataset, fold.train()))];
    let mut stack = FoldGroup::new(&reference, &dataset, &network(&dataset), &spec, members).unwrap();
    stack.run(&mut Unobserved).unwrap();
    let exact = stack.finish().unwrap();
    let found = train(&dataset, &spec, &[0]);
    for (a, b) in exact[0].last.iter().zip(&found[0].last) {
        assert!((a - b).abs() < 1e-3, "{a} {b}");
    }
}

/// The widest gradient that waits for its dropout may be the dense layer's.
#[test]
fn a_dense_layer_wider_than_the_recurrent_outputs_trains() {
    let dataset = dataset(4, 6, 0.5);
    let (spec, split, backend) = (TrainSpec { epochs: 1, ..spec() }, split(&dataset), Cpu::new());
    let network = Network { dense: Some(1000), ..network(&dataset) };
    let fold = &split.folds()[0];
    let members = vec![(0, fold, Stats::fit(&dataset, fold.train()))];
    let mut stack = FoldGroup::new(&backend, &dataset, &network, &spec, members).unwrap();
    assert_eq!(stack.run(&mut Unobserved).unwrap(), Outcome::Finished);
}

/// Saves the state after its first epoch; loses the device in its second.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
struct Loses<'a> {
    lose: &'a dyn Fn(),
    saved: Vec<State>,
}

#[cfg(any(feature = "cuda", feature = "wgpu"))]
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
#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub fn loses_its_device<B: Backend>(lost: &B, other: &B, lose: &dyn Fn()) -> engine::Error {
    let dataset = dataset(4, 6, 0.5);
    let (spec, split) = (TrainSpec { epochs: 3, ..spec() }, split(&dataset));
    let mut watch = Loses { lose, saved: Vec::new() };
    let error = stack(lost, &dataset, &spec, &split, &[0]).run(&mut watch).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Device, "{error}");
    assert_eq!(watch.saved.len(), 1, "something was saved after the loss");
    let again = || stack(other, &dataset, &spec, &split, &[0]);
    let (mut resumed, mut whole) = (again(), again());
    resumed.restore(&watch.saved[0]).unwrap();
    resumed.run(&mut Unobserved).unwrap();
    whole.run(&mut Unobserved).unwrap();
    assert_eq!(resumed.finish().unwrap()[0].last, whole.finish().unwrap()[0].last);
    error
}
