//! The program on a machine without CUDA, or with a part of it.

use crate::support::program::{Call, command, engine, folder, with_series};
use crate::support::stand_in;
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
    for (option, name) in
        [("--gemm cublaslt", "`--gemm cublaslt`"), ("--kernel-cache k", "`--kernel-cache k`")]
    {
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
        "// lstm of 64 units, tf32, algorithm `persistent`",
        "rnn forward, persistent          lstm rnn_persistent_forward.cu PRECISION=19 PADDED=64 ROWS=8 PAIRS=0 THREADS=128",
        "weight gradient sum",
    ] {
        assert!(call.out.contains(part), "no {part} in {}", call.out);
    }
    let call = without_cuda(folder.path(), "kernels --backend cuda --cell gru --hidden 300 --precision bf16")
        .ends(0, &[]);
    for part in [
        "algorithm `per-step`",
        "__global__ void __launch_bounds__(THREADS, BLOCKS) rnn_step_backward(",
        "mma.sync",
        "saved_t* gates;",
    ] {
        assert!(call.out.contains(part), "no {part}");
    }
    // Clusters are for the newest architectures only.
    let wide = "kernels --backend cuda --hidden 256 --precision bf16 --list";
    let call = without_cuda(folder.path(), wide).ends(0, &[]);
    for part in ["algorithm `cluster`", "rnn_cluster_backward.cu"] {
        assert!(call.out.contains(part), "no {part} in {}", call.out);
    }
    without_cuda(folder.path(), &format!("{wide} --algorithm cluster --arch 80"))
        .ends(2, &["256 units in bf16 does not fit the algorithm `cluster`", "sm_90"]);
    without_cuda(folder.path(), "kernels --backend cuda --hidden 65 --algorithm persistent")
        .ends(2, &["65 units in tf32 does not fit the algorithm `persistent`"]);
    without_cuda(folder.path(), "kernels --precision bf16")
        .ends(4, &["the backend `wgpu` has no `--precision bf16`"]);
    without_cuda(folder.path(), "kernels --backend cuda --algorithm streamed")
        .ends(2, &["64 units in tf32 does not fit the algorithm `streamed`"]);
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
    assert!(
        call.out.contains("lstm rnn_persistent_forward.cu PRECISION=19 PADDED=16 ROWS=8 PAIRS=0 THREADS=32"),
        "{}",
        call.out
    );
}

/// Programs that were compiled elsewhere stand in for a compiler; they are named, and none is made up.
#[test]
fn without_nvrtc_only_programs_that_were_kept_are_taken() {
    let folder = folder();
    let programs = folder.path().join("engine/cuda");
    std::fs::create_dir_all(&programs).unwrap();
    std::fs::write(programs.join("0123.sm_90.nvrtc-13.0.cubin"), b"torn").unwrap();
    let with = |arguments: &str| {
        let mut command = command(folder.path(), arguments);
        command.env("LD_LIBRARY_PATH", stand_in::driver());
        Call::of(command.output().unwrap())
    };
    let call = with("kernels --backend cuda --arch 90 --kernel-cache engine/cuda");
    call.ends(4, &["was not compiled before, and NVRTC is missing", "pip install"]);
    // Another architecture's programs are none of this one.
    let call = with("kernels --backend cuda --arch 80 --kernel-cache engine/cuda");
    call.ends(4, &["NVRTC, which compiles the kernels, is missing: no library libnvrtc.so is found"]);
}

#[test]
#[ignore = "needs NVRTC; tools/test brings it"]
fn a_driver_that_does_not_load_what_nvrtc_compiles_is_told() {
    let folder = folder();
    let mut command = command(folder.path(), "check --backend cuda");
    let nvrtc = std::env::var("LD_LIBRARY_PATH").unwrap();
    command
        .env("LD_LIBRARY_PATH", format!("{}:{nvrtc}", stand_in::driver().display()))
        .env("STUB_VERSION", "12040");
    Call::of(command.output().unwrap()).ends(
        4,
        &[
            "the NVIDIA driver, of CUDA 12.4, does not load what NVRTC 13.0 compiles",
            "update the driver, or `pip install nvidia-cuda-nvrtc-cu12`",
        ],
    );
}

#[test]
fn each_part_that_is_missing_or_too_old_is_named() {
    let folder = folder();
    let with = |stub: &[(&str, &str)], arguments: &str| {
        let mut command = command(folder.path(), arguments);
        command.env("LD_LIBRARY_PATH", stand_in::driver()).envs(stub.iter().copied());
        // Programs that were compiled before would stand in for NVRTC.
        command.env("XDG_CACHE_HOME", folder.path());
        Call::of(command.output().unwrap())
    };
    for (stub, parts) in [
        (
            &[("STUB_VERSION", "11080")][..],
            &["driver is too old: it is for CUDA 11.8, needed is 12.0 or later"][..],
        ),
        (&[("STUB_INIT", "100")], &["the NVIDIA driver finds no GPU"]),
        (&[("STUB_COUNT", "0")], &["the NVIDIA driver finds no GPU"]),
        (&[("STUB_INIT", "803")], &["unsupported display driver", "(CUDA_ERROR_SYSTEM_DRIVER_MISMATCH)"]),
        (&[("STUB_ARCH", "75")], &["Stub GPU is sm_75, and the kernels need sm_80 or later"]),
        (
            &[],
            &[
                "NVRTC, which compiles the kernels, is missing: no library libnvrtc.so is found",
                "pip install",
            ],
        ),
    ] {
        let call = with(stub, "check --backend cuda").ends(4, &["CUDA not usable: "]);
        let call = call.ends(4, parts);
        assert!(call.out.is_empty() && call.err.lines().count() == 2, "{}", call.err);
    }
    // A small number is a number, and not a part of a name.
    for wanted in ["third", "2"] {
        with(&[("STUB_COUNT", "2")], &format!("check --backend cuda --adapter {wanted}"))
            .ends(4, &[&format!("no adapter `{wanted}`"), "there are 0: Stub GPU, 1: Other GPU 2"]);
    }
    let call = with(&[("STUB_COUNT", "2")], "devices").ends(0, &[]);
    for part in
        ["cuda  0: Stub GPU, sm_90, driver 13.0", "cuda  1: Other GPU", "refused: CUDA not usable: NVRTC"]
    {
        assert!(call.out.contains(part), "no {part} in {}", call.out);
    }
}
