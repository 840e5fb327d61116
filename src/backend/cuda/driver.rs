//! An open GPU: CUDA's driver as an [`Executor`]. cuBLASLt is loaded when it is first used.

use super::address::Address;
use super::compiler::Compiler;
use super::cublaslt::CublasLt;
use super::executor::{Executor, Failure, Launch, SMALL_COPY};
use super::gemm::Gemm;
use super::gpu::{Gpu, OLDEST_CLOCK, explain, not_usable, version};
use super::graph::Graph;
use super::kernel::{CLUSTER_ARCH, CLUSTER_COMPILER, Kernel};
use super::ring::Ring;
use super::shared::Shared;
use crate::backend::{Span, Timeline};
use crate::error::{Error, Result};
use crate::ops::Work;
use cudarc::cublaslt::sys::cublasStatus_t;
use cudarc::driver::{
    CudaContext, CudaEvent, CudaFunction, DriverError, result,
    sys::{self, CUevent_flags, cudaError_enum},
};
use std::collections::HashMap;
use std::ffi::c_void;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The gap in nanoseconds, between the end of a launch and the event before the next, above which the
/// device's queue was empty. Queued events follow each other within a microsecond.
const IDLE: u64 = 2_000;

impl Gpu {
    /// Opens the GPU, with `kernel_cache` as the folder for compiled kernels.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`](crate::error::ErrorKind::Backend) if the kernels cannot run on it, or
    /// if the driver or NVRTC does not fit.
    pub fn open(&self, kernel_cache: Option<&Path>) -> Result<Driver> {
        if let Some(why) = self.refusal() {
            return Err(not_usable(why));
        }
        let compiler = Compiler::new(self.arch, kernel_cache)?;
        let (nvrtc, driver) = (compiler.version(), version(self.driver));
        if nvrtc.0 > self.driver / 1000 {
            let major = self.driver / 1000;
            return Err(not_usable(format!(
                "the NVIDIA driver, of CUDA {driver}, does not load what {} compiles",
                compiler.describe()
            ))
            .hint(format!(
                "update the driver, or `pip install nvidia-cuda-nvrtc-cu{major}` and put its folder `lib` into LD_LIBRARY_PATH"
            )));
        }
        let failed = |error| not_usable(format!("{}: {}", self.name, explain(error))).caused_by(error);
        let opened = || -> Result<_, DriverError> {
            let context = CudaContext::new(self.index)?;
            let reads_host =
                context.attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS)? != 0;
            let multiprocessors =
                context.attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?;
            let has_clusters =
                context.attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH)? != 0;
            Ok((Shared::new(context)?, reads_host, multiprocessors as usize, has_clusters))
        };
        let (shared, reads_host, multiprocessors, has_clusters) = opened().map_err(failed)?;
        if !shared.context.has_async_alloc() {
            return Err(not_usable(format!("{}: its driver has no stream-ordered memory", self.name)));
        }
        let has_clusters =
            has_clusters && self.arch >= CLUSTER_ARCH && compiler.version() >= CLUSTER_COMPILER;
        Ok(Driver {
            gpu: self.clone(),
            compiler,
            functions: Mutex::default(),
            cublaslt: OnceLock::new(),
            ring: Mutex::new(Ring::new(&shared).map_err(failed)?),
            shared,
            timeline: Timeline::default(),
            events: Mutex::default(),
            reads_host,
            multiprocessors,
            has_clusters,
            // SAFETY: this loads a library and runs its initializers. Only NVIDIA's library has that name.
            has_markers: unsafe { cudarc::nvtx::sys::is_culib_present() },
        })
    }
}

/// An open GPU: one context, one stream, and the kernels that were loaded.
pub struct Driver {
    gpu: Gpu,
    compiler: Compiler,
    functions: Mutex<HashMap<Kernel, CudaFunction>>,
    cublaslt: OnceLock<CublasLt>,
    /// Where small copies to the device wait.
    ring: Mutex<Ring>,
    shared: Arc<Shared>,
    timeline: Timeline,
    /// The events of launches that are not yet on the timeline.
    events: Mutex<Vec<Recorded>>,
    /// Whether the device reads pageable host memory directly, so that a copy may read it after the call
    /// returns.
    reads_host: bool,
    multiprocessors: usize,
    has_clusters: bool,
    /// Whether launches are in NVTX ranges, for NVIDIA's profilers.
    has_markers: bool,
}

/// A launch with the events before and after it.
struct Recorded {
    label: &'static str,
    work: Work,
    start: CudaEvent,
    end: CudaEvent,
}

/// Device memory, freed in the order of the stream.
pub struct Bytes {
    pointer: sys::CUdeviceptr,
    shared: Arc<Shared>,
}

impl Drop for Bytes {
    fn drop(&mut self) {
        // SAFETY: `zeros` allocated the pointer on this stream, which `shared` keeps alive, and only this
        // frees it. The stream frees it after all work that was issued before, and a session keeps it until
        // its recorded launches are issued. Later work cannot have the address, because there is no `Bytes`
        // to take it from; a graph that still has it is given other arguments before it is launched.
        self.shared.release(|| unsafe { result::free_async(self.pointer, self.shared.stream.cu_stream()) });
    }
}

