//! Runs that were scored and have no line in the ledger: those of versions before it, and those that were
//! copied here.

use super::look::{Look, name, uncounted};
use super::trials::Trials;
use crate::error::{Error, Result};
use crate::metrics::Names;
use crate::run::{Manifest, Predictions};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The looks of the runs in `folder` that are not in `known`, the oldest run first; and the runs that cannot
/// be read, in words. A look's number is the one that its scores.json states, or 0.
pub(super) fn unrecorded(folder: &Path, known: &[Look]) -> Result<(Vec<Look>, Vec<String>)> {
    let failed = |e| Error::io("list", folder, e);
    let mut last_looks: BTreeMap<&str, u64> = BTreeMap::new();
    for look in known.iter().filter(|look| look.checkpoint == BEST) {
        let last = last_looks.entry(&look.run).or_insert(0);
        *last = look.unix_time.max(*last);
    }
    let mut runs: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        // Thousands of runs are not opened for each new score.
        if last_looks.get(&*name(&path)).is_some_and(|&look| began_before(&path, look)) {
            continue;
        }
        // A run without scores was not looked at.
        if path.join(SCORES).is_file() && path.join("config.toml").is_file() {
            runs.push(path);
        }
    }
    runs.sort();
    let (mut looks, mut broken) = (Vec::new(), Vec::new());
    for run in runs {
        match read(&run, known) {
            Ok(look) => looks.extend(look),
            Err(error) => {
                broken.push(format!("{} is not counted among the scores: {}", run.display(), error.message));
            }
        }
    }
    looks.sort_by_key(|look| look.begun);
    Ok((looks, broken))
}

const SCORES: &str = "scores.json";
/// The weights that a run is scored by.
const BEST: &str = "best";

/// Whether a run began before this time, by the date of its configuration. A later run that has the name of a
/// run that is known did not.
fn began_before(run: &Path, unix_time: u64) -> bool {
    let written = std::fs::metadata(run.join("config.toml")).and_then(|file| file.modified()).ok();
    let since = written.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.is_some_and(|since| since.as_secs() <= unix_time)
}

/// The look of a run; `None` if it is known.
fn read(run: &Path, known: &[Look]) -> Result<Option<Look>> {
    let manifest = Manifest::read(run)?;
    let is_its_own = |look: &Look| look.checkpoint == BEST && look.is_of(&name(run), manifest.unix_time);
    if known.iter().any(is_its_own) {
        return Ok(None);
    }
    let path = run.join(SCORES);
    let text = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
    let scores: Value =
        serde_json::from_str(&text).map_err(|e| Error::data(format!("{}: {e}", path.display())))?;
    let folds: Vec<String> = manifest.split.folds.iter().map(|fold| fold.name.clone()).collect();
    let subjects: Vec<String> =
        manifest.dataset.recordings.iter().map(|recording| recording.subject.clone()).collect();
    let names = Names { folds: &folds, subjects: &subjects, classes: &manifest.dataset.classes };
    let predictions = Predictions::read(run, names)?;
    let trials = Trials::predicted(&predictions, &manifest).expect("names of subjects are the recordings'");
    let folds: std::collections::BTreeSet<u32> = predictions.iter().map(|p| p.fold).collect();
    let score = scores["trial"]["overall"]["accuracy"].as_f64();
    let mut look = uncounted(run, &manifest, BEST, folds, trials, score);
    look.number = scores["looks"]["number"].as_u64().unwrap_or(0) as usize;
    Ok(Some(look))
}
