//! How a layer stores its packed weights, and what it keeps of a unit and step: as vectors of four numbers.

use super::super::kernel::{Kernel, file};
use crate::backend::Kind;
use crate::error::Result;
use crate::ops::Precision;

/// Units whose recurrent weights fit into registers as `f32`.
const F32_UNITS: usize = 80;

/// The format of a layer's stored vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Four `f32`s.
    #[default]
    Fp32,
    /// Four numbers of 16 bits: halves, or for gradients `bf16`.
    F16,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 2] = [Format::Fp32, Format::F16];

    /// That of a precision.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`](crate::error::ErrorKind::Backend) if wgpu does not have the precision.
    pub fn of(precision: Precision) -> Result<Self> {
        Kind::Wgpu.require(precision)?;
        Ok(if precision == Precision::F16 { Format::F16 } else { Format::Fp32 })
    }

    /// Its precision.
    pub fn precision(self) -> Precision {
        match self {
            Format::Fp32 => Precision::Fp32,
            Format::F16 => Precision::F16,
        }
    }

    /// Words of a vector.
    pub fn words(self) -> usize {
        match self {
            Format::Fp32 => 4,
            Format::F16 => 2,
        }
    }

    /// The kernel of a layer of this format.
    pub fn of_kernel(self, kernel: Kernel) -> Kernel {
        let (text, prefix) = match self {
            Format::Fp32 => (file!("rnn_format_fp32"), ""),
            Format::F16 => (file!("rnn_format_f16"), "f16 "),
        };
        Kernel { file: format!("{prefix}{}", kernel.file), ..kernel.with(text) }
    }

    /// The kernel of a time loop that keeps the weights of so many units in registers.
    pub fn of_persistent_kernel(self, hidden: usize, kernel: Kernel) -> Kernel {
        let is_converted = self == Format::F16 && hidden <= F32_UNITS;
        self.of_kernel(kernel.with(if is_converted {
            file!("rnn_held_as_f32")
        } else {
            file!("rnn_held_as_stored")
        }))
    }

    /// The most units whose recurrent weights the invocations of a workgroup can keep in registers.
    pub fn register_units(self) -> usize {
        match self {
            Format::Fp32 => F32_UNITS,
            Format::F16 => 128,
        }
    }
}
