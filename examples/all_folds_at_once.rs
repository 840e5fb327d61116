//! The training loop below the configuration: the folds of a cross-validation as the models of one group, and
//! a look at their weights. `cargo run --release --example all_folds_at_once`.

use engine::backend::cpu::Cpu;
use engine::data::sequences::Dataset;
use engine::data::split::{SplitKind, SplitSpec};
use engine::data::stats::Stats;
use engine::ops::{Cell, LayerSpec, Network};
use engine::random::{Random, Stream};
use engine::train::{EpochRecord, FoldGroup, FoldTask, Observer, TrainSpec, initial_weights};
use ndarray::Array3;

/// Prints the mean losses of every fifth epoch.
struct Print;

impl Observer for Print {
    fn epoch(&mut self, folds: &[EpochRecord]) -> engine::Result<()> {
        let mean = |of: &dyn Fn(&EpochRecord) -> f64| folds.iter().map(of).sum::<f64>() / folds.len() as f64;
        let validation = mean(&|fold| fold.validation_loss.unwrap_or(f64::NAN));
        if folds[0].epoch.is_multiple_of(5) {
            println!("epoch {}: loss {:.3}, {validation:.3}", folds[0].epoch, mean(&|fold| fold.train_loss));
        }
        Ok(())
    }
}

pub(crate) fn main() -> engine::Result<()> {
    // 8 people, 10 trials each, one window of 30 time steps a trial.
    let x = Array3::from_shape_fn((80, 30, 2), |(n, t, c)| {
        let mut random = Random::new(2, Stream::Demo, [n as u32, (t * 2 + c) as u32]);
        (random.normal() + (n % 2) as f64 * (t as f64 / 3.0).sin()) as f32
    });
    let column = |of: fn(u32) -> u32| (0..80).map(of).collect::<Vec<u32>>();
    let dataset = Dataset::from_arrays(x.view(), column(|n| n % 2), column(|n| n / 10), column(|n| n % 10))?;

    let split = SplitSpec { kind: SplitKind::Subject, ..SplitSpec::default() }.build(&dataset)?;
    let layers = vec![LayerSpec::new(Cell::Gru, 16, 2)];
    let network = Network { layers, ..Network::new(dataset.frames.width(), dataset.class_names.len()) };
    let spec = TrainSpec { epochs: 20, ..TrainSpec::default() };
    let task = |(number, fold)| FoldTask {
        number: number as u32,
        name: format!("fold {number}"),
        dataset: &dataset,
        fold,
        spec: &spec,
        stats: Stats::fit(&dataset, fold.train()),
        initial: None,
    };
    let cpu = Cpu::new();
    let mut group = FoldGroup::new(&cpu, &network, split.folds().iter().enumerate().map(task).collect())?;
    group.run(&mut Print)?;

    for (result, fold) in group.finish()?.iter().zip(split.folds()) {
        let right = result.predictions.iter().filter(|p| p.argmax() == p.label).count();
        let before = initial_weights(&network, spec.initial, spec.seed, result.number);
        let moved = |(after, before): (&f32, &f32)| (after - before).abs();
        let largest = result.best.iter().zip(&before).map(moved).fold(0.0, f32::max);
        println!(
            "person {}: {right} of {} right, weights moved by {largest:.3}",
            fold.name,
            fold.test().len()
        );
    }
    for (name, tensor) in network.tensors(&initial_weights(&network, spec.initial, spec.seed, 0))? {
        println!("{name} {:?}", tensor.shape());
    }
    Ok(())
}
