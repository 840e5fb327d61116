//! How often intervals and verdicts err, in simulated studies with fixed seeds. docs/evaluation.md reports
//! the rates.

use super::prediction;
use engine::metrics::baseline::Stimuli;
use engine::metrics::interval::{DIFFERENCES, SCORES, discordant, of_mean, student, wilson};
use engine::metrics::paired::sign_flip;
use engine::metrics::verdict::Conclusion;
use engine::metrics::{Names, Scores, TrialLabel, Verdict};
use engine::random::{Random, Stream};

/// The random numbers of case number `case`.
fn random(case: u32) -> Random {
    Random::new(2026, Stream::Check, [case, 0])
}

fn hits(random: &mut Random, trials: usize, p: f64) -> f64 {
    (0..trials).filter(|_| random.uniform() < p).count() as f64
}

/// The share of `studies` in which `happens`.
fn rate(studies: u32, mut happens: impl FnMut() -> bool) -> f64 {
    f64::from((0..studies).map(|_| u32::from(happens())).sum::<u32>()) / f64::from(studies)
}

/// Asserts a coverage of at least .93, and of at most .97 if the truth is not close to a bound.
#[track_caller]
fn covers(what: &str, rate: f64, edge: bool) {
    println!("coverage {rate:.3}: {what}");
    assert!(rate >= 0.93 && (edge || rate <= 0.97), "{what}: {rate:.3}");
}

/// Subjects differ: their true accuracies are uniform within `spread` of the mean.
#[test]
fn intervals_of_means_hold_the_true_mean() {
    let mut case = 0;
    for (mean, spread, edge) in [
        (0.5, 0.0, false),
        (0.5, 0.2, false),
        (0.7, 0.1, false),
        (0.85, 0.1, false),
        (0.95, 0.0, true),
        (0.95, 0.05, true),
        (0.98, 0.02, true),
        (0.99, 0.01, true),
    ] {
        for (subjects, trials) in [(6, 40), (12, 20), (32, 40)] {
            case += 1;
            let mut random = random(case);
            let mut student_covers = 0;
            let studies = 3000;
            let rate = rate(studies, || {
                let score = |_| {
                    let p = mean + spread * (2.0 * random.uniform() - 1.0);
                    hits(&mut random, trials, p) / trials as f64
                };
                let scores: Vec<f64> = (0..subjects).map(score).collect();
                let holds = |[low, high]: [f64; 2]| low <= mean && mean <= high;
                student_covers += u32::from(holds(student(&scores).unwrap()));
                let interval = of_mean(&scores, SCORES, (subjects * trials) as u64, 1.0).unwrap();
                assert!(interval[0] >= 0.0 && interval[1] <= 1.0);
                holds(interval)
            });
            let t = f64::from(student_covers) / f64::from(studies);
            covers(&format!("mean {mean} ± {spread}, {subjects} subjects of {trials}; t {t:.3}"), rate, edge);
        }
    }
}

/// Two networks on the same trials, right together as often as `both` says.
#[test]
fn intervals_of_differences_hold_the_true_difference() {
    let mut case = 100;
    for (both, first, second) in [(0.5, 0.2, 0.1), (0.7, 0.05, 0.05), (0.3, 0.5, 0.0), (0.9, 0.09, 0.01)] {
        let difference = first - second;
        let outcome = |random: &mut Random| match random.uniform() {
            u if u < both => 0.0,
            u if u < both + first => 1.0,
            u if u < both + first + second => -1.0,
            _ => 0.0,
        };
        let holds = |[low, high]: [f64; 2]| low <= difference && difference <= high;
        for (subjects, trials) in [(6, 40), (12, 20), (32, 40)] {
            case += 1;
            let mut random = random(case);
            let rate = rate(3000, || {
                let mut mean = || (0..trials).map(|_| outcome(&mut random)).sum::<f64>() / trials as f64;
                let differences: Vec<f64> = (0..subjects).map(|_| mean()).collect();
                holds(of_mean(&differences, DIFFERENCES, (subjects * trials) as u64, 1.0).unwrap())
            });
            covers(&format!("difference {difference:.2}, {subjects} subjects of {trials}"), rate, false);
        }
        for trials in [20, 40, 200] {
            case += 1;
            let mut random = random(case);
            let rate = rate(3000, || {
                let outcomes: Vec<f64> = (0..trials).map(|_| outcome(&mut random)).collect();
                let count = |wanted: f64| outcomes.iter().filter(|&&o| o == wanted).count() as f64;
                holds(discordant(count(1.0), count(-1.0), trials).unwrap())
            });
            covers(&format!("difference {difference:.2}, one subject, {trials} trials"), rate, true);
        }
    }
}

