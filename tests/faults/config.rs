//! Wrong flags, wrong files of flags, and flags that do not go together.

use crate::support::program::{Call, assert_same, command, engine, folder, with_series};
use engine::backend::cpu::Isa;
use std::fs;
use std::path::Path;

const SMALL: &str = "train --data x.ts --hidden 4 --epochs 2";

#[test]
fn a_wrong_configuration_file_is_reported_by_line() {
    let folder = with_series();
    let path = folder.path().join("c.toml");
    for (text, parts) in [
        (
            "[data]\npath = \"x.ts\"\n[network]\nhiden = [4]\n",
            &[
                "c.toml: ",
                "line 4, column 1",
                "one of \"conv\", \"cell\", \"hidden\"",
                "did you mean \"hidden\"?",
            ][..],
        ),
        ("[trainning]\nepochs = 1\n", &["line 1, column 2", "did you mean \"training\"?"]),
        ("[training]\nepochs = \"many\"\n", &["line 2, column 10", "expected usize"]),
        ("[network]\ncell = \"rnn\"\n", &["line 2, column 8", "rnn", "lstm"]),
        ("[training\n", &["line 1"]),
    ] {
        fs::write(&path, text).unwrap();
        engine(folder.path(), "train --config c.toml").ends(2, parts);
    }
    engine(folder.path(), "train --config nowhere.toml").ends(7, &["cannot read nowhere.toml"]);
}

#[test]
fn wrong_options_are_reported_by_quantity() {
    let folder = with_series();
    for (flags, parts) in [
        ("--hiden 4", &["--hiden", "--hidden"][..]),
        ("--cell rnn", &["rnn", "lstm"]),
        ("--epochs 0", &["the number of epochs must be above 0"]),
        ("--dropout 1", &["the dropout rate must be in [0, 1), and is 1"]),
        (
            "--epochs 3 --warmup 3.5",
            &["a warm-up of 3.5 epochs is longer than the training of 3", "--epochs"],
        ),
        ("--validation 0 --patience 3", &["early stopping needs a validation part", "--patience 0"]),
        ("--name ../x", &["\"../x\" cannot be the name of a run folder", "use letters"]),
        ("--name runs/../../x", &["cannot be the name of a run folder"]),
        ("--fold 6", &["--fold 6: the split has folds 1 to 5"]),
        ("--folds 41", &["41 folds cannot be made of 40 trial(s)", "--folds"]),
        ("--channels Fp1", &["\"Fp1\"", "ch0 ch1"]),
        ("--label valence", &["classes, not ratings", "--label class"]),
    ] {
        engine(folder.path(), &format!("train --data x.ts {flags}")).ends(2, parts);
    }
    engine(folder.path(), "check --sizes 2,3,4").ends(2, &["--sizes takes four numbers"]);
    engine(folder.path(), "check --sizes 2,3,4,0").ends(2, &["--sizes and --models must be above 0"]);
    engine(folder.path(), "check --case lstm").ends(2, &["there is no case `lstm`", "--list"]);
    assert!(!folder.path().join("runs").exists(), "a run was begun");
}

/// Neither another path instead, nor a path on a backend that has none.
#[test]
fn an_instruction_set_path_that_is_not_there_is_reported_at_once() {
    let folder = with_series();
    let missing = Isa::ALL.into_iter().find(|isa| !isa.is_available()).unwrap().name();
    engine(folder.path(), &format!("{SMALL} --name r")).ends(0, &[]);
    for command in
        ["train --data nowhere", "crossval --data nowhere", "check", "evaluate runs/r", "predict runs/r x.ts"]
    {
        let said = format!("cannot run the instruction-set path `{missing}`");
        engine(folder.path(), &format!("{command} --isa {missing}")).ends(4, &[&said, "`--isa portable`"]);
    }
    for command in ["train --data nowhere", "check"] {
        engine(folder.path(), &format!("{command} --isa portable --backend cuda"))
            .ends(4, &["`--isa portable` is for the backend `cpu`", "but the backend is `cuda`"]);
    }
    engine(folder.path(), "train --isa sse").ends(2, &["sse", "portable"]);
    engine(folder.path(), "train --other-device").ends(2, &["--resume"]);
    for command in ["check --cell gru --sizes 2,3,4,5", "evaluate runs/r", "predict runs/r x.ts"] {
        engine(folder.path(), &format!("{command} --isa portable")).ends(0, &[]);
    }
    let call = engine(folder.path(), "devices").ends(0, &[]);
    for isa in Isa::available() {
        assert!(call.out.contains(&format!("cpu {}, ", isa.name())), "{}", call.out);
    }
}

