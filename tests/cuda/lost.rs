//! A device that has no memory left, and one that is lost.

use crate::support::cuda_on_host::Host;
use crate::support::training;
use engine::ErrorKind;
use engine::backend::Timeline;
use engine::backend::cuda::{Cuda, Executor, Failure, Gemm, Launch};
use engine::ops::{Device, Precision};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The host with a memory limit, and with a switch that makes it fail as after an illegal address.
struct Failing {
    host: Host,
    limit: u64,
    is_broken: AtomicBool,
    /// Calls after it had reported that it was lost.
    late_calls: AtomicU64,
    has_reported: AtomicBool,
}

impl Failing {
    fn new(limit: u64) -> Cuda<Failing> {
        let failing = Failing {
            host: Host::default(),
            limit,
            is_broken: AtomicBool::new(false),
            late_calls: AtomicU64::new(0),
            has_reported: AtomicBool::new(false),
        };
        Cuda::new(failing, Precision::Fp32)
    }

    /// The result of any call: once broken, the error that the driver returns after an illegal address.
    fn call(&self) -> Result<(), Failure> {
        if self.has_reported.load(Ordering::Relaxed) {
            self.late_calls.fetch_add(1, Ordering::Relaxed);
        }
        match self.is_broken.load(Ordering::Relaxed) {
            false => Ok(()),
            true => {
                self.has_reported.store(true, Ordering::Relaxed);
                Err(Failure::Lost(
                    "an illegal memory access was encountered (CUDA_ERROR_ILLEGAL_ADDRESS)".into(),
                ))
            }
        }
    }
}

impl Executor for Failing {
    type Memory = <Host as Executor>::Memory;
    type Graph = <Host as Executor>::Graph;

    fn describe(&self) -> String {
        "cuda that fails".into()
    }
    fn multiprocessors(&self) -> usize {
        1
    }

    fn has_clusters(&self) -> bool {
        true
    }
    fn timeline(&self) -> Option<&Timeline> {
        None
    }
    fn zeros(&self, bytes: usize) -> Result<Self::Memory, Failure> {
        self.call()?;
        if bytes as u64 > self.limit {
            return Err(Failure::OutOfMemory { free: self.limit, total: 2 * self.limit });
        }
        self.host.zeros(bytes)
    }
    fn address(&self, memory: &Self::Memory) -> u64 {
        self.host.address(memory)
    }
    fn write(&self, memory: &Self::Memory, offset: usize, bytes: &[u8]) -> Result<(), Failure> {
        self.call()?;
        self.host.write(memory, offset, bytes)
    }
    fn read(&self, memory: &Self::Memory, offset: usize, bytes: &mut [u8]) -> Result<(), Failure> {
        self.call()?;
        self.host.read(memory, offset, bytes)
    }
    /// As on a GPU, the next call reports the failure.
    fn launch(&self, launch: &Launch) -> Result<(), Failure> {
        self.call()?;
        self.host.launch(launch)
    }
    fn graph(&self, launches: &[Launch]) -> Result<Self::Graph, Failure> {
        self.call()?;
        self.host.graph(launches)
    }
    fn set_arguments(&self, graph: &mut Self::Graph, i: usize, launch: &Launch) -> Result<(), Failure> {
        self.call()?;
        self.host.set_arguments(graph, i, launch)
    }
    fn launch_graph(&self, graph: &mut Self::Graph) -> Result<(), Failure> {
        self.call()?;
        self.host.launch_graph(graph)
    }
    fn cublaslt_gemm(&self, gemm: &Gemm) -> Result<(), Failure> {
        self.host.cublaslt_gemm(gemm)
    }
    fn wait(&self) -> Result<(), Failure> {
        self.call()
    }
}

#[test]
fn an_allocation_that_does_not_fit_is_an_error_and_the_device_stays_usable() {
    let cuda = Failing::new(3 << 20);
    let small = cuda.zeros::<f32>(1 << 18).unwrap();
    let error = cuda.zeros::<f32>(1 << 20).err().expect("more than there is");
    assert_eq!(error.kind, ErrorKind::Device);
    for part in ["no memory for 4.0 MiB beside 1.0 MiB in use: 3.0 MiB of 6.0 MiB are free", "`batch`"] {
        assert!(error.to_string().contains(part), "no {part} in {error}");
    }
    drop(small);
    cuda.zeros::<f32>(1 << 18).unwrap();
}

#[test]
fn a_lost_device_saves_nothing_gets_no_calls_and_the_run_resumes_from_its_checkpoint() {
    let (broken, other) = (Failing::new(u64::MAX), Failing::new(u64::MAX));
    let lose = || broken.executor().is_broken.store(true, Ordering::Relaxed);
    let error = training::loses_its_device(&broken, &other, &lose);
    for part in ["CUDA_ERROR_ILLEGAL_ADDRESS", "last launched: ", ".cu", "blocks of 128 threads", "--resume"]
    {
        assert!(error.to_string().contains(part), "no {part} in {error}");
    }
    assert_eq!(broken.zeros::<f32>(1).err(), Some(error), "the same error from then on");
    assert_eq!(broken.executor().late_calls.load(Ordering::Relaxed), 0, "calls to a lost device");
}
