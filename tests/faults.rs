//! The program when something is wrong: its exit code, its messages, and the files that it leaves.

mod config;
#[cfg(feature = "cuda")]
mod cuda;
mod data;
#[cfg(feature = "wgpu")]
mod gpu;
mod runs;
