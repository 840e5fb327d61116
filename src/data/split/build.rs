//! Partition of the groups of a data set into folds.

use super::fold::Fold;
use super::kind::SplitKind;
use super::{Split, needs, sklearn};
use crate::data::sequences::{Dataset, Sequence};
use crate::error::{Error, Result};
use crate::random::{Random, Stream};
use std::collections::BTreeMap;

/// How to split.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitSpec {
    /// The groups that stay together.
    pub kind: SplitKind,
    /// The number `k` of folds. The default is one fold per subject for a split by subject, and 5 for the
    /// others.
    pub folds: Option<usize>,
    /// Share of the training groups that becomes the validation part; 0 for none.
    pub validation: f64,
    /// Seed of the partition.
    pub seed: u64,
}

impl Default for SplitSpec {
    /// The defaults of `engine train` for data that name their trials. [`default_kind`](super::default_kind)
    /// has the kind for others.
    fn default() -> Self {
        SplitSpec { kind: SplitKind::Trial, folds: None, validation: 0.2, seed: 1 }
    }
}

/// The default number of folds.
const DEFAULT_FOLDS: usize = 5;
/// The RNG counters of the partition into test parts, and of the selection of validation parts.
const TEST: u32 = 0;
const VALIDATION: u32 = 1;

type Key = (u32, u32);

impl SplitSpec {
    /// Partitions the groups of `dataset` into folds, and audits them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) or [`ErrorKind::Data`](crate::ErrorKind::Data) if the
    /// data have too few groups, and those of [`Split::new`].
    pub fn build(&self, dataset: &Dataset) -> Result<Split> {
        let all: Vec<u32> = (0..dataset.sequences.len() as u32).collect();
        self.build_of(dataset, &all)
    }

    /// As [`SplitSpec::build`], of these sequences alone: no other is in any part of any fold.
    ///
    /// # Errors
    ///
    /// Those of [`SplitSpec::build`].
    pub fn build_of(&self, dataset: &Dataset, all: &[u32]) -> Result<Split> {
        needs::check(self.kind, &dataset.grouping)?;
        needs::check_labels(dataset)?;
        let folds = match self.kind {
            SplitKind::Window => self.k_fold(dataset, all, |i, _| (i, 0), "window", "")?,
            SplitKind::WindowHoldout => vec![self.holdout(all)?],
            SplitKind::Trial => self.k_fold(dataset, all, |_, s| (s.subject, s.trial), "trial", "")?,
            SplitKind::Stimulus => self.k_fold(dataset, all, |_, s| (s.stimulus, 0), "stimulus", "")?,
            SplitKind::Subject => self.subjects(dataset, all)?,
            SplitKind::TrialWithinSubject => {
                let mut folds = Vec::new();
                for (subject, name) in dataset.frames.subjects.iter().enumerate() {
                    let own: Vec<u32> = all
                        .iter()
                        .copied()
                        .filter(|&i| dataset.sequences[i as usize].subject == subject as u32)
                        .collect();
                    if !own.is_empty() {
                        let prefix = format!("{name} ");
                        folds.extend(self.k_fold(
                            dataset,
                            &own,
                            |_, s| (s.subject, s.trial),
                            "trial",
                            &prefix,
                        )?);
                    }
                }
                folds
            }
            SplitKind::SubjectStimulus => self.subjects_and_stimuli(dataset, all)?,
            SplitKind::Predefined => self.predefined(dataset, all)?,
            SplitKind::All => vec![self.untested(dataset, all)?],
        };
        Split::new(self.kind, folds, dataset)
    }

    /// Two calls of scikit-learn's `train_test_split`: the first takes the test and validation part together,
    /// the second divides them.
    fn holdout(&self, all: &[u32]) -> Result<Fold> {
        if self.folds.is_some() {
            return Err(Error::config("a window holdout has one fold, and the number of folds is given")
                .hint("leave `folds` out, or use `split_by = window`"));
        }
        if self.validation == 0.0 || self.validation >= 0.5 {
            return Err(Error::config(format!(
                "the validation share of a window holdout must be above 0 and below 0.5, and is {}",
                self.validation
            ))
            .hint("a window holdout takes the share `validation` of all windows for validation, and as much for the test"));
        }
        let seed = u32::try_from(self.seed).map_err(|error| {
            Error::config(format!("the seed of a window holdout must fit into 32 bits, and is {}", self.seed))
                .hint("NumPy's generator, which this split repeats, takes no larger `seed`")
                .caused_by(error)
        })?;
        let (train, rest) = sklearn::train_test_split(all, 2.0 * self.validation, seed);
        let (validation, test) = sklearn::train_test_split(&rest, 0.5, seed);
        Ok(Fold { name: "holdout".into(), train, validation, test })
    }

