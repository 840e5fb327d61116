//! A matrix product (GEMM) for every model and direction at once, and our own kernel for it.

use super::address::Address;
use super::kernel::{Kernel, NO_F16, bits};
use super::tile::Tile;
use crate::ops::{Precision, Work};

/// A matrix in device memory, once for each model and direction. Strides are in elements of its format.
#[derive(Clone, Copy, Debug, Default)]
pub struct Strided {
    /// The first element of the first model, forward direction.
    pub address: Address,
    /// From one row to the next.
    pub row: usize,
    /// From one model to the next.
    pub model: usize,
    /// From the forward direction to the reverse one. It may be negative, because the reverse direction has
    /// its time steps in the opposite order.
    pub dir: isize,
}

/// How the elements of C are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As `f32`.
    F32,
    /// As the gates that a layer saves for backward: `saved_t` of `formats.cu`.
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
    pub address: Address,
    /// Elements from one model to the next.
    pub model: usize,
}

/// `C (rows, columns) = A (rows, depth) B + bias (columns)`, for each of `models` and `dirs`.
#[derive(Clone, Copy, Debug)]
pub struct Gemm {
    /// The name of the work, for the timeline and messages.
    pub label: &'static str,
    /// The precision of the operands; sums are in `f32`.
    pub precision: Precision,
    /// Models, each with its own A, B and C.
    pub models: usize,
    /// Directions of a recurrent layer: 1 or 2.
    pub dirs: usize,
    /// Rows of A and C.
    pub rows: usize,
    /// Columns of B and C.
    pub columns: usize,
    /// Columns of A and rows of B.
    pub depth: usize,
    /// A, stored as operands of the precision, with stride 1 in depth.
    pub a: Strided,
    /// B, stored as operands of the precision, in rows of whole groups of 16 bytes.
    pub b: Strided,
    /// The dimension of B that has stride 1.
    pub b_major: Major,
    /// C, with stride 1 in columns.
    pub c: Strided,
    /// How C is stored.
    pub c_format: Format,
    /// The bias, if C has one.
    pub bias: Option<Bias>,
    /// The work of the GEMM, for the timeline.
    pub work: Work,
}

/// Whether a kernel may copy and store whole groups of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alignment {
    /// Rows of A are whole groups of 16 bytes. So are rows of C, or whole pairs of `f32`s.
    Groups,
    /// Rows of A are whole groups of four elements. Rows of C are any.
    Elements,
}

/// The bytes that a kernel copies at once.
const GROUP: usize = 16;

/// Bytes of an operand of a GEMM, and of an element of the saved gates.
pub(super) fn size(precision: Precision) -> usize {
    match precision {
        Precision::Fp32 | Precision::Tf32 => 4,
        Precision::Bf16 => 2,
        Precision::F16 => unreachable!("{NO_F16}"),
    }
}

/// The elements of a row of `elements` operands with its padding, so that each row begins with a group of 16
/// bytes.
pub(super) fn padded_row(elements: usize, precision: Precision) -> usize {
    elements.next_multiple_of(GROUP / size(precision))
}

impl Alignment {
    /// Both.
    pub(super) const ALL: [Alignment; 2] = [Alignment::Groups, Alignment::Elements];

    /// The alignment where these are the elements in rows, or between rows, of A and of C.
    pub(super) fn of(precision: Precision, a: &[usize], c: (Format, &[usize])) -> Self {
        let stored_at_once = match c.0 {
            Format::Saved => GROUP / size(precision),
            Format::F32 => 2,
        };
        let a = a.iter().all(|row| row.is_multiple_of(GROUP / size(precision)));
        let c = c.1.iter().all(|row| row.is_multiple_of(stored_at_once));
        if a && c { Alignment::Groups } else { Alignment::Elements }
    }

    /// The value of IS_ALIGNED in the kernels.
    pub(super) fn constant(self) -> u32 {
        u32::from(self == Alignment::Groups)
    }
}

/// The kernel of a GEMM whose result has this format.
pub(super) fn gemm_kernel(
    precision: Precision,
    c: Format,
    b: Major,
    alignment: Alignment,
    tile: Tile,
) -> Kernel {
    // In fp32 and tf32 both formats are `f32`, so one kernel serves both.
    let is_saved = |format| u32::from(precision == Precision::Bf16 && format == Format::Saved);
    let constants = [
        ("PRECISION", bits(precision)),
        ("B_K_MAJOR", u32::from(b == Major::K)),
        ("C_IS_SAVED", is_saved(c)),
        ("IS_ALIGNED", alignment.constant()),
    ];
    Kernel::new::<kernel::Gemm>(None, &[&constants[..], &tile.constants()].concat())
}

impl Gemm {
    /// The alignment of A and C.
    pub(super) fn alignment(&self) -> Alignment {
        let strides = |matrix: &Strided| [matrix.row, matrix.model, matrix.dir.unsigned_abs()];
        let [a, b, c] = [&self.a, &self.b, &self.c].map(strides);
        let whole = GROUP / size(self.precision);
        debug_assert!(b.iter().all(|stride| stride.is_multiple_of(whole)), "rows of B are whole groups");
        Alignment::of(self.precision, &a, (self.c_format, &[&[self.columns], &c[..]].concat()))
    }
}

/// The kernels and their arguments.
pub(super) mod kernel {
    super::super::kernel::kernels! {
        Gemm, "gemm", "gemm", ["gemm_tile", "gemm_copies"] {
            "const operand_t*": a b;
            "void*": c;
            "const float*": bias;
            "long long": a_row a_model a_dir b_row b_model b_dir c_row c_model c_dir bias_model;
            "unsigned": rows columns depth dirs;
        }
    }
}
