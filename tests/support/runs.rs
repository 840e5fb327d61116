//! Whole runs through the library.

use engine::config::Config;
use engine::experiment::{self, Ending, Experiment, Selected};
use engine::metrics::Scores;
use engine::progress::Silent;
use engine::run::RunFolder;
use std::sync::atomic::AtomicUsize;

/// The scores of a run of all folds, with its permutation test if the configuration asks for one.
pub fn scores(config: Config) -> Scores {
    scores_of(&Experiment::prepare(config, &Silent).unwrap())
}

/// As [`scores`], of an experiment that is prepared.
pub fn scores_of(experiment: &Experiment) -> Scores {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::create(folder.path(), "run").unwrap();
    let folds: Vec<usize> = (0..experiment.split.folds().len()).collect();
    experiment.check_permutations().unwrap();
    experiment.check_tuning().unwrap();
    experiment.record(&run, &folds).unwrap();
    let nobody = AtomicUsize::new(0);
    let selected = Selected { experiment, folder: &run, folds: &folds };
    match experiment::run(&[selected], &nobody, &Silent, &|_, _, _| Ok(())).unwrap() {
        Ending::Finished(mut scores) => scores.remove(0),
        Ending::Unscored => panic!("the split has no test part"),
        Ending::Interrupted(signal) => panic!("nobody sent signal {signal}"),
    }
}
