//! Files with random damage: every reader returns what is there or an error, and never panics.

use crate::support::arrays::{integers, npy as npy_file, windows};
use crate::support::program::{folder, series};
use crate::support::synthetic;
use engine::config::Config;
use engine::data::split::{Split, SplitKind, SplitSpec};
use engine::data::{npy, npz, ts};
use engine::ops::{Cell, LayerSpec, Network, Pooling};
use engine::run::{FoldCheckpoint, FoldMeta, Manifest};
use proptest::prelude::*;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Cases of each reader. `FUZZ_CASES` asks for more.
const CASES: u32 = 1500;

fn settings() -> ProptestConfig {
    let asked = std::env::var("FUZZ_CASES").ok();
    let cases = asked.map_or(CASES, |cases| cases.parse().expect("FUZZ_CASES is a number"));
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A few changes: place, byte, and kind.
fn changes() -> impl Strategy<Value = Vec<(usize, u8, u8)>> {
    proptest::collection::vec((any::<usize>(), any::<u8>(), 0_u8..4), 1..10)
}

/// Bytes replaced, inserted and removed, and parts of the file copied elsewhere.
fn damaged(file: &[u8], changes: &[(usize, u8, u8)]) -> Vec<u8> {
    let mut file = file.to_vec();
    for &(at, byte, kind) in changes {
        if file.is_empty() {
            break;
        }
        let at = at % file.len();
        match kind {
            0 => file[at] = byte,
            1 => file.insert(at, byte),
            2 => drop(file.remove(at)),
            _ => {
                let from = usize::from(byte) % file.len();
                let part = file[from..(from + 24).min(file.len())].to_vec();
                file.splice(at..at, part);
            }
        }
    }
    file
}

/// Numbers of a JSON text replaced by extreme ones, and values by others.
fn extreme(value: &mut Value, choices: &mut impl Iterator<Item = u8>) {
    const NUMBERS: [u64; 8] = [0, 1, 2, 65_536, 1 << 31, u32::MAX as u64, 1 << 32, u64::MAX];
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| extreme(value, choices)),
        Value::Object(fields) => fields.values_mut().for_each(|value| extreme(value, choices)),
        _ => match choices.next().unwrap_or(255) {
            choice @ 0..24 => *value = NUMBERS[usize::from(choice % 8)].into(),
            24..28 => *value = Value::Null,
            28..32 => *value = Value::Array(Vec::new()),
            _ => {}
        },
    }
}

fn checkpoint() -> FoldCheckpoint {
    let network = Network {
        features: 2,
        convs: Vec::new(),
        layers: vec![LayerSpec::new(Cell::Lstm, 3, 2)],
        pool: Pooling::Last,
        dense: Some(2),
        dropout: 0.0,
        classes: 2,
    };
    let meta = FoldMeta {
        fold: "1".into(),
        epoch: 1,
        features: vec!["a".into(), "b".into()],
        frames: None,
        stat_steps: 1,
        rate: None,
        class_names: vec!["x".into(), "y".into()],
        dataset: "d".into(),
        origin: None,
        network,
    };
    let stats = engine::data::stats::Stats { mean: vec![0.0; 2], inv_std: vec![1.0; 2] };
    FoldCheckpoint { weights: vec![0.5; meta.network.params()], stats, center: vec![0.0; 2], meta }
}

