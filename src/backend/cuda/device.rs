//! A CUDA device as a backend.

use super::address::Address;
use super::driver::Driver;
use super::executor::Executor;
use super::gpu::Gpu;
use super::memory::{Buf, Frames, Memory};
use super::peak;
use super::programs::default_folder;
use super::rnn::{Layer, Tuning};
use super::session::Session;
use crate::backend::{Backend, DeviceChoice, GemmKernel, Peak, Timeline};
use crate::error::Result;
use crate::ops::{Device, Precision, Purpose, Rnn, RnnLayer, Sealed, Word};
use ndarray::ArcArray2;
use std::sync::{Mutex, PoisonError};

/// A CUDA device, or a test's substitute for one, as a backend.
pub struct Cuda<E: Executor> {
    pub(super) session: Session<E>,
    pub(super) precision: Precision,
    pub(super) tuning: Tuning,
    /// Working memory that the operations share, as large as any of them has needed.
    scratch: Mutex<Option<Memory<E>>>,
}

impl<E: Executor> Cuda<E> {
    /// A backend on `executor` that computes in `precision`, with the default tuning.
    pub fn new(executor: E, precision: Precision) -> Self {
        let session = Session::new(executor);
        Cuda { session, precision, tuning: Tuning::default(), scratch: Mutex::default() }
    }

    /// The same device with another tuning.
    pub fn tuned(mut self, tuning: Tuning) -> Self {
        self.tuning = tuning;
        self
    }

    /// The tuning of the recurrent layers.
    pub fn tuning(&self) -> Tuning {
        self.tuning
    }

    /// The executor that runs the launches.
    pub fn executor(&self) -> &E {
        &self.session.executor
    }

    /// Calls `launches` with the address of at least `bytes` bytes of scratch memory, whose contents are
    /// undefined. Other threads wait until it returns.
    pub(super) fn with_scratch(
        &self,
        bytes: usize,
        launches: impl FnOnce(Address) -> Result<()>,
    ) -> Result<()> {
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let address = match &*scratch {
            Some(memory) if memory.bytes() >= bytes => memory.address,
            _ => scratch.insert(Memory::zeros(&self.session, bytes)?).address,
        };
        launches(address)
    }
}

impl Cuda<Driver> {
    /// Opens the GPU that `choice` names by its number or by a part of its name, or the first usable one.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`](crate::error::ErrorKind::Backend) if there is no such GPU, or if the
    /// driver or NVRTC is missing or too old.
    pub fn open(choice: &DeviceChoice) -> Result<Self> {
        let precision = choice.precision.unwrap_or_default();
        let folder = choice.kernel_cache.clone().or_else(default_folder);
        let driver = Gpu::choose(choice.adapter.as_deref())?.open(folder.as_deref())?;
        let tuning = Tuning { gemm: choice.gemm.unwrap_or_default(), ..Tuning::default() };
        Ok(Cuda::new(driver, precision).tuned(tuning))
    }
}

impl<E: Executor> Sealed for Cuda<E> {}

impl<E: Executor> Device for Cuda<E> {
    type Real = f32;
    type Buf<T: Word> = Buf<T, E>;
    type Frames = Frames<E>;
    type Layer = Layer<E>;

    fn zeros<T: Word>(&self, len: usize) -> Result<Buf<T, E>> {
        Buf::zeros(&self.session, len)
    }

    fn write<T: Word>(&self, dst: &mut Buf<T, E>, src: &[T]) -> Result<()> {
        assert!(src.len() <= dst.elements(), "{} elements into a buffer of {}", src.len(), dst.elements());
        let bytes = bytemuck::cast_slice(src);
        self.session.call(
            || format!("a copy of {} bytes to the device", bytes.len()),
            |e| e.write(&dst.memory.inner, bytes),
        )
    }

    fn read<T: Word>(&self, src: &Buf<T, E>, dst: &mut [T]) -> Result<()> {
        assert!(dst.len() <= src.elements(), "{} elements out of a buffer of {}", dst.len(), src.elements());
        let len = size_of_val(dst);
        self.session.call(
            || format!("a copy of {len} bytes from the device"),
            |e| e.read(&src.memory.inner, bytemuck::cast_slice_mut(dst)),
        )
    }
}

impl<E: Executor> Backend for Cuda<E> {
    fn describe(&self) -> String {
        // `DeviceId` reads this text back from manifests: it is a file format.
        let gemm = match self.tuning.gemm {
            GemmKernel::Own => "",
            GemmKernel::Cublaslt => ", GEMMs by cuBLASLt (not yet verified)",
        };
        format!("{}, {}{gemm}", self.session.describe(), self.precision.name())
    }

    fn precision(&self) -> Precision {
        self.precision
    }

    fn timeline(&self) -> Option<&Timeline> {
        self.session.executor.timeline()
    }

    fn wait(&self) -> Result<()> {
        self.session.call(|| "waiting for the device".into(), E::wait)
    }

    fn steps_ahead(&self) -> usize {
        16
    }

    fn peak(&self) -> Result<Peak> {
        peak::peak(&self.session, self.precision)
    }

    fn frames(&self, chunks: &[ArcArray2<f32>]) -> Result<Frames<E>> {
        let elements: Vec<f32> = chunks.iter().flat_map(|chunk| chunk.iter().copied()).collect();
        let mut frames = self.zeros(elements.len())?;
        self.write(&mut frames, &elements)?;
        Ok(Frames(frames))
    }

    fn layer(&self, s: &Rnn, purpose: Purpose) -> Result<RnnLayer<Self>> {
        let layer = Layer::new(&self.session, &self.tuning, self.precision, s, purpose)?;
        Ok(RnnLayer::new(*s, purpose, layer))
    }

    fn layer_bytes(&self, s: &Rnn, purpose: Purpose) -> Result<usize> {
        Layer::<E>::bytes(&self.tuning, self.precision, s, purpose)
    }
}
