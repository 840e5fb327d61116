//! The context and the stream of an open GPU, and the failures that the driver's errors mean.

use super::executor::Failure;
use super::gpu::explain;
use crate::error::Error;
use cudarc::driver::{
    CudaContext, CudaStream, DriverError, result,
    sys::{self, cudaError_enum},
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The parts of an open GPU that its memory and its graphs keep alive.
pub(super) struct Shared {
    pub context: Arc<CudaContext>,
    pub stream: Arc<CudaStream>,
    is_lost: AtomicBool,
    /// An error from a `drop`, which could not return it.
    parked: Mutex<Option<DriverError>>,
}

impl Shared {
    /// A stream of its own in the context.
    pub fn new(context: Arc<CudaContext>) -> Result<Arc<Self>, DriverError> {
        let stream = context.new_stream()?;
        Ok(Arc::new(Shared { context, stream, is_lost: AtomicBool::new(false), parked: Mutex::default() }))
    }

    /// Releases a resource in a `drop`. A lost device gets no more calls: its resources are gone with it.
    pub fn release(&self, release: impl FnOnce() -> Result<(), DriverError>) {
        if self.is_lost.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.context.bind_to_thread().and_then(|()| release()) {
            *self.parked.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    }

    /// Marks the device as lost.
    pub fn lost(&self, why: String) -> Failure {
        self.is_lost.store(true, Ordering::Relaxed);
        Failure::Lost(why)
    }

    /// The failure that an error of the driver means.
    pub fn failure(&self, error: DriverError) -> Failure {
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
            | E::CUDA_ERROR_NOT_SUPPORTED
            | E::CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE => {
                Failure::Refused(Error::backend(format!("CUDA: {}", explain(error))).caused_by(error))
            }
            // An error of a launch is sticky: every later call returns it.
            _ => self.lost(explain(error)),
        }
    }

    /// Returns freed memory, which the pool holds for the next allocation, to the device.
    pub fn trim(&self) -> Result<(), DriverError> {
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
    pub fn ready(&self) -> Result<(), Failure> {
        let parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner).take();
        let late = parked.map_or(Ok(()), Err).and_then(|()| self.context.check_err());
        late.map_err(|error| {
            self.lost(format!("{} (from an earlier release of a resource)", explain(error)))
        })?;
        self.context.bind_to_thread().map_err(|error| self.failure(error))
    }
}
