//! The permutation test: who may change places, the p value, the same bits in any group and after a stop, and
//! that it finds what is there and nothing else.

mod page;
mod program;
mod rates;

use crate::support::runs;
use crate::support::synthetic::dataset;
use crate::support::training::{network, spec, split, task};
use engine::ErrorKind;
use engine::backend::cpu::Cpu;
use engine::config::{CellName, Config};
use engine::data::grouping::Grouping;
use engine::data::permutation::Exchangeable;
use engine::data::sequences::Dataset;
use engine::data::split::SplitKind;
use engine::metrics::permutation::{p_value, reached};
use engine::metrics::{PermutationTest, Scores};
use engine::ops::Cell;
use engine::train::{FoldGroup, FoldResult, FoldTask, Unobserved};
use std::collections::BTreeMap;

fn labels(dataset: &Dataset) -> Vec<u32> {
    dataset.sequences.iter().map(|s| s.label).collect()
}

/// How often each subject, in each part, has each label.
fn counts(dataset: &Dataset, labels: &[u32], parts: bool) -> BTreeMap<(u32, bool, u32), usize> {
    let mut counts = BTreeMap::new();
    for (s, &label) in dataset.sequences.iter().zip(labels) {
        *counts.entry((s.subject, parts && s.predefined_test, label)).or_default() += 1;
    }
    counts
}

/// People share stimuli, so the labels of all of them change places alike.
#[test]
fn stimuli_change_places_for_all_people_alike() {
    let mut dataset = dataset(3, 8, 0.0);
    dataset.sequences.iter_mut().for_each(|s| s.stimulus = s.trial);
    let exchangeable = Exchangeable::of(&dataset, SplitKind::Stimulus).unwrap();
    assert_eq!(exchangeable.rule(), "labels permuted over stimuli, for all people alike");
    // The labels of all people, by stimulus.
    let columns = |labels: &[u32]| {
        let mut columns: BTreeMap<u32, BTreeMap<u32, u32>> = BTreeMap::new();
        for (s, &label) in dataset.sequences.iter().zip(labels) {
            assert_eq!(*columns.entry(s.stimulus).or_default().entry(s.subject).or_insert(label), label);
        }
        columns.into_values().collect::<Vec<_>>()
    };
    let own = columns(&labels(&dataset));
    let sorted = |mut columns: Vec<BTreeMap<u32, u32>>| {
        columns.sort();
        columns
    };
    let mut moved = 0;
    for number in 1..=20 {
        let permuted = columns(&exchangeable.permuted(7, number));
        assert_eq!(sorted(permuted.clone()), sorted(own.clone()), "{number}");
        moved += usize::from(permuted != own);
    }
    assert!(moved > 15, "{moved} of 20");

    // Where each person has one class, people change places.
    let by_person: Vec<u32> = dataset.sequences.iter().map(|s| u32::from(s.subject > 0)).collect();
    let people = Exchangeable::of(&dataset.with_labels(&by_person), SplitKind::SubjectStimulus).unwrap();
    assert_eq!(people.rule(), "labels permuted over people, each of whom has one class");
    dataset.sequences.retain(|s| (s.subject, s.stimulus) != (1, 2));
    let error = Exchangeable::of(&dataset, SplitKind::SubjectStimulus).unwrap_err();
    assert!(error.message.contains("lacks stimulus 2"), "{}", error.message);
}

#[test]
fn trials_change_places_within_each_person_and_stay_whole() {
    let dataset = dataset(3, 8, 0.0);
    for (kind, parts, rule) in [
        (SplitKind::Subject, false, "labels permuted over the trials of each person"),
        (SplitKind::Predefined, true, "labels permuted over the trials of each person, TRAIN and TEST apart"),
    ] {
        let exchangeable = Exchangeable::of(&dataset, kind).unwrap();
        assert_eq!(exchangeable.rule(), rule);
        let own = labels(&dataset);
        let mut moved = 0;
        for number in 1..=20 {
            let permuted = exchangeable.permuted(7, number);
            assert_eq!(counts(&dataset, &permuted, parts), counts(&dataset, &own, parts), "{number}");
            let mut of_trial = BTreeMap::new();
            for (s, &label) in dataset.sequences.iter().zip(&permuted) {
                assert_eq!(*of_trial.entry((s.subject, s.trial)).or_insert(label), label, "a trial is torn");
            }
            assert_eq!(permuted, exchangeable.permuted(7, number));
            moved += usize::from(permuted != own && permuted != exchangeable.permuted(8, number));
        }
        assert!(moved > 15, "{moved} of 20");
    }
}

