//! The kernels by name: their files, constants and arguments, and the text that is compiled.
//!
//! A kernel has one argument, a struct by value. It is described once, here: the Rust struct and the C++ struct are written from
//! the same list of fields, every field eight bytes.

use super::probe::{ChainOf, Intrinsic};
use crate::ops::{Cell, Precision};
use std::fmt::Write;

/// A file of `kernels/cuda/`, by name, and its text.
pub type File = (&'static str, &'static str);

macro_rules! file {
    ($name:literal) => {
        (concat!($name, ".cu"), include_str!(concat!("../../../kernels/cuda/", $name, ".cu")))
    };
}

/// What every kernel begins with.
const COMMON: [File; 3] = [file!("maths"), file!("prims"), file!("formats")];

/// One kernel, specialised: two that are equal are one program on the device.
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
    fn new<A: Arguments>(cell: Option<Cell>, constants: &[(&'static str, u32)]) -> Self {
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

    /// The product of operands in these formats.
    pub fn product(precision: Precision, a_is_kept: bool, b_is_deep: bool, c_is_kept: bool) -> Self {
        // Where formats are one, so are the kernels.
        let differs = u32::from(precision == Precision::Bf16);
        let constants = [
            ("PRECISION", bits(precision)),
            ("A_IS_KEPT", differs * u32::from(a_is_kept)),
            ("B_IS_DEEP", u32::from(b_is_deep)),
            ("C_IS_KEPT", differs * u32::from(c_is_kept)),
            ("THREADS", THREADS),
        ];
        Kernel::new::<Product>(None, &constants)
    }

    /// What could be multiplied at most.
    pub fn roof_compute(precision: Precision, chains: u32) -> Self {
        let constants = [("PRECISION", bits(precision)), ("CHAINS", chains), ("THREADS", THREADS)];
        Kernel::new::<RoofCompute>(None, &constants)
    }

    /// One intrinsic, tried by one warp.
    pub fn probe_intrinsic(intrinsic: Intrinsic) -> Self {
        let (operands, results) = intrinsic.words();
        let constants =
            [("INTRINSIC", intrinsic as u32), ("OPERANDS", operands), ("RESULTS", results), ("THREADS", 32)];
        Kernel::new::<ProbeIntrinsic>(None, &constants)
    }

    /// Chains of one instruction in each thread of a block.
    pub fn probe_chain(of: ChainOf, chains: u32, threads: u32) -> Self {
        let constants = [("WHAT", of as u32), ("CHAINS", chains), ("THREADS", threads)];
        Kernel::new::<ProbeChain>(None, &constants)
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
    pub fn is_solo(&self) -> bool {
        [SoloForward::ENTRY, SoloBackward::ENTRY].contains(&self.entry)
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
            let (name, part) = match cell {
                Cell::Lstm => file!("cell_lstm"),
                Cell::Gru => file!("cell_gru"),
            };
            let (activation, functions) = file!("activation");
            add(activation, functions);
            add(name, part);
        }
        self.files.iter().for_each(|(name, part)| add(name, part));
        text
    }
}

/// Threads of a block of all kernels but those that are written for a width.
pub const THREADS: u32 = 128;

/// How the kernels call a precision: by the bits of what its products multiply.
fn bits(precision: Precision) -> u32 {
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

            impl Arguments for $name {
                const LABEL: &'static str = $label;
                const ENTRY: &'static str = $entry;
                const FILES: &'static [File] = &[$(file!($file),)* file!($entry)];
                const FIELDS: &'static [(&'static str, &'static str)] = &[$($(($kind, stringify!($field))),*),*];
            }
        )*
    };
}

