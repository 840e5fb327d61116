//! Baselines computed by hand, all scores of a run, and their tables.

use super::prediction;
use engine::metrics::interval::wilson;
use engine::metrics::text::render;
use engine::metrics::{Baselines, Names, Prediction, Scores, Stimuli, Summary, TrialLabel};

/// Labels from tuples (fold, subject, trial, label).
fn labels<const N: usize>(list: [(u32, u32, u32, u32); N]) -> Vec<TrialLabel> {
    list.map(|(fold, subject, trial, label)| TrialLabel { fold, subject, trial, label }).to_vec()
}

/// The number of a trial is that of its stimulus, for all subjects.
fn numbered() -> Stimuli {
    (0..20).flat_map(|subject| (0..20).map(move |trial| ((subject, trial), trial))).collect()
}

#[test]
fn scores_of_invalid_input_are_refused() {
    let first = prediction(0, 0, 0, 0, 0, &[0.5, 0.5]);
    let names = ["a".to_string(), "b".to_string()];
    let one = std::slice::from_ref(&first);
    let train = [TrialLabel { fold: 0, subject: 0, trial: 1, label: 0 }];
    let scores = |predictions, train, subjects| {
        Scores::from(predictions, train, Names { folds: &names, subjects, classes: &names }, None)
    };
    assert!(scores(one, &train, &names).is_ok());
    assert!(scores(&[], &train, &names).is_err(), "no predictions");
    assert!(scores(one, &[], &names).is_err(), "no training trials");
    assert!(scores(one, &train, &[]).is_err(), "no subject names");
}

#[test]
fn baselines_of_left_out_subjects() {
    // Three subjects, three videos, each subject left out once.
    let all = [[0, 0, 1], [0, 1, 1], [1, 1, 1]];
    let part = |wanted: fn(u32, u32) -> bool| -> Vec<TrialLabel> {
        let cell = |i: u32| (i / 9, i / 3 % 3, i % 3);
        let keep = |&(fold, subject, _): &(u32, u32, u32)| wanted(fold, subject);
        let label = |(fold, subject, trial)| TrialLabel {
            fold,
            subject,
            trial,
            label: all[subject as usize][trial as usize],
        };
        (0..27).map(cell).filter(keep).map(label).collect()
    };
    let (train, test) = (part(|fold, subject| fold != subject), part(|fold, subject| fold == subject));
    let baselines = Baselines::of(&train, &test, 2, Some(&numbered())).unwrap();

    // Training has 5, 4 and 3 ones of 6. The last is a tie, for which class 0 is predicted: 1 + 2 + 0 right.
    assert_eq!(baselines.global.scores.accuracy, Some(3.0 / 9.0));
    // No subject is in its own training part, so the oracle is used: 2 + 2 + 3 right.
    assert_eq!((baselines.subject.scores.accuracy, baselines.subject.second_choice), (Some(7.0 / 9.0), 9));
    // The others' labels: {0 1, 1 1, 1 1}, {0 1, 0 1, 1 1}, {0 0, 0 1, 1 1}. Ties give 0: 2 + 2 + 1 right.
    let stimulus = baselines.stimulus.unwrap();
    assert_eq!((stimulus.scores.accuracy, stimulus.second_choice), (Some(5.0 / 9.0), 0));
    assert_eq!(Baselines::of(&train, &test, 2, None).unwrap().stimulus, None);

    // The oracle uses all test trials of a subject, also if they are in several folds.
    let (train, test) =
        (labels([(0, 1, 0, 0), (1, 1, 0, 0)]), labels([(0, 0, 1, 0), (1, 0, 2, 1), (1, 0, 3, 1)]));
    let spread = Baselines::of(&train, &test, 2, Some(&numbered())).unwrap().subject;
    assert_eq!((spread.scores.accuracy, spread.second_choice), (Some(2.0 / 3.0), 3));
}

#[test]
fn baselines_of_left_out_trials() {
    let train = labels([(0, 0, 0, 1), (0, 0, 1, 1), (0, 1, 0, 0), (0, 1, 1, 0), (0, 1, 2, 0)]);
    let test = labels([(0, 0, 2, 1), (0, 1, 3, 1)]);
    let baselines = Baselines::of(&train, &test, 2, Some(&numbered())).unwrap();
    // Training is 2 ones and 3 zeros; subject 0 has only ones there, subject 1 only zeros.
    assert_eq!(baselines.global.scores.accuracy, Some(0.0));
    assert_eq!((baselines.subject.scores.accuracy, baselines.subject.second_choice), (Some(0.5), 0));
    // Subject 1 rated video 2 as 0. Nobody rated video 3 in training, so the global majority counts, 0.
    let stimulus = baselines.stimulus.unwrap();
    assert_eq!((stimulus.scores.accuracy, stimulus.second_choice), (Some(0.0), 1));

    // A trial that is listed twice counts once. A video that is not in training has no baseline.
    let twice: Vec<TrialLabel> = train.iter().chain(&train[..2]).chain(&train[..2]).copied().collect();
    assert_eq!(
        Baselines::of(&twice, &test, 2, Some(&numbered())).unwrap(),
        Baselines::of(&train, &test, 2, Some(&numbered())).unwrap()
    );
    assert_eq!(Baselines::of(&train, &test[1..], 2, Some(&numbered())).unwrap().stimulus, None);

    // Stimuli have numbers of their own: subject 1 saw in trial 2 what subject 0 sees in trial 7.
    let own = Stimuli::from([((0, 7), 5), ((1, 2), 5), ((1, 0), 6)]);
    let renumbered = Baselines::of(&train, &labels([(0, 0, 7, 0)]), 2, Some(&own)).unwrap().stimulus.unwrap();
    assert_eq!((renumbered.scores.accuracy, renumbered.second_choice), (Some(1.0), 0));

    // A split by windows has the test trial itself in training. The stimulus baseline still leaves its
    // subject out.
    let leaky =
        Baselines::of(&labels([(0, 0, 0, 0), (0, 1, 0, 1)]), &labels([(0, 0, 0, 0)]), 2, Some(&numbered()))
            .unwrap();
    assert_eq!(leaky.subject.scores.accuracy, Some(1.0));
    assert_eq!(leaky.stimulus.unwrap().scores.accuracy, Some(0.0));

    assert!(
        Baselines::of(&labels([(0, 0, 0, 0), (0, 0, 0, 1)]), &test, 2, Some(&numbered())).is_err(),
        "two labels"
    );
    assert!(Baselines::of(&labels([(0, 0, 0, 2)]), &test, 2, Some(&numbered())).is_err(), "no such class");
}

