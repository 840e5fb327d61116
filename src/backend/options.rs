//! The device options of a user: backend, device, and how it computes.

use super::cpu::Isa;
use crate::error::{Error, Result};
use crate::ops::Precision;
#[cfg(feature = "cli")]
use crate::word::word;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Which backend, as the user names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The CPU; available everywhere.
    Cpu,
    /// NVIDIA GPUs through CUDA.
    Cuda,
    /// Any GPU through Vulkan, Metal or DX12.
    Wgpu,
}

impl Kind {
    /// The name of the backend, as the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Cpu => "cpu",
            Kind::Cuda => "cuda",
            Kind::Wgpu => "wgpu",
        }
    }

    /// The precisions in which the backend computes, from the most exact down.
    pub const fn precisions(self) -> &'static [Precision] {
        match self {
            Kind::Cpu => &[Precision::Fp32, Precision::Bf16],
            Kind::Cuda => &[Precision::Fp32, Precision::Tf32, Precision::Bf16],
            Kind::Wgpu => &[Precision::Fp32, Precision::F16],
        }
    }

    /// Whether the backend computes in `precision`.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`](crate::error::ErrorKind::Backend) if it does not, with the precisions that it
    /// has and the backends that have this one.
    pub fn require(self, precision: Precision) -> Result<()> {
        if self.precisions().contains(&precision) {
            return Ok(());
        }
        let own: Vec<String> =
            self.precisions().iter().map(|precision| format!("`precision = {}`", precision.name())).collect();
        let others: Vec<String> = [Kind::Cpu, Kind::Cuda, Kind::Wgpu]
            .into_iter()
            .filter(|kind| kind.precisions().contains(&precision))
            .map(|kind| format!("`backend = {}`", kind.name()))
            .collect();
        Err(Error::backend(format!(
            "the backend `{}` has no `precision = {}`",
            self.name(),
            precision.name()
        ))
        .hint(format!("use {}, or use {}", own.join(" or "), others.join(" or "))))
    }

    /// The error for a backend that this build does not have.
    pub fn not_built(self) -> Error {
        Error::backend(format!("the backend `{}` is not built into this engine", self.name()))
            .hint("use `backend = cpu`; `engine devices` lists the devices of this build")
    }
}

/// Which of a backend's devices, and how it computes. Every command that computes has these flags, and a
/// run's file these keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
pub struct DeviceChoice {
    /// Instruction-set path of the CPU [default: the best that it supports]
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_parser = word::<Isa>()))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isa: Option<Isa>,
    /// GPU of the backends `cuda` and `wgpu`: its number or a part of its name, from the list of `engine
    /// devices` [default: the first of the list]. For `engine sweep run` also `all`: a process for each
    #[cfg_attr(feature = "cli", arg(long, value_name = "N|NAME"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
    /// Format of the operands of matrix products: fp32 or bf16 on `cpu`, fp32, tf32 or bf16 on `cuda`, fp32
    /// or f16 on `wgpu`; sums and states are always f32 [default: fp32, on `cuda` tf32]
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_parser = word::<Precision>()))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// GEMM kernel of the backend `cuda` [default: own]
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_parser = word::<GemmKernel>(), alias = "products"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gemm: Option<GemmKernel>,
    /// Folder in which the backend `cuda` stores compiled kernels [default: engine/cuda in the
    /// user's cache folder]
    #[cfg_attr(feature = "cli", arg(long, value_name = "FOLDER"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_cache: Option<PathBuf>,
}

impl DeviceChoice {
    /// These options, and `other`'s where there is none.
    pub fn or(self, other: Self) -> Self {
        DeviceChoice {
            isa: self.isa.or(other.isa),
            adapter: self.adapter.or(other.adapter),
            precision: self.precision.or(other.precision),
            gemm: self.gemm.or(other.gemm),
            kernel_cache: self.kernel_cache.or(other.kernel_cache),
        }
    }
}

/// The `adapter` that stands for all GPUs of the machine, each with a process of its own: for sweeps.
pub const ALL_ADAPTERS: &str = "all";

/// Numbers below this are those of a GPU in the list; larger ones may be a part of a name.
const NUMBERS: usize = 100;

/// The GPU that a user names, as an index into `gpus`, a list of numbers and names: the number of one, or a
/// part of a name. `2` is a number, and never a part of "GPU 2"; `3060` is a part of "NVIDIA GeForce RTX
/// 3060" where no GPU has that number.
pub fn named_gpu<'a>(wanted: &str, gpus: impl Iterator<Item = (usize, &'a str)> + Clone) -> Option<usize> {
    let wanted = wanted.trim().to_lowercase();
    let number = wanted.parse::<usize>().ok();
    let of_number = gpus.clone().position(|(index, _)| Some(index) == number);
    let may_be_part = !wanted.is_empty() && number.is_none_or(|number| number >= NUMBERS);
    let is_part = |name: &str| may_be_part && name.to_lowercase().contains(&wanted);
    of_number.or_else(|| gpus.clone().position(|(_, name)| is_part(name)))
}

/// Who multiplies the large matrices of recurrent layers on CUDA: the input projection and the gradient by
/// the input. Time loops and convolution blocks always take our own kernels: what they multiply is not in
/// memory as matrices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum GemmKernel {
    /// Our own kernel.
    #[default]
    Own,
    /// NVIDIA's cuBLASLt, for fp32 and tf32. Not yet verified on a GPU.
    Cublaslt,
}

impl GemmKernel {
    /// The name of the kernel, as the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            GemmKernel::Own => "own",
            GemmKernel::Cublaslt => "cublaslt",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::named_gpu;

    #[test]
    fn a_number_that_no_gpu_has_is_a_part_of_a_name() {
        let gpus = [(0, "llvmpipe"), (1, "NVIDIA GeForce RTX 3060"), (2, "Arc A770")];
        for (wanted, found) in [
            ("3060", Some(1)),
            (" rtx 3060 ", Some(1)),
            ("2", Some(2)),
            ("770", Some(2)),
            ("1", Some(1)),
            ("4090", None),
            ("77", None),
            ("", None),
        ] {
            assert_eq!(named_gpu(wanted, gpus.iter().copied()), found, "{wanted}");
        }
    }
}