kernels! {
    PackInput, "pack weights", "pack_input", [] {
        "const float*": weights;
        "operand_t*": inputs;
        "float*": bias;
        "size_t": stride;
        "unsigned": input hidden biases dirs;
    }
    PackStep, "pack weights", "pack_step", [] {
        "const float*": weights;
        "operand_t*": recurrents;
        "size_t": stride;
        "unsigned": input hidden biases dirs;
    }
    PackSolo, "pack weights", "pack_solo", ["solo"] {
        "const float*": weights;
        "uint4*": forward backward;
        "size_t": stride;
        "unsigned": input hidden biases dirs;
    }
    SoloForward, "rnn forward, solo", "solo_forward", ["solo"] {
        "const uint4*": weights;
        "kept_t*": gates;
        "const unsigned*": lengths;
        "const float*": initial;
        "float*": y cells last;
        "unsigned": batch steps hidden dirs keep;
    }
    SoloBackward, "rnn backward, solo", "solo_backward", ["solo"] {
        "const uint4*": weights;
        "kept_t*": gates;
        "const unsigned*": lengths;
        "const float*": initial cells y dy d_last;
        "float*": d_initial;
        "unsigned": batch steps hidden dirs;
    }
    StepForward, "rnn forward, step", "step_forward", [] {
        "kept_t*": gates;
        "const unsigned*": lengths;
        "const float*": initial recurrent;
        "float*": y cells last;
        "unsigned": batch steps hidden dirs keep step;
    }
    StepBackward, "rnn backward, step", "step_backward", [] {
        "kept_t*": gates;
        "const unsigned*": lengths;
        "const float*": initial cells y dy d_last product;
        "float*": carry;
        "unsigned": batch steps hidden dirs step;
    }
    StepEnd, "rnn backward, end", "step_end", [] {
        "const float*": carry product;
        "float*": d_initial;
        "unsigned": batch hidden dirs;
    }
    Product, "product", "product", ["tile"] {
        "const void*": a;
        "const operand_t*": b;
        "void*": c;
        "const float*": bias;
        "long long": a_row a_model a_dir b_row b_model b_dir c_row c_model c_dir bias_model;
        "unsigned": rows columns depth dirs;
    }
    WeightGradient, "weight gradient", "weight_gradient", ["tile"] {
        "const kept_t*": deltas;
        "const float*": x y initial;
        "const unsigned*": lengths;
        "float*": partial;
        "unsigned": model batch steps input hidden dirs share batch_factor batch_shift;
    }
    WeightGradientSum, "weight gradient sum", "weight_gradient_sum", [] {
        "const float*": partial;
        "float*": d_weights;
        "size_t": stride;
        "unsigned": model input hidden biases dirs splits;
    }
    ConvForward, "convolution", "conv_forward", ["tile", "conv"] {
        "const float*": weights x;
        "const unsigned*": lengths;
        "float*": y winners;
        "size_t": stride;
        "unsigned": batch steps out_steps input filters kernel input_factor input_shift;
    }
    ConvWeightGradient, "convolution weight gradient", "conv_weight_gradient", ["tile", "conv"] {
        "const float*": x winners dy;
        "const unsigned*": lengths;
        "float*": partial;
        "unsigned": model batch steps out_steps input filters kernel share;
        "unsigned": batch_factor batch_shift input_factor input_shift;
    }
    ConvWeightGradientSum, "convolution weight gradient sum", "conv_weight_gradient_sum", [] {
        "const float*": partial;
        "float*": d_weights;
        "size_t": stride;
        "unsigned": model input filters kernel splits;
    }
    ConvInputGradient, "convolution input gradient", "conv_input_gradient", ["tile", "conv"] {
        "const float*": weights winners dy;
        "const unsigned*": lengths;
        "float*": dx;
        "size_t": stride;
        "unsigned": batch steps out_steps input filters kernel filters_factor filters_shift;
    }
    Gather, "gather", "gather", [] {
        "const float*": frames stats;
        "const unsigned*": first lengths;
        "float*": x;
        "unsigned": features batch steps stat_steps;
    }
    Dropout, "dropout", "dropout", [] {
        "const unsigned*": marks;
        "const float*": x;
        "float*": out;
        "size_t": len;
        "unsigned": key_0 key_1 layer threshold;
        "float": scale;
    }
    PoolForward, "pool forward", "pool_forward", [] {
        "const unsigned*": lengths;
        "const float*": y last;
        "float*": out;
        "unsigned": batch steps hidden dirs states is_mean;
    }
    PoolBackward, "pool backward", "pool_backward", [] {
        "const unsigned*": lengths;
        "const float*": d_out;
        "float*": result;
        "unsigned": batch steps hidden dirs states is_mean;
    }
    LinearForward, "linear forward", "linear_forward", [] {
        "const float*": weights x;
        "float*": y;
        "size_t": stride;
        "unsigned": batch inputs outputs relu;
    }
    LinearInputGradient, "linear input gradient", "linear_input_gradient", [] {
        "const float*": weights y dy;
        "float*": dx;
        "size_t": stride;
        "unsigned": batch inputs outputs relu;
    }
    LinearWeightGradient, "linear weight gradient", "linear_weight_gradient", [] {
        "const float*": x y dy;
        "float*": d_weights;
        "size_t": stride;
        "unsigned": batch inputs outputs relu;
    }
    Loss, "loss", "loss", [] {
        "const float*": logits class_weights;
        "const unsigned*": labels lengths;
        "float*": losses d_logits;
        "unsigned": batch classes;
        "float": smoothing;
    }
    Squares, "squares", "squares", [] {
        "const float*": gradients;
        "float*": squares;
        "unsigned": params chunks;
    }
    Norms, "norms", "norms", [] {
        "const float*": squares scalars;
        "float*": norms;
        "unsigned": models chunks;
    }
    Optimize, "optimize", "optimize", [] {
        "float*": weights first_moment second_moment;
        "const float*": gradients scalars norms;
        "unsigned": params decoupled;
        "float": beta1 beta2 rest1 rest2 weight_decay clip;
    }
    RoofCompute, "roof compute", "roof_compute", [] {
        "float*": result;
        "unsigned": count;
    }
    RoofMemory, "roof memory", "roof_memory", [] {
        "const float4*": from;
        "float4*": to;
        "unsigned": len;
    }
    ProbeIntrinsic, "probe intrinsic", "probe_intrinsic", [] {
        "const unsigned*": x;
        "unsigned*": y;
        "unsigned": count;
    }
    ProbeChain, "probe chain", "probe_chain", [] {
        "const float*": x;
        "const unsigned*": ring;
        "float*": result;
        "unsigned long long*": clocks;
        "unsigned": count zero;
    }
    ProbeRead, "probe read", "probe_read", [] {
        "const float4*": from;
        "float*": result;
        "unsigned": len count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_every_part_and_say_where_it_is_from() {
        let kernel = Kernel::of_width::<SoloForward>(Cell::Gru, Precision::Bf16, 48, 96);
        assert_eq!(kernel.name(), "gru solo_forward.cu PRECISION=16 PADDED=48 THREADS=96");
        assert!(kernel.is_solo() && kernel.threads() == 96);
        let text = kernel.text();
        for part in ["maths", "prims", "formats", "activation", "cell_gru", "solo", "solo_forward"] {
            assert!(text.contains(&format!("#line 1 \"{part}.cu\"\n")), "no {part}");
        }
        for field in ["    kept_t* gates;\n", "    alignas(8) unsigned batch;\n"] {
            assert!(text.contains(field), "no {field}");
        }
        assert!(!text.contains("cell_lstm.cu"));
    }
}