#[test]
fn a_split_file_that_leaks_is_refused() {
    let folder = with_series();
    engine(folder.path(), &format!("{SMALL} --name r")).ends(0, &[]);
    let text = fs::read_to_string(folder.path().join("runs/r/split.json")).unwrap();
    let good: serde_json::Value = serde_json::from_str(&text).unwrap();
    let first = |part: &str| good["folds"][0][part][0].clone();
    let mutated = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut split = good.clone();
        change(&mut split);
        split
    };
    let push = |part: &str, index: serde_json::Value| {
        mutated(&|split| split["folds"][0][part].as_array_mut().unwrap().push(index.clone()))
    };
    let by_subject = mutated(&|split| split["kind"] = "subject".into());
    for (split, what) in [
        (push("test", first("train")), "is in both the training and the test part"),
        (push("validation", first("train")), "is in both the training and the validation part"),
        (push("train", 40.into()), "has the sequence 40, expected an index below 40"),
        (by_subject, "a split by subject needs to know which person each window is of"),
        (mutated(&|split| split["folds"][0]["test"] = serde_json::json!([])), "the test part is empty"),
        (mutated(&|split| split["folds"][1]["name"] = "1".into()), "two folds are called 1"),
        (mutated(&|split| split["dataset"] = "0123456789abcdef".into()), "the split was made for other data"),
        (mutated(&|split| split["kund"] = 1.into()), "not a split file"),
    ] {
        fs::write(folder.path().join("s.json"), split.to_string()).unwrap();
        engine(folder.path(), &format!("{SMALL} --split-file s.json")).ends(3, &["s.json: ", what]);
    }
    fs::write(folder.path().join("s.json"), &text).unwrap();
    engine(folder.path(), &format!("{SMALL} --split-file s.json --split window"))
        .ends(2, &["s.json splits by trial, and `--split` asks for window"]);
    engine(folder.path(), &format!("{SMALL} --split-file s.json --name again")).ends(0, &[]);
    let runs = folder.path().join("runs");
    assert_same(&runs.join("r"), &runs.join("again"), &["split.json", "predictions.csv", "scores.json"]);
}

#[test]
fn a_resumed_run_lists_what_cannot_change() {
    let folder = with_series();
    engine(folder.path(), &format!("{SMALL} --name r")).ends(0, &[]);
    let call = engine(folder.path(), "train --resume runs/r --hidden 8 --lr 0.01 --epochs 5");
    let call =
        call.ends(2, &["hidden = [8] (was [4])", "learning_rate = 0.01 (was 0.001)", "start a new run"]);
    assert!(!call.err.contains("epochs = "), "{}", call.err);
    engine(folder.path(), "train --resume runs/r --config c.toml").ends(2, &["--config", "--resume"]);
    engine(folder.path(), "train --resume runs/r --fold 2").ends(2, &["--fold", "--resume"]);
    engine(folder.path(), "train --resume runs").ends(2, &["runs is not a run folder"]);
    // The fold is finished: it would keep its old number of epochs under the new one's name.
    engine(folder.path(), "train --resume runs/r --epochs 5").ends(2, &["folds of this run are finished"]);
    engine(folder.path(), "train --resume runs/r --threads 1").ends(0, &[]);
}

#[test]
fn a_network_that_cannot_be_built_is_reported_before_anything_is_read() {
    let folder = folder();
    for (flags, parts) in [
        ("--cell lstm,gru --hidden 8", &["2 cells are named for 1 recurrent layers", "--hidden"][..]),
        ("--biases 3", &["bias vectors per gate must be 1 or 2, and is 3"]),
        ("--conv 128", &["`128` is no convolution block: expected FILTERSxKERNEL"]),
        ("--conv 0x3", &["no convolution block"]),
        ("--conv 99999x3", &["at most 16384", "--conv"]),
    ] {
        engine(folder.path(), &format!("train --data nowhere {flags}")).ends(2, parts);
    }
    let sizes = "--features 3 --time-steps 8 --classes 2";
    engine(folder.path(), &format!("summary --conv 4x3,4x3 {sizes}"))
        .ends(2, &["the network needs 10 steps"]);
    engine(folder.path(), "summary --features 3").ends(2, &["--time-steps"]);
    let series = with_series();
    engine(series.path(), "train --data x.ts --conv 4x3,4x3,4x3")
        .ends(2, &["the shortest sequence has", "and the convolution blocks need 22", "`--conv`"]);
}

