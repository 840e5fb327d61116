//! The kernels by name: their files, constants and arguments, and the text that is compiled.
//!
//! A kernel has one argument, a struct by value. It is described once, in its operation's file: the Rust struct and the C++
//! struct are written from the same list of fields, every field eight bytes.

use crate::ops::{Cell, Precision, cells};
use std::fmt::Write;

/// A file of `kernels/cuda/`, by name, and its text.
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

/// What every kernel begins with.
const COMMON: [File; 3] = [file!("maths"), file!("intrinsics"), file!("formats")];

/// One kernel, specialized: two that are equal are one program on the device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kernel {
    /// What it does, in profiles and messages.
    pub label: &'static str,
    /// Its function, which is its file without `.cu`.
    pub entry: &'static str,
    pub cell: Option<Cell>,
    pub constants: Vec<(&'static str, u32)>,
    /// After the arguments and the cell.
    files: &'static [File],
    fields: &'static [(&'static str, &'static str)],
}

impl Kernel {
    pub(super) fn new<A: Arguments>(cell: Option<Cell>, constants: &[(&'static str, u32)]) -> Self {
        let constants = constants.to_vec();
        Kernel { label: A::LABEL, entry: A::ENTRY, cell, constants, files: A::FILES, fields: A::FIELDS }
    }

    /// Of a kernel that knows no precision.
    pub fn plain<A: Arguments>() -> Self {
        Kernel::new::<A>(None, &[("THREADS", THREADS)])
    }

    /// Of a kernel that knows a precision.
    pub fn of_precision<A: Arguments>(precision: Precision) -> Self {
        Kernel::new::<A>(None, &[("PRECISION", bits(precision)), ("THREADS", THREADS)])
    }

    /// Of a kernel that knows a cell and a precision.
    pub fn of_cell<A: Arguments>(cell: Cell, precision: Precision) -> Self {
        Kernel::new::<A>(Some(cell), &[("PRECISION", bits(precision)), ("THREADS", THREADS)])
    }

    /// Of a kernel that is written for layers of `padded` units, whole warps of 16.
    pub fn of_width<A: Arguments>(cell: Cell, precision: Precision, padded: usize, threads: u32) -> Self {
        let constants = [("PRECISION", bits(precision)), ("PADDED", padded as u32), ("THREADS", threads)];
        Kernel::new::<A>(Some(cell), &constants)
    }

    /// Cell, file and constants: what tells two variants apart.
    pub fn name(&self) -> String {
        let mut name = self.cell.map_or_else(String::new, |cell| format!("{} ", cell.name()));
        write!(name, "{}.cu", self.entry).expect("strings take everything");
        for (constant, value) in &self.constants {
            write!(name, " {constant}={value}").expect("strings take everything");
        }
        name
    }

    /// Threads of a block.
    pub fn threads(&self) -> u32 {
        let threads = self.constants.iter().find(|(name, _)| *name == "THREADS");
        threads.expect("every kernel says how many threads a block has").1
    }

    /// Whether it promises to keep everything in registers.
    pub fn is_persistent(&self) -> bool {
        ["rnn_persistent_forward", "rnn_persistent_backward"].contains(&self.entry)
    }

    /// All of its text; the compiler is given the constants beside it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut add = |name: &str, part: &str| {
            write!(text, "#line 1 \"{name}\"\n{part}\n").expect("strings take everything");
        };
        COMMON.iter().for_each(|(name, part)| add(name, part));
        // Numbers take eight bytes like addresses, so that both languages place all fields alike.
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

/// Threads of a block of all kernels but those that are written for a width.
pub const THREADS: u32 = 128;

/// Blocks for a thread per number, for each model.
pub fn grid(numbers: usize, models: usize) -> [usize; 3] {
    [numbers.div_ceil(THREADS as usize), 1, models]
}

/// An `f32` argument.
pub fn real(value: f64) -> u64 {
    u64::from((value as f32).to_bits())
}

/// How the kernels call a precision: by the bits of what its products multiply.
pub(super) fn bits(precision: Precision) -> u32 {
    match precision {
        Precision::Fp32 => 32,
        Precision::Tf32 => 19,
        Precision::Bf16 => 16,
    }
}

/// Arguments of a kernel: addresses of device memory, numbers and, as their bits, `f32`.
pub trait Arguments: bytemuck::Pod {
    const LABEL: &'static str;
    const ENTRY: &'static str;
    const FILES: &'static [File];
    /// C++ type and name of each.
    const FIELDS: &'static [(&'static str, &'static str)];
}

/// For each kernel: its arguments, label, file, what else it is made of, and the arguments' types.
macro_rules! kernels {
    ($($name:ident, $label:literal, $entry:literal, [$($file:literal),*] { $($kind:literal: $($field:ident)*;)* })*) => {
        $(
            #[doc = concat!("Of `", $entry, ".cu`.")]
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

#[cfg(test)]
mod tests {
    use super::super::rnn;
    use crate::ops::{Cell, Precision};

    #[test]
    fn texts_have_every_part_and_say_where_it_is_from() {
        let kernel =
            rnn::Kernels { cell: Cell::Gru, hidden: 40, precision: Precision::Bf16 }.persistent_forward();
        assert_eq!(kernel.name(), "gru rnn_persistent_forward.cu PRECISION=16 PADDED=48 THREADS=96");
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
