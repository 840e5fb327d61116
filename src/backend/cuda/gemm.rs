//! A matrix product (GEMM) for every model and direction at once, and our own kernel for it.

use super::kernel::{Kernel, THREADS, bits};
use crate::ops::{Precision, Work};

/// A matrix in device memory, once for each model and direction. Strides are in elements of its format.
#[derive(Clone, Copy, Debug, Default)]
pub struct Strided {
    /// The first element of the first model, forward direction.
    pub address: u64,
    /// From one row to the next.
    pub row: usize,
    /// From one model to the next.
    pub model: usize,
    /// From the forward direction to the reverse one, whose steps lie the other way round.
    pub dir: isize,
}

/// How the elements of A and C are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As `f32`.
    F32,
    /// As what a layer saves for its backward pass: `saved_t` of `formats.cu`.
    Saved,
}

/// Which dimension of B has stride 1 (the terms of CUTLASS).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Major {
    /// B is stored `(columns, depth)`: the transposed operand of BLAS.
    K,
    /// B is stored `(depth, columns)`.
    N,
}

/// The bias of a GEMM's columns.
#[derive(Clone, Copy, Debug)]
pub struct Bias {
    /// The first column of the first model.
    pub address: u64,
    /// Elements from one model to the next.
    pub model: usize,
}

/// `C (rows, columns) = A (rows, depth) B + bias (columns)`, for each of `models` and `dirs`.
#[derive(Clone, Copy, Debug)]
pub struct Gemm {
    /// For the timeline.
    pub label: &'static str,
    pub precision: Precision,
    pub models: usize,
    pub dirs: usize,
    pub rows: usize,
    pub columns: usize,
    pub depth: usize,
    pub a: Strided,
    pub a_format: Format,
    /// In the format of operands.
    pub b: Strided,
    pub b_major: Major,
    pub c: Strided,
    pub c_format: Format,
    pub bias: Option<Bias>,
    pub work: Work,
}

/// Rows and columns of C that a block computes.
pub const SIDE: usize = 64;

/// The GEMM of operands in these formats.
pub fn gemm_kernel(precision: Precision, a: Format, b: Major, c: Format) -> Kernel {
    // In fp32 and tf32 both formats are `f32`, so one kernel serves both.
    let is_saved = |format| u32::from(precision == Precision::Bf16 && format == Format::Saved);
    let constants = [
        ("PRECISION", bits(precision)),
        ("A_IS_SAVED", is_saved(a)),
        ("B_K_MAJOR", u32::from(b == Major::K)),
        ("C_IS_SAVED", is_saved(c)),
        ("THREADS", THREADS),
    ];
    Kernel::new::<kernel::Gemm>(None, &constants)
}

/// The kernels and their arguments.
pub mod kernel {
    super::super::kernel::kernels! {
        Gemm, "gemm", "gemm", ["gemm_tile"] {
            "const void*": a;
            "const operand_t*": b;
            "void*": c;
            "const float*": bias;
            "long long": a_row a_model a_dir b_row b_model b_dir c_row c_model c_dir bias_model;
            "unsigned": rows columns depth dirs;
        }
    }
}
