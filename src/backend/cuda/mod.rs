//! NVIDIA GPUs through CUDA. The kernels are CUDA C++, in `kernels/cuda/`, compiled by NVRTC when they are first needed.
//!
//! `kernel` names the kernels and makes their text; `plan` says which of them a recurrent layer takes; `layer`, `product`, `conv`
//! and `operations` launch them. What runs launches is an [`Executor`]: `driver` is CUDA's, with `compiler`, `programs` and `library` beside it.
//! Tests have another that runs the same launches, of the same text, on the host: all that is above the executor is proved there.

mod compiler;
mod conv;
mod driver;
mod executor;
mod kernel;
mod layer;
mod library;
mod memory;
mod operations;
mod plan;
pub mod probe;
mod product;
mod programs;
mod roof;
mod splits;

pub use compiler::{Compiled, Compiler, Usage};
pub use driver::{Driver, Gpu, gpus};
pub use executor::{Executor, Failure, Launch};
pub use kernel::Kernel;
pub use layer::Layer;
pub use memory::Buf;
pub use operations::Frames;
pub use plan::{Kernels, Regime, Tuning, every_kernel};
pub use product::{Product, Strided};
pub use programs::default_folder;

use super::{Backend, DeviceChoice, Products, Roof, Timeline};
use crate::error::{Error, Fault, Result};
use crate::ops::{
    Conv, ConvBackward, ConvForward, Dropout, Gather, GatherOperands, Linear, LinearBackward, LinearForward,
    Loss, LossOperands, Optimizer, OptimizerOperands, Pool, Precision, Purpose, Rnn, RnnBackward, RnnForward,
    Word, Work,
};
use kernel::Arguments;
use memory::Memory;
use ndarray::ArcArray2;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A device of CUDA, or what stands for one.
pub struct Cuda<E: Executor> {
    executor: E,
    precision: Precision,
    tuning: Tuning,
    /// Bytes of all memory there is.
    held: Arc<AtomicU64>,
    /// Memory that operations work in, as large as the largest needed.
    scratch: Mutex<Option<Memory<E>>>,
    /// Why nothing can be asked of the device any more.
    lost: OnceLock<Error>,
    /// The last launch: a fault shows later than where it happened.
    last: Mutex<Option<(String, [u32; 3], u32)>>,
}

impl<E: Executor> Cuda<E> {
    pub fn new(executor: E, precision: Precision) -> Self {
        Cuda {
            executor,
            precision,
            tuning: Tuning::default(),
            held: Arc::default(),
            scratch: Mutex::default(),
            lost: OnceLock::new(),
            last: Mutex::default(),
        }
    }

    /// The same device, used in another way.
    pub fn tuned(mut self, tuning: Tuning) -> Self {
        self.tuning = tuning;
        self
    }

    pub fn tuning(&self) -> Tuning {
        self.tuning
    }

    pub fn executor(&self) -> &E {
        &self.executor
    }

    fn describe_device(&self) -> String {
        self.executor.describe()
    }

    /// Asks something of the device, unless it is lost; `what` it was, for the error.
    fn call<T>(&self, what: impl Fn() -> String, work: impl FnOnce(&E) -> Result<T, Failure>) -> Result<T> {
        let out_of_memory = |free: u64, total: u64| {
            Error::new(
                Fault::Device,
                format!(
                    "{}: no memory left for {}: {free} of {total} bytes are free",
                    self.describe_device(),
                    what()
                ),
            )
            .hint("train with a smaller `--batch`, or fewer models at once with `--folds-at-once`")
        };
        self.call_with(&what, out_of_memory, work)
    }

    /// As `call`, with the error for memory that is not there.
    fn call_with<T>(
        &self,
        what: impl Fn() -> String,
        out_of_memory: impl FnOnce(u64, u64) -> Error,
        work: impl FnOnce(&E) -> Result<T, Failure>,
    ) -> Result<T> {
        if let Some(error) = self.lost.get() {
            return Err(error.clone());
        }
        work(&self.executor).map_err(|failure| match failure {
            Failure::Refused(error) => error,
            Failure::OutOfMemory { free, total } => out_of_memory(free, total),
            Failure::Lost(why) => {
                let last = match &*self.last.lock().unwrap_or_else(PoisonError::into_inner) {
                    None => "before any launch".to_string(),
                    Some((name, [x, y, z], threads)) => {
                        format!("last launched: {name}, {x} x {y} x {z} blocks of {threads} threads")
                    }
                };
                let device = self.describe_device();
                let error = Error::new(Fault::Device, format!("{device}: {why}, in {}; {last}", what())).hint(
                    "what the device holds is lost and nothing more is asked of it: go on from the last checkpoint with \
                     `--resume`; CUDA_LAUNCH_BLOCKING=1 makes the fault show at its own launch",
                );
                self.lost.get_or_init(|| error).clone()
            }
        })
    }

