//! The kernels: their files, constants and arguments, and the source text that NVRTC compiles.
//!
//! A kernel has one argument, a struct by value. The operation's file lists its fields once, and both the
//! Rust struct and the C++ struct come from that list. Every field has eight bytes.

use crate::ops::{Cell, Precision, cells};
use std::fmt::Write;
use std::hash::{Hash, Hasher};

/// The name of a file of `kernels/cuda/` and its text.
pub type File = (&'static str, &'static str);

macro_rules! file {
    ($name:expr) => {
        (
            concat!($name, ".cu"),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/kernels/cuda/", $name, ".cu")),
        )
    };
}
pub(super) use file;

/// The files that every kernel begins with.
const COMMON: [File; 3] = [file!("maths"), file!("intrinsics"), file!("formats")];

/// The oldest supported architecture: the first with mma instructions for bf16 and tf32.
pub const OLDEST_ARCH: u32 = 80;
/// The first architecture with thread-block clusters.
pub const CLUSTER_ARCH: u32 = 90;
/// The first NVRTC that compiles them: `st.async` is of PTX ISA 8.1.
pub const CLUSTER_COMPILER: (i32, i32) = (12, 1);

/// A kernel with the constants that specialize it. Equal kernels are the same program on the device.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The name of its work, for profiles and messages.
    pub label: &'static str,
    /// The name of its function and, with `.cu`, of its file.
    pub entry: &'static str,
    /// The cell whose equations it contains.
    pub cell: Option<Cell>,
    /// The names and values of its preprocessor constants.
    pub constants: Vec<(&'static str, u32)>,
    /// Its files, which follow the arguments and the cell in the text.
    files: &'static [File],
    /// The C++ types and names of its arguments.
    fields: &'static [(&'static str, &'static str)],
}

/// The function, the cell and the constants identify a kernel. Every launch looks its program up, so the
/// source text is no part of the hash.
impl Hash for Kernel {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.entry, self.cell, &self.constants).hash(state);
    }
}

impl PartialEq for Kernel {
    fn eq(&self, other: &Self) -> bool {
        (self.entry, self.cell, &self.constants) == (other.entry, other.cell, &other.constants)
    }
}

impl Eq for Kernel {}

impl Kernel {
    pub(super) fn new<A: Arguments>(cell: Option<Cell>, constants: &[(&'static str, u32)]) -> Self {
        let constants = constants.to_vec();
        Kernel { label: A::LABEL, entry: A::ENTRY, cell, constants, files: A::FILES, fields: A::FIELDS }
    }

    /// A kernel that does not depend on the precision.
    pub(super) fn plain<A: Arguments>() -> Self {
        Kernel::new::<A>(None, &[("THREADS", THREADS)])
    }

    /// A kernel that depends on the cell and the precision.
    pub(super) fn of_cell<A: Arguments>(cell: Cell, precision: Precision) -> Self {
        Kernel::new::<A>(Some(cell), &[("PRECISION", bits(precision)), ("THREADS", THREADS)])
    }

    /// A kernel that depends on the cell, the precision and `constants`.
    pub(super) fn of_layer<A: Arguments>(
        cell: Cell,
        precision: Precision,
        constants: &[(&'static str, u32)],
    ) -> Self {
        Kernel::new::<A>(Some(cell), &[&[("PRECISION", bits(precision))], constants].concat())
    }

    /// Cell, file and constants, which together identify the kernel.
    pub fn name(&self) -> String {
        let mut name = self.cell.map_or_else(String::new, |cell| format!("{} ", cell.name()));
        write!(name, "{}.cu", self.entry).expect("writing to a string does not fail");
        for (constant, value) in &self.constants {
            write!(name, " {constant}={value}").expect("writing to a string does not fail");
        }
        name
    }

    /// The value of a constant.
    pub fn constant(&self, name: &str) -> Option<u32> {
        self.constants.iter().find(|(constant, _)| *constant == name).map(|(_, value)| *value)
    }

    /// The threads of a block.
    pub fn threads(&self) -> u32 {
        self.constant("THREADS").expect("every kernel has the constant THREADS")
    }

    /// Which of its arguments has this name.
    pub(super) fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|(_, field)| *field == name)
    }

    /// Whether it keeps weights in registers for all time steps, so that it must not spill registers.
    pub fn is_persistent(&self) -> bool {
        ["rnn_persistent_forward", "rnn_persistent_backward", "rnn_cluster_forward", "rnn_cluster_backward"]
            .contains(&self.entry)
    }

    /// The oldest architecture that has what it needs: 90 is `sm_90`.
    pub fn oldest_arch(&self) -> u32 {
        if self.constant("CLUSTER").is_some() { CLUSTER_ARCH } else { OLDEST_ARCH }
    }

    /// Its whole source text, without the constants, which are options of the compiler.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut add = |name: &str, part: &str| {
            write!(text, "#line 1 \"{name}\"\n{part}\n").expect("writing to a string does not fail");
        };
        COMMON.iter().for_each(|(name, part)| add(name, part));
        // All fields have eight bytes, as addresses do, so that both languages lay out the struct alike.
        let field = |(kind, name): &(&str, &str)| match kind.ends_with('*') {
            true => format!("    {kind} {name};\n"),
            false => format!("    alignas(8) {kind} {name};\n"),
        };
        add(
            "arguments",
            &format!("struct Arguments {{\n{}}};\n", self.fields.iter().map(field).collect::<String>()),
        );
        if let Some(cell) = self.cell {
            let (name, part) = cell_file(cell);
            let (activation, functions) = file!("activation");
            add(activation, functions);
            add(name, part);
        }
        self.files.iter().for_each(|(name, part)| add(name, part));
        text
    }
}

