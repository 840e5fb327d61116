//! The programs of examples/, run as parts of this one.

#![allow(dead_code, reason = "a main that reads arguments is not called")]

#[path = "../examples/all_folds_at_once.rs"]
mod all_folds_at_once;
#[path = "../examples/layer.rs"]
mod layer;
#[path = "../examples/own_split.rs"]
mod own_split;
#[path = "../examples/read_a_run.rs"]
mod read_a_run;
#[path = "../examples/train_on_arrays.rs"]
mod train_on_arrays;

use crate::support::program::{engine, with_series};
use std::path::Path;
use std::process::Command;

#[test]
fn examples_of_training_end_well() {
    layer::main().unwrap();
    train_on_arrays::main().unwrap();
    own_split::main().unwrap();
    all_folds_at_once::main().unwrap();
}

/// The shortest program on one's own arrays stays short.
#[test]
fn training_on_arrays_takes_25_lines() {
    let text = include_str!("../examples/train_on_arrays.rs");
    assert!(text.lines().count() <= 25, "{} lines", text.lines().count());
}

#[test]
fn a_run_is_read_in_rust_and_in_python() {
    let folder = with_series();
    engine(folder.path(), "crossval --data x.ts --hidden 3 --epochs 1 --folds 2 --name r --quiet")
        .ends(0, &[]);
    let run = folder.path().join("runs/r");
    read_a_run::read(&run).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/read_a_run.py");
    let output = Command::new("python3").arg(script).arg(&run).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for part in ["accuracy of trials 0.", " window 0 is ", "rnn.weight_ih_l0 [12, 2] mean ", "input.mean [2]"]
    {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
}
