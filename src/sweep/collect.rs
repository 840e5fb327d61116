//! The results of a sweep, put together: a row for each combination of the grid, over its seeds.

use super::folder::{State, Sweep};
use super::member::{Member, members};
use super::prepared::have_same_frames;
use crate::error::{Error, Result};
use crate::metrics::best_of::BestOf;
use crate::metrics::interval::{Summary, mean, variance};
use crate::metrics::table::{Cell, Row};
use crate::metrics::{ScoreTable, Scores, Verdict, text};
use crate::progress::Progress;
use crate::run::looks::Trials;
use crate::shell::quoted;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The results.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Collection {
    /// The name of the sweep's folder.
    pub name: String,
    /// The names of the grid's options.
    pub options: Vec<String>,
    /// Combinations in the order of the grid.
    pub settings: Vec<Setting>,
    /// The tasks that have no scores, by name.
    pub missing: Vec<String>,
    /// Whether a run's split leaks.
    pub leaky: bool,
    /// The score that chance alone gives the best of the runs on the same trials, without those that leak.
    pub chance: Vec<Chance>,
    /// Where folds are tasks: the predictions of each cross-validation as CSV, by the name of its first task.
    #[serde(skip)]
    pub joined: Vec<(String, Vec<u8>)>,
}

/// A combination of the grid.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// In words.
    pub name: String,
    /// The value of each option.
    pub values: Vec<String>,
    /// The run folders below the sweep's, for each seed: one, or one of each fold.
    pub runs: Vec<Vec<String>>,
    /// The seeds of the runs.
    pub seeds: Vec<u64>,
    /// The mean over subjects of the accuracy of trials, for each seed.
    pub by_seed: Vec<f64>,
    /// The spread of `by_seed`: another seed gives another score. `None` for one seed.
    pub seed_sd: Option<f64>,
    /// Over subjects, each with its mean over the seeds: what another group of people would give.
    pub accuracy: Summary,
    /// The accuracy of the most frequent class of the training part, over subjects as that of the network;
    /// for each seed.
    pub baselines: Vec<Option<f64>>,
    /// Its mean over the seeds.
    pub baseline: Option<f64>,
    /// Whether the split leaks.
    pub leaky: bool,
    /// The devices of the runs, for each seed: each once, in the order of the runs.
    pub devices: Vec<Vec<String>>,
}

/// Runs that were scored on the same trials.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chance {
    /// The rule of the labels.
    pub labels: String,
    /// The best of so many guesses.
    pub best_of: BestOf,
}

/// Options by which a setting chooses its device.
const OF_THE_DEVICE: [&str; 5] = ["backend", "isa", "adapter", "precision", "gemm"];

impl Collection {
    /// Reads every run of a sweep, and puts folds that are tasks together, for which their data are read
    /// again. `partial` allows tasks without scores.
    ///
    /// # Errors
    ///
    /// If a task has no scores; for a folder that belongs to no task; for a run that is not of its task; and
    /// those of [`Record::results`](crate::experiment::Record::results).
    pub fn read(sweep: &Sweep, partial: bool, progress: &dyn Progress) -> Result<Self> {
        sweep.check_runs()?;
        let (done, mut missing) = members(sweep, partial, progress)?;
        check_data(&done)?;
        if done.is_empty() || !(missing.is_empty() || partial) {
            let listed: Vec<String> =
                missing.iter().take(5).map(|(name, state)| format!("{name} {}", state.word())).collect();
            let more = if missing.len() > listed.len() { ", ..." } else { "" };
            let path = quoted(&sweep.path().to_string_lossy());
            let has_failed = missing.iter().any(|(_, state)| matches!(state, State::Failed(_)));
            let (next, has_own_gpu) = sweep.next(has_failed);
            let reminder = if has_own_gpu { "; say `adapter` again if it was said before" } else { "" };
            return Err(Error::data(format!(
                "{} of {} tasks have scores; not: {}{more}",
                sweep.tasks.len() - missing.len(),
                sweep.tasks.len(),
                listed.join(", ")
            ))
            .hint(format!(
                "go on with `{next}`{reminder}; or collect what is there with `engine sweep collect {path} --partial`"
            )));
        }
        // The seeds of a combination follow one another.
        let settings = done.chunk_by(|a, b| a.task.options == b.task.options);
        let mut kept = Vec::new();
        for members in settings {
            match Setting::of(members) {
                Ok(setting) => kept.push(setting),
                Err(error) if partial => {
                    progress.warn(&error.message);
                    missing.extend(
                        members.iter().map(|m| (m.task.name(), State::Failed(error.message.clone()))),
                    );
                }
                Err(error) => return Err(error),
            }
        }
        let settings = kept;
        Ok(Collection {
            name: sweep.path().file_name().unwrap_or_default().to_string_lossy().into_owned(),
            options: sweep.settings.grid.iter().map(|axis| axis.option.clone()).collect(),
            leaky: settings.iter().any(|setting| setting.leaky),
            settings,
            missing: missing.into_iter().map(|(name, _)| name).collect(),
            chance: chance(&done),
            joined: done
                .into_iter()
                .filter_map(|member| Some((member.task.name(), member.joined?)))
                .collect(),
        })
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        let mut parts = vec![text::table(&self.table())];
        parts.extend(self.notes().iter().map(|note| text::wrapped(note)));
        parts.join("\n\n")
    }

