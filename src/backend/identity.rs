//! The device of a run, as its manifest and its saved state name it.

use super::cpu::Isa;
use super::{Backend, GemmKernel, Kind};
use crate::ops::Precision;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// A device with all that changes how results are rounded: work goes on bit for bit only on an equal one.
///
/// Files hold it as text, that of [`Backend::describe`], and every text is read: a run of another version
/// must say where it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum DeviceId {
    /// `cpu avx2`, in `f32`, or `cpu avx512, bf16`.
    Cpu {
        /// The instruction-set path.
        path: Isa,
        /// Precision of its matrix products.
        precision: Precision,
    },
    /// `cuda NVIDIA H100 80GB HBM3, sm_90, driver 13.0, tf32`; `gpu` ends before the precision.
    Cuda {
        /// Name, architecture and driver.
        gpu: String,
        /// Precision of its GEMMs.
        precision: Precision,
        /// Our own kernel, or cuBLASLt.
        gemm: GemmKernel,
    },
    /// `llvmpipe (LLVM 15.0.6, 256 bits), vulkan, software, Mesa 25.0.7`, in `f32`; `, f16` behind it.
    /// Nothing in it names the backend: all other texts are of it.
    Wgpu {
        /// Name, API, type and driver.
        adapter: String,
        /// Precision of its recurrent layers.
        precision: Precision,
    },
    /// A text that begins as the backend's do and goes on as this version knows none.
    Unknown {
        /// The backend, by the start of the text.
        backend: Kind,
        /// The whole text.
        text: String,
    },
}

/// How the text of a GPU of CUDA begins.
const CUDA: &str = "cuda ";
/// How that of a path of the processor does.
const CPU: &str = "cpu ";
/// How the text of an adapter of wgpu ends that does not compute in `f32`.
const F16: &str = ", f16";

/// The end of the text for each kernel.
fn of_gemm(gemm: GemmKernel) -> &'static str {
    match gemm {
        GemmKernel::Own => "",
        GemmKernel::Cublaslt => ", GEMMs by cuBLASLt (not yet verified)",
    }
}

/// The end of the text for cuBLASLt in files of version 0.
const OLD_CUBLASLT: &str = ", products by cuBLASLt (not yet verified)";

impl DeviceId {
    /// Of a backend that has been opened.
    pub fn of<B: Backend>(backend: &B) -> Self {
        DeviceId::from(backend.describe())
    }

    /// The backend that the device belongs to.
    pub fn kind(&self) -> Kind {
        match self {
            DeviceId::Cpu { .. } => Kind::Cpu,
            DeviceId::Cuda { .. } => Kind::Cuda,
            DeviceId::Wgpu { .. } => Kind::Wgpu,
            DeviceId::Unknown { backend, .. } => *backend,
        }
    }

    /// `cpu avx2` or `cpu avx2, bf16`, without `cpu `.
    fn cpu(text: &str) -> Option<Self> {
        let (path, precision) = match text.split_once(", ") {
            // The path alone is `f32`, and has no other text.
            Some((path, name)) => (path, [Precision::Bf16].into_iter().find(|p| p.name() == name)?),
            None => (text, Precision::Fp32),
        };
        Isa::ALL.into_iter().find(|isa| isa.name() == path).map(|path| DeviceId::Cpu { path, precision })
    }

    /// `cuda NVIDIA H100 80GB HBM3, sm_90, driver 13.0, tf32`, without `cuda `.
    fn cuda(text: &str) -> Option<Self> {
        let cublaslt = [of_gemm(GemmKernel::Cublaslt), OLD_CUBLASLT];
        let (text, gemm) = match cublaslt.iter().find_map(|end| text.strip_suffix(end)) {
            Some(text) => (text, GemmKernel::Cublaslt),
            None => (text, GemmKernel::Own),
        };
        let (gpu, last) = text.rsplit_once(", ")?;
        let mut precisions = Kind::Cuda.precisions().iter();
        let precision = *precisions.find(|precision| precision.name() == last)?;
        Some(DeviceId::Cuda { gpu: gpu.to_string(), precision, gemm })
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceId::Cpu { path, precision: Precision::Fp32 } => write!(f, "{CPU}{}", path.name()),
            DeviceId::Cpu { path, precision } => write!(f, "{CPU}{}, {}", path.name(), precision.name()),
            DeviceId::Cuda { gpu, precision, gemm } => {
                write!(f, "{CUDA}{gpu}, {}{}", precision.name(), of_gemm(*gemm))
            }
            DeviceId::Wgpu { adapter, precision: Precision::F16 } => write!(f, "{adapter}{F16}"),
            DeviceId::Wgpu { adapter: text, .. } | DeviceId::Unknown { text, .. } => f.write_str(text),
        }
    }
}

