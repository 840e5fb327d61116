//! The arrays of a data set: all that they say is used, and all that they cannot say is refused.

use crate::support::arrays::{array, floats, folder_of, integers, npy, texts};
use crate::support::program::{engine, folder};
use engine::data::labels::{LabelScheme, Labels, RatingScale, TieRule};
use engine::data::npz::{self, Layout};
use engine::data::recording::{Modality, Target};
use engine::{Error, ErrorKind};
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/npz").join(name)
}

/// Four windows of three steps and two channels, all numbers different.
fn four_windows() -> Vec<u8> {
    floats("(4, 3, 2)", &(0..24).map(f64::from).collect::<Vec<_>>())
}

fn read(arrays: &[(&str, Vec<u8>)]) -> engine::Result<npz::Windows> {
    read_as(arrays, None)
}

fn read_as(arrays: &[(&str, Vec<u8>)], layout: Option<Layout>) -> engine::Result<npz::Windows> {
    let own = arrays.iter().any(|(name, _)| *name == "windows");
    let standard = (!own).then(|| ("windows", four_windows()));
    let all: Vec<_> = standard.into_iter().chain(arrays.iter().cloned()).collect();
    npz::read(folder_of(&all).path(), layout)
}

#[track_caller]
fn refused(arrays: &[(&str, Vec<u8>)], parts: &[&str]) {
    says(&read(arrays).unwrap_err(), parts);
}

#[track_caller]
fn says(error: &Error, parts: &[&str]) {
    assert_eq!(error.kind, ErrorKind::Data, "{error}");
    for part in parts {
        assert!(error.to_string().contains(part), "no {part:?} in: {error}");
    }
}

fn classes(windows: &npz::Windows) -> Vec<u32> {
    windows.recordings[0].trials.iter().map(|trial| trial.target.class().unwrap()).collect()
}

#[test]
fn labels_are_read_as_people_have_them() {
    for (bytes, names) in [
        (array("|b1", "(4,)", &[1, 0, 1, 0]), ["False", "True"]),
        (array("|b1", "(4, 1)", &[1, 0, 1, 0]), ["False", "True"]),
        (array("<i8", "(4, 1)", bytemuck::cast_slice(&[7_i64, -1, 7, -1])), ["-1", "7"]),
        (floats("(4,)", &[10.0, 9.0, 10.0, 9.0]), ["9", "10"]),
        (array("<f4", "(4, 1)", bytemuck::cast_slice(&[1_f32, 0.0, 1.0, -0.0])), ["0", "1"]),
        (array("<f2", "(4,)", &[0, 0x3c, 0, 0, 0, 0x3c, 0, 0]), ["0", "1"]),
        (array("|u1", "(4,)", &[200, 0, 200, 0]), ["0", "200"]),
        (array(">i2", "(4,)", &[0, 2, 0, 1, 0, 2, 0, 1]), ["1", "2"]),
        (array("|S1", "(4,)", b"baba"), ["a", "b"]),
        (
            npy(
                "'descr': '<i8', 'fortran_order': True, 'shape': (4, 1)",
                bytemuck::cast_slice(&[2_i64, 1, 2, 1]),
            ),
            ["1", "2"],
        ),
    ] {
        let data = read(&[("labels", bytes)]).unwrap();
        assert_eq!(data.class_names, names);
        assert_eq!(classes(&data), [1, 0, 1, 0], "{names:?}");
    }
    for name in ["labels_bool.npz", "labels_column.npz"] {
        assert_eq!(npz::read(&fixture(name), None).unwrap().class_names.len(), 2, "{name}");
    }
}

