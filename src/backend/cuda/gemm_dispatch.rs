//! Runs a GEMM with our own kernel or with cuBLASLt.

use super::address::nullable;
use super::device::Cuda;
use super::executor::Executor;
use super::gemm::{Gemm, gemm_kernel, kernel};
use super::tile::Tile;
use crate::backend::GemmKernel;
use crate::error::{Error, Result};
use crate::ops::Precision;

impl<E: Executor> Cuda<E> {
    /// Runs a GEMM with the kernel that the tuning names.
    pub(super) fn gemm(&self, g: &Gemm) -> Result<()> {
        match self.tuning.gemm {
            GemmKernel::Own => {
                let multiprocessors = self.session.executor.multiprocessors();
                let tile = Tile::of([g.rows, g.columns], g.models * g.dirs, multiprocessors);
                let kernel = gemm_kernel(g.precision, g.c_format, g.b_major, g.alignment(), tile);
                let arguments = kernel::Gemm {
                    a: g.a.address,
                    b: g.b.address,
                    c: g.c.address,
                    bias: nullable(g.bias.map(|bias| bias.address)),
                    a_row: g.a.row as u64,
                    a_model: g.a.model as u64,
                    a_dir: g.a.dir as u64,
                    b_row: g.b.row as u64,
                    b_model: g.b.model as u64,
                    b_dir: g.b.dir as u64,
                    c_row: g.c.row as u64,
                    c_model: g.c.model as u64,
                    c_dir: g.c.dir as u64,
                    bias_model: g.bias.map_or(0, |bias| bias.model as u64),
                    rows: g.rows as u64,
                    columns: g.columns as u64,
                    depth: g.depth as u64,
                    dirs: g.dirs as u64,
                };
                let grid = [tile.count(g.rows, g.columns), 1, g.models * g.dirs];
                self.session.launch_as(g.label, &kernel, &arguments, grid, g.work)
            }
            GemmKernel::Cublaslt if g.precision == Precision::Bf16 => {
                Err(Error::config("GEMMs by cuBLASLt are for f32 operands, and bf16 has others")
                    .hint("use `gemm = own`, or `precision = tf32`"))
            }
            GemmKernel::Cublaslt => self
                .session
                .call(|| format!("a GEMM by cuBLASLt, {}", g.label), |executor| executor.cublaslt_gemm(g)),
        }
    }
}
