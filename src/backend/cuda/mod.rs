//! NVIDIA GPUs through CUDA. The kernels are CUDA C++ in `kernels/cuda/`; NVRTC compiles each when it is
//! first needed.
//!
//! Each operation has a file that lists its kernels, fills their arguments and launches them; `kernel`
//! assembles the source text. `session` issues the launches, those of a training step as one graph. An
//! [`Executor`] runs them. The one for GPUs is [`Driver`], with
//! `compiler`, `programs` and `cublaslt` beside it. The tests have one that compiles the same source for the
//! host and runs the same launches there, so everything above the executor is tested without a GPU. A
//! [`Recorder`] runs nothing, and [`predict`](fn@predict) tells what its launches would take.

mod address;
mod attention;
mod compiler;
mod conv;
mod cublaslt;
mod device;
mod driver;
mod dropout;
mod executor;
mod gather;
mod gemm;
mod gemm_dispatch;
mod gpu;
mod graph;
mod kernel;
mod launches;
mod linear;
mod loss;
mod memory;
mod optimizer;
mod peak;
mod pool;
mod predict;
pub mod probe;
mod programs;
mod recording;
mod replay;
mod ring;
mod rnn;
mod session;
mod shared;
mod splits;
mod tile;
mod uploads;

pub use address::Address;
pub use compiler::{Compiled, Compiler, Usage};
pub use device::Cuda;
pub use driver::Driver;
pub use executor::{Executor, Failure, Launch, SMALL_COPY};
pub use gemm::{Format, Gemm, Major, Strided};
pub use gpu::{Gpu, gpus};
pub use graph::Graph;
pub use kernel::{CLUSTER_ARCH, Kernel};
pub use memory::{Buf, Frames};
pub use predict::{Recorded, Recorder, predict};
pub use programs::default_folder;
pub use rnn::{Kernels, Layer, Tuning, choose, fits};

use std::collections::HashSet;

/// Every kernel of the operations and of the device measurements, each once.
pub fn every_kernel() -> Vec<Kernel> {
    let mut kernels = listed_kernels();
    let mut seen = HashSet::new();
    kernels.retain(|kernel| seen.insert(kernel.clone()));
    kernels
}

/// The kernels of all lists; some are in several.
fn listed_kernels() -> Vec<Kernel> {
    [
        rnn::kernels(),
        conv::kernels(),
        gather::kernels(),
        dropout::kernels(),
        pool::kernels(),
        attention::kernels(),
        linear::kernels(),
        loss::kernels(),
        optimizer::kernels(),
        peak::kernels(),
        probe::every_kernel(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_is_listed_once_and_has_a_text() {
        let kernels = every_kernel();
        let persistent = kernels.iter().filter(|kernel| kernel.is_persistent()).count();
        // Forward and backward of two cells, at 4 widths in tf32 and 8 in bf16, with three numbers of rows;
        // in bf16 also without pairs. In clusters 2 widths in tf32 and 4 in bf16.
        assert_eq!(persistent, 2 * 2 * (4 * 3 + 8 * 4 + 2 + 4));
        let names: std::collections::HashSet<String> = kernels.iter().map(Kernel::name).collect();
        assert_eq!(names.len(), kernels.len());
    }

    /// Function and cell identify a source text, which equality and hash of a kernel leave out.
    #[test]
    fn kernels_of_one_name_have_one_text() {
        let mut texts = std::collections::HashMap::new();
        for kernel in listed_kernels() {
            let first = texts.entry((kernel.entry, kernel.cell)).or_insert_with(|| kernel.text());
            assert!(*first == kernel.text(), "{}", kernel.name());
        }
    }
}