    /// A row for each combination.
    pub(super) fn table(&self) -> ScoreTable {
        let row = |setting: &Setting| {
            let cells = [
                Cell::Score(setting.accuracy.mean),
                Cell::Interval(setting.accuracy.interval),
                Cell::Score(setting.seed_sd),
                Cell::Count(setting.seeds.len() as u64),
                Cell::Score(setting.baseline),
            ];
            Row::new(setting.name.clone(), cells)
        };
        let header = ["setting", "accuracy", "95 % interval", "SD of seeds", "seeds", "majority"];
        ScoreTable::new("Accuracy of trials", &header, self.settings.iter().map(row).collect())
    }

    /// The paragraphs below the table.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.missing.is_empty() {
            notes.push(format!(
                "PARTIAL: {} tasks have no scores and are not in the table: {}.",
                self.missing.len(),
                self.missing.join(", ")
            ));
        }
        if self.leaky {
            notes.push(
                "LEAKY: test windows are close to training windows. The scores measure how well trials are recognized.".into(),
            );
        }
        notes.push(
            "Accuracy is the mean over subjects, each with its mean over the seeds; its interval is that of other people, not of \
             other seeds. The spread of seeds stands beside it."
                .into(),
        );
        for setting in &self.settings {
            let devices: BTreeSet<&str> = setting.devices.iter().flatten().map(String::as_str).collect();
            if devices.len() > 1 {
                notes.push(format!(
                    "{}: its runs were made on {} devices, which round differently: {}. The manifest of each run names its own.",
                    setting.name,
                    devices.len(),
                    devices.into_iter().collect::<Vec<_>>().join("; ")
                ));
            }
        }
        notes.extend(self.unasked_devices());
        for Chance { labels, best_of } in &self.chance {
            notes.push(format!("Labels: {labels}. {}", best_of.sentence()));
        }
        if self.settings.len() > 1 {
            notes.push(
                "Whoever reports the best row has chosen it on the test trials: its accuracy is too high. Name the number of \
                 settings with it."
                    .into(),
            );
        }
        notes
    }

    /// A note where settings that ask for the same device were made on different ones: a part of their
    /// difference is that of the devices.
    fn unasked_devices(&self) -> Vec<String> {
        let mut by_asked: BTreeMap<Vec<&str>, BTreeMap<BTreeSet<&str>, Vec<&str>>> = BTreeMap::new();
        for setting in &self.settings {
            let options = self.options.iter().zip(&setting.values);
            let of_device = options.filter(|(option, _)| OF_THE_DEVICE.contains(&option.as_str()));
            let asked = of_device.map(|(_, value)| value.as_str()).collect();
            let found = setting.devices.iter().flatten().map(String::as_str).collect();
            by_asked.entry(asked).or_default().entry(found).or_default().push(&setting.name);
        }
        let several = by_asked.into_values().filter(|by_devices| by_devices.len() > 1);
        let note = |by_devices: BTreeMap<BTreeSet<&str>, Vec<&str>>| {
            let parts = by_devices.into_iter().map(|(devices, settings)| {
                let devices = devices.into_iter().collect::<Vec<_>>().join(" and ");
                format!("{} on {devices}", settings.join(", "))
            });
            let parts = parts.collect::<Vec<_>>().join("; ");
            format!(
                "Settings that did not choose their device were made on different ones, which round differently: {parts}."
            )
        };
        several.map(note).collect()
    }

    /// As CSV: a row for each cross-validation.
    ///
    /// # Errors
    ///
    /// If a row cannot be written.
    pub fn csv(&self) -> Result<Vec<u8>> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let failed = |e: csv::Error| Error::data(format!("sweep: {e}")).caused_by(e);
        let mut header = vec!["run".to_string()];
        header.extend(self.options.iter().cloned());
        header.extend(["seed", "accuracy", "majority", "leaky", "devices"].map(String::from));
        csv.write_record(&header).map_err(failed)?;
        for setting in &self.settings {
            let of_seeds = setting
                .runs
                .iter()
                .zip(&setting.seeds)
                .zip(&setting.by_seed)
                .zip(&setting.devices)
                .enumerate();
            for (i, (((runs, seed), accuracy), devices)) in of_seeds {
                let mut row = vec![runs.join(" ")];
                row.extend(setting.values.iter().cloned());
                let baseline = setting.baselines[i].map_or(String::new(), |share| share.to_string());
                row.extend([seed.to_string(), accuracy.to_string(), baseline, setting.leaky.to_string()]);
                row.push(devices.join("; "));
                csv.write_record(&row).map_err(failed)?;
            }
        }
        csv.into_inner().map_err(|e| Error::data(format!("sweep: {e}")))
    }
}

