//! Arrays beside NumPy's own: value for value, in both directions.

use engine::data::npy::{self, Array, Values};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Writes every type in every order, version and a range of shapes, and what NumPy says that they hold: shape
/// and elements in C order, floating-point numbers by the bits of their `float64`.
const WRITE: &str = r#"
import json, sys
import numpy as np
from numpy.lib import format as npformat
folder, index = sys.argv[1], []
random = np.random.default_rng(1)
special = [0.0, -0.0, 1.5, -2.75, np.inf, -np.inf, np.nan, 6e-8, 65504.0, 1/3]
def pool(kind):
    if kind.startswith("f"):
        return np.array(special + list(random.normal(size=14)), kind) if kind != "f8" else np.array(special + [5e-324, 1e308])
    if kind == "b1":
        return random.integers(0, 2, 24).astype(bool)
    if kind[0] in "iu":
        info = np.iinfo(kind)
        top = min(info.max, 2**63 - 1)
        return np.array([info.min, top, 0, 1, *[int(x) for x in random.integers(max(info.min, -90), 90, 20)]], kind)
    texts = ["", "a", "Fp1", "h\u00f8j", "\u8111\u6ce2", "\U0001f9e0", "a b", "trailing "]
    return np.array(texts, "U") if kind == "U" else np.array([t.encode() for t in texts], "S")
def value(x):
    if isinstance(x, (bytes, np.bytes_)): return bytes(x).decode()
    if isinstance(x, (str, np.str_)): return str(x)
    if isinstance(x, np.bool_): return bool(x)
    if isinstance(x, np.integer): return int(x)
    return int(np.float64(x).view("u8"))
with np.errstate(all="ignore"):
    for kind in ["f2", "f4", "f8", "b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "U", "S"]:
        source = pool(kind)
        for shape in [(), (1,), (0,), (7,), (2, 3), (3, 0, 2), (2, 3, 4), (1, 1, 1, 5)]:
            size = int(np.prod(shape))
            array = np.resize(source, size).reshape(shape) if size else np.empty(shape, source.dtype)
            for order in "<>":
                for fortran in [False, True]:
                    for version in [(1, 0), (2, 0), (3, 0)]:
                        stored = array.astype(array.dtype.newbyteorder(order))
                        stored = np.asfortranarray(stored).reshape(shape) if fortran else np.ascontiguousarray(stored).reshape(shape)
                        name = f"{len(index)}.npy"
                        with open(f"{folder}/{name}", "wb") as file:
                            npformat.write_array(file, stored, version=version)
                        elements = [value(x) for x in array.reshape(-1)]
                        index.append({"file": name, "what": f"{stored.dtype} {shape} {fortran} {version}",
                                      "shape": list(shape), "elements": elements})
json.dump(index, open(f"{folder}/index.json", "w"))
"#;

/// Reads what this crate wrote, strictly.
const READ: &str = r#"
import sys
import numpy as np
for name in sys.argv[2:]:
    array = np.load(f"{sys.argv[1]}/{name}.npy", allow_pickle=False)
    print(name, array.dtype.str, array.shape, array.reshape(-1).tolist())
"#;

fn python(script: &str, folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("python3").args(["-c", script]).arg(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The elements in C order, as the script writes them.
fn elements(array: &Array) -> Vec<Value> {
    let mut index = vec![0; array.shape.len()];
    let mut found = Vec::new();
    for _ in 0..array.shape.iter().product::<usize>() {
        let at: usize = index.iter().zip(&array.strides).map(|(i, stride)| i * stride).sum();
        found.push(match &array.values {
            Values::Float32(values) => json!(f64::from(values[at]).to_bits()),
            Values::Float64(values) => json!(values[at].to_bits()),
            Values::Integer(values) => json!(values[at]),
            Values::Bool(values) => json!(values[at]),
            Values::Text(values) => json!(values[at]),
        });
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            if index[axis] < array.shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    found
}

#[test]
#[ignore = "needs python3 with numpy; tools/test runs it"]
fn every_array_of_numpy_gives_numpys_values() {
    let folder = tempfile::tempdir().unwrap();
    python(WRITE, folder.path(), &[]);
    let index: Vec<Value> =
        serde_json::from_slice(&fs::read(folder.path().join("index.json")).unwrap()).unwrap();
    assert_eq!(index.len(), 14 * 8 * 2 * 2 * 3);
    for entry in index {
        let bytes = fs::read(folder.path().join(entry["file"].as_str().unwrap())).unwrap();
        let array = npy::read(bytes.as_slice(), bytes.len() as u64)
            .unwrap_or_else(|error| panic!("{}: {error}", entry["what"]));
        assert_eq!(json!(array.shape), entry["shape"], "{}", entry["what"]);
        assert_eq!(json!(elements(&array)), entry["elements"], "{}", entry["what"]);
    }
}

/// One array of each kind.
fn arrays() -> [(&'static str, Array); 6] {
    let texts = ["Fp1", "", "h\u{f8}j \u{1f9e0}"].map(String::from).to_vec();
    [
        ("float32", Array::new(vec![2, 2], Values::Float32(vec![1.5, -0.0, f32::INFINITY, 1e-45]))),
        ("float64", Array::new(vec![3], Values::Float64(vec![0.1, -2.0, 1e300]))),
        ("integer", Array::new(vec![2, 1], Values::Integer(vec![i64::MIN, i64::MAX]))),
        ("bool", Array::new(vec![2], Values::Bool(vec![true, false]))),
        ("text", Array::new(vec![3], Values::Text(texts))),
        ("number", Array::new(vec![], Values::Float64(vec![128.0]))),
    ]
}

#[test]
#[ignore = "needs python3 with numpy; tools/test runs it"]
fn numpy_reads_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let names = arrays().map(|(name, array)| {
        let file = fs::File::create(folder.path().join(format!("{name}.npy"))).unwrap();
        npy::write(file, &array.shape, [&array.values]).unwrap();
        name
    });
    assert_eq!(
        python(READ, folder.path(), &names),
        "float32 <f4 (2, 2) [1.5, -0.0, inf, 1.401298464324817e-45]\n\
         float64 <f8 (3,) [0.1, -2.0, 1e+300]\n\
         integer <i8 (2, 1) [-9223372036854775808, 9223372036854775807]\n\
         bool |b1 (2,) [True, False]\n\
         text <U5 (3,) ['Fp1', '', 'h\u{f8}j \u{1f9e0}']\n\
         number <f8 () [128.0]\n"
    );
}

#[test]
fn what_is_written_is_read_again() {
    for (name, array) in arrays() {
        let mut bytes = Vec::new();
        npy::write(&mut bytes, &array.shape, [&array.values]).unwrap();
        assert_eq!((bytes.len() - elements_size(&array)) % 64, 0, "{name}: NumPy aligns the elements");
        assert_eq!(npy::read(bytes.as_slice(), bytes.len() as u64).unwrap(), array, "{name}");
    }
}

fn elements_size(array: &Array) -> usize {
    match &array.values {
        Values::Float32(values) => 4 * values.len(),
        Values::Float64(values) => 8 * values.len(),
        Values::Integer(values) => 8 * values.len(),
        Values::Bool(values) => values.len(),
        Values::Text(values) => 4 * 5 * values.len(),
    }
}
