//! Linear layers.

use super::device::Cuda;
use super::executor::Executor;
use super::kernel::{Arguments, Kernel, grid};
use crate::error::Result;
use crate::ops::{
    Checked, Linear, LinearBackward, LinearBackwardOperands, LinearForward, LinearForwardOperands, Runs,
};

impl<E: Executor> Runs<LinearForward> for Cuda<E> {
    fn execute(&self, s: &Linear, a: LinearForwardOperands<Self>, _: Checked) -> Result<()> {
        let arguments = kernel::LinearForward {
            weights: a.weights.at(s.weights.offset),
            x: a.x.address(),
            y: a.y.address(),
            stride: s.weights.stride as u64,
            batch: s.batch as u64,
            inputs: s.input as u64,
            outputs: s.output as u64,
            relu: u64::from(s.relu),
        };
        let kernel = summing::<kernel::LinearForward>();
        self.session.launch(&kernel, &arguments, sums_grid(s.batch * s.output, s.models), s.forward_work())
    }
}

impl<E: Executor> Runs<LinearBackward> for Cuda<E> {
    fn execute(&self, s: &Linear, a: LinearBackwardOperands<Self>, _: Checked) -> Result<()> {
        if let Some(dx) = a.dx {
            let arguments = kernel::LinearInputGradient {
                weights: a.weights.at(s.weights.offset),
                y: a.y.address(),
                dy: a.dy.address(),
                dx: dx.address(),
                stride: s.weights.stride as u64,
                batch: s.batch as u64,
                inputs: s.input as u64,
                outputs: s.output as u64,
                relu: u64::from(s.relu),
            };
            let kernel = Kernel::plain::<kernel::LinearInputGradient>();
            self.session.launch(
                &kernel,
                &arguments,
                grid(s.batch * s.input, s.models),
                s.backward_work().share(1, 2),
            )?;
        }
        let arguments = kernel::LinearWeightGradient {
            x: a.x.address(),
            y: a.y.address(),
            dy: a.dy.address(),
            d_weights: a.d_weights.at(s.weights.offset),
            stride: s.weights.stride as u64,
            batch: s.batch as u64,
            inputs: s.input as u64,
            outputs: s.output as u64,
            relu: u64::from(s.relu),
        };
        let kernel = summing::<kernel::LinearWeightGradient>();
        self.session.launch(
            &kernel,
            &arguments,
            sums_grid(s.params(), s.models),
            s.backward_work().share(1, 2),
        )
    }
}

/// The sums of a block.
const SUMS: usize = 32;

/// The grid for a number of sums, for each model.
fn sums_grid(sums: usize, models: usize) -> [usize; 3] {
    [sums.div_ceil(SUMS), 1, models]
}

/// A kernel with linear_sum.cu: each sum has a thread in each of eight warps.
fn summing<A: Arguments>() -> Kernel {
    Kernel::new::<A>(None, &[("SUMS", SUMS as u32), ("THREADS", 256)])
}

/// Every kernel of the operation.
pub(super) fn kernels() -> Vec<Kernel> {
    vec![
        summing::<kernel::LinearForward>(),
        Kernel::plain::<kernel::LinearInputGradient>(),
        summing::<kernel::LinearWeightGradient>(),
    ]
}

/// The kernels and their arguments.
mod kernel {
    super::super::kernel::kernels! {
        LinearForward, "linear forward", "linear_forward", ["linear_sum"] {
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
        LinearWeightGradient, "linear weight gradient", "linear_weight_gradient", ["linear_sum"] {
            "const float*": x y dy;
            "float*": d_weights;
            "size_t": stride;
            "unsigned": batch inputs outputs relu;
        }
    }
}