    /// `k` folds of whole groups among `indices`, stratified by the most frequent class of each group.
    fn k_fold(
        &self,
        dataset: &Dataset,
        indices: &[u32],
        key: fn(u32, &Sequence) -> Key,
        group: &str,
        prefix: &str,
    ) -> Result<Vec<Fold>> {
        let groups = groups(dataset, indices, key);
        let k = self.folds.unwrap_or(DEFAULT_FOLDS);
        let parts = partition(dataset, &groups, k, group, self.random(TEST, 0))?;
        (0..k)
            .map(|f| {
                let train: Vec<Key> =
                    parts.iter().enumerate().filter(|(p, _)| *p != f).flat_map(|(_, p)| p.clone()).collect();
                let (train, validation) = self.cut_validation(dataset, &groups, train, group, f)?;
                Ok(Fold {
                    name: format!("{prefix}{}", f + 1),
                    train,
                    validation,
                    test: members(&groups, &parts[f]),
                })
            })
            .collect()
    }

    fn subjects(&self, dataset: &Dataset, all: &[u32]) -> Result<Vec<Fold>> {
        let groups = groups(dataset, all, |_, s| (s.subject, 0));
        if groups.len() < 2 {
            return Err(Error::data(format!(
                "a split by subject needs 2 subjects; there is {}",
                groups.len()
            ))
            .hint("use `split_by = trial`, or add subjects"));
        }
        if self.folds.is_some() {
            return self.k_fold(dataset, all, |_, s| (s.subject, 0), "subject", "");
        }
        let keys: Vec<Key> = groups.keys().copied().collect();
        keys.iter()
            .enumerate()
            .map(|(f, &test)| {
                let train = keys.iter().copied().filter(|&key| key != test).collect();
                let (train, validation) = self.cut_validation(dataset, &groups, train, "subject", f)?;
                let name = dataset.frames.subjects[test.0 as usize].clone();
                Ok(Fold { name, train, validation, test: members(&groups, &[test]) })
            })
            .collect()
    }

    /// A grid of folds: fold (i, j) tests subjects of part i on stimuli of part j, and trains on neither.
    fn subjects_and_stimuli(&self, dataset: &Dataset, all: &[u32]) -> Result<Vec<Fold>> {
        let k = self.folds.unwrap_or(DEFAULT_FOLDS);
        let (subjects, stimuli) =
            (groups(dataset, all, |_, s| (s.subject, 0)), groups(dataset, all, |_, s| (s.stimulus, 0)));
        let people = partition(dataset, &subjects, k, "subject", self.random(TEST, 0))?;
        let videos = partition(dataset, &stimuli, k, "stimulus", self.random(TEST, 1))?;
        let both = |people: &[Key], videos: &[Key]| -> Vec<u32> {
            let inside = |s: &Sequence| people.contains(&(s.subject, 0)) && videos.contains(&(s.stimulus, 0));
            all.iter().copied().filter(|&i| inside(&dataset.sequences[i as usize])).collect()
        };
        let rest = |parts: &[Vec<Key>], part: usize| -> Vec<Key> {
            parts.iter().enumerate().filter(|(p, _)| *p != part).flat_map(|(_, keys)| keys.clone()).collect()
        };
        let mut folds = Vec::new();
        for (i, j) in (0..k).flat_map(|i| (0..k).map(move |j| (i, j))) {
            let f = folds.len();
            let (people_train, people_validation) =
                self.cut(rest(&people, i), "subject", f, dataset, &subjects)?;
            let (video_train, video_validation) =
                self.cut(rest(&videos, j), "stimulus", f, dataset, &stimuli)?;
            folds.push(Fold {
                name: format!("{} x {}", i + 1, j + 1),
                train: both(&people_train, &video_train),
                validation: both(&people_validation, &video_validation),
                test: both(&people[i], &videos[j]),
            });
        }
        Ok(folds)
    }

    fn predefined(&self, dataset: &Dataset, all: &[u32]) -> Result<Vec<Fold>> {
        let (test, rest): (Vec<u32>, Vec<u32>) =
            all.iter().partition(|&&i| dataset.sequences[i as usize].predefined_test);
        if test.is_empty() || rest.is_empty() {
            return Err(Error::config("a predefined split needs data with a TRAIN and a TEST part")
                .hint("give the TEST file as `test_file`, or choose another `split_by`"));
        }
        let groups = groups(dataset, &rest, |_, s| (s.subject, s.trial));
        let keys = groups.keys().copied().collect();
        let (train, validation) = self.cut_validation(dataset, &groups, keys, "trial", 0)?;
        Ok(vec![Fold { name: "predefined".into(), train, validation, test }])
    }