/// The folds of a cross-validation: a wide interval is right, a narrow one is wrong.
#[test]
fn correlated_folds_need_the_correction() {
    // Scores of folds whose correlation is test/(test + training), as Nadeau and Bengio assume.
    let (folds, ratio) = (5, 0.25);
    let correlation: f64 = ratio / (1.0 + ratio);
    let mut random = random(200);
    let mut plain = 0;
    let studies = 4000;
    let corrected = rate(studies, || {
        let common = random.normal() * correlation.sqrt();
        let mut score = || 0.7 + 0.03 * (common + random.normal() * (1.0 - correlation).sqrt());
        let scores: Vec<f64> = (0..folds).map(|_| score()).collect();
        let holds = |widening| {
            let [low, high] = of_mean(&scores, SCORES, 1000, widening).unwrap();
            low <= 0.7 && 0.7 <= high
        };
        plain += u32::from(holds(1.0));
        holds(engine::metrics::interval::overlap(folds, ratio))
    });
    let plain = f64::from(plain) / f64::from(studies);
    println!("folds: corrected {corrected:.3}, plain {plain:.3}");
    assert!((0.93..=0.97).contains(&corrected) && plain < 0.90, "{corrected}, {plain}");
}

/// A study that leaves each subject out once.
struct Study {
    /// The trials of each subject.
    trials: Vec<usize>,
    /// The share of class 1 among the labels; each subject's own is uniform within `spread` of it.
    ones: f64,
    spread: f64,
    /// The network's answers, from the label and the fold's training majority.
    answer: fn(&mut Random, u32, u32) -> u32,
}

impl Study {
    /// The verdict on one repetition, and the differences to the rule that it is judged by.
    fn verdict(&self, random: &mut Random) -> (Verdict, Vec<f64>) {
        let mut all = Vec::new();
        for (subject, &trials) in self.trials.iter().enumerate() {
            let ones = self.ones + self.spread * (2.0 * random.uniform() - 1.0);
            for trial in 0..trials as u32 {
                let label = u32::from(random.uniform() < ones);
                all.push(TrialLabel { fold: 0, subject: subject as u32, trial, label });
            }
        }
        let (mut train, mut predictions, mut shares) = (Vec::new(), Vec::new(), Vec::new());
        for fold in 0..self.trials.len() as u32 {
            let others = all.iter().filter(|t| t.subject != fold).map(|t| TrialLabel { fold, ..*t });
            let start = train.len();
            train.extend(others);
            let part = &train[start..];
            let majority = u32::from(2 * part.iter().filter(|t| t.label == 1).count() > part.len());
            let own: Vec<&TrialLabel> = all.iter().filter(|t| t.subject == fold).collect();
            let mut right = [0.0, 0.0];
            for t in &own {
                let one = (self.answer)(random, t.label, majority);
                let p = 0.6 + 0.3 * random.uniform();
                let p = if one == 1 { [1.0 - p, p] } else { [p, 1.0 - p] };
                predictions.push(prediction(fold, t.subject, t.trial, 0, t.label, &p));
                right[0] += f64::from(u32::from(one == t.label)) / own.len() as f64;
                right[1] += f64::from(u32::from(majority == t.label)) / own.len() as f64;
            }
            shares.push(right);
        }
        let names: Vec<String> = (0..self.trials.len()).map(|i| i.to_string()).collect();
        let names = Names { folds: &names, subjects: &names, classes: &["0".to_string(), "1".to_string()] };
        let verdict = Scores::from(&predictions, &train, names, None).unwrap().verdict.unwrap();
        let floor = verdict.bars[0].is_guessing();
        let differences = shares.iter().map(|[network, rule]| network - if floor { 0.5 } else { *rule });
        (verdict, differences.collect())
    }
}

