//! The kernels by name: their files, constants, parameters and bindings.

use crate::ops::{Cell, cells};
use std::hash::{Hash, Hasher};

/// One kernel, specialized: two that are equal are one program on the device.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Its label in profiles and messages.
    pub label: &'static str,
    /// Its own source file, below `kernels/wgsl/`.
    pub file: String,
    /// Texts, in the order that they are put together.
    pub files: Vec<&'static str>,
    pub constants: Vec<(&'static str, u32)>,
    /// Fields of the parameters, all `u32`.
    pub parameters: &'static [&'static str],
}

impl Kernel {
    /// The kernel with one more file before its own.
    pub fn with(mut self, text: &'static str) -> Self {
        self.files.insert(0, text);
        self
    }

    /// The file and the constants identify a variant.
    pub fn name(&self) -> String {
        let constants: Vec<String> =
            self.constants.iter().map(|(name, value)| format!("{name}={value}")).collect();
        [self.file.clone(), constants.join(" ")].join(" ").trim_end().to_string()
    }
}

/// The file and the constants identify a kernel. Every launch looks its program up, so the source text takes
/// no part.
impl PartialEq for Kernel {
    fn eq(&self, other: &Self) -> bool {
        (&self.file, &self.constants) == (&other.file, &other.constants)
    }
}

impl Eq for Kernel {}

impl Hash for Kernel {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.file, &self.constants).hash(state);
    }
}

/// Parameters of a kernel: `u32` fields in the order of [`Parameters::FIELDS`], floats as their bits.
pub trait Parameters: bytemuck::Pod {
    const FIELDS: &'static [&'static str];
}

/// A struct of `u32` fields that a kernel's `p` has too: the WGSL struct is written from the same list.
macro_rules! parameters {
    ($(#[$meta:meta])* $name:ident { $($field:ident),* $(,)? }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, bytemuck::Pod, bytemuck::Zeroable)]
        pub struct $name {
            $(pub $field: u32),*
        }

        impl $crate::backend::wgpu::kernel::Parameters for $name {
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];
        }
    };
}
pub(super) use parameters;

macro_rules! file {
    ($name:expr) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/kernels/wgsl/", $name, ".wgsl"))
    };
}
pub(super) use file;

/// Kernels that are one file each, after the parts that it needs.
macro_rules! kernels {
    ($($function:ident, $label:literal, $file:literal, [$($part:literal),*];)*) => {
        use $crate::backend::wgpu::kernel::{Kernel, Parameters};
        $(pub fn $function<P: Parameters>(constants: &[(&'static str, u32)]) -> Kernel {
            Kernel {
                label: $label,
                file: concat!($file, ".wgsl").into(),
                files: vec![$($crate::backend::wgpu::kernel::file!($part),)* $crate::backend::wgpu::kernel::file!($file)],
                constants: constants.to_vec(),
                parameters: P::FIELDS,
            }
        })*
    };
}
pub(super) use kernels;

/// Kernels that exist once per cell.
macro_rules! cell_kernels {
    ($($function:ident, $label:literal, $file:literal, [$($part:literal),*];)*) => {
        $(pub fn $function<P: Parameters>(
            cell: $crate::ops::Cell,
            constants: &[(&'static str, u32)],
        ) -> Kernel {
            let equations = $crate::backend::wgpu::kernel::cell_file(cell);
            Kernel {
                label: $label,
                file: format!(concat!("{} ", $file, ".wgsl"), cell.name()),
                files: vec![$crate::backend::wgpu::kernel::file!("maths"), equations, $($crate::backend::wgpu::kernel::file!($part),)* $crate::backend::wgpu::kernel::file!($file)],
                constants: constants.to_vec(),
                parameters: P::FIELDS,
            }
        })*
    };
}
pub(super) use cell_kernels;

macro_rules! cell_files {
    ($($(#[$doc:meta])* $cell:ident $name:literal { $($fact:ident: $value:expr),* })*) => {
        /// The equations of a cell.
        pub fn cell_file(cell: Cell) -> &'static str {
            match cell {
                $(Cell::$cell => file!(concat!("cell_", $name)),)*
            }
        }
    };
}
cells!(cell_files);