    /// One fold without a test part.
    fn untested(&self, dataset: &Dataset, all: &[u32]) -> Result<Fold> {
        if self.folds.is_some() {
            return Err(Error::config(
                "without a test part there is one fold, and the number of folds is given",
            )
            .hint("leave `folds` out, or choose another `split_by`"));
        }
        let by_trial = dataset.grouping.has_trials() || !dataset.grouping.knows_people();
        let (key, group): (fn(u32, &Sequence) -> Key, _) = match by_trial {
            true => (|_, s| (s.subject, s.trial), "trial"),
            false => (|_, s| (s.subject, 0), "subject"),
        };
        let groups = groups(dataset, all, key);
        let keys = groups.keys().copied().collect();
        let (train, validation) = self.cut_validation(dataset, &groups, keys, group, 0)?;
        Ok(Fold { name: "all".into(), train, validation, test: Vec::new() })
    }

    fn random(&self, purpose: u32, index: usize) -> Random {
        Random::new(self.seed, Stream::Split, [purpose, index as u32])
    }

    /// The sequences of the training groups, without the validation groups, and those of the validation
    /// groups.
    fn cut_validation(
        &self,
        dataset: &Dataset,
        groups: &BTreeMap<Key, Vec<u32>>,
        train: Vec<Key>,
        group: &str,
        fold: usize,
    ) -> Result<(Vec<u32>, Vec<u32>)> {
        let (train, validation) = self.cut(train, group, fold, dataset, groups)?;
        Ok((members(groups, &train), members(groups, &validation)))
    }

    /// Separates the validation groups from the training groups.
    fn cut(
        &self,
        keys: Vec<Key>,
        group: &str,
        fold: usize,
        dataset: &Dataset,
        groups: &BTreeMap<Key, Vec<u32>>,
    ) -> Result<(Vec<Key>, Vec<Key>)> {
        if self.validation == 0.0 {
            return Ok((keys, Vec::new()));
        }
        let wanted = ((keys.len() as f64 * self.validation).round() as usize).max(1);
        if wanted >= keys.len() {
            return Err(Error::config(format!(
                "the validation part would take all training data: fold {} has {} training {group}(s)",
                fold + 1,
                keys.len()
            ))
            .hint("use `validation = 0` and `patience = 0`, or larger data"));
        }
        // Evenly spaced groups of a list ordered by class: the validation part is stratified, too.
        let ordered = stratified(dataset, &keys, groups, &mut self.random(VALIDATION, fold));
        let chosen: std::collections::BTreeSet<Key> = evenly_spaced(&ordered, wanted).collect();
        Ok(keys.into_iter().partition(|key| !chosen.contains(key)))
    }
}

/// Sequences by group.
fn groups(dataset: &Dataset, indices: &[u32], key: fn(u32, &Sequence) -> Key) -> BTreeMap<Key, Vec<u32>> {
    let mut groups = BTreeMap::<Key, Vec<u32>>::new();
    for &i in indices {
        groups.entry(key(i, &dataset.sequences[i as usize])).or_default().push(i);
    }
    groups
}

fn members(groups: &BTreeMap<Key, Vec<u32>>, keys: &[Key]) -> Vec<u32> {
    let mut members: Vec<u32> = keys.iter().flat_map(|key| groups[key].iter().copied()).collect();
    members.sort_unstable();
    members
}

/// The groups in random order, sorted by class. A group with several classes counts as its most frequent one.
fn stratified(
    dataset: &Dataset,
    keys: &[Key],
    groups: &BTreeMap<Key, Vec<u32>>,
    random: &mut Random,
) -> Vec<Key> {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    random.shuffle(&mut keys);
    keys.sort_by_key(|key| {
        let mut counts = vec![0usize; dataset.class_names.len()];
        groups[key].iter().for_each(|&i| counts[dataset.sequences[i as usize].label as usize] += 1);
        counts
            .iter()
            .enumerate()
            .max_by_key(|(class, count)| (**count, usize::MAX - class))
            .map(|(class, _)| class)
    });
    keys
}

/// `count` evenly spaced keys, which include every class in proportion.
fn evenly_spaced(keys: &[Key], count: usize) -> impl Iterator<Item = Key> + '_ {
    (0..count).map(move |i| keys[i * keys.len() / count])
}

/// Partitions the groups at random into `k` stratified parts, whose sizes differ by at most one.
fn partition(
    dataset: &Dataset,
    groups: &BTreeMap<Key, Vec<u32>>,
    k: usize,
    group: &str,
    mut random: Random,
) -> Result<Vec<Vec<Key>>> {
    if k < 2 || k > groups.len() {
        return Err(Error::config(format!("{k} folds cannot be made of {} {group}(s)", groups.len()))
            .hint("choose `folds` from 2 to that number"));
    }
    let keys: Vec<Key> = groups.keys().copied().collect();
    let mut parts = vec![Vec::new(); k];
    for (i, key) in stratified(dataset, &keys, groups, &mut random).into_iter().enumerate() {
        parts[i % k].push(key);
    }
    Ok(parts)
}