macro_rules! cell_files {
    ($($(#[$doc:meta])* $cell:ident $name:literal { $($fact:ident: $value:expr),* })*) => {
        /// The equations of a cell.
        fn cell_file(cell: Cell) -> File {
            match cell {
                $(Cell::$cell => file!(concat!("cell_", $name)),)*
            }
        }
    };
}
cells!(cell_files);

/// The threads of a block, except in the kernels that are compiled for a width.
pub(super) const THREADS: u32 = 128;

/// The grid for one thread per element, for each model.
pub(super) fn grid(elements: usize, models: usize) -> [usize; 3] {
    [elements.div_ceil(THREADS as usize), 1, models]
}

/// An `f32` as the bits of an argument.
pub(super) fn real(value: f64) -> u64 {
    u64::from((value as f32).to_bits())
}

/// Why no kernel here meets the precision `f16`.
pub(super) const NO_F16: &str = "no kernel of CUDA computes in f16";

/// The value of PRECISION in the kernels: the bits (sign, exponent and mantissa) of an operand of a GEMM.
pub(super) fn bits(precision: Precision) -> u32 {
    match precision {
        Precision::Fp32 => 1 + 8 + 23,
        Precision::Tf32 => 1 + 8 + 10,
        Precision::Bf16 => 1 + 8 + 7,
        Precision::F16 => unreachable!("{NO_F16}"),
    }
}

/// The argument struct of a kernel. Its fields are addresses of device memory, integers, and `f32`s as their
/// bits.
pub trait Arguments: bytemuck::Pod {
    /// The name of the kernel's work, for profiles and messages.
    const LABEL: &'static str;
    /// The kernel's function, and with `.cu` its file.
    const ENTRY: &'static str;
    /// The files that the kernel consists of, after the common ones.
    const FILES: &'static [File];
    /// The C++ type and the name of each field.
    const FIELDS: &'static [(&'static str, &'static str)];
}

/// Declares kernels: for each the name of its argument struct, label, file, further files, and the fields
/// with their C++ types.
macro_rules! kernels {
    ($($name:ident, $label:literal, $entry:literal, [$($file:literal),*] { $($kind:literal: $($field:ident)*;)* })*) => {
        $(
            #[doc = concat!("The arguments of `", $entry, ".cu`.")]
            #[repr(C)]
            #[derive(Clone, Copy, Debug, Default, bytemuck::Pod, bytemuck::Zeroable)]
            pub struct $name {
                $($(pub $field: u64),*),*
            }

            impl $crate::backend::cuda::kernel::Arguments for $name {
                const LABEL: &'static str = $label;
                const ENTRY: &'static str = $entry;
                const FILES: &'static [$crate::backend::cuda::kernel::File] =
                    &[$($crate::backend::cuda::kernel::file!($file),)* $crate::backend::cuda::kernel::file!($entry)];
                const FIELDS: &'static [(&'static str, &'static str)] = &[$($(($kind, stringify!($field))),*),*];
            }
        )*
    };
}
pub(super) use kernels;

/// Declares kernels with the arguments of another one: for each its name, the other's argument struct, label,
/// file and further files.
macro_rules! kernels_with_arguments {
    ($($name:ident of $arguments:ident, $label:literal, $entry:literal, [$($file:literal),*];)*) => {
        $(
            #[doc = concat!("The arguments of `", $entry, ".cu`.")]
            #[repr(transparent)]
            #[derive(Clone, Copy, Debug, Default, bytemuck::Pod, bytemuck::Zeroable)]
            pub struct $name($arguments);

            impl $crate::backend::cuda::kernel::Arguments for $name {
                const LABEL: &'static str = $label;
                const ENTRY: &'static str = $entry;
                const FILES: &'static [$crate::backend::cuda::kernel::File] =
                    &[$($crate::backend::cuda::kernel::file!($file),)* $crate::backend::cuda::kernel::file!($entry)];
                const FIELDS: &'static [(&'static str, &'static str)] =
                    <$arguments as $crate::backend::cuda::kernel::Arguments>::FIELDS;
            }
        )*
    };
}
pub(super) use kernels_with_arguments;

#[cfg(test)]
mod tests {
    use super::super::rnn;
    use crate::ops::{Cell, Precision};

    #[test]
    fn texts_contain_every_file_and_name_it() {
        let precision = Precision::Bf16;
        let kernel =
            rnn::Kernels { cell: Cell::Gru, input: 8, dirs: 1, hidden: 40, precision }.persistent_forward(8);
        let constants = "PRECISION=16 PADDED=48 ROWS=8 PAIRS=1 THREADS=96";
        assert_eq!(kernel.name(), format!("gru rnn_persistent_forward.cu {constants}"));
        assert!(kernel.is_persistent() && kernel.threads() == 96);
        let text = kernel.text();
        for part in [
            "maths",
            "intrinsics",
            "formats",
            "activation",
            "cell_gru",
            "rnn_persistent",
            "rnn_persistent_forward",
        ] {
            assert!(text.contains(&format!("#line 1 \"{part}.cu\"\n")), "no {part}");
        }
        for field in ["    saved_t* gates;\n", "    alignas(8) unsigned batch;\n"] {
            assert!(text.contains(field), "no {field}");
        }
        assert!(!text.contains("cell_lstm.cu"));
    }
}
