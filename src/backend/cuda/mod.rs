//! NVIDIA GPUs through CUDA. The kernels are CUDA C++, in `kernels/cuda/`, compiled by NVRTC when they are first needed.
//!
//! One file an operation says which kernels it takes, with which arguments, and launches them; `kernel` makes their text. What runs
//! launches is an [`Executor`]: `driver` is CUDA's, with `compiler`, `programs` and `library` beside it. Tests have another that runs
//! the same launches, of the same text, on the host: all that is above the executor is proved there.

mod compiler;
mod conv;
mod device;
mod driver;
mod dropout;
mod every;
mod executor;
mod gather;
mod gemm;
mod kernel;
mod library;
mod linear;
mod loss;
mod memory;
mod optimizer;
mod pool;
pub mod probe;
mod product;
mod programs;
mod rnn;
mod roof;
mod session;
mod splits;

pub use compiler::{Compiled, Compiler, Usage};
pub use device::Cuda;
pub use driver::{Driver, Gpu, gpus};
pub use every::every_kernel;
pub use executor::{Executor, Failure, Launch};
pub use kernel::Kernel;
pub use memory::{Buf, Frames};
pub use product::{Product, Strided};
pub use programs::default_folder;
pub use rnn::{Kernels, Layer, Regime, Tuning};
