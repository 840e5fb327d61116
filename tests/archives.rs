//! The readers of `.ts` and `.npz` files.

use crate::support::arrays::{array, npy};
use engine::data::recording::{Recording, Target};
use engine::data::{npz, ts};
use engine::{Error, ErrorKind};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const HEADER: &str = "@univariate false\n@equalLength false\n@classLabel true a b\n@data\n";

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

fn file(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, content).expect("the temporary folder can be written");
    path
}

fn read_ts(content: impl AsRef<[u8]>) -> engine::Result<ts::Archive> {
    let folder = folder();
    ts::read(&file(&folder, "x.ts", content))
}

/// The message and the hint of an error in the data.
fn message<T>(result: engine::Result<T>) -> String {
    let error: Error = result.err().expect("an error");
    assert_eq!(error.kind, ErrorKind::Data, "{error}");
    error.to_string()
}

fn expect(message: String, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }
}

fn targets(recording: &Recording) -> Vec<Target> {
    recording.trials.iter().map(|trial| trial.target.clone()).collect()
}

#[test]
fn ts_cases_become_trials() {
    let archive = read_ts(
        "# an umlaut in \u{fc}tf-8\r\n@problemName X\r\n@timeStamps false\r\n@MISSING true\r\n@univariate false\r\n\
         @dimensions 2\r\n@equalLength false\r\n@classLabel true a b\r\n@data\r\n\
         1, 2.5 ,-3e1:4,5,6:a\r\n\r\n# between\r\n\"7\",?:NaN,'8':\"b\"\r\n",
    )
    .unwrap();
    assert_eq!(archive.class_names, ["a", "b"]);
    let recording = archive.recording;
    assert_eq!((recording.subject.as_str(), recording.rate, recording.hash.len()), ("all", None, 64));
    assert_eq!(recording.channels.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["ch0", "ch1"]);
    assert_eq!(recording.signal(0), ndarray::arr2(&[[1.0, 2.5, -30.0], [4.0, 5.0, 6.0]]));
    let second = recording.signal(1);
    assert_eq!((second[[0, 0]], second[[1, 1]]), (7.0, 8.0));
    assert!(second[[0, 1]].is_nan() && second[[1, 0]].is_nan());
    assert_eq!(targets(&recording), [Target::Class(0), Target::Class(1)]);
    assert!(recording.trials.iter().enumerate().all(|(i, t)| t.trial == i as u32 && !t.predefined_test));
}

#[test]
fn ts_descriptions_need_not_be_utf8() {
    let archive = read_ts([b"# M\xfcller\n", HEADER.as_bytes(), b"1:a\n"].concat()).unwrap();
    assert_eq!(archive.recording.samples, [1.0]);
}

#[test]
fn ts_is_read_as_aeon_reads_it() {
    let archive = read_ts(
        "% made by\n#\n@CLASSLABEL true 1 2.0 Rest\n@TimeStamps FALSE\n@unknown x\n@univariate true\n@Data  \t\n\
         % between\n1,2:1.0\n3,4:2\n5,6:rest\n",
    )
    .unwrap();
    assert_eq!(archive.class_names, ["1", "2.0", "Rest"]);
    assert_eq!(targets(&archive.recording), [0, 1, 2].map(Target::Class));
    // Names that differ in case alone are two classes where the header lists both.
    let both = read_ts("@classLabel true A a\n@data\n1:a\n2:A\n").unwrap();
    assert_eq!(targets(&both.recording), [1, 0].map(Target::Class));
    for line in ["(0,1.5),(1,2.5):a", "(2007-01-01 00:00:00,1.0):a"] {
        let error = message(read_ts(format!("{HEADER}{line}\n")));
        expect(error, &["line 5: time stamps in parentheses", "leave out the time stamps"]);
    }
}