impl Driver {
    /// A warning for the user: see [`Compiler::warning`].
    pub fn warning(&self) -> Option<String> {
        self.compiler.warning()
    }

    /// The size of its memory and the compiler of its kernels, for `engine devices`.
    pub fn details(&self) -> String {
        let memory = self.gpu.memory as f64 / f64::from(1 << 30);
        format!("{memory:.1} GiB, kernels by {}", self.compiler.describe())
    }

    /// The loaded function of a kernel; it is compiled and loaded on first use.
    fn function(&self, kernel: &Kernel) -> Result<CudaFunction, Failure> {
        let mut functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(function) = functions.get(kernel) {
            return Ok(function.clone());
        }
        let program = self.compiler.program(kernel).map_err(Failure::Refused)?;
        let loaded = self
            .shared
            .context
            .load_module(cudarc::nvrtc::Ptx::from_binary(program))
            .and_then(|module| module.load_function(kernel.entry));
        let function = loaded.map_err(|error| match self.shared.failure(error) {
            Failure::Refused(error) => Failure::Refused(error.at(format!("{}: not loaded", kernel.name()))),
            failure => failure,
        })?;
        functions.insert(kernel.clone(), function.clone());
        Ok(function)
    }

    /// The failure of a call for a graph. There is a way without graphs.
    fn graph_failure(&self, error: DriverError) -> Failure {
        match self.shared.failure(error) {
            Failure::Refused(error) => Failure::Refused(
                error
                    .at("a graph of launches")
                    .hint("set CUDA_LAUNCH_BLOCKING=1 to issue launches one by one"),
            ),
            failure => failure,
        }
    }

    /// An event that is recorded now.
    fn event(&self) -> Result<CudaEvent, DriverError> {
        let event = self.shared.context.new_event(Some(CUevent_flags::CU_EVENT_DEFAULT))?;
        event.record(&self.shared.stream)?;
        Ok(event)
    }

    /// Runs `launch` between two events if the timeline is recording, and in an NVTX range if a profiler
    /// reads it.
    fn recorded(
        &self,
        label: &'static str,
        work: Work,
        launch: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let _range = self.has_markers.then(|| cudarc::nvtx::scoped_range(label));
        if !self.timeline.is_recording() {
            return launch();
        }
        let event = || self.event().map_err(|error| self.shared.failure(error));
        let start = event()?;
        launch()?;
        let recorded = Recorded { label, work, start, end: event()? };
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(recorded);
        Ok(())
    }

    /// Moves the recorded launches to the timeline. The device has its own clock, so its last event is
    /// equated with the time at which the host saw that all work was done.
    fn report(&self) -> Result<(), DriverError> {
        let now = self.timeline.now();
        let events = std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(last) = events.last() else { return Ok(()) };
        let nanoseconds = |from: &CudaEvent, to: &CudaEvent| -> Result<u64, DriverError> {
            Ok((f64::from(from.elapsed_ms(to)?) * 1e6) as u64)
        };
        self.timeline.aside(|| {
            let mut before: Option<&CudaEvent> = None;
            for Recorded { label: kernel, work, start, end } in &events {
                let (kernel, work, duration) = (*kernel, *work, nanoseconds(start, end)?);
                // With an empty queue the first event is recorded at once, and the launch follows when the
                // host has issued it.
                let from_idle = match before {
                    None => true,
                    Some(before) => nanoseconds(before, start)? > IDLE,
                };
                before = Some(end);
                let start = now.saturating_sub(nanoseconds(start, &last.end)?);
                self.timeline.push(Span { kernel, start, duration, work, from_idle });
            }
            Ok(())
        })
    }
}

impl Executor for Driver {
    type Memory = Bytes;
    type Graph = Graph;

    fn describe(&self) -> String {
        self.gpu.describe()
    }

    fn multiprocessors(&self) -> usize {
        self.multiprocessors
    }

    fn has_clusters(&self) -> bool {
        self.has_clusters
    }

    fn timeline(&self) -> Option<&Timeline> {
        (self.gpu.driver >= OLDEST_CLOCK).then_some(&self.timeline)
    }

    fn zeros(&self, bytes: usize) -> Result<Bytes, Failure> {
        self.shared.ready()?;
        let stream = self.shared.stream.cu_stream();
        // SAFETY: the stream belongs to this context, which `ready` bound to this thread; `shared` keeps it
        // alive.
        let allocated = || unsafe { result::malloc_async(stream, bytes) };
        let pointer = match allocated() {
            // Freed memory may be fragmented.
            Err(error) if error.0 == cudaError_enum::CUDA_ERROR_OUT_OF_MEMORY => {
                self.shared.trim().and_then(|()| allocated())
            }
            result => result,
        };
        let pointer = pointer.map_err(|error| self.shared.failure(error))?;
        let memory = Bytes { pointer, shared: self.shared.clone() };
        // SAFETY: the memory was allocated above with that many bytes, on the same stream.
        unsafe { result::memset_d8_async(pointer, 0, bytes, stream) }
            .map_err(|error| self.shared.failure(error))?;
        Ok(memory)
    }

