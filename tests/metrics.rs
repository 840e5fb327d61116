//! Scores against scikit-learn, scipy and statsmodels, and their properties.

mod report;
mod simulations;
mod verdict;

use engine::metrics::confusion::Average;
use engine::metrics::interval::{discordant, student, t_critical, t_two_sided, wilson};
use engine::metrics::prediction::{brier, check, log_loss, trials};
use engine::metrics::{Confusion, Prediction, Summary};
use engine::metrics::{auc, average_precision};
use engine::{ErrorKind, Result};
use proptest::prelude::*;
use serde_json::Value;

/// Both sides use the same formulas in f64. Only the order of the additions differs.
const TOLERANCE: f64 = 1e-12;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/metrics.json")).unwrap()
}

/// Asserts that `ours` equals `theirs` up to rounding, or that it is undefined where `theirs` is null.
#[track_caller]
fn same(what: &str, ours: Option<f64>, theirs: &Value) {
    match (ours, theirs.as_f64()) {
        (None, None) => assert!(theirs.is_null(), "{what}: not in the golden file"),
        (Some(a), Some(b)) => {
            assert!((a - b).abs() <= TOLERANCE * b.abs().max(1.0), "{what}: {a} against {b}")
        }
        (a, b) => panic!("{what}: {a:?} against {b:?}"),
    }
}

