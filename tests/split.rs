//! Splits: the rules of each kind, for random sizes, and refused splits.

use crate::support::synthetic::{Sizes, cut, dataset, recordings};
use engine::ErrorKind;
use engine::data::recording::Target;
use engine::data::sequences::Dataset;
use engine::data::split::{Leak, Split, SplitKind, SplitSpec};
use engine::data::stats::Stats;
use proptest::prelude::*;
use std::collections::BTreeSet;

const KINDS: [SplitKind; 7] = [
    SplitKind::Window,
    SplitKind::Trial,
    SplitKind::TrialWithinSubject,
    SplitKind::Subject,
    SplitKind::Stimulus,
    SplitKind::SubjectStimulus,
    SplitKind::Predefined,
];

fn spec(kind: SplitKind, folds: Option<usize>, validation: f64, seed: u64) -> SplitSpec {
    SplitSpec { kind, folds, validation, seed }
}

/// The groups of a sequence that a kind keeps together, by the simplest means.
fn groups(kind: SplitKind, dataset: &Dataset, index: u32) -> Vec<String> {
    let s = &dataset.sequences[index as usize];
    match kind {
        SplitKind::Window | SplitKind::WindowHoldout => vec![format!("{index}")],
        SplitKind::Trial | SplitKind::TrialWithinSubject | SplitKind::Predefined | SplitKind::All => {
            vec![format!("{} {}", s.subject, s.trial)]
        }
        SplitKind::Subject => vec![format!("subject {}", s.subject)],
        SplitKind::Stimulus => vec![format!("stimulus {}", s.trial)],
        SplitKind::SubjectStimulus => vec![format!("subject {}", s.subject), format!("stimulus {}", s.trial)],
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_group_is_in_two_parts(
        subjects in 4u32..7,
        trials in 8u32..12,
        folds in 2usize..4,
        validation in prop_oneof![Just(0.0), Just(0.3)],
        seed in 0u64..1000,
    ) {
        let dataset = dataset(subjects, trials, 1.0);
        for kind in KINDS {
            let split = match spec(kind, Some(folds), validation, seed).build(&dataset) {
                Ok(split) => split,
                // So small a grid may leave a fold with one class in training, which is refused.
                Err(error) => {
                    prop_assert!(kind == SplitKind::SubjectStimulus && error.message.contains("are of the class"));
                    continue;
                }
            };
            let mut tested = Vec::new();
            for fold in split.folds() {
                let parts = [fold.train().sequences(), fold.validation(), fold.test()];
                prop_assert!(!parts[0].is_empty() && !parts[2].is_empty());
                prop_assert_eq!(parts[1].is_empty(), validation == 0.0);
                let sets = parts.map(|part| {
                    part.iter().flat_map(|&i| groups(kind, &dataset, i)).collect::<BTreeSet<String>>()
                });
                for (a, b) in [(0, 1), (0, 2), (1, 2)] {
                    prop_assert!(sets[a].is_disjoint(&sets[b]), "{kind:?} fold {}", fold.name);
                }
                tested.extend_from_slice(fold.test());
            }
            tested.sort_unstable();
            if kind == SplitKind::Predefined {
                let own = |i: &u32| dataset.sequences[*i as usize].predefined_test;
                prop_assert!(tested.iter().all(own) && split.folds().len() == 1);
            } else {
                // Every sequence is tested exactly once.
                prop_assert!(tested.into_iter().eq(0..dataset.sequences.len() as u32), "{kind:?}");
            }
            prop_assert_eq!(&split, &spec(kind, Some(folds), validation, seed).build(&dataset).unwrap());
            prop_assert_eq!(&split, &Split::from_json(&split.to_json(), &dataset).unwrap());
        }
    }
}

#[test]
fn a_subject_split_is_leave_one_subject_out_by_default() {
    let dataset = dataset(5, 4, 1.0);
    let split = spec(SplitKind::Subject, None, 0.2, 1).build(&dataset).unwrap();
    let names: Vec<&str> = split.folds().iter().map(|fold| fold.name.as_str()).collect();
    assert_eq!(names, ["s01", "s02", "s03", "s04", "s05"]);
    assert_eq!(split.folds()[2].test().len(), 16);
    assert_eq!(split.folds()[2].validation().len(), 16);
}

#[test]
fn the_auditor_counts_siblings_and_overlaps() {
    let honest = dataset(2, 10, 1.0);
    let leak = |dataset: &Dataset, kind| {
        Leak::of(&spec(kind, Some(4), 0.0, 3).build(dataset).unwrap().audit(dataset))
    };
    let none =
        Leak { siblings: Some(0.0), fewest_siblings: Some(0), overlapping: Some(0.0), copies: Some(0.0) };
    assert_eq!(leak(&honest, SplitKind::Trial), none);
    let window = leak(&honest, SplitKind::Window);
    assert!((2.0..3.0).contains(&window.siblings.unwrap()) && window.overlapping == Some(0.0), "{window:?}");

    let sizes = Sizes { subjects: 2, trials: 10, channels: 1, samples: 24, effect: 1.0 };
    let overlapping = cut(&recordings(sizes), 6, 3).unwrap();
    let window = leak(&overlapping, SplitKind::Window);
    assert!(window.overlapping.unwrap() > 0.5, "{window:?}");
    assert_eq!(leak(&overlapping, SplitKind::Trial).overlapping, Some(0.0));
}

/// The audit must refuse a split file with one index moved from the test to the training part.
#[test]
fn a_mutated_split_is_refused() {
    let dataset = dataset(4, 8, 1.0);
    for (kind, group) in [
        (SplitKind::Trial, "trial"),
        (SplitKind::Subject, "subject s0"),
        (SplitKind::Stimulus, "stimulus"),
        (SplitKind::SubjectStimulus, "is in both"),
    ] {
        let split = spec(kind, Some(2), 0.0, 1).build(&dataset).unwrap();
        let mut file: serde_json::Value = serde_json::from_str(&split.to_json()).unwrap();
        let moved = file["folds"][0]["test"].as_array_mut().unwrap().remove(0);
        file["folds"][0]["train"].as_array_mut().unwrap().push(moved);
        let error = Split::from_json(&file.to_string(), &dataset).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Data);
        assert!(error.message.contains(group) && error.message.contains("fold 1"), "{error}");
    }
    let split = spec(SplitKind::Window, Some(2), 0.0, 1).build(&dataset).unwrap();
    let mut file: serde_json::Value = serde_json::from_str(&split.to_json()).unwrap();
    let twice = file["folds"][0]["test"][0].clone();
    file["folds"][0]["train"].as_array_mut().unwrap().push(twice);
    assert!(Split::from_json(&file.to_string(), &dataset).unwrap_err().message.contains("is in both"));
    file["folds"][0]["test"][0] = 100_000.into();
    assert!(Split::from_json(&file.to_string(), &dataset).is_err());
    file["dataset"] = "other".into();
    assert!(Split::from_json(&file.to_string(), &dataset).unwrap_err().message.contains("other data"));
}

