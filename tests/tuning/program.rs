//! The choice through the program: after a stop, in every output, with every command that reads a run, and
//! refused where it cannot be made.

use super::{GRID, SMALL, data, json};
use crate::support::program::{assert_same, engine, read};
use crate::support::stops::StopsWhen;
use engine::config::Config;
use engine::experiment::{self, Ending, Experiment, Selected};
use engine::run::RunFolder;
use std::fs;
use std::path::Path;

const FILES: [&str; 5] = [
    "tuning.json",
    "predictions.csv",
    "metrics.jsonl",
    "checkpoints/best/fold-01.safetensors",
    "checkpoints/last/fold-03.safetensors",
];

/// Begins the run of `whole` again, under another name, until a note of its progress begins so.
fn stopped(path: &Path, name: &str, note: &'static str) {
    let text = fs::read_to_string(path.join("runs/whole/config.toml")).unwrap();
    let mut config = Config::from_toml(&text).unwrap();
    config.data.path = path.join("w");
    let stops = StopsWhen::new(|told| told.starts_with(note));
    let experiment = Experiment::prepare(config, &stops).unwrap();
    let run = RunFolder::create(&path.join("runs"), name).unwrap();
    experiment.record(&run, &[0, 1, 2]).unwrap();
    let selected = Selected { experiment: &experiment, folder: &run, folds: &[0, 1, 2] };
    let ending = experiment::run(&[selected], &stops.signal, &stops, &|_, _, _| Ok(()));
    assert!(matches!(ending.unwrap(), Ending::Interrupted(15)), "{note}");
    assert!(!run.file("scores.json").exists());
}

#[test]
fn a_stopped_choice_goes_on_where_it_stood() {
    let folder = data();
    let path = folder.path();
    // Four inner folds of one network: each fold of the run chooses alone.
    engine(path, &format!("{SMALL} {GRID} --folds-at-once 4 --name whole")).ends(0, &[]);
    let whole = path.join("runs/whole");
    for (name, note) in
        [("first", "0 of 3 folds have chosen"), ("inner", "1 of 3 folds have chosen"), ("outer", "epoch 2")]
    {
        stopped(path, name, note);
        let run = path.join("runs").join(name);
        let chosen = |run: &Path| json(run.join("tuning.json"))["folds"].as_array().unwrap().len();
        match name {
            "first" => assert!(!run.join("tuning.json").exists()),
            "inner" => assert_eq!(chosen(&run), 1),
            _ => assert_eq!(chosen(&run), 3),
        }
        if name == "inner" {
            // As after a crash between the file and the state: the state counts one.
            fs::copy(whole.join("tuning.json"), run.join("tuning.json")).unwrap();
        }
        engine(path, &format!("crossval --resume runs/{name}")).ends(0, &[]);
        assert_same(&whole, &run, &FILES);
    }
}

#[test]
fn forged_choices_are_refused() {
    let folder = data();
    let path = folder.path();
    engine(path, &format!("{SMALL} {GRID} --folds-at-once 4 --name whole")).ends(0, &[]);
    let text = String::from_utf8(read(path.join("runs/whole/tuning.json"))).unwrap();
    stopped(path, "inner", "2 of 3 folds have chosen");
    let file = path.join("runs/inner/tuning.json");
    let own = fs::read_to_string(&file).unwrap();
    let score = own.split("\"accuracy\": ").nth(1).unwrap().split(',').next().unwrap();
    let resume = || engine(path, "crossval --resume runs/inner");
    fs::write(&file, own.replacen(&format!("\"accuracy\": {score}"), "\"accuracy\": 0.9999", 1)).unwrap();
    resume().ends(3, &["tuning.json"]);
    fs::write(&file, own.replace("hidden 3", "hidden 5")).unwrap();
    resume().ends(3, &["of other candidates than those of config.toml"]);
    fs::remove_file(&file).unwrap();
    resume().ends(3, &["tuning.json does not belong to the saved state", "blake3"]);
    fs::write(&file, own).unwrap();
    resume().ends(0, &[]);

    fs::write(path.join("runs/whole/tuning.json"), text.replacen("0.", "0.0", 1)).unwrap();
    for command in ["evaluate runs/whole", "predict runs/whole w", "crossval --resume runs/whole"] {
        engine(path, command).ends(3, &["tuning.json is not as the run left it"]);
    }
    fs::write(path.join("runs/whole/tuning.json"), text).unwrap();
    let change = engine(path, "crossval --resume runs/whole --epochs 5");
    change.ends(2, &["a resumed run cannot change", "epochs = 5"]);
    let change = engine(path, "crossval --resume runs/whole --inner-folds 3");
    change.ends(2, &["a resumed run cannot change", "inner_folds = 3"]);
}

