//! The devices: whole layers forward and backward, not tensor operations.
//!
//! A recurrence runs in very different ways on a CPU, in CUDA and in WGSL; a contract of tensor operations would force
//! the worst common plan on all three. The operations are few and closed, and their buffers are described once, at
//! their operands in [`crate::ops`].

pub mod cpu;
#[cfg(feature = "cuda")]
pub mod cuda;
mod disjoint;
mod timeline;
#[cfg(feature = "wgpu")]
pub mod wgpu;

pub use crate::reference::Reference;
pub use timeline::{Roof, Span, Timeline};

use crate::error::{Error, Result};
use crate::ops::{
    ConvBackward, ConvForward, Dropout, Gather, LinearBackward, LinearForward, Loss, Optimizer, PoolBackward,
    PoolForward, Precision, Purpose, Real, Rnn, RnnBackward, RnnForward, RnnLayer, RnnLoad, Runs,
};
use crate::reference;
use clap::Args;
use cpu::{Cpu, Isa};
use ndarray::ArcArray2;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A device that can train: one line an operation.
///
/// Results depend on the inputs alone: not on the number of threads, not on the other models of a stack, not on what a
/// buffer held before. A step that a backend cannot do as asked is an error, never another algorithm or precision.
pub trait Backend:
    crate::ops::Device
    + Runs<Gather>
    + Runs<ConvForward>
    + Runs<ConvBackward>
    + Runs<RnnLoad>
    + Runs<RnnForward>
    + Runs<RnnBackward>
    + Runs<PoolForward>
    + Runs<PoolBackward>
    + Runs<LinearForward>
    + Runs<LinearBackward>
    + Runs<Dropout>
    + Runs<Loss>
    + Runs<Optimizer>
{
    /// What computes, for the manifest: device, instruction set or driver.
    fn describe(&self) -> String;

    /// What its products of matrices multiply.
    fn precision(&self) -> Precision {
        Precision::Fp32
    }

    /// Where the backend records its launches; none if it cannot.
    fn timeline(&self) -> Option<&Timeline> {
        None
    }

    /// Measures what the device could do at most, in about a second.
    fn roof(&self) -> Result<Roof> {
        Err(Error::backend(format!("{} has no peak to be measured", self.describe())))
    }

    /// Training steps that are best asked for before the losses of the first are read: a device with a queue of its own
    /// works on while the host prepares.
    fn steps_ahead(&self) -> usize {
        1
    }

    /// Returns when everything that was asked for is done. Only a clock needs it: `read` waits by itself.
    fn wait(&self) -> Result<()> {
        Ok(())
    }

    /// Puts a frame table, a list of chunks `(frames, D)`, where [`Gather`] can read it.
    fn frames(&self, chunks: &[ArcArray2<f32>]) -> Result<Self::Frames>;

    /// A recurrent layer with zero weights.
    fn layer(&self, s: &Rnn, purpose: Purpose) -> Result<RnnLayer<Self>>;

    /// Bytes that such a layer takes.
    fn layer_bytes(&self, s: &Rnn, purpose: Purpose) -> usize;
}

impl<F: Real> Backend for Reference<F> {
    fn describe(&self) -> String {
        format!("reference {}", F::NAME)
    }

    fn frames(&self, chunks: &[ArcArray2<f32>]) -> Result<Self::Frames> {
        Ok(chunks.to_vec())
    }

    fn layer(&self, s: &Rnn, purpose: Purpose) -> Result<RnnLayer<Self>> {
        Ok(RnnLayer::new(*s, purpose, reference::Layer::new(s)))
    }

    fn layer_bytes(&self, s: &Rnn, _: Purpose) -> usize {
        size_of::<F>() * reference::Layer::<F>::numbers(s)
    }
}

/// Which backend, as the user names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The processor: always there.
    Cpu,
    /// NVIDIA GPUs through CUDA.
    Cuda,
    /// Any GPU through Vulkan, Metal or DX12.
    Wgpu,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Cpu => "cpu",
            Kind::Cuda => "cuda",
            Kind::Wgpu => "wgpu",
        }
    }

    /// The error for a backend that this build does not have.
    pub fn not_built(self) -> Error {
        Error::backend(format!("the backend `{}` is not built into this engine", self.name()))
            .hint("use `--backend cpu`; `engine devices` lists what this build can use")
    }
}

/// Which of a backend's devices.
#[derive(Args, Clone, Debug, Default)]
pub struct DeviceChoice {
    /// Instruction-set path of the processor [default: the best it has]
    #[arg(long, value_enum)]
    pub isa: Option<Isa>,
    /// GPU of the backends `cuda` and `wgpu`: its number, or a part of its name, in `engine devices` [default: the first, the
    /// fastest kind]
    #[arg(long, value_name = "N|NAME")]
    pub adapter: Option<String>,
    /// What the products of the backend `cuda` multiply: fp32, tf32 (10 bits of mantissa, as PyTorch's and cuDNN's recurrent layers
    /// do) or bf16 (7 bits); sums and states are f32 in all of them [default: tf32]
    #[arg(long, value_enum)]
    pub precision: Option<Precision>,
    /// Who multiplies the large matrices of the backend `cuda` [default: own]
    #[arg(long, value_enum)]
    pub products: Option<Products>,
    /// Where the backend `cuda` keeps compiled kernels from run to run [default: engine/cuda in the user's cache folder]
    #[arg(long, value_name = "FOLDER")]
    pub kernel_cache: Option<PathBuf>,
}