impl Setting {
    fn of(members: &[Member]) -> Result<Self> {
        let Member { task: first, scores, .. } = &members[0];
        let subjects = |scores: &Scores| -> Vec<(String, f64)> {
            let rows = scores.trial.by_subject.rows.iter();
            rows.filter_map(|row| Some((row.name.clone(), row.accuracy?))).collect()
        };
        let all: Vec<Vec<(String, f64)>> = members.iter().map(|member| subjects(&member.scores)).collect();
        let names = |subjects: &Vec<(String, f64)>| -> Vec<String> {
            subjects.iter().map(|(name, _)| name.clone()).collect()
        };
        if let Some(i) = (1..all.len()).find(|&i| names(&all[i]) != names(&all[0])) {
            return Err(Error::data(format!(
                "{} and {} test other subjects: no mean over their seeds is possible",
                members[i].task.name(),
                first.name()
            )));
        }
        let over_seeds: Vec<f64> = (0..all[0].len())
            .filter_map(|subject| mean(&all.iter().map(|run| run[subject].1).collect::<Vec<_>>()))
            .collect();
        let of_run = |run: &Vec<(String, f64)>| mean(&run.iter().map(|(_, a)| *a).collect::<Vec<_>>());
        let by_seed: Vec<f64> = all.iter().filter_map(of_run).collect();
        let summary = Summary::of(&over_seeds, scores.trial.confusion.counts().concat().iter().sum());
        // People who share new stimuli are not independent.
        let shares_stimuli = members[0].record.manifest.split.kind.keeps_stimuli_apart();
        let majority = |member: &Member| member.scores.verdict.as_ref().and_then(Verdict::majority);
        let baselines: Vec<Option<f64>> = members.iter().map(majority).collect();
        Ok(Setting {
            name: first.setting(),
            values: first.options.iter().map(|(_, value)| value.clone()).collect(),
            runs: members.iter().map(|member| member.runs.clone()).collect(),
            seeds: members.iter().map(|member| member.task.seed).collect(),
            seed_sd: variance(&by_seed).map(f64::sqrt),
            by_seed,
            accuracy: Summary { interval: summary.interval.filter(|_| !shares_stimuli), ..summary },
            baseline: mean(&baselines.iter().copied().flatten().collect::<Vec<f64>>()),
            baselines,
            leaky: members.iter().any(Member::is_leaky),
            devices: members.iter().map(|m| m.devices.iter().map(ToString::to_string).collect()).collect(),
        })
    }
}

/// Refuses runs of other data where their tasks ask for the same: nobody could say which the scores are of.
fn check_data(done: &[Member]) -> Result<()> {
    let mut asked: Vec<&Member> = Vec::new();
    for member in done {
        let is_same = |other: &&&Member| {
            let (a, b) = (&member.task.config, &other.task.config);
            have_same_frames(a, b) && a.labels == b.labels
        };
        let hash = |member: &Member| member.record.manifest.dataset.blake3.clone();
        match asked.iter().find(is_same) {
            None => asked.push(member),
            Some(other) if hash(other) == hash(member) => {}
            Some(other) => {
                return Err(Error::data(format!(
                    "{} was trained on other data than {}: their blake3 hashes are {} and {}",
                    member.task.name(),
                    other.task.name(),
                    hash(member),
                    hash(other)
                ))
                .hint("the files changed between the tasks: move the runs of the old ones away, and run their tasks again"));
            }
        }
    }
    Ok(())
}

/// The best of all runs that predict the same labels of the same trials. Runs that leak are no guesses.
fn chance(done: &[Member]) -> Vec<Chance> {
    let mut groups: BTreeMap<(&str, &Trials), (usize, f64)> = BTreeMap::new();
    for member in done.iter().filter(|member| !member.is_leaky()) {
        let guess = member.scores.verdict.as_ref().and_then(Verdict::chance);
        let Some((trials, guess)) = member.trials.as_ref().zip(guess) else { continue };
        let group = groups.entry((&member.record.manifest.dataset.labels, trials)).or_insert((0, guess));
        // Their training parts may differ.
        *group = (group.0 + 1, group.1.max(guess));
    }
    let chance = |((labels, trials), (runs, guess)): ((&str, &Trials), (usize, f64))| {
        let best_of = BestOf::of(runs, trials.len(), guess).filter(|_| runs > 1)?;
        Some(Chance { labels: labels.into(), best_of })
    };
    groups.into_iter().filter_map(chance).collect()
}
