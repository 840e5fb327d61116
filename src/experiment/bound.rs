//! The bonds between the files of a run: the origin of weights, and the files that a saved state belongs to.

use super::prepare::Experiment;
use crate::error::{Error, Result};
use crate::run::{Bound, Manifest, Origin, Resume, RunFolder, hash};
use std::collections::BTreeMap;

impl Experiment {
    /// The origin of the weights of fold `number`, from 0.
    pub(super) fn origin(&self, number: usize) -> Origin {
        let [train, validation, test] = self.split.folds()[number].hashes();
        Origin { config: self.shape_of(number), train, validation, test }
    }

    /// The files that a state of the run with these folds belongs to, before anything is logged or predicted.
    pub(super) fn bound(&self, selection: &[usize]) -> Bound {
        Bound {
            configs: vec![self.config.to_toml()],
            split: hash(self.split.to_json().as_bytes()),
            selected_folds: selection.to_vec(),
            logs: [hash(b""), hash(b"")],
            predictions: String::new(),
            checkpoints: BTreeMap::new(),
            permutations: (0, String::new()),
            tuning: None,
        }
    }

    /// Writes the configuration with which a run goes on. The state accepts both configurations in between,
    /// so that a crash loses nothing.
    pub fn reconfigure(&self, folder: &RunFolder) -> Result<()> {
        let text = self.config.to_toml();
        let mut resume = Resume::read(folder.path())?;
        if let Some(bound) = &mut resume.bound
            && !bound.configs.contains(&text)
        {
            bound.configs.push(text.clone());
            resume.write(folder)?;
        }
        folder.write("config.toml", text.as_bytes())
    }
}

/// Refuses to go on with a state that does not belong to the files beside it.
///
/// # Errors
/// [`ErrorKind::Data`](crate::ErrorKind::Data), which names the file and the differences.
pub fn check_bound(folder: &RunFolder, resume: &Resume) -> Result<()> {
    let manifest = Manifest::read(folder.path())?;
    manifest.check_files(folder.path(), &manifest.files.keys().map(String::as_str).collect::<Vec<_>>())?;
    let Some(bound) = &resume.bound else { return Ok(()) };
    let refused = |name: &str, what: String| {
        let path = folder.file(name);
        Err(Error::data(format!("{} does not belong to the saved state: {what}", path.display()))
            .hint("put the run's own files back, or start a new run"))
    };
    let config = folder.read("config.toml")?;
    if !bound.configs.contains(&config) {
        let own = bound.configs.last().map_or("", String::as_str);
        return refused("config.toml", differences(own, &config).join("; "));
    }
    let split = hash(folder.read("split.json")?.as_bytes());
    if split != bound.split {
        return refused(
            "split.json",
            format!("its blake3 hash is {split}, and the state has {}", bound.split),
        );
    }
    if manifest.selected_folds != bound.selected_folds {
        let what = format!(
            "it selects the folds {:?}, counted from 0, and the state has {:?}",
            manifest.selected_folds, bound.selected_folds
        );
        return refused(Manifest::FILE, what);
    }
    Ok(())
}

/// The settings of a configuration that another one has not: `learning_rate = 0.1 (was 0.001)`.
pub fn differences(before: &str, now: &str) -> Vec<String> {
    let key = |line: &str| line.split(" = ").next().unwrap_or(line).to_string();
    let value = |text: &str, name: &str| {
        let line = text.lines().find(|line| key(line) == name)?;
        Some(line.split_once(" = ").map_or(line, |(_, value)| value).to_string())
    };
    let absent = || "absent".to_string();
    let changed = now.lines().filter(|line| !before.lines().any(|other| other == *line)).map(|line| {
        let was = value(before, &key(line)).unwrap_or_else(absent);
        format!("{line} (was {was})")
    });
    let gone = before.lines().filter(|line| value(now, &key(line)).is_none());
    changed.chain(gone.map(|line| format!("{} absent (was {line})", key(line)))).collect()
}
