//! The backend `cuda` on every NVIDIA GPU of the machine, against the reference.

mod intrinsics;

use crate::support::conformance::{conforms, dropout_is_exact, others, together_and_alone};
use crate::support::curves::curve_within;
use crate::support::steps::{fourteen, two_layers, with_convolution};
use engine::ErrorKind;
use engine::backend::cuda::{Cuda, Driver, Executor, Tuning, default_folder, fits, gpus};
use engine::backend::{Algorithm, Backend, Kind};
use engine::check::cases::{RnnCase, conv, rnn};
use engine::check::{AnyCase, Case, RnnPass};
use engine::ops::{Cell, Device, Gather, GatherOperands, Precision, RnnSize};

/// Every supported GPU, as a device of this precision.
fn devices(precision: Precision) -> Vec<Cuda<Driver>> {
    let gpus =
        gpus().expect("these tests need an NVIDIA GPU").into_iter().filter(|gpu| gpu.refusal().is_none());
    let devices: Vec<_> =
        gpus.map(|gpu| Cuda::new(gpu.open(default_folder().as_deref()).unwrap(), precision)).collect();
    assert!(!devices.is_empty(), "no GPU here is new enough");
    devices
}

#[test]
#[ignore = "needs an NVIDIA GPU; tools/gpu-suite runs it"]
fn every_gpu_keeps_the_bounds_of_the_whole_table() {
    for &precision in Kind::Cuda.precisions() {
        for algorithm in Algorithm::ALL {
            for device in devices(precision) {
                let has_clusters = device.executor().has_clusters();
                let runs = |case: &RnnCase| fits(algorithm, case.rnn.hidden, precision, has_clusters);
                let cases: Vec<AnyCase> = rnn::table().into_iter().filter(runs).map(AnyCase::Rnn).collect();
                let device = device.tuned(Tuning { algorithm: Some(algorithm), ..Tuning::default() });
                conforms(&device, &cases);
            }
        }
    }
}

#[test]
#[ignore = "needs an NVIDIA GPU; tools/gpu-suite runs it"]
fn convolution_blocks_keep_their_bounds_on_every_gpu() {
    for &precision in Kind::Cuda.precisions() {
        for device in devices(precision) {
            let cases: Vec<AnyCase> = conv::table().into_iter().map(AnyCase::Conv).collect();
            conforms(&device, &cases);
        }
    }
}

#[test]
#[ignore = "needs an NVIDIA GPU; tools/gpu-suite runs it"]
fn a_model_has_the_same_bits_again_and_in_a_fold_group_on_a_gpu() {
    for &precision in Kind::Cuda.precisions() {
        for device in devices(precision) {
            for case in rnn::table() {
                let tensors = case.tensors();
                let once = case.run(&device, &tensors).unwrap();
                // Saturated gates may give NaN, which does not equal itself.
                if case.scale == 1.0 {
                    assert_eq!(once, case.run(&device, &tensors).unwrap(), "{}", case.name());
                }
            }
            for case in conv::table() {
                let run = || case.run(&device, &case.tensors()).unwrap();
                assert_eq!(run(), run(), "{}", case.name());
            }
            together_and_alone(&device);
        }
    }
}

#[test]
#[ignore = "needs an NVIDIA GPU; tools/gpu-suite runs it"]
fn the_rest_of_a_training_step_keeps_its_bounds_on_a_gpu() {
    for device in devices(Precision::Fp32) {
        conforms(&device, &others());
        dropout_is_exact(&device, usize::MAX);
    }
}

#[test]
#[ignore = "needs an NVIDIA GPU; tools/gpu-suite runs it"]
fn ten_training_steps_on_an_nvidia_gpu_stay_within_their_bound() {
    for name in ["curve", "curve_last", "curve_attention"] {
        for &precision in Kind::Cuda.precisions() {
            devices(precision).iter().for_each(|device| curve_within(device, name));
        }
    }
}

#[test]
#[ignore = "needs an NVIDIA GPU; tools/gpu-suite runs it"]
fn a_training_as_graphs_has_the_bits_of_plain_launches_on_a_gpu() {
    for &precision in Kind::Cuda.precisions() {
        let plain = devices(precision).into_iter().map(Cuda::without_graphs);
        for (as_graphs, plain) in devices(precision).iter().zip(plain) {
            for network in [two_layers(), with_convolution()] {
                assert!(fourteen(as_graphs, &network) == fourteen(&plain, &network), "{}", plain.describe());
            }
        }
    }
}

/// The kernels' durations sum to at most the wall time, and they are in order.
#[test]
#[ignore = "needs an NVIDIA GPU; tools/gpu-suite runs it"]
fn events_time_the_kernels() {
    for device in devices(Precision::Tf32) {
        let case = RnnCase::new(Cell::Lstm, 2, RnnSize { batch: 32, steps: 60, input: 40, hidden: 64 });
        let mut pass = RnnPass::new(&device, &case, &case.tensors(), true).unwrap();
        pass.run(&device).unwrap();
        let timeline = device.timeline().expect("a driver of CUDA 12.8 or later");
        timeline.record(true);
        let start = timeline.now();
        pass.run(&device).unwrap();
        let wall = timeline.now() - start;
        let spans = timeline.record(false);
        assert!(spans.len() >= 5, "{} spans", spans.len());
        assert!(spans.iter().map(|span| span.duration).sum::<u64>() <= wall);
        assert!(spans.windows(2).all(|pair| pair[0].start <= pair[1].start));
    }
}

#[test]
#[ignore = "needs an NVIDIA GPU; tools/gpu-suite runs it"]
fn an_allocation_that_does_not_fit_is_an_error_and_the_gpu_stays_usable() {
    for device in devices(Precision::Fp32) {
        let error = device.zeros::<f32>(1 << 40).err().expect("4 TiB are more than there is");
        assert_eq!(error.kind, ErrorKind::Device, "{error}");
        assert!(error.to_string().contains("are free"), "{error}");
        device.zeros::<f32>(1 << 20).unwrap();
    }
}

/// Reads a frame far outside of the table. The name sorts last, because the process loses its device.
#[test]
#[ignore = "needs an NVIDIA GPU; tools/gpu-suite runs it, in a process of its own"]
fn zz_an_illegal_address_loses_the_device_and_the_error_names_the_kernel() {
    for device in devices(Precision::Fp32) {
        let frames = device.frames(&[ndarray::ArcArray2::zeros((4, 5))]).unwrap();
        let s = Gather { models: 1, batch: 1, steps: 1, features: 5, stat_steps: 1 };
        let (mut first, mut lengths) = (device.zeros::<u32>(1).unwrap(), device.zeros::<u32>(1).unwrap());
        device.write(&mut first, &[u32::MAX]).unwrap();
        device.write(&mut lengths, &[1]).unwrap();
        let stats = device.zeros(10).unwrap();
        let mut x = device.zeros(5).unwrap();
        let a =
            GatherOperands { frames: &frames, first: &first, lengths: &lengths, stats: &stats, x: &mut x };
        device.run::<Gather>(&s, a).unwrap();
        let error = device.wait().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Device);
        for part in ["gather.cu", "blocks", "--resume"] {
            assert!(error.to_string().contains(part), "no {part} in {error}");
        }
        assert_eq!(device.zeros::<f32>(1).err(), Some(error), "the same error from then on");
    }
}