    fn launch<A: Arguments>(
        &self,
        kernel: &Kernel,
        arguments: &A,
        grid: [usize; 3],
        work: Work,
    ) -> Result<()> {
        self.launch_as(kernel.label, kernel, arguments, grid, work)
    }

    fn launch_as<A: Arguments>(
        &self,
        label: &'static str,
        kernel: &Kernel,
        arguments: &A,
        grid: [usize; 3],
        work: Work,
    ) -> Result<()> {
        // CUDA's limit is 2^16 - 1 blocks in y and z; in x it is ours, since kernels count their threads in 32 bits.
        if grid[0].saturating_mul(kernel.threads() as usize) > u32::MAX as usize
            || grid[1] > 0xffff
            || grid[2] > 0xffff
        {
            return Err(Error::new(
                Fault::Device,
                format!("{label}: {grid:?} blocks are more than CUDA launches at once"),
            )
            .hint("use a smaller `--batch`, or fewer models at once with `--folds-at-once`"));
        }
        let grid = grid.map(|blocks| blocks as u32);
        if grid.contains(&0) {
            return Ok(());
        }
        refuse_wide_numbers(label, arguments)?;
        let arguments = bytemuck::bytes_of(arguments);
        self.call(
            || format!("the launch of {}", kernel.name()),
            |executor| executor.launch(&Launch { label, kernel, arguments, grid, work }),
        )?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((kernel.name(), grid, kernel.threads()));
        Ok(())
    }

    /// Lends `launches` the address of at least so many bytes that hold anything; no other thread launches what uses them
    /// in between.
    fn with_scratch(&self, bytes: usize, launches: impl FnOnce(u64) -> Result<()>) -> Result<()> {
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let address = match &*scratch {
            Some(memory) if memory.bytes() >= bytes => memory.address,
            _ => scratch.insert(Memory::zeros(self, bytes)?).address,
        };
        launches(address)
    }
}

/// A number of 32 bits in the kernel must not lose its upper half on the way there.
fn refuse_wide_numbers<A: Arguments>(label: &str, arguments: &A) -> Result<()> {
    let words = bytemuck::bytes_of(arguments).as_chunks::<8>().0;
    for ((kind, name), word) in A::FIELDS.iter().zip(words) {
        let number = u64::from_ne_bytes(*word);
        if *kind == "unsigned" && number > u64::from(u32::MAX) {
            return Err(Error::new(Fault::Device, format!("{label}: {name} is {number}, beyond 32 bits"))
                .hint("use a smaller `--batch`, or fewer models at once with `--folds-at-once`"));
        }
    }
    Ok(())
}

impl Cuda<Driver> {
    /// The GPU chosen by its number or a part of its name, or the first.
    pub fn open(choice: &DeviceChoice) -> Result<Self> {
        let precision = choice.precision.unwrap_or_default();
        let folder = choice.kernel_cache.clone().or_else(default_folder);
        let driver = Gpu::choose(choice.adapter.as_deref())?.open(folder.as_deref())?;
        let tuning = Tuning { products: choice.products.unwrap_or_default(), ..Tuning::default() };
        Ok(Cuda::new(driver, precision).tuned(tuning))
    }
}

impl<E: Executor> Backend for Cuda<E> {
    type Real = f32;
    type Buf<T: Word> = Buf<T, E>;
    type Frames = Frames<E>;
    type Layer = Layer<E>;

    fn describe(&self) -> String {
        let products = match self.tuning.products {
            Products::Own => "",
            Products::Cublaslt => ", products by cuBLASLt (not yet verified)",
        };
        format!("{}, {}{products}", self.describe_device(), self.precision.name())
    }

    fn precision(&self) -> Precision {
        self.precision
    }

    fn timeline(&self) -> Option<&Timeline> {
        self.executor.timeline()
    }

