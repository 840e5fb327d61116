//! The kernels by name: their files, constants, parameters and what they are bound to.

use crate::ops::Cell;

/// One kernel, specialised: two that are equal are one program on the device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kernel {
    /// What it does, in profiles and messages.
    pub label: &'static str,
    /// What is its own, below `kernels/wgsl/`.
    file: &'static str,
    /// Texts, in the order that they are put together.
    pub files: &'static [&'static str],
    pub constants: Vec<(&'static str, u32)>,
    /// Fields of the parameters, all `u32`.
    pub parameters: &'static [&'static str],
}

impl Kernel {
    /// The file and the constants: what tells two variants apart.
    pub fn name(&self) -> String {
        let constants: Vec<String> =
            self.constants.iter().map(|(name, value)| format!("{name}={value}")).collect();
        [self.file.to_string(), constants.join(" ")].join(" ").trim_end().to_string()
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
    ($name:literal) => {
        include_str!(concat!("../../../kernels/wgsl/", $name, ".wgsl"))
    };
}

/// A kernel that is one file, with the maths where it needs it.
macro_rules! kernels {
    ($($function:ident, $label:literal, $file:literal, [$($part:literal),*];)*) => {
        $(pub fn $function<P: Parameters>(constants: &[(&'static str, u32)]) -> Kernel {
            Kernel {
                label: $label,
                file: concat!($file, ".wgsl"),
                files: &[$(file!($part),)* file!($file)],
                constants: constants.to_vec(),
                parameters: P::FIELDS,
            }
        })*
    };
}

kernels! {
    pack, "pack weights", "pack", [];
    project, "input projection", "project", ["layout"];
    weight_gradient, "weight gradient", "weight_gradient", ["layout", "lengths"];
    weight_gradient_sum, "weight gradient sum", "weight_gradient_sum", [];
    gather, "gather", "gather", [];
    dropout, "dropout", "dropout", [];
    pool_forward, "pool forward", "pool_forward", [];
    pool_backward, "pool backward", "pool_backward", [];
    linear_forward, "linear forward", "linear_forward", [];
    linear_input_gradient, "linear input gradient", "linear_input_gradient", [];
    linear_weight_gradient, "linear weight gradient", "linear_weight_gradient", [];
    loss, "loss", "loss", ["maths"];
    squares, "squares", "squares", [];
    norms, "norms", "norms", ["maths"];
    optimize, "optimize", "optimize", ["maths"];
    conv_pack, "convolution weights", "conv_pack", [];
    conv_forward, "convolution", "conv_forward", ["lengths", "conv_layout", "winners", "conv_product"];
    conv_weight_gradient, "convolution weight gradient", "conv_weight_gradient",
        ["lengths", "conv_layout", "winners"];
    conv_weight_gradient_sum, "convolution weight gradient sum", "conv_weight_gradient_sum", [];
    conv_input_gradient, "convolution input gradient", "conv_input_gradient",
        ["lengths", "conv_layout", "winners", "conv_product"];
    probe, "probe", "probe", [];
    roof_compute, "roof compute", "roof_compute", [];
    roof_memory, "roof memory", "roof_memory", [];
}

/// A kernel that exists once per cell.
macro_rules! cell_kernels {
    ($($function:ident, $label:literal, $file:literal, [$($part:literal),*];)*) => {
        $(pub fn $function<P: Parameters>(cell: Cell, constants: &[(&'static str, u32)]) -> Kernel {
            Kernel {
                label: $label,
                file: match cell {
                    Cell::Lstm => concat!("lstm ", $file, ".wgsl"),
                    Cell::Gru => concat!("gru ", $file, ".wgsl"),
                },
                files: match cell {
                    Cell::Lstm => &[file!("maths"), file!("cell_lstm"), $(file!($part),)* file!($file)],
                    Cell::Gru => &[file!("maths"), file!("cell_gru"), $(file!($part),)* file!($file)],
                },
                constants: constants.to_vec(),
                parameters: P::FIELDS,
            }
        })*
    };
}

cell_kernels! {
    registers_forward, "rnn forward, registers", "registers_forward", ["layout", "lengths"];
    registers_backward, "rnn backward, registers", "registers_backward", ["layout", "lengths", "previous"];
    streamed_forward, "rnn forward, streamed", "streamed_forward", ["layout", "lengths"];
    streamed_backward, "rnn backward, streamed", "streamed_backward", ["layout", "lengths", "previous"];
    step_forward, "rnn forward, per step", "step_forward", ["layout", "lengths"];
    step_backward, "rnn backward, per step", "step_backward", ["layout", "lengths", "previous"];
    input_gradient, "input gradient", "input_gradient", ["layout"];
}

#[cfg(test)]
pub mod tests {
    parameters! {
        /// Of a kernel that is told nothing.
        None { nothing }
    }
}
