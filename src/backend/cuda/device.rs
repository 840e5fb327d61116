//! A CUDA device as a backend.

use super::address::Address;
use super::driver::Driver;
use super::executor::Executor;
use super::gpu::Gpu;
use super::kernel::NO_F16;
use super::memory::{Buf, Frames, Memory};
use super::peak;
use super::programs::default_folder;
use super::rnn::{Layer, Tuning};
use super::session::Session;
use crate::backend::{Backend, DeviceChoice, GemmKernel, Kind, Peak, Timeline};
use crate::error::Result;
use crate::ops::{Device, Precision, Purpose, Rnn, RnnLayer, Sealed, Together, Word};
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
    ///
    /// # Panics
    /// If no kernel of CUDA computes in `precision`: see [`Kind::precisions`].
    pub fn new(executor: E, precision: Precision) -> Self {
        assert!(Kind::Cuda.precisions().contains(&precision), "{NO_F16}");
        let session = Session::new(executor);
        Cuda { session, precision, tuning: Tuning::default(), scratch: Mutex::default() }
    }

    /// The same device with another tuning.
    pub fn tuned(mut self, tuning: Tuning) -> Self {
        self.tuning = tuning;
        self
    }

    /// The same device, which issues launches one by one and never as graphs.
    pub fn without_graphs(mut self) -> Self {
        self.session.disable_graphs();
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
        Kind::Cuda.require(precision)?;
        let folder = choice.kernel_cache.clone().or_else(default_folder);
        let driver = Gpu::choose(choice.adapter.as_deref())?.open(folder.as_deref())?;
        let tuning = Tuning { gemm: choice.gemm.unwrap_or_default(), ..Tuning::default() };
        let cuda = Cuda::new(driver, precision).tuned(tuning);
        // CUDA's variable asks for an error at the launch that failed: not at a graph of many.
        let is_blocking = std::env::var("CUDA_LAUNCH_BLOCKING").is_ok_and(|value| value != "0");
        Ok(if is_blocking { cuda.without_graphs() } else { cuda })
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

    fn zeros_together(&self, words: &[usize], reals: &[usize]) -> Result<Together<Self>> {
        let sizes: Vec<usize> = words.iter().chain(reals).map(|len| size_of::<f32>() * len).collect();
        let mut words_memory = Memory::side_by_side(&self.session, &sizes)?;
        let reals_memory = words_memory.split_off(words.len());
        let words = words_memory.into_iter().zip(words).map(|(memory, &len)| Buf::within(memory, len));
        let reals = reals_memory.into_iter().zip(reals).map(|(memory, &len)| Buf::within(memory, len));
        Ok((words.collect(), reals.collect()))
    }

    fn write<T: Word>(&self, dst: &mut Buf<T, E>, src: &[T]) -> Result<()> {
        dst.write(&self.session, src)
    }

    fn read<T: Word>(&self, src: &Buf<T, E>, dst: &mut [T]) -> Result<()> {
        src.read(&self.session, dst)
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

    fn as_one<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.session.as_one(work)
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
        Layer::<E>::bytes(&self.tuning, self.precision, self.session.executor.has_clusters(), s, purpose)
    }
}
