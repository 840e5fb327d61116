//! How often the test errs, in simulated studies with a cheap classifier that is fitted anew for each fold
//! and permutation. docs/evaluation.md reports the rates.

use crate::support::synthetic::dataset;
use engine::data::permutation::Exchangeable;
use engine::data::sequences::Dataset;
use engine::data::split::{SplitKind, SplitSpec};
use engine::metrics::permutation::p_value;
use engine::random::{Random, Stream};
use std::collections::BTreeMap;

const FEATURES: usize = 3;
const SUBJECTS: u32 = 6;
const TRIALS: u32 = 12;

type Signals = BTreeMap<(u32, u32), [f64; FEATURES]>;

/// Of each trial; people differ, and a class adds `effect`.
fn signals(dataset: &Dataset, random: &mut Random, effect: f64) -> Signals {
    let mut person = vec![0.0; SUBJECTS as usize];
    person.iter_mut().for_each(|level| *level = random.normal());
    let mut signals = Signals::new();
    for s in &dataset.sequences {
        signals.entry((s.subject, s.trial)).or_insert_with(|| {
            std::array::from_fn(|_| {
                random.normal() + person[s.subject as usize] + effect * f64::from(s.label)
            })
        });
    }
    signals
}

/// The mean over subjects of the accuracy of the nearest class mean, and of its margin: a number without
/// ties.
fn cross_validated(dataset: &Dataset, kind: SplitKind, signals: &Signals) -> [f64; 2] {
    let split = SplitSpec { kind, folds: Some(3), validation: 0.0, seed: 1 }.build(dataset).unwrap();
    let mut of_subject: BTreeMap<u32, [f64; 3]> = BTreeMap::new();
    for fold in split.folds() {
        let mut means = [[0.0; FEATURES + 1]; 2];
        for &i in fold.train().sequences() {
            let s = &dataset.sequences[i as usize];
            let mean = &mut means[s.label as usize];
            mean.iter_mut().zip(&signals[&(s.subject, s.trial)]).for_each(|(sum, x)| *sum += x);
            mean[FEATURES] += 1.0;
        }
        for s in fold.test().iter().map(|&i| &dataset.sequences[i as usize]).filter(|s| s.window == 0) {
            let x = &signals[&(s.subject, s.trial)];
            let distance = |mean: &[f64; FEATURES + 1]| {
                x.iter().zip(mean).map(|(x, sum)| (x - sum / mean[FEATURES]).powi(2)).sum::<f64>()
            };
            let margin = distance(&means[1 - s.label as usize]) - distance(&means[s.label as usize]);
            let sums = of_subject.entry(s.subject).or_default();
            let hit = if margin > 0.0 { 1.0 } else { 0.0 };
            sums.iter_mut().zip([hit, margin, 1.0]).for_each(|(sum, x)| *sum += x);
        }
    }
    let mean =
        |i: usize| of_subject.values().map(|sums| sums[i] / sums[2]).sum::<f64>() / of_subject.len() as f64;
    [mean(0), mean(1)]
}

/// The p values of accuracy and margin in `studies`, with 19 permutations each.
fn p_values(kind: SplitKind, effect: f64, studies: u32) -> Vec<[f64; 2]> {
    let whole = dataset(SUBJECTS, TRIALS, 0.0);
    let exchangeable = Exchangeable::of(&whole, kind).unwrap();
    let study = |number: u32| {
        let mut random = Random::new(2026, Stream::Check, [number, 77]);
        // The study's own labels come in one of the equally likely orders.
        let own = whole.with_labels(&exchangeable.permuted(5, number));
        let signals = signals(&own, &mut random, effect);
        let exchangeable = Exchangeable::of(&own, kind).unwrap();
        let permuted =
            |n| cross_validated(&own.with_labels(&exchangeable.permuted(number.into(), n)), kind, &signals);
        let null: Vec<[f64; 2]> = (1..=19).map(permuted).collect();
        let observed = cross_validated(&own, kind, &signals);
        [0, 1].map(|i| p_value(observed[i], &null.iter().map(|values| Some(values[i])).collect::<Vec<_>>()))
    };
    (1..=studies).map(study).collect()
}

/// The share of p values of statistic `i` that are at most `level`.
fn share(p_values: &[[f64; 2]], i: usize, level: f64) -> f64 {
    p_values.iter().filter(|p| p[i] <= level + 1e-9).count() as f64 / p_values.len() as f64
}

#[test]
fn p_is_uniform_where_there_is_nothing_to_find() {
    let studies = 1000;
    for kind in [SplitKind::Subject, SplitKind::Trial] {
        let p_values = p_values(kind, 0.0, studies);
        for level in [0.05, 0.25, 0.5, 0.75] {
            // Ties, which accuracy has, only raise p.
            let [accuracy, margin] = [0, 1].map(|i| share(&p_values, i, level));
            let error = (level * (1.0 - level) / f64::from(studies)).sqrt();
            println!("by {}: p <= {level}: accuracy {accuracy:.3}, margin {margin:.3}", kind.name());
            assert!(accuracy < level + 3.3 * error, "{kind:?}, accuracy, {level}: {accuracy}");
            assert!((margin - level).abs() < 3.3 * error, "{kind:?}, margin, {level}: {margin}");
        }
    }
}

#[test]
fn a_signal_is_found() {
    for kind in [SplitKind::Subject, SplitKind::Trial] {
        let p_values = p_values(kind, 1.0, 100);
        let power = share(&p_values, 0, 0.05);
        println!("by {}: an effect of one standard deviation has p <= .05 in {power:.2}", kind.name());
        assert!(power > 0.8, "{kind:?}: {power}");
    }
}
