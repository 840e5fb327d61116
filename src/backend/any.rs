//! A device of whichever backend. What this build has and what it lacks is decided here: no other file asks
//! which features are on, but for the two lines that declare the backends' own modules.

mod asked;
#[cfg(feature = "cuda")]
mod of_cuda;
#[cfg(feature = "wgpu")]
mod of_wgpu;

pub use asked::{Found, Out, Restriction};

use super::cpu::{Cpu, Isa};
#[cfg(feature = "cuda")]
use super::cuda;
#[cfg(feature = "wgpu")]
use super::wgpu;
use super::{Algorithm, Backend, DeviceChoice, DeviceId, Kind};
use crate::error::{Error, Result};
use crate::ops::Rnn;
use clap::Args;

/// A device of one of the backends.
pub enum AnyDevice {
    Cpu(Cpu),
    #[cfg(feature = "cuda")]
    Cuda(Box<cuda::Cuda<cuda::Driver>>),
    #[cfg(feature = "wgpu")]
    Wgpu(Box<wgpu::Wgpu>),
}

/// Evaluates an expression with a device's backend, whichever it is. The expression is compiled once for each
/// backend of the engine, so it may call whatever is generic over [`Backend`].
///
/// ```
/// use engine::backend::Backend;
/// use engine::config::Config;
///
/// fn there_and_back<B: Backend>(backend: &B, values: &[f32]) -> engine::Result<Vec<f32>> {
///     let mut buffer = backend.zeros::<f32>(values.len())?;
///     backend.write(&mut buffer, values)?;
///     let mut read = vec![0.0; values.len()];
///     backend.read(&buffer, &mut read)?;
///     Ok(read)
/// }
///
/// let device = Config::default().run.device()?;
/// let read = engine::on_device!(&device, backend => there_and_back(backend, &[1.0, 2.0])?);
/// assert_eq!(read, [1.0, 2.0]);
/// assert_eq!(device.describe(), engine::on_device!(&device, backend => backend.describe()));
/// # Ok::<(), engine::Error>(())
/// ```
#[macro_export]
macro_rules! on_device {
    ($device:expr, $backend:ident => $work:expr) => {
        $crate::__arm_of_cuda! {
            ($device, $backend => $work)
            $crate::backend::AnyDevice::Cpu($backend) => $work,
        }
    };
}

// A `cfg` inside a macro is of the crate that uses the macro. So each helper, defined twice, adds its
// backend's arm or does not.

#[cfg(feature = "cuda")]
#[doc(hidden)]
#[macro_export]
macro_rules! __arm_of_cuda {
    (($device:expr, $backend:ident => $work:expr) $($arms:tt)*) => {
        $crate::__arm_of_wgpu! {
            ($device, $backend => $work)
            $($arms)*
            $crate::backend::AnyDevice::Cuda($backend) => {
                let $backend = &**$backend;
                $work
            }
        }
    };
}

#[cfg(not(feature = "cuda"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __arm_of_cuda {
    ($($all:tt)*) => { $crate::__arm_of_wgpu! { $($all)* } };
}

#[cfg(feature = "wgpu")]
#[doc(hidden)]
#[macro_export]
macro_rules! __arm_of_wgpu {
    (($device:expr, $backend:ident => $work:expr) $($arms:tt)*) => {
        match $device {
            $($arms)*
            $crate::backend::AnyDevice::Wgpu($backend) => {
                let $backend = &**$backend;
                $work
            }
        }
    };
}

#[cfg(not(feature = "wgpu"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __arm_of_wgpu {
    (($device:expr, $backend:ident => $work:expr) $($arms:tt)*) => {
        match $device { $($arms)* }
    };
}

impl AnyDevice {
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
            choice.gemm.map(|gemm| format!("--gemm {}", gemm.name())),
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
            (Kind::Cpu, DeviceChoice { isa: Some(isa), .. }) => Ok(AnyDevice::Cpu(Cpu::with_isa(*isa))),
            #[cfg(feature = "cuda")]
            (Kind::Cuda, choice) => Ok(AnyDevice::Cuda(Box::new(cuda::Cuda::open(choice)?))),
            #[cfg(feature = "wgpu")]
            (Kind::Wgpu, DeviceChoice { adapter, .. }) => {
                Ok(AnyDevice::Wgpu(Box::new(wgpu::Adapter::choose(adapter.as_deref())?.open()?)))
            }
            (Kind::Cpu, _) => Ok(AnyDevice::Cpu(Cpu::new())),
            #[cfg(not(all(feature = "cuda", feature = "wgpu")))]
            (kind, _) => Err(kind.not_built()),
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            AnyDevice::Cpu(_) => Kind::Cpu,
            #[cfg(feature = "cuda")]
            AnyDevice::Cuda(_) => Kind::Cuda,
            #[cfg(feature = "wgpu")]
            AnyDevice::Wgpu(_) => Kind::Wgpu,
        }
    }

    /// What computes, as [`Backend::describe`] says it.
    pub fn describe(&self) -> String {
        on_device!(self, backend => backend.describe())
    }

    /// What a run on it is made on.
    pub fn id(&self) -> DeviceId {
        on_device!(self, backend => DeviceId::of(backend))
    }

    /// What the user should know before a long run, or learns after it.
    pub fn warning(&self) -> Option<String> {
        match self {
            AnyDevice::Cpu(_) => None,
            #[cfg(feature = "cuda")]
            AnyDevice::Cuda(cuda) => cuda.executor().warning(),
            #[cfg(feature = "wgpu")]
            AnyDevice::Wgpu(gpu) => gpu.adapter().is_software().then(|| {
                format!(
                    "{} is a software adapter: it computes on the processor, where `--backend cpu` is many times as fast",
                    gpu.adapter().name()
                )
            }),
        }
    }
}

