//! The verdict on runs that are made by hand: who wins against which rule, and what it says.

use super::prediction;
use engine::metrics::verdict::{Conclusion, Unit};
use engine::metrics::{Names, Prediction, Scores, TrialLabel, Verdict};

/// Leaves one subject out for each fold, or one trial where there is one subject. `labels` and `answers` have
/// a list for each subject.
fn verdict(labels: &[Vec<u32>], answers: &[Vec<u32>]) -> Verdict {
    let single = labels.len() == 1;
    let (mut predictions, mut all) = (Vec::new(), Vec::new());
    for (subject, list) in labels.iter().enumerate() {
        for (trial, &label) in list.iter().enumerate() {
            let fold = if single { trial } else { subject } as u32;
            let one = if answers[subject][trial] == 1 { 0.75 } else { 0.25 };
            predictions.push(prediction(fold, subject as u32, trial as u32, 0, label, &[1.0 - one, one]));
            all.push(TrialLabel { fold, subject: subject as u32, trial: trial as u32, label });
        }
    }
    let folds = 1 + all.iter().map(|t| t.fold).max().unwrap();
    let train: Vec<TrialLabel> = (0..folds)
        .flat_map(|fold| all.iter().filter(move |t| t.fold != fold).map(move |t| TrialLabel { fold, ..*t }))
        .collect();
    of(&predictions, &train, folds as usize)
}

fn of(predictions: &[Prediction], train: &[TrialLabel], folds: usize) -> Verdict {
    let names: Vec<String> = (0..folds.max(40)).map(|i| i.to_string()).collect();
    let names = Names { folds: &names, subjects: &names, classes: &names[..2] };
    Scores::from(predictions, train, names, None).unwrap().verdict.unwrap()
}

/// `n` labels, the first `ones` of which are 1.
fn list(n: usize, ones: usize) -> Vec<u32> {
    (0..n).map(|i| u32::from(i < ones)).collect()
}

/// A constant answer against trials in unequal numbers: the mean over subjects lies far above the share of
/// the majority among all trials, and nothing has been learned.
#[test]
fn a_constant_answer_is_not_better_than_itself() {
    let labels = [list(40, 24), list(4, 4), list(4, 4), list(4, 4), list(4, 3)];
    let verdict = verdict(&labels, &labels.clone().map(|subject| vec![1; subject.len()]));
    assert!(verdict.accuracy > 0.85);
    assert_eq!(verdict.conclusion, Conclusion::NotShown);
    assert_eq!((verdict.bars.len(), verdict.bars[0].difference), (1, 0.0));
    // Only two of the subjects have both classes.
    let balanced = verdict.balanced_accuracy.unwrap();
    assert_eq!((balanced.units, balanced.score, balanced.chance, balanced.above), (2, 0.5, 0.5, false));
}

/// Leave-one-trial-out with balanced labels: the majority of the others is always the other class.
#[test]
fn no_rule_is_below_guessing() {
    let labels = [list(60, 30)];
    let answers: Vec<u32> = (0..60).map(|i| u32::from((i < 30) == (i % 5 < 2))).collect();
    let verdict = verdict(&labels, &[answers]);
    assert_eq!((verdict.unit, verdict.units, verdict.accuracy), (Unit::Trial, 60, 0.4));
    assert_eq!(verdict.conclusion, Conclusion::NotShown);
    for bar in &verdict.bars {
        assert_eq!((bar.rule, bar.accuracy), (0.0, 0.5), "{}", bar.name);
        assert!(bar.is_guessing() && (bar.difference + 0.1).abs() < 1e-12);
    }
    let text = verdict.text.join(" ");
    assert!(text.contains("Guessing gives 0.500: a difference of -0.100 ["), "{text}");
    assert!(text.contains("They say nothing about other people."), "{text}");
}

/// A signal that is there although nobody beats the oracle, who knows each person's most frequent answer.
#[test]
fn an_oracle_is_context_and_no_bar() {
    let labels: Vec<Vec<u32>> = (0..8).map(|s| list(20, if s % 2 == 0 { 16 } else { 4 })).collect();
    let wrong = |s: usize, i: usize| (i + s) % 10 < 3 + usize::from(i < s % 3);
    let answers = labels.iter().enumerate().map(|(s, list)| {
        list.iter().enumerate().map(|(i, &label)| if wrong(s, i) { 1 - label } else { label }).collect()
    });
    let verdict = verdict(&labels, &answers.collect::<Vec<_>>());
    assert!(verdict.accuracy < 0.75 && (verdict.context[0].accuracy - 0.8).abs() < 1e-12);
    assert_eq!(verdict.conclusion, Conclusion::Better);
    assert_eq!(verdict.context[0].name, "subject oracle");
    assert!(verdict.balanced_accuracy.as_ref().unwrap().above && verdict.auc.as_ref().unwrap().above);
    let text = verdict.text.join(" ");
    for part in [
        "By accuracy, the network is better than one can be",
        "It also tells the classes apart",
        "For context only",
        "hold the true value in about 87 %",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert!(verdict.bars[0].interval[0] > 0.0);
    let unknown = verdict.clone().of_unknown_people();
    assert!(unknown.context.is_empty() && !unknown.text.join(" ").contains("each person's"));
    let void = verdict.of_leak();
    assert_eq!(void.conclusion, Conclusion::Void);
    assert!(!void.balanced_accuracy.as_ref().unwrap().above && void.auc.as_ref().unwrap().interval.is_none());
    assert!(void.text.join(" ").contains("evidence of nothing") && !void.text.join(" ").contains("better"));
}

/// The subject's own training trials make a bar; their majority may be the harder one.
#[test]
fn the_subjects_own_majority_is_a_bar_where_there_is_one() {
    // Each subject has one answer nearly always, and both parts of it are tested and trained on.
    let label = |subject: u32, trial: u32| u32::from(subject.is_multiple_of(2) != trial.is_multiple_of(10));
    let (mut predictions, mut train) = (Vec::new(), Vec::new());
    for (subject, trial) in (0..6).flat_map(|subject| (0..20).map(move |trial| (subject, trial))) {
        let fold = trial / 10;
        // The answer of a network that knows the person and nothing else.
        let one = if subject % 2 == 0 { 0.75 } else { 0.25 };
        predictions.push(prediction(fold, subject, trial, 0, label(subject, trial), &[1.0 - one, one]));
        train.push(TrialLabel { fold: 1 - fold, subject, trial, label: label(subject, trial) });
    }
    let verdict = of(&predictions, &train, 2);
    let [global, own] = &verdict.bars[..] else { panic!("{:?}", verdict.bars) };
    assert!(global.difference > 0.3, "the person's bias beats a guess");
    assert_eq!((own.name.as_str(), own.difference, own.is_guessing()), ("subject majority", 0.0, false));
    assert_eq!(verdict.conclusion, Conclusion::NotShown);
}