#[test]
fn every_order_of_labels_is_equally_likely() {
    let mut dataset = dataset(1, 4, 0.0);
    dataset.grouping = Grouping::CASES;
    let exchangeable = Exchangeable::of(&dataset, SplitKind::Trial).unwrap();
    assert_eq!(exchangeable.rule(), "labels permuted over all trials");
    let mut seen: BTreeMap<Vec<u32>, f64> = BTreeMap::new();
    (1..=6000).for_each(|number| *seen.entry(exchangeable.permuted(1, number)).or_default() += 1.0);
    // Two of each class among four: six orders. A standard error is 29.
    assert_eq!(seen.len(), 6);
    assert!(seen.values().all(|n| (n - 1000.0).abs() < 100.0), "{seen:?}");
}

#[test]
fn people_change_places_where_each_has_one_class() {
    let whole = dataset(6, 4, 0.0);
    let of_person = whole.sequences.iter().map(|s| u32::from(s.subject < 3)).collect::<Vec<_>>();
    let mut dataset = whole.with_labels(&of_person);
    // Whose windows belong together no longer matters.
    dataset.grouping = Grouping::of_windows(true, false);
    let exchangeable = Exchangeable::of(&dataset, SplitKind::Subject).unwrap();
    assert_eq!(exchangeable.rule(), "labels permuted over people, each of whom has one class");
    let permuted = dataset.with_labels(&exchangeable.permuted(1, 1));
    let of_people = counts(&permuted, &labels(&permuted), false);
    assert_eq!(of_people.len(), 6, "a person has two classes: {of_people:?}");
    assert_eq!(of_people.keys().filter(|key| key.2 == 1).count(), 3);
}

#[test]
fn labels_that_may_not_change_places_are_refused() {
    let mut windows = dataset(3, 8, 0.0);
    windows.grouping = Grouping::of_windows(true, false);
    let error = Exchangeable::of(&windows, SplitKind::Subject).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Data);
    let hint = error.hint.unwrap();
    assert!(hint.contains("`trials`") && hint.contains("`promise_independent_windows`"), "{hint}");

    let whole = dataset(3, 8, 0.0);
    let mut torn = labels(&whole);
    torn[0] = 1 - torn[0];
    let error = Exchangeable::of(&whole.with_labels(&torn), SplitKind::Subject).unwrap_err();
    assert!(error.message.contains("subject s01, trial 0: windows of the classes"), "{error}");

    let constant = whole.with_labels(&vec![1; torn.len()]);
    let error = Exchangeable::of(&constant, SplitKind::Subject).unwrap_err();
    assert!(error.message.contains("no label can change its place"), "{error}");
}

/// Phipson and Smyth's (b + 1)/(N + 1) by hand.
#[test]
fn the_run_counts_among_its_permutations() {
    let null = [Some(0.4), Some(0.5), Some(0.6)];
    assert_eq!((reached(0.5, &null), p_value(0.5, &null)), (2, 0.75));
    assert_eq!(p_value(0.7, &null), 0.25);
    assert_eq!(p_value(0.1 + 0.2, &[Some(0.3)]), 1.0, "equal but for rounding is a tie");
    assert_eq!(p_value(0.7, &[None, Some(0.1)]), 2.0 / 3.0, "an undefined score counts against the run");
    assert_eq!(p_value(0.7, &vec![Some(0.1); 99]), 0.01);
}

