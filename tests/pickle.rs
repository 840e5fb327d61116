use std::fs;
use std::path::PathBuf;

use engine::data::deap::pickle::{opcode as op, read_arrays};
use engine::data::npy::{self, Values};
use ndarray::{ArrayD, IxDyn, ShapeBuilder, arr2};

use crate::support::memory;
use crate::support::opcodes::{Stored, array, dictionary, dtype, string};

type Arrays = [ArrayD<f64>; 2];

const KEYS: [&str; 2] = ["labels", "data"];

fn read(bytes: &[u8]) -> engine::Result<Arrays> {
    read_arrays(bytes, Some(bytes.len() as u64), KEYS).map(|(arrays, _)| arrays)
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The arrays that every fixture holds; those that were saved as `f4` hold them rounded.
fn truth(name: &str) -> Arrays {
    let stored = |value: f64| if name.contains("_f4") { f64::from(value as f32) } else { value };
    ["truth_labels.npy", "truth_data.npy"].map(|name| {
        let bytes = fs::read(fixtures().join(name)).unwrap();
        let array = npy::read(bytes.as_slice(), bytes.len() as u64).unwrap();
        let Values::Float64(values) = array.values else { panic!("float64") };
        ArrayD::from_shape_vec(IxDyn(&array.shape), values).unwrap().mapv(stored)
    })
}

fn bits(arrays: &Arrays) -> Vec<(Vec<usize>, Vec<u64>)> {
    arrays
        .iter()
        .map(|array| (array.shape().to_vec(), array.iter().map(|value| value.to_bits()).collect()))
        .collect()
}

fn pickles() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pkl" || extension == "dat"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn every_fixture_gives_numpys_values_bit_for_bit() {
    let files = pickles();
    assert_eq!(files.len(), 59);
    for (name, bytes) in files {
        for total in [Some(bytes.len() as u64), None] {
            let (arrays, hash) =
                read_arrays(bytes.as_slice(), total, KEYS).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(bits(&arrays), bits(&truth(&name)), "{name}");
            assert_eq!(hash, blake3::hash(&bytes).to_string(), "{name}");
        }
    }
}

/// serde-pickle leaves an array's state, (1, shape, dtype, is Fortran, bytes), in the array's place wherever
/// it understands the file, and does not convert the elements.
#[test]
fn serde_pickle_sees_the_same_bytes() {
    use serde_pickle::{DeOptions, HashableValue, Value};
    let mut compared = 0;
    for (name, bytes) in pickles() {
        let options = DeOptions::new().replace_unresolved_globals();
        let Ok(Value::Dict(entries)) = serde_pickle::value_from_slice(&bytes, options) else { continue };
        let find = |key: &str| {
            let spellings = [HashableValue::String(key.into()), HashableValue::Bytes(key.into())];
            spellings.iter().find_map(|spelling| entries.get(spelling)).cloned()
        };
        let arrays = read(&bytes).unwrap();
        for (key, array) in KEYS.iter().zip(&arrays) {
            let Some(Value::Tuple(state)) = find(key) else { continue };
            let [_, Value::Tuple(shape), _, Value::Bool(fortran), Value::Bytes(raw)] = state.as_slice()
            else {
                continue;
            };
            let shape: Vec<usize> = shape
                .iter()
                .map(|length| match length {
                    Value::I64(length) => *length as usize,
                    other => panic!("{name}: {other:?}"),
                })
                .collect();
            let values: Vec<f64> = match raw.len() / array.len() {
                8 => raw.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect(),
                _ => raw.as_chunks().0.iter().map(|&b| f64::from(f32::from_le_bytes(b))).collect(),
            };
            let theirs = ArrayD::from_shape_vec(IxDyn(&shape).set_f(*fortran), values).unwrap();
            assert_eq!(&theirs, array, "{name}: {key}");
            compared += 1;
        }
    }
    assert!(compared >= 8, "serde-pickle understood {compared} arrays only: it no longer checks anything");
}

#[test]
fn big_endian_elements_are_converted() {
    let values = [1.5_f64, -2.25, 1e-3, 7e8];
    let f8 = Stored { order: ">", bytes: values.iter().flat_map(|v| v.to_be_bytes()).collect(), ..small() };
    let f4_bytes = values.iter().flat_map(|&v| (v as f32).to_be_bytes()).collect();
    let f4 = Stored { order: ">", code: "f4", bytes: f4_bytes, ..small() };
    let [labels, data] = read(&dictionary(&[("labels", array(&f8)), ("data", array(&f4))])).unwrap();
    let expected = arr2(&[[1.5, -2.25], [1e-3, 7e8]]).into_dyn();
    assert_eq!(labels, expected);
    assert_eq!(data, expected.mapv(|value| f64::from(value as f32)));
}