/// Two folds of two subjects. Subject `s2` has only one class, and four windows in each trial.
fn run() -> Scores {
    let mut predictions = Vec::new();
    let mut train = Vec::new();
    for trial in 0..8 {
        for subject in 0..2 {
            let (fold, label) = (trial % 2, if subject == 0 { trial / 2 % 2 } else { 1 });
            train.push(TrialLabel { fold: 1 - fold, subject, trial, label });
            for window in 0..1 + 3 * subject {
                let one = if trial == 3 { 0.25 } else { 0.625 + 0.125 * f64::from(window) };
                predictions.push(prediction(fold, subject, trial, window, label, &[1.0 - one, one]));
            }
        }
    }
    let names = |list: [&str; 2]| list.map(str::to_string);
    let (folds, subjects, classes) = (names(["1", "2"]), names(["s1", "s2"]), names(["low", "high"]));
    let names = Names { folds: &folds, subjects: &subjects, classes: &classes };
    Scores::from(&predictions, &train, names, Some(&numbered())).unwrap()
}

#[test]
fn a_report_holds_both_levels_folds_and_subjects() {
    let scores = run();
    // "low" is predicted for trial 3, "high" for all others. Trial 3 of both subjects is "high".
    assert_eq!(serde_json::to_value(&scores.trial.confusion).unwrap(), serde_json::json!([[0, 4], [2, 10]]));
    assert_eq!(scores.trial.overall.accuracy, Some(10.0 / 16.0));
    assert_eq!(scores.window.overall.accuracy, Some((3.0 + 28.0) / 40.0));
    assert_eq!(scores.trial.accuracy_interval, wilson(10.0 / 16.0, 16));
    assert_eq!(scores.window.accuracy_interval, None);

    let subjects = &scores.trial.by_subject;
    assert_eq!(
        subjects.rows.iter().map(|row| row.accuracy).collect::<Vec<_>>(),
        [Some(3.0 / 8.0), Some(7.0 / 8.0)]
    );
    assert_eq!(subjects.accuracy, Summary::of(&[3.0 / 8.0, 7.0 / 8.0], 16));
    assert_eq!((subjects.rows[1].auc, subjects.auc.n), (None, 1));
    let folds = &scores.trial.by_fold;
    assert_eq!(
        folds.rows.iter().map(|row| row.accuracy).collect::<Vec<_>>(),
        [Some(6.0 / 8.0), Some(4.0 / 8.0)]
    );

    let json = serde_json::to_value(&scores).unwrap();
    assert!(json["trial"]["by_subject"]["rows"][1]["auc"].is_null());
    assert_eq!(json["baselines"]["global"]["scores"]["n"], 16);
}

#[test]
fn a_trial_tested_by_several_folds_narrows_no_interval() {
    // Ten trials of four windows. Each window of a trial is tested in another fold, as in a split by windows.
    let window = |i: u32| prediction(i % 4, 0, i / 4, i % 4, i / 4 % 2, &[0.75, 0.25]);
    let predictions: Vec<Prediction> = (0..40).map(window).collect();
    let train = labels([(0, 0, 0, 0), (1, 0, 0, 0), (2, 0, 0, 0), (3, 0, 0, 0)]);
    let names = ["a", "b", "c", "d"].map(str::to_string);
    let names = Names { folds: &names, subjects: &names, classes: &names[..2] };
    let scores = Scores::from(&predictions, &train, names, None).unwrap();
    assert_eq!(scores.trial.overall.n, 40);
    assert_eq!(scores.trial.accuracy_interval, wilson(0.5, 10));
}

#[test]
fn tables_fit_and_name_undefined_scores() {
    let text = render(&run());
    for wanted in
        ["| 16 trials ", "| 40 windows ", "| subject majority ", "| 95 % from ", "| s2 ", "10 (83%)"]
    {
        assert!(text.contains(wanted), "{wanted:?} is missing in\n{text}");
    }
    assert!(text.contains("undefined") && !text.contains("NaN"), "{text}");

    // Tables of many classes with long names fit, too.
    for classes in [4, 10, 26] {
        let names: Vec<String> = (0..classes).map(|k| format!("a class with the number {k}")).collect();
        let predictions: Vec<Prediction> = (0..600)
            .map(|i| {
                let p: Vec<f64> = (0..classes).map(|k| f64::from(k == i / 7 % classes)).collect();
                prediction(i % 2, i % 3, i / 3, 0, i % classes, &p)
            })
            .collect();
        let train = labels([(0, 0, 0, 0), (1, 0, 0, 0)]);
        let names = Names { folds: &names, subjects: &names, classes: &names };
        let text = render(&Scores::from(&predictions, &train, names, Some(&numbered())).unwrap());
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(100), "{widest:?} columns in\n{text}");
    }
}
