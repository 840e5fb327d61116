//! Products of large matrices for every model and direction at once.

use super::kernel::{Kernel, THREADS, bits};
use crate::ops::{Precision, Work};

/// Where an operand begins, and how far its rows, models and directions are apart, in its own numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Strided {
    pub address: u64,
    pub row: usize,
    pub model: usize,
    /// The steps of the reverse direction lie the other way round.
    pub dir: isize,
}

/// `C (rows, columns) = A (rows, depth) B + bias (columns)`, for each of `models` and `dirs`.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    /// For the timeline.
    pub label: &'static str,
    pub precision: Precision,
    pub models: usize,
    pub dirs: usize,
    pub rows: usize,
    pub columns: usize,
    pub depth: usize,
    pub a: Strided,
    /// In the format of what a layer keeps, and not `f32`.
    pub a_is_kept: bool,
    /// In the format of operands.
    pub b: Strided,
    /// B is stored `(columns, depth)`, else `(depth, columns)`.
    pub b_is_deep: bool,
    pub c: Strided,
    pub c_is_kept: bool,
    /// Its address, 0 for none, and how far models are apart.
    pub bias: (u64, usize),
    pub work: Work,
}

/// Rows and columns that a block makes.
pub const SIDE: usize = 64;

/// The product of operands in these formats.
pub fn product_kernel(precision: Precision, a_is_kept: bool, b_is_deep: bool, c_is_kept: bool) -> Kernel {
    // Where formats are one, so are the kernels.
    let differs = u32::from(precision == Precision::Bf16);
    let constants = [
        ("PRECISION", bits(precision)),
        ("A_IS_KEPT", differs * u32::from(a_is_kept)),
        ("B_IS_DEEP", u32::from(b_is_deep)),
        ("C_IS_KEPT", differs * u32::from(c_is_kept)),
        ("THREADS", THREADS),
    ];
    Kernel::new::<kernel::Product>(None, &constants)
}

/// The kernels and their arguments.
pub mod kernel {
    super::super::kernel::kernels! {
        Product, "product", "product", ["tile"] {
            "const void*": a;
            "const operand_t*": b;
            "void*": c;
            "const float*": bias;
            "long long": a_row a_model a_dir b_row b_model b_dir c_row c_model c_dir bias_model;
            "unsigned": rows columns depth dirs;
        }
    }
}