#[test]
fn labels_that_are_no_classes_are_refused_with_a_way_out() {
    let one_hot = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0];
    refused(
        &[("labels", floats("(4, 3)", &one_hot))],
        &["shape [4, 3], expected (4,)", "one-hot", "`labels.argmax(1)`"],
    );
    let scores = [0.5; 8];
    refused(&[("labels", floats("(4, 2)", &scores))], &["shape [4, 2], expected (4,)", "ratings"]);
    refused(&[("labels", floats("(4,)", &[1.0, 2.0, f64::NAN, 1.0]))], &["element 2 is NaN"]);
    refused(&[("labels", floats("(4,)", &[1.0, 2.0, 2.0, f64::INFINITY]))], &["element 3 is inf"]);
    refused(&[("labels", floats("(4,)", &[1.0, 6.5, 2.0, 1.0]))], &["element 1 is 6.5", "array \"ratings\""]);
    says(&npz::read(&fixture("labels_onehot.npz"), None).unwrap_err(), &["labels_onehot.npz", "argmax(1)"]);
}

#[test]
fn people_and_trials_may_be_a_column_of_whole_numbers() {
    let data = read(&[
        ("groups", floats("(4, 1)", &[2.0, 10.0, 2.0, 10.0])),
        ("trials", array("<f4", "(4, 1)", bytemuck::cast_slice(&[0_f32, 0.0, 3.0, 1.0]))),
    ])
    .unwrap();
    let names: Vec<_> = data.recordings.iter().map(|r| r.subject.as_str()).collect();
    assert_eq!(names, ["2", "10"]);
    assert_eq!(data.recordings[0].trials.iter().map(|t| t.trial).collect::<Vec<_>>(), [0, 3]);
    refused(&[("groups", floats("(4,)", &[1.0, f64::NAN, 1.0, 1.0]))], &["\"groups\": element 1 is NaN"]);
    refused(&[("trials", floats("(4,)", &[1.0, 1.5, 1.0, 1.0]))], &["\"trials\": element 1 is 1.5"]);
    refused(&[("trials", floats("(2, 2)", &[1.0; 4]))], &["\"trials\": shape [2, 2], expected (4,)"]);
}

#[test]
fn windows_of_every_number_are_exact() {
    let cases: [(Vec<u8>, [f64; 2]); 8] = [
        (array("<f2", "(1, 2, 1)", &[0x00, 0x3e, 0x01, 0x00]), [1.5, 2_f64.powi(-24)]),
        (array("<i2", "(1, 2, 1)", bytemuck::cast_slice(&[-32768_i16, 5])), [-32768.0, 5.0]),
        (array(">i4", "(1, 2, 1)", &[0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]), [-2147483648.0, 2147483647.0]),
        (array("|u1", "(1, 2, 1)", &[255, 0]), [255.0, 0.0]),
        (array("|i1", "(1, 2, 1)", &[255, 127]), [-1.0, 127.0]),
        (array("|b1", "(1, 2, 1)", &[1, 0]), [1.0, 0.0]),
        (array("<u8", "(1, 2, 1)", bytemuck::cast_slice(&[1_u64 << 60, 3])), [(1_u64 << 60) as f64, 3.0]),
        (floats("(1, 2, 1)", &[0.1, -0.0]), [0.1, -0.0]),
    ];
    for (bytes, expected) in cases {
        let data = read(&[("windows", bytes)]).unwrap();
        let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&data.recordings[0].samples), bits(&expected));
    }
    let rounded = array("<i8", "(1, 1, 1)", bytemuck::cast_slice(&[(1_i64 << 53) + 1]));
    refused(&[("windows", rounded)], &["window 0, step 0, channel 0", "2^53"]);
}

#[test]
fn windows_of_two_axes_are_refused_with_both_ways_out() {
    refused(
        &[("windows", floats("(2, 2)", &[1.0; 4]))],
        &["shape [2, 2], expected (N, T, C)", "`X[:, :, None]`", "`X[None]`"],
    );
    refused(&[("windows", floats("(1, 1, 1, 1)", &[1.0]))], &["shape [1, 1, 1, 1], expected (N, T, C)"]);
}

