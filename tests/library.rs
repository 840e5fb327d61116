//! The library on arrays in memory: data sets, folds, defaults, gradients.

use crate::support::arrays::{array, folder_of, integers, texts};
use engine::backend::Backend;
use engine::backend::cpu::Cpu;
use engine::config::Config;
use engine::data::arrays::Arrays;
use engine::data::sequences::{BadWindows, Dataset};
use engine::data::split::{Fold, Split, SplitKind, SplitSpec};
use engine::experiment::{self, Experiment};
use engine::model::{Batch, Extent, StepInput, Trainer, Training};
use engine::ops::{Network, Optimizer, StepScalars};
use engine::progress::Silent;
use engine::random::{Random, Stream};
use engine::train::{TrainSpec, initial_weights};
use engine::{Error, ErrorKind};
use ndarray::{Array2, Array3};

/// 24 windows of 9 time steps and 2 channels: 3 people with 4 trials of 2 windows.
fn x() -> Array3<f32> {
    Array3::from_shape_fn((24, 9, 2), |(n, t, c)| {
        let mut random = Random::new(4, Stream::Demo, [n as u32, (2 * t + c) as u32]);
        (random.normal() + (n / 2 % 2) as f64) as f32
    })
}

fn column<T>(of: impl Fn(usize) -> T) -> Vec<T> {
    (0..24).map(of).collect()
}

const PEOPLE: [&str; 3] = ["ada", "bo", "cy"];

fn dataset() -> Dataset {
    let (labels, people) = (column(|n| ["low", "high"][n / 2 % 2]), column(|n| PEOPLE[n / 8]));
    Dataset::from_arrays(x().view(), labels, people, column(|n| n / 2 % 4)).unwrap()
}

#[track_caller]
fn says<T>(result: engine::Result<T>, kind: ErrorKind, parts: &[&str]) {
    let Err(error) = result else { panic!("no error that says {parts:?}") };
    assert_eq!(error.kind, kind, "{error}");
    parts.iter().for_each(|part| assert!(error.to_string().contains(part), "no {part:?} in: {error}"));
}

/// The same windows as files are the same data set, hash and all.
#[test]
fn arrays_are_what_files_of_them_are() {
    let integer = |values: Vec<usize>| integers(&values.iter().map(|&v| v as i64).collect::<Vec<_>>());
    let floats: Vec<u8> = x().iter().flat_map(|value| value.to_le_bytes()).collect();
    let folder = folder_of(&[
        ("windows", array("<f4", "(24, 9, 2)", &floats)),
        ("labels", texts(&column(|n| ["low", "high"][n / 2 % 2]))),
        ("groups", texts(&column(|n| PEOPLE[n / 8]))),
        ("trials", integer(column(|n| n / 2 % 4))),
    ]);
    let mut config = Config::default();
    config.data.path = folder.path().into();
    let read = experiment::read(&mut config, None, &Silent).unwrap();
    let own = dataset();
    assert_eq!(own.hash(), read.hash());
    assert_eq!(own.sequences, read.sequences);
    assert_eq!(own.class_names, ["high", "low"]);
    assert_eq!((own.grouping, &own.frames.subjects), (read.grouping, &read.frames.subjects));
    // Of arrays they are taken from the frames, and only now.
    assert_eq!(**own.frames.sketches, **read.frames.sketches);
    assert_eq!(own.to_array(), x());
    assert_eq!(own.sequence(&own.sequences[3]), x().index_axis(ndarray::Axis(0), 3));

    // And so is what is trained on them: with the settings that files leave open, bit for bit.
    let mut own_config = Config::default();
    own_config.training.epochs = 2;
    own_config.split.split_by = Some(SplitKind::Subject);
    config.training.epochs = 2;
    config.split.split_by = Some(SplitKind::Subject);
    let own = Experiment::on_arrays(own, own_config, &Silent).unwrap().cross_validate().unwrap();
    let read = Experiment::prepare(config, &Silent).unwrap().cross_validate().unwrap();
    let probabilities = |trained: &experiment::Trained| -> Vec<Vec<f64>> {
        trained.folds.iter().flat_map(|f| f.predictions.iter().map(|p| p.probabilities.clone())).collect()
    };
    assert_eq!(probabilities(&own), probabilities(&read));
    assert_eq!(own.scores.map(|scores| scores.trial), read.scores.map(|scores| scores.trial));
}

