//! The calls that cudarc makes to CUDA's driver for graphs and small copies, with the stand-in for the driver
//! (`stand_in`). It is loaded when a process starts, so each test runs again in a child process.

use crate::support::stand_in;
use crate::support::steps::{Steps, fourteen, two_layers};
use engine::backend::cuda::{Cuda, Driver, Gpu};
use engine::backend::{Backend, DeviceChoice};
use engine::ops::{Device, Precision};
use libloading::{Library, Symbol};
use std::process::Command;

/// Set in the child process.
const VARIABLE: &str = "ENGINE_TEST_STAND_IN";

/// Runs one test of this binary again on the stand-in driver.
fn on_the_stand_in(test: &str) {
    on_the_stand_in_with(test, &[]);
}

fn on_the_stand_in_with(test: &str, variables: &[(&str, &str)]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .envs(variables.iter().copied())
        .args(["--exact", &format!("cuda::driver::{test}"), "--include-ignored", "--nocapture"])
        .env("LD_LIBRARY_PATH", stand_in::libraries())
        .env(VARIABLE, "1")
        .output()
        .expect("this binary runs again");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && text.contains("running 1 test"), "{text}");
}

/// The device of the stand-in driver, in the child process.
fn device() -> Option<Cuda<Driver>> {
    std::env::var_os(VARIABLE)?;
    Some(Cuda::new(Gpu::choose(None).unwrap().open(None).unwrap(), Precision::Tf32))
}

/// How often a function of the stand-in driver was called.
fn calls(function: &std::ffi::CStr) -> u64 {
    // SAFETY: the process has loaded this library before.
    let library = unsafe { Library::new("libcuda.so.1") }.unwrap();
    // SAFETY: stand_in/driver.cpp defines the function with this type.
    let count: Symbol<unsafe extern "C" fn(*const std::ffi::c_char) -> std::ffi::c_ulong> =
        unsafe { library.get(b"stand_in_calls") }.unwrap();
    // SAFETY: the name ends with 0.
    unsafe { count(function.as_ptr()) }
}

#[test]
fn a_training_runs_as_graphs_through_the_driver() {
    on_the_stand_in("child_graphs");
}

#[test]
#[ignore = "run again on the stand-in driver by the test above"]
fn child_graphs() {
    let (Some(cuda), Some(plain)) = (device(), device().map(Cuda::without_graphs)) else { return };
    assert!(fourteen(&cuda, &two_layers()) == fourteen(&plain, &two_layers()));
    let made = calls(c"cuGraphInstantiate");
    assert!(made >= 2 && calls(c"cuGraphLaunch") >= 6);
    // From its third time on a step is one copy and one graph, and waits for nothing.
    let mut steps = Steps::new(&cuda, &two_layers());
    (0..2).for_each(|_| steps.train().unwrap());
    for launched in 1..=6 {
        let functions = [c"cuMemcpyHtoDAsync", c"cuGraphLaunch", c"cuLaunchKernel", c"cuStreamSynchronize"];
        let before = functions.map(calls);
        steps.train().unwrap();
        let after = functions.map(calls);
        assert_eq!([0, 1, 2, 3].map(|i| after[i] - before[i]), [1, 1, 0, 0], "graph {launched}");
    }
    steps.end();
    cuda.wait().unwrap();
}

#[test]
fn small_copies_wait_only_for_a_slot_of_the_ring() {
    on_the_stand_in("child_ring");
}

/// Copies from page-locked memory wait in the stand-in until they are asked for: a slot that was written
/// again too early would show.
#[test]
#[ignore = "run again on the stand-in driver by the test above"]
fn child_ring() {
    let Some(cuda) = device() else { return };
    // Many small copies in a row, up to the largest, before one that is larger.
    let lens = [3, 1 << 18, 1, 700, 9, 64, 1 << 17, 5, 2, (1 << 18) + 1];
    let contents = |i: usize| vec![i as u32 + 1; lens[i % lens.len()]];
    let mut buffers: Vec<_> = (0..23).map(|i| cuda.zeros::<u32>(contents(i).len()).unwrap()).collect();
    let synchronizations = calls(c"cuStreamSynchronize");
    for (i, buffer) in buffers.iter_mut().enumerate() {
        cuda.write(buffer, &contents(i)).unwrap();
    }
    assert_eq!(calls(c"cuStreamSynchronize"), synchronizations);
    for (i, buffer) in buffers.iter().enumerate() {
        let mut read = vec![0; contents(i).len()];
        cuda.read(buffer, &mut read).unwrap();
        assert!(read == contents(i), "buffer {i}");
    }
}

#[test]
fn a_graph_that_loses_the_device_is_named() {
    on_the_stand_in("child_lost");
}

#[test]
#[ignore = "run again on the stand-in driver by the test above"]
fn child_lost() {
    let Some(cuda) = device() else { return };
    let mut steps = Steps::new(&cuda, &two_layers());
    (0..3).for_each(|_| steps.train().unwrap());
    // SAFETY: no other thread of this process reads the environment meanwhile.
    unsafe { std::env::set_var("STUB_LOST", "linear_forward") };
    steps.train().unwrap();
    let error = cuda.wait().unwrap_err().to_string();
    for part in
        ["CUDA_ERROR_ILLEGAL_ADDRESS", "last launched: a graph of ", "optimizer_update.cu", "--resume"]
    {
        assert!(error.contains(part), "no {part} in {error}");
    }
}

#[test]
fn blocking_launches_are_no_graphs_and_their_error_names_the_launch() {
    on_the_stand_in_with("child_blocking", &[("CUDA_LAUNCH_BLOCKING", "1")]);
}

#[test]
#[ignore = "run again on the stand-in driver by the test above"]
fn child_blocking() {
    if std::env::var_os(VARIABLE).is_none() {
        return;
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let kernel_cache = Some(folder.path().to_path_buf());
    let cuda = Cuda::open(&DeviceChoice { kernel_cache, ..DeviceChoice::default() }).unwrap();
    let mut steps = Steps::new(&cuda, &two_layers());
    (0..3).for_each(|_| steps.train().unwrap());
    assert_eq!(calls(c"cuGraphLaunch"), 0);
    // SAFETY: no other thread of this process reads the environment meanwhile.
    unsafe { std::env::set_var("STUB_LOST", "linear_forward") };
    let error = steps.train().unwrap_err().to_string();
    assert!(error.contains("in the launch of linear_forward.cu"), "{error}");
}
