//! The settings of a sweep: its file, its options, its plan, and the script of its job array.

use super::{BASE, states, with_data};
use crate::support::program::{assert_same, engine};
use std::fs;
use std::process::Command;

#[test]
fn a_file_has_the_settings_and_options_override_it() {
    let folder = with_data();
    let path = folder.path();
    let text = "seeds = [3, 4]\n[data]\npath = \"w\"\n[split]\nsplit_by = \"subject\"\nfolds = 3\nvalidation = 0.0\n\
                [training]\nepochs = 9\npatience = 0\n[grid]\nhidden = [[3], [4, 2]]\nlr = [0.01]\n";
    fs::write(path.join("s.toml"), text).unwrap();
    engine(path, "sweep run s.toml --epochs 1 --seeds 5 --name s --quiet").ends(0, &[]);
    let runs = ["0001-3-0.01-seed-5", "0002-4-2-0.01-seed-5"];
    for name in runs {
        let config = fs::read_to_string(path.join("runs/s/runs").join(name).join("config.toml")).unwrap();
        assert!(config.contains("epochs = 1\n") && config.contains("learning_rate = 0.01"), "{config}");
    }
    // The sweep's own file makes the same sweep again.
    engine(path, "sweep run runs/s/sweep.toml --name again --quiet").ends(0, &[]);
    for name in runs {
        let place = |sweep: &str| path.join("runs").join(sweep).join("runs").join(name);
        assert_same(&place("s"), &place("again"), &["predictions.csv", "config.toml"]);
    }
}
#[test]
fn wrong_settings_are_refused_before_anything_is_made() {
    let folder = with_data();
    let path = folder.path();
    for (options, message) in [
        ("", "a sweep has a grid, or several seeds"),
        ("--grid cell", "expected an option and its values"),
        ("--grid cells=lstm,gru", "there is no option or key \"cells\""),
        ("--grid cell=lstm,lstn", "invalid value 'lstn'"),
        ("--grid cell=lstm,LSTM", "tasks 1 and 2 are the same training"),
        ("--grid cell=lstm,lstm", "lstm is there twice"),
        ("--grid seed=1,2", "a sweep sets this itself"),
        ("--seeds 1,1", "1 is there twice"),
        ("--grid batch=1,0", "the batch size must be above 0"),
        ("--grid threads=1,2", "it changes no result"),
        ("--grid folds-at-once=1,2", "it changes no result"),
        ("--grid hidden=4 --grid hidden=8", "hidden: there twice"),
        ("--grid cell=lstm,gru --cell bilstm", "--cell would have no effect"),
        ("--grid split=trial,subject", "--split would have no effect"),
        ("--seeds 1,2 --seed 3", "--seed would have no effect"),
        ("--grid allow-copies=true", "\"allow-copies\" is a switch"),
    ] {
        engine(path, &format!("sweep run {BASE} {options}")).ends(2, &[message]);
    }
    engine(path, "sweep status w").ends(2, &["w is not a sweep"]);
    assert!(!path.join("runs").exists(), "a sweep was begun");
}
#[test]
fn a_plan_names_the_combination_that_it_refuses() {
    let folder = with_data();
    let path = folder.path();
    let base = BASE.replace("--folds 3 ", "");
    engine(path, &format!("sweep plan {base} --grid folds=3,2000")).ends(2, &["folds 2000: "]);
}
#[test]
fn what_goes_on_takes_no_other_settings() {
    let folder = with_data();
    let path = folder.path();
    engine(path, &format!("sweep run {BASE} --seeds 1,2 --name s")).ends(0, &[]);
    // The values are those of the beginning or the defaults: a word to the contrary is not ignored either.
    for (option, name) in
        [("--cell lstm", "--cell"), ("--seeds 1,2", "--seeds"), ("--lr 0.001", "--lr"), ("s.toml", "FILE")]
    {
        engine(path, &format!("sweep run --resume runs/s {option}")).ends(2, &[name, "--task, --retry"]);
        engine(path, &format!("sweep submit --slurm --script-only --resume runs/s {option}"))
            .ends(2, &[name, "--array-limit"]);
    }
    engine(path, "sweep run --resume runs/s --threads 1 --quiet").ends(0, &[]);
}
#[test]
fn the_script_of_a_job_array_has_the_open_tasks() {
    let folder = with_data();
    let path = folder.path();
    engine(path, &format!("sweep run {BASE} --seeds 1,2,3,4 --name s")).ends(0, &[]);
    engine(path, "sweep submit --slurm --resume runs/s").ends(2, &["every task of the sweep has scores"]);
    fs::remove_dir_all(path.join("runs/s/runs/0003-seed-3")).unwrap();
    let call =
        "sweep submit --slurm --script-only --resume runs/s --time 00:10:00 --array-limit 2 --cpus 1 --quiet";
    let script = fs::read_to_string(engine(path, call).ends(0, &[]).out.trim()).unwrap();
    for line in [
        "#SBATCH --array=3%2",
        "#SBATCH --time=00:10:00",
        "#SBATCH --requeue",
        "#SBATCH --signal=B:USR1@60",
        "--retry --task \"$SLURM_ARRAY_TASK_ID\" --threads 1 &",
    ] {
        assert!(script.contains(line), "{line} in {script}");
    }
    // The script is what a node runs: without Slurm, for one task.
    let run = Command::new("bash")
        .arg(path.join("runs/s/slurm.sh"))
        .env("SLURM_ARRAY_TASK_ID", "3")
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(states(path, "runs/s"), ["finished"; 4]);
}
