//! Whole runs through the library.

use engine::config::Config;
use engine::experiment::{Ending, Experiment};
use engine::metrics::Scores;
use engine::progress::Silent;
use engine::run::RunFolder;
use std::sync::atomic::AtomicUsize;

/// The scores of a run of all folds, with its permutation test if the configuration asks for one.
pub fn scores(config: Config) -> Scores {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::create(folder.path(), "run").unwrap();
    let experiment = Experiment::prepare(config, &Silent).unwrap();
    let folds: Vec<usize> = (0..experiment.split.folds().len()).collect();
    experiment.check_permutations().unwrap();
    experiment.record(&run, &folds).unwrap();
    match experiment.run(&run, &folds, &AtomicUsize::new(0), &Silent, &|_, _| Ok(())).unwrap() {
        Ending::Finished(scores) => *scores,
        Ending::Unscored => panic!("the split has no test part"),
        Ending::Interrupted(signal) => panic!("nobody sent signal {signal}"),
    }
}
