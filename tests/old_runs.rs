//! Files of an earlier version are still read: run folders, checkpoints and configuration files in
//! `fixtures/runs`, whose README says how each was made.

use crate::support::program::{Call, engine, folder};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/runs")
}

/// A copy of the run folder `name`, as `run` in a new folder.
fn copied(name: &str) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
            if path.is_dir() {
                copy(&path, &to)
            } else {
                fs::copy(&path, to).unwrap();
            }
        }
    }
    let folder = folder();
    copy(&fixtures().join(name), &folder.path().join("run"));
    folder
}

#[track_caller]
fn run(folder: &Path, arguments: &str) -> Call {
    engine(folder, arguments).ends(0, &[])
}

/// Every value of `old` is in `new`, but for intervals, whose method has changed.
#[track_caller]
fn assert_kept(old: &Value, new: &Value, place: &str) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old.iter().filter(|(key, _)| !key.ends_with("interval")) {
                assert_kept(value, new.get(key).unwrap_or(&Value::Null), &format!("{place}.{key}"));
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            old.iter().zip(new).for_each(|(old, new)| assert_kept(old, new, place));
        }
        _ => assert_eq!(old, new, "{place}"),
    }
}

#[test]
fn a_trained_run_is_evaluated_and_reported_with_the_scores_it_had() {
    let folder = copied("trained");
    let scores = || fs::read_to_string(folder.path().join("run/scores.json")).unwrap();
    let page = || {
        run(folder.path(), "report run");
        fs::read_to_string(folder.path().join("run/report.html")).unwrap()
    };
    let old = scores();
    let before = page();
    assert!(before.contains("bilstm") || before.contains("BiLSTM"), "the page names the network");
    assert!(before.contains("An earlier version wrote these scores, without a verdict."));
    let printed = run(folder.path(), "evaluate run --json --quiet").out;
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_kept(&json(&old), &json(&printed), "scores");
    // The evaluation adds what the earlier version did not have.
    assert_eq!(printed.trim(), scores().trim());
    assert!(json(&printed)["verdict"]["text"].is_array());
    assert_eq!(json(&printed)["scope"]["asks"], "new trials of known people, known videos");
    for part in ["on new trials (grouping not recorded)", "grouping: not recorded", "<td>not recorded</td>"] {
        assert!(before.contains(part), "{part}");
    }
    assert!(
        page().contains("the network is not shown to be better than one can be without reading a signal.")
    );
}

#[test]
fn a_stopped_run_goes_on_to_the_bytes_of_one_that_was_not() {
    let folder = copied("stopped");
    run(folder.path(), "crossval --resume run --quiet");
    let predictions = fs::read(folder.path().join("run/predictions.csv")).unwrap();
    // Of the same command, not stopped, of that version.
    let whole = fs::read_to_string(fixtures().join("stopped.blake3")).unwrap();
    assert_eq!(blake3::hash(&predictions).to_string(), whole.trim());
}

#[test]
fn a_configuration_file_means_what_it_meant() {
    let folder = folder();
    let preset = fixtures().join("preset.toml");
    let printed = run(folder.path(), &format!("train --config {} --print-config", preset.display())).out;
    // It says so under the keys of today.
    assert_eq!(printed, fs::read_to_string(preset).unwrap().replace("normalise", "normalize"));
}

#[test]
fn names_of_older_versions_are_understood_and_not_shown() {
    let folder = folder();
    let printed = |arguments: &str| run(folder.path(), arguments).out;
    for preset in ["lstm", "gru", "bilstm", "bilstm-lstm"] {
        let print = |family: &str| printed(&format!("train --preset {family}-{preset} --print-config"));
        assert_eq!(print("seed"), print("study"), "{preset}");
    }
    let old = "train --window 2 --step 1 --normalise subject --print-config";
    assert_eq!(printed(old), printed("train --window 2 --window-step 1 --normalize subject --print-config"));
    // The measured figures differ from call to call.
    printed("profile --batch 2 --time-steps 3 --features 4 --hidden 4 --warmup 0 --steps 2");
    for command in ["train", "crossval", "reproduce", "profile", "check", "kernels", "summary"] {
        let help = printed(&format!("{command} --help"));
        for old in ["seed-", "--step ", "--steps ", "normalise", "--products", "--tier", "--regime", "solo"] {
            assert!(!help.contains(old), "`{old}` in the help of {command}");
        }
    }
}