/// The windows of the original study, 31 of each of 40 trials of 32 subjects, without their signals.
#[test]
fn the_original_s_split_is_scikit_learn_s_to_the_index() {
    let data =
        cut(&recordings(Sizes { subjects: 32, trials: 40, channels: 1, samples: 31, effect: 0.0 }), 1, 1)
            .unwrap();
    assert_eq!(data.sequences.len(), 39_680);
    let split = spec(SplitKind::WindowHoldout, None, 0.1, 42).build(&data).unwrap();
    let [fold] = split.folds() else { panic!("one fold") };
    let train = fold.train().sequences();
    assert_eq!([train.len(), fold.validation().len(), fold.test().len()], [31_744, 3_968, 3_968]);
    assert_eq!(train[..4], [39281, 18896, 3289, 23935]);
    assert_eq!(fold.validation()[..4], [34743, 30762, 5653, 12036]);
    assert_eq!(fold.test()[..4], [3434, 35352, 13852, 15590]);
    let leak = Leak::of(&split.audit(&data));
    assert_eq!(format!("{:.2}", leak.siblings.unwrap()), "24.00");
    assert_eq!(leak.fewest_siblings, Some(16));
    let trials: BTreeSet<_> =
        train.iter().map(|&i| &data.sequences[i as usize]).map(|s| (s.subject, s.trial)).collect();
    assert_eq!(trials.len(), 1280, "every trial is in training");
    for (folds, validation, seed) in
        [(Some(2), 0.1, 42), (None, 0.0, 42), (None, 0.5, 42), (None, 0.1, 1 << 32)]
    {
        let error = spec(SplitKind::WindowHoldout, folds, validation, seed).build(&data).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config);
    }
}