#[test]
fn series_have_lengths_of_their_own() {
    let series: Vec<Array2<f32>> = (0..4)
        .map(|n| Array2::from_shape_fn((3 + n, 2), |(t, c)| ((n + 1) * (t + 2 * c + t * t)) as f32))
        .collect();
    let views: Vec<_> = series.iter().map(|one| one.view()).collect();
    let dataset = Dataset::from_series(&views, [1, 0, 1, 0], [0, 0, 1, 1], [0, 1, 0, 1]).unwrap();
    assert_eq!(dataset.sequences.iter().map(|s| s.length).collect::<Vec<_>>(), [3, 4, 5, 6]);
    for (sequence, own) in dataset.sequences.iter().zip(&series) {
        assert_eq!(dataset.sequence(sequence), own);
    }
    let table = dataset.to_array();
    assert_eq!(table.dim(), (4, 6, 2));
    assert!(table[[0, 2, 1]] == series[0][[2, 1]] && table[[0, 3, 0]].is_nan());
    // The table is read back as what it was made of: what is NaN at the end is padding.
    let again = Dataset::from_arrays(table.view(), [1, 0, 1, 0], [0, 0, 1, 1], [0, 1, 0, 1]).unwrap();
    assert_eq!((again.hash(), again.sequences), (dataset.hash(), dataset.sequences));

    let wide = Array2::zeros((3, 5));
    let error = Dataset::from_series(&[views[0], wide.view()], [0, 1], [0, 1], [0, 1]);
    says(error, ErrorKind::Data, &["series 1 has the shape [3, 5], expected (T, 2) as series 0"]);
    let none = Array2::zeros((0, 2));
    let error = Dataset::from_series(&[views[0], none.view()], [0, 1], [0, 1], [0, 1]);
    says(error, ErrorKind::Data, &["array \"lengths\": element 1 is 0, expected 1 to 3 time steps"]);
}

#[test]
fn wrong_arrays_are_told_what_was_expected_and_what_they_are() {
    let (labels, people, trials) = (column(|n| n / 2 % 2), column(|n| n / 8), column(|n| n / 2 % 4));
    let of = |labels: Vec<usize>, people: Vec<usize>, trials: Vec<usize>| {
        Dataset::from_arrays(x().view(), labels, people, trials)
    };
    let data = ErrorKind::Data;
    says(
        of(labels[..23].to_vec(), people.clone(), trials.clone()),
        data,
        &["array \"labels\": shape [23], expected (24,), one element per window"],
    );
    says(
        of(labels.clone(), vec![0; 25], trials.clone()),
        data,
        &["array \"groups\": shape [25], expected (24,)"],
    );
    says(of(labels.clone(), people.clone(), vec![]), data, &["array \"trials\": shape [0], expected (24,)"]);
    says(
        of(labels.clone(), vec![0; 24], vec![7; 24]),
        data,
        &["array \"trials\": trial 7 of subject 0 has two labels", "unique"],
    );
    let empty = Array3::zeros((0, 9, 2));
    says(Dataset::from_arrays(empty.view(), [0; 0], [0; 0], [0; 0]), data, &["[0, 9, 2] holds nothing"]);
    let arrays = || Arrays::new(x().view());
    says(arrays().labels(vec!["a", " ", "b"]).dataset(), data, &["array \"labels\": shape [3]"]);
    says(arrays().trials(vec!["one"; 24]).dataset(), data, &["array \"trials\": text, expected integers"]);
    says(arrays().channels(["Cz"]).dataset(), data, &["array \"channels\": shape [1], expected (2,)"]);
    says(arrays().rate(0.0).dataset(), data, &["array \"rate\": expected one positive number"]);
    says(
        arrays().groups(column(|n| ["s1", "S01"][n % 2])).dataset(),
        data,
        &["\"S01\" and \"s1\" differ only"],
    );

    let mut bad = x();
    bad[[5, 4, 1]] = f32::NAN;
    let bad = || Arrays::new(bad.view()).labels(&labels).groups(&people).trials(&trials);
    says(bad().dataset(), data, &["1 windows hold bad signals: 0 trial 2 channel ch1", "bad_windows = drop"]);
    assert_eq!(bad().bad_windows(BadWindows::Drop).dataset().unwrap().sequences.len(), 23);
}