/// A checkpoint with other metadata, under a right hash: what a cheat or another program would write.
fn with_meta(bytes: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let mut envelope: Value =
        serde_json::from_str(header["__metadata__"]["engine"].as_str().unwrap()).unwrap();
    change(&mut envelope["content"]);
    let mut hasher = blake3::Hasher::new();
    hasher.update(envelope["content"].to_string().as_bytes());
    let data = &bytes[8 + length..];
    let mut names: Vec<String> =
        header.as_object().unwrap().keys().filter(|name| *name != "__metadata__").cloned().collect();
    names.sort();
    for name in names {
        let tensor = &header[&name];
        hasher.update(name.as_bytes());
        tensor["shape"].as_array().unwrap().iter().for_each(|n| {
            hasher.update(&n.as_u64().unwrap().to_le_bytes());
        });
        let [from, until] = [0, 1].map(|i| tensor["data_offsets"][i].as_u64().unwrap() as usize);
        hasher.update(&data[from..until]);
    }
    envelope["blake3"] = hasher.finalize().to_hex().to_string().into();
    header["__metadata__"]["engine"] = envelope.to_string().into();
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

#[test]
fn the_right_hash_is_the_one_that_is_written() {
    let folder = folder();
    let path = folder.path().join("c.safetensors");
    let bytes = checkpoint().to_bytes().unwrap();
    fs::write(&path, with_meta(&bytes, |_| ())).unwrap();
    assert_eq!(FoldCheckpoint::read(&path).unwrap(), checkpoint());
    fs::write(&path, with_meta(&bytes, |meta| meta["epoch"] = 7.into())).unwrap();
    assert_eq!(FoldCheckpoint::read(&path).unwrap().meta.epoch, 7);
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn damaged_series_never_panic(changes in changes()) {
        let folder = folder();
        let path = folder.path().join("x.ts");
        fs::write(&path, damaged(series(4, 2, 1).as_bytes(), &changes)).unwrap();
        let _ = ts::read(&path);
    }

    #[test]
    fn damaged_arrays_never_panic(changes in changes(), which in 0_usize..3) {
        let folder = folder();
        let numbers: Vec<i64> = (0..6).map(|i| i / 2).collect();
        windows(folder.path(), "w", &[0, 1, 0, 1, 0, 1], &[("groups", integers(&numbers))]);
        let path = folder.path().join("w").join(["windows.npy", "labels.npy", "groups.npy"][which]);
        fs::write(&path, damaged(&fs::read(&path).unwrap(), &changes)).unwrap();
        let _ = npz::read(&folder.path().join("w"), None);
    }

    #[test]
    fn headers_of_any_type_and_shape_never_panic_or_allocate_what_is_not_there(
        descr in "[<>|=]?[biufUSOVMc][0-9]{0,4}",
        axes in proptest::collection::vec(prop_oneof![0_u64..5, Just(1 << 31), Just(1 << 62), any::<u64>()], 0..6),
        fortran in any::<bool>(),
        bytes in proptest::collection::vec(0_u8..3, 0..200),
        claimed in prop_oneof![0_u64..400, any::<u64>()],
    ) {
        let axes: String = axes.iter().map(|axis| format!("{axis}, ")).collect();
        let order = if fortran { "True" } else { "False" };
        let file = npy_file(&format!("'descr': '{descr}', 'fortran_order': {order}, 'shape': ({axes}), "), &bytes);
        if let Ok(array) = npy::read(file.as_slice(), file.len() as u64) {
            prop_assert_eq!(array.shape.iter().product::<usize>(), array.values.len());
        }
        // A length that is a lie, as in the table of an archive.
        let _ = npy::read(file.as_slice(), claimed.min(1 << 20));
    }

    #[test]
    fn damaged_archives_never_panic(changes in changes()) {
        let folder = folder();
        let path = folder.path().join("x.npz");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/npz/integers.npz");
        fs::write(&path, damaged(&fs::read(file).unwrap(), &changes)).unwrap();
        let _ = npz::read(&path, None);
    }

    #[test]
    fn damaged_checkpoints_never_panic(changes in changes()) {
        let folder = folder();
        let path = folder.path().join("c.safetensors");
        fs::write(&path, damaged(&checkpoint().to_bytes().unwrap(), &changes)).unwrap();
        let _ = FoldCheckpoint::read(&path);
    }

    #[test]
    fn checkpoints_with_extreme_metadata_never_panic(choices in proptest::collection::vec(any::<u8>(), 40)) {
        let folder = folder();
        let path = folder.path().join("c.safetensors");
        let bytes = with_meta(&checkpoint().to_bytes().unwrap(), |meta| extreme(meta, &mut choices.into_iter()));
        fs::write(&path, bytes).unwrap();
        let _ = FoldCheckpoint::read(&path);
    }

    #[test]
    fn damaged_configurations_never_panic(changes in changes()) {
        let text = Config::default().to_toml();
        if let Ok(text) = String::from_utf8(damaged(text.as_bytes(), &changes))
            && let Ok(config) = Config::from_toml(&text)
        {
            let _ = config.check();
        }
    }

    #[test]
    fn damaged_manifests_never_panic(changes in changes()) {
        let folder = folder();
        let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/runs/trained");
        let text = fs::read(run.join("manifest.json")).unwrap();
        fs::write(folder.path().join("manifest.json"), damaged(&text, &changes)).unwrap();
        let _ = Manifest::read(folder.path());
    }
}

#[test]
fn damaged_splits_never_panic() {
    let dataset = synthetic::dataset(3, 6, 1.0);
    let spec = SplitSpec { kind: SplitKind::Trial, folds: Some(3), validation: 0.2, seed: 1 };
    let text = spec.build(&dataset).unwrap().to_json();
    let mut runner = proptest::test_runner::TestRunner::new(settings());
    let tried = runner.run(&changes(), |changes| {
        if let Ok(text) = String::from_utf8(damaged(text.as_bytes(), &changes)) {
            let _ = Split::from_json(&text, &dataset);
        }
        Ok(())
    });
    tried.unwrap();
    let tried = runner.run(&proptest::collection::vec(any::<u8>(), 200), |choices| {
        let mut value: Value = serde_json::from_str(&text).unwrap();
        extreme(&mut value, &mut choices.into_iter());
        let _ = Split::from_json(&value.to_string(), &dataset);
        Ok(())
    });
    tried.unwrap();
}