#[test]
fn data_that_cannot_be_split_are_refused_with_a_hint() {
    let data = dataset(1, 8, 1.0);
    let error = spec(SplitKind::Subject, None, 0.0, 1).build(&data).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Data);
    assert!(error.hint.unwrap().contains("split_by = trial"));
    let two = dataset(2, 8, 1.0);
    let error = spec(SplitKind::Subject, None, 0.2, 1).build(&two).unwrap_err();
    assert!(error.hint.unwrap().contains("validation = 0"));
    assert!(spec(SplitKind::Subject, None, 0.0, 1).build(&two).is_ok());
    assert_eq!(spec(SplitKind::Trial, Some(17), 0.0, 1).build(&two).unwrap_err().kind, ErrorKind::Config);
}

#[test]
fn one_class_in_training_is_refused() {
    let mut recordings = recordings(Sizes { subjects: 2, trials: 6, channels: 1, samples: 12, effect: 0.0 });
    for trial in &mut recordings[0].trials {
        trial.target = Target::Ratings([8.0; 4]);
    }
    let data = cut(&recordings, 6, 6).unwrap();
    let error = spec(SplitKind::Subject, None, 0.0, 1).build(&data).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Data);
    assert!(error.message.contains("class \"high\"") && error.message.contains("s02"), "{error}");
}

/// Statistics use the training part only: changing the test part does not change a bit of them.
#[test]
fn a_poisoned_test_part_changes_no_statistic() {
    let sizes = Sizes { subjects: 4, trials: 8, channels: 2, samples: 12, effect: 1.0 };
    let clean = recordings(sizes);
    let mut poisoned = clean.clone();
    poisoned[2].samples.iter_mut().for_each(|x| *x = *x * 1e6 + 1e9);
    let (clean, poisoned) = (cut(&clean, 6, 3).unwrap(), cut(&poisoned, 6, 3).unwrap());
    let split = |dataset| spec(SplitKind::Subject, None, 0.0, 1).build(dataset).unwrap();
    let (a, b) = (split(&clean), split(&poisoned));
    let fit = |dataset, split: &Split, fold: usize| Stats::fit(dataset, split.folds()[fold].train());
    assert_eq!(fit(&clean, &a, 2), fit(&poisoned, &b, 2));
    assert_ne!(fit(&clean, &a, 0), fit(&poisoned, &b, 0));
}

#[test]
fn statistics_are_mean_and_population_deviation_and_constants_switch_off() {
    let mut recordings = recordings(Sizes { subjects: 2, trials: 4, channels: 2, samples: 6, effect: 0.0 });
    for recording in &mut recordings {
        for (i, x) in recording.samples.iter_mut().enumerate() {
            // Channel 0 counts 0..5, channel 1 is almost constant.
            *x = if i / 6 % 2 == 0 { (i % 6) as f64 } else { 7.0 + if i % 6 == 5 { 1e-3 } else { 0.0 } };
        }
    }
    let data = cut(&recordings, 5, 5).unwrap();
    let split = spec(SplitKind::Trial, Some(2), 0.0, 1).build(&data).unwrap();
    let stats = Stats::fit(&data, split.folds()[0].train());
    // Steps 0 to 4 of every window: mean 2, variance 2.
    assert!(
        (stats.mean[0] - 2.0).abs() < 1e-6 && (stats.inv_std[0] - 0.5f32.sqrt()).abs() < 1e-6,
        "{stats:?}"
    );
    assert_eq!(stats.inv_std[1], 0.0);
}
