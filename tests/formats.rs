//! Files and folders of any kind: contents decide, and a message says what is there and what to type.

use crate::support::opcodes::{Stored, array, dictionary, small};
use crate::support::program::{Call, command, engine, folder, series};
use engine::data::formats::FORMATS;
use engine::random::{Random, Stream};
use std::fs;
use std::path::Path;

/// A subject of DEAP with trials of so many samples of noise, in `f4`.
fn subject(samples: i32, seed: u64) -> Vec<u8> {
    let ratings = (0..160).map(|i| f64::from(i % 9) + 1.0);
    let labels = Stored::f8(&[40, 4], ratings);
    let mut random = Random::new(seed, Stream::Demo, [0, 0]);
    let noise: Vec<f32> = (0..40 * 40 * samples).map(|_| random.normal() as f32).collect();
    let shape = vec![40, 40, samples];
    let bytes = bytemuck::cast_slice(&noise).to_vec();
    let data = Stored { shape, code: "f4", order: "<", fortran: false, bytes };
    dictionary(&[("labels", array(&labels)), ("data", array(&data))])
}

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A zip archive, as far as its first header.
fn zip(member: &str) -> Vec<u8> {
    [b"PK\x03\x04", [0; 22].as_slice(), &(member.len() as u16).to_le_bytes(), &[0, 0], member.as_bytes()]
        .concat()
}

fn at(place: usize, bytes: &[u8]) -> Vec<u8> {
    [vec![0; place].as_slice(), bytes].concat()
}

fn inspect(folder: &Path, path: &str) -> Call {
    engine(folder, &format!("data inspect {path}"))
}

