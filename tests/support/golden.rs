//! Reading the golden files, which `golden/README.md` describes.

use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A file's tensors by name, flattened; integers become `f64` too.
pub struct Golden(BTreeMap<String, Vec<f64>>);

impl Golden {
    pub fn read(name: &str) -> Self {
        // From the root of the repository, where tests run: a prebuilt binary may do so on another machine.
        let path = PathBuf::from("tests/golden").join(name).with_extension("safetensors");
        let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensors = file.tensors().into_iter().map(|(name, view)| {
            let words = view.data().as_chunks::<8>().0.iter();
            let values = match view.dtype() {
                Dtype::F64 => words.map(|w| f64::from_le_bytes(*w)).collect(),
                Dtype::I64 => words.map(|w| i64::from_le_bytes(*w) as f64).collect(),
                other => panic!("{name}: {other:?}"),
            };
            (name, values)
        });
        Golden(tensors.collect())
    }

    /// The names of all files.
    pub fn all() -> Vec<String> {
        let files = std::fs::read_dir("tests/golden").unwrap().map(|entry| entry.unwrap().path());
        let goldens = files.filter(|path| path.extension().is_some_and(|e| e == "safetensors"));
        let mut names: Vec<_> =
            goldens.map(|path| path.file_stem().unwrap().to_str().unwrap().to_string()).collect();
        names.sort();
        names
    }

    pub fn get(&self, name: &str) -> &[f64] {
        self.0.get(name).unwrap_or_else(|| panic!("no tensor {name}"))
    }

    pub fn find(&self, name: &str) -> Option<&[f64]> {
        self.0.get(name).map(Vec::as_slice)
    }
}

/// Asserts that all numbers agree to `tolerance`, absolutely below 1 and relatively above.
pub fn assert_close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{what}[{i}]: found {a}, expected {b}");
    }
}
