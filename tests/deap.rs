use std::fs;

use engine::data::deap::channels::{BASELINE, CHANNELS, SAMPLES, TRIALS, channels};
use engine::data::deap::{rating_counts_warning, read, read_from, subject_name, subjects};
use engine::data::recording::{Modality, Target};
use engine::{Error, ErrorKind};

use crate::support::opcodes::{Stored, array, dictionary};

/// A subject of zeros in `f4`, with bent ratings or shapes.
struct File {
    labels: [i32; 2],
    data: [i32; 3],
    ratings: Vec<f64>,
    first_sample: f32,
}

impl File {
    fn new() -> Self {
        File { labels: [40, 4], data: [40, 40, 8064], ratings: vec![5.0; 160], first_sample: 0.5 }
    }

    fn bytes(&self) -> Vec<u8> {
        let labels = Stored::f8(&self.labels, self.ratings.iter().copied());
        let count = self.data.iter().product::<i32>() as usize;
        let mut bytes = vec![0; 4 * count];
        bytes[..4].copy_from_slice(&self.first_sample.to_le_bytes());
        let data = Stored { shape: self.data.into(), code: "f4", order: "<", fortran: false, bytes };
        dictionary(&[("labels", array(&labels)), ("data", array(&data))])
    }

    #[track_caller]
    fn refused(&self) -> Error {
        let error = read_from(self.bytes().as_slice(), None, "s01").expect_err("this file must be refused");
        assert_eq!(error.kind, ErrorKind::Data);
        error
    }
}

#[test]
fn a_subject_becomes_a_recording() {
    let mut file = File::new();
    file.ratings[..4].copy_from_slice(&[1.0, 9.0, 5.01, 4.99]);
    file.first_sample = f32::NAN;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s07.dat");
    fs::write(&path, file.bytes()).unwrap();
    let recording = read(&path).unwrap();
    assert_eq!(recording.subject, "s07");
    assert_eq!(recording.rate, Some(128.0));
    assert_eq!(recording.hash, blake3::hash(&file.bytes()).to_string());
    assert_eq!(recording.trials.len(), TRIALS);
    assert_eq!(recording.trials[0].target, Target::Ratings([1.0, 9.0, 5.01, 4.99]));
    let last = &recording.trials[39];
    assert_eq!((last.trial, last.length, last.baseline), (39, SAMPLES, BASELINE));
    assert_eq!(recording.signal(39).dim(), (CHANNELS, SAMPLES));
    // The reader accepts samples that are not finite; cutting windows checks them.
    assert!(recording.samples[0].is_nan());
}

#[test]
fn the_channels_are_deaps() {
    let channels = channels();
    let of = |modality| channels.iter().filter(|channel| channel.modality == modality).count();
    assert_eq!(Modality::ALL.map(of), [32, 2, 2, 1, 1, 1, 1, 0]);
    assert_eq!((channels[16].name.as_str(), channels[36].modality), ("Fp2", Modality::Gsr));
}

#[test]
fn other_shapes_are_refused_with_what_was_expected() {
    let error = File { data: [40, 32, 8064], ..File::new() }.refused();
    assert!(error.message.contains("[40, 32, 8064], expected [40, 40, 8064]"), "{error}");
    assert!(error.hint.unwrap().contains("channels = eeg"));
    let error = File { data: [39, 40, 8064], ..File::new() }.refused();
    assert!(error.message.contains("[39, 40, 8064], expected [40, 40, 8064]"), "{error}");
    let error = File { labels: [40, 3], ratings: vec![5.0; 120], ..File::new() }.refused();
    assert!(error.message.contains("\"labels\" has the shape [40, 3], expected [40, 4]"), "{error}");
}

#[test]
fn ratings_off_the_scale_are_refused_by_trial_and_name() {
    for bad in [0.99, 9.01, 0.0, -1.0, f64::NAN, f64::INFINITY] {
        let mut file = File::new();
        file.ratings[4 * 12 + 1] = bad;
        let error = file.refused();
        assert!(error.message.contains("trial 12: arousal is rated"), "{error}");
    }
}

#[test]
fn a_file_that_is_refused_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s01.dat");
    fs::write(&path, b"<html>please log in</html>").unwrap();
    let error = read(&path).unwrap_err();
    assert!(
        error.message.starts_with(&path.display().to_string()) && error.message.contains("HTML"),
        "{error}"
    );
    assert_eq!(read(&folder.path().join("s02.dat")).unwrap_err().kind, ErrorKind::Io);
}

#[test]
fn a_folder_lists_subjects_gaps_and_what_it_ignores() {
    let folder = tempfile::tempdir().unwrap();
    let stray = [".DS_Store", "Thumbs.db", "s00.dat", "s01.dat.part", "s1.dat", "s33.dat"];
    for name in ["s05.dat", "S02.DAT", "s01.dat"].iter().chain(&stray) {
        fs::write(folder.path().join(name), b"").unwrap();
    }
    fs::create_dir(folder.path().join("s04.dat")).unwrap();
    let listing = subjects(folder.path()).unwrap();
    let names: Vec<_> =
        listing.files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["s01.dat", "S02.DAT", "s05.dat"]);
    assert_eq!(listing.gaps, ["s03", "s04"]);
    let mut ignored = [&stray[..], &["s04.dat"]].concat();
    ignored.sort_unstable();
    assert_eq!(listing.ignored, ignored);
}

#[test]
fn a_folder_without_subjects_says_where_to_find_some() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_path_buf(), folder.path().join("missing")] {
        let error = subjects(&path).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Data);
        assert!(error.message.contains(&path.display().to_string()));
        let hint = error.hint.unwrap();
        assert!(hint.contains("qmul.ac.uk") && hint.contains("path = demo"), "{hint}");
    }
}

#[test]
fn subjects_are_named_by_their_number() {
    assert_eq!([1, 32].map(subject_name), ["s01", "s32"]);
}

#[test]
fn rating_counts_of_no_original_copy_are_named() {
    let counts = [708, 737, 780, 851];
    let mut ratings: Vec<[f32; 4]> =
        (0..1280).map(|i| counts.map(|count| if i < count { 5.01 } else { 5.0 })).collect();
    assert_eq!(rating_counts_warning(&ratings), None);
    ratings[0][2] = 4.0;
    let warning = rating_counts_warning(&ratings).unwrap();
    assert!(warning.contains("dominance 779 instead of 780") && !warning.contains("valence"), "{warning}");
    assert_eq!(
        rating_counts_warning(&ratings[..1240]),
        None,
        "some subjects are missing: nothing to compare with"
    );
}
