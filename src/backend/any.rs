//! A device of any backend.
//!
//! This module alone knows which backends are built in. Nothing else depends on the features, except the two
//! lines that declare the backends' own modules.

mod common;
#[cfg(all(feature = "cli", feature = "cuda"))]
mod cuda_kernels;
#[cfg(feature = "cli")]
mod kernel_options;
// Without GPUs there is no kernel to list.
#[cfg(feature = "cli")]
#[cfg_attr(not(any(feature = "cuda", feature = "wgpu")), expect(dead_code))]
mod listing;
#[cfg(feature = "cuda")]
mod of_cuda;
#[cfg(feature = "wgpu")]
mod of_wgpu;
#[cfg(all(feature = "cli", feature = "wgpu"))]
mod wgpu_kernels;

#[cfg(feature = "cli")]
pub use kernel_options::KernelOptions;

pub use common::{ListedGpu, OnBackend, Out, Restriction};

use super::cpu::Cpu;
#[cfg(feature = "cuda")]
use super::cuda;
#[cfg(feature = "wgpu")]
use super::wgpu;
use super::{ALL_ADAPTERS, Algorithm, Backend, DeviceChoice, DeviceId, Kind, Prediction};
use crate::error::{Error, Result};
use crate::ops::Precision;

/// A device of one of the backends.
pub enum AnyDevice {
    /// The CPU.
    Cpu(Cpu),
    /// An NVIDIA GPU.
    #[cfg(feature = "cuda")]
    Cuda(Box<cuda::Cuda<cuda::Driver>>),
    /// A GPU with Vulkan, Metal or DX12.
    #[cfg(feature = "wgpu")]
    Wgpu(Box<wgpu::Wgpu>),
}

/// Evaluates an expression with the backend of an [`AnyDevice`].
///
/// The expression is compiled once for each backend, so it may call functions that are generic over
/// [`Backend`].
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