/// All GPUs of a backend, each opened as it is taken: what is wrong with one may show only then. The
/// processor has none.
pub fn gpus(kind: Kind) -> Result<Box<dyn Iterator<Item = Found>>> {
    match kind {
        Kind::Cpu => Ok(Box::new(std::iter::empty())),
        #[cfg(feature = "cuda")]
        Kind::Cuda => Ok(Box::new(of_cuda::gpus()?)),
        #[cfg(feature = "wgpu")]
        Kind::Wgpu => Ok(Box::new(of_wgpu::gpus()?)),
        #[cfg(not(all(feature = "cuda", feature = "wgpu")))]
        kind => Err(kind.not_built()),
    }
}

impl AnyDevice {
    /// This device with one algorithm for all recurrent layers, and which layers that leaves.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config) on the CPU, which has one algorithm.
    pub fn restrict(self, algorithm: Algorithm) -> Result<(Self, Restriction)> {
        match self {
            AnyDevice::Cpu(_) => Err(Error::config(format!(
                "the algorithm `{algorithm}` is for the backends `cuda` and `wgpu`, and the backend is `cpu`"
            ))),
            #[cfg(feature = "cuda")]
            AnyDevice::Cuda(cuda) => {
                let (cuda, restriction) = of_cuda::restrict(cuda, algorithm);
                Ok((AnyDevice::Cuda(cuda), restriction))
            }
            #[cfg(feature = "wgpu")]
            AnyDevice::Wgpu(gpu) => {
                let (gpu, restriction) = of_wgpu::restrict(gpu, algorithm);
                Ok((AnyDevice::Wgpu(gpu), restriction))
            }
        }
    }
}

/// What the kernels of one backend are asked; those of the others have no such options.
#[derive(Args)]
pub struct KernelOptions {
    /// Take this algorithm [default: the first that the layer fits]
    #[arg(long, value_enum, aliases = ["tier", "regime"])]
    algorithm: Option<Algorithm>,
    #[cfg(feature = "wgpu")]
    #[command(flatten)]
    wgpu: of_wgpu::KernelOptions,
    #[cfg(feature = "cuda")]
    #[command(flatten)]
    cuda: of_cuda::KernelOptions,
}

impl KernelOptions {
    /// Gives out the kernels of a recurrent layer as the backend's devices compile them: names alone, or
    /// texts.
    pub fn print(&self, kind: Kind, rnn: &Rnn, list: bool, out: Out) -> Result<()> {
        self.refuse_those_of_others(kind)?;
        match kind {
            Kind::Cpu => {
                Err(Error::config("the processor's kernels are no texts: they are Rust, in src/backend/cpu/")
                    .hint("`--backend wgpu` or `--backend cuda`"))
            }
            #[cfg(feature = "cuda")]
            Kind::Cuda => self.cuda.print(rnn, self.algorithm, list, out),
            #[cfg(feature = "wgpu")]
            Kind::Wgpu => self.wgpu.print(rnn, self.algorithm, list, out),
            #[cfg(not(all(feature = "cuda", feature = "wgpu")))]
            kind => {
                let _ = (rnn, list, out);
                Err(kind.not_built())
            }
        }
    }

    fn refuse_those_of_others(&self, kind: Kind) -> Result<()> {
        let given: &[(Kind, Option<&str>)] = &[
            #[cfg(feature = "wgpu")]
            (Kind::Wgpu, self.wgpu.given()),
            #[cfg(feature = "cuda")]
            (Kind::Cuda, self.cuda.given()),
        ];
        for (of, option) in given {
            if let Some(option) = option.filter(|_| *of != kind) {
                return Err(Error::config(format!(
                    "`{option}` is for the kernels of `{}`, and these are of `{}`",
                    of.name(),
                    kind.name()
                ))
                .hint(format!("`--backend {}`", of.name())));
            }
        }
        Ok(())
    }
}