    fn address(&self, memory: &Bytes) -> Address {
        memory.pointer
    }

    fn write(&self, memory: &Bytes, offset: usize, bytes: &[u8]) -> Result<(), Failure> {
        self.shared.ready()?;
        let to = memory.pointer + offset as u64;
        if bytes.len() <= SMALL_COPY {
            let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
            // SAFETY: the caller has checked that the memory has room.
            return unsafe { ring.copy(to, bytes) }.map_err(|error| self.shared.failure(error));
        }
        // SAFETY: the caller has checked that the memory has room. Pageable host memory is copied before this
        // returns, unless the device reads it directly; then the synchronization waits for it, even on
        // errors.
        let copied = unsafe { result::memcpy_htod_async(to, bytes, self.shared.stream.cu_stream()) }
            .and_then(|()| if self.reads_host { self.shared.stream.synchronize() } else { Ok(()) });
        copied.map_err(|error| self.shared.failure(error))?;
        if self.reads_host { self.wait() } else { Ok(()) }
    }

    fn read(&self, memory: &Bytes, offset: usize, bytes: &mut [u8]) -> Result<(), Failure> {
        self.shared.ready()?;
        let from = memory.pointer + offset as u64;
        // SAFETY: the caller has checked that the memory has that many bytes. The synchronization waits for
        // the copy, even on errors.
        let copied = unsafe { result::memcpy_dtoh_async(bytes, from, self.shared.stream.cu_stream()) }
            .and_then(|()| self.shared.stream.synchronize());
        copied.map_err(|error| self.shared.failure(error))?;
        self.wait()
    }

    fn launch(&self, launch: &Launch) -> Result<(), Failure> {
        self.shared.ready()?;
        let function = self.function(launch.kernel)?;
        let [x, y, z] = launch.grid;
        let mut arguments = [launch.arguments.as_ptr() as *mut c_void];
        self.recorded(launch.label, launch.work, || {
            // SAFETY: these bytes are the kernel's one argument, a struct whose Rust and C++ types come from
            // one list of fields; the driver copies them before this returns. `Device::run` has checked the
            // sizes of the operands, the tests run every kernel with bounds checks on the host, and the
            // stream frees no buffer before this launch is done.
            unsafe {
                result::launch_kernel(
                    function.cu_function(),
                    (x, y, z),
                    (launch.kernel.threads(), 1, 1),
                    0,
                    self.shared.stream.cu_stream(),
                    &mut arguments,
                )
            }
            .map_err(|error| self.shared.failure(error))
        })
    }

    fn graph(&self, launches: &[Launch]) -> Result<Graph, Failure> {
        self.shared.ready()?;
        let functions: Vec<CudaFunction> =
            launches.iter().map(|launch| self.function(launch.kernel)).collect::<Result<_, _>>()?;
        Graph::new(&self.shared, functions, launches).map_err(|error| self.graph_failure(error))
    }

    fn set_arguments(&self, graph: &mut Graph, i: usize, launch: &Launch) -> Result<(), Failure> {
        self.shared.ready()?;
        graph.set_arguments(i, launch).map_err(|error| self.graph_failure(error))
    }

    fn launch_graph(&self, graph: &mut Graph) -> Result<(), Failure> {
        self.shared.ready()?;
        let _range = self.has_markers.then(|| cudarc::nvtx::scoped_range("graph"));
        // SAFETY: the session launches a graph only with the arguments of the launches that it has just
        // recorded. For each of them holds what holds for a launch by itself, see `launch`: the session keeps
        // their memory until this returns.
        unsafe { graph.launch() }.map_err(|error| self.graph_failure(error))
    }

    fn cublaslt_gemm(&self, gemm: &Gemm) -> Result<(), Failure> {
        self.shared.ready()?;
        let cublaslt = match self.cublaslt.get() {
            Some(cublaslt) => cublaslt,
            None => {
                let cublaslt = CublasLt::new(&self.shared.stream).map_err(Failure::Refused)?;
                self.cublaslt.get_or_init(|| cublaslt)
            }
        };
        self.recorded(gemm.label, gemm.work, || {
            cublaslt.multiply(gemm).map_err(|error| {
                let why = format!("cuBLASLt: {:?}", error.0);
                match error.0 {
                    cublasStatus_t::CUBLAS_STATUS_EXECUTION_FAILED
                    | cublasStatus_t::CUBLAS_STATUS_INTERNAL_ERROR
                    | cublasStatus_t::CUBLAS_STATUS_MAPPING_ERROR => self.shared.lost(why),
                    _ => Failure::Refused(
                        Error::backend(format!("{}: {why}", gemm.label))
                            .caused_by(error)
                            .hint("use `gemm = own`"),
                    ),
                }
            })
        })
    }

    fn wait(&self) -> Result<(), Failure> {
        self.shared.ready()?;
        self.shared.stream.synchronize().map_err(|error| self.shared.failure(error))?;
        self.shared.ready()?;
        self.report().map_err(|error| self.shared.failure(error))
    }
}
