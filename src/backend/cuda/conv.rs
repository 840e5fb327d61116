//! The convolution block. Its GEMMs always use our own kernels, even where the recurrent layers use cuBLASLt,
//! because their operands are never in memory: the rows of x overlap, and the gradient by z is expanded from
//! the argmax.

use super::address::nullable;
use super::device::Cuda;
use super::executor::Executor;
use super::kernel::{Arguments, Kernel, THREADS, bits};
use super::memory::Buf;
use super::splits::{Splits, divisor};
use super::tile::Tile;
use crate::backend::Kind;
use crate::error::Result;
use crate::ops::{
    Checked, Conv, ConvBackward, ConvBackwardOperands, ConvForward, ConvForwardOperands, Precision, Runs,
    Work,
};

/// The tile of its GEMMs.
const TILE: Tile = Tile::SMALL;

/// A kernel of the convolution that runs a GEMM.
fn gemm<A: Arguments>(precision: Precision) -> Kernel {
    Kernel::new::<A>(None, &[&[("PRECISION", bits(precision))], &TILE.constants()[..]].concat())
}

impl<E: Executor> Runs<ConvForward> for Cuda<E> {
    fn execute(&self, s: &Conv, a: ConvForwardOperands<Self>, _: Checked) -> Result<()> {
        let [input_factor, input_shift] = divisor(s.input);
        let arguments = kernel::ConvForward {
            weights: a.weights.at(s.weights.offset),
            x: a.x.address(),
            lengths: a.lengths.address(),
            y: a.y.address(),
            argmax: nullable(a.argmax.as_deref().map(Buf::address)),
            stride: s.weights.stride as u64,
            batch: s.batch as u64,
            steps: s.steps as u64,
            out_steps: s.out_steps() as u64,
            input: s.input as u64,
            filters: s.spec.filters as u64,
            kernel: s.spec.kernel as u64,
            input_factor,
            input_shift,
        };
        let kernel = gemm::<kernel::ConvForward>(self.precision);
        // Two rows of the GEMM are pooled into one of y.
        let rows = 2 * s.out_steps() * s.batch;
        let grid = [rows.div_ceil(TILE.rows), s.spec.filters.div_ceil(TILE.columns), s.models];
        self.session.launch(&kernel, &arguments, grid, s.forward_work(a.argmax.is_some()))
    }
}

impl<E: Executor> Runs<ConvBackward> for Cuda<E> {
    fn execute(&self, s: &Conv, a: ConvBackwardOperands<Self>, _: Checked) -> Result<()> {
        weight_gradient(self, s, &a)?;
        let Some(dx) = &a.dx else { return Ok(()) };
        let [filters_factor, filters_shift] = divisor(s.spec.filters);
        let arguments = kernel::ConvInputGradient {
            weights: a.weights.at(s.weights.offset),
            argmax: a.argmax.address(),
            dy: a.dy.address(),
            lengths: a.lengths.address(),
            dx: dx.address(),
            stride: s.weights.stride as u64,
            batch: s.batch as u64,
            steps: s.steps as u64,
            out_steps: s.out_steps() as u64,
            input: s.input as u64,
            filters: s.spec.filters as u64,
            kernel: s.spec.kernel as u64,
            filters_factor,
            filters_shift,
        };
        let kernel = gemm::<kernel::ConvInputGradient>(self.precision);
        let grid = [(s.steps * s.batch).div_ceil(TILE.rows), s.input.div_ceil(TILE.columns), s.models];
        self.session.launch(&kernel, &arguments, grid, s.input_gradient_work())
    }
}

/// The weight gradient, for as many models at once as `partial_bytes` has room for the splits of.
fn weight_gradient<E: Executor>(cuda: &Cuda<E>, s: &Conv, a: &ConvBackwardOperands<Cuda<E>>) -> Result<()> {
    let depth = 2 * s.out_steps() * s.batch;
    let tiles = TILE.count(s.spec.filters, s.depth() + 1);
    let splits = Splits::new(depth, tiles, s.params(), cuda.tuning.partial_bytes, s.models);
    let [batch_factor, batch_shift] = divisor(s.batch);
    let [input_factor, input_shift] = divisor(s.input);
    cuda.with_scratch(splits.bytes(s.params()), |partial| {
        for model in (0..s.models).step_by(splits.models) {
            let models = splits.models.min(s.models - model);
            let arguments = kernel::ConvWeightGradient {
                x: a.x.address(),
                argmax: a.argmax.address(),
                dy: a.dy.address(),
                lengths: a.lengths.address(),
                partial,
                model: model as u64,
                batch: s.batch as u64,
                steps: s.steps as u64,
                out_steps: s.out_steps() as u64,
                input: s.input as u64,
                filters: s.spec.filters as u64,
                kernel: s.spec.kernel as u64,
                share: splits.share as u64,
                batch_factor,
                batch_shift,
                input_factor,
                input_shift,
            };
            let kernel = gemm::<kernel::ConvWeightGradient>(cuda.precision);
            let work = s.weight_gradient_work().share(models, s.models);
            cuda.session.launch(&kernel, &arguments, [tiles, splits.count, models], work)?;
            let arguments = kernel::ConvWeightGradientSum {
                partial,
                d_weights: a.d_weights.at(s.weights.offset),
                stride: s.weights.stride as u64,
                model: model as u64,
                input: s.input as u64,
                filters: s.spec.filters as u64,
                kernel: s.spec.kernel as u64,
                splits: splits.count as u64,
            };
            let kernel = Kernel::plain::<kernel::ConvWeightGradientSum>();
            let grid = [s.params().div_ceil(THREADS as usize), 1, models];
            cuda.session.launch(&kernel, &arguments, grid, Work::default())?;
        }
        Ok(())
    })
}

/// Every kernel of the operation.
pub(super) fn kernels() -> Vec<Kernel> {
    let of_precision = |precision| {
        [
            gemm::<kernel::ConvForward>(precision),
            gemm::<kernel::ConvWeightGradient>(precision),
            gemm::<kernel::ConvInputGradient>(precision),
        ]
    };
    let sum = Kernel::plain::<kernel::ConvWeightGradientSum>();
    Kind::Cuda.precisions().iter().copied().flat_map(of_precision).chain([sum]).collect()
}

/// The kernels and their arguments.
mod kernel {
    super::super::kernel::kernels! {
        ConvForward, "convolution", "conv_forward", ["gemm_tile", "gemm_loads", "conv"] {
            "const float*": weights x;
            "const unsigned*": lengths;
            "float*": y argmax;
            "size_t": stride;
            "unsigned": batch steps out_steps input filters kernel input_factor input_shift;
        }
        ConvWeightGradient, "convolution weight gradient", "conv_weight_gradient", ["gemm_tile", "gemm_loads", "conv"] {
            "const float*": x argmax dy;
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
        ConvInputGradient, "convolution input gradient", "conv_input_gradient", ["gemm_tile", "gemm_loads", "conv"] {
            "const float*": weights argmax dy;
            "const unsigned*": lengths;
            "float*": dx;
            "size_t": stride;
            "unsigned": batch steps out_steps input filters kernel filters_factor filters_shift;
        }
    }
}
