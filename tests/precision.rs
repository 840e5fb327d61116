//! `--precision bf16` on the processor, through the program: recorded, refused where it cannot be, and its
//! effect on a network of `f32` shown.

use crate::support::program::{assert_same, engine, series, unlabeled, with_series};
use engine::backend::cpu::Isa;
use engine::ops::Precision;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The path is named: it runs on every machine.
const BF16: &str = "train --data x.ts --hidden 5 --epochs 3 --quiet --precision bf16 --isa portable";

#[test]
fn a_run_in_bf16_says_so_and_has_the_same_bits_on_any_number_of_threads() {
    let folder = with_series();
    let path = folder.path();
    for threads in [1, 3] {
        engine(path, &format!("{BF16} --threads {threads} --name threads-{threads}")).ends(0, &[]);
    }
    let run = |name: &str| path.join("runs").join(name);
    let files = ["predictions.csv", "checkpoints/best/fold-01.safetensors"];
    assert_same(&run("threads-1"), &run("threads-3"), &files);
    let text = fs::read(run("threads-1").join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(manifest["device"], "cpu portable, bf16");
    // Another precision is another device.
    engine(path, "train --resume runs/threads-1 --precision fp32").ends(
        2,
        &[
            "was made on `cpu portable, bf16`, and this is `cpu portable`",
            "`--precision bf16` and `--isa portable`",
        ],
    );
    engine(path, &format!("{} --precision fp32 --name fp32", BF16.replace("--precision bf16 ", "")))
        .ends(0, &[]);
    engine(path, "train --resume runs/fp32 --precision bf16").ends(
        2,
        &[
            "was made on `cpu portable`, and this is `cpu portable, bf16`",
            "`--precision fp32` and `--isa portable`",
        ],
    );
    // A run's own file has its precision, and another run's predictions are others.
    fs::write(path.join("own.toml"), "[run]\nprecision = \"bf16\"\nisa = \"portable\"\n").unwrap();
    let plain = BF16.replace("--precision bf16 --isa portable", "--config own.toml");
    engine(path, &format!("{plain} --name of-file")).ends(0, &[]);
    assert_same(&run("threads-1"), &run("of-file"), &files);
    assert_ne!(
        fs::read(run("fp32").join(files[0])).unwrap(),
        fs::read(run("of-file").join(files[0])).unwrap()
    );
    engine(path, "evaluate runs/threads-1 --quiet").ends(0, &[]);
}

#[test]
fn a_precision_that_a_backend_or_a_machine_lacks_is_refused() {
    let folder = with_series();
    for command in ["train --data nowhere", "check", "profile"] {
        let tf32 = engine(folder.path(), &format!("{command} --precision tf32"));
        tf32.ends(
            4,
            &["the backend `cpu` has no `--precision tf32`", "`--precision bf16`", "`--backend cuda`"],
        );
    }
    for (call, hints) in [
        (
            "check --backend wgpu --precision bf16",
            "use `--precision fp32` or `--precision f16`, or use `--backend cpu`",
        ),
        (
            "check --backend wgpu --precision tf32",
            "use `--precision fp32` or `--precision f16`, or use `--backend cuda`",
        ),
        ("check --precision f16", "use `--precision fp32` or `--precision bf16`, or use `--backend wgpu`"),
        ("kernels --backend cuda --precision f16", "or `--precision bf16`, or use `--backend wgpu`"),
        (
            "profile --backend cuda --predict --precision f16",
            "or `--precision bf16`, or use `--backend wgpu`",
        ),
    ] {
        let (_, precision) = call.split_once("--precision ").unwrap();
        let refused = format!("has no `--precision {precision}`");
        engine(folder.path(), call).ends(4, &[&refused, hints]);
    }
    let small = "check --precision bf16 --cell gru --sizes 2,3,4,5";
    // Where bf16 would be slower than f32 it needs a word.
    match Isa::ALL.into_iter().any(Isa::multiplies_bf16) {
        true => engine(folder.path(), small).ends(0, &[]),
        false => {
            engine(folder.path(), small).ends(4, &["no instruction that multiplies bf16", "`--isa portable`"])
        }
    };
    for isa in Isa::available() {
        let call = engine(folder.path(), &format!("{small} --isa {}", isa.name()));
        match isa.is_available_in(Precision::Bf16) {
            true => {
                let call = call.ends(0, &[]);
                assert!(call.out.contains(&format!("cpu {}, bf16 against", isa.name())), "{}", call.out);
                call
            }
            false => call.ends(4, &["its processor has no", "in bf16 it runs `--isa portable`"]),
        };
    }
}

/// The probabilities of a prediction, row by row.
fn probabilities(csv: &str) -> Vec<f64> {
    let rows = csv.lines().skip(1);
    rows.flat_map(|row| row.split(',').skip(4).map(|p| p.parse().unwrap()).collect::<Vec<f64>>()).collect()
}

#[test]
fn weights_in_bf16_move_the_probabilities_of_a_network_by_as_much_as_is_said() {
    let folder = with_series();
    let path: &Path = folder.path();
    let train = "train --data x.ts --hidden 5 --epochs 3 --quiet --all";
    engine(path, &format!("{train} --name plain")).ends(0, &[]);
    engine(path, &format!("{train} --precision bf16 --isa portable --name bf16")).ends(0, &[]);
    // As many as are compared.
    fs::write(path.join("new.ts"), unlabeled(&series(8, 2, 9))).unwrap();
    let predict = "predict runs/plain new.ts --isa portable";
    let exact = probabilities(&engine(path, predict).ends(0, &[]).out);
    let call = engine(path, &format!("{predict} --weights bf16")).ends(
        0,
        &[
            "over the first 8 windows and one network, a probability moves by at most",
            "bound",
            "predicted classes change",
        ],
    );
    let found = probabilities(&call.out);
    assert!(!exact.is_empty() && exact.len() == found.len());
    let moved = exact.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let said = call.err.split("at most ").nth(1).unwrap().split(',').next().unwrap().parse::<f64>().unwrap();
    assert!(moved > 0.0 && (moved - said).abs() <= 0.06 * said + 1e-6, "moved by {moved:e}, said {said:e}");
    engine(path, "predict runs/bf16 new.ts --weights bf16")
        .ends(2, &["--weights bf16 is for networks of fp32, and the run's `--precision` is bf16"]);
    engine(path, "predict runs/plain new.ts --weights bf16 --backend wgpu")
        .ends(2, &["--weights bf16 is for the backend `cpu`, and this is `wgpu`"]);
    engine(path, "predict runs/plain new.ts --weights bf16 --precision bf16")
        .ends(2, &["cannot be used with"]);
}