impl From<String> for DeviceId {
    fn from(text: String) -> Self {
        let (backend, known) = if let Some(path) = text.strip_prefix(CPU) {
            (Kind::Cpu, DeviceId::cpu(path))
        } else if let Some(rest) = text.strip_prefix(CUDA) {
            (Kind::Cuda, DeviceId::cuda(rest))
        } else {
            return match text.strip_suffix(F16) {
                Some(adapter) => DeviceId::Wgpu { adapter: adapter.into(), precision: Precision::F16 },
                None => DeviceId::Wgpu { adapter: text, precision: Precision::Fp32 },
            };
        };
        known.unwrap_or(DeviceId::Unknown { backend, text })
    }
}

impl From<DeviceId> for String {
    fn from(device: DeviceId) -> String {
        device.to_string()
    }
}

impl FromStr for DeviceId {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.to_string().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::Cpu;
    use crate::backend::{DeviceChoice, Reference};

    fn read(text: &str) -> DeviceId {
        let device: DeviceId = text.parse().unwrap();
        assert_eq!(device.to_string(), text);
        // As in a file.
        let json = serde_json::to_string(&device).unwrap();
        assert_eq!(json, serde_json::to_string(text).unwrap());
        assert_eq!(serde_json::from_str::<DeviceId>(&json).unwrap(), device);
        device
    }

    #[test]
    fn paths_of_the_processor() {
        for path in Isa::ALL {
            let fp32 = DeviceId::Cpu { path, precision: Precision::Fp32 };
            assert_eq!(read(&format!("cpu {}", path.name())), fp32);
            let bf16 = DeviceId::Cpu { path, precision: Precision::Bf16 };
            assert_eq!(read(&format!("cpu {}, bf16", path.name())), bf16);
        }
        for precision in [Precision::Fp32, Precision::Bf16] {
            for path in Isa::available_in(precision) {
                assert_eq!(DeviceId::of(&Cpu::with(path, precision)), DeviceId::Cpu { path, precision });
            }
        }
        for unknown in ["cpu avx2, fp32", "cpu avx2, tf32"] {
            assert!(matches!(read(unknown), DeviceId::Unknown { .. }), "{unknown}");
        }
        let elsewhere = read("cpu of-another-machine");
        assert_eq!(elsewhere.kind(), Kind::Cpu);
        assert!(matches!(elsewhere, DeviceId::Unknown { .. }));
    }

    #[test]
    fn gpus_of_cuda() {
        let gpu = "NVIDIA H100 80GB HBM3, sm_90, driver 13.0";
        for &precision in Kind::Cuda.precisions() {
            for (gemm, end) in
                [(GemmKernel::Own, ""), (GemmKernel::Cublaslt, ", GEMMs by cuBLASLt (not yet verified)")]
            {
                let found = read(&format!("cuda {gpu}, {}{end}", precision.name()));
                assert_eq!(found, DeviceId::Cuda { gpu: gpu.into(), precision, gemm });
            }
        }
        // A file of version 0; it is written again in today's words.
        let old: DeviceId = format!("cuda {gpu}, tf32{OLD_CUBLASLT}").parse().unwrap();
        assert_eq!(old, read(&format!("cuda {gpu}, tf32, GEMMs by cuBLASLt (not yet verified)")));
        assert!(matches!(read("cuda on the host, tf32"), DeviceId::Cuda { .. }));
        for unknown in ["cuda NVIDIA B300, sm_103, driver 14.0, fp8", "cuda", "cuda ", "cuda NVIDIA A10"] {
            assert!(!matches!(read(unknown), DeviceId::Cuda { .. }), "{unknown}");
        }
        assert_eq!(read("cuda NVIDIA B300, sm_103, driver 14.0, fp8").kind(), Kind::Cuda);
    }

    #[test]
    fn adapters_of_wgpu_and_what_else_there_is() {
        for text in [
            "llvmpipe (LLVM 15.0.6, 256 bits), vulkan, software, llvmpipe Mesa 25.0.7-2 (LLVM 15.0.6)",
            "NVIDIA H100 80GB HBM3, vulkan, NVIDIA 580.95.05",
            "Apple M2, metal, ",
            "",
        ] {
            let of = |precision| DeviceId::Wgpu { adapter: text.into(), precision };
            assert_eq!(read(text), of(Precision::Fp32));
            assert_eq!(read(&format!("{text}, f16")), of(Precision::F16));
        }
        let reference = Reference::<f64>::default().describe();
        assert_eq!(DeviceId::of(&Reference::<f64>::default()), read(&reference));
    }

    /// Whatever this machine has.
    #[test]
    fn devices_that_open_are_named_as_they_describe_themselves() {
        for kind in [Kind::Cpu, Kind::Cuda, Kind::Wgpu] {
            if let Ok(device) = crate::backend::AnyDevice::open(kind, &DeviceChoice::default()) {
                assert_eq!(read(&device.describe()), device.id());
                assert_eq!(device.id().kind(), kind);
            }
        }
    }
}
