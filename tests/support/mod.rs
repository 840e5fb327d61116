//! Helpers of the tests. Test modules use these and never one another, which `house` checks.

/// Windows as NumPy arrays, honest and damaged ones.
pub mod arrays;
/// A person with every kind of signal, and its frames of features.
pub mod body;
/// Every device on the table of cases: within its bounds, exact dropout, several models as one alone.
pub mod conformance;
/// CUDA threads as fibers on the CPU, and an executor that runs the backend's launches with them.
#[cfg(feature = "cuda")]
pub mod cuda_on_host;
/// The golden trainings.
pub mod curves;
/// Reading the golden files.
pub mod golden;
/// Each intrinsic against the promises of the PTX ISA.
#[cfg(feature = "cuda")]
pub mod intrinsics;
/// How much memory a piece of work takes.
pub mod memory;
/// Writes pickles, honest and hostile ones.
pub mod opcodes;
/// The program, called as a user does.
pub mod program;
/// Whole runs through the library.
pub mod runs;
/// A CUDA driver and an NVRTC that run kernels on the CPU, loaded in the place of NVIDIA's.
#[cfg(feature = "cuda")]
pub mod stand_in;
/// A training whose steps all differ in what the host gives them.
#[cfg(feature = "cuda")]
pub mod steps;
/// Progress that asks for a stop.
pub mod stops;
/// Small data sets made in memory.
pub mod synthetic;
/// A small training, and one that loses its device.
pub mod training;