#[test]
fn a_stack_is_written_as_toml_and_summed_up() {
    let folder = folder();
    std::fs::write(
        folder.path().join("c.toml"),
        "[network]\nconv = [\"16x3\"]\ncell = [\"bilstm\", \"gru\"]\nhidden = [8, 4]\nbiases = 1\ndense = 6\n",
    )
    .unwrap();
    let sizes = "--features 5 --time-steps 20 --classes 3";
    let call = engine(folder.path(), &format!("summary --config c.toml {sizes}")).ends(0, &[]);
    // 16 * (5 * 3 + 1), 2 * 32 * (16 + 8 + 1), 12 * (16 + 4 + 1), 6 * 5, 3 * 7
    for part in
        ["9 x 16          256", "9 x 16        1,600", "9 x 4          252", "6           30", "total"]
    {
        assert!(call.out.contains(part), "no {part} in {}", call.out);
    }
    assert!(call.out.contains("       2,159"), "{}", call.out);
    let call = engine(folder.path(), "train --preset study-bilstm-lstm --print-config").ends(0, &[]);
    for part in
        ["conv = [\"128x3\", \"128x3\"]", "cell = [\"bilstm\", \"lstm\"]", "split_by = \"window-holdout\""]
    {
        assert!(call.out.contains(part), "no {part} in {}", call.out);
    }
}

#[test]
fn reproducing_goes_on_as_it_was_begun_or_not_at_all() {
    let folder = folder();
    engine(folder.path(), "reproduce --resume nowhere --backend wgpu")
        .ends(2, &["with the options of that time", "--dry-run"]);
    engine(folder.path(), "reproduce --resume nowhere").ends(7, &["nowhere/reproduce.toml"]);
    engine(folder.path(), "reproduce --presets other").ends(2, &["study-lstm, study-gru"]);
}

#[test]
fn words_are_read_as_people_type_them() {
    let folder = with_series();
    let config = "[network]\ncell = [\" LSTM \", \"Gru\"]\nhidden = [4, 3]\nconv = [\" 4X3 \"]\n[split]\nsplit_by = \"Window_Holdout\"\n\
                  [training]\noptimizer = \"ADAM\"\n[run]\nbackend = \"CPU\"\nisa = \" Portable\"\n[data]\nchannels = [\" CH0\"]\n";
    fs::write(folder.path().join("c.toml"), config).unwrap();
    let options = ["train", "--data", "x.ts", "--print-config"];
    let print = |more: &[&str]| {
        let mut command = command(folder.path(), "");
        Call::of(command.args(options).args(more).output().unwrap()).ends(0, &[])
    };
    let same = [
        print(&["--config", "c.toml"]),
        print(&[
            "--cell",
            "Lstm, GRU ",
            "--hidden",
            "4, 3",
            "--conv",
            " 4x3",
            "--split",
            "window holdout",
            "--optimizer",
            " Adam",
            "--backend",
            "Cpu",
            "--isa",
            "PORTABLE",
            "--channels",
            " CH0",
        ]),
    ];
    for call in &same {
        for part in [
            "cell = [\"lstm\", \"gru\"]",
            "\"4x3\"",
            "split_by = \"window-holdout\"",
            "optimizer = \"adam\"",
            "isa = \"portable\"",
        ] {
            assert!(call.out.contains(part), "no {part} in {}", call.out);
        }
    }
    let call = Call::of(
        command(folder.path(), "train --dry-run --data x.ts --channels")
            .args(["Ch0, OTHER,all "])
            .output()
            .unwrap(),
    );
    call.ends(0, &[]);
    engine(folder.path(), "train --data x.ts --channels ch00")
        .ends(2, &["no channel or modality is called \"ch00\"", "did you mean ch0?"]);
    fs::write(folder.path().join("c.toml"), "[labels]\nlabel = \"valenze\"\n").unwrap();
    engine(folder.path(), "train --config c.toml")
        .ends(2, &["line 2", "valenze", "did you mean \"valence\"?"]);
}