#[test]
fn a_file_that_is_not_read_says_what_it_is_and_the_way_out() {
    let kinds: &[(&str, Vec<u8>, &str, &str)] = &[
        ("a.zip", zip("data/s01.dat"), "a zip archive", "`unzip a.zip`"),
        ("a.bin", zip("archive/data.pkl"), "a PyTorch file", "torch.load(\"a.bin\")"),
        ("a.xlsx", zip("[Content_Types].xml"), "an Excel workbook", ".csv"),
        ("a.tar", at(257, b"ustar"), "a tar archive", "`tar -xf a.tar`"),
        ("a.tgz", b"\x1f\x8b\x08\0".to_vec(), "a gzip archive", "`tar -xzf a.tgz`"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c".to_vec(), "a 7-Zip archive", "`7z x a.7z`"),
        ("a.rar", b"Rar!\x1a\x07\x01\0".to_vec(), "a RAR archive", "`unrar x a.rar`"),
        ("s01.dat", b"<!DOCTYPE html><html>log in</html>".to_vec(), "an HTML page", "sign in"),
        ("s01.mat", b"MATLAB 5.0 MAT-file, Platform".to_vec(), "a MATLAB file", "data_preprocessed_python"),
        ("x.mat", b"MATLAB 5.0 MAT-file, Platform".to_vec(), "a MATLAB file", "scipy.io.loadmat(\"x.mat\")"),
        ("y.mat", b"MATLAB 7.3 MAT-file, Platform".to_vec(), "a MATLAB 7.3 file", "h5py.File(\"y.mat\")"),
        ("x.h5", b"\x89HDF\r\n\x1a\n".to_vec(), "an HDF5 file", "h5py"),
        ("z.h5", at(512, b"\x89HDF\r\n\x1a\n"), "an HDF5 file", "h5py"),
        (
            "x.edf",
            [b"0       ".as_slice(), &[b' '; 248]].concat(),
            "an EDF recording",
            "mne.io.read_raw(\"x.edf\")",
        ),
        ("x.bdf", b"\xffBIOSEMI".to_vec(), "a BDF recording", "mne"),
        ("x.gdf", b"GDF 2.20".to_vec(), "a GDF recording", "mne"),
        (
            "x.vhdr",
            b"BrainVision Data Exchange Header File Version 1.0\n".to_vec(),
            "a part of a BrainVision recording",
            "mne",
        ),
        ("x.eeg", vec![1, 2, 0, 3], "a part of a BrainVision recording", "mne"),
        ("t.csv", b"time,Fp1\n0,1.5\n1,2.5\n".to_vec(), "a table as text", "pandas.read_csv(\"t.csv\""),
        ("t.tsv", b"0\t1.5\n1\t2.5\n".to_vec(), "a table as text", "pandas"),
        ("x.arff", b"% a comment\n@RELATION x\n".to_vec(), "an ARFF file", "loadarff(\"x.arff\")"),
        ("x.fif", b"\0\0\0\x64\0\0\0\x1f\0\0\0\x14\0\0\0\0".to_vec(), "a FIF recording", "mne.read_epochs"),
        ("x.json", b"{\"a\": 1}".to_vec(), "a JSON file", "json.load"),
        ("x.parquet", b"PAR1".to_vec(), "a Parquet table", "read_parquet"),
        (
            "100.hea",
            b"100 2 360 650000\n100.dat 212 200\n".to_vec(),
            "a part of a WFDB record",
            "wfdb.rdrecord(\"100\")",
        ),
        ("100.dat", vec![1, 2, 0, 3], "a part of a WFDB record", "wfdb"),
        (
            "x.pt",
            [b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.".as_slice(), b""].concat(),
            "a PyTorch file",
            "torch",
        ),
        ("x.pkl", b"\x80\x02}q\0U\x03abcK\x01s.".to_vec(), "a Python pickle of other things", "pickle.load"),
        ("S2.pkl", b"\x80\x02}(U\x06signal}(U\x05chest.".to_vec(), "a pickle of WESAD", "42000"),
        (
            "l.dat",
            b"version https://git-lfs.github.com/spec/v1\noid".to_vec(),
            "a Git LFS pointer",
            "git lfs pull",
        ),
        ("s.lnk", b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0".to_vec(), "a Windows shortcut", "points to"),
        ("note.txt", b"some words".to_vec(), "a text", "what is read"),
        ("raw", vec![7, 0, 1, 2], "a binary file of an unknown format", "numpy.savez(\"raw.npz\""),
    ];
    let folder = folder();
    for (name, bytes, ..) in kinds {
        write(folder.path(), name, bytes);
    }
    for (name, _, kind, way) in kinds {
        let call = inspect(folder.path(), name).ends(3, &[name, kind, way, "which is not read"]);
        assert!(!call.err.contains("qmul"), "{name}: {}", call.err);
    }
    write(folder.path(), "empty.dat", "");
    assert!(!inspect(folder.path(), "empty.dat").ends(3, &["empty.dat is empty"]).err.contains("qmul"));
}

#[test]
fn a_folder_of_such_files_is_named_by_its_most_frequent_kind() {
    let folder = folder();
    for name in ["m/s01.mat", "m/s02.mat"] {
        write(folder.path(), name, "MATLAB 5.0 MAT-file");
    }
    write(folder.path(), "m/readme.txt", "words");
    let call = engine(folder.path(), "train --data m");
    let call = call.ends(3, &["2 of 3 files are each a MATLAB file, the first is m/s01.mat", "s01.dat"]);
    assert!(!call.err.contains("qmul"), "{}", call.err);
}

#[test]
fn a_path_one_folder_too_high_says_which_to_give() {
    let folder = folder();
    write(folder.path(), "DEAP/data_preprocessed_python/s01.dat", small());
    write(folder.path(), "DEAP/readme.txt", "words");
    engine(folder.path(), "train --data DEAP").ends(
        3,
        &[
            "DEAP is no data set itself",
            "DEAP/data_preprocessed_python (DEAP)",
            "`--data DEAP/data_preprocessed_python`",
        ],
    );
    for part in ["TRAIN", "TEST"] {
        write(folder.path(), &format!("X/X_{part}.ts"), series(4, 1, 1));
    }
    engine(folder.path(), "train --data X").ends(3, &["`--data X/X_TRAIN.ts` with `--test X/X_TEST.ts`"]);
    for name in ["a.npz", "b.npz"] {
        write(folder.path(), &format!("N/{name}"), zip("windows.npy"));
    }
    engine(folder.path(), "train --data N").ends(3, &["N/a.npz (.npz), N/b.npz (.npz)", "`--data N/a.npz`"]);
}

#[test]
fn a_missing_path_names_what_is_near_it() {
    let folder = folder();
    write(folder.path(), "data/BasicMotions_TRAIN.ts", series(4, 1, 1));
    let call = inspect(folder.path(), "data/BasicMotion_TRAIN.ts");
    let call = call.ends(3, &["does not exist", "did you mean data/BasicMotions_TRAIN.ts?"]);
    assert!(!call.err.contains("qmul"), "{}", call.err);
    inspect(folder.path(), "data/deep/er/x.npz").ends(3, &["the nearest folder that exists is data"]);
    inspect(folder.path(), "DEAP").ends(3, &["DEAP does not exist", "qmul.ac.uk", "--data demo"]);
    fs::create_dir(folder.path().join("none")).unwrap();
    inspect(folder.path(), "none").ends(3, &["the folder none is empty", "qmul.ac.uk"]);
    std::os::unix::fs::symlink("gone", folder.path().join("link")).unwrap();
    inspect(folder.path(), "link").ends(3, &["link is a symbolic link to gone, which does not exist"]);
    inspect(folder.path(), "/dev/null").ends(3, &["/dev/null is neither a file nor a folder"]);
}

#[test]
fn names_and_capitals_do_not_matter() {
    let folder = folder();
    write(folder.path(), "X.TS", series(4, 2, 1));
    write(folder.path(), "cases", series(4, 2, 1));
    for name in ["X.TS", "cases"] {
        let call = inspect(folder.path(), name).ends(0, &[]);
        assert!(call.out.contains("2 channels, 8 samples"), "{}", call.out);
    }
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/npz/integers.npz");
    write(folder.path(), "a.NPZ", fs::read(fixture).unwrap());
    inspect(folder.path(), "a.NPZ").ends(0, &[]);
    let one = subject(8064, 1);
    write(folder.path(), "up/S01.DAT", &one);
    write(folder.path(), "other.pickle", &one);
    let call = inspect(folder.path(), "up").ends(0, &["up has 1 of DEAP's 32 subjects"]);
    assert!(call.out.contains("S01"), "{}", call.out);
    assert!(inspect(folder.path(), "up/S01.DAT").ends(0, &[]).out.contains("S01"));
    assert!(inspect(folder.path(), "other.pickle").ends(0, &[]).out.contains("other"));
    write(folder.path(), "up/s01.dat", small());
    inspect(folder.path(), "up").ends(3, &["up holds S01.DAT and s01.dat, both of subject s01"]);
}

#[test]
fn trials_without_their_baseline_are_read_and_never_corrected() {
    let folder = folder();
    write(folder.path(), "d/s01.dat", subject(7680, 1));
    write(folder.path(), "d/s02.dat", subject(7680, 2));
    let dry = "train --data d --channels Fp1 --dry-run";
    engine(folder.path(), dry).ends(0, &[]);
    engine(folder.path(), &format!("{dry} --baseline correct"))
        .ends(2, &["`--baseline correct` needs a baseline", "7680 samples", "`--baseline drop`"]);
    engine(folder.path(), &format!("{dry} --baseline include"))
        .ends(0, &["`--baseline include` has no effect"]);
    engine(folder.path(), &format!("{dry} --window 61")).ends(2, &["longer than a trial of 60 s"]);
    write(folder.path(), "d/s02.dat", subject(8064, 2));
    engine(folder.path(), dry)
        .ends(3, &["d/s02.dat: \"data\" has trials of 8064 samples, expected 7680 as in d/s01.dat"]);
}

#[test]
fn demo_beside_a_file_of_that_name_is_refused() {
    let folder = folder();
    fs::create_dir(folder.path().join("demo")).unwrap();
    let dry = "train --demo-subjects 1 --dry-run --data";
    engine(folder.path(), &format!("{dry} demo")).ends(2, &["`--data demo:`", "`--data ./demo`"]);
    engine(folder.path(), &format!("{dry} demo:")).ends(0, &[]);
    engine(folder.path(), "train --data ./demo").ends(3, &["the folder ./demo is empty"]);
}

#[test]
fn a_file_without_permission_says_so() {
    let folder = folder();
    write(folder.path(), "x.ts", series(4, 1, 1));
    let mut permissions = fs::metadata(folder.path().join("x.ts")).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o000);
    fs::set_permissions(folder.path().join("x.ts"), permissions).unwrap();
    // The superuser may read anything.
    if fs::File::open(folder.path().join("x.ts")).is_err() {
        inspect(folder.path(), "x.ts").ends(7, &["cannot open x.ts", "permission"]);
    }
    let output = command(folder.path(), "data inspect x.ts/y").output().unwrap();
    Call::of(output).ends(3, &["x.ts/y does not exist"]);
}

/// The page on adding a reader lists the formats of the table.
#[test]
fn the_documentation_lists_the_formats() {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/add-a-reader.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `src/data/formats/"));
    let listed: Vec<&str> = rows.filter_map(|row| row.split(" | ").nth(1)).collect();
    let names: Vec<&str> = FORMATS.iter().map(|format| format.name()).collect();
    assert_eq!(listed, names);
}
