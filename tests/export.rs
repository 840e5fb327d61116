//! Exported data sets: read again they are the same, to the bit.

use crate::support::arrays::{floats, folder_of, integers, texts};
use crate::support::program::{assert_same, engine, folder};
use engine::config::Config;
use engine::data::sequences::Dataset;
use engine::experiment;
use engine::progress::Silent;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn config(path: &Path) -> Config {
    let mut config = Config::default();
    config.data.path = path.to_path_buf();
    config
}

fn read(config: &Config) -> Dataset {
    experiment::read(&mut config.clone(), None, &Silent).unwrap()
}

/// The data set of `config`, and the same one exported and read again with `again`.
fn round_trip(config: &Config, again: impl Fn(&mut Config)) -> [Dataset; 2] {
    let folder = folder();
    let out = folder.path().join("x.npz");
    experiment::export(config, &out, &Silent).unwrap();
    let mut other = Config::default();
    other.data.path = out;
    again(&mut other);
    [read(config), read(&other)]
}

/// Everything but the hashes of files and the knowledge of trials.
#[track_caller]
fn assert_equal([one, other]: &[Dataset; 2]) {
    let bits = |d: &Dataset| -> Vec<u32> { d.frames.chunks.iter().flatten().map(|x| x.to_bits()).collect() };
    assert_eq!(bits(one), bits(other));
    assert_eq!(one.sequences, other.sequences);
    assert_eq!(one.class_names, other.class_names);
    assert_eq!(one.frames.subjects, other.frames.subjects);
    assert_eq!(one.frames.features, other.frames.features);
    assert_eq!(one.frames.rate, other.frames.rate);
}

/// Eight windows of four steps and two channels, whose samples `f32` would round.
fn arrays() -> Vec<(&'static str, Vec<u8>)> {
    let samples: Vec<f64> = (0..64).map(|i| f64::from(i * i) / 7.0 - 1e-9).collect();
    vec![
        ("windows", floats("(8, 4, 2)", &samples)),
        ("labels", integers(&[10, 9, 10, 9, 10, 9, 10, 9])),
        ("groups", integers(&[10, 9, 10, 9, 10, 9, 10, 9])),
        ("trials", integers(&[0, 0, 1, 1, 2, 2, 3, 3])),
        ("stimuli", integers(&[30, 40, 40, 30, 30, 40, 40, 30])),
        ("lengths", integers(&[4, 3, 2, 1, 4, 4, 4, 4])),
        ("parts", texts(&["train", "train", "train", "train", "train", "test", "test", "train"])),
        ("modalities", texts(&["gsr", "other"])),
        ("channels", texts(&["a", "b"])),
        ("rate", floats("()", &[128.1])),
    ]
}

#[test]
fn arrays_are_the_same_data_set_again() {
    let source = folder_of(&arrays());
    let both = round_trip(&config(source.path()), |_| ());
    assert_equal(&both);
    assert_eq!(both[0].hash(), both[1].hash());
    assert_eq!(both[0].grouping, both[1].grouping);
    assert_eq!(both[1].class_names, ["9", "10"]);
    assert_eq!(both[1].steps(), 4);
}

#[test]
fn samples_keep_the_digits_that_scaling_needs() {
    let source = folder_of(&arrays());
    let scaled = |config: &mut Config| config.frames.scale = engine::data::normalize::Scale::L2;
    let [_, other] = round_trip(&config(source.path()), scaled);
    let mut again = config(source.path());
    scaled(&mut again);
    assert_equal(&[read(&again), other]);
}

#[test]
fn cases_of_an_archive_keep_their_classes_parts_and_lengths() {
    let folder = folder();
    let header = "@classLabel true worse better\n@data\n";
    let write = |name: &str, text: &str| -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, format!("{header}{text}")).unwrap();
        path
    };
    let mut config = config(&write("X_TRAIN.ts", "1,2,3:4,5,6:better\n7,8:9,10:worse\n0.1,3:0.2,4:better\n"));
    config.data.test_file = Some(write("X_TEST.ts", "1,2:8,3.5:worse\n2,1,4,8:5,5,4,7:better\n"));
    let both = round_trip(&config, |_| ());
    assert_equal(&both);
    assert_eq!(both[1].class_names, ["worse", "better"]);
    assert_eq!(both[1].sequences.iter().filter(|s| s.predefined_test).count(), 2);
    // Windows of one case are siblings.
    config.data.rate = Some(1.0);
    config.frames.window = Some(1.0);
    let cut = round_trip(&config, |_| ()).map(|d| {
        d.sequences.iter().map(|s| (s.trial, s.window, s.label, d.sequence(s).to_owned())).collect::<Vec<_>>()
    });
    assert!(cut[0] == cut[1] && cut[0].len() > 10);
}