/// The audits of contents are those of files: a person under two names is refused.
#[test]
fn copies_in_arrays_are_found() {
    let mut x = x();
    let first = x.slice(ndarray::s![..8, .., ..]).to_owned();
    x.slice_mut(ndarray::s![8..16, .., ..]).assign(&first);
    let dataset = Dataset::from_arrays(
        x.view(),
        column(|n| n / 2 % 2),
        column(|n| PEOPLE[n / 8]),
        column(|n| n / 2 % 4),
    )
    .unwrap();
    let error =
        SplitSpec { kind: SplitKind::Subject, validation: 0.0, ..SplitSpec::default() }.build(&dataset);
    says(error, ErrorKind::Data, &["ada and bo are the same recording", "one person must not count as two"]);
}

#[test]
fn settings_without_effect_on_arrays_are_refused() {
    let refused = |change: fn(&mut Config), parts: &[&str]| {
        let mut config = Config::default();
        change(&mut config);
        says(Experiment::on_arrays(dataset(), config, &Silent).map(|_| ()), ErrorKind::Config, parts);
    };
    refused(|config| config.frames.window = Some(2.0), &["no effect on arrays", "window = 2.0 (was absent)"]);
    refused(|config| config.labels.dead_zone = 1.0, &["dead_zone = 1.0 (was 0.0)"]);
    refused(|config| config.data.channels = vec!["eeg".into()], &["channels = [\"eeg\"]"]);
    refused(
        |config| config.frames.normalize = engine::data::normalize::Normalize::Subject,
        &["`normalize = subject` is for recordings"],
    );
    refused(|config| config.split.promise_independent_windows = true, &["nothing to promise"]);
}

#[test]
fn folds_of_ones_own_are_audited() {
    let dataset = dataset();
    let split = |kind, folds: Vec<Fold>| Split::new(kind, folds, &dataset);
    let people = |people: std::ops::Range<u32>| (8 * people.start..8 * people.end).collect::<Vec<u32>>();
    let fold = |name: &str, test| Fold::new(name, people(1..3), [], test);
    let data = ErrorKind::Data;
    says(split(SplitKind::Subject, vec![]), data, &["a split without folds"]);
    says(
        split(SplitKind::Trial, vec![Fold::new("a", [0, 2], [], [1])]),
        data,
        &["fold a: trial 0 of ada is in both the training and the test part, which a split by trial forbids"],
    );
    says(
        split(SplitKind::Subject, vec![Fold::new("a", [0, 2], [], [4])]),
        data,
        &["fold a: subject ada is in both the training and the test part"],
    );
    says(
        split(SplitKind::Subject, vec![fold("a", vec![99])]),
        data,
        &["fold a: the test part has the sequence 99, expected an index below 24"],
    );
    says(
        split(SplitKind::Subject, vec![Fold::new("a", [], [], people(0..1))]),
        data,
        &["the training part is empty"],
    );
    says(
        split(SplitKind::Subject, vec![fold("a", people(0..1)), fold("b", vec![])]),
        data,
        &["fold b: the test part is empty, and other folds have one", "to train without scores"],
    );
    says(
        split(SplitKind::Stimulus, vec![fold("a", people(0..1))]),
        data,
        &["which trials have the same stimulus"],
    );

    let own = split(SplitKind::Subject, vec![fold("first", people(0..1))]).unwrap();
    assert_eq!(Split::from_json(&own.to_json(), &dataset).unwrap(), own);
    let mut config = Config::default();
    (config.training.epochs, config.training.patience) = (1, Some(0));
    let trained = Experiment::on_folds(dataset.clone(), own.clone(), config.clone(), &Silent).unwrap();
    assert_eq!(trained.config.split.split_by, Some(SplitKind::Subject));
    assert_eq!(trained.cross_validate().unwrap().scores.unwrap().trial.by_fold.rows[0].name, "first");
    let other = Arrays::new(x().view()).labels(column(|n| n / 2 % 2)).dataset().unwrap();
    says(Experiment::on_folds(other, own, config, &Silent).map(|_| ()), data, &["person each window is of"]);
}

