//! What a user meets on a machine without CUDA, or with a part of it.

use super::{Call, command, engine, folder, with_series};
use engine::backend::cuda::{Gpu, gpus};
use std::path::Path;

/// The program where no library of CUDA's is found.
fn without_cuda(folder: &Path, arguments: &str) -> Call {
    Call::of(command(folder, arguments).env_remove("LD_LIBRARY_PATH").output().unwrap())
}

/// Before anything is read, and never with another backend instead.
#[test]
fn without_a_driver_cuda_is_refused_at_once() {
    if gpus().is_ok() {
        // On a machine with CUDA there is nothing to refuse; `nvidia` tests that one.
        return;
    }
    let folder = folder();
    for command in ["train --data nowhere", "crossval --data nowhere", "check", "profile"] {
        let call = without_cuda(folder.path(), &format!("{command} --backend cuda")).ends(
            4,
            &[
                "CUDA not usable: there is no NVIDIA driver here: its library libcuda.so.1 is not found",
                "--backend cpu",
            ],
        );
        assert!(call.out.is_empty() && call.err.lines().count() == 2, "{}", call.err);
    }
    assert!(!folder.path().join("runs").exists(), "a run was begun");
    let call = without_cuda(folder.path(), "devices").ends(0, &[]);
    assert!(call.out.contains("\ncuda  CUDA not usable: there is no NVIDIA driver here"), "{}", call.out);
    assert!(Gpu::choose(Some("9")).is_err());
}

#[test]
fn options_of_cuda_are_for_cuda() {
    let folder = with_series();
    for (option, name) in [
        ("--precision bf16", "`--precision bf16`"),
        ("--products cublaslt", "`--products cublaslt`"),
        ("--kernel-cache k", "`--kernel-cache k`"),
    ] {
        for command in ["check", "train --data x.ts"] {
            engine(folder.path(), &format!("{command} {option}"))
                .ends(4, &[name, "is for the backend `cuda`", "`--backend cuda`"]);
        }
    }
    engine(folder.path(), "check --backend cuda --isa portable").ends(4, &["is for the backend `cpu`"]);
}

#[test]
fn cuda_kernels_are_listed_and_printed_without_cuda() {
    let folder = folder();
    let call = without_cuda(folder.path(), "kernels --backend cuda --list").ends(0, &[]);
    for part in [
        "// lstm of 64 units, tf32, regime `solo`",
        "rnn forward, solo      lstm solo_forward.cu PRECISION=19 PADDED=64 THREADS=128",
        "weight gradient sum",
    ] {
        assert!(call.out.contains(part), "no {part} in {}", call.out);
    }
    let call = without_cuda(folder.path(), "kernels --backend cuda --cell gru --hidden 200 --precision bf16")
        .ends(0, &[]);
    for part in [
        "regime `per-step`",
        "__global__ void __launch_bounds__(THREADS) step_backward(",
        "mma.sync",
        "kept_t* gates;",
    ] {
        assert!(call.out.contains(part), "no {part}");
    }
    without_cuda(folder.path(), "kernels --backend cuda --hidden 65 --regime solo")
        .ends(2, &["65 units in tf32 does not fit the regime `solo`"]);
    without_cuda(folder.path(), "kernels --precision bf16")
        .ends(2, &["`--precision` is for the kernels of `cuda`"]);
    without_cuda(folder.path(), "kernels --backend cuda --tier registers")
        .ends(2, &["for the kernels of `wgpu`"]);
    without_cuda(folder.path(), "kernels --backend cuda --arch 90").ends(
        4,
        &["NVRTC, which compiles the kernels, is missing: no library libnvrtc.so is found", "pip install"],
    );
}

#[test]
#[ignore = "needs NVRTC; tools/test brings it"]
fn an_architecture_that_nvrtc_does_not_know_is_told() {
    let folder = folder();
    engine(folder.path(), "kernels --backend cuda --arch 42")
        .ends(4, &["does not compile for this GPU, sm_42", "sm_"]);
    let call = engine(folder.path(), "kernels --backend cuda --hidden 16 --arch 80").ends(0, &[]);
    assert!(call.out.contains("lstm solo_forward.cu PRECISION=19 PADDED=16 THREADS=32"), "{}", call.out);
}