#[test]
fn ts_padding_at_the_end_of_all_channels_is_no_data() {
    let header = "@equalLength true\n@classLabel true a\n@data\n";
    let recording =
        read_ts(format!("{header}1,2,NaN,?:3,NaN,NaN,NaN:a\n?,1,2,3:4,5,6,7:a\n?,?,?,?:?,?,?,?:a\n"));
    let recording = recording.unwrap().recording;
    let lengths: Vec<usize> = recording.trials.iter().map(|trial| trial.length).collect();
    assert_eq!(lengths, [2, 4, 4]);
    assert_eq!(recording.channel(0, 0), [1.0, 2.0]);
    // A missing value before the end of the case stays a bad sample, and so does a case of nothing else.
    assert!(recording.channel(0, 1)[1].is_nan() && recording.channel(1, 0)[0].is_nan());
    assert!(recording.channel(2, 0).iter().all(|sample| sample.is_nan()));
    assert_eq!(recording.channel(1, 1), [4.0, 5.0, 6.0, 7.0]);
    let error = message(read_ts(format!("{header}1,2,NaN:a\n1,2:a\n")));
    expect(error, &["line 5: 2 values a channel, expected 3 as in the first case"]);
    let padded = read_ts(fs::read(fixture("../nan_padded.ts")).unwrap()).unwrap().recording;
    assert!(padded.trials.iter().any(|trial| trial.length < 40));
    assert!(padded.samples.iter().all(|sample| sample.is_finite()));
}

#[test]
fn ts_without_classes_can_be_predicted() {
    let archive = read_ts("@classLabel false\n@data\n1,2:3,4\n").unwrap();
    assert_eq!((archive.class_names.len(), targets(&archive.recording)), (0, vec![Target::Unknown]));
}

/// More than one batch of text, so that parallel parsing could change the order.
#[test]
fn ts_keeps_the_order_of_many_cases() {
    let padding = "0".repeat(4000);
    let lines: String = (0..5000).map(|i| format!("{i}.{padding}:a\n")).collect();
    let archive = read_ts(format!("{HEADER}{lines}")).unwrap();
    assert!(archive.recording.samples.iter().enumerate().all(|(i, &value)| value == i as f64));
    let error = message(read_ts(format!("{HEADER}{lines}x:a\ny:a\n")));
    expect(error, &["line 5005: channel 0, value 0", "found \"x\""]);
}