fn trained(dataset: &Dataset, tasks: Vec<FoldTask>) -> Vec<FoldResult> {
    let backend = Cpu::new();
    let mut group = FoldGroup::new(&backend, &network(dataset), tasks).unwrap();
    group.run(&mut Unobserved).unwrap();
    group.finish().unwrap()
}

/// One fold under two orders of the labels, side by side: loss, class weights, early stopping and the answers
/// follow each fold's own labels.
#[test]
fn folds_with_labels_of_their_own_train_as_if_alone() {
    let whole = dataset(4, 6, 0.5);
    let exchangeable = Exchangeable::of(&whole, SplitKind::Subject).unwrap();
    let other = whole.with_labels(&exchangeable.permuted(1, 1));
    let (split_of_whole, split_of_other, spec) = (split(&whole), split(&other), spec());
    let tasks = || [task(&whole, &spec, &split_of_whole, 1), task(&other, &spec, &split_of_other, 1)];
    let together = trained(&whole, tasks().into());
    for (both, one) in together.iter().zip(tasks()) {
        let alone = &trained(&whole, vec![one])[0];
        assert_eq!((&both.best, &both.last), (&alone.best, &alone.last));
        assert_eq!((&both.predictions, both.best_epoch), (&alone.predictions, alone.best_epoch));
    }
    assert_ne!(together[0].last, together[1].last);

    let foreign = dataset(4, 6, 0.5);
    let split_of_foreign = split(&foreign);
    let tasks = vec![task(&whole, &spec, &split_of_whole, 0), task(&foreign, &spec, &split_of_foreign, 0)];
    let backend = Cpu::new();
    let error = FoldGroup::new(&backend, &network(&whole), tasks).err().unwrap();
    assert!(error.message.contains("other frames"), "{error}");
}

/// A small run on the demo with so many permutations.
fn demo(effect: f64, kind: SplitKind, permutations: u32) -> Scores {
    let mut config = Config::default();
    config.demo.demo_subjects = 3;
    config.demo.demo_effect = effect;
    config.demo.demo_prior_sd = 0.0;
    config.demo.demo_trial_sd = 0.3;
    config.frames.window = Some(6.0);
    config.split.split_by = Some(kind);
    config.split.folds = (kind != SplitKind::Subject).then_some(2);
    config.split.validation = 0.0;
    config.network.cell = vec![CellName::new(Cell::Gru, 1)];
    config.network.hidden = vec![16];
    config.network.dropout = 0.0;
    config.training.epochs = 8;
    config.training.learning_rate = 3e-3;
    config.permutation.permutations = Some(permutations);
    runs::scores(config)
}

fn test(scores: &Scores) -> &PermutationTest {
    scores.permutation.as_ref().expect("a permutation test")
}

#[test]
fn a_signal_has_the_smallest_p_and_noise_has_not() {
    let signal = demo(3.0, SplitKind::Trial, 19);
    assert!(test(&signal).statistics.iter().all(|tested| tested.p == 0.05), "{:?}", test(&signal));
    let text = signal.verdict.unwrap().text.join(" ");
    assert!(
        text.contains("By permutation, 19 trainings on permuted labels: p = 0.050 for accuracy"),
        "{text}"
    );
    assert!(text.contains("chance hardly explains") && text.contains("p above needs no"), "{text}");

    let noise = demo(0.0, SplitKind::Subject, 19);
    assert!(test(&noise).statistics.iter().all(|tested| tested.p > 0.05), "{:?}", test(&noise));
    assert!(noise.verdict.unwrap().text.join(" ").contains("So chance can explain the accuracy."));
}

/// A network that recognizes trials scores on permuted labels, too.
#[test]
fn a_leak_shows_in_the_scores_of_permuted_labels() {
    let scores = demo(0.0, SplitKind::Window, 3);
    let balanced = &test(&scores).statistics[1];
    assert!(balanced.name == "balanced accuracy" && balanced.null_mean.unwrap() > 0.6, "{balanced:?}");
    let text = scores.verdict.unwrap().text.join(" ");
    for part in ["evidence of nothing", "Here is the leak", "So few permutations can show nothing"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