fn floats(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn prediction(fold: u32, subject: u32, trial: u32, window: u32, label: u32, p: &[f64]) -> Prediction {
    Prediction { fold, subject, trial, window, label, probabilities: p.to_vec() }
}

/// The predictions of a case of the golden file.
fn answers(case: &Value) -> Vec<Prediction> {
    let (truth, probabilities) = (&case["truth"], case["probabilities"].as_array().unwrap());
    let answer = |(i, p)| prediction(0, 0, i as u32, 0, truth[i].as_u64().unwrap() as u32, &floats(p));
    probabilities.iter().enumerate().map(answer).collect()
}

/// The test confusion matrices of the original study (rows actual), with the scores that it printed.
#[test]
fn the_published_matrices_have_the_published_scores() {
    let lstm = [[1052, 129, 92, 130], [111, 552, 44, 98], [181, 64, 586, 100], [108, 91, 38, 592]];
    let gru = [[1050, 124, 130, 99], [88, 593, 41, 83], [105, 76, 665, 85], [99, 79, 61, 590]];
    let bilstm = [[1049, 100, 134, 120], [99, 567, 61, 78], [108, 65, 686, 72], [81, 70, 65, 613]];
    for (matrix, accuracy, macro_f1, kappa, mcc) in [
        (lstm, 0.701109, 0.694938, 0.593066, 0.594118),
        (gru, 0.730343, 0.724924, 0.634449, 0.634729),
        (bilstm, 0.734627, 0.729608, 0.640139, 0.640348),
    ] {
        let mut confusion = Confusion::new(4);
        for (actual, row) in matrix.iter().enumerate() {
            for (predicted, &count) in row.iter().enumerate() {
                (0..count).for_each(|_| confusion.add(actual as u32, predicted as u32));
            }
        }
        let overall = confusion.overall();
        let six = |value: Option<f64>| (value.unwrap() * 1e6).round() / 1e6;
        assert_eq!(overall.n, 3968);
        assert_eq!(six(overall.accuracy), accuracy);
        assert_eq!(six(overall.macro_average.as_ref().map(|average| average.f1)), macro_f1);
        assert_eq!((six(overall.kappa), six(overall.mcc)), (kappa, mcc));
        if matrix == lstm {
            assert_eq!(six(overall.balanced_accuracy), 0.694770);
            assert_eq!(six(overall.macro_average.as_ref().map(|average| average.precision)), 0.699834);
            assert_eq!(six(overall.weighted_average.as_ref().map(|average| average.f1)), 0.701102);
        }
    }
}

#[test]
fn scores_equal_scikit_learn() {
    for (name, case) in golden()["cases"].as_object().unwrap() {
        let predictions = answers(case);
        let classes = predictions[0].probabilities.len();
        check(&predictions, classes).unwrap();
        let confusion = Confusion::of(&predictions, classes);
        assert_eq!(serde_json::to_value(&confusion).unwrap(), case["confusion"], "{name}");

        let overall = confusion.overall();
        same(name, overall.accuracy, &case["accuracy"]);
        same(name, overall.balanced_accuracy, &case["balanced_accuracy"]);
        same(name, overall.kappa, &case["kappa"]);
        same(name, overall.mcc, &case["mcc"]);
        same(name, auc::multiclass(&predictions), &case["auc"]);
        same(name, log_loss(&predictions), &case["log_loss"]);
        same(name, average_precision::multiclass(&predictions), &case["average_precision"]);
        same(name, brier(&predictions), &case["brier"]);
        for (how, average) in [("macro", &overall.macro_average), ("weighted", &overall.weighted_average)] {
            let ours = |score: fn(&Average) -> f64| average.as_ref().map(score);
            same(name, ours(|a| a.precision), &case[how]["precision"]);
            same(name, ours(|a| a.recall), &case[how]["recall"]);
            same(name, ours(|a| a.f1), &case[how]["f1"]);
        }
        for (k, class) in confusion.per_class().iter().enumerate() {
            same(name, Some(class.precision), &case["precision"][k]);
            same(name, Some(class.recall), &case["recall"][k]);
            same(name, Some(class.f1), &case["f1"][k]);
            assert_eq!(class.support, case["support"][k].as_u64().unwrap(), "{name}");
        }
    }
}

#[test]
fn without_predictions_no_score_is_defined() {
    let empty = serde_json::to_value(Confusion::new(3).overall()).unwrap();
    let undefined = |(name, score): (&String, &Value)| if name == "n" { score == 0 } else { score.is_null() };
    assert!(empty.as_object().unwrap().iter().all(undefined), "{empty}");
    assert_eq!(auc::multiclass::<Prediction>(&[]), None);
    assert_eq!(log_loss::<Prediction>(&[]), None);
    assert_eq!(brier::<Prediction>(&[]), None);
    assert_eq!(average_precision::multiclass::<Prediction>(&[]), None);
    assert_eq!(average_precision::binary(&[0.3, 0.1], &[false, false]), None);
    assert_eq!(wilson(0.0, 0), None);
}

/// A positive and a negative are tied, which makes a slanted line.
#[test]
fn a_roc_curve_by_hand() {
    let curve = auc::roc(&[0.9, 0.5, 0.5, 0.1], &[true, false, true, false]);
    assert_eq!(curve, Some(vec![[0.0, 0.0], [0.0, 0.5], [0.5, 1.0], [1.0, 1.0]]));
    assert_eq!(auc::roc(&[0.9, 0.1], &[true, true]), None);
}

#[test]
fn t_quantiles_and_intervals_equal_scipy() {
    let golden = golden();
    for case in golden["t_critical"].as_array().unwrap() {
        let (level, freedom) = (case["level"].as_f64().unwrap(), case["freedom"].as_u64().unwrap() as usize);
        let (ours, theirs) = (t_critical(level, freedom), case["t"].as_f64().unwrap());
        assert!((ours - theirs).abs() <= TOLERANCE * theirs, "{level}, {freedom}: {ours} against {theirs}");
    }
    for case in golden["t_interval"].as_array().unwrap() {
        let values = floats(&case["values"]);
        let summary = Summary::of(&values, 100);
        let [low, high] = student(&values).unwrap();
        same("mean", summary.mean, &case["mean"]);
        same("sd", summary.sd, &case["sd"]);
        same("low", Some(low), &case["interval"][0]);
        same("high", Some(high), &case["interval"][1]);
    }
    let one = Summary::of(&[0.7], 10);
    assert_eq!((one.n, one.mean, one.sd, one.interval), (1, Some(0.7), None, None));
    assert_eq!(Summary::of(&[], 0).mean, None);
}

#[test]
fn p_values_of_t_are_the_quantiles_backwards() {
    for freedom in [1, 2, 5, 30] {
        for level in [0.5, 0.95, 0.999] {
            let p = t_two_sided(-t_critical(level, freedom), freedom);
            assert!((p - (1.0 - level)).abs() < 1e-9, "{freedom}, {level}: {p}");
        }
        assert_eq!(t_two_sided(0.0, freedom), 1.0);
    }
}

/// Bonett and Price's formula by hand: (b - c)/(n + 2), with a trial more in each count.
#[test]
fn intervals_of_discordant_trials_by_hand() {
    let [low, high] = discordant(9.0, 1.0, 38).unwrap();
    let half = 1.959_963_984_540_054 * ((0.25 + 0.05 - 0.04) / 40.0_f64).sqrt();
    assert!((low - (0.2 - half)).abs() < TOLERANCE && (high - (0.2 + half)).abs() < TOLERANCE);
    assert_eq!(discordant(2.0, 0.0, 2).unwrap()[1], 1.0);
    assert_eq!(discordant(0.0, 0.0, 0), None);
}

#[test]
fn wilson_intervals_equal_statsmodels() {
    for case in golden()["wilson"].as_array().unwrap() {
        let n = case["n"].as_u64().unwrap();
        let [low, high] = wilson(case["count"].as_f64().unwrap() / n as f64, n as usize).unwrap();
        same("low", Some(low), &case["interval"][0]);
        same("high", Some(high), &case["interval"][1]);
    }
}

#[test]
fn of_equally_probable_classes_the_lowest_is_predicted() {
    assert_eq!(prediction(0, 0, 0, 0, 0, &[0.2, 0.4, 0.4]).argmax(), 1);
}

#[test]
fn a_trial_is_the_mean_of_its_windows() {
    let windows = [
        prediction(0, 1, 4, 0, 1, &[0.9, 0.1]),
        prediction(0, 1, 4, 1, 1, &[0.3, 0.7]),
        prediction(0, 0, 4, 0, 0, &[1.0, 0.0]),
        prediction(1, 1, 4, 2, 1, &[0.25, 0.75]),
    ];
    let expected = [
        prediction(0, 0, 4, 0, 0, &[1.0, 0.0]),
        prediction(0, 1, 4, 0, 1, &[(0.9 + 0.3) / 2.0, (0.1 + 0.7) / 2.0]),
        prediction(1, 1, 4, 0, 1, &[0.25, 0.75]),
    ];
    assert_eq!(trials(&windows).unwrap(), expected);
}

#[test]
fn invalid_predictions_are_refused() {
    let refused = |result: Result<()>| result.unwrap_err().kind;
    let bad = |label, p: &[f64]| refused(check(&[prediction(0, 0, 0, 0, label, p)], 2));
    assert_eq!(bad(2, &[0.5, 0.5]), ErrorKind::Data);
    assert_eq!(bad(0, &[0.5, 0.25, 0.25]), ErrorKind::Data);
    assert_eq!(bad(0, &[0.5, 0.6]), ErrorKind::Numerical);
    assert_eq!(bad(0, &[f64::NAN, 1.0]), ErrorKind::Numerical);
    assert_eq!(bad(0, &[-0.5, 1.5]), ErrorKind::Numerical);

    let first = prediction(0, 0, 0, 0, 0, &[0.5, 0.5]);
    let with = |second| trials(&[first.clone(), second]).unwrap_err().message;
    assert!(with(prediction(0, 0, 0, 1, 1, &[0.5, 0.5])).contains("different labels"));
    assert!(with(first.clone()).contains("occurs twice"));
}

fn some_predictions() -> impl Strategy<Value = Vec<Prediction>> {
    let one = (0..4u32, 0..3u32, 0..3u32, prop::collection::vec(1..9u32, 3));
    prop::collection::vec(one, 1..60).prop_map(|list| {
        let answer = |(i, (fold, subject, label, odds)): (usize, (u32, u32, u32, Vec<u32>))| {
            let total = f64::from(odds.iter().sum::<u32>());
            let p: Vec<f64> = odds.iter().map(|&o| f64::from(o) / total).collect();
            prediction(fold, subject, 3 * (i as u32 % 5) + label, i as u32, label, &p)
        };
        list.into_iter().enumerate().map(answer).collect()
    })
}

fn in_two_orders() -> impl Strategy<Value = (Vec<Prediction>, Vec<Prediction>)> {
    some_predictions().prop_flat_map(|p| (Just(p.clone()), Just(p).prop_shuffle()))
}

proptest! {
    #[test]
    fn scores_do_not_depend_on_order((before, after) in in_two_orders()) {
        prop_assert_eq!(Confusion::of(&before, 3), Confusion::of(&after, 3));
        prop_assert_eq!(trials(&before).unwrap(), trials(&after).unwrap());
        prop_assert_eq!(auc::multiclass(&before), auc::multiclass(&after));
    }

    #[test]
    fn merged_parts_are_the_whole(all in some_predictions(), cut in 0..60usize) {
        let (left, right) = all.split_at(cut.min(all.len()));
        let mut merged = Confusion::of(left, 3);
        merged.merge(&Confusion::of(right, 3));
        prop_assert_eq!(merged, Confusion::of(&all, 3));
    }

    #[test]
    fn scores_stay_within_their_bounds(all in some_predictions()) {
        let confusion = Confusion::of(&all, 3);
        let overall = confusion.overall();
        let within = |low: f64, score: Option<f64>| score.is_none_or(|x| (low..=1.0 + TOLERANCE).contains(&x));
        prop_assert!(within(0.0, overall.accuracy) && within(0.0, overall.balanced_accuracy));
        prop_assert!(within(0.0, overall.macro_average.as_ref().map(|a| a.f1)) && within(0.0, auc::multiclass(&all)));
        prop_assert!(within(-1.0 - TOLERANCE, overall.kappa) && within(-1.0 - TOLERANCE, overall.mcc));
        prop_assert!(overall.accuracy.is_some() && confusion.majority() >= Some(1.0 / 3.0));
    }

    #[test]
    fn auc_depends_on_the_order_only(points in prop::collection::vec((-50..50i32, any::<bool>()), 0..80)) {
        let (scores, positive): (Vec<f64>, Vec<bool>) = points.iter().map(|&(x, p)| (f64::from(x), p)).unzip();
        let grown: Vec<f64> = scores.iter().map(|x| (x / 10.0).exp() - 3.0).collect();
        let negated: Vec<f64> = scores.iter().map(|x| -x).collect();
        let area = auc::binary(&scores, &positive);
        prop_assert_eq!(area, auc::binary(&grown, &positive));
        let mirrored = auc::binary(&negated, &positive).map(|a| 1.0 - a);
        prop_assert!(area.zip(mirrored).is_none_or(|(a, b)| (a - b).abs() <= TOLERANCE));
        prop_assert_eq!(area.is_some(), positive.contains(&true) && positive.contains(&false));
    }

    #[test]
    fn a_roc_curve_encloses_the_auc(points in prop::collection::vec((-9..9i32, any::<bool>()), 0..80)) {
        let (scores, positive): (Vec<f64>, Vec<bool>) = points.iter().map(|&(x, p)| (f64::from(x), p)).unzip();
        let curve = auc::roc(&scores, &positive);
        prop_assert_eq!(curve.is_some(), auc::binary(&scores, &positive).is_some());
        if let (Some(curve), Some(area)) = (curve, auc::binary(&scores, &positive)) {
            let slice = |pair: &[[f64; 2]]| (pair[1][0] - pair[0][0]) * (pair[0][1] + pair[1][1]) / 2.0;
            let enclosed: f64 = curve.windows(2).map(slice).sum();
            prop_assert!((enclosed - area).abs() <= TOLERANCE, "{enclosed} against {area}");
            prop_assert_eq!((curve[0], curve[curve.len() - 1]), ([0.0, 0.0], [1.0, 1.0]));
            let rises = |pair: &[[f64; 2]]| pair[0][0] <= pair[1][0] && pair[0][1] <= pair[1][1];
            prop_assert!(curve.windows(2).all(rises));
        }
    }
}
