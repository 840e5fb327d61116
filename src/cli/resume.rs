//! Options that a resumed run may change.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::experiment::differences;
use crate::run::{Manifest, Resume, RunFolder};
use crate::train::Schedule;

/// Only what does not change a step already done may change on resume.
pub fn refuse_changes(before: &Config, now: &Config) -> Result<()> {
    let mut comparable = now.clone();
    // The cosine's rates depend on how many epochs there will be.
    if before.training.schedule == Schedule::Constant {
        comparable.training.epochs = before.training.epochs;
    }
    allow_more_permutations(before, &mut comparable);
    comparable.training.patience = before.training.patience;
    comparable.run.threads = before.run.threads;
    comparable.run.save_every = before.run.save_every;
    // Recordings are known by their hashes, wherever they are.
    comparable.data.path.clone_from(&before.data.path);
    comparable.data.test_file.clone_from(&before.data.test_file);
    // The saved state knows the device of the run, so it decides whether the device may change.
    comparable.run.backend = before.run.backend;
    comparable.run.choice.clone_from(&before.run.choice);
    comparable.run.runs.clone_from(&before.run.runs);
    if comparable == *before {
        return Ok(());
    }
    let changed = differences(&before.to_toml(), &comparable.to_toml());
    Err(Error::config(format!("a resumed run cannot change: {}", changed.join("; ")))
        .hint(
            "only --data, --test, --epochs (with --schedule constant), --patience, --permutations (to more), --threads, --save-every, --kernel-cache and, with \
             --other-device, --backend, --isa, --adapter, --precision and --gemm may change; start a new run for the rest",
        ))
}

/// Permutations may be added: those that there are stay. Fewer would be a choice after a look at the p value.
fn allow_more_permutations(before: &Config, comparable: &mut Config) {
    let number = |config: &Config| config.permutation.permutations.unwrap_or(0);
    if number(before) == 0 {
        comparable.permutation = before.permutation.clone();
    } else if number(comparable) > number(before) {
        comparable.permutation.permutations = before.permutation.permutations;
    }
}

/// Epochs and patience must not change for some folds only, and finished folds stay finished.
pub fn refuse_late_changes(resume: Resume, before: &Config, now: &Config) -> Result<()> {
    let length = |config: &Config| (config.training.epochs, config.train_spec().patience);
    let stopped =
        resume.state.as_ref().is_some_and(|state| state.members.iter().any(|member| member.stopped));
    if (resume.fold_groups_done > 0 || stopped) && length(before) != length(now) {
        return Err(Error::config(
            "--epochs and --patience cannot change any more: folds of this run are finished",
        )
        .hint("start a new run"));
    }
    // An epoch that has begun counts.
    let begun = resume.state.map_or(0, |state| state.epoch + usize::from(state.position > 0));
    if now.training.epochs < begun {
        return Err(Error::config(format!(
            "--epochs {}: the run is in epoch {begun} already",
            now.training.epochs
        )));
    }
    Ok(())
}

/// The folds that a run was started with.
pub fn resumed_folds(folder: &RunFolder) -> Result<Vec<usize>> {
    Manifest::read(folder.path()).map(|manifest| manifest.selected_folds)
}
