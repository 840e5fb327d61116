//! A split of one's own, by day of the recording, audited: `cargo run --release --example own_split`.

use engine::config::Config;
use engine::data::sequences::Dataset;
use engine::data::split::{Fold, Split, SplitKind};
use engine::experiment::Experiment;
use engine::progress::Silent;
use engine::random::{Random, Stream};
use ndarray::Array3;

pub(crate) fn main() -> engine::Result<()> {
    // 60 trials of one person, 10 on each of 6 days; two windows of 25 time steps are cut from each.
    let [day, trial, label] = [|n: u32| n / 20, |n: u32| n / 2, |n: u32| n / 2 % 2];
    let x = Array3::from_shape_fn((120, 25, 2), |(n, t, c)| {
        let mut random = Random::new(1, Stream::Demo, [n as u32, (t * 2 + c) as u32]);
        (random.normal() + f64::from(label(n as u32)) * (t as f64 / 4.0).sin()) as f32
    });
    let windows = 0..120u32;
    let labels: Vec<u32> = windows.clone().map(label).collect();
    let trials: Vec<u32> = windows.clone().map(trial).collect();
    let dataset = Dataset::from_arrays(x.view(), labels, vec!["ada"; 120], trials)?;

    // Train on the first four days, stop early by the fifth, test on the last.
    let days = |days: std::ops::Range<u32>| -> Vec<u32> {
        windows.clone().filter(|&n| days.contains(&day(n))).collect()
    };
    let fold = Fold::new("day 6", days(0..4), days(4..5), days(5..6));
    let split = Split::new(SplitKind::Trial, vec![fold], &dataset)?;
    for audit in split.audit(&dataset) {
        println!(
            "fold {}: {} test windows, {:?} overlap training",
            audit.name, audit.test, audit.overlapping
        );
    }

    // Every second window in the test part: the other half of each trial is in training, and that is refused.
    let (odd, even): (Vec<u32>, Vec<u32>) = windows.clone().partition(|n| n % 2 == 1);
    let leaky = Split::new(SplitKind::Trial, vec![Fold::new("odd", even, [], odd)], &dataset);
    println!("refused: {}", leaky.expect_err("a trial is in both parts"));

    let trained = Experiment::on_folds(dataset, split, Config::default(), &Silent)?.cross_validate()?;
    let scores = trained.scores.expect("the fold has a test part");
    println!("accuracy of the trials of day 6: {:?}", scores.trial.overall.accuracy);
    Ok(())
}