#[test]
fn data_without_labels_are_exported_without_labels() {
    let source = folder_of(&arrays()[..1]);
    let folder = folder();
    let out = folder.path().join("x.npz");
    let exported = experiment::export(&config(source.path()), &out, &Silent).unwrap();
    assert_eq!((exported.shape, exported.arrays), ([8, 4, 2], vec!["windows", "channels", "modalities"]));
}

/// Band power of generated recordings trains to the same numbers from the file: only the hash of the data
/// differs.
#[test]
fn band_power_from_the_file_trains_to_the_same_numbers() {
    let folder = folder();
    let options =
        "--demo-subjects 2 --channels Fp1,hEOG --frames differential-entropy --label arousal --quiet";
    let network = "--cell gru --hidden 4 --epochs 2 --threads 1";
    let export =
        engine(folder.path(), &format!("data export demo --out x.npz {}", options.replace(" --quiet", "")));
    export.ends(0, &["warning: ", "EEG features beside others", "`--channels all`"]);
    engine(folder.path(), &format!("train --data demo --name one {options} {network}")).ends(0, &[]);
    engine(
        folder.path(),
        &format!("train --data x.npz --name two --label arousal --channels all --quiet {network}"),
    )
    .ends(0, &[]);
    let runs = ["one", "two"].map(|name| folder.path().join("runs").join(name));
    assert_same(&runs[0], &runs[1], &["predictions.csv", "confusion.csv"]);
}

/// Channels have different numbers of features; each keeps its modality.
#[test]
fn features_keep_their_modalities() {
    let folder = folder();
    let options = "--demo-subjects 1 --frames features --channels Fp1,Fp2,GSR,Temp --families entropy,asymmetry,tonic,temperature";
    engine(folder.path(), &format!("data export demo --out x.npz {options}")).ends(0, &[]);
    let call = engine(
        folder.path(),
        "train --data x.npz --channels gsr,temp --bad-windows keep --label valence --dry-run",
    )
    .ends(0, &[]);
    assert!(call.out.contains("x 4 features"), "{}", call.out);
}

#[test]
fn an_export_is_refused_before_anything_is_read() {
    let folder = folder();
    let export = |options: &str| engine(folder.path(), &format!("data export nowhere {options}"));
    fs::write(folder.path().join("old.npz"), "mine").unwrap();
    export("--out old.npz").ends(7, &["old.npz exists already", "overwrites nothing"]);
    assert_eq!(fs::read(folder.path().join("old.npz")).unwrap(), b"mine");
    export("--out x.npy").ends(2, &["ends in .npz"]);
    export("--out x.npz --scale l2").ends(2, &["before scaling", "leave `--scale` out"]);
    export("--out x.npz --normalize subject").ends(2, &["before normalization", "leave `--normalize` out"]);
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["old.npz"]);
}

/// The docs hold the command's own words.
#[test]
fn the_formats_stand_in_the_docs() {
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/formats.md")).unwrap();
    let printed = engine(folder().path(), "data formats").ends(0, &[]).out;
    assert!(docs.contains(printed.trim_end()), "docs/formats.md needs:\n{printed}");
    for name in ["windows or X", "ratings", "lengths", "--layout nct", "(N, T, C)"] {
        assert!(printed.contains(name), "no {name:?} in {printed}");
    }
}

#[test]
#[ignore = "needs python3 with numpy; tools/test runs it"]
fn numpy_reads_an_export_with_the_line_that_is_printed() {
    let folder = folder();
    let mut all = arrays();
    all.push(("ratings", floats("(8, 2)", &[7.25; 16])));
    for (name, bytes) in all {
        fs::create_dir_all(folder.path().join("d")).unwrap();
        fs::write(folder.path().join("d").join(format!("{name}.npy")), bytes).unwrap();
    }
    let printed = engine(folder.path(), "data export d --out x.npz").ends(0, &[]).out;
    let script = format!(
        "{}\nprint(windows.dtype, windows.shape, windows[0, 1, 0], windows[1, 3, 1], labels.tolist(), groups[1], \
         ratings.tolist()[7], lengths.tolist(), parts[5], rate, channels.tolist(), modalities.tolist(), stimuli[0])",
        printed.lines().last().unwrap()
    );
    let output = Command::new("python3").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "float64 (8, 4, 2) 14.285714284714288 nan [9, 9, 9, 9, 10, 10, 10, 10] 9 [7.25, 7.25] \
         [3, 1, 4, 4, 4, 2, 4, 4] train 128.1 ['a', 'b'] ['gsr', 'other'] 40\n"
    );
}