#[test]
fn a_choice_is_in_every_output_and_every_command_reads_it() {
    let folder = data();
    let path = folder.path();
    let run = path.join("runs/t");
    let call = engine(path, &format!("{SMALL} {GRID} --name t --json")).ends(0, &[]);
    let (scores, file) = (json(run.join("scores.json")), json(run.join("tuning.json")));
    let printed: serde_json::Value = serde_json::from_str(&call.out).unwrap();
    assert_eq!(printed["tuning"], scores["tuning"]);
    for key in ["candidates", "folds", "inner_folds"] {
        assert_eq!(scores["tuning"][key], file[key]);
    }
    assert_eq!(scores["tuning"]["candidates"][1]["options"]["lr"], "3e-2");
    let manifest = json(run.join("manifest.json"));
    assert_eq!(manifest["tuning"]["candidates"][3], "hidden 4,2, lr 3e-2");
    assert!(manifest["files"]["tuning.json"].is_string(), "it is sealed");

    let page = fs::read_to_string(run.join("report.html")).unwrap();
    for part in ["id=\"tuning\"", "hidden 4,2, lr 3e-2", "chosen", "No choice saw the test part"] {
        assert!(page.contains(part), "no {part} on the page");
    }
    engine(path, "report runs/t").ends(0, &[]);
    assert_eq!(fs::read_to_string(run.join("report.html")).unwrap(), page);
    let again = engine(path, "evaluate runs/t").ends(0, &[]).out;
    for part in ["Choice inside the folds", "hidden 3, lr 1e-4", "among 4 candidates", "choice included."] {
        assert!(again.contains(part), "no {part} in: {again}");
    }
    let evaluated = engine(path, "evaluate runs/t --json").ends(0, &[]).out;
    let evaluated: serde_json::Value = serde_json::from_str(&evaluated).unwrap();
    assert_eq!((&evaluated["trial"], &evaluated["tuning"]), (&scores["trial"], &scores["tuning"]));
    engine(path, "evaluate runs/t --checkpoint last").ends(0, &[]);
    let list = engine(path, "runs").ends(0, &[]).out;
    assert!(list.contains("4 candidates"), "{list}");

    // The mean over the networks of all folds, of whatever shape, in groups of any size.
    let predict = |flags: &str| engine(path, &format!("predict runs/t w {flags}")).ends(0, &[]).out;
    assert_eq!(predict("").lines().count(), 49);
    assert_ne!(predict("--fold 1"), predict("--fold 2"));

    // The configuration alone repeats the run; a plain run can be compared with it.
    engine(path, "crossval --config runs/t/config.toml --name again").ends(0, &[]);
    assert_same(&run, &path.join("runs/again"), &["tuning.json", "predictions.csv"]);
    engine(path, &format!("{SMALL} --hidden 3 --name plain")).ends(0, &[]);
    engine(path, "compare runs/t runs/plain").ends(0, &[]);
    let plain = fs::read_to_string(path.join("runs/plain/config.toml")).unwrap();
    assert!(!plain.contains("tun") && !path.join("runs/plain/tuning.json").exists());
}

#[test]
fn a_split_that_leaks_keeps_its_marks() {
    let folder = data();
    let path = folder.path();
    let run = SMALL.replace("--split subject --folds 3", "--split window --folds 2").replace(" --quiet", "");
    let call = engine(path, &format!("{run} --tune lr=1e-3,1e-2 --name leaky"));
    let call = call.ends(0, &["LEAKS"]);
    assert!(call.out.contains("DO NOT BELIEVE THESE SCORES"), "{}", call.out);
}

#[test]
fn a_choice_that_cannot_be_made_is_refused_before_a_run() {
    let folder = data();
    let path = folder.path();
    for (flags, code, parts) in [
        ("--tune lr=1e-3,1e-4", 2, ["5 folds cannot be made of 4 subject(s)", "`--inner-folds`"]),
        ("--tune lr=1e-3,1e-4 --inner-folds 1", 2, ["`--inner-folds` is 1", "at least 2"]),
        ("--tune seed=1,2 --inner-folds 2", 2, ["tune seed", "luck"]),
        ("--tune label=valence,arousal --inner-folds 2", 2, ["tune label", "same data"]),
        ("--tune lr=1e-3,1e-4 --permutations 3", 2, ["`--tune` with `--permutations`", "repeat the choice"]),
        ("--tune lr=1e-3,1e-4 --from runs/x", 2, ["`--tune` with `--from`", "no choice"]),
        ("--tune lr=1e-3,1e-4 --lr 3", 2, ["--lr would have no effect", "--tune gives it"]),
        ("--inner-folds 3", 2, ["`--inner-folds` would have no effect", "`--tune`"]),
        ("--tune patience=1,2 --inner-folds 2 --validation 0", 2, ["tune patience 1", "validation"]),
    ] {
        engine(path, &format!("{SMALL} {flags}")).ends(code, &parts);
    }
    let one = SMALL.replace("crossval", "train").replace(" --folds 3", "");
    for flags in ["", " --all"] {
        let call = engine(path, &format!("{one} --tune lr=1e-3,1e-4{flags}").replace("--split subject", ""));
        call.ends(2, &["`--tune` belongs to a whole cross-validation", "engine crossval"]);
    }
    let rest = SMALL.strip_prefix("crossval ").unwrap();
    let sweep = engine(path, &format!("sweep plan {rest} --grid lr=1e-3,1e-4 --tune hidden=2;3"));
    sweep.ends(2, &["a sweep takes no `--tune`"]);
    let sweep = engine(path, &format!("sweep plan {rest} --grid tune=a,b"));
    sweep.ends(2, &["a sweep takes no `--tune`"]);
    let ablation = engine(path, &format!("ablate --by channel {rest} --tune hidden=2;3"));
    ablation.ends(2, &["an ablation takes no `--tune`"]);
    assert!(!path.join("runs").exists(), "a run was begun");
}

#[test]
fn the_plan_says_how_many_networks_are_trained() {
    let folder = data();
    let call = engine(folder.path(), &format!("{SMALL} {GRID} --dry-run")).ends(0, &[]);
    let plan = "tuning   4 candidates x 2 inner folds x 3 folds = 24 models";
    assert!(call.out.contains(plan) && call.out.contains("hidden=3;4,2  lr=1e-4,3e-2"), "{}", call.out);
    let run = format!("{SMALL} {GRID} --name r").replace(" --quiet", "");
    engine(folder.path(), &run).ends(0, &["choosing settings inside the folds", plan]);
}
