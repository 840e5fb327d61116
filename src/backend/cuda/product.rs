//! Products of large matrices for every model and direction at once.

use super::kernel::{self, Kernel};
use super::{Cuda, Executor};
use crate::backend::Products;
use crate::error::{Error, Result};
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

impl<E: Executor> Cuda<E> {
    pub(super) fn product(&self, p: &Product) -> Result<()> {
        match self.tuning.products {
            Products::Own => {
                let kernel = Kernel::product(p.precision, p.a_is_kept, p.b_is_deep, p.c_is_kept);
                let arguments = kernel::Product {
                    a: p.a.address,
                    b: p.b.address,
                    c: p.c.address,
                    bias: p.bias.0,
                    a_row: p.a.row as u64,
                    a_model: p.a.model as u64,
                    a_dir: p.a.dir as u64,
                    b_row: p.b.row as u64,
                    b_model: p.b.model as u64,
                    b_dir: p.b.dir as u64,
                    c_row: p.c.row as u64,
                    c_model: p.c.model as u64,
                    c_dir: p.c.dir as u64,
                    bias_model: p.bias.1 as u64,
                    rows: p.rows as u64,
                    columns: p.columns as u64,
                    depth: p.depth as u64,
                    dirs: p.dirs as u64,
                };
                let grid = [p.rows.div_ceil(SIDE), p.columns.div_ceil(SIDE), p.models * p.dirs];
                self.launch_as(p.label, &kernel, &arguments, grid, p.work)
            }
            Products::Cublaslt if p.precision == Precision::Bf16 => Err(Error::config(
                "cuBLASLt does not multiply the formats of bf16 here: its two operands differ",
            )
            .hint("use `--products own`, or `--precision tf32`")),
            Products::Cublaslt => self.call(
                || format!("a product by cuBLASLt, {}", p.label),
                |executor| executor.library_product(p),
            ),
        }
    }
}
