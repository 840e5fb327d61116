//! Multiplying large matrices: with our own kernel, or with cuBLASLt.

use super::device::Cuda;
use super::executor::Executor;
use super::product::{Product, SIDE, kernel, product_kernel};
use crate::backend::Products;
use crate::error::{Error, Result};
use crate::ops::Precision;

impl<E: Executor> Cuda<E> {
    pub(super) fn product(&self, p: &Product) -> Result<()> {
        match self.tuning.products {
            Products::Own => {
                let kernel = product_kernel(p.precision, p.a_is_kept, p.b_is_deep, p.c_is_kept);
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
                self.session.launch_as(p.label, &kernel, &arguments, grid, p.work)
            }
            Products::Cublaslt if p.precision == Precision::Bf16 => Err(Error::config(
                "cuBLASLt does not multiply the formats of bf16 here: its two operands differ",
            )
            .hint("use `--products own`, or `--precision tf32`")),
            Products::Cublaslt => self.session.call(
                || format!("a product by cuBLASLt, {}", p.label),
                |executor| executor.library_product(p),
            ),
        }
    }
}