#[test]
fn padding_is_not_read() {
    let data = read(&[("lengths", integers(&[3, 1, 2, 3]))]).unwrap();
    let trials = &data.recordings[0].trials;
    assert_eq!(trials.iter().map(|t| t.length).collect::<Vec<_>>(), [3, 1, 2, 3]);
    assert_eq!(data.recordings[0].signal(1), ndarray::arr2(&[[6.0], [7.0]]));
    assert_eq!(data.recordings[0].signal(2), ndarray::arr2(&[[12.0, 14.0], [13.0, 15.0]]));
    refused(&[("lengths", integers(&[3, 0, 2, 3]))], &["\"lengths\": element 1 is 0, expected 1 to 3"]);
    refused(&[("lengths", integers(&[3, 3, 2, 4]))], &["\"lengths\": element 3 is 4, expected 1 to 3"]);
}

#[test]
fn nan_in_all_channels_to_the_end_is_padding_and_any_other_nan_is_a_bad_sample() {
    let nan = f64::NAN;
    // Padded; one channel alone; in the middle; all of it.
    let samples = [
        [1.0, 2.0, nan, nan, nan, nan],
        [1.0, 2.0, nan, 3.0, nan, 4.0],
        [nan, nan, 3.0, 4.0, 5.0, 6.0],
        [nan, nan, nan, nan, nan, nan],
    ]
    .concat();
    let data = read(&[("windows", floats("(4, 3, 2)", &samples))]).unwrap();
    assert_eq!(data.recordings[0].trials.iter().map(|t| t.length).collect::<Vec<_>>(), [1, 3, 3, 3]);
    // Lengths are believed: NaN within them is bad.
    let data =
        read(&[("windows", floats("(4, 3, 2)", &samples)), ("lengths", integers(&[2, 3, 3, 3]))]).unwrap();
    assert!(data.recordings[0].trials[0].length == 2 && data.recordings[0].channel(0, 0)[1].is_nan());
}

#[test]
fn ratings_are_labels_beside_classes() {
    let ratings = floats("(4, 2)", &[1.0, 9.0, 5.01, 4.99, 8.0, 2.0, 3.0, 3.0]);
    let both = read(&[("labels", integers(&[0, 1, 1, 0])), ("ratings", ratings.clone())]).unwrap();
    let target = &both.recordings[0].trials[1].target;
    let class = |scheme| {
        Labels {
            scheme,
            scale: Some(RatingScale::NINE),
            threshold: 5.0,
            rule: TieRule::Above,
            dead_zone: 0.0,
        }
        .class(target)
    };
    assert_eq!(class(LabelScheme::Class), Ok(Some(1)));
    assert_eq!(class(LabelScheme::Valence), Ok(Some(1)));
    assert_eq!(class(LabelScheme::Arousal), Ok(Some(0)));
    assert_eq!(class(LabelScheme::Quadrant), Ok(Some(1)));
    let missing = class(LabelScheme::Dominance).unwrap_err();
    assert!(missing.message.contains("no column for dominance"), "{missing}");
    let alone = read(&[("ratings", ratings)]).unwrap();
    assert!(matches!(alone.recordings[0].trials[0].target, Target::Ratings([1.0, 9.0, ..])));
    assert!(alone.class_names.is_empty());
    let four = array("<i8", "(4, 4)", bytemuck::cast_slice(&[5_i64; 16]));
    assert_eq!(read(&[("ratings", four)]).unwrap().recordings[0].trials[3].target, Target::Ratings([5.0; 4]));

    refused(&[("ratings", floats("(4, 5)", &[5.0; 20]))], &["shape [4, 5], expected (4, 2 to 4)"]);
    refused(&[("ratings", floats("(4, 1)", &[5.0; 4]))], &["shape [4, 1], expected (4, 2 to 4)"]);
    let rated =
        |scale: &[f64]| [("ratings", floats("(4, 2)", &[5.0; 8])), ("rating_scale", floats("(2,)", scale))];
    assert_eq!(read(&rated(&[1.0, 5.0])).unwrap().rating_scale, Some(RatingScale { low: 1.0, high: 5.0 }));
    refused(&rated(&[5.0, 1.0]), &["\"rating_scale\"", "expected the lowest and the highest rating"]);
    let nan = floats("(4, 2)", &[5.0, 5.0, 5.0, 5.0, f64::NAN, 5.0, 5.0, 5.0]);
    refused(&[("ratings", nan)], &["window 2, column 0: the rating is NaN"]);
}

