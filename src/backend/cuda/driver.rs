//! An open GPU: CUDA's driver as an [`Executor`]. cuBLASLt is loaded when it is first used.

use super::address::Address;
use super::compiler::Compiler;
use super::cublaslt::CublasLt;
use super::executor::{Executor, Failure, Launch};
use super::gemm::Gemm;
use super::gpu::{Gpu, OLDEST_CLOCK, explain, not_usable, version};
use super::kernel::Kernel;
use crate::backend::{Span, Timeline};
use crate::error::{Error, Result};
use crate::ops::Work;
use cudarc::cublaslt::sys::cublasStatus_t;
use cudarc::driver::{
    CudaContext, CudaEvent, CudaFunction, CudaStream, DriverError, result,
    sys::{self, CUevent_flags, cudaError_enum},
};
use std::collections::HashMap;
use std::ffi::c_void;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
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
            let stream = context.new_stream()?;
            let reads_host =
                context.attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS)? != 0;
            let multiprocessors =
                context.attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?;
            Ok((context, stream, reads_host, multiprocessors as usize))
        };
        let (context, stream, reads_host, multiprocessors) = opened().map_err(failed)?;
        if !context.has_async_alloc() {
            return Err(not_usable(format!("{}: its driver has no stream-ordered memory", self.name)));
        }
        Ok(Driver {
            gpu: self.clone(),
            compiler,
            functions: Mutex::default(),
            cublaslt: OnceLock::new(),
            shared: Arc::new(Shared {
                context,
                stream,
                is_lost: AtomicBool::new(false),
                parked: Mutex::default(),
            }),
            timeline: Timeline::default(),
            events: Mutex::default(),
            reads_host,
            multiprocessors,
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
    shared: Arc<Shared>,
    timeline: Timeline,
    /// The events of launches that are not yet on the timeline.
    events: Mutex<Vec<Recorded>>,
    /// Whether the device reads pageable host memory directly, so that a copy may read it after the call
    /// returns.
    reads_host: bool,
    multiprocessors: usize,
    /// Whether launches are in NVTX ranges, for NVIDIA's profilers.
    has_markers: bool,
}

/// The parts of a device that its memory keeps alive.
struct Shared {
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    is_lost: AtomicBool,
    /// An error from a `drop`, which could not return it.
    parked: Mutex<Option<DriverError>>,
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
        // A lost device gets no more calls; its memory is gone with it.
        if self.shared.is_lost.load(Ordering::Relaxed) {
            return;
        }
        // SAFETY: `zeros` allocated the pointer on this stream, which `shared` keeps alive, and only this
        // frees it. The stream frees it after all work that was issued before. Later work cannot have the
        // address, because there is no `Bytes` to take it from.
        let freed = self
            .shared
            .context
            .bind_to_thread()
            .and_then(|()| unsafe { result::free_async(self.pointer, self.shared.stream.cu_stream()) });
        if let Err(error) = freed {
            *self.shared.parked.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    }
}

impl Shared {
    /// Marks the device as lost.
    fn lost(&self, why: String) -> Failure {
        self.is_lost.store(true, Ordering::Relaxed);
        Failure::Lost(why)
    }

    /// The failure that an error of the driver means.
    fn failure(&self, error: DriverError) -> Failure {
        use cudaError_enum as E;
        match error.0 {
            E::CUDA_ERROR_OUT_OF_MEMORY => match result::mem_get_info() {
                Ok((free, total)) => Failure::OutOfMemory { free: free as u64, total: total as u64 },
                Err(error) => self.lost(explain(error)),
            },
            // The call had no effect on the device.
            E::CUDA_ERROR_INVALID_VALUE
            | E::CUDA_ERROR_INVALID_IMAGE
            | E::CUDA_ERROR_NO_BINARY_FOR_GPU
            | E::CUDA_ERROR_UNSUPPORTED_PTX_VERSION
            | E::CUDA_ERROR_INVALID_SOURCE
            | E::CUDA_ERROR_NOT_FOUND
            | E::CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES
            | E::CUDA_ERROR_NOT_SUPPORTED => {
                Failure::Refused(Error::backend(format!("CUDA: {}", explain(error))).caused_by(error))
            }
            // An error of a launch is sticky: every later call returns it.
            _ => self.lost(explain(error)),
        }
    }

    /// Returns freed memory, which the pool holds for the next allocation, to the device.
    fn trim(&self) -> Result<(), DriverError> {
        self.stream.synchronize()?;
        let mut pool = std::ptr::null_mut();
        // SAFETY: the device belongs to the context, which `ready` bound to this thread; the driver writes
        // one handle.
        unsafe { sys::cuDeviceGetDefaultMemPool(&mut pool, self.context.cu_device()) }.result()?;
        // SAFETY: the pool is the device's default, which lives as long as the device. It keeps memory that
        // is in use.
        unsafe { sys::cuMemPoolTrimTo(pool, 0) }.result()
    }

    /// Binds the context to this thread.
    ///
    /// # Errors
    /// [`Failure::Lost`] if an earlier `drop` failed, ours or cudarc's, which could not return its error.
    fn ready(&self) -> Result<(), Failure> {
        let parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner).take();
        let late = parked.map_or(Ok(()), Err).and_then(|()| self.context.check_err());
        late.map_err(|error| {
            self.lost(format!("{} (from an earlier release of a resource)", explain(error)))
        })?;
        self.context.bind_to_thread().map_err(|error| self.failure(error))
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

    fn describe(&self) -> String {
        self.gpu.describe()
    }

    fn multiprocessors(&self) -> usize {
        self.multiprocessors
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

    fn write(&self, memory: &Bytes, bytes: &[u8]) -> Result<(), Failure> {
        self.shared.ready()?;
        // SAFETY: the caller has checked that the memory has room. Pageable host memory is copied before this
        // returns, unless the device reads it directly; then the synchronization waits for it, even on
        // errors.
        let copied =
            unsafe { result::memcpy_htod_async(memory.pointer, bytes, self.shared.stream.cu_stream()) }
                .and_then(|()| if self.reads_host { self.shared.stream.synchronize() } else { Ok(()) });
        copied.map_err(|error| self.shared.failure(error))?;
        if self.reads_host { self.wait() } else { Ok(()) }
    }

    fn read(&self, memory: &Bytes, bytes: &mut [u8]) -> Result<(), Failure> {
        self.shared.ready()?;
        // SAFETY: the caller has checked that the memory has that many bytes. The synchronization waits for
        // the copy, even on errors.
        let copied =
            unsafe { result::memcpy_dtoh_async(bytes, memory.pointer, self.shared.stream.cu_stream()) }
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
