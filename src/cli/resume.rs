//! Options that a resumed run may change.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::experiment::differences;
use crate::run::{Manifest, Resume, RunFolder};
use crate::train::Schedule;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command};

/// Refuses all options of a command but these, by the names of their fields: what was begun goes on with its
/// own settings, and a word to the contrary must not be ignored.
pub fn refuse_other_options<C: Args>(matches: &ArgMatches, allowed: &[&str]) -> Result<()> {
    let command = C::augment_args(Command::new("engine"));
    let is_refused = |arg: &&Arg| {
        let id = arg.get_id().as_str();
        !allowed.contains(&id)
            && matches.try_contains_id(id).is_ok()
            && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    let name = |arg: &Arg| match arg.get_long() {
        Some(long) => format!("--{long}"),
        None => arg.get_id().to_string().to_uppercase(),
    };
    let Some(refused) = command.get_arguments().find(is_refused).map(name) else { return Ok(()) };
    let others = command.get_arguments().filter(|arg| {
        let id = arg.get_id().as_str();
        id != "resume" && allowed.contains(&id) && !arg.is_hide_set()
    });
    let others: Vec<String> = others.map(name).collect();
    Err(Error::config(format!(
        "--resume goes on with the settings of its beginning, and {refused} is another"
    ))
    .hint(format!("only {} may stand beside --resume", others.join(", "))))
}

/// Only what does not change a step already done may change on resume.
pub fn refuse_changes(before: &Config, now: &Config) -> Result<()> {
    let mut comparable = now.clone();
    // The cosine's rates depend on how many epochs there will be.
    let is_tuned = !before.tuning.tune.is_empty();
    if before.training.schedule == Schedule::Constant && !is_tuned {
        comparable.training.epochs = before.training.epochs;
    }
    allow_more_permutations(before, &mut comparable);
    // Folds that have chosen chose by trainings of that length.
    if !is_tuned {
        comparable.training.patience = before.training.patience;
    }
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