#[test]
fn a_trial_has_one_label_one_rating_and_one_stimulus() {
    let trials = ("trials", integers(&[0, 1, 1, 2]));
    let ratings = floats("(4, 2)", &[5.0, 5.0, 5.0, 5.0, 5.0, 6.0, 5.0, 5.0]);
    refused(
        &[trials.clone(), ("labels", integers(&[0, 0, 1, 0]))],
        &["trial 1 of subject all has two labels, \"0\" and \"1\""],
    );
    refused(&[trials.clone(), ("ratings", ratings)], &["has two ratings, [5.0, 5.0] and [5.0, 6.0]"]);
    refused(&[trials, ("stimuli", integers(&[4, 4, 5, 4]))], &["has two stimuli, 4 and 5", "one stimulus"]);
}

#[test]
fn stimuli_are_numbers_or_names_and_belong_to_trials() {
    let stimuli = |bytes| {
        let data = read(&[("trials", integers(&[0, 1, 2, 3])), ("stimuli", bytes)]).unwrap();
        assert!(data.grouping.shares_stimuli());
        data.recordings[0].trials.iter().map(|t| t.stimulus).collect::<Vec<_>>()
    };
    assert_eq!(stimuli(integers(&[30, 7, 30, 7])), [30, 7, 30, 7]);
    assert_eq!(stimuli(texts(&["sad", "joy", "sad", "joy"])), [1, 0, 1, 0]);
    assert!(!read(&[("trials", integers(&[0, 1, 2, 3]))]).unwrap().grouping.shares_stimuli());
    refused(&[("stimuli", integers(&[0, 1, 2, -1]))], &["\"stimuli\": number -1"]);
}

#[test]
fn modalities_are_named_or_follow_from_the_electrodes() {
    let modalities = |arrays: &[(&str, Vec<u8>)]| {
        let data = read(arrays).unwrap();
        data.recordings[0].channels.iter().map(|c| c.modality).collect::<Vec<_>>()
    };
    use Modality::{Eeg, Gsr, Other};
    assert_eq!(modalities(&[]), [Other, Other]);
    assert_eq!(modalities(&[("channels", texts(&["FP1", "poz"]))]), [Eeg, Eeg]);
    assert_eq!(modalities(&[("channels", texts(&["Fp1", "GSR"]))]), [Other, Other]);
    assert_eq!(modalities(&[("modalities", texts(&[" EEG", "gsr "]))]), [Eeg, Gsr]);
    refused(
        &[("modalities", texts(&["eeg", "ecg"]))],
        &["\"modalities\": \"ecg\", expected one of eeg, eog"],
    );
    refused(&[("modalities", texts(&["eeg"]))], &["\"modalities\": shape [1], expected (2,)"]);
}

#[test]
fn parts_are_the_predefined_split() {
    let data = read(&[("parts", texts(&["train", " TEST", "Train", "test"]))]).unwrap();
    let parts: Vec<_> = data.recordings[0].trials.iter().map(|t| t.predefined_test).collect();
    assert_eq!(parts, [false, true, false, true]);
    refused(
        &[("parts", texts(&["train", "dev", "train", "test"]))],
        &["\"parts\": element 1 is \"dev\", expected train or test"],
    );
    refused(&[("parts", integers(&[0, 1, 0, 1]))], &["\"parts\": integer, expected text"]);
}

#[test]
fn axes_are_read_in_the_order_of_the_layout() {
    let swapped = floats("(1, 2, 3)", &[0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
    let nct = read_as(&[("windows", swapped)], Some(Layout::Nct)).unwrap();
    let ntc = read(&[("windows", floats("(1, 3, 2)", &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]))]).unwrap();
    assert_eq!(nct, ntc);
    let fortran = npy(
        "'descr': '<f8', 'fortran_order': True, 'shape': (1, 2, 3)",
        bytemuck::cast_slice(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0_f64]),
    );
    assert_eq!(read_as(&[("windows", fortran)], Some(Layout::Nct)).unwrap(), ntc);
}