/// A fold without a test part trains networks, and nothing is scored.
#[test]
fn nothing_is_scored_without_a_test_part() {
    let dataset = dataset();
    let split = SplitSpec { kind: SplitKind::All, ..SplitSpec::default() }.build(&dataset).unwrap();
    let [fold] = split.folds() else { panic!("{} folds", split.folds().len()) };
    assert!(!split.has_test() && fold.test().is_empty());
    // Of 12 trials a fifth is for validation, and no trial is on both sides.
    assert_eq!((fold.train().sequences().len(), fold.validation().len()), (20, 4));
    let trials = |part: &[u32]| dataset.trials(part);
    assert!(trials(fold.train().sequences()).is_disjoint(&trials(fold.validation())));
    let error = SplitSpec { kind: SplitKind::All, folds: Some(3), ..SplitSpec::default() }.build(&dataset);
    says(error, ErrorKind::Config, &["without a test part there is one fold"]);

    let mut config = Config::default();
    config.training.epochs = 1;
    config.split.split_by = Some(SplitKind::All);
    let experiment = Experiment::on_arrays(dataset.clone(), config.clone(), &Silent).unwrap();
    assert_eq!(experiment.scope(&[0]).asks, "nothing: there is no test part, so no score is claimed");
    assert!(experiment.describe(&[0], 1).unwrap().contains("tests nothing: there is no test part"));
    let trained = experiment.cross_validate().unwrap();
    assert!(trained.scores.is_none() && trained.folds[0].predictions.is_empty());
    assert!(trained.folds[0].best.iter().any(|weight| *weight != 0.0));
    config.permutation.permutations = Some(9);
    says(
        Experiment::on_arrays(dataset, config, &Silent).map(|_| ()),
        ErrorKind::Config,
        &["a permutation test needs scores"],
    );
}

/// The weights that a training begins with are public, and so are the gradients of a step: AdamW's first step
/// moves each weight against its gradient by the learning rate.
#[test]
fn weights_and_gradients_have_names_and_shapes() -> engine::Result<()> {
    let dataset = dataset();
    let network = Network { dropout: 0.0, ..Network::new(2, 2) };
    let spec = TrainSpec::default();
    let before = initial_weights(&network, spec.initial, spec.seed, 0);
    let names: Vec<(String, Vec<usize>)> =
        network.tensors(&before)?.into_iter().map(|(name, tensor)| (name, tensor.shape().to_vec())).collect();
    let named = |name: &str, shape: &[usize]| (name.to_string(), shape.to_vec());
    assert_eq!(
        names,
        [
            named("rnn.weight_ih_l0", &[256, 2]),
            named("rnn.weight_hh_l0", &[256, 64]),
            named("rnn.bias_ih_l0", &[256]),
            named("rnn.bias_hh_l0", &[256]),
            named("head.weight", &[2, 64]),
            named("head.bias", &[2]),
        ]
    );
    let checkpoints = network.parameters().into_iter().map(|p| (p.name, p.shape)).collect::<Vec<_>>();
    assert_eq!(names, checkpoints);
    says(network.tensors(&before[1..]).map(drop), ErrorKind::Data, &["numbers, expected the network's 17"]);

    let cpu = Cpu::new();
    let optimizer = Optimizer {
        kind: spec.optimizer,
        models: 1,
        params: network.params(),
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-12,
        eps_placement: spec.eps_placement,
        weight_decay: 0.0,
        clip: f64::INFINITY,
    };
    let training = Training { optimizer, smoothing: 0.0, class_weights: vec![1.0; 2], seeds: vec![1] };
    let extent = Extent { models: 1, batch: 24, steps: 9, stat_steps: 1 };
    let mut trainer = Trainer::new(&cpu, &network, extent, training)?;
    trainer.model_mut().set_weights(&before)?;
    let batch = Batch {
        first: dataset.sequences.iter().map(|s| s.first).collect(),
        lengths: dataset.sequences.iter().map(|s| s.length).collect(),
        labels: dataset.sequences.iter().map(|s| s.label).collect(),
    };
    let scalars = StepScalars { learning_rate: 1e-3, update: 1 };
    trainer.train(&cpu.frames(&dataset.frames.chunks)?, &batch, &[StepInput { fold: 0, scalars }])?;
    let (gradients, after) = (trainer.last_gradients()?, trainer.model().weights()?);
    assert_eq!(network.tensors(&gradients)?[4].1.shape(), [2, 64]);
    for ((gradient, before), after) in gradients.iter().zip(&before).zip(&after) {
        if gradient.abs() > 1e-6 {
            let moved = (before - after) / 1e-3;
            assert!((moved - gradient.signum()).abs() < 1e-2, "{gradient} moved {moved}");
        }
    }
    assert!(gradients.iter().filter(|gradient| gradient.abs() > 1e-6).count() > gradients.len() / 2);
    Ok(())
}