#[test]
fn ts_pair_is_one_recording_with_a_test_part() {
    let folder = folder();
    let train = file(&folder, "X_TRAIN.ts", format!("{HEADER}1:a\n2:b\n"));
    let test = file(&folder, "X_TEST.ts", format!("{HEADER}3,4:b\n"));
    let recording = ts::read_pair(&train, &test).unwrap().recording;
    let parts: Vec<_> = recording.trials.iter().map(|t| (t.trial, t.length, t.predefined_test)).collect();
    assert_eq!(parts, [(0, 1, false), (1, 1, false), (2, 2, true)]);
    assert_eq!(recording.samples, [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(targets(&recording), [Target::Class(0), Target::Class(1), Target::Class(1)]);
    assert_ne!(recording.hash, ts::read(&train).unwrap().recording.hash);

    let order = file(&folder, "order.ts", "@classLabel true B a\n@data\n1:a\n2:b\n");
    let archive = ts::read_pair(&train, &order).unwrap();
    assert_eq!(archive.class_names, ["a", "b"]);
    assert_eq!(targets(&archive.recording), [0, 1, 0, 1].map(Target::Class));
    let other = file(&folder, "other.ts", "@classLabel true b c\n@data\n1:b\n");
    expect(message(ts::read_pair(&train, &other)), &["other.ts", r#"["b", "c"]"#, r#"["a", "b"]"#, "hint"]);
    let wider = file(&folder, "wider.ts", format!("{HEADER}1:2:a\n"));
    expect(message(ts::read_pair(&train, &wider)), &["wider.ts: line 5", "2 channels, expected 1"]);
    let copy = file(&folder, "copy.ts", fs::read(&train).unwrap());
    expect(message(ts::read_pair(&train, &copy)), &["copy.ts holds the same bytes", "X_TRAIN.ts"]);
}

#[test]
fn ts_errors_name_the_line_and_give_a_hint() {
    let cases: &[(&str, &[&str])] = &[
        ("", &["x.ts: no @data"]),
        ("# only a comment\n", &["no @data in its 1 lines"]),
        ("@classLabel true a\n@data\n", &["no case after @data"]),
        ("@univariate true\n@data\n", &["line 2: no @classLabel", "@classLabel false"]),
        ("@univariate maybe\n", &["line 1: @univariate: expected `true` or `false`, found \"maybe\""]),
        ("@dimensions 0\n", &["line 1: @dimensions: expected a count, found \"0\""]),
        ("@classLabel true\n", &["line 1: `@classLabel true` without class names"]),
        ("@classLabel true a b a\n", &["line 1: @classLabel lists \"a\" twice"]),
        ("\n@timestamps true\n", &["line 2: `@timestamps true`", "resample"]),
        ("@targetLabel true\n", &["line 1: `@targetLabel true`", "regression"]),
        ("@relation x\n", &["ARFF"]),
        ("<!DOCTYPE html>\n", &["line 1: expected a @tag or @data, found \"<!doctype\""]),
        ("@classLabel true a\n@data\n1,2:c\n", &["line 3: class \"c\", expected one of [\"a\"]"]),
        ("@classLabel true a\n@data\na\n", &["line 3: 0 channels, expected at least 1"]),
        (
            "@classLabel true a\n@data\n1,,2:a\n",
            &["line 3: channel 0, value 1: expected a number", "found \"\""],
        ),
        ("@classLabel true a\n@data\n(0,1),(1,2):a\n", &["line 3: time stamps in parentheses", "resample"]),
        (
            "@classLabel true a\n@data\n1e39:a\n",
            &["line 3: channel 0, value 0: 1e39 is beyond the range of f32"],
        ),
        ("@classLabel true a\n@data\n1,2:1:a\n", &["line 3: channel 1 has 1 values, expected 2"]),
        (
            "@classLabel true a\n@data\n1:a\n1:2:a\n",
            &["line 4: 2 channels, expected 1 as in the cases before"],
        ),
        (
            "@univariate true\n@classLabel true a\n@data\n1:2:a\n",
            &["line 4: 2 channels, expected 1 as in the header"],
        ),
        (
            "@dimensions 3\n@classLabel true a\n@data\n1:2:a\n",
            &["line 4: 2 channels, expected 3 as in the header"],
        ),
        (
            "@equalLength true\n@classLabel true a\n@data\n1,2:a\n1:a\n",
            &["line 5: 1 values a channel, expected 2 as in the first case", "@equalLength false"],
        ),
    ];
    for (content, parts) in cases {
        expect(message(read_ts(content)), parts);
    }
    let missing = ts::read(Path::new("/nowhere/x.ts")).unwrap_err();
    assert_eq!(missing.kind, ErrorKind::Io);
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/npz").join(name)
}

/// Checks `windows[window][step][channel] = (6 window + 2 step + channel) / 8` for the given windows of the
/// fixtures.
fn assert_windows(recording: &Recording, windows: &[usize]) {
    assert_eq!(recording.trials.len(), windows.len());
    for (index, window) in windows.iter().enumerate() {
        for ((channel, step), &sample) in recording.signal(index).indexed_iter() {
            assert_eq!(sample, (6 * window + 2 * step + channel) as f64 / 8.0, "{window} {step} {channel}");
        }
    }
}

fn trials(recording: &Recording) -> Vec<u32> {
    recording.trials.iter().map(|trial| trial.trial).collect()
}

#[test]
fn npz_windows_with_integers() {
    let data = npz::read(&fixture("integers.npz"), None).unwrap();
    assert_eq!(data.class_names, ["-1", "7"]);
    let [two, ten] = data.recordings.as_slice() else { panic!("two subjects") };
    assert_eq!((two.subject.as_str(), ten.subject.as_str(), ten.rate), ("2", "10", Some(128.1)));
    assert_eq!(ten.channels.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["Fp1", "GSR"]);
    assert_windows(two, &[1, 3]);
    assert_windows(ten, &[0, 2]);
    assert_eq!((trials(two), trials(ten)), (vec![0, 1], vec![5, 5]));
    assert_eq!(targets(two), [Target::Class(0), Target::Class(1)]);
    assert_ne!(two.hash, ten.hash);
}

/// Compressed, big-endian float64 in Fortran order, unicode labels, byte-string groups, the short names.
#[test]
fn npz_windows_with_texts() {
    let data = npz::read(&fixture("texts.npz"), None).unwrap();
    assert_eq!(data.class_names, ["høj", "low"]);
    let [first, second] = data.recordings.as_slice() else { panic!("two subjects") };
    assert_eq!((first.subject.as_str(), second.subject.as_str(), first.rate), ("s02", "s10", None));
    assert_windows(first, &[0, 2]);
    assert_windows(second, &[1, 3]);
    assert_eq!((trials(second), second.channels[1].name.as_str()), (vec![0, 1], "ch1"));
}

#[test]
fn npy_folder_and_lone_file() {
    let data = npz::read(&fixture("folder"), None).unwrap();
    assert_eq!(data.class_names, ["-1", "7"]);
    assert_windows(&data.recordings[0], &[0, 1, 2, 3]);
    let data = npz::read(&fixture("folder/windows.npy"), None).unwrap();
    assert_eq!((data.class_names.len(), data.recordings[0].subject.as_str()), (0, "all"));
    assert_windows(&data.recordings[0], &[0, 1, 2, 3]);
    assert!(targets(&data.recordings[0]).iter().all(|target| *target == Target::Unknown));
}

/// Reads a folder of the given arrays; `windows` is (2, 3, 1) if it is not among them.
fn read_arrays(arrays: &[(&str, Vec<u8>)]) -> engine::Result<npz::Windows> {
    let folder = folder();
    file(&folder, "windows.npy", array("<f4", "(2, 3, 1)", bytemuck::bytes_of(&[1_f32; 6])));
    for (name, bytes) in arrays {
        file(&folder, &format!("{name}.npy"), bytes);
    }
    npz::read(folder.path(), None)
}

#[test]
fn npz_errors_name_the_array_and_give_a_hint() {
    let ints = |shape: &str, values: &[i64]| array("<i8", shape, bytemuck::cast_slice(values));
    let floats = |shape: &str, values: &[f64]| array("<f8", shape, bytemuck::cast_slice(values));
    assert_eq!(read_arrays(&[("labels", ints("(2,)", &[3, 4]))]).unwrap().class_names, ["3", "4"]);
    let cases: &[(&str, Vec<u8>, &[&str])] = &[
        ("labels", ints("(3,)", &[1, 2, 3]), &["array \"labels\" or \"y\": shape [3], expected (2,)"]),
        (
            "labels",
            floats("(2,)", &[1.0, 2.5]),
            &["\"labels\" or \"y\": element 1 is 2.5, expected integers or text", "ratings"],
        ),
        ("groups", array("<U1", "(2,)", &[0; 8]), &["array \"groups\": element 0 is empty"]),
        ("groups", array("|O", "(2,)", &[0; 8]), &["array \"groups\": holds |O", "pickles"]),
        ("trials", ints("(2,)", &[0, -1]), &["array \"trials\": number -1"]),
        ("trials", array("<U1", "(2,)", b"1\0\0\x002\0\0\0"), &["array \"trials\": text, expected integers"]),
        ("rate", floats("()", &[-1.0]), &["array \"rate\": expected one positive number"]),
        ("rate", floats("(2,)", &[1.0, 1.0]), &["array \"rate\": expected one positive number"]),
        (
            "channels",
            array("<U1", "(2,)", b"a\0\0\0b\0\0\0"),
            &["array \"channels\": shape [2], expected (1,)"],
        ),
        ("channels", ints("(1,)", &[1]), &["array \"channels\": integer, expected text"]),
        ("subjects", ints("(2,)", &[1, 2]), &["unknown array \"subjects\"", "groups"]),
        ("X", floats("(1, 1, 1)", &[1.0]), &["more than one array of windows, X"]),
        ("windows", floats("(2, 1)", &[1.0, 1.0]), &["shape [2, 1], expected (N, T, C)", "first axis"]),
        ("windows", array("<U1", "(1, 1, 1)", b"1\0\0\0"), &["text, expected numbers", "astype"]),
        ("windows", floats("(0, 1, 1)", &[]), &["shape [0, 1, 1] holds nothing"]),
        ("windows", floats("(1, 1, 1)", &[1e300]), &["1e300 is beyond the range of float32"]),
        ("windows", floats("(2, 1, 1)", &[1.0]), &["array \"windows\" or \"X\": ends too early"]),
        ("windows", floats("(1, 1, 1)", &[1.0, 1.0]), &["more bytes than its shape"]),
        ("windows", b"<html>...".to_vec(), &["not a .npy array"]),
    ];
    for (name, bytes, parts) in cases {
        expect(message(read_arrays(&[(name, bytes.clone())])), parts);
    }
    let object = message(npz::read(&fixture("objects.npz"), None));
    expect(object, &["objects.npz: array \"labels\" or \"y\": holds |O", "pickles"]);
    let folder = folder();
    expect(message(npz::read(folder.path(), None)), &["array \"windows\" or \"X\": is missing", "np.savez"]);
    expect(message(npz::read(&file(&folder, "x.npz", "PK?"), None)), &["x.npz: this is not an .npz archive"]);
}

/// Headers that would overflow the stack, the product of the axes, or the memory.
#[test]
fn npy_attacks_are_refused() {
    let long = "9".repeat(40);
    let attacks = [
        npy(&"[".repeat(5000), b""),
        npy(&format!("'descr': '<f4', 'fortran_order': False, 'shape': {}", "(".repeat(5000)), b""),
        array("<f4", "(9223372036854775808, 4, 1)", b""),
        array("<f4", "(0, 9223372036854775808, 9223372036854775808)", b""),
        array("<f4", &format!("({long},)"), b""),
        array("<f4", "(4611686018427387904, 1, 1)", b""),
        array("<U0", "(1000000000000,)", b""),
        array("<U4000000000", "(2,)", b""),
        array("<f16", "(1, 1, 1)", &[0; 16]),
        array("=f4", "(1, 1, 1)", &[0; 4]),
        array("<\u{e9}4", "(1, 1, 1)", &[0; 4]),
        array("<f4", "(1, 1, 1", &[0; 4]),
        array("<f4", "(1)", &[0; 4]),
        array("<f4", "(-1, 1, 1)", &[0; 4]),
        array("<f4", &format!("({})", "1, ".repeat(70)), &[0; 4]),
        npy("'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 1)", &[0; 8]),
        npy("'descr': '<f4', 'fortran_order': False", &[0; 4]),
        npy("'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1)} {", &[0; 4]),
        npy("'descr': '<f4' 'fortran_order': False, 'shape': (1, 1, 1)", &[0; 4]),
        b"\x93NUMPY\x03\x00\x01\x00\x00\x00\xff".to_vec(),
        array("<c8", "(1, 1, 1)", &[0; 8]),
        npy("'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), ", &[0; 4]),
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff{".to_vec(),
        b"\x93NUMPY\x09\x00\x04\x00\x00\x00{(3,".to_vec(),
    ];
    for bytes in attacks {
        expect(message(read_arrays(&[("windows", bytes)])), &["array \"windows\" or \"X\": "]);
    }
}

proptest! {
    #[test]
    fn ts_garbage_is_an_error_or_an_archive(lines in "(@[a-zA-Z]{1,12} (true|false|a|1)\n){0,3}[ -~\n]{0,80}", data in "[0-9.,:ab?eN-]{0,40}") {
        let _ = read_ts(&lines);
        let _ = read_ts(format!("{HEADER}{data}\n"));
    }

    #[test]
    fn damaged_npz_is_an_error_or_windows(
        name in prop::sample::select(vec!["integers.npz", "texts.npz", "folder/windows.npy"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = fs::read(fixture(name)).unwrap();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let folder = folder();
        let damaged = format!("x.{}", &name[name.len() - 3..]);
        let _ = npz::read(&file(&folder, &damaged, &bytes), None);
        bytes.truncate(cut.index(bytes.len()));
        let cut = npz::read(&file(&folder, &damaged, &bytes), None);
        prop_assert!(cut.is_err());
    }
}
