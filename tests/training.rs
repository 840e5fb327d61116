//! The trainer: folds in a group equal folds alone, a stopped training goes on bit for bit, and bad numbers
//! stop it.

use crate::support::synthetic::dataset;
use crate::support::training::{fold_group, network, spec, split, task};
use engine::backend::Reference;
use engine::backend::cpu::Cpu;
use engine::data::sequences::Dataset;
use engine::ops::Network;
use engine::train::{
    ClassWeights, EpochRecord, FoldGroup, FoldResult, FoldTask, Initial, Observer, Outcome, Schedule,
    Selection, State, StepRecord, TrainSpec, Unobserved,
};
use engine::{ErrorKind, Result};

fn train(dataset: &Dataset, spec: &TrainSpec, folds: &[usize]) -> Vec<FoldResult> {
    let (backend, split) = (Cpu::new(), split(dataset));
    let mut group = fold_group(&backend, dataset, spec, &split, folds);
    assert_eq!(group.run(&mut Unobserved).unwrap(), Outcome::Finished);
    group.finish().unwrap()
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
fn a_fold_in_a_group_equals_the_fold_alone() {
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

/// Seed (weights, order, dropout), learning rate, schedule, early stopping, tested weights, class weights.
#[test]
fn folds_with_settings_of_their_own_train_as_if_alone() {
    let (dataset, backend) = (dataset(5, 6, 0.5), Cpu::new());
    let split = split(&dataset);
    let base = TrainSpec { patience: 0, ..spec() };
    let specs = [
        base.clone(),
        TrainSpec { seed: 4, ..base.clone() },
        TrainSpec { learning_rate: 0.002, schedule: Schedule::Constant, warmup: 0.0, ..base.clone() },
        TrainSpec { patience: 1, selection: Selection::Last, ..base.clone() },
        TrainSpec { class_weights: ClassWeights::None, initial: Initial::Keras, ..base.clone() },
    ];
    let run = |tasks: Vec<FoldTask>| {
        let mut group = FoldGroup::new(&backend, &network(&dataset), tasks).unwrap();
        group.run(&mut Unobserved).unwrap();
        group.finish().unwrap()
    };
    let member = |spec| task(&dataset, spec, &split, 1);
    let together = run(specs.iter().map(member).collect());
    for (own, spec) in together.iter().zip(&specs) {
        assert_same(own, &run(vec![member(spec)])[0]);
    }
    // A fold that does not stop early ends as one that cannot.
    for [a, b] in [[0, 1], [0, 2], [0, 4], [1, 2], [1, 4], [2, 4]] {
        assert_ne!(together[a].last, together[b].last, "{a} and {b}");
    }
    let others = [
        TrainSpec { epochs: 5, ..base.clone() },
        TrainSpec { batch: 4, ..base.clone() },
        TrainSpec { weight_decay: 0.0, ..base.clone() },
        TrainSpec { clip: 1.0, ..base.clone() },
    ];
    for other in &others {
        let error =
            FoldGroup::new(&backend, &network(&dataset), vec![member(&base), member(other)]).err().unwrap();
        assert!(error.message.contains("takes other steps than"), "{error}");
    }
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
        let mut first = fold_group(&backend, &dataset, &spec, &split, &folds);
        let mut stop = StopAfter { steps, state: None };
        assert_eq!(first.run(&mut stop).unwrap(), Outcome::Interrupted(2));
        let mut second = fold_group(&backend, &dataset, &spec, &split, &folds);
        second.restore(&stop.state.unwrap()).unwrap();
        assert_eq!(second.run(&mut Unobserved).unwrap(), Outcome::Finished);
        whole.iter().zip(&second.finish().unwrap()).for_each(|(a, b)| assert_same(a, b));
    }
}

#[test]
fn a_state_of_another_network_is_refused() {
    let dataset = dataset(4, 6, 0.5);
    let (spec, backend, split) = (spec(), Cpu::new(), split(&dataset));
    let state = fold_group(&backend, &dataset, &spec, &split, &[0, 1]).state().unwrap();
    assert!(fold_group(&backend, &dataset, &spec, &split, &[0]).restore(&state).is_err());
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
    let mut broken = fold_group(&backend, &dataset, &spec, &split, &[0, 1]);
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
        fold_group(&backend, &dataset, &spec, &split, &[0]).run(&mut count).unwrap();
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
    let reference = Reference::<f64>::default();
    let members = vec![task(&dataset, &spec, &split, 0)];
    let mut group = FoldGroup::new(&reference, &network(&dataset), members).unwrap();
    group.run(&mut Unobserved).unwrap();
    let exact = group.finish().unwrap();
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
    let members = vec![task(&dataset, &spec, &split, 0)];
    let mut group = FoldGroup::new(&backend, &network, members).unwrap();
    assert_eq!(group.run(&mut Unobserved).unwrap(), Outcome::Finished);
}
