//! Cross-validates an LSTM on one's own arrays, by person: `cargo run --release --example train_on_arrays`.
use engine::config::Config;
use engine::data::{sequences::Dataset, split::SplitKind};
use engine::experiment::Experiment;
use engine::progress::Silent;
use ndarray::Array3;

pub(crate) fn main() -> engine::Result<()> {
    // 6 people with 8 trials each, 2 windows a trial: 40 time steps of 3 channels.
    let is_fast = |n: usize| n / 2 % 2;
    let wave = |n: usize, t: usize| ((t * (1 + is_fast(n))) as f32 / 3.0 + n as f32).sin();
    let noise = |n: usize, t: usize, c: usize| ((n * n * 89 + t * t * 97 + (n + t) * c * 71) as f32).sin();
    let x = Array3::from_shape_fn((96, 40, 3), |(n, t, c)| wave(n, t) + noise(n, t, c));
    let labels: Vec<&str> = (0..96).map(|n| ["slow", "fast"][is_fast(n)]).collect();
    let people: Vec<usize> = (0..96).map(|n| n / 16).collect();
    let trials: Vec<usize> = (0..96).map(|n| n / 2 % 8).collect();
    let dataset = Dataset::from_arrays(x.view(), &labels, &people, &trials)?;
    let mut config = Config::default();
    config.split.split_by = Some(SplitKind::Subject);
    let trained = Experiment::on_arrays(dataset, config, &Silent)?.cross_validate()?;
    println!("accuracy of trials: {:?}", trained.scores.and_then(|scores| scores.trial.overall.accuracy));
    Ok(())
}