#[test]
fn axes_that_are_exchanged_are_refused_or_warned_about() {
    let windows = |shape: [usize; 3]| {
        let [n, second, third] = shape;
        let count = n * second * third;
        let bytes = floats(&format!("({n}, {second}, {third})"), &vec![1.0; count]);
        ("windows", bytes)
    };
    let names = |n: usize| {
        ("channels", texts(&(0..n).map(|i| ["a", "b", "c", "d", "e", "f"][i]).collect::<Vec<_>>()))
    };
    // An array that fits the other axis decides.
    refused(
        &[windows([2, 3, 6]), names(3)],
        &[
            "\"channels\": shape [3], expected (6,)",
            "shape [2, 3, 6] are read as (N, T, C)",
            "`layout = nct`",
        ],
    );
    let error = read_as(&[windows([2, 3, 6]), names(6)], Some(Layout::Nct)).unwrap_err();
    says(&error, &["shape [6], expected (3,)", "read as (N, C, T)", "`layout = ntc`"]);
    assert_eq!(read_as(&[windows([2, 3, 6]), names(3)], Some(Layout::Nct)).unwrap().warnings.len(), 0);
    // Without one, the sizes make suspicious, unless the user has decided.
    for (shape, warns) in [([2, 3, 6], 1), ([2, 3, 5], 0), ([2, 6, 3], 0), ([2, 1, 6], 0), ([1, 257, 600], 0)]
    {
        assert_eq!(read(&[windows(shape)]).unwrap().warnings.len(), warns, "{shape:?}");
        assert_eq!(read_as(&[windows(shape)], Some(Layout::Ntc)).unwrap().warnings.len(), 0, "{shape:?}");
    }
    assert_eq!(read(&[windows([2, 3, 6]), names(6)]).unwrap().warnings.len(), 0);
    let mne = npz::read(&fixture("channels_first.npz"), None).unwrap();
    assert!(mne.warnings[0].contains("[4, 16, 48] are read as (N, T, C) with 16 time steps and 48 channels"));
}

/// Twelve trials of two people with all arrays that `engine` reads, as the folder `d`.
fn data_set(parent: &Path) {
    let numbers = |of: fn(usize) -> f64| floats("(24,)", &(0..24).map(of).collect::<Vec<_>>());
    let words = |of: fn(usize) -> &'static str| texts(&(0..24).map(of).collect::<Vec<_>>());
    let samples: Vec<f64> = (0..24 * 5 * 2).map(|i| ((i * 7919) % 1000) as f64 / 3.0).collect();
    let ratings: Vec<f64> = (0..24).flat_map(|w| [if w / 2 % 2 == 0 { 2.0 } else { 8.0 }, 5.5]).collect();
    std::fs::create_dir(parent.join("d")).unwrap();
    for (name, bytes) in [
        ("windows", floats("(24, 5, 2)", &samples)),
        ("labels", words(|w| ["calm", "angry"][w / 4 % 2])),
        ("ratings", floats("(24, 2)", &ratings)),
        ("rating_scale", floats("(2,)", &[1.0, 9.0])),
        ("groups", words(|w| ["anna", "ben"][w / 12])),
        ("trials", numbers(|w| (w / 2 % 6) as f64)),
        ("stimuli", words(|w| ["sea", "war", "joke"][w / 2 % 3])),
        ("parts", words(|w| if w / 2 % 6 < 4 { "train" } else { "test" })),
        ("channels", texts(&["Fp1", "Cz"])),
        ("rate", floats("()", &[64.0])),
    ] {
        std::fs::write(parent.join("d").join(format!("{name}.npy")), bytes).unwrap();
    }
}

