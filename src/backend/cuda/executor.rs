//! The interface to a device: memory and launches. CUDA's driver implements it; the tests have another
//! implementation, which runs the same launches on the host.

use super::address::Address;
use super::gemm::Gemm;
use super::kernel::Kernel;
use crate::backend::Timeline;
use crate::error::Error;
use crate::ops::Work;

/// The largest copy to the device, in bytes, that an executor takes without waiting for the device.
pub const SMALL_COPY: usize = 1 << 20;

/// A kernel with its arguments and its grid.
#[derive(Clone, Copy)]
pub struct Launch<'a> {
    /// The name of the work, for profiles and messages.
    pub label: &'static str,
    /// The kernel to run.
    pub kernel: &'a Kernel,
    /// The bytes of the kernel's argument struct.
    pub arguments: &'a [u8],
    /// The number of blocks in x, y and z.
    pub grid: [u32; 3],
    /// The work of the launch, for the timeline.
    pub work: Work,
}

/// Why a device operation failed.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The device refused this operation, and is still usable.
    Refused(Error),
    /// An allocation did not fit.
    OutOfMemory {
        /// Bytes of device memory that are free.
        free: u64,
        /// Bytes of device memory in all.
        total: u64,
    },
    /// The device is lost, for this reason: all later operations fail, and the contents of its memory are
    /// invalid.
    Lost(String),
}

/// A device that runs launches in the order in which they are issued.
pub trait Executor: 'static + Send + Sync {
    /// A block of device memory, freed when dropped.
    type Memory: Send + Sync;
    /// Launches that the device takes as one, in their order.
    type Graph: Send;

    /// The name of the device, for messages and the manifest.
    fn describe(&self) -> String;
    /// How many blocks the device can run without that two share a multiprocessor.
    fn multiprocessors(&self) -> usize;
    /// Whether the device has thread-block clusters.
    fn has_clusters(&self) -> bool;
    /// The timeline of the launches, or `None` if the device cannot time them.
    fn timeline(&self) -> Option<&Timeline>;
    /// Allocates `bytes` bytes, all 0.
    fn zeros(&self, bytes: usize) -> Result<Self::Memory, Failure>;
    /// The address of the memory in kernels.
    fn address(&self, memory: &Self::Memory) -> Address;
    /// Copies `bytes` to the memory, from its byte `offset` on. The caller may change `bytes` afterwards.
    fn write(&self, memory: &Self::Memory, offset: usize, bytes: &[u8]) -> Result<(), Failure>;
    /// Copies the memory from its byte `offset` on to `bytes`, after all launches before.
    fn read(&self, memory: &Self::Memory, offset: usize, bytes: &mut [u8]) -> Result<(), Failure>;
    /// Issues a launch, and may return before it has run.
    fn launch(&self, launch: &Launch) -> Result<(), Failure>;
    /// Makes a graph of launches, each after the one before.
    fn graph(&self, launches: &[Launch]) -> Result<Self::Graph, Failure>;
    /// Gives launch `i` of a graph the arguments of `launch`, which has the same kernel and grid.
    fn set_arguments(&self, graph: &mut Self::Graph, i: usize, launch: &Launch) -> Result<(), Failure>;
    /// Issues a graph, and may return before it has run.
    fn launch_graph(&self, graph: &mut Self::Graph) -> Result<(), Failure>;
    /// Issues a GEMM by cuBLASLt.
    fn cublaslt_gemm(&self, gemm: &Gemm) -> Result<(), Failure>;
    /// Waits for all work that was issued.
    fn wait(&self) -> Result<(), Failure>;
}
