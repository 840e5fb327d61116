//! Which instructions the kernels may use, chosen once at run time.
//!
//! Kernels are written once, over [`Simd`], and inlined into one function per instruction set. The paths
//! differ in how they round a multiply-add and, where a sum runs over lanes, in its order; so results are the
//! same bit for bit per path, and the path is part of what a run records.

use super::format::Format;
use super::simd::{Portable, Simd};
use crate::ops::Precision;
use serde::{Deserialize, Serialize};

/// An instruction-set path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Isa {
    /// Plain Rust, for every CPU.
    Portable,
    /// x86-64, 8-lane vectors and fused multiply-add.
    Avx2,
    /// x86-64, 16-lane vectors.
    Avx512,
    /// 64-bit ARM, 4-lane vectors.
    Neon,
}

impl Isa {
    /// Every path, built for this target or not.
    pub const ALL: [Isa; 4] = [Isa::Portable, Isa::Avx2, Isa::Avx512, Isa::Neon];

    /// Whether this machine can run the path.
    pub fn is_available(self) -> bool {
        match self {
            Isa::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => true,
            #[allow(unreachable_patterns)] // which paths are left depends on the target
            _ => false,
        }
    }

    /// Whether this machine can run the path in a precision: `avx512` and `neon` have `bf16` by instructions
    /// of their own, which not every such processor has, the other paths by widening it to `f32`. No path has
    /// `tf32` or `f16`.
    pub fn is_available_in(self, precision: Precision) -> bool {
        self.is_available()
            && match (precision, self) {
                (Precision::Fp32, _) => true,
                (Precision::Tf32 | Precision::F16, _) => false,
                (Precision::Bf16, Isa::Portable | Isa::Avx2) => true,
                (Precision::Bf16, Isa::Avx512 | Isa::Neon) => self.multiplies_bf16(),
            }
    }

    /// Whether this machine has an instruction of the path that multiplies `bf16`.
    pub fn multiplies_bf16(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => self.is_available() && is_x86_feature_detected!("avx512bf16"),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => std::arch::is_aarch64_feature_detected!("bf16"),
            _ => false,
        }
    }

    /// All paths that this machine can run, the widest vectors last.
    pub fn available() -> Vec<Isa> {
        Isa::available_in(Precision::Fp32)
    }

    /// All paths that this machine can run in a precision, the widest vectors last.
    pub fn available_in(precision: Precision) -> Vec<Isa> {
        Isa::ALL.into_iter().filter(|isa| isa.is_available_in(precision)).collect()
    }

    /// The best path of this machine.
    pub fn detect() -> Isa {
        *Isa::available().last().expect("the portable path is always there")
    }

    /// Numbers per vector.
    pub fn lanes(self) -> usize {
        match self {
            Isa::Portable | Isa::Neon => 4,
            Isa::Avx2 => 8,
            Isa::Avx512 => 16,
        }
    }

    /// The name of the path, as `isa` in a configuration file spells it.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
            Isa::Neon => "neon",
        }
    }
}

/// Work of one thread. `run` and all it calls must be `#[inline(always)]`, so that it is compiled for each
/// path.
pub trait Task {
    /// The format of its products.
    type Format: Format;
    type Output;

    /// # Safety
    /// The processor has `S`'s instructions, those for `bf16` if that is the task's format.
    unsafe fn run<S: Simd>(self) -> Self::Output;
}

/// Runs `task` on a path that this machine has in its format.
pub fn run<T: Task>(isa: Isa, task: T) -> T::Output {
    let precision = T::Format::PRECISION;
    assert!(isa.is_available_in(precision), "this machine cannot run the path {}", isa.name());
    // SAFETY: this processor was just asked for the features that the path's function is compiled with; the
    // portable path takes none.
    unsafe {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86::run_avx2(task),
            // The guard is constant, so that the compiler drops the path of the other format.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 if const { matches!(T::Format::PRECISION, Precision::Bf16) } => {
                x86::run_avx512_bf16(task)
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => x86::run_avx512(task),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => task.run::<super::simd::Neon>(),
            _ => task.run::<Portable>(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::super::simd::{Avx2, Avx512};
    use super::Task;

    /// # Safety
    /// The processor has AVX2 and FMA.
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn run_avx2<T: Task>(task: T) -> T::Output {
        // SAFETY: these are `Avx2`'s instructions, and the caller's processor has them.
        unsafe { task.run::<Avx2>() }
    }

    /// # Safety
    /// The processor has AVX-512F.
    #[target_feature(enable = "avx512f")]
    pub unsafe fn run_avx512<T: Task>(task: T) -> T::Output {
        // SAFETY: these are `Avx512`'s instructions but for those of `bf16`, and tasks in that format take
        // the function below; the caller's processor has them.
        unsafe { task.run::<Avx512>() }
    }

    /// # Safety
    /// The processor has AVX-512F and AVX512-BF16.
    #[target_feature(enable = "avx512f,avx512bf16")]
    pub unsafe fn run_avx512_bf16<T: Task>(task: T) -> T::Output {
        // SAFETY: these are `Avx512`'s instructions, and the caller's processor has them.
        unsafe { task.run::<Avx512>() }
    }
}
