//! The seal of a finished run: the hash of every file that the run left, in its manifest.

use super::folder::RunFolder;
use super::hash::hash;
use super::manifest::Manifest;
use super::status::Status;
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// The files of a finished run that has scores.
const OF_SCORES: [&str; 2] = ["confusion.csv", "scores.json"];
/// The files that belong to every finished run. Pages, the lock, the status and the state to resume from come
/// and go.
const FILES: [&str; 5] = ["config.toml", "split.json", "metrics.jsonl", "epochs.csv", "predictions.csv"];
/// The files that only runs with a permutation test, or with a choice of settings, have.
const OPTIONAL: [&str; 2] = ["permutations.csv", "tuning.json"];
const CHECKPOINTS: [&str; 2] = ["best", "last"];

fn hash_of_file(run: &Path, name: &str) -> Result<String> {
    let path = run.join(name);
    std::fs::read(&path).map(|bytes| hash(&bytes)).map_err(|e| Error::io("read", &path, e))
}

impl Manifest {
    /// Seals a finished run: writes the hash of each of its files into the manifest.
    ///
    /// # Errors
    /// If a file cannot be read, or the manifest cannot be written.
    pub fn seal(folder: &RunFolder) -> Result<()> {
        let mut manifest = Manifest::read(folder.path())?;
        let checkpoints = manifest.selected_folds.iter().flat_map(|&fold| {
            CHECKPOINTS.map(|which| RunFolder::checkpoint(Path::new(""), which, fold as u32))
        });
        let mut names: Vec<String> = checkpoints.map(|path| path.to_string_lossy().into_owned()).collect();
        let has_scores = manifest.split.has_test();
        names.extend(FILES.into_iter().chain(OF_SCORES.into_iter().filter(|_| has_scores)).map(String::from));
        names.extend(OPTIONAL.into_iter().filter(|name| folder.file(name).is_file()).map(String::from));
        let files: Result<BTreeMap<String, String>> =
            names.into_iter().map(|name| Ok((name.clone(), hash_of_file(folder.path(), &name)?))).collect();
        manifest.files = files?;
        manifest.write(folder)
    }

    /// Breaks the seal of a run that trains on: its files change again.
    ///
    /// # Errors
    /// If the manifest cannot be read or written.
    pub fn unseal(folder: &RunFolder) -> Result<()> {
        let mut manifest = Manifest::read(folder.path())?;
        if manifest.files.is_empty() {
            return Ok(());
        }
        manifest.files.clear();
        manifest.write(folder)
    }

    /// Refuses files of a finished run that are not as the run left them. `names` without a seal pass: the
    /// run is not finished, or of a version that had none.
    ///
    /// # Errors
    /// [`ErrorKind::Data`](crate::error::ErrorKind::Data), which names the file and both hashes, or
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if it cannot be read.
    pub fn check_files(&self, run: &Path, names: &[&str]) -> Result<()> {
        for &name in names {
            let Some(sealed) = self.files.get(name) else { continue };
            check_hash(run, name, sealed, "the manifest")?;
        }
        Ok(())
    }

    /// Refuses the results of a run that tests nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Data`](crate::error::ErrorKind::Data) with what such a run is for.
    pub fn check_scored(&self, run: &Path) -> Result<()> {
        match self.split.has_test() {
            true => Ok(()),
            false => Err(Error::data(format!(
                "{} has no scores: it was trained without a test part",
                run.display()
            ))
            .hint("predict other recordings with it: `engine predict RUN FILES`; `engine crossval` with its settings says how good such a network is")),
        }
    }

    /// Refuses the results of a run that has not finished: nothing binds them to it.
    ///
    /// # Errors
    /// [`ErrorKind::Data`](crate::error::ErrorKind::Data) with the way to finish it.
    pub fn check_sealed(&self, run: &Path) -> Result<()> {
        match self.files.is_empty() && !self.unbound {
            false => Ok(()),
            true => Err(Error::data(format!("{} is not finished, so it has no results", run.display()))
                .hint(Status::way_on(run))),
        }
    }
}

/// Refuses a file of a run that has not the expected hash.
///
/// # Errors
/// [`ErrorKind::Data`](crate::error::ErrorKind::Data), which names the file and both hashes, or says that it
/// is missing.
pub fn check_hash(run: &Path, name: &str, expected: &str, keeper: &str) -> Result<()> {
    let path = run.join(name);
    let way = "put the run's own file back; without it this run gives no number";
    if !path.exists() {
        return Err(
            Error::data(format!("{} is missing, and {keeper} has its hash", path.display())).hint(way)
        );
    }
    let found = hash_of_file(run, name)?;
    match found == expected {
        true => Ok(()),
        false => Err(Error::data(format!(
            "{} is not as the run left it: its blake3 hash is {}..., and {keeper} has {}...",
            path.display(),
            &found[..16],
            expected.get(..16).unwrap_or(expected)
        ))
        .hint(way)),
    }
}