fn coin(random: &mut Random, _: u32, _: u32) -> u32 {
    u32::from(random.uniform() < 0.5)
}

fn majority(_: &mut Random, _: u32, majority: u32) -> u32 {
    majority
}

/// The training majority most of the time, as a network that has learned nothing else.
fn leaning(random: &mut Random, _: u32, majority: u32) -> u32 {
    if random.uniform() < 0.9 { majority } else { 1 - majority }
}

fn signal(random: &mut Random, label: u32, _: u32) -> u32 {
    if random.uniform() < 0.62 { label } else { 1 - label }
}

/// A signal for labels of which nine in twenty are not of the majority.
fn weak_signal(random: &mut Random, label: u32, majority: u32) -> u32 {
    if random.uniform() < 0.25 { label } else { majority }
}

/// Unequal numbers of trials, from 5 to 40.
fn unequal(subjects: usize) -> Vec<usize> {
    (0..subjects).map(|s| [5, 40, 10, 20][s % 4]).collect()
}

#[test]
fn noise_is_rarely_called_better() {
    let mut case = 300;
    for (what, ones, spread) in
        [("balanced", 0.5, 0.0), ("unbalanced", 0.7, 0.0), ("unbalanced, people differ", 0.65, 0.3)]
    {
        for (numbers, trials) in [("equal", vec![20; 8]), ("unequal", unequal(8))] {
            for (name, answer) in [
                ("coin", coin as fn(&mut Random, u32, u32) -> u32),
                ("majority", majority),
                ("leaning", leaning),
            ] {
                case += 1;
                let mut random = random(case);
                let study = Study { trials: trials.clone(), ones, spread, answer };
                let mut balanced = 0;
                let studies = 600;
                let better = rate(studies, || {
                    let (verdict, _) = study.verdict(&mut random);
                    balanced += u32::from(verdict.balanced_accuracy.is_some_and(|b| b.above));
                    verdict.conclusion == Conclusion::Better
                });
                let balanced = f64::from(balanced) / f64::from(studies);
                println!(
                    "false better {better:.3}, balanced {balanced:.3}: {what}, {numbers} trials, {name}"
                );
                // Nominally .025; .045 is three standard errors of the simulation above it.
                assert!(better <= 0.03, "{what}, {numbers} trials, {name}: {better}");
                assert!(balanced <= 0.045, "{what}, {numbers} trials, {name}: {balanced}");
            }
        }
    }
}

#[test]
fn a_signal_is_found_as_often_as_by_a_paired_t_test() {
    let mut case = 400;
    let cases: [(&str, Study); 3] = [
        ("8 subjects, balanced", Study { trials: vec![20; 8], ones: 0.5, spread: 0.0, answer: signal }),
        ("16 subjects, unequal", Study { trials: unequal(16), ones: 0.5, spread: 0.0, answer: signal }),
        (
            "8 subjects, unbalanced",
            Study { trials: vec![30; 8], ones: 0.6, spread: 0.1, answer: weak_signal },
        ),
    ];
    for (what, study) in cases {
        case += 1;
        let mut random = random(case);
        let mut t_test = 0;
        let studies = 500;
        let better = rate(studies, || {
            let (verdict, differences) = study.verdict(&mut random);
            t_test += u32::from(student(&differences).unwrap()[0] > 0.0);
            verdict.conclusion == Conclusion::Better
        });
        let t_test = f64::from(t_test) / f64::from(studies);
        println!("power {better:.3}, paired t {t_test:.3}: {what}");
        assert!(t_test > 0.2 && better >= t_test - 0.05, "{what}: {better} against {t_test}");
    }
}

