//! What runs launches and holds memory. One is CUDA's driver; tests have another, which runs the same
//! launches on the host.

use super::gemm::Gemm;
use super::kernel::Kernel;
use crate::backend::Timeline;
use crate::error::Error;
use crate::ops::Work;

/// A kernel, and everything that its run depends on.
#[derive(Clone, Copy)]
pub struct Launch<'a> {
    /// What it does, in profiles and messages.
    pub label: &'static str,
    pub kernel: &'a Kernel,
    /// Its arguments, as the device sees them.
    pub arguments: &'a [u8],
    /// Blocks.
    pub grid: [u32; 3],
    /// For the timeline.
    pub work: Work,
}

/// Why a device could not do as asked.
#[derive(Clone, Debug)]
pub enum Failure {
    /// It may go on, but not with this.
    Refused(Error),
    /// Of so many bytes in all, so many are free.
    OutOfMemory { free: u64, total: u64 },
    /// Whatever it is asked from now on will fail, and what it holds is not to be trusted.
    Lost(String),
}

/// A device to which launches are given in order.
pub trait Executor: 'static + Send + Sync {
    /// Freed when dropped.
    type Memory: Send + Sync;

    fn describe(&self) -> String;
    /// None if it cannot tell when a launch ran.
    fn timeline(&self) -> Option<&Timeline>;
    /// So many bytes, all 0.
    fn zeros(&self, bytes: usize) -> Result<Self::Memory, Failure>;
    /// Where the kernels find it.
    fn address(&self, memory: &Self::Memory) -> u64;
    /// Its first bytes.
    fn write(&self, memory: &Self::Memory, bytes: &[u8]) -> Result<(), Failure>;
    /// Its first bytes, after all that was asked before.
    fn read(&self, memory: &Self::Memory, bytes: &mut [u8]) -> Result<(), Failure>;
    fn launch(&self, launch: &Launch) -> Result<(), Failure>;
    /// A GEMM by cuBLASLt.
    fn cublaslt_gemm(&self, gemm: &Gemm) -> Result<(), Failure>;
    /// Returns when all that was asked is done.
    fn wait(&self) -> Result<(), Failure>;
}
