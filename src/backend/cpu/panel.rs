//! The one micro-kernel: a few rows times a panel of packed columns.

use super::isa::Arithmetic;

/// Numbers per vector.
pub const LANES: usize = 8;

/// One vector.
pub type Lane = [f32; LANES];

/// A matrix `(K, N)` cut into blocks of `vectors * LANES` columns; each block is stored `(K, vectors, LANES)`, so that
/// the micro-kernel reads it from end to end. Columns past `N` are 0.
pub struct Panels {
    data: Vec<f32>,
    block: usize,
}

impl Panels {
    /// Packs `blocks` blocks of `vectors` vectors from `value(k, block, vector, lane)`.
    pub fn pack(
        depth: usize,
        blocks: usize,
        vectors: usize,
        value: impl Fn(usize, usize, usize, usize) -> f32,
    ) -> Self {
        let block = depth * vectors * LANES;
        let mut data = Vec::with_capacity(blocks * block);
        for b in 0..blocks {
            for k in 0..depth {
                for v in 0..vectors {
                    data.extend((0..LANES).map(|lane| value(k, b, v, lane)));
                }
            }
        }
        Panels { data, block }
    }

    /// Packs the columns of a matrix in their order; `value(k, n)` is asked for `n < columns` only.
    pub fn columns(
        depth: usize,
        columns: usize,
        vectors: usize,
        value: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let width = vectors * LANES;
        Panels::pack(depth, columns.div_ceil(width), vectors, |k, block, v, lane| {
            let n = block * width + v * LANES + lane;
            if n < columns { value(k, n) } else { 0.0 }
        })
    }

    /// Packs `depth` rows of `columns` numbers each, with a column of ones behind them.
    #[inline(always)]
    pub fn rows_and_ones<'r>(
        depth: usize,
        columns: usize,
        vectors: usize,
        row: impl Fn(usize) -> &'r [f32],
    ) -> Self {
        let width = vectors * LANES;
        let mut data = vec![0.0; (columns + 1).div_ceil(width) * depth * width];
        for k in 0..depth {
            for (block, part) in row(k).chunks(width).enumerate() {
                data[(block * depth + k) * width..][..part.len()].copy_from_slice(part);
            }
            data[(columns / width * depth + k) * width + columns % width] = 1.0;
        }
        Panels { data, block: depth * width }
    }

    #[inline(always)]
    pub fn block(&self, index: usize) -> &[f32] {
        &self.data[index * self.block..][..self.block]
    }
}

/// `acc[r][v] += sum over k of rows[r][k] * panel[k][v]`, in the order of `k`.
#[inline(always)]
pub fn multiply<A: Arithmetic, const R: usize, const V: usize>(
    rows: [&[f32]; R],
    panel: &[f32],
    acc: &mut [[Lane; V]; R],
) {
    let depth = panel.len() / (V * LANES);
    let rows = rows.map(|row| &row[..depth]);
    let mut sums = *acc;
    for k in 0..depth {
        let columns = &panel[k * V * LANES..][..V * LANES];
        for r in 0..R {
            let scale = rows[r][k];
            for v in 0..V {
                for lane in 0..LANES {
                    sums[r][v][lane] = A::mul_add(scale, columns[v * LANES + lane], sums[r][v][lane]);
                }
            }
        }
    }
    *acc = sums;
}
