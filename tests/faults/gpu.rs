//! The program on a machine whose GPU is missing, wrong or lost.

use crate::support::program::{Call, command, engine, folder, with_series};
use engine::backend::wgpu::Adapter;
use std::fs;

/// The program on a machine whose Vulkan knows no driver.
fn without_gpu(folder: &std::path::Path, arguments: &str) -> Call {
    Call::of(command(folder, arguments).env("VK_DRIVER_FILES", "/dev/null").output().unwrap())
}

#[test]
fn without_a_driver_nothing_runs_and_nothing_takes_its_place() {
    let folder = with_series();
    for command in ["train --data x.ts", "check", "profile"] {
        without_gpu(folder.path(), &format!("{command} --backend wgpu"))
            .ends(4, &["no GPU for the backend `wgpu`", "--backend cpu", "engine devices"]);
    }
    assert!(!folder.path().join("runs").exists(), "a run was begun");
    let call = without_gpu(folder.path(), "devices").ends(0, &[]);
    assert!(call.out.contains("\nwgpu  no GPU"), "{}", call.out);
}

#[test]
fn an_adapter_is_for_its_backend() {
    let folder = folder();
    engine(folder.path(), "check --adapter 0")
        .ends(4, &["`--adapter 0` is for the backends `cuda` and `wgpu`", "`cpu`"]);
    engine(folder.path(), "check --backend wgpu --isa portable").ends(4, &["is for the backend `cpu`"]);
    without_gpu(folder.path(), "check --backend wgpu --adapter any")
        .ends(4, &["no adapter `any`: there are none"]);
}

#[test]
fn kernels_are_printed_without_a_gpu() {
    let folder = folder();
    let call = without_gpu(folder.path(), "kernels --backend wgpu --cell lstm --hidden 64").ends(0, &[]);
    for part in [
        "algorithm `persistent`",
        "let w15 = hold(select(",
        "fn cell_forward(",
        "@workgroup_size(PARTS * UNITS)",
    ] {
        assert!(call.out.contains(part), "no {part}");
    }
    let call = without_gpu(folder.path(), "kernels --cell gru --hidden 300 --list").ends(0, &[]);
    assert!(
        call.out.contains("algorithm `per-step`") && call.out.contains("rnn_step_forward.wgsl SAVE=1"),
        "{}",
        call.out
    );
    without_gpu(folder.path(), "kernels --hidden 300 --algorithm persistent")
        .ends(2, &["does not fit the algorithm `persistent`"]);
    without_gpu(folder.path(), "kernels --backend cpu").ends(2, &["src/backend/cpu/"]);
    let call = without_gpu(folder.path(), "kernels --every --list --save saved").ends(0, &[]);
    let names: Vec<&str> =
        call.out.lines().skip(1).map(|line| line.rsplit_once("  ").unwrap().1.trim()).collect();
    assert_eq!(fs::read_dir(folder.path().join("saved")).unwrap().count(), names.len());
    for name in names {
        let path = folder.path().join(format!("saved/{}.wgsl", name.replace(' ', "-")));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(&format!("// {name}\n")) && text.contains("fn main("), "{name}");
    }
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn a_run_on_a_gpu_is_named_and_moves_only_if_told_to() {
    let folder = with_series();
    let device = Adapter::choose(None).unwrap();
    let train = "train --data x.ts --hidden 4 --epochs 2 --validation 0 --name gpu";
    engine(folder.path(), &format!("{train} --backend wgpu")).ends(0, &["is a software adapter"]);
    let manifest =
        |run: &str| fs::read_to_string(folder.path().join("runs").join(run).join("manifest.json")).unwrap();
    assert!(manifest("gpu").contains(device.name()), "{}", manifest("gpu"));
    engine(folder.path(), "evaluate runs/gpu").ends(0, &[]);
    // Its networks go where there is no GPU.
    without_gpu(folder.path(), "evaluate runs/gpu").ends(4, &["no GPU"]);
    without_gpu(folder.path(), "evaluate runs/gpu --backend cpu").ends(0, &[]);
    let resume = "train --resume runs/gpu --epochs 3";
    engine(folder.path(), &format!("{resume} --backend cpu"))
        .ends(2, &[device.name(), "--resume RUN --other-device`", "--backend wgpu"]);
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn a_run_in_f16_says_so_and_goes_on_in_nothing_else() {
    let folder = with_series();
    let train = "train --data x.ts --hidden 4 --epochs 2 --validation 0 --backend wgpu";
    for precision in ["f16", "fp32"] {
        engine(folder.path(), &format!("{train} --precision {precision} --name {precision}")).ends(0, &[]);
    }
    let text =
        |run: &str, file: &str| fs::read_to_string(folder.path().join("runs").join(run).join(file)).unwrap();
    let device = |run: &str| {
        let manifest: serde_json::Value = serde_json::from_str(&text(run, "manifest.json")).unwrap();
        manifest["device"].as_str().unwrap().to_string()
    };
    assert_eq!(device("f16"), format!("{}, f16", device("fp32")));
    assert_ne!(text("f16", "predictions.csv"), text("fp32", "predictions.csv"));
    engine(folder.path(), "train --resume runs/f16 --precision fp32 --epochs 3")
        .ends(2, &["rounds differently", "`--backend wgpu`, `--adapter` and `--precision`"]);
    // Its networks are those of any other run.
    engine(folder.path(), "evaluate runs/f16 --backend cpu").ends(0, &[]);
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn an_adapter_that_is_not_there_is_told_with_those_that_are() {
    let folder = folder();
    let there = Adapter::choose(None).unwrap();
    for wanted in ["9", "nothing-like-it"] {
        engine(folder.path(), &format!("check --backend wgpu --adapter {wanted}"))
            .ends(4, &[&format!("no adapter `{wanted}`"), there.name()]);
    }
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn a_layer_that_the_device_cannot_bind_ends_the_run_before_it_begins() {
    let folder = with_series();
    let call = engine(folder.path(), "train --data x.ts --backend wgpu --hidden 16384 --validation 0");
    call.ends(5, &["one layer takes", "bytes, and this device binds", "`--hidden`"]);
    assert!(!folder.path().join("runs").exists(), "no run folder is left");
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn a_number_that_is_not_finite_is_named_although_it_is_read_late() {
    let folder = with_series();
    let train = "train --data x.ts --backend wgpu --hidden 4 --validation 0 --epochs 9 --clip inf --lr";
    engine(folder.path(), &format!("{train} 1e30")).ends(6, &["first tensor that is not finite", "--lr"]);
}
