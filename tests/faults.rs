//! What a user meets when something is wrong: the program's exit code, what it says, and what it leaves.

mod config;
#[cfg(feature = "cuda")]
mod cuda;
mod data;
#[cfg(feature = "wgpu")]
mod gpu;
mod runs;