#[test]
fn all_that_the_arrays_say_is_used_by_the_program() {
    let folder = folder();
    data_set(folder.path());
    let plan = |options: &str| {
        engine(folder.path(), &format!("crossval --data d --validation 0 --dry-run {options}"))
    };
    let json = engine(folder.path(), "data inspect d").ends(0, &[]).out;
    for part in ["stimuli known", "eeg", "calm", "valence"] {
        assert!(json.contains(part), "no {part:?} in {json}");
    }
    // The parts are the default split; stimuli and people are others.
    let predefined = plan("").ends(0, &[]);
    assert!(predefined.out.contains("predefined"), "{}{}", predefined.out, predefined.err);
    plan("--split stimulus --folds 3").ends(0, &[]);
    plan("--split stimulus --folds 4").ends(2, &["4 folds cannot be made of 3 stimulus(s)"]);
    plan("--split subject-stimulus --folds 2").ends(0, &[]);
    plan("--label valence --split trial --folds 2").ends(0, &[]);
    plan("--label dominance").ends(2, &["no column for dominance", "--label valence"]);
    plan("--channels eeg --split trial --folds 2").ends(0, &[]);
    plan("--layout nct").ends(3, &["\"channels\": shape [2], expected (5,)", "--layout ntc"]);
}

#[test]
fn a_layout_is_for_windows_alone_and_a_doubt_is_said() {
    let folder = folder();
    let file = fixture("channels_first.npz");
    let inspect =
        |options: &str| engine(folder.path(), &format!("data inspect {} {options}", file.display()));
    inspect("").ends(0, &["warning: ", "[4, 16, 48]", "`--layout nct`"]);
    let right = inspect("--layout nct").ends(0, &[]);
    assert!(right.out.contains("16 channels, 48 samples") && !right.err.contains("layout"), "{}", right.out);
    engine(folder.path(), "train --layout nct")
        .ends(2, &["only .npz and .npy files", "leave `--layout` out"]);
}

#[test]
fn no_damaged_byte_of_an_archive_changes_what_is_read() {
    for name in ["integers.npz", "texts.npz"] {
        let (bytes, sound) =
            (std::fs::read(fixture(name)).unwrap(), npz::read(&fixture(name), None).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        let mut refusals = 0;
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x41;
            std::fs::write(&path, damaged).unwrap();
            match npz::read(&path, None) {
                Ok(read) => assert_eq!(read, sound, "{name}: byte {at}"),
                Err(_) => refusals += 1,
            }
        }
        // The rest are dates, permissions and the names beside the contents.
        assert!(refusals > bytes.len() / 2, "{name}: {refusals} of {}", bytes.len());
    }
}

/// Frames are `f32`.
#[test]
fn what_float32_cannot_tell_apart_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let plain: Vec<f64> = (0..4 * 50).map(|i| (f64::from(i) * 0.7).sin()).collect();
    // An onset that is nearly the same in all windows is none of their spread.
    let onset =
        |i: usize| if i.is_multiple_of(16) { 1000.0 + 1e-3 * (i as f64).sin() } else { (i as f64).sin() };
    let values: Vec<f64> = (0..4096 * 16).map(onset).collect();
    std::fs::write(folder.path().join("x.npy"), floats("(4096, 16, 1)", &values)).unwrap();
    engine(folder.path(), "data inspect x.npy").ends(0, &[]);
    for (offset, factor, is_refused) in
        [(0.0, 1.0, false), (1e4, 1.0, false), (1e9, 1.0, true), (0.0, 1e-60, true)]
    {
        let values: Vec<f64> = plain.iter().map(|value| value * factor + offset).collect();
        let path = folder.path().join("x.npy");
        std::fs::write(&path, floats("(4, 50, 1)", &values)).unwrap();
        let call = engine(folder.path(), "data inspect x.npy");
        match is_refused {
            true => drop(call.ends(3, &["channel 0 goes up to", "float32", "subtract the mean"])),
            false => drop(call.ends(0, &[])),
        }
    }
}