#[test]
fn settings_without_an_effect_are_refused_where_they_are_given() {
    let folder = with_series();
    engine(folder.path(), &format!("{SMALL} --name r")).ends(0, &[]);
    let split = "--split-file runs/r/split.json";
    for (flags, parts) in [
        (format!("{split} --folds 3"), &["`--folds` would have no effect: the split file"][..]),
        ("--demo-seed 3".into(), &["`--demo-seed` would have no effect", "--data demo"]),
        (
            "--frames raw --frame-step 1".into(),
            &["`--frame-step` would have no effect: a raw frame is one sample"],
        ),
        ("--frame-length 2".into(), &["`--frame-length` would have no effect"]),
        ("--threshold 5".into(), &["`--threshold` would have no effect: the classes are the data set's own"]),
        ("--permutation-seed 2".into(), &["`--permutation-seed` would have no effect"]),
    ] {
        engine(folder.path(), &format!("{SMALL} {flags}")).ends(2, parts);
    }
    engine(folder.path(), &format!("{SMALL} {split} --validation 0.1 --dry-run"))
        .ends(0, &["`--validation` changes no fold: the split file has validation parts"]);
    engine(folder.path(), "data inspect x.ts --tie at-least").ends(2, &["--tie would have no effect"]);
    engine(folder.path(), "reproduce --data x.ts --demo-subjects 2").ends(2, &["would have no effect"]);
    let file = "[data]\npath = \"x.ts\"\n[labels]\ntie = \"at-least\"\nthreshold = 5.0\n";
    fs::write(folder.path().join("c.toml"), file).unwrap();
    engine(folder.path(), "train --dry-run --config c.toml").ends(2, &["`--tie` would have no effect"]);
    // A value that is the default is none that anybody gave, and a run's own file repeats the run.
    fs::write(folder.path().join("c.toml"), file.replace("at-least", "above")).unwrap();
    engine(folder.path(), "train --dry-run --config c.toml").ends(0, &[]);
    engine(folder.path(), &format!("{SMALL} {split} --name s")).ends(0, &[]);
    engine(folder.path(), "train --dry-run --config runs/s/config.toml").ends(0, &[]);
    engine(folder.path(), "evaluate runs/s").ends(0, &[]);
    // Nor is the value of a preset.
    let call =
        engine(folder.path(), &format!("train --preset study-gru {split} --print-config")).ends(0, &[]);
    assert!(call.err.is_empty(), "{}", call.err);
}

#[test]
fn a_rate_that_contradicts_the_file_is_refused() {
    let folder = folder();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/npz/integers.npz");
    fs::copy(fixture, folder.path().join("x.npz")).unwrap();
    let dry = "train --data x.npz --split subject --folds 2 --validation 0 --dry-run --rate";
    engine(folder.path(), &format!("{dry} 256"))
        .ends(2, &["`--rate` is 256 Hz, and the file states 128.1 Hz"]);
    let call = engine(folder.path(), &format!("{dry} 128.1"));
    assert!(!call.err.contains("states"), "{}", call.err);
}

#[test]
fn what_would_have_no_effect_or_another_name_is_told() {
    let folder = with_series();
    for command in ["train --data x.ts", "crossval --data x.ts", "ablate --data x.ts", "reproduce"] {
        engine(folder.path(), &format!("{command} --dry-run --json")).ends(2, &["--json", "--dry-run"]);
    }
    let train = "train --data x.ts --hidden 4 --epochs 1 --quiet --name mine";
    let first = engine(folder.path(), train).ends(0, &[]);
    assert!(!first.err.contains("already"), "{}", first.err);
    engine(folder.path(), train).ends(0, &["runs/mine is there already: this goes to runs/mine-2"]);
}

/// Files of settings are UTF-8.
#[cfg(unix)]
#[test]
fn a_path_that_is_no_text_is_refused_by_its_option() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = with_series();
    let bad = OsStr::from_bytes(b"bad\xff.ts");
    std::fs::copy(folder.path().join("x.ts"), folder.path().join(bad)).unwrap();
    for (command, option) in [
        ("crossval --data", "--data"),
        ("data export --out out.npz", "--data"),
        ("crossval --runs", "--runs"),
        ("crossval --split-file", "--split-file"),
        ("crossval --from", "--from"),
        ("sweep plan --seeds 1,2 --data", "--data"),
    ] {
        let call = Call::of(self::command(folder.path(), command).arg(bad).output().unwrap());
        call.ends(2, &[option, "expected a path in UTF-8"]);
    }
}