/// One subject, one trial left out for each fold: the rule is guessing, and trials are the units.
#[test]
fn noise_in_one_subject_is_rarely_called_better() {
    let mut random = random(500);
    let trials = 40;
    let better = rate(1000, || {
        let wrong_and_right = hits(&mut random, trials, 0.5) / trials as f64;
        wilson(wrong_and_right, trials).unwrap()[0] > 0.5
    });
    let paired = rate(2000, || {
        let first = hits(&mut random, trials, 0.2);
        let second = hits(&mut random, trials - first as usize, 0.25);
        discordant(first, second, trials).unwrap()[0] > 0.0
    });
    println!("false better in one subject: guessing {better:.3}, paired {paired:.3}");
    assert!(better <= 0.03 && paired <= 0.03, "{better}, {paired}");
}

/// Below each level, a share of at most that level of the p values: those of continuous differences are
/// uniform.
#[test]
fn p_values_of_the_sign_flip_test_are_uniform_on_noise() {
    let mut random = random(600);
    for (units, studies) in [(8, 2000), (12, 1000), (24, 60)] {
        let p_values: Vec<f64> = (0..studies)
            .map(|_| {
                // Symmetric, and far from normal.
                let mut difference = || random.normal() * (random.uniform() + 0.1);
                let differences: Vec<f64> = (0..units).map(|_| difference()).collect();
                sign_flip(&differences).0
            })
            .collect();
        for level in [0.05, 0.1, 0.25, 0.5, 0.75, 0.9] {
            let share = p_values.iter().filter(|&&p| p <= level).count() as f64 / f64::from(studies);
            let error = (level * (1.0 - level) / f64::from(studies)).sqrt();
            println!("sign flips, {units} units: {share:.3} of p values up to {level}");
            // The steps of an exact p value are 2/2^n wide.
            let step = 2.0 / f64::from(1 << units.min(20));
            assert!((share - level).abs() <= 4.0 * error + step, "{units} units: {share} up to {level}");
        }
    }
}

/// Leave-one-subject-out on noise, with the nearest class mean refitted for each fold. The folds share
/// training data, so the subjects' scores are correlated, and no interval can know by how much.
#[test]
fn subjects_of_refitted_learners_are_not_independent() {
    const FEATURES: usize = 4;
    for (case, (subjects, trials)) in [(6, 40), (8, 40), (16, 20)].into_iter().enumerate() {
        let mut random = random(700 + case as u32);
        let mut above = 0;
        let studies = 1500;
        let covered = rate(studies, || {
            // Per subject: features with their sum over each class.
            let subjects: Vec<Vec<(usize, [f64; FEATURES])>> = (0..subjects)
                .map(|_| {
                    let trial = |i: usize| (i % 2, std::array::from_fn(|_| random.normal()));
                    (0..trials).map(trial).collect()
                })
                .collect();
            let accuracy = |out: usize| {
                // The direction from the mean of class 0 to that of class 1, and their middle.
                let (mut direction, mut middle) = ([0.0; FEATURES], [0.0; FEATURES]);
                let others = subjects.iter().enumerate().filter(|(i, _)| *i != out).flat_map(|(_, s)| s);
                for (label, x) in others {
                    for k in 0..FEATURES {
                        direction[k] += if *label == 1 { x[k] } else { -x[k] };
                        middle[k] += x[k];
                    }
                }
                let all = ((subjects.len() - 1) * trials) as f64;
                let right = subjects[out].iter().filter(|(label, x)| {
                    let side: f64 = (0..FEATURES).map(|k| direction[k] * (x[k] - middle[k] / all)).sum();
                    usize::from(side > 0.0) == *label
                });
                right.count() as f64 / trials as f64
            };
            let scores: Vec<f64> = (0..subjects.len()).map(accuracy).collect();
            let [low, high] = of_mean(&scores, SCORES, (subjects.len() * trials) as u64, 1.0).unwrap();
            above += u32::from(low > 0.5);
            low <= 0.5 && 0.5 <= high
        });
        let above = f64::from(above) / f64::from(studies);
        println!(
            "refitted learners, {subjects} subjects of {trials}: coverage {covered:.3}, above chance {above:.3}"
        );
        assert!((0.80..0.94).contains(&covered), "{covered}");
    }
}