/// Who multiplies the large matrices of recurrent layers on CUDA. Convolution blocks always take our own kernels: what they multiply
/// is not in memory as matrices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Products {
    /// Our own kernel.
    #[default]
    Own,
    /// NVIDIA's cuBLASLt, for fp32 and tf32. Not yet verified on a GPU.
    Cublaslt,
}

impl Products {
    pub fn name(self) -> &'static str {
        match self {
            Products::Own => "own",
            Products::Cublaslt => "cublaslt",
        }
    }
}

/// A device of one of the backends.
pub enum Device {
    Cpu(Cpu),
    #[cfg(feature = "cuda")]
    Cuda(Box<cuda::Cuda<cuda::Driver>>),
    #[cfg(feature = "wgpu")]
    Wgpu(Box<wgpu::Wgpu>),
}

/// Evaluates an expression with a device's backend, whichever it is.
macro_rules! on_device {
    ($device:expr, $backend:ident => $work:expr) => {
        match $device {
            $crate::backend::Device::Cpu($backend) => $work,
            #[cfg(feature = "cuda")]
            $crate::backend::Device::Cuda($backend) => {
                let $backend = &**$backend;
                $work
            }
            #[cfg(feature = "wgpu")]
            $crate::backend::Device::Wgpu($backend) => {
                let $backend = &**$backend;
                $work
            }
        }
    };
}
pub(crate) use on_device;

impl Device {
    /// The one asked for and no other.
    pub fn open(kind: Kind, choice: &DeviceChoice) -> Result<Self> {
        let not_for = |option: String, backends: &str, example: Kind| {
            Err(Error::backend(format!(
                "`{option}` is for {backends}, and `--backend` asks for `{}`",
                kind.name()
            ))
            .hint(format!("leave `{option}` out, or use `--backend {}`", example.name())))
        };
        let of_cuda = [
            choice.precision.map(|precision| format!("--precision {}", precision.name())),
            choice.products.map(|products| format!("--products {}", products.name())),
            choice.kernel_cache.as_ref().map(|folder| format!("--kernel-cache {}", folder.display())),
        ];
        if let Some(option) = of_cuda.into_iter().flatten().next().filter(|_| kind != Kind::Cuda) {
            return not_for(option, "the backend `cuda`", Kind::Cuda);
        }
        match (kind, choice) {
            (Kind::Cuda | Kind::Wgpu, DeviceChoice { isa: Some(isa), .. }) => {
                not_for(format!("--isa {}", isa.name()), "the backend `cpu`", Kind::Cpu)
            }
            (Kind::Cpu, DeviceChoice { adapter: Some(adapter), .. }) => {
                not_for(format!("--adapter {adapter}"), "the backends `cuda` and `wgpu`", Kind::Wgpu)
            }
            (Kind::Cpu, DeviceChoice { isa: Some(isa), .. }) if !isa.is_available() => {
                let paths: Vec<String> =
                    Isa::available().iter().map(|isa| format!("`--isa {}`", isa.name())).collect();
                Err(Error::backend(format!(
                    "this machine cannot run the instruction-set path `{}`",
                    isa.name()
                ))
                .hint(format!("it runs {}", paths.join(", "))))
            }
            (Kind::Cpu, DeviceChoice { isa: Some(isa), .. }) => Ok(Device::Cpu(Cpu::with_isa(*isa))),
            #[cfg(feature = "cuda")]
            (Kind::Cuda, choice) => Ok(Device::Cuda(Box::new(cuda::Cuda::open(choice)?))),
            #[cfg(feature = "wgpu")]
            (Kind::Wgpu, DeviceChoice { adapter, .. }) => {
                Ok(Device::Wgpu(Box::new(wgpu::Adapter::choose(adapter.as_deref())?.open()?)))
            }
            (Kind::Cpu, _) => Ok(Device::Cpu(Cpu::new())),
            #[cfg(not(all(feature = "cuda", feature = "wgpu")))]
            (kind, _) => Err(kind.not_built()),
        }
    }

    /// What computes, as [`Backend::describe`] says it.
    pub fn describe(&self) -> String {
        on_device!(self, backend => backend.describe())
    }

    /// What the user should know before a long run, or learns after it.
    pub fn warning(&self) -> Option<String> {
        match self {
            Device::Cpu(_) => None,
            #[cfg(feature = "cuda")]
            Device::Cuda(cuda) => cuda.executor().warning(),
            #[cfg(feature = "wgpu")]
            Device::Wgpu(gpu) => gpu.adapter().is_software().then(|| {
                format!(
                    "{} is a software adapter: it computes on the processor, where `--backend cpu` is many times as fast",
                    gpu.adapter().name()
                )
            }),
        }
    }
}
