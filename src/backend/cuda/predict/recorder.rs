//! A device that runs nothing and records what it would run.

use super::super::address::Address;
use super::super::executor::{Executor, Failure, Launch};
use super::super::gemm::Gemm;
use super::super::kernel::Kernel;
use crate::backend::Timeline;
use crate::error::Error;
use crate::ops::Work;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// The multiprocessors of an NVIDIA H100 SXM.
pub(super) const MULTIPROCESSORS: usize = 132;

/// A launch that was issued, as [`Launch`].
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The name of the work.
    pub label: &'static str,
    /// The kernel.
    pub kernel: Kernel,
    /// The bytes of the kernel's argument struct.
    pub arguments: Vec<u8>,
    /// The number of blocks in x, y and z.
    pub grid: [u32; 3],
    /// The work of the launch.
    pub work: Work,
}

impl Recorded {
    /// A launch with these arguments by name; the others are 0.
    #[cfg(test)]
    pub(super) fn of(kernel: Kernel, grid: [u32; 3], named: &[(&str, u64)]) -> Self {
        let mut arguments = vec![0; 8 * 64];
        for (name, value) in named {
            let at = 8 * kernel.field(name).expect("the kernel has the argument");
            arguments[at..at + 8].copy_from_slice(&value.to_ne_bytes());
        }
        Recorded { label: kernel.label, kernel, arguments, grid, work: Work::default() }
    }

    /// The argument of this name.
    ///
    /// # Panics
    /// If the kernel has no such argument.
    pub(super) fn argument(&self, name: &str) -> usize {
        let at = self.kernel.field(name).unwrap_or_else(|| panic!("{} has no {name}", self.kernel.entry));
        u64::from_ne_bytes(self.arguments.as_chunks::<8>().0[at]) as usize
    }

    /// The blocks of the whole grid.
    pub(super) fn blocks(&self) -> usize {
        self.grid.iter().map(|&blocks| blocks as usize).product()
    }
}

/// A device with the size of an NVIDIA H100 that accepts launches one by one, does nothing and records. What
/// is read from it is 0.
#[derive(Default)]
pub struct Recorder {
    bytes: AtomicU64,
    /// The last byte of the address space that is in use.
    end: AtomicU64,
    launches: Mutex<Vec<Recorded>>,
}

impl Recorder {
    /// Bytes of all memory that was ever allocated.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// The launches since the last call, in their order.
    pub fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.launches.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Executor for Recorder {
    type Memory = Address;
    type Graph = ();

    fn describe(&self) -> String {
        "cuda that records".into()
    }

    fn multiprocessors(&self) -> usize {
        MULTIPROCESSORS
    }

    fn has_clusters(&self) -> bool {
        true
    }

    fn timeline(&self) -> Option<&Timeline> {
        None
    }

    fn zeros(&self, bytes: usize) -> Result<Address, Failure> {
        self.bytes.fetch_add(bytes as u64, Relaxed);
        // Addresses are multiples of 256, as CUDA's are, and never 0.
        Ok(256 + self.end.fetch_add(bytes.next_multiple_of(256) as u64, Relaxed))
    }

    fn address(&self, memory: &Address) -> Address {
        *memory
    }

    fn write(&self, _: &Address, _: usize, _: &[u8]) -> Result<(), Failure> {
        Ok(())
    }

    fn read(&self, _: &Address, _: usize, bytes: &mut [u8]) -> Result<(), Failure> {
        bytes.fill(0);
        Ok(())
    }

    fn launch(&self, launch: &Launch) -> Result<(), Failure> {
        let recorded = Recorded {
            label: launch.label,
            kernel: launch.kernel.clone(),
            arguments: launch.arguments.to_vec(),
            grid: launch.grid,
            work: launch.work,
        };
        self.launches.lock().unwrap_or_else(PoisonError::into_inner).push(recorded);
        Ok(())
    }

    fn graph(&self, _: &[Launch]) -> Result<(), Failure> {
        Err(no_graphs())
    }

    fn set_arguments(&self, (): &mut (), _: usize, _: &Launch) -> Result<(), Failure> {
        Err(no_graphs())
    }

    fn launch_graph(&self, (): &mut ()) -> Result<(), Failure> {
        Err(no_graphs())
    }

    fn cublaslt_gemm(&self, _: &Gemm) -> Result<(), Failure> {
        let error = Error::config("a GEMM by cuBLASLt cannot be recorded: its kernel is NVIDIA's choice");
        Err(Failure::Refused(error.hint("use `gemm = own`")))
    }

    fn wait(&self) -> Result<(), Failure> {
        Ok(())
    }
}

/// The failure of an operation with a graph: launches are recorded one by one.
fn no_graphs() -> Failure {
    Failure::Refused(Error::backend("a device that records takes launches one by one, without graphs"))
}
