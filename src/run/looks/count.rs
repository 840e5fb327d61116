//! Counting: finds a scoring in the ledger or adds it, and says which number it has.

use super::adopt::unrecorded;
use super::ledger::Ledger;
use super::look::{Look, uncounted};
use super::trials::Trials;
use crate::error::{Error, Result};
use crate::metrics::looks::{Partly, Tally};
use crate::metrics::{Prediction, Scores};
use crate::progress::Progress;
use crate::run::Manifest;
use std::collections::BTreeSet;
use std::path::Path;

/// Counts these scores of the weights `which` (`best` or `last`) of the run in `folder` among all scores of
/// the same test trials in the folder around it, and adds the count to them. The same weights count once,
/// however often they are scored. Where nothing can be counted, the scores say so instead.
pub fn count(
    folder: &Path,
    which: &str,
    scores: &mut Scores,
    predictions: &[Prediction],
    progress: &dyn Progress,
) {
    let counted = counted(folder, which, scores.trial.overall.accuracy, predictions, progress);
    if let Err(error) = &counted {
        progress.caution(&format!("this score is not counted: {error}"));
    }
    scores.add_looks(counted.map_err(|error| error.message));
}

fn counted(
    folder: &Path,
    which: &str,
    score: Option<f64>,
    predictions: &[Prediction],
    progress: &dyn Progress,
) -> Result<Tally> {
    let run = folder.canonicalize().map_err(|e| Error::io("open", folder, e))?;
    let parent = run.parent().ok_or_else(|| Error::data("a run folder has a folder around it"))?;
    let manifest = Manifest::read(&run)?;
    let folds: BTreeSet<u32> = predictions.iter().map(|p| p.fold).collect();
    let trials = Trials::predicted(predictions, &manifest).ok_or_else(|| {
        Error::data(format!(
            "{} does not name the recording of every prediction",
            run.join(Manifest::FILE).display()
        ))
    })?;
    let own = uncounted(&run, &manifest, which, folds, trials, score);

    let mut ledger = Ledger::open(parent)?;
    let (older, broken) = unrecorded(parent, &ledger.looks)?;
    ledger.damaged.iter().chain(&broken).for_each(|problem| progress.caution(problem));
    for look in older.into_iter().chain([own.clone()]) {
        if !ledger.looks.iter().any(|known| known.is_again(&look)) {
            let number = number(&look, &ledger.looks);
            ledger.append(Look { number, ..look })?;
        }
    }
    let own = ledger.looks.iter().find(|known| known.is_again(&own)).expect("it was just added");
    Ok(tally(own, &ledger.looks, parent))
}

/// The number of a new look. Lines may be lost, so the numbers of looks at the very same trials count, too,
/// and the one that a run was told before.
fn number(look: &Look, known: &[Look]) -> usize {
    let shared = known.iter().filter(|other| look.trials.shared(&other.trials) > 0).count();
    (highest(look, known).max(shared) + 1).max(look.number)
}

/// The highest number of a look at the same trials.
fn highest(look: &Look, known: &[Look]) -> usize {
    let same = known.iter().filter(|other| other.trials == look.trials);
    same.map(|other| other.number).max().unwrap_or(0)
}

fn tally(own: &Look, looks: &[Look], folder: &Path) -> Tally {
    let trials = own.trials.len();
    let shared = |other: &Look| own.trials.shared(&other.trials);
    let others: Vec<&Look> =
        looks.iter().filter(|&other| !other.is_again(own) && shared(other) > 0).collect();
    let parts: Vec<usize> =
        others.iter().map(|other| shared(other)).filter(|&shared| shared < trials).collect();
    let partly = parts.iter().min().zip(parts.iter().max());
    Tally {
        number: own.number,
        so_far: highest(own, looks).max(others.len() + 1),
        runs: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        trials,
        partly: partly.map(|(&fewest, &most)| Partly { scores: parts.len(), fewest, most }),
        other_labels: others.iter().filter(|other| other.labels != own.labels).count(),
    }
}