#[test]
fn the_defaults_of_the_parts_are_those_of_the_whole() {
    let config = Config::default();
    assert_eq!(config.train_spec(), TrainSpec::default());
    assert_eq!(config.network.network(5, 3), Network::new(5, 3));
    assert_eq!(config.split_spec(&dataset()).unwrap(), SplitSpec::default());
}

/// A run on arrays has a folder like any other, which the program reads, and files of the same windows may
/// stand in for the arrays.
#[test]
fn a_run_on_arrays_leaves_a_folder() -> engine::Result<()> {
    use engine::run::RunFolder;
    let parent = crate::support::program::folder();
    let mut config = Config::default();
    config.training.epochs = 1;
    config.network.hidden = vec![3];
    let experiment = Experiment::on_arrays(dataset(), config, &Silent)?;
    assert_eq!(experiment.default_name(), "lstm-arrays-trial");
    let all: Vec<usize> = (0..experiment.split.folds().len()).collect();
    let folder = RunFolder::create(parent.path(), "run")?;
    experiment.record(&folder, &all)?;
    let interrupt = std::sync::atomic::AtomicUsize::new(0);
    let selected = engine::experiment::Selected { experiment: &experiment, folder: &folder, folds: &all };
    engine::experiment::run(&[selected], &interrupt, &Silent, &|_, _, _| Ok(()))?;
    drop(folder);
    let program = |arguments: &str| crate::support::program::engine(parent.path(), arguments);
    program("report run").ends(0, &[]);
    program("evaluate run").ends(3, &["the run's recordings are not at", "arrays"]);
    let integer = |values: Vec<usize>| integers(&values.iter().map(|&v| v as i64).collect::<Vec<_>>());
    let floats: Vec<u8> = x().iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::create_dir(parent.path().join("files")).unwrap();
    for (name, bytes) in [
        ("windows", array("<f4", "(24, 9, 2)", &floats)),
        ("labels", texts(&column(|n| ["low", "high"][n / 2 % 2]))),
        ("groups", texts(&column(|n| PEOPLE[n / 8]))),
        ("trials", integer(column(|n| n / 2 % 4))),
    ] {
        std::fs::write(parent.path().join(format!("files/{name}.npy")), bytes).unwrap();
    }
    program("evaluate run --data files").ends(0, &[]);
    program("predict run files").ends(0, &["say nothing about new ones"]);
    Ok(())
}

#[test]
fn errors_of_the_library_are_plain_errors() {
    fn is_error(_: &(dyn std::error::Error + Send + Sync + 'static)) {}
    is_error(&Error::config("text"));
}
