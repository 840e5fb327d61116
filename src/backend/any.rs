//! A device of whichever backend. What this build has and what it lacks is decided here: no other file asks which features are on,
//! but for the two lines that declare the backends' own modules.

use super::cpu::{Cpu, Isa};
#[cfg(feature = "cuda")]
use super::cuda;
#[cfg(feature = "wgpu")]
use super::wgpu;
use super::{Backend, DeviceChoice, DeviceId, Kind};
use crate::error::{Error, Result};

/// A device of one of the backends.
pub enum AnyDevice {
    Cpu(Cpu),
    #[cfg(feature = "cuda")]
    Cuda(Box<cuda::Cuda<cuda::Driver>>),
    #[cfg(feature = "wgpu")]
    Wgpu(Box<wgpu::Wgpu>),
}

/// Evaluates an expression with a device's backend, whichever it is. The expression is compiled once for each backend of the engine,
/// so it may call whatever is generic over [`Backend`].
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

// A `cfg` inside a macro is of the crate that uses the macro. So each helper, defined twice, adds its backend's arm or does not.

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