    fn wait(&self) -> Result<()> {
        self.call(|| "waiting for the device".into(), E::wait)
    }

    fn steps_ahead(&self) -> usize {
        16
    }

    fn roof(&self) -> Result<Roof> {
        roof::roof(self)
    }

    fn zeros<T: Word>(&self, len: usize) -> Result<Buf<T, E>> {
        Buf::zeros(self, len)
    }

    fn write<T: Word>(&self, dst: &mut Buf<T, E>, src: &[T]) -> Result<()> {
        assert!(src.len() <= dst.words(), "{} words into a buffer of {}", src.len(), dst.words());
        let bytes = bytemuck::cast_slice(src);
        self.call(
            || format!("a copy of {} bytes to the device", bytes.len()),
            |e| e.write(&dst.memory.inner, bytes),
        )
    }

    fn read<T: Word>(&self, src: &Buf<T, E>, dst: &mut [T]) -> Result<()> {
        assert!(dst.len() <= src.words(), "{} words out of a buffer of {}", dst.len(), src.words());
        let len = size_of_val(dst);
        self.call(
            || format!("a copy of {len} bytes from the device"),
            |e| e.read(&src.memory.inner, bytemuck::cast_slice_mut(dst)),
        )
    }

    fn frames(&self, chunks: &[ArcArray2<f32>]) -> Result<Frames<E>> {
        Frames::new(self, chunks)
    }

    fn gather(
        &self,
        s: &Gather,
        frames: &Frames<E>,
        a: GatherOperands<Buf<f32, E>, Buf<u32, E>>,
    ) -> Result<()> {
        operations::gather(self, s, frames, a)
    }

    fn conv_forward(&self, s: &Conv, a: ConvForward<Buf<f32, E>, Buf<u32, E>>) -> Result<()> {
        conv::forward(self, s, a)
    }

    fn conv_backward(&self, s: &Conv, a: ConvBackward<Buf<f32, E>, Buf<u32, E>>) -> Result<()> {
        conv::backward(self, s, a)
    }

    fn rnn(&self, s: &Rnn, purpose: Purpose) -> Result<Layer<E>> {
        Layer::new(self, s, purpose)
    }

    fn rnn_load(&self, s: &Rnn, weights: &Buf<f32, E>, layer: &mut Layer<E>) -> Result<()> {
        layer.load(self, s, weights)
    }

    fn rnn_forward(&self, s: &Rnn, a: RnnForward<Layer<E>, Buf<f32, E>, Buf<u32, E>>) -> Result<()> {
        Layer::forward(self, s, a)
    }

    fn rnn_backward(&self, s: &Rnn, a: RnnBackward<Layer<E>, Buf<f32, E>, Buf<u32, E>>) -> Result<()> {
        Layer::backward(self, s, a)
    }

    fn dropout(
        &self,
        s: &Dropout,
        marks: &Buf<u32, E>,
        x: &Buf<f32, E>,
        out: &mut Buf<f32, E>,
    ) -> Result<()> {
        operations::dropout(self, s, marks, x, out)
    }

    fn pool_forward(
        &self,
        s: &Pool,
        lengths: &Buf<u32, E>,
        y: &Buf<f32, E>,
        last: &Buf<f32, E>,
        out: &mut Buf<f32, E>,
    ) -> Result<()> {
        operations::pool_forward(self, s, lengths, y, last, out)
    }

    fn pool_backward(
        &self,
        s: &Pool,
        lengths: &Buf<u32, E>,
        d_out: &Buf<f32, E>,
        dy: &mut Buf<f32, E>,
        d_last: &mut Buf<f32, E>,
    ) -> Result<()> {
        operations::pool_backward(self, s, lengths, d_out, dy, d_last)
    }

    fn linear_forward(&self, s: &Linear, a: LinearForward<Buf<f32, E>>) -> Result<()> {
        operations::linear_forward(self, s, a)
    }

    fn linear_backward(&self, s: &Linear, a: LinearBackward<Buf<f32, E>>) -> Result<()> {
        operations::linear_backward(self, s, a)
    }

    fn loss(&self, s: &Loss, a: LossOperands<Buf<f32, E>, Buf<u32, E>>) -> Result<()> {
        operations::loss(self, s, a)
    }

    fn optimize(&self, s: &Optimizer, a: OptimizerOperands<Buf<f32, E>>) -> Result<()> {
        operations::optimize(self, s, a)
    }
}