/// New stimuli, which all people share, or which one person sees again and again: each is easy or hard every
/// time, and the network reads nothing. Over subjects or trials alone, far too many studies would find
/// something.
#[test]
fn stimuli_that_all_share_are_no_finding() {
    let (repeats, stimuli, studies) = (24u32, 20u32, 200);
    for one_person in [false, true] {
        let (mut plain, mut over_both) = (0, 0);
        for study in 0..studies {
            let mut random = Random::new(900, Stream::Permutation, [study, u32::from(one_person)]);
            let mut all = Vec::new();
            let names: Vec<String> = (0..repeats.max(stimuli)).map(|i| i.to_string()).collect();
            let mut predictions = Vec::new();
            let mut numbers = Stimuli::new();
            for stimulus in 0..stimuli {
                // Each stimulus is a fold, its label a coin, and so is what the network says of its
                // signature.
                let (label, said) = (u32::from(random.uniform() < 0.5), u32::from(random.uniform() < 0.5));
                for repeat in 0..repeats {
                    let place =
                        if one_person { (0, stimulus * repeats + repeat) } else { (repeat, stimulus) };
                    let answer = if random.uniform() < 0.95 { said } else { 1 - said };
                    let p = if answer == 1 { [0.2, 0.8] } else { [0.8, 0.2] };
                    predictions.push(prediction(stimulus, place.0, place.1, 0, label, &p));
                    numbers.insert(place, stimulus);
                    all.push((stimulus, TrialLabel { fold: 0, subject: place.0, trial: place.1, label }));
                }
            }
            let others = |fold| all.iter().filter(move |(own, _)| *own != fold);
            let train =
                (0..stimuli).flat_map(|fold| others(fold).map(move |(_, t)| TrialLabel { fold, ..*t }));
            let train: Vec<TrialLabel> = train.collect();
            let names =
                Names { folds: &names, subjects: &names, classes: &["0".to_string(), "1".to_string()] };
            let scores = Scores::from(&predictions, &train, names, Some(&numbers)).unwrap();
            let finds = |scores: &Scores| scores.verdict.as_ref().unwrap().conclusion == Conclusion::Better;
            plain += u32::from(finds(&scores));
            let scores = scores.over_stimuli(&predictions, &train, &numbers).unwrap();
            over_both += u32::from(finds(&scores));
            let verdict = scores.verdict.unwrap();
            assert_eq!(verdict.stimuli, Some(20));
            assert!(
                verdict.text.concat().contains("share 20 stimuli")
                    || verdict.text.concat().contains("the 20 stimuli")
            );
        }
        println!("better, one person {one_person}: {plain} of {studies}, with stimuli {over_both}");
        assert!(plain > studies / 8 && over_both <= studies / 20, "{plain}, {over_both}");
    }
}

/// Of one stimulus, nobody knows how others would be.
#[test]
fn one_new_stimulus_shows_nothing() {
    let names: Vec<String> = (0..8).map(|i| i.to_string()).collect();
    let names = Names { folds: &names, subjects: &names, classes: &["0".to_string(), "1".to_string()] };
    let label = |subject: u32| subject % 2;
    let answer = |subject| if label(subject) == 1 { [0.1, 0.9] } else { [0.9, 0.1] };
    let predictions: Vec<_> = (0..8).map(|s| prediction(0, s, 0, 0, label(s), &answer(s))).collect();
    let train: Vec<TrialLabel> =
        (0..8).map(|subject| TrialLabel { fold: 0, subject, trial: 1, label: label(subject) }).collect();
    let numbers: Stimuli = (0..8).map(|subject| ((subject, 0), 3)).collect();
    let scores = Scores::from(&predictions, &train, names, Some(&numbers)).unwrap();
    assert_eq!(scores.verdict.as_ref().unwrap().conclusion, Conclusion::NotShown);
    let verdict = scores.over_stimuli(&predictions, &train, &numbers).unwrap().verdict.unwrap();
    assert_eq!((verdict.conclusion, verdict.bars[0].interval), (Conclusion::NotShown, [-1.0, 1.0]));
}
