//! Starting from the weights of another run, fold by fold.

use super::prepare::Experiment;
use super::saved::{checked_folds, read_folds};
use crate::error::{Error, Result};
use crate::run::{Manifest, RunFolder, SourceRun, hash};
use std::collections::BTreeMap;
use std::path::Path;

impl Experiment {
    /// Reads the weights that the training starts from, if it does from those of another run. A run that is
    /// `resumed` starts from the same as before.
    ///
    /// A fold may start only from weights of the same fold: those of another have seen its test part.
    ///
    /// # Errors
    /// [`ErrorKind::Data`](crate::ErrorKind::Data) if that run is not finished, or if its data, folds or
    /// network are others.
    pub fn read_initial(&mut self, selection: &[usize], resumed: Option<&RunFolder>) -> Result<()> {
        let Some(run) = self.config.training.from.clone() else { return Ok(()) };
        if let Some(folder) = resumed
            && Manifest::read(folder.path())?.from != self.source_run()?
        {
            return Err(Error::data(format!(
                "{} is no longer the run that this one began with",
                run.display()
            ))
            .hint("put its own files back, or start a new run"));
        }
        self.initial =
            self.weights_of(&run, selection).map_err(|e| e.at(format!("from {}", run.display())))?;
        Ok(())
    }

    fn weights_of(&self, run: &Path, selection: &[usize]) -> Result<BTreeMap<u32, Vec<f32>>> {
        let manifest = Manifest::read(run)?;
        manifest.check_sealed(run)?;
        let folds = checked_folds(run, "best", false)?;
        let selected: Vec<u32> = selection.iter().map(|&fold| fold as u32).collect();
        if let Some(missing) = selected.iter().find(|fold| !folds.contains(fold)) {
            return Err(Error::data(format!("it has not trained fold {}", missing + 1)));
        }
        let checkpoints = read_folds(run, "best", &selected)?;
        let mut weights = BTreeMap::new();
        for (&number, checkpoint) in selected.iter().zip(checkpoints) {
            let meta = &checkpoint.meta;
            let place = RunFolder::checkpoint(Path::new(""), "best", number);
            let refused = |what: String| {
                Err(Error::data(format!("{}: {what}", place.display()))
                    .hint("start from a run of the same recordings, windows, labels, folds and layers"))
            };
            if meta.dataset != self.dataset_hash {
                return refused(format!(
                    "the data have the hash {}, and its own have {}",
                    self.dataset_hash, meta.dataset
                ));
            }
            let own = self.split.folds()[number as usize].hashes();
            match &meta.origin {
                None => {
                    return refused("an older version wrote it, and nobody knows what it has seen".into());
                }
                Some(origin) if [&origin.train, &origin.validation, &origin.test] != own.each_ref() => {
                    return refused(format!(
                        "fold {} has other rows, so its weights may have seen what this run tests",
                        meta.fold
                    ));
                }
                Some(_) => {}
            }
            let shapes = |network: &crate::ops::Network| -> Vec<(String, Vec<usize>)> {
                network.parameters().into_iter().map(|p| (p.name, p.shape)).collect()
            };
            let (theirs, ours) = (shapes(&meta.network), shapes(&self.network));
            if let Some((theirs, ours)) = theirs.iter().zip(&ours).find(|(theirs, ours)| theirs != ours) {
                return refused(format!(
                    "its {} has the shape {:?}, and this network's {} has {:?}",
                    theirs.0, theirs.1, ours.0, ours.1
                ));
            }
            if theirs.len() != ours.len() {
                return refused(format!(
                    "it has {} tensors, and this network has {}",
                    theirs.len(),
                    ours.len()
                ));
            }
            weights.insert(number, checkpoint.weights);
        }
        Ok(weights)
    }

    /// The run that the training starts from, for the manifest.
    pub(super) fn source_run(&self) -> Result<Option<SourceRun>> {
        let Some(run) = &self.config.training.from else { return Ok(None) };
        let path = run.join(Manifest::FILE);
        let bytes = std::fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
        Ok(Some(SourceRun { run: run.display().to_string(), manifest: hash(&bytes) }))
    }
}