fn small() -> Stored {
    Stored::f8(&[2, 2], [1.0, 2.0, 3.0, 4.0])
}

#[test]
fn keys_come_in_any_order_beside_plain_values() {
    let notes = [
        b"]p9\n(N\x88I-7\nF1.5\nG\0\0\0\0\0\0\0\0".as_slice(),
        b"L123456789012345678901234567890L\n\x8a\x02\xff\x00\x8b\x0a\0\0\0\0\0\0\0\0\0\0\0\0\x01",
        b"Vna\\u00efve \\u20ac\nS'it\\'s'\n}(X\x03\0\0\0\xe2\x82\xacK\x05u)\x85e",
    ]
    .concat();
    let bytes = dictionary(&[
        ("notes", notes),
        ("data", array(&small())),
        ("rate", b"I128\n".to_vec()),
        ("labels", array(&Stored::f8(&[1], [5.0]))),
        ("subject", string(b"s01")),
    ]);
    let [labels, data] = read(&bytes).unwrap();
    assert_eq!((labels.shape(), data.shape()), (&[1][..], &[2, 2][..]));
}

/// One dtype in two arrays, one array under two keys, one string of bytes in two arrays.
#[test]
fn shared_objects_are_read_wherever_they_are_used() {
    let both = [array(&small()), vec![op::BINPUT, 32]].concat();
    let [labels, data] = read(&dictionary(&[("labels", both), ("data", vec![op::BINGET, 32])])).unwrap();
    assert_eq!(labels, data);
    assert_eq!(data, arr2(&[[1.0, 2.0], [3.0, 4.0]]).into_dyn());

    let from_buffer = |bytes: &[u8], dtype: &[u8], shape: &[u8]| {
        [b"cnumpy.core.numeric\n_frombuffer\n(", bytes, dtype, shape, b"U\x01CtR"].concat()
    };
    let raw = [string(&small().bytes), b"q\x21".to_vec()].concat();
    let kind = [dtype("f8", "<"), b"q\x22".to_vec()].concat();
    let [labels, data] = read(&dictionary(&[
        ("labels", from_buffer(&raw, &kind, b"K\x04\x85")),
        ("data", from_buffer(b"h\x21", b"h\x22", b"K\x02K\x02\x86")),
    ]))
    .unwrap();
    assert_eq!(labels.into_raw_vec_and_offset().0, data.into_raw_vec_and_offset().0);
}

/// The sizes of reads do not change the elements: none is lost between two reads.
#[test]
fn short_reads_change_nothing() {
    struct Trickle<'a>(&'a [u8], usize);
    impl std::io::Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = buffer.len().min(self.1).min(self.0.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }
    for (name, bytes) in pickles() {
        for step in [1, 3, 7, 13] {
            let (arrays, _) = read_arrays(Trickle(&bytes, step), None, KEYS).unwrap();
            assert_eq!(bits(&arrays), bits(&truth(&name)), "{name} in steps of {step}");
        }
    }
}

/// An array of 16 MB: as Python 2 wrote it, it is never held as bytes; as protocol 5 writes it, its pieces
/// are freed while they are converted.
#[test]
fn reading_holds_little_more_than_the_file() {
    let values = 2 << 20;
    let big = Stored::f8(&[values], (0..values).map(f64::from));
    let labels = ("labels", array(&small()));
    let python2 = dictionary(&[labels.clone(), ("data", array(&big))]);
    let protocol5 = dictionary(&[
        (
            "data",
            [
                b"cnumpy._core.numeric\n_frombuffer\n".as_slice(),
                &[op::MARK, op::BYTEARRAY8],
                &(big.bytes.len() as u64).to_le_bytes(),
                &big.bytes,
                &dtype("f8", "<"),
                b"J\0\0\x20\0\x85U\x01CtR",
            ]
            .concat(),
        ),
        labels,
    ]);
    for (name, file, most) in [("Python 2", python2, 1.1), ("protocol 5", protocol5, 1.6)] {
        let (arrays, peak) = memory::peak(|| read(&file).unwrap());
        assert_eq!(arrays[1].len(), values as usize);
        assert_eq!(arrays[1][[12345]], 12345.0);
        let share = peak as f64 / file.len() as f64;
        assert!(share <= most, "{name}: {peak} bytes held, {share:.3} of the file");
    }
}
