//! Proof of what an evaluation measures, on demo recordings without class information: a leaky split scores
//! far above chance and honest splits score at chance. Without a fingerprint of trials, all splits score at
//! chance.

use crate::support::runs;
use engine::config::{CellName, Config};
use engine::data::frames::Baseline;
use engine::data::split::SplitKind;
use engine::metrics::Scores;
use engine::ops::Cell;

/// A small network on band power of recordings without any effect of emotion.
fn scores(split: SplitKind, trial_sd: f64, baseline: Baseline) -> Scores {
    let mut config = Config::default();
    config.demo.demo_subjects = 5;
    config.demo.demo_seed = 11;
    config.demo.demo_effect = 0.0;
    config.demo.demo_prior_sd = 0.0;
    config.demo.demo_trial_sd = trial_sd;
    config.frames.window = Some(4.0);
    config.frames.baseline = Some(baseline);
    config.split.split_by = Some(split);
    config.split.validation = 0.0;
    config.network.cell = vec![CellName::new(Cell::Gru, 1)];
    config.network.hidden = vec![24];
    config.network.dropout = 0.0;
    config.training.epochs = 12;
    config.training.learning_rate = 3e-3;
    runs::scores(config)
}

/// Balanced accuracy over trials, and how far it may be from one half by chance: 3.3 standard errors (1 in
/// 1000, two-sided) of the mean of two recalls, each a binomial share of its class's trials.
fn at_trial_level(scores: &Scores) -> (f64, f64) {
    let trials: Vec<f64> = scores.trial.by_class.iter().map(|class| class.support as f64).collect();
    let error = 0.5 * trials.iter().map(|n| 0.25 / n).sum::<f64>().sqrt();
    (scores.trial.overall.balanced_accuracy.unwrap(), 3.3 * error)
}

#[test]
fn only_a_leaky_split_finds_what_is_not_there() {
    let (leaky, _) = at_trial_level(&scores(SplitKind::Window, 0.3, Baseline::Drop));
    assert!(leaky > 0.8, "the split by window scores {leaky}: does the fingerprint still leak?");
    for split in [SplitKind::Trial, SplitKind::Subject] {
        let (honest, band) = at_trial_level(&scores(split, 0.3, Baseline::Drop));
        assert!((honest - 0.5).abs() < band, "{split:?}: {honest}, chance is 0.5 +- {band:.3}");
    }
}

#[test]
fn without_a_fingerprint_every_split_is_at_chance() {
    for split in [SplitKind::Window, SplitKind::Trial, SplitKind::Subject] {
        let (score, band) = at_trial_level(&scores(split, 0.0, Baseline::Drop));
        assert!((score - 0.5).abs() < band, "{split:?}: {score}, chance is 0.5 +- {band:.3}");
    }
}

/// Subtracting the same noisy baseline from all windows of a trial adds a fingerprint to signals without one.
/// Honest splits are unaffected.
#[test]
fn baseline_correction_makes_a_fingerprint_of_its_own() {
    let (leaky, _) = at_trial_level(&scores(SplitKind::Window, 0.0, Baseline::Correct));
    assert!(leaky > 0.7, "the split by window scores {leaky}");
    let (honest, band) = at_trial_level(&scores(SplitKind::Trial, 0.0, Baseline::Correct));
    assert!((honest - 0.5).abs() < band, "{honest}, chance is 0.5 +- {band:.3}");
}