/// Every file that names its format is refused when a newer version wrote it, by both versions.
#[test]
fn files_of_a_newer_version_are_refused() {
    let newer = engine::run::FORMAT + 1;
    let parts = [format!("format version {newer}"), format!("reads versions up to {}", engine::run::FORMAT)];
    let parts = [parts[0].as_str(), parts[1].as_str(), "hint: use the version of engine that wrote it"];
    let folder = copied("trained");
    let run = folder.path().join("run");
    let path = run.join("manifest.json");
    let manifest = fs::read_to_string(&path).unwrap();
    let with_format = |text: &str| text.replacen('{', &format!("{{\"format\": {newer}, \"unknown\": [],"), 1);
    fs::write(&path, with_format(&manifest)).unwrap();
    for command in ["evaluate run", "report run", "train --resume run"] {
        engine(folder.path(), command).ends(3, &parts);
    }
    // So is one whose other fields nobody knows.
    fs::write(&path, format!("{{\"format\": {newer}}}")).unwrap();
    engine(folder.path(), "report run").ends(3, &parts);
    fs::write(&path, &manifest).unwrap();
    let status = fs::read_to_string(run.join("status.json")).unwrap();
    fs::write(run.join("status.json"), with_format(&status)).unwrap();
    assert!(engine::run::Status::read(&run).unwrap_err().to_string().contains(parts[0]));
    // The metadata of tensors: the file's first 8 bytes are the length of its header.
    for name in ["checkpoints/best/fold-01.safetensors", "resume.safetensors"] {
        let path = run.join(name);
        let bytes = fs::read(&path).unwrap();
        let length = bytes_header(&bytes);
        let header = std::str::from_utf8(&bytes[8..8 + length]).unwrap();
        let header = header.replacen("{\\\"", &format!("{{\\\"format\\\":{newer},\\\""), 1);
        let header = format!("{header}{}", " ".repeat(header.len().next_multiple_of(8) - header.len()));
        let size = (header.len() as u64).to_le_bytes();
        fs::write(&path, [&size[..], header.as_bytes(), &bytes[8 + length..]].concat()).unwrap();
    }
    engine(folder.path(), "evaluate run").ends(3, &parts);
    assert!(engine::run::Resume::read(&run).unwrap_err().to_string().contains(parts[0]));
}

/// The length of a safetensors header.
fn bytes_header(bytes: &[u8]) -> usize {
    u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize
}

#[test]
fn manifests_and_states_of_older_versions_are_read_by_their_types() {
    use engine::run::{Epochs, Manifest, MetricsLog, Status};
    let (trained, stopped) = (fixtures().join("trained"), fixtures().join("stopped"));
    let manifest = Manifest::read(&trained).unwrap();
    assert_eq!((manifest.format, manifest.dataset.recordings.len()), (0, 3));
    assert_eq!(serde_json::from_str::<Manifest>(&manifest.to_json()).unwrap(), manifest);
    assert_eq!(Status::read(&trained).unwrap(), Status::Finished);
    assert_eq!(Status::read(&stopped).unwrap(), Status::Interrupted { signal: 2 });
    assert_eq!(Epochs::read(&trained).unwrap().len(), 2);
    // Files that are read are written again with the same records.
    let folder = folder();
    let path = folder.path().join(MetricsLog::FILE);
    let mut log = MetricsLog::open(path.clone(), 0, None).unwrap();
    log.append(&MetricsLog::read(&stopped).unwrap()).unwrap();
    assert_eq!(log.sync().unwrap(), fs::metadata(&path).unwrap().len());
    assert_eq!(fs::read(path).unwrap(), fs::read(stopped.join(MetricsLog::FILE)).unwrap());
    let path = folder.path().join(Epochs::FILE);
    let mut epochs = Epochs::open(path.clone(), 0, None).unwrap();
    epochs.append(&Epochs::read(&stopped).unwrap()).unwrap();
    epochs.sync().unwrap();
    assert_eq!(Epochs::read(folder.path()).unwrap(), Epochs::read(&stopped).unwrap());
}

/// The kernels of a GPU need none to be printed.
#[cfg(all(feature = "cuda", feature = "wgpu"))]
#[test]
fn algorithms_of_older_versions_are_understood() {
    let folder = folder();
    for (backend, old, new) in [
        ("cuda", "--regime solo", "--algorithm persistent"),
        ("cuda", "--regime per-step", "--algorithm per-step"),
        ("wgpu", "--tier registers", "--algorithm persistent"),
        ("wgpu", "--tier streamed", "--algorithm streamed"),
    ] {
        let print = |option: &str| {
            run(folder.path(), &format!("kernels --backend {backend} --hidden 32 --list {option}")).out
        };
        assert_eq!(print(old), print(new));
        assert!(print(new).contains(&format!("algorithm `{}`", new.split(' ').nth(1).unwrap())));
    }
}