// A `cfg` inside a macro refers to the features of the crate that uses the macro. So the `cfg`s are outside:
// each helper has two definitions, of which one adds the backend's arm.

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
    /// Opens the device of the backend `kind` that `choice` names, and never another one.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`](crate::error::ErrorKind::Backend) if the backend is not built in, if there is
    /// no such device, if it cannot be used, or if `choice` has settings of another backend.
    pub fn open(kind: Kind, choice: &DeviceChoice) -> Result<Self> {
        let not_for = |setting: String, backends: &str, example: Kind| {
            Err(Error::backend(format!(
                "`{setting}` is for {backends}, but the backend is `{}`",
                kind.name()
            ))
            .hint(format!("leave `{setting}` out, or use `backend = {}`", example.name())))
        };
        let of_cuda = [
            choice.gemm.map(|gemm| format!("gemm = {}", gemm.name())),
            choice.kernel_cache.as_ref().map(|folder| format!("kernel_cache = {}", folder.display())),
        ];
        if let Some(setting) = of_cuda.into_iter().flatten().next().filter(|_| kind != Kind::Cuda) {
            return not_for(setting, "the backend `cuda`", Kind::Cuda);
        }
        if kind != Kind::Cpu && choice.adapter.as_deref() == Some(ALL_ADAPTERS) {
            return Err(Error::backend("`adapter = all` is a process for each GPU, and this is one process")
                .hint("give `adapter` the number of one; `engine sweep run` spreads the runs or folds of a sweep over all"));
        }
        match (kind, choice) {
            (Kind::Cuda | Kind::Wgpu, DeviceChoice { isa: Some(isa), .. }) => {
                not_for(format!("isa = {}", isa.name()), "the backend `cpu`", Kind::Cpu)
            }
            (Kind::Cpu, DeviceChoice { adapter: Some(adapter), .. }) => {
                not_for(format!("adapter = {adapter}"), "the backends `cuda` and `wgpu`", Kind::Wgpu)
            }
            (Kind::Cpu, DeviceChoice { isa, precision, .. }) => {
                Ok(AnyDevice::Cpu(Cpu::open(*isa, precision.unwrap_or(Precision::Fp32))?))
            }
            #[cfg(feature = "cuda")]
            (Kind::Cuda, choice) => Ok(AnyDevice::Cuda(Box::new(cuda::Cuda::open(choice)?))),
            #[cfg(feature = "wgpu")]
            (Kind::Wgpu, DeviceChoice { adapter, precision, .. }) => {
                let format = wgpu::Format::of(precision.unwrap_or(Precision::Fp32))?;
                let device = wgpu::Adapter::choose(adapter.as_deref())?.open()?;
                Ok(AnyDevice::Wgpu(Box::new(device.storing(format))))
            }
            #[cfg(not(all(feature = "cuda", feature = "wgpu")))]
            (kind, _) => Err(kind.not_built()),
        }
    }

    /// The device's backend.
    pub fn kind(&self) -> Kind {
        match self {
            AnyDevice::Cpu(_) => Kind::Cpu,
            #[cfg(feature = "cuda")]
            AnyDevice::Cuda(_) => Kind::Cuda,
            #[cfg(feature = "wgpu")]
            AnyDevice::Wgpu(_) => Kind::Wgpu,
        }
    }

    /// The device's description, see [`Backend::describe`].
    pub fn describe(&self) -> String {
        on_device!(self, backend => backend.describe())
    }

    /// The identity that a run on this device records.
    pub fn id(&self) -> DeviceId {
        on_device!(self, backend => DeviceId::of(backend))
    }

    /// A warning that the user should see before a long run, and again after it.
    pub fn warning(&self) -> Option<String> {
        match self {
            AnyDevice::Cpu(_) => None,
            #[cfg(feature = "cuda")]
            AnyDevice::Cuda(cuda) => cuda.executor().warning(),
            #[cfg(feature = "wgpu")]
            AnyDevice::Wgpu(gpu) => gpu.adapter().is_software().then(|| {
                format!(
                    "{} is a software adapter: it computes on the CPU, where `backend = cpu` is many times as fast",
                    gpu.adapter().name()
                )
            }),
        }
    }
}

/// Lists the GPUs of a backend; the CPU has none. The iterator opens each GPU, because some problems show
/// only then.
///
/// # Errors
/// [`ErrorKind::Backend`](crate::error::ErrorKind::Backend) if the backend is not built in, or if it finds no
/// driver or no GPU.
pub fn gpus(kind: Kind) -> Result<Box<dyn Iterator<Item = ListedGpu>>> {
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

/// Predicts the times of the launches of `work`. Needs no device and no driver.
///
/// # Errors
/// [`ErrorKind::Backend`](crate::error::ErrorKind::Backend) if the backend is not built in or has no
/// predictions, and any error of `work`.
pub fn predict(kind: Kind, choice: &DeviceChoice, work: &impl OnBackend) -> Result<Prediction> {
    match kind {
        #[cfg(feature = "cuda")]
        Kind::Cuda => of_cuda::predict(choice, work),
        #[cfg(not(feature = "cuda"))]
        Kind::Cuda => {
            let _ = (choice, work);
            Err(kind.not_built())
        }
        kind => Err(Error::backend(format!(
            "the backend `{}` has no predictions: they are for `cuda` alone",
            kind.name()
        ))
        .hint("use `backend = cuda`, or measure on this backend")),
    }
}

impl AnyDevice {
    /// This device with one algorithm for all recurrent layers, and the layers that it can still run.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config) on the CPU, which has one algorithm.
    pub fn restrict(self, algorithm: Algorithm) -> Result<(Self, Restriction)> {
        match self {
            AnyDevice::Cpu(_) => Err(Error::config(format!(
                "the algorithm `{algorithm}` is for the backends `cuda` and `wgpu`, but the backend is `cpu`"
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
