use engine::random::{Random, Stream};
use std::fs;
use std::path::Path;

/// Steps of a window.
const STEPS: usize = 6;

/// An array in NumPy's format 1.0; `header` is the text between the braces.
pub fn npy(header: &str, content: &[u8]) -> Vec<u8> {
    let header = format!("{{{header}}}\n");
    [b"\x93NUMPY\x01\x00", (header.len() as u16).to_le_bytes().as_slice(), header.as_bytes(), content]
        .concat()
}

/// An array of this type and shape, in C order.
pub fn array(descr: &str, shape: &str, content: &[u8]) -> Vec<u8> {
    npy(&format!("'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, "), content)
}

/// Integers, one for each window.
pub fn integers(values: &[i64]) -> Vec<u8> {
    array("<i8", &format!("({},)", values.len()), bytemuck::cast_slice(values))
}

/// Texts, one for each window.
pub fn texts(values: &[&str]) -> Vec<u8> {
    let width = values.iter().map(|text| text.chars().count()).max().unwrap();
    let padded = |text: &&str| {
        let mut letters: Vec<u32> = text.chars().map(u32::from).collect();
        letters.resize(width, 0);
        letters
    };
    let letters: Vec<u32> = values.iter().flat_map(padded).collect();
    array(&format!("<U{width}"), &format!("({},)", values.len()), bytemuck::cast_slice(&letters))
}

/// A folder `name` of `.npy` files: windows `(windows, steps, channels)` of the type `f4` or `f8`, and the
/// other arrays.
pub fn samples(
    parent: &Path,
    name: &str,
    [steps, channels]: [usize; 2],
    descr: &str,
    samples: &[f64],
    others: &[(&str, Vec<u8>)],
) {
    let folder = parent.join(name);
    fs::create_dir(&folder).unwrap();
    let bytes: Vec<u8> = match descr {
        "<f4" => samples.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect(),
        _ => samples.iter().flat_map(|x| x.to_le_bytes()).collect(),
    };
    let shape = format!("({}, {steps}, {channels})", samples.len() / steps / channels);
    fs::write(folder.join("windows.npy"), array(descr, &shape, &bytes)).unwrap();
    others.iter().for_each(|(array, bytes)| fs::write(folder.join(format!("{array}.npy")), bytes).unwrap());
}

/// A folder `name` of `.npy` files: random windows of one channel with these labels, and the other arrays.
pub fn windows(parent: &Path, name: &str, labels: &[i64], others: &[(&str, Vec<u8>)]) {
    let folder = parent.join(name);
    fs::create_dir(&folder).unwrap();
    let write = |array: &str, bytes: &[u8]| fs::write(folder.join(format!("{array}.npy")), bytes).unwrap();
    let mut random = Random::new(3, Stream::Demo, [labels.len() as u32, 0]);
    let samples: Vec<f32> = (0..labels.len() * STEPS).map(|_| random.normal() as f32).collect();
    let shape = format!("({}, {STEPS}, 1)", labels.len());
    write("windows", &array("<f4", &shape, bytemuck::cast_slice(&samples)));
    write("labels", &integers(labels));
    others.iter().for_each(|(array, bytes)| write(array, bytes));
}

/// Floating-point numbers of this shape.
pub fn floats(shape: &str, values: &[f64]) -> Vec<u8> {
    array("<f8", shape, bytemuck::cast_slice(values))
}

/// A folder of these arrays.
pub fn folder_of(arrays: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in arrays {
        fs::write(folder.path().join(format!("{name}.npy")), bytes).unwrap();
    }
    folder
}

/// Six people with 8 windows of 6 steps, of two classes in turn: the second raises channel `signal` by
/// `effect`, and all else is noise.
pub fn six_people(parent: &Path, name: &str, channels: &[&str], signal: usize, effect: f64) {
    let (windows, width) = (48, channels.len());
    let mut random = Random::new(3, Stream::Demo, [0, 0]);
    let mut value = |i: usize| {
        let (window, channel) = (i / (STEPS * width), i % width);
        random.normal() + if channel == signal && window % 2 == 1 { effect } else { 0.0 }
    };
    let values: Vec<f64> = (0..windows * STEPS * width).map(&mut value).collect();
    let numbers = |of: fn(i64) -> i64| integers(&(0..windows as i64).map(of).collect::<Vec<i64>>());
    let others = [
        ("labels", numbers(|i| i % 2)),
        ("groups", numbers(|i| i / 8)),
        ("trials", numbers(|i| i)),
        ("channels", texts(channels)),
    ];
    samples(parent, name, [STEPS, width], "<f8", &values, &others);
}
